//! Logs that were damaged in every way still give all that is sound.

use super::{encode, frame, recover};
use crate::Ingest;
use sextant_model::{Counts, Reasons};

/// A log of `n` requests that only count.
fn log(n: u64) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = frame::file_head().expect("a head");
    let mut ends = vec![bytes.len()];
    for i in 1..=n {
        let counts = Counts { received: i, rejected: Reasons::default(), marked: Reasons::default() };
        let ingest = Ingest { counts: [counts, Counts::default(), Counts::default()], ..Ingest::default() };
        bytes.extend(encode(&ingest, &[]).expect("a frame"));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn received(bytes: &[u8]) -> Vec<u64> {
    recover(bytes).requests.iter().map(|(ingest, _)| ingest.counts[0].received).collect()
}

#[test]
fn a_cut_costs_only_the_frame_that_was_cut() {
    let (bytes, ends) = log(3);
    for n in ends[0]..bytes.len() {
        let whole = ends.iter().filter(|e| **e <= n).count() as u64 - 1;
        assert_eq!(received(&bytes[..n]), (1..=whole).collect::<Vec<_>>(), "cut at {n}");
    }
}

#[test]
fn damage_costs_only_the_frame_that_it_hit() {
    let (bytes, ends) = log(3);
    for at in ends[1]..ends[2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        assert_eq!(received(&damaged), [1, 3], "damaged at {at}");
        assert_eq!(recover(&damaged).damaged.len(), 1);
    }
}

#[test]
fn a_damaged_head_costs_no_frame() {
    let (bytes, ends) = log(2);
    for at in (0..ends[0]).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        assert_eq!(received(&damaged), [1, 2], "damaged at {at}");
    }
}
