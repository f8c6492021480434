//! Where rows came from: by sender and day of receipt. Read out of the rows themselves, so that counts stay right
//! however often rows are laid into other files.

use crate::ledger::is_taken_in;
use crate::senders::{Sender, Senders, sender_of};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{TimestampNanosecondType, UInt64Type};
use serde::{Deserialize, Serialize};
use sextant_model::UnixNanos;
use std::collections::BTreeMap;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// Numbers of rows by sender and day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins {
    counts: BTreeMap<(Option<u16>, i64), u64>,
    received: Option<(i64, i64)>,
}

/// Sender and time of receipt of each row.
pub(crate) struct Receipts<'a> {
    ids: &'a [u64],
    received: &'a [i64],
}

impl<'a> Receipts<'a> {
    pub fn of(rows: &'a RecordBatch) -> Option<Self> {
        let ids = rows.column_by_name("IngestId")?.as_primitive_opt::<UInt64Type>()?;
        let received = rows.column_by_name("ReceivedAt")?.as_primitive_opt::<TimestampNanosecondType>()?;
        Some(Self { ids: ids.values(), received: received.values() })
    }

    pub fn sender(&self, row: usize) -> Option<u16> {
        sender_of(self.ids[row])
    }

    pub fn received(&self, row: usize) -> i64 {
        self.received[row]
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

impl Origins {
    /// Counts all rows.
    pub fn add(&mut self, rows: &RecordBatch) {
        self.add_some(rows, |_| true);
    }

    /// Counts the rows for which `is_wanted` says so.
    pub fn add_some(&mut self, rows: &RecordBatch, is_wanted: impl Fn(usize) -> bool) {
        let Some(receipts) = Receipts::of(rows) else { return };
        let mut last: Option<((Option<u16>, i64), u64)> = None;
        for row in (0..receipts.len()).filter(|row| is_wanted(*row)) {
            let at = receipts.received(row);
            self.received = Some(self.received.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
            let key = (receipts.sender(row), at.div_euclid(DAY_NANOS));
            match &mut last {
                Some((k, n)) if *k == key => *n += 1,
                _ => {
                    if let Some((key, n)) = last.replace((key, 1)) {
                        *self.counts.entry(key).or_default() += n;
                    }
                }
            }
        }
        if let Some((key, n)) = last {
            *self.counts.entry(key).or_default() += n;
        }
    }

    /// Earliest and latest receipt.
    pub fn received(&self) -> Option<(i64, i64)> {
        self.received
    }

    /// Rows that were taken in and not caught; nothing if some sender is not known.
    pub fn n_taken_in(&self, senders: &Senders) -> Option<u64> {
        let mut sum = 0;
        for ((sender, _), n) in &self.counts {
            let (_, protocol) = senders.get((*sender)?)?;
            if is_taken_in(protocol) {
                sum += n;
            }
        }
        Some(sum)
    }

    /// Client, protocol (both nothing if the sender is not known), day and number of rows.
    pub fn named<'a>(&'a self, senders: &'a Senders) -> impl Iterator<Item = Named<'a>> {
        self.counts.iter().map(|((sender, day), n)| Named {
            sender: sender.and_then(|s| senders.get(s)).map(|(client, protocol)| (client.as_str(), protocol.as_str())),
            day: UnixNanos(day * DAY_NANOS).day(),
            n: *n,
        })
    }

    /// As a footer says it: number, client, protocol, day, rows.
    pub fn to_json(&self, senders: &Senders) -> String {
        let row = |((number, day), n): (&(Option<u16>, i64), &u64)| Written {
            number: *number,
            sender: number.and_then(|number| senders.get(number)).cloned(),
            day: UnixNanos(day * DAY_NANOS).day(),
            n: *n,
        };
        serde_json::to_string(&self.counts.iter().map(row).collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Back from a footer; empty if it says nothing.
    pub fn from_json(text: &str) -> Vec<Written> {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// Rows of one sender and day, as a footer has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    pub number: Option<u16>,
    pub sender: Option<Sender>,
    pub day: String,
    pub n: u64,
}

/// Rows of one sender and day.
pub(crate) struct Named<'a> {
    pub sender: Option<(&'a str, &'a str)>,
    pub day: String,
    pub n: u64,
}
