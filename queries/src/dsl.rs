//! A search as JSON: the same conditions and figures as the search language, for programs that build them.

use crate::parser::{MAX_SETS, check_regex};
use crate::write::stage_name;
use crate::{ParseError, parse};
use serde::Deserialize;
use serde_json::Value;
use sextant_model::query::{Aggregate, Comparison, Expr, Field, Number, Query, SpanSet, Test, TraceField};
use sextant_model::{DurationNanos, Signal};

/// The body of `POST /api/v1/ask`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    /// `spans`, `traces`, `logs` or `metrics`.
    pub from: String,
    /// What has to hold.
    pub filter: Option<Value>,
    /// When: `from` and `to`, or `since`.
    pub period: Option<AskedPeriod>,
    /// Figures instead of records, as they are written in the search language: `count`, `p95(duration)`.
    pub aggregates: Vec<String>,
    /// Fields that group.
    pub group_by: Vec<String>,
    /// Groups also by parts of time of this length: `1m`.
    pub bucket: Option<String>,
    /// The largest groups by this figure first, and only `limit` of them.
    pub order_by: Option<String>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Where the last answer ended.
    pub cursor: Option<String>,
}

/// When.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AskedPeriod {
    /// Inclusive; RFC 3339 or nanoseconds.
    pub from: Value,
    /// Exclusive.
    pub to: Value,
    /// Back from now.
    pub since: Option<String>,
}

/// What is wrong with it, in words.
pub type Wrong = String;

/// Deeper filters are refused.
const MAX_DEPTH: usize = 60;

impl Asked {
    /// The search that is meant, over `signal`.
    ///
    /// # Errors
    /// If something in it makes no sense.
    pub fn query(&self, signal: Signal) -> Result<Query, Wrong> {
        let filter = match &self.filter {
            None | Some(Value::Null) => Expr::All,
            Some(filter) => expr(signal, filter, "filter", 0)?,
        };
        if filter.n_sets() > MAX_SETS {
            return Err(format!("filter: more than {MAX_SETS} conditions on spans"));
        }
        Ok(Query { signal, filter, aggregate: self.aggregate(signal)? })
    }

    fn aggregate(&self, signal: Signal) -> Result<Option<Aggregate>, Wrong> {
        let is_grouped = !self.group_by.is_empty() || self.bucket.is_some() || self.order_by.is_some();
        if self.aggregates.is_empty() {
            return if is_grouped {
                Err("group_by, bucket and order_by need aggregates, such as [\"count\"]".into())
            } else {
                Ok(None)
            };
        }
        let mut text = format!("| {}", self.aggregates.join(", "));
        if !self.group_by.is_empty() {
            let names: Vec<String> = self.group_by.iter().map(|name| stage_name(name)).collect();
            text += &format!(" by {}", names.join(", "));
        }
        if let Some(bucket) = &self.bucket {
            text += &format!(" every {bucket}");
        }
        if let Some(order_by) = &self.order_by {
            text += &format!(" | top {} by {order_by}", self.limit.unwrap_or(1_000).max(1));
        }
        let wrong = |e: ParseError| {
            format!("aggregates: {}{}", e.message, e.hint.map_or_else(String::new, |h| format!("; {h}")))
        };
        Ok(parse(signal, &text).map_err(wrong)?.aggregate)
    }
}

fn list<'v>(value: &'v Value, place: &str) -> Result<&'v Vec<Value>, Wrong> {
    value.as_array().ok_or_else(|| format!("{place}: a list was expected here"))
}

/// A condition. `place` says where it stands, for errors.
fn expr(signal: Signal, value: &Value, place: &str, depth: usize) -> Result<Expr, Wrong> {
    if depth > MAX_DEPTH {
        return Err(format!("{place}: nested too deep"));
    }
    if let Some(text) = value.as_str() {
        return searched(signal, text, place);
    }
    let object = value.as_object().ok_or_else(|| format!("{place}: an object or a search was expected here"))?;
    if object.contains_key("field") {
        return field(signal, value, place);
    }
    let (Some((key, inner)), 1) = (object.iter().next(), object.len()) else {
        return Err(format!("{place}: one of and, or, not, search, has, above, parent, or a field was expected here"));
    };
    let below = format!("{place}.{key}");
    let all = |inner: &Value| -> Result<Vec<Expr>, Wrong> {
        let terms = list(inner, &below)?.iter().enumerate();
        terms.map(|(i, term)| expr(signal, term, &format!("{below}[{i}]"), depth + 1)).collect()
    };
    let one = |mut terms: Vec<Expr>, join: fn(Vec<Expr>) -> Expr| match terms.len() {
        0 => Expr::All,
        1 => terms.remove(0),
        _ => join(terms),
    };
    match key.as_str() {
        "and" => Ok(one(all(inner)?, Expr::And)),
        "or" => Ok(one(all(inner)?, Expr::Or)),
        "not" => Ok(Expr::Not(Box::new(expr(signal, inner, &below, depth + 1)?))),
        "search" => searched(signal, inner.as_str().unwrap_or_default(), &below),
        "has" | "above" | "parent" if signal == Signal::Metrics => Err(format!("{below}: metrics have no spans")),
        "has" => {
            if list(inner, &below)?.len() > MAX_SETS {
                return Err(format!("{below}: more than {MAX_SETS} conditions on spans"));
            }
            let sets = list(inner, &below)?.iter().enumerate();
            let sets: Vec<SpanSet> =
                sets.map(|(i, set)| spans(set, &format!("{below}[{i}]"), depth + 1)).collect::<Result<_, _>>()?;
            let both = |a, b| SpanSet::Both(Box::new(a), Box::new(b));
            sets.into_iter()
                .reduce(both)
                .map(Expr::Set)
                .ok_or_else(|| format!("{below}: at least one condition was expected"))
        }
        "above" | "parent" => {
            let [above, under] = list(inner, &below)?.as_slice() else {
                return Err(format!("{below}: two conditions were expected: of the upper span and of the lower one"));
            };
            Ok(Expr::Set(SpanSet::Under {
                above: Box::new(spans(above, &format!("{below}[0]"), depth + 1)?),
                below: Box::new(spans(under, &format!("{below}[1]"), depth + 1)?),
                is_direct: key == "parent",
            }))
        }
        other => Err(format!("{place}: '{other}' is none of and, or, not, search, has, above, parent, field")),
    }
}

fn spans(value: &Value, place: &str, depth: usize) -> Result<SpanSet, Wrong> {
    match expr(Signal::Traces, value, place, depth)? {
        Expr::Set(set) => Ok(set),
        inner if inner.is_about_sets() => {
            Err(format!("{place}: has, above and parent can't be joined by and, or, not here"))
        }
        inner => Ok(SpanSet::Spans(Box::new(inner))),
    }
}

/// Text of the search language.
fn searched(signal: Signal, text: &str, place: &str) -> Result<Expr, Wrong> {
    let query = parse(signal, text).map_err(|e| {
        let hint = e.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{place}: {e}{hint}")
    })?;
    if query.aggregate.is_some() { Err(format!("{place}: figures go into aggregates")) } else { Ok(query.filter) }
}

fn field(signal: Signal, value: &Value, place: &str) -> Result<Expr, Wrong> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Condition {
        field: String,
        op: String,
        #[serde(default)]
        value: Value,
    }
    let Condition { field: name, op, value } =
        serde_json::from_value(value.clone()).map_err(|e| format!("{place}: {e}"))?;
    let figure = TraceField::from_name(&name).filter(|_| signal != Signal::Metrics);
    let of = crate::parser::field_of(signal, &name);
    let ask = |test: Test| match figure {
        Some(figure) => Expr::Trace(figure, test),
        None => Expr::Field(of.clone(), test),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("{place}.value: a text was expected here")),
    };
    let number = |value: &Value| {
        number(value)
            .ok_or_else(|| format!("{place}.value: a number or a duration such as \"250ms\" was expected here"))
    };
    let compared = |comparison: Comparison| Ok(ask(Test::Compare(comparison, number(&value)?)));
    match op.as_str() {
        "equals" | "=" => Ok(ask(equals(&of, text(&value)?))),
        "not_equals" | "!=" => Ok(Expr::Not(Box::new(ask(equals(&of, text(&value)?))))),
        "contains" => Ok(ask(Test::Contains(text(&value)?))),
        "matches" => {
            let pattern = text(&value)?;
            check_regex(&pattern, &(0..pattern.len())).map_err(|e| format!("{place}.value: {}", e.message))?;
            Ok(ask(Test::Matches(pattern)))
        }
        "exists" => Ok(ask(Test::Exists)),
        "gt" | ">" => compared(Comparison::Greater),
        "gte" | ">=" => compared(Comparison::GreaterOrEqual),
        "lt" | "<" => compared(Comparison::Less),
        "lte" | "<=" => compared(Comparison::LessOrEqual),
        "between" => {
            let [low, high] = list(&value, &format!("{place}.value"))?.as_slice() else {
                return Err(format!("{place}.value: two numbers were expected here"));
            };
            Ok(ask(Test::Between { low: Some((number(low)?, true)), high: Some((number(high)?, true)) }))
        }
        "in" => {
            let values = list(&value, &format!("{place}.value"))?;
            let all: Vec<Expr> = values.iter().map(|v| Ok(ask(equals(&of, text(v)?)))).collect::<Result<_, Wrong>>()?;
            Ok(match all.len() {
                // One of nothing is nothing.
                0 => Expr::Not(Box::new(Expr::All)),
                1 => all.into_iter().next().unwrap_or(Expr::All),
                _ => Expr::Or(all),
            })
        }
        other => Err(format!(
            "{place}.op: '{other}' is none of equals, not_equals, in, contains, matches, exists, gt, gte, lt, lte, between"
        )),
    }
}

/// `error` is true or false, whatever is stored under that name.
fn equals(field: &Field, value: String) -> Test {
    if *field == Field::Error { Test::Contains(value) } else { Test::Equals(value) }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(n) => n.as_f64().map(|value| Number { value, is_duration: false }),
        Value::String(text) => match text.parse().ok().filter(|v: &f64| v.is_finite()) {
            Some(value) => Some(Number { value, is_duration: false }),
            None => DurationNanos::parse(text).ok().map(|d| Number { value: d.0 as f64, is_duration: true }),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn asked(json: &str) -> Result<String, Wrong> {
        let asked: Asked = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let signal = if asked.from == "logs" { Signal::Logs } else { Signal::Traces };
        let query = asked.query(signal)?;
        // What it is written as is the same search.
        assert_eq!(parse(signal, &text(&query)).as_ref(), Ok(&query), "{json}");
        Ok(text(&query))
    }

    #[test]
    fn conditions_and_figures() {
        for (json, expected) in [
            (r#"{"from":"spans"}"#, ""),
            (r#"{"from":"spans","filter":{"field":"service","op":"equals","value":"cart"}}"#, "service:\"cart\""),
            (r#"{"from":"spans","filter":{"field":"duration","op":"gt","value":"1s"}}"#, "duration:>1s"),
            (
                r#"{"from":"spans","filter":{"field":"http.status","op":"between","value":[200,299]}}"#,
                "http.status:[200 TO 299]",
            ),
            (r#"{"from":"spans","filter":{"field":"a b","op":"!=","value":5}}"#, "-\"a b\":\"5\""),
            (r#"{"from":"spans","filter":{"field":"error","op":"=","value":true}}"#, "error:true"),
            (
                r#"{"from":"spans","filter":{"field":"kind","op":"in","value":["Server","Client"]}}"#,
                "kind:\"Server\" OR kind:\"Client\"",
            ),
            (r#"{"from":"spans","filter":{"field":"x","op":"exists"}}"#, "x:*"),
            (r#"{"from":"spans","filter":{"field":"name","op":"matches","value":"GET .*"}}"#, "name:/GET .*/"),
            (
                r#"{"from":"spans","filter":{"and":[{"search":"service:cart a"},{"not":{"or":["b","c"]}}]}}"#,
                "(service:cart a) -(b OR c)",
            ),
            (r#"{"from":"spans","filter":{"field":"trace.errors","op":"gte","value":2}}"#, "trace.errors:>=2"),
            (
                r#"{"from":"spans","filter":{"has":["service:cart",{"field":"status","op":"=","value":"Error"}]}}"#,
                "{service:cart} {status:\"Error\"}",
            ),
            (
                r#"{"from":"logs","filter":{"above":["service:cart","status:error"]}}"#,
                "{service:cart} >> {status:error}",
            ),
            (r#"{"from":"spans","filter":{"parent":["a",{"above":["b","c"]}]}}"#, "{a} > ({b} >> {c})"),
            (r#"{"from":"spans","aggregates":["count"]}"#, "| count"),
            (
                r#"{"from":"spans","filter":"error:true","aggregates":["p95(duration)","count"],"group_by":["service","a b"],"bucket":"1m","order_by":"count","limit":5}"#,
                "error:true | p95(duration), count by service, \"a b\" every 1m | top 5 by count",
            ),
        ] {
            assert_eq!(asked(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn mistakes_say_where() {
        for (json, part) in [
            (r#"{"form":"spans"}"#, "form"),
            (r#"{"filter":5}"#, "filter: an object"),
            (r#"{"filter":{"and":{}}}"#, "filter.and: a list"),
            (r#"{"filter":{"and":[{"or":[{"field":"x"}]}]}}"#, "filter.and[0].or[0]: missing field `op`"),
            (r#"{"filter":{"field":"x","op":"like","value":"y"}}"#, "filter.op: 'like' is none of"),
            (r#"{"filter":{"field":"x","op":"gt","value":"soon"}}"#, "filter.value: a number"),
            (r#"{"filter":{"search":"a ("}}"#, "filter.search: "),
            (r#"{"filter":{"xor":[]}}"#, "'xor' is none of"),
            (r#"{"filter":{"above":["a"]}}"#, "two conditions"),
            (r#"{"filter":{"has":[{"or":[{"has":["a"]},"b"]}]}}"#, "can't be joined"),
            (r#"{"group_by":["x"]}"#, "need aggregates"),
            (r#"{"aggregates":["p95"]}"#, "aggregates: p95 of what?"),
            (r#"{"filter":"a | count"}"#, "figures go into aggregates"),
        ] {
            let said = asked(json).expect_err(json);
            assert!(said.contains(part), "{json}: {said}");
        }
        let deep = format!("{}\"a\"{}", "{\"not\":".repeat(90), "}".repeat(90));
        assert!(asked(&format!("{{\"filter\":{deep}}}")).expect_err("too deep").contains("too deep"));
    }
}
