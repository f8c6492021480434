//! Who sent a row: a small number inside its `IngestId`, so that rows which leave later can be counted against the
//! sender and day that they came from, without a column of their own.

use std::collections::HashMap;

/// Further senders share the number of `others`.
const MAX_SENDERS: usize = 1_000;
const OTHERS: &str = "others";

/// `IngestId`: a mark (bit 62), the run of the program (18 bits), the sender (10), the request within the run (34).
const MARK: u64 = 1 << 62;
const RUN_SHIFT: u32 = 44;
const RUN_BITS: u32 = 18;
const SENDER_SHIFT: u32 = 34;
const SENDER_BITS: u32 = 10;

/// The id of a request's rows.
pub(crate) fn ingest_id(run: u64, sender: u16, n: u64) -> u64 {
    let run = run & ((1 << RUN_BITS) - 1);
    let n = n & ((1 << SENDER_SHIFT) - 1);
    MARK | (run << RUN_SHIFT) | (u64::from(sender) << SENDER_SHIFT) | n
}

/// The sender in an id; ids from before senders were numbered have none.
pub(crate) fn sender_of(ingest_id: u64) -> Option<u16> {
    (ingest_id & MARK != 0).then_some(((ingest_id >> SENDER_SHIFT) & ((1 << SENDER_BITS) - 1)) as u16)
}

/// Client and protocol.
pub(crate) type Sender = (String, String);

/// All senders by number.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    by_number: HashMap<u16, Sender>,
    numbers: HashMap<Sender, u16>,
    unsaved: Vec<u16>,
}

impl Senders {
    /// Those that were saved.
    pub fn saved(list: Vec<(u16, Sender)>) -> Self {
        let mut senders = Self::default();
        for (number, sender) in list {
            senders.learn(number, sender);
        }
        senders.unsaved.clear();
        senders
    }

    /// A number that is known from rows.
    pub fn learn(&mut self, number: u16, sender: Sender) {
        if self.by_number.insert(number, sender.clone()).is_none() {
            self.unsaved.push(number);
        }
        self.numbers.insert(sender, number);
    }

    /// The number of a sender, and the name that it is counted under.
    pub fn number(&mut self, client: &str, protocol: &str) -> (u16, String) {
        let is_full = self.by_number.len() >= MAX_SENDERS;
        for name in [client, OTHERS] {
            let sender = (name.to_owned(), protocol.to_owned());
            if let Some(number) = self.numbers.get(&sender) {
                return (*number, sender.0);
            }
            // Protocols are few, so there is always room for their others.
            if !is_full || name == OTHERS {
                let number = (0..1 << SENDER_BITS).find(|n| !self.by_number.contains_key(n)).unwrap_or_default();
                self.learn(number, sender);
                return (number, name.to_owned());
            }
        }
        (0, OTHERS.to_owned())
    }

    /// Who has this number.
    pub fn get(&self, number: u16) -> Option<&Sender> {
        self.by_number.get(&number)
    }

    /// Those that are not saved yet.
    pub fn unsaved(&self) -> Vec<(u16, Sender)> {
        self.unsaved.iter().filter_map(|n| Some((*n, self.by_number.get(n)?.clone()))).collect()
    }

    /// These are saved now.
    pub fn set_saved(&mut self, saved: &[(u16, Sender)]) {
        self.unsaved.retain(|n| !saved.iter().any(|(s, _)| s == n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_sender() {
        let id = ingest_id(7, 1_000, 42);
        assert_eq!(sender_of(id), Some(1_000));
        assert!(i64::try_from(id).is_ok());
        assert_eq!(sender_of(7 * (1 << 40) + 42), None, "from before senders were numbered");
        assert!(ingest_id(7, 3, 1) < ingest_id(8, 0, 0));
    }

    #[test]
    fn senders_without_end_share_a_number() {
        let mut senders = Senders::default();
        for i in 0..5_000 {
            senders.number(&format!("client {i}"), "otlp-http");
        }
        let (a, name) = senders.number("client 4999", "otlp-http");
        assert_eq!((name.as_str(), senders.get(a).map(|s| s.0.as_str())), (OTHERS, Some(OTHERS)));
        let (b, _) = senders.number("client 5000", "zipkin");
        assert_ne!(a, b);
        assert_eq!(senders.number("client 3", "otlp-http").1, "client 3");
        let saved = senders.unsaved();
        senders.set_saved(&saved);
        assert!(senders.unsaved().is_empty());
        assert_eq!(Senders::saved(saved).number("client 3", "otlp-http"), (3, "client 3".into()));
    }
}
