//! What scenarios say beyond the least: each figure is computed once more by hand.

#![allow(clippy::float_cmp, reason = "money is rounded to the cent")]

use sextant_model::Signal;
use sextant_simulators::{
    Billed, Book, Course, Found, History, Hour, Known, Measured, Of, Outcome, Scenario, asked, commented, simulate_all,
};

fn outcome(text: &str) -> Outcome {
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    simulate_all(text, &book, &Known::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

const BASE: &str = "days = 120\n[ingest.traces]\nbytes_per_day = 8e12\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\nprice_per_gb_month = 0.10\n";

#[test]
fn days_of_the_week_bring_what_they_bring() {
    let text = format!("{BASE}[season]\nweekdays = [2, 1, 1, 1, 1, 0.5, 0.5]\nfirst_weekday = \"Saturday\"\n");
    let end = outcome(&text);
    // Day 0 is a Saturday, day 2 a Monday; a week brings what seven days do.
    for (day, part) in [(0, 0.5), (1, 0.5), (2, 2.0), (3, 1.0), (7, 0.5), (9, 2.0)] {
        assert!(close(end.daily[day].ingested_bytes, 8e12 * part), "{:?}", end.daily[day]);
    }
    assert!(close(end.daily[6].stored_bytes, 7e12));
}

#[test]
fn growth_may_be_on_what_has_grown() {
    let text = BASE.replace("ratio = 8\n", "ratio = 8\ngrowth_per_day = 0.01\ngrowth = \"compound\"\n");
    let end = outcome(&text);
    for day in [0_usize, 1, 119] {
        assert!(close(end.daily[day].ingested_bytes, 8e12 * 1.01_f64.powi(day as i32)));
    }
    let lies: f64 = (90..120).map(|day| 1e12 * 1.01_f64.powi(day)).sum();
    assert!(close(end.daily[119].stored_bytes, lies));
}

#[test]
fn small_objects_moving_and_reading_cost() {
    // 30 TB lie there in objects of 64 kB, paid for as 128 kB; 1 TB a day comes in, so 30 TB of 64 kB objects a month.
    let tier = "sku = \"s3-standard-ia\"\nobject_mb = 0.064\nprice_per_1000_objects = 0.01\nread_per_month = 0.5\n";
    let end = outcome(&BASE.replace("price_per_gb_month = 0.10\n", tier));
    let line = |name: &str| end.bill.lines.iter().find(|l| l.name == name).map(|l| l.amount);
    assert_eq!(line("hot"), Some(30_000.0 * 2.0 * 0.0125));
    assert_eq!(line("hot, moved in"), Some(30e12 / 64e3 / 1000.0 * 0.01));
    assert_eq!(line("hot, read"), Some(15_000.0 * 0.01));
    assert!(close(end.bill.total, 750.0 + 4_687.5 + 150.0), "{:?}", end.bill);
    // 40 kB more each.
    let end = outcome(
        &BASE.replace("price_per_gb_month = 0.10\n", "sku = \"s3-glacier-flexible\"\nobject_mb = 0.16\nmin_days = 0\n"),
    );
    assert!(close(end.bill.total, 30_000.0 * 1.25 * 0.0036), "{:?}", end.bill);
    assert!(
        outcome(&BASE.replace("price_per_gb_month = 0.10\n", "sku = \"s3-standard-ia\"\n"))
            .notes
            .iter()
            .any(|n| n.contains("128 kB"))
    );
}

#[test]
fn discounts_commitments_and_currencies() {
    let cheaper = BASE.replace("price_per_gb_month = 0.10\n", "price_per_gb_month = 0.10\ndiscount = 0.2\n");
    assert_eq!(outcome(&cheaper).bill.total, 2_400.0);
    let end = outcome(&format!("{cheaper}[commitment]\nmonthly = 2500\n"));
    assert_eq!((end.bill.total, end.bill.lines.len()), (2_500.0, 2));
    assert_eq!(outcome(&format!("{cheaper}[commitment]\nmonthly = 100\n")).bill.total, 2_400.0);
    let booked = BASE.replace("price_per_gb_month = 0.10\n", "sku = \"ebs-gp3\"\n");
    assert_eq!(outcome(&booked).bill.total, 2_400.0);
    assert_eq!(outcome(&format!("currency = \"EUR\"\n{booked}[rates]\nUSD = 0.5\n")).bill.total, 1_200.0);
    let wrong = Scenario::parse(&format!("currency = \"EUR\"\n{booked}")).expect_err("no rate");
    assert!(
        wrong.to_string().contains("line 9, column 7: tier[0].sku") && wrong.to_string().contains("[rates] USD = …"),
        "{wrong}"
    );
    for (text, what) in [
        ("version = 2\n", "newer Sextant"),
        ("[season]\nweekdays = [1, 2]\n", "7 days"),
        ("[season]\nweekdays = [0, 0, 0, 0, 0, 0, 0]\n", "something has to come"),
        ("[season]\nweekdays = [1, 1, 1, 1, 1, 1, -1]\n", "from 0 to"),
        ("[season]\nfirst_weekday = \"Moonday\"\n", "none of Monday"),
        ("[[shape]]\ndrop = \"a\"\nhash = \"b\"\n", "one only"),
        ("[[shape]]\ntruncate = \"a\"\n", "to how many characters"),
        ("[sampling]\n[[sampling.rule]]\nkeep = 2\n", "which traces"),
        ("[uncertainty]\nweeks = [\"a\"]\n", "a number"),
        ("[[compare]]\nset = {}\n", "what is the variant called"),
        ("[measured]\nhours = -1\n", "0 or more"),
        ("[commitment]\n", "it is missing"),
    ] {
        let (first, rest) = if text.starts_with("version") { (text, "") } else { ("", text) };
        let wrong = Scenario::parse(&format!("{first}{BASE}{rest}")).expect_err(text);
        assert!(wrong.to_string().contains(what), "{text}{wrong}");
    }
    let text = BASE.replace("ratio = 8\n", "ratio = 8\n[ingest.traces.services]\na = 0.7\nb = 0.4\n");
    assert!(Scenario::parse(&text).expect_err("more than all").to_string().contains("parts of 1"));
}

#[test]
fn services_pay_for_their_part() {
    let text = BASE.replace("ratio = 8\n", "ratio = 8\n[ingest.traces.services]\ncart = 0.7\n\"front end\" = 0.2\n");
    let text = format!("{text}[ingest.logs]\nbytes_per_day = 4e12\nratio = 4\n[ingest.logs.services]\ncart = 1\n");
    let end = outcome(&text);
    let of = |name: &str| end.services.iter().find(|s| s.name == name).map(|s| (s.amount, s.stored_bytes / 1e12));
    // 60 TB, of which traces are a half.
    assert_eq!(end.bill.total, 6_000.0);
    assert_eq!(of("cart").map(|(a, b)| ((a * 1e6).round() / 1e6, (b * 1e6).round() / 1e6)), Some((5_100.0, 51.0)));
    assert_eq!(of("front end").map(|(a, b)| (a, (b * 1e6).round() / 1e6)), Some((600.0, 6.0)));
    let per = end.per.expect("both");
    assert!(close(per.raw_tb, 16.67) && close(per.stored_tb, 100.0), "{per:?}");
}

#[test]
fn variants_are_held_against_it() {
    let text = format!(
        "{BASE}[[line]]\nname = \"compute\"\nquantity = 100\nprice = 1\n\
         [[compare]]\nname = \"half\"\none_off = 4000\nset = {{ \"tier[0].days\" = 15 }}\n\
         [[compare]]\nname = \"other\"\nset = {{ \"line[0].quantity\" = 1600, \"tier[0].price_per_gb_month\" = 0.05 }}\n"
    );
    let end = outcome(&text);
    assert_eq!(end.bill.total, 3_100.0);
    let [half, other] = &end.compare[..] else { panic!("two") };
    assert_eq!((half.outcome.bill.total, half.saved, half.one_off), (1_600.0, 1_500.0, 4_000.0));
    assert!(close(half.saved_share, 1_500.0 / 3_100.0));
    // While it fills up: a month of 30 days has 15.5 TB in the mean, and 11.5 where 15 days are kept; then 1,500 a month.
    assert_eq!(end.months[..2], [1_650.0, 3_100.0]);
    assert_eq!(half.outcome.months[0], 1_250.0);
    assert_eq!(half.break_even.month, Some(4), "400, 1900, 3400, 4900");
    assert_eq!((other.saved, other.break_even.month), (0.0, None));
    // 3,000 a month at half the price and 1,500 more: equal as they are.
    assert!(other.break_even.volume.is_some_and(|times| (times - 1.0).abs() < 1e-4), "{:?}", other.break_even);
    // The same as if it were read with that alone.
    let alone = outcome(&BASE.replace("days = 30", "days = 15"));
    assert_eq!(alone.daily, half.outcome.daily);
    let wrong = asked(
        &format!("{BASE}[[compare]]\nname = \"a\"\nset = {{ \"tier[3].days\" = 1 }}\n"),
        &Book::shipped().expect("a book"),
    );
    assert!(wrong.expect_err("no such tier").to_string().contains("compare[0].set: tier[3].days: there are 1"));
}

#[test]
fn the_largest_mover_is_first() {
    let end = outcome(&format!("{BASE}[[line]]\nname = \"compute\"\nquantity = 100\nprice = 1\n"));
    let of = |what: &str| end.movers.iter().find(|m| m.what == what).unwrap_or_else(|| panic!("{what}"));
    assert_eq!((of("traffic").total_low, of("traffic").total_high), (2_800.0, 3_850.0));
    assert_eq!((of("days in hot").total_low, of("days in hot").total_high), (1_600.0, 6_100.0));
    assert_eq!((of("price of hot").total_low, of("price of hot").total_high), (2_650.0, 3_550.0));
    assert_eq!((of("compute").total_low, of("compute").total_high), (3_090.0, 3_110.0));
    assert_eq!(end.movers[0].what, "days in hot");
    let widths: Vec<f64> = end.movers.iter().map(|m| (m.total_high - m.total_low).abs()).collect();
    assert!(widths.is_sorted_by(|a, b| a >= b));
}

#[test]
fn weeks_to_come_are_those_that_were() {
    let text = |more: &str| format!("{BASE}[uncertainty]\nruns = 1000\n{more}");
    let end = |more: &str| outcome(&text(more)).uncertainty.expect("bands");
    let all_alike = end("weeks = [1.0, 1.0]\n");
    assert_eq!((all_alike.total.p10, all_alike.total.p90), (3_000.0, 3_000.0));
    assert_eq!(all_alike.daily.len(), 120);
    // 30 days have four weeks and a bit: the mean of as many draws of 0.5 or 1.5.
    let moved = end("weeks = [0.5, 1.5]\n").stored_bytes;
    let sigma = 30e12 * 0.5 / (30.0_f64 / 7.0).sqrt();
    assert!((moved.p50 / 30e12 - 1.0).abs() < 0.08, "{moved:?}");
    assert!(((moved.p90 - moved.p10) / (2.0 * 1.2816 * sigma) - 1.0).abs() < 0.2, "{moved:?} {sigma}");
    // What is drawn together is as one: further apart.
    let blocks = end("weeks = [0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5]\nblock_weeks = 4\n").stored_bytes;
    assert!(blocks.p90 - blocks.p10 > moved.p90 - moved.p10);
    let services = outcome(
        &text("service_sigma = 0.5\n")
            .replace("ratio = 8\n", "ratio = 8\n[ingest.traces.services]\na = 0.5\nb = 0.5\n"),
    );
    let bands = services.uncertainty.expect("bands").total;
    assert!(bands.p10 < 2_800.0 && bands.p90 > 3_400.0, "{bands:?}");
}

#[test]
fn what_lies_there_before_goes_in_its_time() {
    // 3, 2 and 1 TB of the three days before, and 1 TB a day.
    let text = BASE.replace("days = 30\n", "days = 2\n") + "[before]\nstored_bytes = [3e12, 2e12, 1e12]\n";
    let end = outcome(&text);
    let lies: Vec<f64> = end.daily.iter().take(4).map(|d| d.stored_bytes / 1e12).collect();
    let goes: Vec<f64> = end.daily.iter().take(4).map(|d| d.expired_bytes / 1e12).collect();
    assert_eq!((lies, goes), (vec![4.0, 2.0, 2.0, 2.0], vec![2.0, 3.0, 1.0, 1.0]));
    // In the end it is as if nothing had been there before.
    assert_eq!(end.bill, outcome(&BASE.replace("days = 30\n", "days = 2\n")).bill);
    // Without a tier nothing ever goes.
    let none = outcome("days = 3\n[ingest.logs]\nbytes_per_day = 1\nratio = 1\n[before]\nstored_bytes = [5, 7]\n");
    assert_eq!(none.daily.iter().map(|d| d.stored_bytes).collect::<Vec<_>>(), [13.0, 14.0, 15.0]);
    // Sampling changes what comes, not what lies there.
    let less = outcome(&text.replace("ratio = 8\n", "ratio = 8\nkeep = 0.5\n"));
    assert_eq!(less.daily[0].stored_bytes / 1e12, 3.5);
}

#[test]
fn machines_follow_the_worst_day() {
    // 8.64 TB a day are 100 MB/s, three times that at the worst: 30 cores for it, and 30 for each query a second.
    let text = BASE.replace("8e12", "8.64e12");
    let of = outcome(&text).capacity.expect("machines");
    assert_eq!((of.peak_mb_per_second, of.cores_ingest, of.cores_query, of.memory_gb), (300.0, 30, 30, 240));
    // 30 days of 1.08 TB, and three tenths free.
    assert!(close((of.disk_gb / 10.0).round(), (30.0 * 1_080.0 / 0.7_f64 / 10.0).round()), "{of:?}");
    assert_eq!((of.nodes, of.pattern), (24, "large"));
    let said =
        "[capacity]\nburst = 1\nqueries_per_second = 0\ncores_per_node = 4\nheadroom = 0\ndisk_per_node_gb = 1e6\n";
    let of = outcome(&(text + said)).capacity.expect("machines");
    assert_eq!((of.cores_ingest, of.cores_query, of.nodes), (10, 0, 3));
    assert_eq!(outcome("[[line]]\nname = \"a\"\nquantity = 1\nprice = 1\n").capacity, None);
}

#[test]
fn questions_are_paid_for_by_what_they_read() {
    let end = outcome("[[query]]\nname = \"dashboards\"\nper_day = 2000\nread_gb = 1.5\nprice_per_gb = 0.005\n");
    assert_eq!((end.bill.lines[0].name.as_str(), end.bill.total), ("dashboards", 450.0));
    let wrong = Scenario::parse("[[query]]\nname = \"a\"\nper_day = 1\nread_gb = 1\n").expect_err("no price");
    assert!(wrong.to_string().contains("price_per_gb or sku"), "{wrong}");
}

#[test]
fn a_month_that_was_billed_is_held_against_it() {
    let text = BASE.to_owned()
        + "billed_as = \"StandardStorage\"\n[[line]]\nname = \"egress\"\nquantity = 100\nprice = 0.09\n";
    let (scenario, end) = (Scenario::parse(&text).unwrap_or_else(|e| panic!("{e}")), outcome(&text));
    let head = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargeDescription,ServiceName,SkuId,ChargePeriodStart,ChargePeriodEnd\n";
    let rows = "1,1600.00,USD,Usage,\"TimedStorage, StandardStorage\",S3,A1,2026-10-01T00:00:00Z,2026-10-16T00:00:00Z\n\
        1,1550.00,USD,Usage,StandardStorage,S3,A1,2026-10-16T00:00:00Z,2026-11-01T00:00:00Z\n\
        9,9.30,USD,Usage,Data out (egress),Transfer,E,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z\n\
        5,62.00,USD,Usage,GetObject,S3 requests,R,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z\n\
        5,many,USD,Usage,GetObject,S3 requests,R,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z\n\
        5,600.00,USD,Tax,VAT,Tax,T,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z\n";
    let billed = Billed::of(&scenario, &end.bill, &(head.to_owned() + rows)).unwrap_or_else(|e| panic!("{e}"));
    // October has 31 days, and a month of the bill 30.
    let lines: Vec<(&str, f64, f64)> = billed.lines.iter().map(|l| (l.name.as_str(), l.told, l.billed)).collect();
    assert_eq!(lines, [("hot", 3_000.0, 3_048.39), ("egress", 9.0, 9.0)]);
    assert_eq!((billed.others, billed.n_no_usage, billed.n_unreadable), (vec![("S3 requests".into(), 60.0)], 1, 1));
    assert_eq!((billed.days, billed.off), (31.0, Some(-0.0158)));
    for (csv, why) in [
        ("a,b\n1,2\n", "EffectiveCost or BilledCost"),
        ("BilledCost\n1\n", "nothing says what is billed"),
        ("BilledCost,BillingCurrency,ServiceName\n1,EUR,S3\n", "row 2: it is in EUR, and the scenario in USD"),
    ] {
        let wrong = Billed::of(&scenario, &end.bill, csv).expect_err(csv).to_string();
        assert!(wrong.contains(why), "{wrong}");
    }
}

#[test]
fn a_price_of_ones_own_is_laid_over_the_shipped_one() {
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    let own = book
        .clone()
        .with("[[sku]]\nsku = \"s3-standard-ia\"\nprice = 0.01\nas_of = \"2026-11-01\"\nconfidence = \"list\"\n");
    let own = own.unwrap_or_else(|e| panic!("{e}"));
    let (before, after) =
        (book.get("s3-standard-ia").expect("shipped"), own.get("s3-standard-ia").expect("laid over it"));
    // What was not said stays: the unit, the least time, the least object.
    let rest = |sku: &sextant_simulators::Sku| {
        (sku.unit.clone(), sku.min_days, sku.min_object_kb, sku.retrieval, sku.service.clone())
    };
    assert_eq!(rest(before), rest(after));
    assert_ne!(before.price, after.price);
    assert_eq!(after.as_of.as_deref(), Some("2026-11-01"));
}

#[test]
fn what_came_is_told_by_day_week_and_service() {
    // 28 days from a Monday: 2024-01-01 is 19,723 days after 1970. Weekends bring half, each day one part in a hundred more.
    let mut hours = Vec::new();
    let rows = |day: i64| (if day % 7 >= 5 { 500.0 } else { 1_000.0 }) * (1.0 + 0.01 * day as f64);
    for day in 0..28_i64 {
        for hour in 0..24_i64 {
            let at = ((19_723 + day) * 24 + hour) * 3_600_000_000_000;
            for (service, part) in [("a", 0.75), ("b", 0.25)] {
                let rows = (rows(day) * part) as u64;
                hours.push(Hour {
                    signal: Signal::Logs,
                    service: service.into(),
                    at,
                    last: at + 3_599_999_999_999,
                    rows,
                    raw_bytes: rows as f64 * 100.0,
                });
            }
        }
    }
    let history = History::of(&hours).expect("a frame");
    assert_eq!(history.course(Signal::Traces).expect("none"), None);
    let course: Course = history.course(Signal::Logs).expect("summed").expect("logs");
    assert_eq!((course.hours.round(), course.days.len(), course.rows), (672.0, 28, hours.iter().map(|h| h.rows).sum()));
    // A day brings now what growth leads to, and the mean of a week is six sevenths of a Monday.
    let now = 24.0 * 100.0 * 1_000.0 * 6.0 / 7.0 * 1.28;
    assert!((course.per_day / now - 1.0).abs() < 0.01, "{} {now}", course.per_day);
    assert_eq!(course.day_0, Some(19_723 + 28));
    assert_eq!(course.services[0].0, "a");
    assert!((course.services[0].1 - 0.75).abs() < 0.01);
    let weekdays = course.weekdays.expect("four weeks are enough");
    assert!((weekdays[5] / weekdays[0] - 0.5).abs() < 0.05, "{weekdays:?}");
    let growth = course.growth_per_day.expect("growth");
    assert!((growth - 0.01 / 1.28).abs() < 0.001, "{growth}");
    assert!(course.weeks.len() == 4 && course.weeks.iter().all(|w| (w - 1.0).abs() < 0.05), "{:?}", course.weeks);
    // What is measured makes a scenario that is read again, and says so.
    let measured = Measured {
        signal: "logs",
        rows: course.rows,
        hours: course.hours,
        raw_bytes: course.raw_bytes,
        stored_bytes: course.raw_bytes / 9.0,
        ratio: 9.0,
        ratio_sigma: 0.1,
        groups: 9,
        of_groups: 20,
        sample_bytes: 7e7,
        bytes_per_day: course.per_day,
        days: course.days.clone(),
        day_0: course.day_0,
        services: course.services.clone(),
        weekdays: course.weekdays,
        growth_per_day: course.growth_per_day,
        weeks: course.weeks.clone(),
        columns: Vec::new(),
        attributes: vec![Of { name: "url.full".into(), raw_bytes: 1.0, stored_bytes: None }],
        packings: Vec::new(),
    };
    let text = commented(std::slice::from_ref(&measured), Some(14), "a test");
    let end = outcome(&text);
    assert!(end.notes.is_empty() && end.daily.len() == 365 && end.services.len() == 2, "{:?}", end.notes);
    assert!((end.daily[0].ingested_bytes / course.per_day / weekdays[0] - 1.0).abs() < 0.03, "{text}");
    // Day 0 is a Monday again, and what came before lies there: fourteen of its days are kept.
    assert!(text.contains("first_weekday = \"Monday\""), "{text}");
    let before: f64 = course.days.iter().filter(|(day, _)| *day >= 19_723 + 15).map(|(_, raw)| raw / 9.0).sum();
    let first = &end.daily[0];
    assert!((first.stored_bytes / (before + first.ingested_bytes / 9.0) - 1.0).abs() < 0.01, "{first:?} {before}");
    let small = Measured { hours: 3.0, sample_bytes: 100.0, groups: 1, ..measured };
    let end = outcome(&commented(&[small], None, "a test"));
    assert!(end.notes.iter().any(|n| n.contains("scaled up from 3.0 h")), "{:?}", end.notes);
    assert!(end.notes.iter().any(|n| n.contains("small sample")), "{:?}", end.notes);
    // All that is commented out is right too.
    let all: String = text
        .lines()
        .map(|l| l.strip_prefix("# ").filter(|l| l.contains(" = ") || l.starts_with('[')).unwrap_or(l))
        .fold(String::new(), |all, l| all + l + "\n");
    Scenario::parse(&all).unwrap_or_else(|e| panic!("{all}\n{e}"));
}

#[test]
fn log_records_are_left_out_by_what_they_are() {
    let text = "days = 60\n[ingest.logs]\nbytes_per_day = 8e12\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\nprice_per_gb_month = 0.10\n\
        [[filter]]\nsearch = \"level:debug\"\n[[filter]]\nsearch = \"service:cart\"\nkeep = 0.5\n";
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    let wanted = asked(text, &book).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(wanted.filters, ["(level:debug)", "(service:cart) NOT (level:debug)"]);
    let found = |records, share| Found { records, of_records: 100, share };
    let filtered = [(wanted.filters[0].clone(), found(40, 0.3)), (wanted.filters[1].clone(), found(10, 0.2))].into();
    let known = Known { filtered, ..Known::default() };
    let end = simulate_all(text, &book, &known).unwrap_or_else(|e| panic!("{e}"));
    // Three tenths go, and half of two tenths.
    assert!(close(end.daily[59].stored_bytes, 30e12 * 0.6), "{:?}", end.daily[59]);
    assert_eq!((end.filtered[0].found.records, end.filtered[1].keep), (40, 0.5));
    let collector = end.steps.iter().find(|s| s.name == "Collector").expect("a text");
    assert!(collector.text.contains("- 'severity_number >= 5 and severity_number < 9'"), "{}", collector.text);
    let wrong = Scenario::parse(&text.replace("[ingest.logs]", "[ingest.traces]")).expect_err("no logs").to_string();
    assert!(wrong.contains("[ingest.logs] is missing"), "{wrong}");
}
