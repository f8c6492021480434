//! A dictionary: each text once, with a number.

use super::texts::is_equal;
use xxhash_rust::xxh3::xxh3_64;

/// Texts by their hashes, and in the order of their numbers as a dictionary page has them: length and bytes.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// One more than the number of the text that belongs here; a power of two of places.
    places: Vec<u32>,
    hashes: Vec<u64>,
    starts: Vec<u32>,
    page: Vec<u8>,
}

impl Interner {
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// What the dictionary page holds.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    pub fn text(&self, id: usize) -> &[u8] {
        let start = self.starts[id] as usize + 4;
        let end = self.starts.get(id + 1).map_or(self.page.len(), |next| *next as usize);
        &self.page[start..end]
    }

    /// The number of a text.
    pub fn id(&mut self, text: &[u8]) -> u32 {
        if self.len() * 2 >= self.places.len() {
            self.grow();
        }
        let hash = xxh3_64(text);
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.places[place].checked_sub(1) {
                None => break,
                Some(id) if self.hashes[id as usize] == hash && is_equal(self.text(id as usize), text) => return id,
                Some(_) => place = (place + 1) & mask,
            }
        }
        let id = self.len() as u32;
        self.places[place] = id + 1;
        self.hashes.push(hash);
        self.starts.push(self.page.len() as u32);
        self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.page.extend_from_slice(text);
        id
    }

    fn grow(&mut self) {
        let n = (self.places.len() * 2).max(64);
        self.places.clear();
        self.places.resize(n, 0);
        for (id, hash) in self.hashes.iter().enumerate() {
            let mut place = *hash as usize & (n - 1);
            while self.places[place] != 0 {
                place = (place + 1) & (n - 1);
            }
            self.places[place] = id as u32 + 1;
        }
    }
}
