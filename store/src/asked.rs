//! Attributes that questions were about: they get columns of their own when segments are laid together.

use sextant_model::schema::{PROMOTED, promoted_key};
use std::collections::BTreeMap;

/// More keys than this are not remembered; those that were asked for least go first.
const MAX_KEYS: usize = 200;
/// So many of them are promoted, beside the well-known ones.
const MAX_FIRST: usize = 40;

/// How often questions were about an attribute.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    counts: BTreeMap<String, u64>,
    is_saved: bool,
}

impl Asked {
    /// What is saved.
    pub fn saved(counts: BTreeMap<String, u64>) -> Self {
        Self { counts, is_saved: true }
    }

    /// A question was about these.
    pub fn note(&mut self, keys: &[String]) {
        for key in keys {
            *self.counts.entry(key.clone()).or_default() += 1;
            self.is_saved = false;
        }
        while self.counts.len() > MAX_KEYS {
            // What was asked for long ago fades, so that what is new has a chance.
            self.counts.values_mut().for_each(|n| *n /= 2);
            self.counts.retain(|_, n| *n > 0);
        }
    }

    /// Those that were asked for most.
    pub fn first(&self) -> Vec<String> {
        let mut all: Vec<_> = self.counts.iter().collect();
        all.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        all.into_iter().take(MAX_FIRST).map(|(key, _)| key.clone()).collect()
    }

    /// What is to be saved, if that has changed.
    pub fn unsaved(&mut self) -> Option<BTreeMap<String, u64>> {
        (!std::mem::replace(&mut self.is_saved, true)).then(|| self.counts.clone())
    }

    /// It could not be saved.
    pub fn set_unsaved(&mut self) {
        self.is_saved = false;
    }
}

/// The keys of the promoted columns that a statement names, in double quotes.
pub(crate) fn mentioned(sql: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let start = format!("\"{PROMOTED}");
    for (at, _) in sql.match_indices(&start) {
        let mut rest = sql[at + start.len()..].chars().peekable();
        let mut key = String::new();
        while let Some(c) = rest.next() {
            if c == '"' && rest.next_if_eq(&'"').is_none() {
                if let Some(key) = promoted_key(&format!("{PROMOTED}{key}")).map(str::to_owned)
                    && !keys.contains(&key)
                {
                    keys.push(key);
                }
                break;
            }
            key.push(c);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use sextant_model::schema::promoted;

    #[test]
    fn keys_are_found_in_statements() {
        let both = format!("\"{}\" \"{}\"", promoted("user.id"), promoted("User.Id"));
        assert_eq!(mentioned(&both), ["user.id", "User.Id"]);
        let sql = r#"SELECT 1 WHERE "__otel_materialized_http.route" = 'x' AND "__otel_materialized_a""b" IS NULL
            OR "__otel_materialized_http.route" = 'y' OR "__otel_materialized_open"#;
        assert_eq!(mentioned(sql), ["http.route", "a\"b"]);
    }

    #[test]
    fn what_is_asked_for_most_is_first() {
        let mut asked = Asked::default();
        for i in 0..500 {
            asked.note(&[format!("k{i}"), "often".into()]);
        }
        assert_eq!(asked.first()[0], "often");
        assert!(asked.counts.len() <= MAX_KEYS && asked.counts.contains_key("k499"));
        assert!(asked.unsaved().is_some() && asked.unsaved().is_none());
    }
}
