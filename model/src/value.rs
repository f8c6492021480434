//! The types that an OpenTelemetry attribute value can have, and how a value reads as text.

/// The type of an `AnyValue`, stored as one byte an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ValueType {
    /// No value at all.
    Empty = 0,
    /// UTF-8 text.
    String = 1,
    /// `true` or `false`.
    Bool = 2,
    /// 64-bit signed integer.
    Int = 3,
    /// IEEE double.
    Double = 4,
    /// Bytes, base64 as text.
    Bytes = 5,
    /// A list of values, JSON as text.
    Array = 6,
    /// Keys and values, JSON as text.
    Map = 7,
}

impl ValueType {
    /// From the stored byte; an unknown one reads as text.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Empty,
            2 => Self::Bool,
            3 => Self::Int,
            4 => Self::Double,
            5 => Self::Bytes,
            6 => Self::Array,
            7 => Self::Map,
            _ => Self::String,
        }
    }

    /// Whether the text loses something, so that the value's bytes are kept beside it.
    pub fn is_nested(self) -> bool {
        matches!(self, Self::Array | Self::Map)
    }
}

/// A double as text: the shortest that reads back the same, exponents outside 1e-6…1e21.
pub fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) { format!("{value}") } else { format!("{value:e}") }
}
