//! A condition as SQL.

use super::Dialect;
use arrow::datatypes::DataType;
use sextant_model::query::{Expr, Field, Number, SpanSet, Test, TraceField};
use sextant_model::{Param, Signal, Table, TimeRange, schema};

/// The condition, with its values appended to `params`.
pub(crate) struct Filter<'p> {
    pub dialect: &'p dyn Dialect,
    pub signal: Signal,
    /// Within which other spans of a trace are looked for.
    pub within: TimeRange,
    pub params: &'p mut Vec<Param>,
}

/// Letters that a whole word may not touch: as ClickHouse cuts tokens, ASCII letters and digits and all beyond ASCII.
const TOKEN: &str = r"0-9A-Za-z\x{80}-\x{10FFFF}";

impl Filter<'_> {
    fn bind(&mut self, param: Param) -> String {
        self.params.push(param);
        let n = self.params.len();
        self.dialect.placeholder(n, &self.params[n - 1])
    }

    fn text_column(&self) -> &'static str {
        match self.signal {
            Signal::Traces => "SpanName",
            Signal::Logs => "Body",
            Signal::Metrics => "MetricName",
        }
    }

    /// `time >= from AND time < to`, or `true`.
    pub fn range(&mut self, table: Table, range: TimeRange) -> String {
        self.range_of(Some(table), table.time_column(), range)
    }

    /// The same for a column of this name.
    pub fn range_of(&mut self, table: Option<Table>, column: &str, range: TimeRange) -> String {
        let mut parts = Vec::new();
        for (bound, symbol) in [(range.from, ">="), (range.to, "<")] {
            let Some(bound) = bound else { continue };
            if let Some(quick) = table.and_then(|table| self.dialect.bound(table, symbol, bound.0)) {
                parts.push(quick);
            } else {
                let value = self.bind(Param::Int(bound.0));
                parts.push(format!("{column} {symbol} {}", self.dialect.time(&value)));
            }
        }
        if parts.is_empty() { "true".into() } else { parts.join(" AND ") }
    }

    pub fn expr(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::All => "true".into(),
            Expr::And(terms) => self.joined(terms, " AND "),
            Expr::Or(terms) => self.joined(terms, " OR "),
            Expr::Not(inner) => {
                let inner = self.expr(inner);
                format!("NOT coalesce({inner}, false)")
            }
            Expr::Word(word) => self.word(word),
            Expr::Phrase(text) => {
                let column = self.text_column();
                self.contains(column, text)
            }
            Expr::Field(field, test) => self.field(field, test),
            Expr::Trace(field, test) => self.trace(*field, test),
            Expr::Set(set) if self.signal == Signal::Traces => self.set(set),
            Expr::Set(set) => format!("TraceId IN ({})", self.traces_of(set)),
        }
    }

    /// The same for spans, whatever is searched.
    fn of_spans(&mut self) -> Filter<'_> {
        Filter { dialect: self.dialect, signal: Signal::Traces, within: self.within, params: self.params }
    }

    /// Spans of the period, with a condition that `condition` makes.
    fn spans(&mut self, columns: &str, condition: impl FnOnce(&mut Filter<'_>) -> String) -> String {
        let within = self.within;
        let range = self.range(Table::Traces, within);
        let condition = condition(&mut self.of_spans());
        format!("SELECT {columns} FROM {} WHERE {range} AND {condition}", self.dialect.table(Table::Traces))
    }

    /// A figure of the record's trace.
    fn trace(&mut self, field: TraceField, test: &Test) -> String {
        let figure = match field {
            TraceField::Duration => {
                let start = self.dialect.nanos("Timestamp");
                format!("max({start} + Duration) - min({start})")
            }
            TraceField::Spans => "count(*)".to_owned(),
            TraceField::Errors => format!("count(*) FILTER (WHERE {})", failed(Signal::Traces)),
            TraceField::RootName | TraceField::RootService => {
                let text = if field == TraceField::RootName { "SpanName" } else { "ServiceName" };
                let roots =
                    self.spans("TraceId", |f| format!("ParentSpanId = '' AND {}", f.test(text, false, false, test)));
                return format!("TraceId IN ({roots})");
            }
        };
        let within = self.within;
        let range = self.range(Table::Traces, within);
        let having = self.test(&format!("({figure})"), false, true, test);
        let traces = self.dialect.table(Table::Traces);
        format!("TraceId IN (SELECT TraceId FROM {traces} WHERE {range} GROUP BY TraceId HAVING {having})")
    }

    /// Traces that have spans of a set.
    fn traces_of(&mut self, set: &SpanSet) -> String {
        self.spans("TraceId", |f| f.set(set))
    }

    /// Whether a span belongs to a set.
    fn set(&mut self, set: &SpanSet) -> String {
        match set {
            SpanSet::Spans(expr) => self.expr(expr),
            SpanSet::Either(a, b) => {
                let a = self.set(a);
                format!("({a} OR {})", self.set(b))
            }
            SpanSet::Both(a, b) => {
                let either = [self.set(a), self.set(b)].join(" OR ");
                let traces = [self.traces_of(a), self.traces_of(b)];
                format!("(({either}) AND TraceId IN ({}) AND TraceId IN ({}))", traces[0], traces[1])
            }
            SpanSet::Under { above, below, is_direct: true } => {
                let below = self.set(below);
                let parents = self.spans("TraceId, SpanId", |f| f.set(above));
                format!("({below} AND ParentSpanId <> SpanId AND (TraceId, ParentSpanId) IN ({parents}))")
            }
            // From the spans above down, as far as it goes; only in traces that have both.
            SpanSet::Under { above, below, is_direct: false } => {
                let is_below = self.set(below);
                let traces = self.traces_of(below);
                let within = self.within;
                let range = self.range(Table::Traces, within);
                let few = format!(
                    "SELECT TraceId, SpanId, ParentSpanId FROM {} WHERE TraceId IN ({traces}) AND {range}",
                    self.dialect.table(Table::Traces)
                );
                let parents = self.spans("TraceId, SpanId", |f| f.set(above));
                let all = self.dialect.below(&few, &parents);
                format!("({is_below} AND ParentSpanId <> SpanId AND (TraceId, ParentSpanId) IN ({all}))")
            }
        }
    }

    fn joined(&mut self, terms: &[Expr], with: &str) -> String {
        let parts: Vec<String> = terms.iter().map(|t| self.expr(t)).collect();
        format!("({})", parts.join(with))
    }

    fn contains(&mut self, column: &str, text: &str) -> String {
        let value = self.bind(Param::Text(text.to_lowercase()));
        self.dialect.contains(&self.dialect.lower(column), &value)
    }

    /// A whole token of the text column; with `*`, a token that fits.
    fn word(&mut self, word: &str) -> String {
        let column = self.text_column();
        let inside: Vec<String> = word.split('*').map(regex_literal).collect();
        let is_open = |edge: bool| if edge { String::new() } else { format!("[^{TOKEN}]") };
        let start = is_open(false);
        let pattern = format!("(?is)(^|{start}){}($|{start})", inside.join(&format!("[{TOKEN}]*")));
        let value = self.bind(Param::Text(pattern));
        let finds = self.dialect.finds(column, &value);
        let is_whole = |part: &&str| !part.is_empty() && !part.contains('*');
        let words: Vec<&str> =
            word.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '*').filter(is_whole).collect();
        match self.dialect.has_words(column, &words) {
            Some(quick) => format!("({quick} AND {finds})"),
            None => finds,
        }
    }

    fn field(&mut self, field: &Field, test: &Test) -> String {
        let exact = self.exact(field, test);
        match self.hint(field, test) {
            Some(quick) => format!("({quick} AND {exact})"),
            None => exact,
        }
    }

    /// What an index or a smaller column can tell before.
    fn hint(&mut self, field: &Field, test: &Test) -> Option<String> {
        let equals = match test {
            Test::Exists => return None,
            Test::Equals(value) => Some(value.as_str()),
            _ => None,
        };
        let (dialect, signal) = (self.dialect, self.signal);
        dialect.hint(signal, field, equals, &mut |column| self.test(column, false, false, test))
    }

    fn exact(&mut self, field: &Field, test: &Test) -> String {
        match (field, test) {
            (Field::Error, _) => self.error(test),
            (Field::Level, _) => self.level(test),
            (Field::Trace, Test::Contains(id) | Test::Equals(id)) => self.id("TraceId", id),
            (Field::Span, Test::Contains(id) | Test::Equals(id)) => self.id("SpanId", id),
            (Field::Column(name), _) => self.column(name, test),
            _ => {
                let (text, is_attribute) = self.text_of(field);
                self.test(&text, is_attribute, field == &Field::Duration, test)
            }
        }
    }

    /// The text that a field reads, and whether it may be missing.
    fn text_of(&self, field: &Field) -> (String, bool) {
        // The record's own, or else its resource's: a column where the store has made one.
        let attribute = |key: &str| self.dialect.attribute(self.signal, key);
        match field {
            Field::Service => ("ServiceName".into(), false),
            Field::Name => match self.signal {
                Signal::Traces => ("SpanName".into(), false),
                Signal::Logs => ("EventName".into(), false),
                Signal::Metrics => ("MetricName".into(), false),
            },
            Field::Kind => ("SpanKind".into(), false),
            Field::Status => ("StatusCode".into(), false),
            Field::Duration => ("Duration".into(), false),
            Field::Body => ("Body".into(), false),
            Field::Trace => ("TraceId".into(), false),
            Field::Span => ("SpanId".into(), false),
            Field::Environment => (
                format!(
                    "coalesce({}, {})",
                    attribute("deployment.environment.name"),
                    attribute("deployment.environment")
                ),
                true,
            ),
            Field::Attribute(key) => (attribute(key), true),
            Field::Column(_) | Field::Level | Field::Error => (self.text_column().into(), false),
        }
    }

    fn test(&mut self, text: &str, is_attribute: bool, is_number: bool, test: &Test) -> String {
        let as_text = if is_number { self.dialect.text(text) } else { text.to_owned() };
        match test {
            Test::Contains(word) if is_number => match number_of(word) {
                Some(n) => {
                    let value = self.bind(Param::Float(n));
                    format!("{text} = {value}")
                }
                None => self.matches(&as_text, word),
            },
            Test::Contains(word) => self.matches(&as_text, word),
            Test::Equals(value) => {
                let value = self.bind(Param::Text(value.clone()));
                format!("{as_text} = {value}")
            }
            Test::Compare(comparison, number) => self.compare(text, is_number, comparison.symbol(), *number),
            Test::Between { low, high } => {
                let mut parts = Vec::new();
                if let Some((n, is_inclusive)) = low {
                    parts.push(self.compare(text, is_number, if *is_inclusive { ">=" } else { ">" }, *n));
                }
                if let Some((n, is_inclusive)) = high {
                    parts.push(self.compare(text, is_number, if *is_inclusive { "<=" } else { "<" }, *n));
                }
                if parts.is_empty() {
                    self.test(text, is_attribute, is_number, &Test::Exists)
                } else {
                    format!("({})", parts.join(" AND "))
                }
            }
            Test::Matches(pattern) => {
                // Within a group, so that nothing in it changes how the rest is read.
                let value = self.bind(Param::Text(format!("(?s)\\A(?:{pattern})\\z")));
                self.dialect.finds(&as_text, &value)
            }
            Test::Exists if is_attribute || is_number => format!("{text} IS NOT NULL"),
            Test::Exists => format!("coalesce({text}, '') <> ''"),
        }
    }

    /// A substring of any case; with `*`, the whole value has to fit.
    fn matches(&mut self, text: &str, word: &str) -> String {
        if !word.contains('*') {
            return self.contains(text, word);
        }
        let inside: Vec<String> = word.split('*').map(regex_literal).collect();
        let value = self.bind(Param::Text(format!("(?is)\\A{}\\z", inside.join(".*"))));
        self.dialect.finds(text, &value)
    }

    /// As numbers; durations in text, such as `15ms`, count in nanoseconds.
    fn compare(&mut self, text: &str, is_number: bool, symbol: &str, number: Number) -> String {
        let value = self.bind(Param::Float(number.value));
        if is_number {
            return format!("{text} {symbol} {value}");
        }
        let plain = self.dialect.number(text);
        if !number.is_duration {
            return format!("{plain} {symbol} {value}");
        }
        let unit = self.dialect.part(text, "([a-zµ]+)$");
        let units = format!(
            "CASE {unit} WHEN 'ns' THEN 1 WHEN 'us' THEN 1e3 WHEN 'µs' THEN 1e3 \
            WHEN 'ms' THEN 1e6 WHEN 's' THEN 1e9 WHEN 'm' THEN 60e9 WHEN 'h' THEN 3600e9 WHEN 'd' THEN 86400e9 END"
        );
        let amount = self.dialect.number(&self.dialect.part(text, "^\\s*(-?[0-9.]+)\\s*[a-zµ]+$"));
        format!("coalesce({plain}, {amount} * {units}) {symbol} {value}")
    }

    fn id(&mut self, column: &str, id: &str) -> String {
        let id = id.to_lowercase();
        let n_whole = if column == "TraceId" { 32 } else { 16 };
        if id.len() == n_whole && !id.contains('*') {
            let value = self.bind(Param::Text(id));
            return format!("{column} = {value}");
        }
        self.matches(column, &id)
    }

    /// `error:true` is a span with status Error, a log at ERROR or above; `error:x` reads the attribute.
    fn error(&mut self, test: &Test) -> String {
        let failed = failed(self.signal);
        match test {
            Test::Contains(word) | Test::Equals(word) if word == "true" => failed.to_owned(),
            Test::Contains(word) | Test::Equals(word) if word == "false" => format!("NOT ({failed})"),
            _ => {
                let (text, _) = self.text_of(&Field::Attribute("error".into()));
                self.test(&text, true, false, test)
            }
        }
    }

    /// By its text or by the name of its number; compared as numbers.
    fn level(&mut self, test: &Test) -> String {
        match test {
            Test::Contains(word) => {
                let text = self.matches("SeverityText", word);
                let name = self.matches(SEVERITY_NAME, word);
                format!("({text} OR {name})")
            }
            Test::Equals(word) => {
                let (text, name) =
                    (self.bind(Param::Text(word.to_lowercase())), self.bind(Param::Text(word.to_lowercase())));
                let lower = |value| self.dialect.lower(value);
                format!("({} = {text} OR {} = {name})", lower("SeverityText"), lower(SEVERITY_NAME))
            }
            Test::Exists => "(SeverityText <> '' OR SeverityNumber > 0)".into(),
            _ => self.test("SeverityNumber", false, true, test),
        }
    }

    /// A column by its name; `Map.key` reads an entry, `Struct.list` all items.
    fn column(&mut self, name: &str, test: &Test) -> String {
        let (head, rest) = name.split_once('.').map_or((name, None), |(h, r)| (h, Some(r)));
        let tables: &[Table] = self.signal.tables();
        let found = tables.iter().find_map(|t| sextant_model::schema::stored(*t).field_with_name(head).ok().cloned());
        let Some(field) = found.filter(|_| self.dialect.has(self.signal, name)) else { return "false".into() };
        match (field.data_type(), rest) {
            (DataType::Map(..), Some(key)) => {
                let text = self.dialect.entry(self.signal, head, key);
                self.test(&text, true, false, test)
            }
            (DataType::Struct(fields), Some(list)) if fields.iter().any(|f| f.name() == list) => {
                let text = self.dialect.items(head, list);
                self.test(&text, false, false, test)
            }
            (DataType::Utf8, None) => self.test(head, false, false, test),
            (t, None) if t.is_numeric() => self.test(head, false, true, test),
            (t @ (DataType::Map(..) | DataType::Struct(_) | DataType::List(_)), None) if *test == Test::Exists => {
                self.dialect.is_filled(self.signal, head, t)
            }
            (DataType::Binary, _) => "false".into(),
            _ => self.test(&self.dialect.text(head), false, false, test),
        }
    }
}

/// The text that a field of the search language reads, for grouping.
pub(crate) fn field_text(dialect: &dyn Dialect, signal: Signal, key: &str) -> String {
    let field = crate::parser::field_of(signal, key);
    match &field {
        Field::Level => SEVERITY_NAME.to_owned(),
        Field::Column(name) => dialect.text(name.split('.').next().unwrap_or(name)),
        _ => text_of_field(dialect, signal, &field),
    }
}

fn text_of_field(dialect: &dyn Dialect, signal: Signal, field: &Field) -> String {
    let text = Filter { dialect, signal, within: TimeRange::ALL, params: &mut Vec::new() }.text_of(field).0;
    format!("coalesce({}, '')", dialect.text(&text))
}

/// The value of a field for grouping: text, `''` where it is not there.
pub(crate) fn group_text(dialect: &dyn Dialect, signal: Signal, field: &Field) -> String {
    match field {
        Field::Level => SEVERITY_NAME.to_owned(),
        Field::Error => {
            format!("CASE WHEN {} THEN 'true' ELSE 'false' END", failed(signal))
        }
        Field::Column(name) if !dialect.has(signal, name) => "''".to_owned(),
        Field::Column(name) => match name.split_once('.') {
            Some((head, key)) if is_map(signal, head) => format!("coalesce({}, '')", dialect.entry(signal, head, key)),
            Some((head, list)) if is_list(signal, head, list) => format!("coalesce({}, '')", dialect.items(head, list)),
            // What comes behind the dot is anybody's text: no part of a statement.
            Some(_) => "''".to_owned(),
            None => format!("coalesce({}, '')", dialect.text(name)),
        },
        _ => text_of_field(dialect, signal, field),
    }
}

fn is_map(signal: Signal, column: &str) -> bool {
    is_column(signal, column, |of| matches!(of, DataType::Map(..)))
}

fn is_list(signal: Signal, column: &str, list: &str) -> bool {
    is_column(signal, column, |of| matches!(of, DataType::Struct(fields) if fields.iter().any(|f| f.name() == list)))
}

fn is_column(signal: Signal, column: &str, is: impl Fn(&DataType) -> bool) -> bool {
    let has = |t: &Table| schema::stored(*t).field_with_name(column).is_ok_and(|f| is(f.data_type()));
    signal.tables().iter().any(has)
}

/// The value of a field as a number, NULL where it is none.
pub(super) fn number_text(dialect: &dyn Dialect, signal: Signal, field: &Field) -> String {
    match field {
        Field::Duration => "CAST(Duration AS DOUBLE)".to_owned(),
        Field::Level => "CAST(SeverityNumber AS DOUBLE)".to_owned(),
        Field::Column(_) => dialect.number(&format!("nullif({}, '')", group_text(dialect, signal, field))),
        _ => dialect
            .number(&Filter { dialect, signal, within: TimeRange::ALL, params: &mut Vec::new() }.text_of(field).0),
    }
}

/// Whether a record failed: a span with status Error, a log at ERROR or above.
pub(super) fn failed(signal: Signal) -> &'static str {
    if signal == Signal::Logs { "SeverityNumber >= 17" } else { "StatusCode = 'Error'" }
}

/// The name of a severity number's range.
pub(crate) const SEVERITY_NAME: &str = "(CASE WHEN SeverityNumber >= 21 THEN 'FATAL' WHEN SeverityNumber >= 17 THEN 'ERROR' \
    WHEN SeverityNumber >= 13 THEN 'WARN' WHEN SeverityNumber >= 9 THEN 'INFO' WHEN SeverityNumber >= 5 THEN 'DEBUG' \
    WHEN SeverityNumber >= 1 THEN 'TRACE' ELSE '' END)";

fn number_of(word: &str) -> Option<f64> {
    let plain = word.parse().ok().filter(|v: &f64| v.is_finite());
    plain.or_else(|| sextant_model::DurationNanos::parse(word).ok().map(|d| d.0 as f64))
}

/// `text` as a regular expression that matches it alone.
fn regex_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
