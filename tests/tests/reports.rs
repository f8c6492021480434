//! Reports from the command line: read by poppler, qpdf and pikepdf; the same twice; and what they say can be typed again.

use serde_json::Value;
use sextant_tests::{Serve, json, ok, run, sextant};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The demo shop, in the directory that programs take where none is named.
struct Desk {
    home: tempfile::TempDir,
    data: String,
    /// When its spans begin and end.
    ends: (String, String),
}

fn desk() -> Desk {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("sextant"));
    let data = serve.dir.to_string_lossy().into_owned();
    ok(&["demo", "--data", &data, "--spans", "12000", "--seed", "5"]);
    assert_eq!(serve.stop(), Some(0));
    let sql = "SELECT min(Timestamp) AS a, max(Timestamp) AS b FROM traces";
    let rows = json(&["sql", sql, "--data", &data, "--format", "json"]);
    let time = |key: &str| rows[0][key].as_str().expect("a time").to_owned();
    let ends = (time("a"), time("b"));
    Desk { home, data, ends }
}

impl Desk {
    fn out(&self, name: &str) -> String {
        text(&self.home.path().join(name))
    }

    fn report(&self, args: &[&str]) -> Value {
        let fixed = ["--data", &self.data, "--at", "2026-11-22T10:00:00Z", "--json"];
        json(&[&["report"], args, &fixed].concat())
    }
}

fn said_by(program: &str, args: &[&str]) -> String {
    let done =
        Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}; make setup installs it"));
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// What pikepdf reads, and which of `words` are anywhere in it.
fn read(path: &str, words: &[&str]) -> Value {
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let script = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/read_report.py"));
    let python = text(&home.join(".cache/sextant/venv/bin/python"));
    serde_json::from_str(&said_by(&python, &[&[script.as_str(), path], words].concat())).expect("JSON")
}

/// What must hold for every report; its text.
fn is_accepted(path: &str) -> (Value, String) {
    let info = said_by("pdfinfo", &[path]);
    let of = |key: &str| info.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default().trim().to_owned();
    assert_eq!([of("Tagged:"), of("JavaScript:"), of("Encrypted:")], ["yes", "no", "no"], "{info}");
    assert_eq!(of("CreationDate:"), "Sun Nov 22 10:00:00 2026 UTC");
    assert!(said_by("qpdf", &["--check", path]).contains("No syntax or stream encoding errors"));
    let said = read(path, &[]);
    assert_eq!([&said["pdfa"], &said["pdfua"], &said["lang"]], ["3A", "1", "en"], "{said}");
    assert!(said["title"].as_str().is_some_and(|t| !t.is_empty()) && said["marked"] == true, "{said}");
    let alts = said["alts"].as_array().expect("figures");
    assert!(alts.iter().all(|a| a.as_str().is_some_and(|a| a.len() > 20)), "a figure says nothing: {alts:?}");
    assert_eq!(said["roles"]["/H1"], 1, "{said}");
    let tables = said["roles"]["/Table"].as_u64().unwrap_or(0);
    assert!(tables == 0 || said["roles"]["/TH"].as_u64() >= Some(2 * tables), "a table has no head: {said}");
    let fonts = said["fonts"].as_array().expect("fonts");
    assert!(fonts.iter().all(|f| f[1] == true), "a font is not in the file: {fonts:?}");
    // Lines are broken where they end.
    let words: Vec<String> =
        said_by("pdftotext", &["-layout", path, "-"]).split_whitespace().map(str::to_owned).collect();
    (said, words.join(" "))
}

#[test]
fn an_incident_is_told_the_same_twice_and_can_be_asked_again() {
    let desk = desk();
    // The middle third of what there is.
    let sql = "SELECT make_timestamp_ns(epoch_ns(min(Timestamp)) + (epoch_ns(max(Timestamp)) - epoch_ns(min(Timestamp))) // 3)::VARCHAR AS a, \
               make_timestamp_ns(epoch_ns(min(Timestamp)) + 2 * (epoch_ns(max(Timestamp)) - epoch_ns(min(Timestamp))) // 3)::VARCHAR AS b FROM traces";
    let rows = json(&["sql", sql, "--data", &desk.data, "--format", "json"]);
    let time = |key: &str| format!("{}Z", rows[0][key].as_str().expect("a time").replacen(' ', "T", 1));
    let (from, to) = (time("a"), time("b"));
    let (a, b, page) = (desk.out("a.pdf"), desk.out("b.pdf"), desk.out("a.html"));
    let text = desk.out("said.md");
    std::fs::write(&text, "Payment opened **too few** connections.\n\n- see the `pool`").expect("it is written");
    let incident = |out: &str| {
        let args =
            ["incident", "--from", &from, "--to", &to, "--out", out, "--text", &text, "--to-do", "Alert at 80 %"];
        desk.report(&args)
    };
    let (first, second) = (incident(&a), incident(&b));
    assert_eq!(first["sha256"], second["sha256"], "the same incident is not the same file");
    assert!(std::fs::read(&a).expect("a file") == std::fs::read(&b).expect("a file"));
    let (said, words) = is_accepted(&a);
    for expected in [
        "Payment opened too few connections.",
        "What users met",
        "What happened",
        "Alert at 80 %",
        "Figure 1.",
        "page 1 of",
    ] {
        assert!(words.contains(expected), "{expected:?} is missing: {words}");
    }
    assert_eq!(
        said["attached"].as_object().expect("files").len(),
        first["attachments"].as_array().expect("names").len()
    );
    for (name, about) in said["attached"].as_object().expect("files") {
        let hash = about["sha256"].as_str().expect("a hash");
        assert_eq!(about["relationship"], "/Data");
        let bare: String = words.split_whitespace().collect();
        let under = format!("{name}sha256{}…{}", &hash[..8], &hash[60..]);
        assert!(bare.contains(&under), "{name} is not under its figure: {words}");
    }
    // As a page: nothing is loaded, and the commands print what is attached.
    incident(&page);
    let html = std::fs::read_to_string(&page).expect("a page");
    assert!(
        html.contains("default-src 'none'") && !html.contains("<script") && !html.contains("src="),
        "it may load something"
    );
    let commands =
        html.split("<div class=\"commands\"><code>").nth(1).and_then(|t| t.split("</code>").next()).expect("commands");
    let commands = commands.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let path = format!(
        "{}:{}",
        Path::new(&sextant()).parent().expect("a folder").display(),
        std::env::var("PATH").expect("a path")
    );
    let mut n = 0;
    for line in commands.split("<br>") {
        let (command, hash) = line.split_once("   # ").unwrap_or_else(|| panic!("no hash in {line}"));
        let done =
            Command::new("sh").args(["-c", command]).env("PATH", &path).env("XDG_DATA_HOME", desk.home.path()).output();
        let done = done.expect("sh");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(said.starts_with(hash), "{command}: {said} {}", String::from_utf8_lossy(&done.stderr));
        n += 1;
    }
    assert!(n >= 3, "{commands}");
}

#[test]
fn every_kind_is_accepted_paper() {
    let desk = desk();
    let (from, to) = (desk.ends.0.as_str(), desk.ends.1.as_str());
    let found = json(&["search", "traces", "error:true", "--limit", "1", "--data", &desk.data, "--format", "json"]);
    let id = found[0]["TraceId"].as_str().expect("a trace").to_owned();
    let out = |kind: &str| desk.out(&format!("{kind}.pdf"));
    desk.report(&["trace", "--trace", &id, "--out", &out("trace")]);
    let (_, words) = is_accepted(&out("trace"));
    assert!(words.contains(&id) && words.contains("Span by span") && words.contains("Where it failed"), "{words}");
    desk.report(&["incident", "--trace", &id, "--out", &out("incident")]);
    assert!(is_accepted(&out("incident")).1.contains(&id));
    desk.report(&["service", "--service", "checkout", "--from", from, "--to", to, "--out", &out("service")]);
    let (_, words) = is_accepted(&out("service"));
    assert!(words.contains("Operations") && words.contains("PlaceOrder") && words.contains("p99"), "{words}");
    desk.report(&["audit", "--out", &out("audit")]);
    let (_, words) = is_accepted(&out("audit"));
    assert!(words.contains("Nothing is unaccounted for.") && words.contains("Sound."), "{words}");
    let file = desk.out("policy.toml");
    let policy = ok(&["simulate", "init", "--data", &desk.data])
        + "[[compare]]\nname = \"lean\"\nset = { \"sampling.applied\" = true, \"sampling.head\" = 0.0, \"tier[0].days\" = 5 }\n";
    std::fs::write(&file, policy).expect("it is written");
    desk.report(&["cost", "--scenario", &file, "--out", &out("cost")]);
    let (said, words) = is_accepted(&out("cost"));
    for expected in ["Side by side", "error traces would be gone", "What moves the bill", "EBS gp3", "scaled up from"] {
        assert!(words.contains(expected), "{expected:?} is missing: {words}");
    }
    let gone = &said["attached"]["02-error-traces-that-would-be-gone.csv"]["bytes"];
    assert!(gone.as_u64() > Some(33), "each is named: {said}");
    let file = desk.out("mine.toml");
    let said = format!(
        "title = \"My week\"\nfrom = \"{from}\"\nto = \"{to}\"\ntext = \"What *I* saw.\"\nto_do = [\"Sleep\"]\n\
         [[part]]\ntitle = \"Errors\"\nsearch = \"spans\"\nquery = \"error:true | count by service every 5m\"\n\
         [[part]]\ntitle = \"Rows\"\nsearch = \"logs\"\nlimit = 700\n\
         [[part]]\ntitle = \"Services\"\nservices = true\n\
         [[part]]\ntitle = \"A statement\"\nsql = \"SELECT ServiceName, count(*) AS n FROM traces GROUP BY 1 ORDER BY 1\"\n\
         [[part]]\ntitle = \"One trace\"\ntrace = \"{id}\"\n[[part]]\ntitle = \"Only words\"\ntext = \"1. one\"\n\
         [[part]]\ntitle = \"Nobody\"\nsearch = \"traces\"\nquery = \"service:nobody\"\n\
         [[part]]\ntitle = \"No figures\"\nsearch = \"logs\"\nquery = \"service:nobody | count every 5m\"\n"
    );
    std::fs::write(&file, said).expect("it is written");
    desk.report(&["custom", &file, "--out", &out("custom")]);
    let (said, words) = is_accepted(&out("custom"));
    for expected in [
        "My week",
        "Sleep",
        "500 of 700 rows are shown; all are in the attached 02-rows.csv.",
        "Only words",
        "Nothing was found.",
    ] {
        assert!(words.contains(expected), "{expected:?} is missing: {words}");
    }
    assert!(said["attached"]["02-rows.csv"]["bytes"].as_u64() > Some(100_000), "{said}");
}

#[test]
fn a_report_of_a_bundle_says_whose_and_has_nothing_that_was_redacted() {
    let desk = desk();
    let bundle = desk.out("b.sxb");
    let search = "service:checkout";
    ok(&[
        "bundle",
        "create",
        search,
        "--whole-traces",
        "--redact",
        "user.id=drop",
        "--data",
        &desk.data,
        "--out",
        &bundle,
    ]);
    let open = desk.out("open.sxb");
    ok(&["bundle", "create", search, "--whole-traces", "--data", &desk.data, "--out", &open]);
    let sql = "SELECT DISTINCT SpanAttributes['user.id'] AS u FROM traces WHERE u IS NOT NULL AND TraceId IN \
               (SELECT TraceId FROM traces WHERE ServiceName = 'checkout') ORDER BY u LIMIT 5";
    let rows = json(&["sql", sql, "--data", &desk.data, "--format", "json"]);
    let users: Vec<&str> =
        rows.as_array().expect("rows").iter().filter_map(|r| r["u"].as_str()).filter(|u| u.len() > 4).collect();
    assert!(!users.is_empty(), "{rows}");
    let file = desk.out("users.toml");
    std::fs::write(
        &file,
        "[[part]]\nsql = \"SELECT SpanAttributes['user.id'] AS u, count(*) AS n FROM traces GROUP BY 1 ORDER BY 1\"\n",
    )
    .expect("it is written");
    let custom = |from: &str, out: &str| {
        desk.report(&["custom", &file, "--open", from, "--out", out]);
        read(out, &users)["found"].as_array().expect("words").len()
    };
    assert_eq!(custom(&bundle, &desk.out("closed.pdf")), 0, "what was redacted is in the report");
    assert!(custom(&open, &desk.out("opened.pdf")) > 0, "the test can't fail");
    let audit = desk.out("audit.pdf");
    desk.report(&["audit", "--open", &bundle, "--out", &audit]);
    let (_, words) = is_accepted(&audit);
    let hash = json(&["bundle", "inspect", &bundle, "--format", "json"])["hash"].as_str().expect("a hash").to_owned();
    for expected in [hash.as_str(), "verdict VALID", "What this does not prove", "Custody", "user.id", "b.sxb"] {
        assert!(words.contains(expected), "{expected:?} is missing: {words}");
    }
    // Its own period is meant if none is said.
    let incident = desk.out("incident.pdf");
    desk.report(&["incident", "--open", &bundle, "--out", &incident]);
    let (_, words) = is_accepted(&incident);
    assert!(words.contains("verdict VALID") && words.contains("What happened"), "{words}");
    // One that was altered is a bundle all the same, and every report of it says what it is.
    let mut bytes = std::fs::read(&bundle).expect("a file");
    // In the words on how to check it: every row can still be read.
    let place = bytes.windows(9).position(|w| w == b"sha256sum").expect("words");
    bytes[place] ^= 1;
    let altered = desk.out("altered.sxb");
    std::fs::write(&altered, bytes).expect("a file");
    desk.report(&["audit", "--open", &altered, "--out", &audit]);
    let (_, words) = is_accepted(&audit);
    assert!(words.contains("verdict INVALID") && words.contains("FAILS"), "{words}");
    assert!(!words.contains("unaccounted") && !words.contains("Sound."), "{words}");
    let custom = desk.out("altered.pdf");
    desk.report(&["custom", &file, "--open", &altered, "--out", &custom]);
    let (_, words) = is_accepted(&custom);
    assert!(words.contains("verdict INVALID") && words.contains("nothing in it can be relied on"), "{words}");
}

#[test]
fn what_makes_no_sense_makes_no_file() {
    let desk = desk();
    let out = desk.out("r.pdf");
    let endless = desk.out("endless.typ");
    let hungry = desk.out("hungry.typ");
    let wrong = desk.out("wrong.typ");
    let curious = desk.out("curious.typ");
    let online = desk.out("online.typ");
    let unknown = desk.out("unknown.toml");
    for (path, text) in [
        (
            &endless,
            "#let n = 0\n#for i in range(9000) { for j in range(9000) { for k in range(9000) { n = calc.rem(n + k, 7) } } }",
        ),
        (&hungry, "#let s = \"x\"\n#for i in range(60) { s = s + s }\n#s"),
        (&wrong, "#set page(paper: \"a4\")\n#let x = nothing-of-this-name"),
        (&curious, "#read(\"/etc/passwd\")"),
        (&online, "#import \"@preview/cetz:0.4.0\": canvas"),
        (&unknown, "title = \"x\"\n[[part]]\nsearhc = \"logs\"\n"),
    ] {
        std::fs::write(path, text).expect("it is written");
    }
    for (args, expected) in [
        (vec!["incident", "--from", "1999-01-01T00:00:00Z", "--to", "1999-01-02T00:00:00Z"], "there are no traces"),
        (vec!["incident"], "needs a period"),
        (vec!["trace", "--trace", "00000000000000000000000000000001"], "there is no trace"),
        (vec!["trace", "--trace", "zz"], "no trace id"),
        (vec!["service", "--service", "nobody", "--since", "10d"], "there is no service \"nobody\""),
        (vec!["custom", unknown.as_str()], "searhc"),
        (vec!["audit", "--template", wrong.as_str()], "template.typ, line 2, column 10"),
        (vec!["audit", "--template", curious.as_str()], "not found"),
        (vec!["audit", "--template", online.as_str()], "takes nothing from elsewhere"),
        (vec!["audit", "--template", hungry.as_str()], "needs more than the memory"),
        (vec!["audit", "--template", endless.as_str()], "needs more than 20 seconds"),
    ] {
        let since = Instant::now();
        let done = run(&[&["report"], args.as_slice(), &["--data", &desk.data, "--out", &out]].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
        assert!(!Path::new(&out).exists(), "{args:?} left a file");
        assert!(since.elapsed() < Duration::from_secs(60), "{args:?} took {:?}", since.elapsed());
    }
    let done = run(&["report", "audit", "--data", &desk.data, "--out", &desk.out("r.docx")]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("end it in .pdf or .html"));
    // Our own template, given back, makes the same pages.
    let mine = desk.out("mine.typ");
    std::fs::write(&mine, ok(&["report", "template"])).expect("it is written");
    let (a, b) = (desk.out("a.pdf"), desk.out("b.pdf"));
    assert_eq!(
        desk.report(&["audit", "--out", &a])["sha256"],
        desk.report(&["audit", "--out", &b, "--template", &mine])["sha256"]
    );
}
