//! The requests of the last hour, by hash, with what their senders were told.

use crate::StoreError;
use serde::{Deserialize, Serialize};
use sextant_model::{Counts, Reasons};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// How long a request is remembered.
const MAX_AGE_NANOS: i64 = 3_600_000_000_000;
/// More are not remembered: about 40 MB.
const MAX_REQUESTS: usize = 500_000;
/// Bytes of a request in the manifest: hash, time, three counts.
const RECORD_BYTES: usize = 36;

/// What came of a request. Most rejected nothing, and then the rest is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// When it arrived.
    pub at: i64,
    received: [u32; 3],
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    rejected: [BTreeMap<String, u64>; 3],
    reply: String,
}

impl Seen {
    pub fn new(at: i64, counts: &[Counts; 3], reply: &str) -> Self {
        let received = [0, 1, 2].map(|i| u32::try_from(counts[i].received).unwrap_or(u32::MAX));
        let is_plain = reply.is_empty() && counts.iter().all(|c| c.rejected.0.is_empty());
        let rest = Rest { rejected: [0, 1, 2].map(|i| counts[i].rejected.0.clone()), reply: reply.to_owned() };
        Self { at, received, rest: (!is_plain).then(|| Box::new(rest)) }
    }

    /// What the same request comes to when it comes again: what was rejected is rejected again, the rest are duplicates.
    pub fn counts_of_repeat(&self) -> [Counts; 3] {
        [0, 1, 2].map(|i| {
            let rejected = self.rest.as_ref().map(|r| r.rejected[i].clone()).unwrap_or_default();
            let mut counts =
                Counts { received: u64::from(self.received[i]), rejected: Reasons(rejected), ..Counts::default() };
            counts.rejected.add(super::super::ledger::DUPLICATE, counts.stored());
            counts
        })
    }

    /// What its sender was told.
    pub fn reply(&self) -> &str {
        self.rest.as_ref().map_or("", |r| &r.reply)
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    by_hash: HashMap<u128, Seen>,
    order: VecDeque<(i64, u128)>,
}

impl Requests {
    pub fn get(&self, hash: u128, now: i64) -> Option<&Seen> {
        self.by_hash.get(&hash).filter(|seen| now.saturating_sub(seen.at).abs() < MAX_AGE_NANOS)
    }

    pub fn insert(&mut self, hash: u128, seen: Seen) {
        let now = seen.at;
        self.order.push_back((seen.at, hash));
        self.by_hash.insert(hash, seen);
        while let Some((at, hash)) = self.order.front().copied() {
            if self.order.len() <= MAX_REQUESTS && now.saturating_sub(at).abs() < MAX_AGE_NANOS {
                break;
            }
            self.order.pop_front();
            // It may have been sent again since.
            if self.by_hash.get(&hash).is_some_and(|seen| seen.at == at) {
                self.by_hash.remove(&hash);
            }
        }
    }
}

/// The requests of an epoch as the manifest keeps them: fixed records, and JSON of what few of them have.
pub(crate) fn encode(requests: &[(u128, Seen)]) -> Result<(Vec<u8>, String), StoreError> {
    let mut records = Vec::with_capacity(requests.len() * RECORD_BYTES);
    let mut rests: BTreeMap<usize, &Rest> = BTreeMap::new();
    for (i, (hash, seen)) in requests.iter().enumerate() {
        records.extend_from_slice(&hash.to_le_bytes());
        records.extend_from_slice(&seen.at.to_le_bytes());
        records.extend(seen.received.iter().flat_map(|n| n.to_le_bytes()));
        if let Some(rest) = &seen.rest {
            rests.insert(i, rest);
        }
    }
    let rests = serde_json::to_string(&rests).map_err(|e| StoreError::Wal(e.to_string()))?;
    Ok((records, rests))
}

/// Back from the manifest; what can't be read is left out.
pub(crate) fn decode(records: &[u8], rests: &str) -> Vec<(u128, Seen)> {
    let mut rests: BTreeMap<usize, Rest> = serde_json::from_str(rests).unwrap_or_default();
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u128, |all, b| (all << 8) | u128::from(*b));
    let record = |(i, bytes): (usize, &[u8])| {
        let received = [24, 28, 32].map(|at| number(&bytes[at..at + 4]) as u32);
        let seen = Seen { at: number(&bytes[16..24]) as i64, received, rest: rests.remove(&i).map(Box::new) };
        (number(&bytes[..16]), seen)
    };
    records.chunks_exact(RECORD_BYTES).enumerate().map(record).collect()
}

/// The time before which requests are not remembered.
pub(crate) fn oldest(now: i64) -> i64 {
    now.saturating_sub(MAX_AGE_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: i64, received: u64, rejected: u64) -> Seen {
        let mut counts = Counts { received, ..Counts::default() };
        counts.rejected.add("bad_id", rejected);
        let reply = if rejected > 0 { "some were bad" } else { "" };
        Seen::new(at, &[counts, Counts::default(), Counts::default()], reply)
    }

    #[test]
    fn a_repeat_is_counted_as_duplicate() {
        let counts = seen(1, 10, 3).counts_of_repeat();
        assert_eq!((counts[0].received, counts[0].stored()), (10, 0));
        assert_eq!((counts[0].rejected.0["bad_id"], counts[0].rejected.0["duplicate"]), (3, 7));
    }

    #[test]
    fn an_hour_is_remembered() {
        let mut requests = Requests::default();
        requests.insert(1, seen(0, 1, 0));
        requests.insert(2, seen(MAX_AGE_NANOS - 1, 1, 0));
        assert!(requests.get(1, MAX_AGE_NANOS - 1).is_some() && requests.get(1, MAX_AGE_NANOS).is_none());
        requests.insert(1, seen(MAX_AGE_NANOS, 5, 0));
        assert_eq!(requests.get(1, MAX_AGE_NANOS).map(|s| s.at), Some(MAX_AGE_NANOS), "sent again");
        assert_eq!(requests.order.len(), 2);
    }

    #[test]
    fn what_the_manifest_keeps_reads_back() {
        let all = vec![(u128::MAX - 5, seen(i64::MAX, 7, 0)), (9, seen(-4, 12, 5))];
        let (records, rests) = encode(&all).expect("encodes");
        assert_eq!(decode(&records, &rests), all);
        assert_eq!(decode(&records[..40], "no json").len(), 1);
    }
}
