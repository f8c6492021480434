//! The ranges of severity numbers, by the names that screens and searches have for them.

/// Names with the lowest number of each, rising; the first is for logs without one.
pub const LEVELS: [(&str, i32); 7] =
    [("", i32::MIN), ("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17), ("FATAL", 21)];

/// The place of a number's range in [`LEVELS`].
pub fn level(number: i32) -> usize {
    LEVELS.iter().rposition(|(_, from)| number >= *from).unwrap_or(0)
}
