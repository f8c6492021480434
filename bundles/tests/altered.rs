//! Whatever is done to a bundle is found, by us and by a shell.

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use sextant_bundles::{Bag, Facts, Key, Maker, Papers, Question, Report, Trust, Verdict, verify};
use sextant_model::{Table, UnixNanos, schema};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
const DAY: i64 = 86_400 * 1_000_000_000;

fn start() -> i64 {
    UnixNanos::parse("2026-11-20T23:59:00Z").expect("a time").0
}

/// Rows of a table, one each 100 ms.
fn rows(table: Table, n: usize) -> RecordBatch {
    let times = TimestampNanosecondArray::from_iter_values((0..n).map(|i| start() + i as i64 * 100_000_000));
    let names = StringArray::from_iter_values((0..n).map(|i| format!("svc{}", i % 3)));
    let columns: [(&str, ArrayRef); 2] = [(table.time_column(), Arc::new(times)), ("ServiceName", Arc::new(names))];
    let rows = RecordBatch::try_from_iter(columns).expect("columns");
    sextant_columns::conformed_to(&schema::arrived(table), rows).expect("rows")
}

fn facts() -> Facts {
    Facts {
        made_at: "2026-11-22T10:00:00Z".into(),
        title: "checkout".into(),
        question: Question { query: "service:svc1".into(), signals: vec!["traces".into()], ..Question::default() },
        not_before: Some("2026-11-22T00:00:00Z".into()),
        not_after: Some("2026-12-22T00:00:00Z".into()),
        ..Facts::default()
    }
}

fn key() -> Key {
    Key::from_pem(PEM, None).expect("a key")
}

/// Two days of spans and some records.
fn made(out: &Path, n: usize) -> String {
    let mut maker = Maker::begin(out).expect("it begins");
    for table in [Table::Traces, Table::Logs] {
        let all = rows(table, n);
        // Where batches end must not be seen.
        for from in (0..n).step_by(n / 3 + 1) {
            maker.write(table, &all.slice(from, (n / 3 + 1).min(n - from))).expect("rows");
        }
    }
    maker.finish(facts(), &Papers::default(), &key()).expect("it is made").hash
}

fn trust() -> Trust {
    Trust { key: Some(key().public()), at: start() + 3 * DAY, ..Trust::default() }
}

fn look(path: &Path, trust: &Trust) -> Report {
    verify(path, trust, &|_, _| true).expect("there is something").0
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &to);
        } else {
            assert!(std::fs::copy(entry.path(), to).is_ok());
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// What the commands of VERIFY.md say, with no program but those that it names.
fn shell(dir: &Path, tools: &Path) -> bool {
    let text = std::fs::read_to_string(dir.join("VERIFY.md")).expect("VERIFY.md");
    shell_with(dir, tools, &text)
}

fn shell_with(dir: &Path, tools: &Path, text: &str) -> bool {
    let (_, rest) = text.split_once("```sh\n").expect("commands");
    let (commands, rest) = rest.split_once("```").expect("their end");
    assert!(!rest.contains("```sh"), "one block alone");
    let mut shell = Command::new("/bin/bash");
    let done =
        shell.args(["-e", "-c", commands]).current_dir(dir).env_clear().env("PATH", tools).output().expect("bash");
    done.status.success()
}

/// A folder with four programs in it.
fn tools(dir: &Path) -> PathBuf {
    let tools = dir.join("tools");
    std::fs::create_dir(&tools).expect("a folder");
    for name in ["sha256sum", "find", "diff", "openssl"] {
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), tools.join(name)).expect("a link");
    }
    tools
}

#[test]
fn the_same_rows_make_the_same_bundle() {
    let dir = tempfile::tempdir().expect("a directory");
    let (a, b) = (dir.path().join("a.sxb"), dir.path().join("b.sxb"));
    let hash = made(&a, 1_200);
    assert_eq!(made(&b, 1_200), hash);
    assert_eq!(std::fs::read(&a).expect("a zip"), std::fs::read(&b).expect("a zip"));
    assert_eq!(made(&dir.path().join("folder"), 1_200), hash);
    assert_ne!(made(&dir.path().join("other"), 1_201), hash);
    for path in [&a, &dir.path().join("folder")] {
        let report = look(path, &trust());
        assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
        assert_eq!(report.hash.as_deref(), Some(&*hash));
        let facts = report.facts.expect("facts");
        assert_eq!((facts.tables["traces"].rows, facts.tables["traces"].files), (1_200, 2));
        assert_eq!(facts.tables["logs"].last, UnixNanos(start() + 1_199 * 100_000_000).to_string());
        assert!(report.checks.iter().all(|c| c.is_good == Some(true)), "{:?}", report.checks);
    }
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 4, "nothing lies aside");
    // An unpacked zip is the folder.
    let done = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&a).arg(dir.path().join("unpacked")).status();
    assert!(done.expect("python").success());
    assert_eq!(look(&dir.path().join("unpacked"), &trust()).verdict, Verdict::Valid);
}

#[test]
fn who_and_when_are_part_of_the_verdict() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.sxb");
    made(&path, 30);
    let at = |text: &str| UnixNanos::parse(text).expect("a time").0;
    let other = Key::generate().expect("a key").public();
    let fingerprint = key().public().fingerprint();
    for (trust, verdict) in [
        (trust(), Verdict::Valid),
        (Trust { key: None, ..trust() }, Verdict::ValidUntrustedKey),
        (Trust { key: None, trusted: [fingerprint].into(), ..trust() }, Verdict::Valid),
        (Trust { key: Some(other.clone()), ..trust() }, Verdict::SignedByOtherKey),
        (Trust { at: at("2026-11-21T23:59:59Z"), ..trust() }, Verdict::NotYetValid),
        (Trust { at: at("2026-11-22T00:00:00Z"), ..trust() }, Verdict::Valid),
        (Trust { at: at("2026-12-22T00:00:00Z"), ..trust() }, Verdict::Valid),
        (Trust { at: at("2026-12-22T00:00:01Z"), ..trust() }, Verdict::Expired),
        (Trust { key: None, at: at("2027-01-01"), ..trust() }, Verdict::Expired),
        (Trust { key: Some(other), at: at("2027-01-01"), ..trust() }, Verdict::SignedByOtherKey),
    ] {
        let report = look(&path, &trust);
        assert_eq!(report.verdict, verdict, "{:?}", report.reason);
        assert_eq!(report.reason.is_none(), verdict == Verdict::Valid, "{:?}", report.reason);
        let doubts_key = report.not_proven.iter().any(|p| p.contains("Who holds the key"));
        assert_eq!(doubts_key, verdict != Verdict::Valid);
    }
}

#[test]
fn every_alteration_of_a_folder_is_found_by_us_and_by_the_shell() {
    let dir = tempfile::tempdir().expect("a directory");
    let tools = tools(dir.path());
    let sound = dir.path().join("sound");
    made(&sound, 700);
    assert!(shell(&sound, &tools), "the shell accepts it");
    assert_eq!(look(&sound, &trust()).verdict, Verdict::Valid);
    // Who checks brings the commands along: those inside are part of what is checked.
    let commands = std::fs::read_to_string(sound.join("VERIFY.md")).expect("VERIFY.md");
    let mut n = 0;
    let mut check = |what: &str, alter: &dyn Fn(&Path)| {
        let copy = dir.path().join(format!("copy{n}"));
        n += 1;
        copied(&sound, &copy);
        alter(&copy);
        let report = look(&copy, &trust());
        assert_eq!(report.verdict, Verdict::Invalid, "{what}: {:?}", report.checks);
        assert!(report.reason.is_some() && report.file.is_some(), "{what}: {report:?}");
        assert!(!shell_with(&copy, &tools, &commands), "{what}: the shell lets it pass");
        std::fs::remove_dir_all(copy).expect("it goes");
        report
    };
    let names: Vec<PathBuf> =
        files(&sound).iter().map(|p| p.strip_prefix(&sound).expect("inside").to_owned()).collect();
    assert_eq!(names.len(), 15, "{names:?}");
    for name in &names {
        let shown = name.display().to_string();
        for place in [0.0, 0.5, 1.0] {
            check(&format!("a bit of {shown}"), &|copy| {
                let mut bytes = std::fs::read(copy.join(name)).expect("a file");
                let at = ((bytes.len() - 1) as f64 * place) as usize;
                bytes[at] ^= 1;
                std::fs::write(copy.join(name), bytes).expect("a file");
            });
        }
        let renamed = check(&format!("{shown} renamed"), &|copy| {
            let to = copy.join(name).with_extension("other");
            std::fs::rename(copy.join(name), to).expect("a name");
        });
        assert_eq!(renamed.file.as_deref(), Some(&*shown), "{renamed:?}");
        check(&format!("{shown} removed"), &|copy| std::fs::remove_file(copy.join(name)).expect("it goes"));
        check(&format!("{shown} longer"), &|copy| {
            let mut bytes = std::fs::read(copy.join(name)).expect("a file");
            bytes.push(b'\n');
            std::fs::write(copy.join(name), bytes).expect("a file");
        });
        if shown.starts_with("data/") {
            let report =
                check(&format!("{shown} empty"), &|copy| std::fs::write(copy.join(name), b"").expect("a file"));
            assert_eq!(report.file.as_deref(), Some(&*shown));
        }
    }
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let lines = std::fs::read_to_string(sound.join(manifest)).expect("a manifest");
        for line in lines.lines() {
            check(&format!("{line} out of {manifest}"), &|copy| {
                std::fs::write(copy.join(manifest), lines.replace(&format!("{line}\n"), "")).expect("a file");
            });
        }
        check(&format!("{manifest} reversed"), &|copy| {
            let reversed: String = lines.lines().rev().map(|l| format!("{l}\n")).collect();
            std::fs::write(copy.join(manifest), reversed).expect("a file");
        });
    }
    for added in
        ["extra.txt", ".hidden", "data/extra.parquet", "data/traces/date=2026-11-20/part-001.parquet", "other/file"]
    {
        let report = check(&format!("{added} added"), &|copy| {
            std::fs::create_dir_all(copy.join(added).parent().expect("a folder")).expect("a folder");
            std::fs::write(copy.join(added), b"x").expect("a file");
        });
        assert_eq!(report.file.as_deref(), Some(added), "{report:?}");
    }
    let link = check("a link", &|copy| {
        std::fs::rename(copy.join("bag-info.txt"), dir.path().join("elsewhere")).expect("a name");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), copy.join("bag-info.txt")).expect("a link");
    });
    assert_eq!(link.file.as_deref(), Some("bag-info.txt"));
    check("two files of data swapped", &|copy| {
        let of = |date: &str| copy.join(format!("data/traces/date={date}/part-000.parquet"));
        std::fs::rename(of("2026-11-20"), copy.join("aside")).expect("a name");
        std::fs::rename(of("2026-11-21"), of("2026-11-20")).expect("a name");
        std::fs::rename(copy.join("aside"), of("2026-11-21")).expect("a name");
    });
    check("signed anew by another key", &|copy| {
        // Without its private key only the files can be exchanged, not what hangs together.
        std::fs::write(copy.join("pubkey.pem"), Key::generate().expect("a key").public().to_pem()).expect("a file");
    });
}

#[test]
fn every_bit_of_a_zip_counts() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.sxb");
    made(&path, 8);
    let sound = std::fs::read(&path).expect("a zip");
    let other = dir.path().join("b.sxb");
    let check = |what: &str, bytes: &[u8]| {
        std::fs::write(&other, bytes).expect("a file");
        let report = look(&other, &trust());
        assert_eq!(report.verdict, Verdict::Invalid, "{what}");
        report
    };
    // Each byte around the files, and some within them.
    let bag = Bag::open(&path).expect("a bag");
    let n_around = sound.len() - bag.files().map(|(_, len)| len as usize).sum::<usize>();
    assert!(n_around > 1_000, "{n_around}");
    let mut n = 0;
    for at in (0..sound.len()).filter(|at| at % 13 == 0 || sound.len() - at < 2_000 || *at < 200) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        check(&format!("byte {at}"), &bytes);
        n += 1;
    }
    assert!(n > 1_500, "{n}");
    for end in [0, 1, 21, 22, sound.len() / 2, sound.len() - 1] {
        check(&format!("cut at {end}"), &sound[..end]);
    }
    check("something behind", &[&sound[..], b"x"].concat());
    check("something before", &[b"x", &sound[..]].concat());
    check("twice", &[&sound[..], &sound[..]].concat());
}

/// A zip as others make it.
fn zipped(path: &Path, script: &str) {
    let script = format!("import zipfile, sys\nz = zipfile.ZipFile(sys.argv[1], 'w')\n{script}\nz.close()\n");
    assert!(Command::new("python3").args(["-c", &script]).arg(path).status().expect("python").success());
}

#[test]
fn what_is_dangerous_is_refused_with_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bad.sxb");
    for (script, said) in [
        ("z.writestr('../../etc/passwd', 'x')", "leads elsewhere"),
        ("z.writestr('/etc/passwd', 'x')", "absolute"),
        ("z.writestr('a\\\\b', 'x')", "can't stand in a name"),
        ("z.writestr('bagit.txt', 'x'); z.writestr('bagit.txt', 'y')", "twice"),
        ("z.writestr('bagit.txt', 'x'); z.writestr('BagIt.txt', 'y')", "capitals"),
        ("z.writestr('bomb', b'0' * 50_000_000, zipfile.ZIP_DEFLATED)", "stored as they are"),
        ("i = zipfile.ZipInfo('link'); i.external_attr = 0o120777 << 16; z.writestr(i, '/etc/passwd')", "altered"),
        ("pass", "missing"),
        ("z.writestr('bagit.txt', 'x'); z.comment = b'hello'", "end is missing"),
    ] {
        zipped(&path, script);
        let report = look(&path, &trust());
        assert_eq!(report.verdict, Verdict::Invalid, "{script}");
        assert!(report.reason.as_deref().is_some_and(|r| r.contains(said)), "{script}: {:?}", report.reason);
    }
    for bytes in [&b""[..], b"PK\x03\x04", b"hello", &[0; 4_096]] {
        std::fs::write(&path, bytes).expect("a file");
        assert_eq!(look(&path, &trust()).verdict, Verdict::Invalid);
    }
    assert!(verify(&dir.path().join("none"), &trust(), &|_, _| true).is_err());
    // Stopped, it says nothing.
    made(&dir.path().join("a.sxb"), 8);
    assert!(verify(&dir.path().join("a.sxb"), &trust(), &|_, _| false).is_err());
}

#[test]
fn a_bundle_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("a.sxb");
    let maker = Maker::begin(&out).expect("it begins");
    assert!(
        maker.finish(facts(), &Papers::default(), &key()).expect_err("nothing in it").to_string().contains("no rows")
    );
    let mut maker = Maker::begin(&out).expect("it begins");
    maker.write(Table::Logs, &rows(Table::Logs, 10)).expect("rows");
    assert!(maker.write(Table::Traces, &rows(Table::Traces, 10)).is_err(), "out of order");
    drop(maker);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
    std::fs::create_dir(dir.path().join("full")).expect("a folder");
    std::fs::write(dir.path().join("full/x"), "x").expect("a file");
    assert!(Maker::begin(&dir.path().join("full")).is_err());
    assert!(Maker::begin(&dir.path().join("none/a.sxb")).is_err());
}
