//! What can go wrong on the way to a cluster and there, and what to do about it.

use std::fmt;

/// What kind of trouble it is; what is done about it depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing answers there.
    Unreachable,
    /// Something answers, and it is no ClickHouse.
    NotClickHouse,
    /// The certificate is not one to be trusted.
    Certificate,
    /// Wrong user or password, or not from this host.
    Login,
    /// A grant is missing.
    Grant,
    /// A setting may not be changed.
    Setting,
    /// It took too long.
    Time,
    /// It would read or return too much.
    TooMuch,
    /// The server has too much to do, or the quota is used up.
    Busy,
    /// A table, column or function is not there.
    Missing,
    /// The statement makes no sense to the server.
    Statement,
    /// A part of the cluster is down.
    Shard,
    /// The answer broke off.
    Broken,
    /// It was refused here and never sent.
    Refused,
    /// It was cancelled.
    Cancelled,
    /// Anything else.
    Other,
}

/// Why a question to a cluster has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// ClickHouse's number for it, if the server said one.
    pub code: Option<u32>,
    /// The status of the HTTP answer, if there was one.
    pub http: Option<u16>,
    /// The query that it is about.
    pub query_id: String,
    /// What failed, in a sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl std::error::Error for RemoteError {}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Longer texts of servers are cut.
const MAX_TEXT: usize = 600;

/// The beginning of a server's text, without its version and stack.
fn short(text: &str) -> String {
    let text = text.split("Stack trace:").next().unwrap_or(text);
    let text = text.split(" (version ").next().unwrap_or(text).trim();
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

impl RemoteError {
    /// One that no server said.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, code: None, http: None, query_id: String::new(), message: message.into(), hint: None }
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// About this query.
    #[must_use]
    pub fn of(mut self, query_id: &str) -> Self {
        query_id.clone_into(&mut self.query_id);
        self
    }

    /// What a server says with a status other than 200, or in an answer that broke off.
    #[must_use]
    pub fn said(http: Option<u16>, code: Option<u32>, text: &str) -> Self {
        let code = code.or_else(|| number_after(text, "Code: "));
        let Some(code) = code else { return Self::unknown(http, text) };
        let said = short(text);
        let said = said.split_once("DB::Exception: ").map_or(said.as_str(), |(_, rest)| rest);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let (kind, message, hint) = meaning(code, &said);
        Self { kind, code: Some(code), http, query_id: String::new(), message, hint: hint.map(str::to_owned) }
            .with_grant(&said)
    }

    fn unknown(http: Option<u16>, text: &str) -> Self {
        let status = http.map_or_else(String::new, |s| format!(" with status {s}"));
        let one = if text.trim_start().starts_with('<') {
            Self::new(Kind::NotClickHouse, format!("what answers{status} is a web page, not ClickHouse"))
                .hint("is the port the one for HTTP (8123, or 8443 with TLS), and is the path behind the proxy right?")
        } else if matches!(http, Some(408 | 504)) {
            Self::new(Kind::Time, format!("a proxy on the way gave up waiting{status}"))
                .hint("narrow the period, or ask for less")
        } else if matches!(http, Some(502 | 503)) {
            Self::new(Kind::Busy, format!("a proxy answers{status}: the server behind it can't be reached now"))
                .hint("it may be waking up; try again in a minute")
        } else {
            Self::new(Kind::NotClickHouse, format!("what answers{status} is not ClickHouse: {}", short(text)))
        };
        Self { http, ..one }
    }

    /// The line that would give what is missing, where the server says what that is.
    fn with_grant(mut self, said: &str) -> Self {
        if self.kind == Kind::Grant
            && let Some((_, wanted)) = said.split_once("grant ")
        {
            let wanted = wanted.trim_end_matches(['.', ')', ' ']).split(". (").next().unwrap_or(wanted);
            self.hint = Some(format!("its owner can allow it with: GRANT {wanted} TO <this user>"));
        }
        self
    }
}

fn number_after(text: &str, word: &str) -> Option<u32> {
    let rest = &text[text.find(word)? + word.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What a code means: kind, message, what to do.
fn meaning(code: u32, said: &str) -> (Kind, String, Option<&'static str>) {
    let of = |kind: Kind, words: &str, hint: Option<&'static str>| (kind, format!("{words}: {said}"), hint);
    match code {
        192..=194 | 516 => of(
            Kind::Login,
            "wrong user or password, or not allowed from this host",
            Some("check user and password with: sextant source edit"),
        ),
        497 => of(Kind::Grant, "this user lacks a grant", None),
        164 => of(Kind::Setting, "this user may change no setting", None),
        452 => of(Kind::Setting, "the server allows less", Some("lower the limit of this source")),
        115 => of(Kind::Setting, "the server does not know a setting", None),
        159 => of(Kind::Time, "it took longer than the time limit", Some("narrow the period, or ask for less")),
        158 | 307 | 396 => of(
            Kind::TooMuch,
            "it would read or return more than the limit",
            Some("narrow the period or the search; the limits of a source are set with: sextant source edit"),
        ),
        241 | 202 | 201 => of(Kind::Busy, "the server has no room for it now", Some("try again in a minute")),
        60 | 81 | 47 | 46 => of(
            Kind::Missing,
            "what is named is not there, or hidden from this user",
            Some("see what is there with: sextant source test NAME"),
        ),
        62 | 36 | 41 | 53 | 43 | 6 | 386 => of(Kind::Statement, "the server can't make sense of the statement", None),
        279 | 519 | 210 => of(
            Kind::Shard,
            "a part of the cluster does not answer",
            Some("what the rest has can be asked for with partial answers"),
        ),
        394 => of(Kind::Cancelled, "the query was stopped", None),
        _ => (Kind::Other, format!("ClickHouse says ({code}): {said}"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        for (code, kind, part) in [
            (516, Kind::Login, "wrong user or password"),
            (194, Kind::Login, "wrong user or password"),
            (497, Kind::Grant, "lacks a grant"),
            (164, Kind::Setting, "may change no setting"),
            (452, Kind::Setting, "allows less"),
            (115, Kind::Setting, "does not know"),
            (159, Kind::Time, "time limit"),
            (158, Kind::TooMuch, "more than the limit"),
            (307, Kind::TooMuch, "more than the limit"),
            (396, Kind::TooMuch, "more than the limit"),
            (241, Kind::Busy, "no room"),
            (202, Kind::Busy, "no room"),
            (201, Kind::Busy, "no room"),
            (60, Kind::Missing, "not there"),
            (81, Kind::Missing, "not there"),
            (47, Kind::Missing, "not there"),
            (46, Kind::Missing, "not there"),
            (62, Kind::Statement, "sense of the statement"),
            (36, Kind::Statement, "sense of the statement"),
            (41, Kind::Statement, "sense of the statement"),
            (279, Kind::Shard, "part of the cluster"),
            (519, Kind::Shard, "part of the cluster"),
            (210, Kind::Shard, "part of the cluster"),
        ] {
            let text = format!("Code: {code}. DB::Exception: some words. (NAME) (version 26.9.1 (official build))");
            let error = RemoteError::said(Some(500), None, &text);
            assert_eq!((error.kind, error.code), (kind, Some(code)));
            assert!(error.message.contains(part) && error.message.contains("some words"), "{error}");
            assert!(!error.message.contains("version"), "{error}");
        }
    }

    #[test]
    fn a_missing_grant_is_spelt_out() {
        let text = "Code: 497. DB::Exception: ro: Not enough privileges. To execute this query, it's necessary to have \
                    the grant SELECT(Body) ON shop.otel_logs. (ACCESS_DENIED)";
        let hint = RemoteError::said(Some(403), Some(497), text).hint.expect("a hint");
        assert!(hint.contains("GRANT SELECT(Body) ON shop.otel_logs TO"), "{hint}");
    }

    #[test]
    fn what_is_no_server_is_said_to_be_none() {
        let page = RemoteError::said(Some(404), None, "<html>nothing</html>");
        assert_eq!((page.kind, page.http), (Kind::NotClickHouse, Some(404)));
        assert_eq!(RemoteError::said(Some(408), None, "").kind, Kind::Time);
        assert_eq!(RemoteError::said(Some(503), None, "upstream").kind, Kind::Busy);
    }
}
