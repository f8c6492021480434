//! A scenario as it is edited: its file, place by place.

use toml::{Table, Value};

/// A scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Doc(Table);

/// A tier of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tier {
    pub name: String,
    pub days: f64,
    pub price: String,
    pub replicas: f64,
}

/// A rule of its sampling.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub search: String,
    pub keep: f64,
}

pub(super) const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];

fn number(value: Option<&Value>) -> Option<f64> {
    value.and_then(|v| v.as_float().or_else(|| v.as_integer().map(|n| n as f64)))
}

/// A number as a file has it: whole ones without a point.
fn value(n: f64) -> Value {
    if n.fract() == 0.0 && n.abs() < 1e15 { Value::Integer(n as i64) } else { Value::Float(n) }
}

impl Doc {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, String> {
        text.parse::<Table>().map(Self).map_err(|e| e.message().to_owned())
    }

    pub fn text(&self) -> String {
        toml::to_string(&self.0).unwrap_or_default()
    }

    /// What stands at a place; parts of lists by their number.
    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |at, part| match at {
            Value::Array(all) => all.get(part.parse::<usize>().ok()?),
            Value::Table(table) => table.get(*part),
            _ => None,
        })
    }

    pub fn number(&self, path: &[&str]) -> Option<f64> {
        number(self.at(path))
    }

    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    pub fn is_on(&self, path: &[&str]) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Puts something at a place, or takes away what is there.
    pub fn put(&mut self, path: &[&str], new: Option<Value>) {
        let Some((last, before)) = path.split_last() else { return };
        let mut at = &mut self.0;
        let mut i = 0;
        while i < before.len() {
            let entry = at.entry(before[i]).or_insert_with(|| Value::Table(Table::new()));
            i += 1;
            let inner = match entry {
                Value::Array(all) => {
                    let Some(item) = before.get(i).and_then(|n| n.parse::<usize>().ok()).and_then(|n| all.get_mut(n))
                    else {
                        return;
                    };
                    i += 1;
                    item
                }
                other => other,
            };
            let Value::Table(table) = inner else { return };
            at = table;
        }
        match new {
            Some(new) => drop(at.insert((*last).to_owned(), new)),
            None => drop(at.remove(*last)),
        }
    }

    pub fn set(&mut self, path: &[&str], n: f64) {
        self.put(path, Some(value(n)));
    }

    fn list(&self, name: &[&str]) -> &[Value] {
        self.at(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
    }

    fn list_mut(&mut self, path: &[&str]) -> Option<&mut Vec<Value>> {
        if self.at(path).is_none() {
            self.put(path, Some(Value::Array(Vec::new())));
        }
        let (last, before) = path.split_last()?;
        let mut at = &mut self.0;
        for part in before {
            at = at.get_mut(*part)?.as_table_mut()?;
        }
        at.get_mut(*last)?.as_array_mut()
    }

    pub fn tiers(&self) -> Vec<Tier> {
        let one = |tier: &Value| {
            let text = |key: &str| tier.get(key).and_then(Value::as_str);
            let price = number(tier.get("price_per_gb_month")).map(|n| n.to_string());
            Tier {
                name: text("name").unwrap_or_default().to_owned(),
                days: number(tier.get("days")).unwrap_or(1.0),
                price: price.or_else(|| text("sku").map(str::to_owned)).unwrap_or_default(),
                replicas: number(tier.get("replicas")).unwrap_or(1.0),
            }
        };
        self.list(&["tier"]).iter().map(one).collect()
    }

    /// One more tier, as long again as all before it, at a price of the book.
    pub fn add_tier(&mut self) {
        let n = self.list(&["tier"]).len();
        let days: f64 = self.tiers().iter().map(|t| t.days).sum();
        let (name, sku) = if n == 0 {
            ("hot", "ebs-gp3")
        } else if n == 1 {
            ("cold", "s3-standard-ia")
        } else {
            ("archive", "s3-glacier-flexible")
        };
        let mut tier = Table::new();
        tier.insert("name".into(), Value::String(name.into()));
        tier.insert("days".into(), value(days.max(30.0)));
        tier.insert("sku".into(), Value::String(sku.into()));
        if let Some(all) = self.list_mut(&["tier"]) {
            all.push(Value::Table(tier));
        }
    }

    pub fn drop_tier(&mut self, i: usize) {
        if let Some(all) = self.list_mut(&["tier"]).filter(|all| all.len() > i) {
            all.remove(i);
        }
    }

    /// A price as it was typed: a number, or the name of one in the book.
    pub fn price(&mut self, i: usize, typed: &str) {
        let place = i.to_string();
        let typed = typed.trim().trim_start_matches('$');
        match typed.parse::<f64>() {
            Ok(n) if n.is_finite() => {
                self.put(&["tier", &place, "sku"], None);
                self.put(&["tier", &place, "price_per_gb_month"], Some(Value::Float(n)));
            }
            _ => {
                self.put(&["tier", &place, "price_per_gb_month"], None);
                self.put(&["tier", &place, "sku"], Some(Value::String(typed.to_owned())));
            }
        }
    }

    pub fn rules(&self) -> Vec<Rule> {
        let one = |rule: &Value| Rule {
            search: rule.get("search").and_then(Value::as_str).unwrap_or_default().to_owned(),
            keep: number(rule.get("keep")).unwrap_or(1.0),
        };
        self.list(&["sampling", "rule"]).iter().map(one).collect()
    }

    pub fn add_rule(&mut self, search: &str, keep: f64) {
        self.put(&["sampling", "applied"], Some(Value::Boolean(true)));
        if self.at(&["sampling", "head"]).is_none() {
            self.set(&["sampling", "head"], 1.0);
        }
        let mut rule = Table::new();
        rule.insert("search".into(), Value::String(search.to_owned()));
        rule.insert("keep".into(), value(keep));
        if let Some(all) = self.list_mut(&["sampling", "rule"]) {
            all.push(Value::Table(rule));
        }
    }

    pub fn drop_rule(&mut self, i: usize) {
        if let Some(all) = self.list_mut(&["sampling", "rule"]).filter(|all| all.len() > i) {
            all.remove(i);
        }
    }

    /// What is kept of everything else; rules are asked before.
    pub fn head(&mut self, share: f64) {
        self.put(&["sampling", "applied"], Some(Value::Boolean(true)));
        self.set(&["sampling", "head"], share);
    }

    pub fn drops(&self, signal: &str, key: &str) -> bool {
        self.list(&["shape"]).iter().any(|shape| is_drop(shape, signal, key))
    }

    /// An attribute is kept no more, or again.
    pub fn toggle(&mut self, signal: &str, key: &str) {
        let is_dropped = self.drops(signal, key);
        let Some(all) = self.list_mut(&["shape"]) else { return };
        if is_dropped {
            all.retain(|shape| !is_drop(shape, signal, key));
        } else {
            let mut shape = Table::new();
            shape.insert("signal".into(), Value::String(signal.to_owned()));
            shape.insert("drop".into(), Value::String(key.to_owned()));
            all.push(Value::Table(shape));
        }
        if all.is_empty() {
            self.put(&["shape"], None);
        }
    }

    /// The signals that come in.
    pub fn signals(&self) -> Vec<&'static str> {
        SIGNALS.into_iter().filter(|signal| self.at(&["ingest", signal]).is_some()).collect()
    }

    /// How many places say something else.
    pub fn changes(&self, other: &Self) -> usize {
        let empty = Value::Table(Table::new());
        let keys: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .map(|key| differences(self.0.get(key).unwrap_or(&empty), other.0.get(key).unwrap_or(&empty)))
            .sum()
    }
}

fn is_drop(shape: &Value, signal: &str, key: &str) -> bool {
    let text = |name: &str| shape.get(name).and_then(Value::as_str);
    text("drop") == Some(key) && text("signal").is_none_or(|of| of == signal)
}

fn differences(a: &Value, b: &Value) -> usize {
    let empty = Value::Table(Table::new());
    match (a, b) {
        (Value::Table(a), Value::Table(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .map(|key| match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b),
                    _ => 1,
                })
                .sum()
        }
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len()))
            .map(|i| match (a.get(i), b.get(i)) {
                (Some(a), Some(b)) => differences(a, b),
                _ => 1,
            })
            .sum(),
        (Value::Array(all), other) | (other, Value::Array(all)) if *other == empty => all.len(),
        _ => usize::from(a != b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "days = 60\n[ingest.traces]\nbytes_per_day = 8e9\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\nsku = \"ebs-gp3\"\n";

    #[test]
    fn places_are_changed_and_nothing_else() {
        let base = Doc::read(FILE).expect("a scenario");
        let mut doc = base.clone();
        doc.set(&["tier", "0", "days"], 14.0);
        doc.head(0.25);
        doc.add_rule("service:cart", 0.5);
        doc.toggle("traces", "url.full");
        doc.price(0, "$0.05");
        assert_eq!(doc.number(&["tier", "0", "days"]), Some(14.0));
        assert_eq!(doc.tiers()[0].price, "0.05");
        assert_eq!(doc.rules(), [Rule { search: "service:cart".into(), keep: 0.5 }]);
        assert!(doc.drops("traces", "url.full") && !doc.drops("logs", "url.full"));
        // Days, two keys for the price, three of sampling, one attribute.
        assert_eq!(doc.changes(&base), 7);
        assert_eq!(Doc::read(&doc.text()).expect("it is read again"), doc);
        doc.toggle("traces", "url.full");
        doc.drop_rule(0);
        doc.price(0, "ebs-gp3");
        doc.set(&["tier", "0", "days"], 30.0);
        doc.put(&["sampling"], None);
        assert_eq!(doc, base);
        doc.add_tier();
        assert_eq!(doc.tiers()[1].name, "cold");
        doc.drop_tier(1);
        doc.drop_tier(5);
        assert_eq!(doc.text(), base.text());
        // Paths that lead nowhere change nothing.
        doc.set(&["tier", "7", "days"], 1.0);
        doc.set(&["days", "x"], 1.0);
        assert_eq!(doc, base);
        assert!(Doc::read("days = ").is_err());
    }
}
