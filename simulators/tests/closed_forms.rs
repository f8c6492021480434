//! What can be computed by hand: volumes in closed form, bills that vendors publish, bad scenarios with their places.

use sextant_simulators::{Book, Confidence, Known, Outcome, Scenario, cents, simulate};

fn outcome(text: &str) -> Outcome {
    let scenario = Scenario::parse(text).unwrap_or_else(|e| panic!("{e}"));
    simulate(&scenario, &Known::default())
}

/// A small generator, so that every run is the same.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn a_constant_stream_comes_to_rate_times_time() {
    let end = outcome(
        "days = 120\n[ingest.traces]\nbytes_per_day = 8e9\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\nprice_per_gb_month = 0.1\n",
    );
    for day in &end.daily {
        let lies = 1e9 * (day.day + 1).min(30) as f64;
        assert!(close(day.stored_bytes, lies), "{day:?}");
        assert!(close(day.expired_bytes, if day.day < 30 { 0.0 } else { 1e9 }), "{day:?}");
    }
    assert_eq!((end.bill.total, end.bill.lines.len()), (3.0, 1));
}

#[test]
fn what_grows_in_a_line_comes_to_its_sum() {
    let end = outcome(
        "days = 90\n[ingest.logs]\nbytes_per_day = 1e6\nratio = 4\ngrowth_per_day = 0.01\nkeep = 0.5\n[[tier]]\nname = \"a\"\ndays = 7\n[[tier]]\nname = \"b\"\ndays = 21\nreplicas = 2\n",
    );
    let day = &end.daily[89];
    // Arrivals of days 83 … 89 lie once, those of 62 … 82 twice.
    let sum = |from: u64, to: u64| (from..=to).map(|d| 1e6 * (1.0 + 0.01 * d as f64) * 0.5 / 4.0).sum::<f64>();
    assert!(close(day.stored_bytes, sum(83, 89) + 2.0 * sum(62, 82)), "{day:?}");
    assert!(close(day.expired_bytes, sum(61, 61)), "{day:?}");
    assert!(close(day.dropped_bytes, day.ingested_bytes / 2.0), "{day:?}");
}

#[test]
fn every_byte_is_stored_expired_or_dropped() {
    let mut random = Random(11);
    for _ in 0..300 {
        let (days, ttl, second) = (1 + random.below(200), 1 + random.below(90), 1 + random.below(90));
        let (keep, growth) = (random.below(101) as f64 / 100.0, random.below(200) as f64 / 1_000.0 - 0.01);
        let text = |ttl: u64, price: f64| {
            format!(
                "days = {days}\n[ingest.traces]\nbytes_per_day = 3e9\nratio = 5\nkeep = {keep}\ngrowth_per_day = {growth}\n\
                 [ingest.metrics]\nbytes_per_day = 1e8\nratio = 12\n[[tier]]\nname = \"a\"\ndays = {ttl}\nprice_per_gb_month = {price}\n\
                 [[tier]]\nname = \"b\"\ndays = {second}\nprice_per_gb_month = 0.01\n"
            )
        };
        let end = outcome(&text(ttl, 0.1));
        let sum = |of: fn(&sextant_simulators::Day) -> f64| end.daily.iter().map(of).sum::<f64>();
        // One replica, two ratios: in stored bytes, what came is what lies there and what went.
        let kept: f64 =
            end.daily.iter().map(|d| (3e9 * (1.0 + growth * d.day as f64)).max(0.0) * keep / 5.0 + 1e8 / 12.0).sum();
        let lies = end.daily.last().map_or(0.0, |d| d.stored_bytes);
        assert!(close(kept, lies + sum(|d| d.expired_bytes)), "{days} {ttl} {keep} {growth}");
        assert!(end.daily.iter().all(|d| d.stored_bytes >= 0.0 && d.dropped_bytes >= 0.0));
        // Longer or dearer is never cheaper.
        let (longer, dearer) = (outcome(&text(ttl + 5, 0.1)), outcome(&text(ttl, 0.2)));
        assert!(dearer.bill.total >= end.bill.total);
        for (a, b) in end.daily.iter().zip(&longer.daily) {
            assert!(b.stored_bytes >= a.stored_bytes - 1.0, "{a:?} {b:?}");
        }
        let all = outcome(&text(ttl, 0.1).replace(&format!("keep = {keep}"), "keep = 1"));
        let unsaid = outcome(&text(ttl, 0.1).replace(&format!("keep = {keep}\n"), ""));
        assert_eq!(all, unsaid, "a share of 1 is no sampling");
    }
}

#[test]
fn published_bills_come_to_the_cent() {
    let mut files = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bills")).expect("bills") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a bill");
        let expected = text.lines().find_map(|l| l.strip_prefix("# total ")).expect("its total");
        let bill = outcome(&text).bill;
        assert_eq!(format!("{:.2}", bill.total), expected, "{}: {bill:?}", path.display());
        for line in text.lines().filter_map(|l| l.strip_prefix("# line ")) {
            let (name, amount) = line.rsplit_once(' ').expect("name and amount");
            let found = bill.lines.iter().find(|l| l.name == name).unwrap_or_else(|| panic!("no line {name}"));
            assert_eq!(format!("{:.2}", found.amount), amount, "{}: {name}", path.display());
        }
        files += 1;
    }
    assert_eq!(files, 6);
}

#[test]
fn prices_of_the_book_are_those_of_the_bill() {
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    assert!(book.all().count() > 30 && book.all().all(|sku| !sku.vendor.is_empty() && !sku.service.is_empty()));
    // 60 TB at the end: 50 at the first price and 10 at the second.
    let tier = |more: &str| {
        let text = format!(
            "days = 60\n[ingest.logs]\nbytes_per_day = 8e12\nratio = 4\n[[tier]]\nname = \"a\"\ndays = 30\n{more}"
        );
        outcome(&text).bill.total
    };
    assert_eq!(format!("{:.2}", tier("sku = \"s3-standard\"\n")), "1370.00");
    // Coldline is paid for 90 days, whenever it goes.
    assert_eq!(format!("{:.2}", tier("sku = \"gcs-coldline\"\n")), "720.00");
    let end = outcome("[[line]]\nname = \"egress\"\nquantity = 130\nsku = \"newrelic-data\"\n");
    assert_eq!((end.bill.total, end.prices[0].confidence), (12.0, Confidence::Secondary), "100 GB are free");
    // One's own over it.
    let own = book.with("[[sku]]\nsku = \"s3-standard\"\nunit = \"GB-month\"\nprice = 0.01\nas_of = \"2026-11-01\"\nconfidence = \"list\"\n");
    let own = own.unwrap_or_else(|e| panic!("{e}"));
    let text = "days = 40\n[ingest.logs]\nbytes_per_day = 1e9\nratio = 1\n[[tier]]\nname = \"a\"\ndays = 1\nsku = \"s3-standard\"\n";
    let scenario = Scenario::priced(text, &own).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(format!("{:.2}", simulate(&scenario, &Known::default()).bill.total), "0.01");
    for (text, expected) in [
        ("[[sku]]\nsku = \"x\"\nunit = \"GB\"\nprice = -1\n", "line 4, column 9: sku[0].price"),
        ("[[sku]]\nsku = \"x\"\nunit = \"GB\"\nprice = 1\nas_of = \"March\"\n", "such as 2026-03-01"),
        ("[[sku]]\nsku = \"x\"\nunit = \"GB\"\nprice = 1\nconfidence = \"sure\"\n", "list, secondary, unverified"),
        ("[[sku]]\nsku = \"x\"\nprice = 1\n", "sku[0].unit: it is missing"),
    ] {
        let wrong = Book::default().with(text).expect_err(text).to_string();
        assert!(wrong.contains(expected), "{wrong}");
    }
}

#[test]
fn cents_are_rounded_half_up() {
    for (amount, expected) in
        [(1.005, 1.01), (2.675, 2.68), (0.125, 0.13), (0.124_999, 0.12), (0.0, 0.0), (159.659_76, 159.66)]
    {
        assert!((cents(amount) - expected).abs() < 1e-9, "{amount}: {}", cents(amount));
    }
}

#[test]
fn the_seed_moves_only_what_is_drawn() {
    let text = |seed: u64| {
        format!(
            "days = 60\nseed = {seed}\n[ingest.traces]\nbytes_per_day = 8e9\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\n\
             price_per_gb_month = 0.1\n[uncertainty]\nruns = 2000\nratio_sigma = 0.25\n"
        )
    };
    let json = |seed: u64| serde_json::to_string(&outcome(&text(seed))).expect("JSON");
    assert_eq!(json(1), json(1));
    let (a, b) = (outcome(&text(1)), outcome(&text(2)));
    assert_eq!((&a.daily, &a.bill), (&b.daily, &b.bill));
    assert_ne!(a.uncertainty, b.uncertainty);
    let bands = a.uncertainty.expect("bands");
    // The tenth part of a normal lies below -1.2816.
    for (found, expected) in [
        (bands.stored_bytes.p10, 30e9 * (-0.25_f64 * 1.281_6).exp()),
        (bands.stored_bytes.p50, 30e9),
        (bands.stored_bytes.p90, 30e9 * (0.25_f64 * 1.281_6).exp()),
    ] {
        assert!((found / expected - 1.0).abs() < 0.03, "{found} {expected}");
    }
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (text, place, what) in [
        ("days = 10\n[ingest.traces]\nbytes_per_day = -1\nratio = 8\n", (3, 17), "ingest.traces.bytes_per_day"),
        ("days = 10\n[ingest.traces]\nbytes_per_day = nan\nratio = 8\n", (3, 17), "it has to be 0 or more"),
        ("days = 10\n[ingest.traces]\nbytes_per_day = 1e9\nratio = 0\n", (4, 9), "ratio"),
        ("days = 10\n[ingest.traces]\nbytes_per_day = 1e9\nratio = 8\nkeep = 1.5\n", (5, 8), "from 0 to 1"),
        ("days = 10\n[ingest.traces]\nbyte_per_day = 1e9\nratio = 8\n", (2, 1), "is 'bytes_per_day' meant?"),
        ("days = 10\n[ingest.smells]\nbytes_per_day = 1e9\nratio = 8\n", (2, 9), "traces"),
        ("days = 1.5\n[[line]]\nname = \"a\"\nquantity = 1\nprice = 1\n", (1, 8), "a whole number"),
        ("[[line]]\nname = \"a\"\nquantity = 1\nprice = -0.1\n", (4, 9), "line[0].price"),
        ("[[line]]\nname = \"a\"\nquantity = 1\n", (1, 1), "what does one cost?"),
        ("[[line]]\nname = \"a\"\nquantity = 1\nprice = 1\nround_quantity = \"up\"\n", (5, 18), "none, down, nearest"),
        (
            "[[line]]\nname = \"a\"\nquantity = 1\ntiers = [{ up_to = 50, price = 1 }, { up_to = 20, price = 1 }, { price = 2 }]\n",
            (4, 47),
            "more than the 50 before it",
        ),
        (
            "[[line]]\nname = \"a\"\nquantity = 1\ntiers = [{ up_to = 50, price = 1 }]\n",
            (4, 20),
            "the last price has no end",
        ),
        ("[[line]]\nname = \"a\"\nquantity = 1\nsku = \"s3-standart\"\n", (4, 7), "is 's3-standard' meant?"),
        ("[[line]]\nname = \"a\"\nquantity = 1\nprice = 1\nsku = \"s3-put\"\n", (5, 7), "one of these only"),
        (
            "days = 1\n[ingest.logs]\nbytes_per_day = 1\nratio = 1\n[[tier]]\nname = \"a\"\ndays = 1\nsku = \"s3-put\"\n",
            (8, 7),
            "a tier by GB-month",
        ),
        ("[sampling]\nhead = 1.1\n", (2, 8), "from 0 to 1"),
        ("[sampling]\nslower_than = \"soon\"\n", (2, 15), "200ms"),
        ("days = 3\n", (1, 1), "nothing to simulate"),
        ("days = 3\n[ingest.logs\n", (2, 13), ""),
    ] {
        let wrong = Scenario::parse(text).expect_err(text);
        let first = &wrong.0[0];
        assert_eq!((first.line, first.column), place, "{text}{wrong}");
        assert!(wrong.to_string().contains(what), "{text}{wrong}");
    }
    // All at once.
    let wrong = Scenario::parse("days = 0\n[sampling]\nhead = 2\nkeep_error = true\n").expect_err("three");
    assert_eq!(wrong.0.len(), 3, "{wrong}");
}
