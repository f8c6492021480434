//! A statement with its bound values.

/// A value bound to a `?` of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// Text.
    Text(String),
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Float(f64),
}

/// SQL text over the views, with the values of its placeholders in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sql {
    /// The statement.
    pub text: String,
    /// One a `?`.
    pub params: Vec<Param>,
}

impl Sql {
    /// A statement without values.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), params: Vec::new() }
    }
}
