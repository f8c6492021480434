//! Question → SQL. The search language parses to one [`sextant_model::query::Query`]; it is written out for DuckDB and for
//! ClickHouse, with bound values. Pure text in, text out, also on wasm, so that a search box can check as one types.

pub mod clickhouse;
mod complete;
pub mod dsl;
pub mod duckdb;
mod error;
mod lexer;
mod parser;
mod paste;
mod prune;
mod sql;
mod stages;
pub mod statements;
mod traceql;
pub mod view_as;
mod write;
pub mod zipkin;

pub use complete::{Typed, fields, figures, typed};
pub use error::ParseError;
pub use lexer::{Token, TokenKind, tokens};
pub use parser::parse;
pub use prune::prune;
pub use write::{exact, key, stage_name, text};
