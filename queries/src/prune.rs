//! What a query says about where its rows can lie.

use sextant_model::query::{Expr, Field, Query, Test};
use sextant_model::{Need, Prune, Signal, TimeRange};

/// Bounds that hold for every row that `query` finds within `range`.
pub fn prune(query: &Query, range: TimeRange) -> Prune {
    let mut prune = Prune::within(range);
    // What is asked of a trace is found in spans that need not match themselves.
    if !query.filter.is_about_traces() {
        narrow(query.signal, &query.filter, &mut prune);
    }
    prune
}

fn narrow(signal: Signal, expr: &Expr, prune: &mut Prune) {
    match expr {
        Expr::And(terms) => terms.iter().for_each(|t| narrow(signal, t, prune)),
        Expr::Word(word) if signal == Signal::Logs && !word.contains('*') => need_words(prune, tokens(word)),
        Expr::Phrase(text) | Expr::Field(Field::Body, Test::Contains(text)) if signal == Signal::Logs => {
            need_words(prune, whole_tokens(text));
        }
        Expr::Field(Field::Body, Test::Equals(text)) if signal == Signal::Logs => need_words(prune, tokens(text)),
        Expr::Field(Field::Attribute(key), Test::Equals(value)) => {
            prune.needs.push(Need::Attribute { key: key.clone(), value: value.clone() });
        }
        Expr::Field(Field::Service, Test::Equals(service)) => prune.services = Some(vec![service.clone()]),
        Expr::Field(Field::Column(name), Test::Equals(service)) if name == "ServiceName" => {
            prune.services = Some(vec![service.clone()]);
        }
        Expr::Field(Field::Trace, Test::Equals(id) | Test::Contains(id)) if id.len() == 32 => {
            prune.traces = id.parse().ok().map(|id| vec![id]);
        }
        _ => {}
    }
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// The tokens of a text. Cut as [`super::duckdb`] cuts words.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_token(c)).filter(|t| !t.is_empty())
}

/// The tokens that are whole wherever `text` occurs: the first and the last may be parts of longer ones.
fn whole_tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_cut = |c: &str| !c.contains('*');
    let after_first = text.find(|c| !is_of_token(c)).map_or("", |at| &text[at..]);
    let inside = after_first.rfind(|c| !is_of_token(c)).map_or("", |at| &after_first[..at]);
    tokens(if is_cut(text) { inside } else { "" })
}

/// Letters beyond ASCII have more than one lower case; only plain tokens are looked up.
fn need_words<'t>(prune: &mut Prune, tokens: impl Iterator<Item = &'t str>) {
    prune.needs.extend(tokens.filter(|t| t.is_ascii()).map(|t| Need::Word(t.to_ascii_lowercase())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use sextant_model::query::Query;

    fn needs(text: &str) -> Vec<Need> {
        let query = crate::parse(Signal::Logs, text).expect("parses");
        prune(&Query { ..query }, TimeRange::default()).needs
    }

    fn words(all: &[&str]) -> Vec<Need> {
        all.iter().map(|w| Need::Word((*w).to_owned())).collect()
    }

    #[test]
    fn what_must_be_there() {
        assert_eq!(needs("Refused"), words(&["refused"]));
        assert_eq!(needs("10.0.0.255"), words(&["10", "0", "0", "255"]));
        assert_eq!(needs("refus* or"), words(&["or"]));
        assert_eq!(needs("refused OR lost"), []);
        assert_eq!(needs("NOT refused"), []);
        assert_eq!(needs("größe klein"), words(&["klein"]));
        // Of a phrase, what has an edge on both sides.
        assert_eq!(needs("\"connection refused by peer\""), words(&["refused", "by"]));
        assert_eq!(needs("\" peer \""), words(&["peer"]));
        assert_eq!(needs("\"peer\""), []);
        assert_eq!(needs("order.id:\"A-17\""), [Need::Attribute { key: "order.id".into(), value: "A-17".into() }]);
        assert_eq!(needs("order.id:A-17"), []);
    }
}
