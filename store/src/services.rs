//! Services in the order in which they were first seen, which pins how they look.

use arrow::array::{Array, AsArray, RecordBatch};
use std::collections::HashSet;

/// So many are remembered: those that can have a look of their own.
const MAX_SERVICES: usize = 64;

/// The services of a store.
#[derive(Debug, Default)]
pub(crate) struct Services {
    list: Vec<String>,
    known: HashSet<String>,
    n_saved: usize,
}

impl Services {
    /// Those that are saved, in their order.
    pub fn saved(list: Vec<String>) -> Self {
        let known = list.iter().cloned().collect();
        Self { n_saved: list.len(), known, list }
    }

    /// Takes in the services of new rows. Rows of one service follow each other, so most are compared with the last.
    pub fn see(&mut self, rows: &RecordBatch) {
        if self.list.len() >= MAX_SERVICES {
            return;
        }
        let Some(column) = rows.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>()) else { return };
        let mut last = "";
        for row in 0..column.len() {
            let name = column.value(row);
            if name == last {
                continue;
            }
            last = name;
            if self.list.len() < MAX_SERVICES && !self.known.contains(name) {
                self.known.insert(name.to_owned());
                self.list.push(name.to_owned());
            }
        }
    }

    /// All that are remembered.
    pub fn list(&self) -> &[String] {
        &self.list
    }

    /// Those that are not saved yet.
    pub fn unsaved(&self) -> &[String] {
        &self.list[self.n_saved..]
    }

    /// They are saved now, as far as they were at `n`.
    pub fn set_saved(&mut self, n: usize) {
        self.n_saved = self.n_saved.max(n);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use std::sync::Arc;

    fn rows(names: &[&str]) -> RecordBatch {
        let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        RecordBatch::try_from_iter([("ServiceName", names)]).expect("one column")
    }

    #[test]
    fn the_order_of_first_sight_stays() {
        let mut services = Services::saved(vec!["a".into()]);
        services.see(&rows(&["b", "b", "a", "c", "", "b"]));
        assert_eq!(services.list(), ["a", "b", "c", ""]);
        assert_eq!(services.unsaved(), ["b", "c", ""]);
        services.set_saved(4);
        assert_eq!(services.unsaved(), [] as [String; 0]);
    }
}
