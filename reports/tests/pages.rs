//! Reports with everything in them, as paper and as a page.

use sextant_charts::{Area, Bars, Face, Ink, Lane, Point, Points, Scale, Scene};
use sextant_reports::{
    Attachment, Block, Cell, Column, Fact, Figure, Happened, Look, Origin, Report, ReportError, Section, Table, Tone,
    html, page, paragraphs, pdf,
};
use std::path::Path;

const SECOND: i64 = 1_000_000_000;

fn chart() -> Figure {
    let points: Vec<Point> = (0..400)
        .map(|i| Point {
            time: i * SECOND * 4,
            duration: 90_000_000 + (i * 7_919 % 400) * 5_000_000,
            is_error: i % 29 == 0,
        })
        .collect();
    let scale = Scale {
        x: 50.0,
        y: 220.0,
        w: 740.0,
        ends: (0.0, 1_600.0 * SECOND as f64),
        major: 300.0 * SECOND as f64,
        per: 5,
        is_up: false,
        readout: None,
    };
    let mut scene = Scene::default();
    let layout = Points::new(Area::new(50.0, 4.0, 740.0, 170.0), &points, scale);
    layout.draw_axis(&mut scene);
    layout.draw(&mut scene);
    let counts: Vec<Vec<(i64, Ink)>> = (0..28).map(|i| vec![(i % 5, Ink::Error)]).collect();
    let lane = Lane { area: Area::new(50.0, 184.0, 740.0, 34.0), counts: &counts, gap: 3.0 };
    Bars { lanes: vec![lane] }.draw(&mut scene);
    scale.draw(&mut scene, |t| format!("{:.0} min", t / 60.0 / SECOND as f64));
    scene.text(60.0, 20.0, Face::Semibold(11.0), Ink::Accent, "payment 2.14.0 支付");
    Figure {
        scene,
        size: (794.0, 244.0),
        caption: "Each dot is a trace through checkout; log scale. A cross is an error. Below: errors a minute.".into(),
        alt: "Durations of 400 traces over 27 minutes, 14 of them errors.".into(),
        legend: vec![(0x002F_5F8C, "traces".into()), (0x00BF_1D2A, "errors".into())],
        origin: Origin {
            query: "service:checkout duration:>100ms".into(),
            rows: "400 of 400 rows".into(),
            hash: "5b7".repeat(21) + "5",
            file: "figure-1.csv".into(),
        },
    }
}

fn sample() -> Report {
    let column = |name: &str| Column { name: name.into(), ..Column::default() };
    let cell = |text: &str| Cell::from(text.to_owned());
    let table = Table {
        columns: vec![
            column("Level"),
            column("Service"),
            Column { is_wide: true, is_mono: true, ..column("Pattern") },
            Column { is_figure: true, is_mono: true, ..column("30 min before") },
        ],
        rows: vec![
            vec![
                Cell { tone: Tone::Warn, ..cell("WARN") },
                cell("payment"),
                cell("charge attempt <n> timed out #eval(\"x\") $y$ *z* @ref"),
                cell("2"),
            ],
            vec![
                Cell { tone: Tone::Error, ..cell("ERROR") },
                cell("checkout"),
                cell(&"deadbeef".repeat(40)),
                cell("1,113"),
            ],
            vec![cell("INFO"), cell("שלום"), cell("مرحبا 支付 😀 \u{202e}txt\0"), cell("0")],
            vec![cell("INFO"), cell("long"), cell(&"word ".repeat(2_000_000)), cell("0")],
        ],
        caption: "What log records said.".into(),
        cut: "4 of 1,000 rows are shown; all are in patterns.csv.".into(),
        origin: Some(Origin { query: "logs".into(), ..Origin::default() }),
    };
    let note = |tone: Tone| Block::Note {
        tone,
        title: "Not shown by this report.".into(),
        text: "16,920 of the 18,204 traces lie outside the filter.".into(),
    };
    let text = "Waiting for a connection explains **85 %** of the *added* time; set `http.pool.max`.\n\n- one\n- two\n\n\
                1. first\n2. second\n\n### Below\n\n> quoted\n\n```\nlet x = 1;\n  y\n```\n\n[docs](https://example.org) [bad](javascript:alert(1))";
    let happened = |at: &str, text: &str| Happened { at: at.into(), text: text.into() };
    Report {
        kind: "Incident report".into(),
        kicker: "Incident of 19 November 2026, 14:01:30 – 14:19:10".into(),
        title: "Checkouts slowed to 2 s and 31 failed".into(),
        summary: paragraphs("# In short\n\nA new version of payment opened too few connections to the card acquirer."),
        made_at: "21 Nov 2026 10:40 UTC".into(),
        made_at_nanos: 1_795_257_600 * SECOND,
        source: "shop-demo".into(),
        foot: vec![["Made from bundle".into(), "d41f02b8…a97c".into()]],
        generator: "Sextant 0.1.0".into(),
        attachments: vec![Attachment {
            name: "figure-1.csv".into(),
            description: "rows of figure 1".into(),
            media: "text/csv",
            bytes: b"a,b\n1,2\n".to_vec(),
        }],
        sections: vec![
            Section {
                title: String::new(),
                blocks: vec![Block::Facts {
                    facts: (0..5)
                        .map(|i| Fact {
                            value: ["17 min 40 s", "31", "113", "2.30 s", "$4,212"][i].into(),
                            label: "checkouts slower than 1.5 s of all that there were".into(),
                            tone: if i == 1 { Tone::Error } else { Tone::Plain },
                        })
                        .collect(),
                }],
            },
            Section {
                title: String::new(),
                blocks: vec![Block::Prose { paragraphs: paragraphs("## A heading without a section\n\ntext") }],
            },
            Section { title: "What users met".into(), blocks: vec![Block::Figure(chart())] },
            Section {
                title: "What happened".into(),
                blocks: vec![Block::Times {
                    rows: vec![happened("14:01:30", "payment 2.14.0 rolled out."), happened("14:19:10", "Back.")],
                }],
            },
            Section {
                title: "Cause".into(),
                blocks: vec![Block::Prose { paragraphs: paragraphs(text) }, Block::Table(table)],
            },
            Section { title: "To do".into(), blocks: vec![Block::ToDo { items: vec!["Alert at 80 %".into()] }] },
            Section {
                title: "How this was made".into(),
                blocks: vec![
                    note(Tone::Plain),
                    note(Tone::Warn),
                    note(Tone::Error),
                    Block::Commands { lines: vec!["sextant bundle verify incident.sxb".into()] },
                ],
            },
        ],
    }
}

#[test]
fn a_report_with_everything_is_set_the_same_twice() {
    let report = sample();
    let look = Look::default();
    let made = pdf(&report, &look).expect("it is set");
    assert!(made.bytes.starts_with(b"%PDF-1.7") && made.n_pages == 2, "{} pages", made.n_pages);
    assert!(made.bytes.len() < 300_000, "{} bytes", made.bytes.len());
    assert!(pdf(&report, &look).expect("it is set again") == made, "the same report is not the same bytes");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(out.join("sample.pdf"), &made.bytes).expect("it is written");
    for number in 1..=made.n_pages {
        let picture = page(&report, &look, number, 1.5).expect("a picture");
        assert!(picture.bytes.starts_with(b"\x89PNG"));
        std::fs::write(out.join(format!("sample-{number}.png")), &picture.bytes).expect("it is written");
    }
    assert!(matches!(page(&report, &look, 9, 1.0), Err(ReportError::NoPage { number: 9, n: 2 })));
    std::fs::write(out.join("sample.html"), html(&report)).expect("it is written");
}

#[test]
fn a_page_runs_and_loads_nothing_of_what_a_text_says() {
    let mut report = sample();
    report.title = "<script>alert(1)</script>".into();
    let page = html(&report);
    for bad in ["<script", "javascript:alert", "src=", "@import", "\u{202e}", "\0"] {
        assert!(!page.contains(bad) || bad == "javascript:alert" && !page.contains("href=\"javascript"), "{bad}");
    }
    assert!(page.contains("<ul><li>one</li><li>two</li></ul><ol start=\"1\"><li>first</li><li>second</li></ol>"));
    let outside = page.match_indices("href=\"").filter(|(i, _)| page[i + 6..].starts_with("http")).count();
    assert_eq!(outside, 1, "only the link of the text leads outside, when somebody follows it");
    assert!(page.contains("data:text/csv;base64,") && page.contains("Figure 1.") && page.contains("مرحبا 支付 😀"));
}

#[test]
fn a_font_that_is_none_is_refused() {
    let look = Look { font: Some(b"not a font".to_vec()), ..Look::default() };
    assert!(matches!(pdf(&sample(), &look), Err(ReportError::NoFont)));
}
