//! A search in the words of other tools, as far as they have words for it.

use crate::write::{exact as quoted, number};
use sextant_model::query::{Comparison, Expr, Field, Number, Query, SpanSet, Test, TraceField};

/// Why a search can't be said.
type Said<T> = Result<T, &'static str>;

/// As TraceQL.
///
/// # Errors
/// If TraceQL has no words for some part of it.
pub fn traceql(query: &Query) -> Said<String> {
    if query.aggregate.is_some() {
        return Err("figures over groups are written otherwise there");
    }
    match &query.filter {
        Expr::Set(set) => sets(set),
        filter => Ok(format!("{{ {} }}", condition(filter)?)),
    }
}

fn sets(set: &SpanSet) -> Said<String> {
    let inner = |set: &SpanSet| match set {
        SpanSet::Spans(_) => sets(set),
        _ => Ok(format!("({})", sets(set)?)),
    };
    Ok(match set {
        SpanSet::Spans(expr) if **expr == Expr::All => "{}".to_owned(),
        SpanSet::Spans(expr) => format!("{{ {} }}", condition(expr)?),
        SpanSet::Both(a, b) => format!("{} && {}", inner(a)?, inner(b)?),
        SpanSet::Either(a, b) => format!("{} || {}", inner(a)?, inner(b)?),
        SpanSet::Under { above, below, is_direct } => {
            format!("{} {} {}", inner(above)?, if *is_direct { ">" } else { ">>" }, inner(below)?)
        }
    })
}

fn condition(expr: &Expr) -> Said<String> {
    let joined = |terms: &[Expr], with: &str| -> Said<String> {
        let parts: Vec<String> = terms.iter().map(inner).collect::<Said<_>>()?;
        Ok(parts.join(with))
    };
    match expr {
        Expr::All => Ok("true".into()),
        Expr::And(terms) => joined(terms, " && "),
        Expr::Or(terms) => joined(terms, " || "),
        Expr::Not(inside) => Ok(format!("!({})", condition(inside)?)),
        Expr::Word(word) => {
            Ok(format!("name =~ {}", quoted(&format!("(?i)(.*[^0-9A-Za-z])?{}([^0-9A-Za-z].*)?", pattern(word)))))
        }
        Expr::Phrase(text) => Ok(format!("name =~ {}", quoted(&format!("(?i).*{}.*", pattern(text))))),
        Expr::Field(field, test) => compared(&name_of(field)?, field, test),
        Expr::Trace(field, test) => {
            let name = match field {
                TraceField::Duration => "traceDuration",
                TraceField::RootName => "rootName",
                TraceField::RootService => "rootServiceName",
                TraceField::Spans | TraceField::Errors => return Err("TraceQL counts spans behind a pipe"),
            };
            compared(name, &Field::Name, test)
        }
        Expr::Set(_) => Err("TraceQL has no braces inside of conditions"),
    }
}

fn inner(expr: &Expr) -> Said<String> {
    match expr {
        Expr::And(_) | Expr::Or(_) => Ok(format!("({})", condition(expr)?)),
        _ => condition(expr),
    }
}

/// A name as part of a path, quoted where it has to be.
fn attribute(scope: &str, key: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if key.chars().all(is_plain) { format!("{scope}.{key}") } else { format!("{scope}.{}", quoted(key)) }
}

fn name_of(field: &Field) -> Said<String> {
    Ok(match field {
        Field::Service => "resource.service.name".into(),
        Field::Name => "name".into(),
        Field::Kind => "kind".into(),
        Field::Status | Field::Error => "status".into(),
        Field::Duration => "duration".into(),
        Field::Trace => "trace:id".into(),
        Field::Span => "span:id".into(),
        Field::Environment => return Err("TraceQL has one name for an attribute, and env has two"),
        Field::Attribute(key) => attribute("", key),
        Field::Column(name) => match name.split_once('.') {
            Some(("SpanAttributes", key)) => attribute("span", key),
            Some(("ResourceAttributes", key)) => attribute("resource", key),
            _ if name == "StatusMessage" => "statusMessage".into(),
            _ => return Err("TraceQL does not know this column"),
        },
        Field::Level | Field::Body => return Err("TraceQL is about spans"),
    })
}

/// A regular expression for a text with `*`.
fn pattern(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '*' => out.push_str(".*"),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn compared(name: &str, field: &Field, test: &Test) -> Said<String> {
    if *field == Field::Error {
        return match test {
            Test::Contains(word) | Test::Equals(word) if word == "true" => Ok("status = error".into()),
            Test::Contains(word) | Test::Equals(word) if word == "false" => Ok("status != error".into()),
            _ => Err("error is true or false"),
        };
    }
    let is_named = matches!(field, Field::Status | Field::Kind);
    let one = |comparison: Comparison, n: Number| format!("{name} {} {}", comparison.symbol(), number(n));
    Ok(match test {
        Test::Equals(value) | Test::Contains(value) if is_named => {
            let word = value.to_lowercase();
            let known = ["unset", "ok", "error", "unspecified", "internal", "server", "client", "producer", "consumer"];
            if !known.contains(&word.as_str()) {
                return Err("TraceQL knows status and kind by their whole names");
            }
            format!("{name} = {word}")
        }
        Test::Equals(value) => format!("{name} = {}", quoted(value)),
        Test::Contains(word) if word.contains('*') => {
            format!("{name} =~ {}", quoted(&format!("(?i){}", pattern(word))))
        }
        Test::Contains(word) => format!("{name} =~ {}", quoted(&format!("(?i).*{}.*", pattern(word)))),
        Test::Matches(regex) => format!("{name} =~ {}", quoted(regex)),
        Test::Exists => format!("{name} != nil"),
        Test::Compare(comparison, n) => one(*comparison, *n),
        Test::Between { low, high } => {
            let low = low.map(|(n, is)| one(if is { Comparison::GreaterOrEqual } else { Comparison::Greater }, n));
            let high = high.map(|(n, is)| one(if is { Comparison::LessOrEqual } else { Comparison::Less }, n));
            match (low, high) {
                (Some(low), Some(high)) => format!("({low} && {high})"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => format!("{name} != nil"),
            }
        }
    })
}

/// What Jaeger's search form has fields for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Jaeger {
    /// Service.
    pub service: Option<String>,
    /// Operation.
    pub operation: Option<String>,
    /// Tags, as its form takes them: `key=value`, quoted where there are spaces.
    pub tags: Vec<(String, String)>,
    /// Min duration.
    pub min: Option<String>,
    /// Max duration.
    pub max: Option<String>,
}

impl std::fmt::Display for Jaeger {
    /// A line a field of the form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tags = (!self.tags.is_empty()).then(|| self.tags_text());
        let fields = [
            ("Service", &self.service),
            ("Operation", &self.operation),
            ("Tags", &tags),
            ("Max Duration", &self.max),
            ("Min Duration", &self.min),
        ];
        let filled = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let lines: Vec<String> = filled.map(|(name, value)| format!("{name}: {value}")).collect();
        f.write_str(&lines.join("; "))
    }
}

impl Jaeger {
    /// The tags as the form takes them.
    pub fn tags_text(&self) -> String {
        let quote = |text: &str| if text.contains([' ', '"', '=']) { quoted(text) } else { text.to_owned() };
        self.tags.iter().map(|(k, v)| format!("{}={}", quote(k), quote(v))).collect::<Vec<_>>().join(" ")
    }
}

/// As Jaeger's search form.
///
/// # Errors
/// If the form has no field for some part of it.
pub fn jaeger(query: &Query) -> Said<Jaeger> {
    if query.aggregate.is_some() {
        return Err("Jaeger makes no figures");
    }
    let mut form = Jaeger::default();
    let terms = match &query.filter {
        Expr::All => &[][..],
        Expr::And(terms) => terms,
        one => std::slice::from_ref(one),
    };
    for term in terms {
        let Expr::Field(field, test) = term else { return Err("Jaeger's form joins plain fields only") };
        let is_said = match field {
            Field::Service => form.service.is_some(),
            Field::Name => form.operation.is_some(),
            _ => false,
        };
        if is_said {
            return Err("Jaeger's form has each field once");
        }
        match (field, test) {
            (Field::Service, Test::Equals(value) | Test::Contains(value)) if !value.contains('*') => {
                form.service = Some(value.clone());
            }
            (Field::Name, Test::Equals(value)) => form.operation = Some(value.clone()),
            (Field::Attribute(key), Test::Equals(value)) => form.tags.push((key.clone(), value.clone())),
            (Field::Error, Test::Contains(value) | Test::Equals(value)) if value == "true" => {
                form.tags.push(("error".into(), "true".into()));
            }
            (Field::Status, Test::Equals(value) | Test::Contains(value)) if value.eq_ignore_ascii_case("error") => {
                form.tags.push(("error".into(), "true".into()));
            }
            (Field::Duration, Test::Compare(Comparison::Greater | Comparison::GreaterOrEqual, n))
                if form.min.is_none() =>
            {
                form.min = Some(micros(*n));
            }
            (Field::Duration, Test::Compare(Comparison::Less | Comparison::LessOrEqual, n)) if form.max.is_none() => {
                form.max = Some(micros(*n));
            }
            _ => return Err("Jaeger's form has exact values and durations only"),
        }
    }
    Ok(form)
}

fn micros(n: Number) -> String {
    format!("{}us", n.value / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use sextant_model::Signal;

    fn of(text: &str) -> Query {
        parse(Signal::Traces, text).expect("parses")
    }

    #[test]
    fn traceql_reads_back_as_the_same_search() {
        for text in [
            "{ resource.service.name = \"cart\" && status = error }",
            "{ span.http.status > 500 } >> { duration >= 1ms }",
            "({ kind = client } || { name =~ \"a.*\" }) > { .db.system != nil }",
            "{ !(rootName = \"x\") || (traceDuration > 5 && .\"my key\" = \"v\") }",
            "{} && { true }",
        ] {
            let query = of(text);
            let written = traceql(&query).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(of(&written), query, "{text} became {written}");
        }
        assert_eq!(
            traceql(&of("service:cart \"GET /\"")),
            Ok("{ resource.service.name =~ \"(?i).*cart.*\" && name =~ \"(?i).*GET\\\\ \\\\/.*\" }"
                .replace("\\\\ ", " "))
        );
        for text in ["trace.spans:>3", "| count", "Events.Name:x", "service:a {b}"] {
            assert!(traceql(&of(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn jaeger_has_a_form() {
        let form =
            jaeger(&of("service:\"cart\" name:\"GET /\" http.route:\"/a b\" error:true duration:>250ms duration:<2s"));
        let form = form.expect("can be said");
        assert_eq!((form.service.as_deref(), form.operation.as_deref()), (Some("cart"), Some("GET /")));
        assert_eq!(form.tags_text(), "http.route=\"/a b\" error=true");
        assert_eq!((form.min.as_deref(), form.max.as_deref()), (Some("250000us"), Some("2000000us")));
        assert!(jaeger(&of("cart")).is_err() && jaeger(&of("a:1 OR b:2")).is_err());
    }
}
