//! Who may read, change and send.

use sextant_tests::{Serve, request};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

#[test]
fn reading_wants_the_token() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let http = serve.at("http");
    let get = |path: &str, headers: &[(&str, &str)]| request(http, "GET", path, headers, b"").status;
    for path in ["/", "/api/v1/status", "/api/v1/services", "/api/v1/traces/1", "/metrics", "/api/v1/door/events"] {
        assert_eq!(get(path, &[]), 401, "{path}");
        assert_eq!(get(path, &[("authorization", "Bearer 0000")]), 401, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(path, &[]), 200, "{path}");
    }
    let bearer = format!("Bearer {}", serve.token);
    assert_eq!(get("/api/v1/status", &[("authorization", &bearer)]), 200);
    // Opening the printed address gives the cookie, which then is enough.
    let opened = request(http, "GET", &format!("/?token={}", serve.token), &[], b"");
    assert_eq!(opened.status, 303);
    let cookie = opened.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("samesite=strict") && cookie.contains("httponly"), "{cookie}");
    assert_eq!(get("/api/v1/status", &[("cookie", cookie.split(';').next().expect("a pair"))]), 200);
    assert_eq!(get("/?token=guess", &[]), 401);
}

#[test]
fn a_rebound_name_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let bearer = format!("Bearer {}", serve.token);
    for name in ["http", "otlp-http", "zipkin"] {
        let path = if name == "http" { "/api/v1/status" } else { "/v1/traces" };
        let headers = [("host", "evil.example:4320"), ("authorization", bearer.as_str())];
        let response = request(serve.at(name), if name == "http" { "GET" } else { "POST" }, path, &headers, b"");
        assert_eq!(response.status, 403, "{name}: {}", response.text());
    }
    let named = Serve::start_with(&dir.path().join("named"), &["--allow-host", "box.lan"]);
    let bearer = format!("Bearer {}", named.token);
    let headers = [("host", "box.lan:4320"), ("authorization", bearer.as_str())];
    assert_eq!(request(named.at("http"), "GET", "/api/v1/status", &headers, b"").status, 200);
}

#[test]
fn a_page_from_elsewhere_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let cookie = format!("sextant={}", serve.token);
    let form = |origin: &str| {
        let headers =
            [("origin", origin), ("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        request(serve.at("http"), "POST", "/api/v1/import?name=x", &headers, b"{}").status
    };
    assert_eq!(form("https://evil.example"), 403);
    assert_eq!(form("null"), 403);
    assert_eq!(form("http://localhost:3000"), 403, "another program's page on this machine may not read either");
    let own = format!("http://{}", serve.at("http"));
    assert_ne!(form(&own), 403);
    // Sending telemetry: pages of this machine may, others not, and never by a wildcard.
    let send = |origin: &str| {
        let headers = [("origin", origin), ("content-type", "application/json")];
        request(serve.at("otlp-http"), "POST", "/v1/traces", &headers, b"{}")
    };
    let local = send("http://localhost:3000");
    assert_eq!((local.status, local.header("access-control-allow-origin")), (200, Some("http://localhost:3000")));
    assert_eq!(send("https://evil.example").status, 403);
    let preflight = request(
        serve.at("otlp-http"),
        "OPTIONS",
        "/v1/traces",
        &[("origin", "http://localhost:3000"), ("access-control-request-headers", "content-type,x-a")],
        b"",
    );
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type,x-a"));
    assert_eq!(preflight.header("access-control-allow-credentials"), Some("true"));
}

#[test]
fn other_users_cannot_read_the_token() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let file = dir.path().join("instance.json");
    let mode = file.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).expect("its owner reads it").contains(&serve.token));
    assert_eq!(serve.stop(), Some(0));
    assert!(!file.exists(), "a stopped instance leaves no token behind");
}

#[test]
fn an_open_address_wants_a_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().to_string_lossy().into_owned();
    let refused = sextant_tests::run(&["serve", "--data", &data, "--otlp-http", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--api-key"));
    let serve = Serve::start_with(&dir.path().join("open"), &["--otlp-http", "0.0.0.0:0", "--api-key", "s3cret"]);
    // The first address of the name is the loopback one, which wants no key.
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", "{}").status, 200);
}

/// Seconds of processor that a process has used.
fn used(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    // utime and stime, in hundredths.
    [11, 12].iter().map(|i| fields[*i].parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}

#[test]
fn work_ends_when_nobody_waits_for_it() {
    use sextant_contract::{Ask, Backend as _};
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let url = format!("http://{}", serve.at("http"));
    let backend = sextant_server::HttpBackend::new(&url, &serve.token).expect("a client");
    let endless = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE a.range % 7 = b.range % 5";
    let pause = || std::thread::sleep(Duration::from_millis(500));
    let answer = backend.ask(Ask::sql(endless, None));
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let before = used(serve.pid());
        pause();
        if used(serve.pid()) - before > 0.3 {
            break;
        }
        assert!(Instant::now() < deadline, "it never began");
    }
    drop(answer);
    // Statements that nobody stops run for a minute.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let before = used(serve.pid());
        pause();
        if used(serve.pid()) - before < 0.05 {
            break;
        }
        assert!(Instant::now() < deadline, "it goes on");
    }
}
