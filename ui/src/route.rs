//! Where one is, as an address: back, forward and deep links are the address changing.

use crate::commands::Do;
use crate::runtime::now;

/// Bars of a period.
pub(crate) const N_STEPS: i64 = 90;
/// Times beyond this (the year 2239) are no times that anybody means.
const MAX_TIME: i64 = i64::MAX / 100 * 92;
/// The longest live period: a year and a day.
const MAX_MINUTES: u32 = 527_040;

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Home,
    Traces,
    Trace,
    Compare,
    Differs,
    Logs,
    Metrics,
    Services,
    Sql,
    Status,
    Sources,
    Bundle,
    Report,
    Cost,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Home,
        Self::Traces,
        Self::Trace,
        Self::Compare,
        Self::Differs,
        Self::Logs,
        Self::Metrics,
        Self::Services,
        Self::Sql,
        Self::Status,
        Self::Sources,
        Self::Bundle,
        Self::Report,
        Self::Cost,
    ];

    /// As it stands in an address.
    fn name(self) -> &'static str {
        match self {
            Self::Home => "",
            Self::Traces => "traces",
            Self::Trace => "trace",
            Self::Compare => "compare",
            Self::Differs => "differs",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Services => "services",
            Self::Sql => "sql",
            Self::Status => "status",
            Self::Sources => "sources",
            Self::Bundle => "bundle",
            Self::Report => "report",
            Self::Cost => "cost",
        }
    }

    /// What it is called as a head.
    pub fn title(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Traces => "Traces",
            Self::Trace => "Trace",
            Self::Compare => "Compare",
            Self::Differs => "Differs",
            Self::Logs => "Logs",
            Self::Metrics => "Metrics",
            Self::Services => "Services",
            Self::Sql => "SQL",
            Self::Status => "Status",
            Self::Sources => "Sources",
            Self::Bundle => "Bundle",
            Self::Report => "Report",
            Self::Cost => "Cost",
        }
    }

    /// What it is called in a sentence.
    pub fn word(self) -> &'static str {
        if self == Self::Home { "home" } else { self.name() }
    }

    /// The screen of the rail that this one belongs to.
    pub fn rail(self) -> Self {
        match self {
            Self::Trace | Self::Compare | Self::Differs => Self::Traces,
            other => other,
        }
    }
}

/// A screen with what is asked on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    pub view: View,
    /// The search.
    pub query: String,
    /// How far back, in minutes; the end is now.
    pub minutes: u32,
    /// A fixed period instead, nanoseconds.
    pub fixed: Option<(i64, i64)>,
    /// The trace that is open.
    pub trace: String,
    /// The span that is selected in it.
    pub span: String,
    /// The trace that it is compared with, the usual one where there is none; or what chosen traces are found by.
    pub other: String,
    /// When chosen traces were.
    pub part: Option<(i64, i64)>,
    /// Attributes that the list of records shows as columns.
    pub columns: Vec<String>,
    /// The cluster whose records are shown; the store's own if empty.
    pub source: String,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            view: View::Home,
            query: String::new(),
            minutes: 60,
            fixed: None,
            trace: String::new(),
            span: String::new(),
            other: String::new(),
            part: None,
            columns: Vec::new(),
            source: String::new(),
        }
    }
}

impl Route {
    /// What the search box holds: a statement is no search.
    pub fn search(&self) -> &str {
        if self.view == View::Sql { "" } else { &self.query }
    }

    /// The period in nanoseconds, up to now if it is live.
    pub fn period(&self) -> (i64, i64) {
        self.period_at(now())
    }

    /// The period that was meant at a moment. A live one ends with a whole step, so that bars keep their places.
    pub fn period_at(&self, now: i64) -> (i64, i64) {
        self.fixed.unwrap_or_else(|| {
            let step = self.step();
            let end = now.div_euclid(step) * step + step;
            (end - step * N_STEPS, end)
        })
    }

    /// The part of a live period that one bar stands for.
    pub fn step(&self) -> i64 {
        i64::from(self.minutes) * 60_000_000_000 / N_STEPS
    }

    pub fn is_live(&self) -> bool {
        self.fixed.is_none()
    }

    /// The same with another period: earlier, later, longer, held or live.
    pub fn moved(&self, what: Do) -> Self {
        let (from, to) = self.period();
        let half = to.saturating_sub(from) / 2;
        let fixed = match what {
            Do::Earlier => Some((from.saturating_sub(half), to.saturating_sub(half))),
            Do::Later => Some((from.saturating_add(half), to.saturating_add(half))),
            Do::ZoomOut if self.is_live() => {
                return Self { minutes: (self.minutes * 4).min(43_200), ..self.clone() };
            }
            Do::ZoomOut => Some((from.saturating_sub(half), to.saturating_add(half))),
            _ if self.is_live() => Some((from, to)),
            _ => None,
        };
        let fixed = fixed.and_then(|(from, to)| bounded(from, to).or(self.fixed));
        Self { fixed, ..self.clone() }
    }

    /// What a search here is called.
    pub fn name(&self) -> String {
        let words = if self.search().is_empty() { "everything" } else { self.search() };
        format!("{words} in {}", self.view.word())
    }

    /// The part of the address after `#`.
    pub fn to_hash(&self) -> String {
        let name = self.view.name();
        if matches!(self.view, View::Home | View::Status | View::Sources | View::Cost) {
            return format!("#/{name}");
        }
        let mut hash = format!("#/{name}?q={}", escape(&self.query));
        match self.fixed {
            Some((from, to)) => hash += &format!("&from={from}&to={to}"),
            None => hash += &format!("&last={}", self.minutes),
        }
        if matches!(self.view, View::Trace | View::Compare | View::Metrics) {
            hash += &format!("&trace={}&span={}", escape(&self.trace), escape(&self.span));
        }
        if !self.other.is_empty() {
            hash += &format!("&with={}", escape(&self.other));
        }
        for column in self.columns.iter().filter(|_| self.view == View::Logs) {
            hash += &format!("&col={}", escape(column));
        }
        if !self.source.is_empty() {
            hash += &format!("&source={}", escape(&self.source));
        }
        if let Some((from, to)) = self.part {
            hash += &format!("&part={from}-{to}");
        }
        hash
    }

    /// Reads an address; what makes no sense in it is left at its default.
    pub fn from_hash(hash: &str) -> Self {
        let hash = hash.trim_start_matches(['#', '/']);
        let (name, parameters) = hash.split_once('?').unwrap_or((hash, ""));
        let get = |key: &str| {
            let found = parameters.split('&').find_map(|p| p.strip_prefix(key)?.strip_prefix('='));
            unescape(found.unwrap_or_default())
        };
        let view = View::ALL.into_iter().find(|v| v.name() == name).unwrap_or(View::Home);
        let fixed = match (get("from").parse(), get("to").parse()) {
            (Ok(from), Ok(to)) => bounded(from, to),
            _ => None,
        };
        let part = get("part");
        let part = part.split_once('-').and_then(|(from, to)| bounded(from.parse().ok()?, to.parse().ok()?));
        let minutes = get("last").parse().ok().filter(|m| (1..=MAX_MINUTES).contains(m)).unwrap_or(60);
        let columns = parameters.split('&').filter_map(|p| p.strip_prefix("col=")).map(unescape).collect();
        Self {
            view,
            query: get("q"),
            minutes,
            fixed,
            trace: get("trace"),
            span: get("span"),
            other: get("with"),
            part,
            columns,
            source: get("source"),
        }
    }
}

/// A period that makes sense.
fn bounded(from: i64, to: i64) -> Option<(i64, i64)> {
    let (from, to) = (from.clamp(0, MAX_TIME), to.clamp(0, MAX_TIME));
    (from < to).then_some((from, to))
}

fn escape(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = text_of(tail).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (b'%', Some(code)) = (first, code) {
            bytes.push(code);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.get(..2)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_both_ways() {
        for route in [
            Route::default(),
            Route { view: View::Traces, query: "service:\"a b\" é&=%".into(), minutes: 15, ..Route::default() },
            Route {
                view: View::Compare,
                trace: "ab".into(),
                other: "c d".into(),
                part: Some((3, 4)),
                ..Route::default()
            },
            Route { view: View::Trace, trace: "ab".into(), span: "cd".into(), fixed: Some((1, 2)), ..Route::default() },
        ] {
            assert_eq!(Route::from_hash(&route.to_hash()), route);
        }
        assert_eq!(Route::from_hash("#/nonsense?from=x&%%%"), Route::default());
    }
}
