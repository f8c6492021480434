//! Expressions that someone wrote for the columns of a source: they compute, and reach nowhere.

use crate::statement::{Refused, Statement};
use sextant_model::{Sql, Table, schema};
use sextant_queries::clickhouse::Mapping;
use sqlparser::ast::{Expr, Visit, Visitor};
use sqlparser::dialect::ClickHouseDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

fn refused(why: String) -> Refused {
    Refused { why, hint: Some("an expression of the table's own columns, without SELECT in it".into()) }
}

fn parsed(text: &str) -> Result<Expr, String> {
    let mut parser = Parser::new(&ClickHouseDialect {}).try_with_sql(text).map_err(|e| e.to_string())?;
    let expression = parser.parse_expr().map_err(|e| e.to_string())?;
    match parser.peek_token().token {
        Token::EOF => Ok(expression),
        more => Err(format!("'{more}' is too much")),
    }
}

/// Looks through an expression: what it names, and whether it asks anything else.
#[derive(Default)]
struct Look {
    names: BTreeSet<String>,
    bound: BTreeSet<String>,
    asks: bool,
}

impl Visitor for Look {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<Self::Break> {
        self.asks = true;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Identifier(name) => drop(self.names.insert(name.value.clone())),
            Expr::CompoundIdentifier(parts) => self.names.extend(parts.first().map(|p| p.value.clone())),
            Expr::Lambda(lambda) => {
                self.bound.extend(lambda.params.iter().map(|p| p.name.value.clone()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The columns that an expression names.
pub(crate) fn names(text: &str) -> BTreeSet<String> {
    let mut look = Look::default();
    if let Ok(expression) = parsed(text) {
        let ControlFlow::Continue(()) = expression.visit(&mut look);
    }
    look.names.difference(&look.bound).cloned().collect()
}

fn check_one(what: &str, text: &str) -> Result<(), Refused> {
    let expression = parsed(text).map_err(|e| refused(format!("{what} = {text} can't be read: {e}")))?;
    let mut look = Look::default();
    let ControlFlow::Continue(()) = expression.visit(&mut look);
    if look.asks {
        return Err(refused(format!("{what} = {text} asks another table")));
    }
    // It stands in a line of its own making: a comment would hide what follows it.
    let odd = crate::statement::plain_names(text).and_then(|()| crate::statement::has_comment(text));
    match odd {
        Ok(false) => {}
        Ok(true) => return Err(refused(format!("{what} = {text} has a comment"))),
        Err(e) => return Err(refused(format!("{what} = {text}: {}", e.why))),
    }
    // The words of a statement are looked at as for any other.
    Statement::new(Sql::plain(format!("SELECT ({text})")))
        .map_err(|e| refused(format!("{what} = {text}: {}", e.why)))?;
    Ok(())
}

/// Whether a mapping can be asked: each name is known, each expression computes.
///
/// # Errors
/// At the first that does not.
pub fn check(table: Table, mapping: &Mapping) -> Result<(), Refused> {
    if mapping.table.is_empty() {
        return Err(Refused { why: "it has no table".into(), hint: Some("name it as database.table".into()) });
    }
    let stored = schema::stored(table);
    for (name, expression) in &mapping.columns {
        let head = name.split('.').next().unwrap_or(name);
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if !is_plain || stored.field_with_name(head).is_err() {
            let all: Vec<&str> = stored.fields().iter().map(|f| f.name().as_str()).collect();
            let why = format!("there is no column {name} in {}", table.name());
            return Err(Refused { why, hint: Some(format!("there are {}", all.join(", "))) });
        }
        check_one(name, expression)?;
    }
    if mapping.is_mapped() && !mapping.columns.contains_key(table.time_column()) {
        let why = format!("nothing is said of {}, by which everything is searched", table.time_column());
        return Err(Refused { why, hint: Some(format!("{} = the column with the time", table.time_column())) });
    }
    for (what, all) in [("attributes", &mapping.attributes), ("resource", &mapping.resource)] {
        all.iter().try_for_each(|e| check_one(what, e))?;
    }
    if let Some(odd) = mapping.items.keys().find(|map| !map.chars().all(|c| c.is_ascii_alphanumeric())) {
        return Err(refused(format!("items are of a map such as SpanAttributes, not of {odd}")));
    }
    for (what, all) in [("promoted", &mapping.promoted), ("items", &mapping.items)] {
        all.iter().try_for_each(|(name, e)| check_one(&format!("{what} {name}"), e))?;
    }
    for bucket in &mapping.buckets {
        check_one("buckets", &bucket.column)?;
        check_one("buckets", &bucket.of.replace("{}", "t"))?;
    }
    if let Some(times) = &mapping.times {
        [&times.id, &times.start, &times.end].iter().try_for_each(|e| check_one("times", e))?;
    }
    if let Some(of) = &mapping.resources {
        [&of.labels, &of.fingerprint, &of.own].iter().try_for_each(|e| check_one("resources", e))?;
    }
    if !mapping.filter.is_empty() {
        check_one("filter", &mapping.filter)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn expressions_name_columns() {
        let text = "arrayMap(e -> JSONExtractString(e, 'name'), events)";
        assert_eq!(names(text).into_iter().collect::<Vec<_>>(), ["events"]);
        assert_eq!(names("resources_string['service.name']").into_iter().collect::<Vec<_>>(), ["resources_string"]);
    }

    #[test]
    fn what_ships_can_be_asked() {
        for schema in crate::schemas::known() {
            for entry in schema.table {
                let mapping = Mapping { table: "t".into(), ..entry.mapping.clone() };
                assert_eq!(check(entry.table(), &mapping), Ok(()), "{}", schema.name);
            }
        }
    }

    #[test]
    fn an_expression_reaches_nowhere() {
        let with = |body: &str| Mapping {
            table: "t".into(),
            columns: BTreeMap::from([("Timestamp".to_owned(), "ts".to_owned()), ("Body".to_owned(), body.to_owned())]),
            ..Mapping::default()
        };
        for good in [
            "msg",
            "`a b`",
            "concat(a, ' ', toString(n))",
            "JSONExtractString(line, 'message')",
            "if(a = 1, 'x', b['k'])",
        ] {
            assert_eq!(check(Table::Logs, &with(good)), Ok(()), "{good}");
        }
        for bad in [
            "",
            "(SELECT 1)",
            "msg FROM system.users --",
            "msg, password",
            "file('/etc/passwd')",
            "msg) FROM t; DROP TABLE t",
            "dictGet('d', 'a', 1)",
            "x IN (SELECT password FROM u)",
            "'a",
            "msg /*",
            "msg -- x",
            "msg /*/ */",
            "`a\\`, 1 AS `",
            "url('http://x')",
        ] {
            assert!(check(Table::Logs, &with(bad)).is_err(), "{bad}");
        }
        let mut other = with("msg");
        other.columns.insert("Smell".into(), "x".into());
        assert!(check(Table::Logs, &other).expect_err("no such column").why.contains("Smell"));
        let mut odd = with("msg");
        odd.columns.insert("Body.a` FROM t) PARALLEL WITH DROP TABLE t -- ".into(), "x".into());
        assert!(check(Table::Logs, &odd).is_err(), "names are plain");
        other.columns = BTreeMap::from([("Body".to_owned(), "msg".to_owned())]);
        assert!(check(Table::Logs, &other).expect_err("no time").why.contains("Timestamp"));
    }
}
