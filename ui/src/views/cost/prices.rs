//! Prices that B uses: each with its day and how sure it is, to be typed over; what is typed is kept as a book of one's own.

use super::{State, list, loses, text};
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Kit, field, icon, pill, rect};
use eframe::egui::{Color32, Ui};
use serde_json::Value;
use sextant_contract::{Ask, Command};
use sextant_model::UnixNanos;
use std::collections::BTreeMap;

const ROW: f32 = 28.0;
const KIND: &str = "prices";
const NAME: &str = "own";
const KEPT: &str = "own prices";

/// A price of one's own, and the day on which it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Own {
    price: f64,
    as_of: String,
}

impl State {
    /// The book of one's own, as a file; nothing where there is none.
    pub(super) fn own_prices(&self) -> Option<String> {
        let own = self.own.as_ref().filter(|own| !own.is_empty())?;
        let one = |(sku, own): (&String, &Own)| {
            let name = toml::Value::String(sku.clone());
            format!(
                "[[sku]]\nsku = {name}\nprice = {}\nas_of = \"{}\"\nconfidence = \"list\"\nsource = \"typed in\"\n",
                own.price, own.as_of
            )
        };
        Some(own.iter().map(one).collect())
    }
}

fn read(book: &str) -> BTreeMap<String, Own> {
    let book: toml::Table = book.parse().unwrap_or_default();
    let one = |sku: &toml::Value| {
        let price = sku.get("price")?;
        let price = price.as_float().or_else(|| price.as_integer().map(|n| n as f64))?;
        let text = |key: &str| sku.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        Some((text("sku")?, Own { price, as_of: text("as_of")? }))
    };
    book.get("sku").and_then(toml::Value::as_array).into_iter().flatten().filter_map(one).collect()
}

/// Reads the book of one's own, once.
pub(super) fn load(ui: &Ui, state: &mut App) {
    if state.cost.own.is_some() {
        return;
    }
    let slot = state.asks.ask(ui.ctx(), KEPT, false, || Ask::Saved { kind: KIND.into() });
    if let Some(object) = slot.get().and_then(|a| a.object.as_ref()) {
        let item = list(&object["items"]).iter().find(|item| item["name"] == NAME);
        state.cost.own = Some(item.map(|item| read(text(&item["value"]))).unwrap_or_default());
    }
}

fn keep(ui: &Ui, state: &State, asks: &crate::asks::Asks) {
    let command = match state.own_prices() {
        Some(value) => Command::Save { kind: KIND.into(), name: NAME.into(), value },
        None => Command::Forget { kind: KIND.into(), name: NAME.into() },
    };
    asks.act_then_forget(ui.ctx(), command, KEPT);
}

pub(super) fn show(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let t = state.theme;
    let mut y = loses::title(&Kit::new(ui, t), (x, y, w), "Price book", "a month of 30 days; type over what you pay");
    let all = list(&object["prices"]);
    if all.is_empty() {
        let kit = Kit::new(ui, t);
        kit.text_in(x, y + 14.0, w, Font::Regular(12.0), t.weak, "Prices as they are typed on the left.");
        return y + 22.0;
    }
    for used in all {
        row(ui, state, (x, y, w), used);
        y += ROW;
    }
    y
}

fn row(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), used: &Value) {
    let t = state.theme;
    let sku = text(&used["sku"]).to_owned();
    let is_own = state.cost.own.as_ref().is_some_and(|own| own.contains_key(&sku));
    let day = used["as_of"].as_str().map_or_else(|| "no date".to_owned(), |day| format!("as of {day}"));
    let confidence = if is_own { "yours" } else { text(&used["confidence"]) };
    let is_doubtful = confidence == "unverified" || used["as_of"].is_null();
    let kit = Kit::new(ui, t);
    let color = if is_doubtful { t.warn } else { t.text };
    kit.text_in(x, y + 18.0, w * 0.36, Font::Regular(12.0), t.strong, text(&used["service"]));
    let words = if is_own {
        format!("{}, yours", used["as_of"].as_str().unwrap_or_default())
    } else {
        format!("{day}, {confidence}")
    };
    let mut right = x + w;
    if is_own {
        let r = rect(right - 20.0, y + 4.0, 20.0, 20.0);
        let back = kit.click(r, ("price back", &sku), "Back to the shipped price");
        icon(&kit, "x", r.left() + 4.0, r.top() + 4.0, 12.0, 1.4, if back.hovered() { t.accent } else { t.weak });
        if back.on_hover_text("Back to the shipped price").clicked() {
            if let Some(own) = &mut state.cost.own {
                own.remove(&sku);
            }
            state.cost.typed.remove(&format!("Price of {sku}"));
            keep(ui, &state.cost, &state.asks);
        }
        right -= 24.0;
    }
    let kit = Kit::new(ui, t);
    let width = kit.width(Font::Medium(10.5), &words) + 14.0;
    let line = if is_doubtful { t.warn } else { t.strong_line };
    pill(&kit, right - width, y + 6.0, color, Color32::TRANSPARENT, line, &words);
    let left = x + w * 0.37;
    match used["price"].as_f64() {
        // Until one's own are known none can be typed over them.
        Some(price) if state.cost.own.is_none() => {
            kit.text(left, y + 18.0, Font::Mono(11.0), t.text, &price.to_string());
        }
        Some(price) => typed(ui, state, (left, y), &sku, price),
        None => drop(kit.text(left, y + 18.0, Font::Mono(11.0), t.text, "by steps")),
    }
    let kit = Kit::new(ui, t);
    let unit = format!("{} / {}", text(&used["currency"]), text(&used["unit"]));
    let room = right - width - left - 76.0;
    // Where there is no room for it, the name says it.
    if kit.width(Font::Regular(11.0), &unit) <= room {
        kit.text(left + 70.0, y + 18.0, Font::Regular(11.0), t.weak, &unit);
    }
    kit.row(rect(x, y, w * 0.36, ROW), ("price", &sku)).on_hover_text(format!("{sku}, {unit}"));
}

/// The price, to be typed over.
fn typed(ui: &mut Ui, state: &mut App, (x, y): (f32, f32), sku: &str, price: f64) {
    let label = format!("Price of {sku}");
    let now = price.to_string();
    let mut words = state.cost.typed.get(&label).cloned().unwrap_or_else(|| now.clone());
    if !field(ui, state.theme, rect(x, y + 2.0, 64.0, 24.0), &label, "", &mut words, false) {
        return;
    }
    // A comma is a point for half of the world.
    if let Ok(price) = words.trim().replace(',', ".").parse::<f64>()
        && price.is_finite()
        && price >= 0.0
    {
        let as_of = UnixNanos(crate::runtime::now()).to_string().chars().take(10).collect();
        state.cost.own.get_or_insert_default().insert(sku.to_owned(), Own { price, as_of });
        keep(ui, &state.cost, &state.asks);
    }
    state.cost.typed.insert(label, words);
}

#[cfg(test)]
mod tests {
    use super::{Own, read};
    use crate::views::cost::State;
    use std::collections::BTreeMap;

    #[test]
    fn a_book_of_ones_own_is_read_as_it_was_written() {
        let own = BTreeMap::from([("ebs-gp3".to_owned(), Own { price: 0.07, as_of: "2026-11-23".into() })]);
        let state = State { own: Some(own.clone()), ..State::default() };
        let book = state.own_prices().expect("a book");
        assert_eq!(read(&book), own, "{book}");
        assert_eq!(State { own: Some(BTreeMap::new()), ..State::default() }.own_prices(), None);
    }
}
