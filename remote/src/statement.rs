//! Statements that may be sent: they read, and nothing else. Whatever is sent passes [`Statement::new`]; what a person
//! wrote is parsed besides, and only what was understood goes out.

use sextant_model::{Param, Sql};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, SetExpr, Statement as Parsed, TableFactor, Visit,
    Visitor,
};
use sqlparser::dialect::ClickHouseDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Why a statement is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// What it does that is not allowed, or where it can't be read.
    pub why: String,
    /// What to do.
    pub hint: Option<String>,
}

fn refused(why: impl Into<String>) -> Refused {
    Refused { why: why.into(), hint: None }
}

/// A statement that reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    text: String,
    params: Vec<Param>,
}

/// What a statement may begin with.
const BEGINNINGS: [&str; 3] = ["SELECT", "WITH", "EXPLAIN"];

/// Functions that reach outside of the server or into its files, as a table or within an expression.
const OUTSIDE: [&str; 45] = [
    "arrowflight",
    "azureblobstorage",
    "bigquery",
    "deltalake",
    "deltalakeazure",
    "deltalakelocal",
    "deltalakes3",
    "dictionary",
    "executable",
    "file",
    "filesystem",
    "fuzzquery",
    "gcs",
    "hdfs",
    "hive",
    "hudi",
    "iceberg",
    "icebergazure",
    "iceberghdfs",
    "iceberglocal",
    "icebergs3",
    "input",
    "jdbc",
    "kafka",
    "loop",
    "mergetreeindex",
    "mongodb",
    "mysql",
    "nats",
    "odbc",
    "oss",
    "paimon",
    "postgresql",
    "prometheusquery",
    "prometheusqueryrange",
    "rabbitmq",
    "redis",
    "remote",
    "remotesecure",
    "s3",
    "sqlite",
    "timeseriesdata",
    "url",
    "ytsaurus",
    "cosn",
];

/// What names of more of them begin with.
const OUTSIDE_BEGINNINGS: [&str; 7] = ["dictget", "dicthas", "dictis", "paimon", "iceberg", "deltalake", "azureblob"];

/// Functions that give a table and stay within the server.
const TABLE_FUNCTIONS: [&str; 14] = [
    "cluster",
    "clusterallreplicas",
    "format",
    "generateseries",
    "generate_series",
    "merge",
    "mergetreeprojection",
    "null",
    "numbers",
    "numbers_mt",
    "values",
    "view",
    "zeros",
    "zeros_mt",
];

/// Whether a function reaches outside, by its own name or as one of a cluster (`s3Cluster`); dictionaries too, which are
/// filled from anywhere.
fn is_outside(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own = name.strip_suffix("cluster").unwrap_or(&name);
    OUTSIDE.contains(&own) || OUTSIDE_BEGINNINGS.iter().any(|b| name.starts_with(b)) || name == "catboostevaluate"
}

impl Statement {
    /// Looks at the words of a statement: one, that begins like a reading one, and names nothing that writes or reaches
    /// outside of the server.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn new(sql: Sql) -> Result<Self, Refused> {
        let (words, _) = words(&sql.text)?;
        let first = words.iter().find(|w| !w.is("(")).ok_or_else(|| refused("there is no statement"))?;
        if !BEGINNINGS.iter().any(|b| first.is(b)) {
            let why = format!("only SELECT, WITH and EXPLAIN are sent, and this begins with {}", first.text);
            return Err(refused(why));
        }
        for (i, word) in words.iter().enumerate() {
            let next = words.get(i + 1);
            let is_before = |text: &str| next.is_some_and(|n| n.is(text));
            let name = word.text.trim_matches(['`', '"']);
            if word.is(";") && next.is_some() {
                return Err(refused("one statement at a time"));
            }
            if word.is("INTO") {
                return Err(refused("INTO would write, and nothing is written here"));
            }
            if word.is("PARALLEL") && is_before("WITH") {
                return Err(refused("PARALLEL WITH runs another statement: one at a time"));
            }
            if word.is("INSERT") && next.is_some_and(Word::is_name) {
                return Err(refused("INSERT would write, and nothing is written here"));
            }
            // As the name of a column, either is followed by something else.
            if word.is("FORMAT") && next.is_some_and(|n| n.is_name() && !n.is_clause()) {
                return Err(refused("the form of the answer is chosen here: leave FORMAT away"));
            }
            if word.is("SETTINGS") && next.is_some_and(Word::is_name) && words.get(i + 2).is_some_and(|n| n.is("=")) {
                return Err(refused("settings are chosen here: leave SETTINGS away"));
            }
            if word.is_name() && is_before("(") && is_outside(name) {
                let why = format!("{name}() reaches outside of the server");
                return Err(Refused { why, hint: Some("only what the server itself keeps is read".into()) });
            }
        }
        let text = sql.text.trim().trim_end_matches(';').trim_end().to_owned();
        Ok(Self { text, params: sql.params })
    }

    /// A statement that a person wrote: it is parsed, and every table function has to be known.
    ///
    /// # Errors
    /// If it can't be parsed, or does anything but read.
    pub fn of_person(text: &str) -> Result<Self, Refused> {
        let statement = Self::new(Sql::plain(text))?;
        plain_names(text)?;
        let parsed = Parser::parse_sql(&ClickHouseDialect {}, &statement.text).map_err(|e| Refused {
            why: format!("it can't be read here, so it is not sent: {e}"),
            hint: Some("what is not understood is not sent; write it more plainly".into()),
        })?;
        let [one] = parsed.as_slice() else { return Err(refused("one statement at a time")) };
        let reads = match one {
            Parsed::Query(_) => true,
            Parsed::Explain { statement, .. } => matches!(**statement, Parsed::Query(_)),
            _ => false,
        };
        if !reads {
            return Err(refused("only SELECT and EXPLAIN of it are sent"));
        }
        match one.visit(&mut Reaches) {
            ControlFlow::Continue(()) => Ok(statement),
            ControlFlow::Break(why) => Err(why),
        }
    }

    /// Stops one of our own queries.
    pub fn kill(query_id: &str) -> Self {
        let text = format!("KILL QUERY WHERE query_id = {} ASYNC", sextant_queries::clickhouse::quote(query_id));
        Self { text, params: Vec::new() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its values.
    #[must_use]
    pub fn values(&self) -> &[Param] {
        &self.params
    }

    /// Its values, as `param_p1` and so on.
    pub fn params(&self) -> impl Iterator<Item = (String, String)> {
        let named = |(i, value)| (format!("param_p{}", i + 1), sextant_queries::clickhouse::parameter(value));
        self.params.iter().enumerate().map(named)
    }

    /// The statement with its values in their places, for the ledger.
    #[must_use]
    pub fn shown(&self) -> String {
        sextant_queries::clickhouse::inlined(&Sql { text: self.text.clone(), params: self.params.clone() })
    }
}

/// Looks at every table and function of a parsed statement.
struct Reaches;

fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map_or_else(String::new, |Ident { value, .. }| value.clone())
}

impl Visitor for Reaches {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refused> {
        if reads(&query.body) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(refused("only SELECT is sent, and a part of this does something else"))
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Refused> {
        let name = match table {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => last(name),
            TableFactor::TableFunction { expr: Expr::Function(function), .. } => last(&function.name),
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => return ControlFlow::Continue(()),
            _ => return ControlFlow::Break(refused("a source of rows that is not known here")),
        };
        if TABLE_FUNCTIONS.contains(&name.to_ascii_lowercase().as_str()) {
            return match arguments(table).find_map(table_within) {
                Some(other) => ControlFlow::Break(refused(format!(
                    "{name}() of {other}(): only tables and plain values are read there"
                ))),
                None => ControlFlow::Continue(()),
            };
        }
        ControlFlow::Break(refused(format!("the table function {name}() is not among those that stay on the server")))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refused> {
        match expr {
            Expr::Function(function) if is_outside(&last(&function.name)) => {
                ControlFlow::Break(refused(format!("{}() reaches outside of the server", last(&function.name))))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Whether a query selects, also in its parts.
fn reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Query(query) => reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
        _ => false,
    }
}

/// What a table function is given.
fn arguments(table: &TableFactor) -> impl Iterator<Item = &Expr> {
    let args: &[FunctionArg] = match table {
        TableFactor::Table { args: Some(args), .. } => &args.args,
        TableFactor::Function { args, .. } => args,
        _ => &[],
    };
    args.iter().filter_map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
        | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => Some(expr),
        _ => None,
    })
}

/// A function that stands where a table function takes a table, and is none that stays on the server.
fn table_within(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else { return None };
    let name = last(&function.name);
    let is_plain = name.to_ascii_lowercase().starts_with("to") || name.eq_ignore_ascii_case("now");
    let is_known = is_plain || TABLE_FUNCTIONS.contains(&name.to_ascii_lowercase().as_str());
    (!is_known).then_some(name)
}

/// Names in quotes must be what they look like: readers differ in what a backslash within them means.
pub(crate) fn plain_names(text: &str) -> Result<(), Refused> {
    let (words, _) = words(text)?;
    match words.iter().find(|w| w.text.starts_with(['`', '"']) && w.text.contains('\\')) {
        Some(word) => Err(refused(format!("a backslash in the name {}", word.text))),
        None => Ok(()),
    }
}

/// Whether there are comments in it.
pub(crate) fn has_comment(text: &str) -> Result<bool, Refused> {
    words(text).map(|(_, has_comment)| has_comment)
}

/// A word of a statement: a name, a sign, a number or a string.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    is_text: bool,
}

impl Word<'_> {
    fn is(&self, text: &str) -> bool {
        !self.is_text && self.text.eq_ignore_ascii_case(text)
    }

    /// Whether it is a word that goes on with a statement behind a name.
    fn is_clause(&self) -> bool {
        const CLAUSES: [&str; 24] = [
            "FROM", "AS", "AND", "OR", "NOT", "IN", "IS", "LIKE", "ILIKE", "BETWEEN", "WHERE", "PREWHERE", "GROUP",
            "ORDER", "HAVING", "LIMIT", "ASC", "DESC", "THEN", "ELSE", "END", "WHEN", "UNION", "USING",
        ];
        CLAUSES.iter().any(|clause| self.is(clause))
    }

    fn is_name(&self) -> bool {
        !self.is_text && self.text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '`' | '"'))
    }
}

/// The words, without comments, and whether there were some.
fn words(text: &str) -> Result<(Vec<Word<'_>>, bool), Refused> {
    let (mut words, mut has_comment) = (Vec::new(), false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begins = |sign: &str| rest.starts_with(sign);
        let (n, is_word) = if c.is_whitespace() {
            (c.len_utf8(), false)
        } else if begins("--") || begins("#") || begins("//") {
            has_comment = true;
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if begins("/*") {
            has_comment = true;
            let inner = &rest[2..];
            let end = inner.find("*/").ok_or_else(|| refused("a comment does not end"))?;
            // Servers differ in whether comments nest.
            if inner[..end].contains("/*") {
                return Err(refused("a comment within a comment"));
            }
            (end + 4, false)
        } else if matches!(c, '\'' | '`' | '"') {
            (quoted(rest, c).ok_or_else(|| refused(format!("a {c} does not end")))?, true)
        } else if c == '$' && rest[1..].starts_with(|c: char| c == '$' || c.is_alphanumeric() || c == '_') {
            // Text between `$$` is read by some servers and not by others.
            return Err(refused("$ is not read here"));
        } else if c.is_alphanumeric() || c == '_' {
            (rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len()), true)
        } else if c.is_control() {
            return Err(refused("a control character"));
        } else {
            (c.len_utf8(), true)
        };
        if is_word {
            words.push(Word { text: &rest[..n], is_text: c == '\'' });
        }
        rest = &rest[n..];
    }
    Ok((words, has_comment))
}

/// How long the quoted text at the beginning is.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next()?;
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_is_sent() {
        for text in [
            "SELECT 1",
            " select count() from otel_traces where SpanName = 'INSERT INTO x; DROP TABLE y' ;",
            "WITH a AS (SELECT 1 AS n) SELECT n FROM a, numbers(10)",
            "SELECT * FROM (SELECT ServiceName, count() FROM `otel_logs` GROUP BY 1) ORDER BY 2 DESC LIMIT 5",
            "SELECT a.b FROM t AS a LEFT JOIN u ON a.x = u.x -- a remark",
            "SELECT quantile(0.95)(Duration) FROM otel_traces WHERE Timestamp > now() - INTERVAL 1 HOUR",
            "SELECT SpanAttributes['http.route'] AS format, count() FROM otel_traces GROUP BY format",
            "SELECT hostName() FROM clusterAllReplicas('c', system.one)",
            "SELECT format, settings FROM t WHERE format = 'x' ORDER BY format DESC",
            "SELECT * FROM numbers(toUInt64(10))",
            "SELECT 1 /**/ + 2",
            "EXPLAIN SELECT 1",
        ] {
            assert!(Statement::of_person(text).is_ok(), "{text}: {:?}", Statement::of_person(text));
        }
    }

    #[test]
    fn what_does_anything_else_is_not() {
        for (text, why) in [
            ("", "no statement"),
            ("DROP TABLE t", "begins with DROP"),
            ("INSERT INTO t VALUES (1)", "begins with INSERT"),
            ("SELECT 1; DROP TABLE t", "one statement"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", "INTO"),
            ("SELECT 1 FORMAT CSV", "FORMAT"),
            ("SELECT 1 SETTINGS readonly = 0", "SETTINGS"),
            ("SELECT * FROM url('http://x', CSV)", "outside"),
            ("SELECT * FROM `url` ('http://x', CSV)", "outside"),
            ("SELECT * FROM s3Cluster('c', 'x')", "outside"),
            ("SELECT * FROM remoteSecure('h', d.t)", "outside"),
            ("SELECT * FROM /* */ FILE('x')", "outside"),
            ("SELECT file('/etc/passwd')", "outside"),
            ("SELECT dictGet('d', 'a', 1)", "outside"),
            ("SELECT * FROM somethingNew('x')", "somethingNew"),
            ("SELECT (SELECT 1 FROM (SELECT * FROM somethingNew(1)))", "somethingNew"),
            ("SELECT 'a", "does not end"),
            ("SELECT 1 /* a", "does not end"),
            ("SELECT $$ DROP $$", "$"),
            ("SELECT FROM WHERE", "can't be read"),
            ("WITH 1 AS a SELECT a", "can't be read"),
            ("EXPLAIN DROP TABLE t", "only SELECT"),
            ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "INSERT"),
            ("SELECT 1 PARALLEL WITH DROP TABLE t", "PARALLEL"),
            ("SELECT 1 AS `a\\`, 2 AS ` PARALLEL WITH DROP TABLE t -- `", "PARALLEL"),
            ("SELECT `\\x66ile`('x')", "backslash"),
            ("SELECT * FROM cluster('c', \"\\x75rl\"('http://x', CSV, 'a String'))", "backslash"),
            ("SELECT * FROM cluster('c', somethingNew('x'))", "somethingNew"),
            ("SELECT * FROM paimonS3('x')", "outside"),
            ("WITH x AS (SELECT 1) DELETE FROM t WHERE 1", "SELECT"),
            ("WITH x AS (SELECT 1) UPDATE t SET a = 1 WHERE 1", "SELECT"),
            ("WITH x AS (SELECT 1) INSERT t SELECT * FROM x", "INSERT"),
            ("SELECT 1 /*/", "does not end"),
            ("SELECT 1 /*/ */ FORMAT CSV", "FORMAT"),
            ("KILL QUERY WHERE 1", "begins with KILL"),
            ("SET readonly = 0", "begins with SET"),
        ] {
            let refused = Statement::of_person(text).expect_err(text);
            assert!(refused.why.contains(why), "{text}: {refused}");
        }
    }
}
