//! The parts of a report of one's own: added from any screen, put in order by drag or keys, given words, taken back.

use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, icon, rect};
use eframe::egui::{
    Context, Id, Key, Memory, Modifiers, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};
use sextant_contract::{Ask, ReportItem};

/// How many steps can be taken back.
const MAX_PAST: usize = 50;
/// More rows of a list are for the screen.
const LIST_ROWS: usize = 50;
const ROW: f32 = 28.0;
/// Where they are kept.
const KIND: &str = "report";
const NAME: &str = "parts";

/// Parts in their order, and which of the rows is written at: the first is the introduction, the last what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub items: Vec<ReportItem>,
    pub row: usize,
    past: Vec<Vec<ReportItem>>,
    dragged: Option<usize>,
    /// Whether those that were kept are there.
    is_loaded: bool,
    /// Whether they differ from what is kept.
    is_changed: bool,
}

impl Parts {
    /// Whether a report can show it.
    pub fn can_show(ask: &Ask) -> bool {
        matches!(
            ask,
            Ask::Search(_)
                | Ask::Trace { .. }
                | Ask::Skeleton { .. }
                | Ask::Services { .. }
                | Ask::Metric(_)
                | Ask::Histogram { .. }
                | Ask::Sql { .. }
        )
    }

    fn keep(&mut self) {
        self.past.push(self.items.clone());
        if self.past.len() > MAX_PAST {
            self.past.remove(0);
        }
        self.is_changed = true;
    }

    /// One more, at the end. Of a list its first rows: paper has no scroll bar.
    pub fn add(&mut self, title: String, mut ask: Ask) {
        if let Ask::Search(search) = &mut ask {
            search.limit = search.limit.min(LIST_ROWS);
        }
        self.keep();
        self.items.push(ReportItem { title, text: String::new(), shown: Some(ask) });
        self.row = self.items.len();
    }

    fn remove(&mut self, i: usize) {
        self.keep();
        self.items.remove(i);
        self.row = self.row.min(self.items.len());
    }

    /// Puts one into the place of another.
    fn put(&mut self, from: usize, to: usize) {
        let one = self.items.remove(from);
        self.items.insert(to.min(self.items.len()), one);
        self.row = to + 1;
        self.is_changed = true;
    }

    /// Takes the last step back; whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.past.pop() else { return false };
        self.items = before;
        self.row = self.row.min(self.items.len() + 1);
        self.is_changed = true;
        true
    }

    /// Words were written at one.
    pub fn was_written(&mut self) {
        self.is_changed = true;
    }

    /// The part that is written at.
    pub fn chosen(&mut self) -> Option<&mut ReportItem> {
        self.items.get_mut(self.row.checked_sub(1)?)
    }

    /// What is kept comes first, then what was added before it was known.
    pub fn load(&mut self, ctx: &Context, asks: &mut crate::asks::Asks) {
        if self.is_loaded {
            return;
        }
        let slot = asks.ask(ctx, "saved report", false, || Ask::Saved { kind: KIND.to_owned() });
        let Some(object) = slot.get().and_then(|a| a.object.as_ref()) else { return };
        let kept = object["items"].as_array().and_then(|all| all.iter().find(|i| i["name"] == NAME));
        let kept = kept.and_then(|i| serde_json::from_str::<Vec<ReportItem>>(i["value"].as_str()?).ok());
        let mut all = kept.unwrap_or_default();
        all.append(&mut self.items);
        (self.items, self.is_loaded) = (all, true);
        self.row = self.row.min(self.items.len() + 1);
    }

    /// Keeps what was changed, once what was kept is known.
    pub fn save(&mut self, ctx: &Context, asks: &crate::asks::Asks) {
        if self.is_loaded && self.is_changed {
            let text = serde_json::to_string(&self.items).unwrap_or_default();
            asks.remember(ctx, (KIND, NAME.to_owned(), text), "saved report");
            self.is_changed = false;
        }
    }
}

/// The list; where it ends.
pub(super) fn show(ui: &mut Ui, state: &App, of: &mut Parts, r: Rect) -> f32 {
    let t = state.theme;
    let n_rows = of.items.len() + 2;
    let h = (ROW * n_rows as f32).min(r.height()).max(ROW * 2.0);
    let area = r.with_max_y(r.top() + h);
    let mut child = ui.new_child(UiBuilder::new().id_salt("report parts").max_rect(area));
    child.set_clip_rect(area);
    let (mut gone, mut moved) = (None, None);
    ScrollArea::vertical().auto_shrink(false).id_salt("report parts").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        for i in 0..n_rows {
            let row = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
            let part = i.checked_sub(1).filter(|part| *part < of.items.len());
            let name = match part {
                Some(part) if of.items[part].title.is_empty() => "(no heading)".to_owned(),
                Some(part) => of.items[part].title.clone(),
                None if i == 0 => "Introduction".into(),
                None => "To do".into(),
            };
            let response = ui.interact(row, Id::unique(("report part", i)), Sense::click_and_drag());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Part: {name}")));
            let kit = Kit::new(ui, t);
            kit.row_back(row, of.row == i, response.hovered());
            let mut right = row.right() - 12.0;
            if part.is_some() && (of.row == i || response.hovered()) {
                right -= 14.0;
                let cross = rect(right, row.top() + 7.0, 13.0, 13.0);
                let away = kit.click(cross.expand(4.0), ("away", i), &format!("Take out {name}"));
                icon(&kit, "x", cross.left(), cross.top(), 13.0, 1.6, if away.hovered() { t.error } else { t.weak });
                if away.clicked() {
                    gone = part;
                }
            }
            let x = row.left() + 16.0;
            if let Some(part) = part {
                kit.text(x, row.top() + 18.5, Font::Mono(11.0), t.weak, &format!("{}", part + 1));
            }
            let (font, color) =
                if part.is_some() { (Font::Regular(12.0), t.strong) } else { (Font::Medium(12.0), t.text) };
            kit.text_in(x + 22.0, row.top() + 18.5, right - x - 30.0, font, color, &name);
            kit.hline(row.left(), row.bottom() - 1.0, row.width(), t.hair);
            if response.clicked() {
                of.row = i;
            }
            if response.drag_started() && part.is_some() {
                of.keep();
                (of.dragged, of.row) = (part, i);
            }
            // By keys, for who can't drag.
            let is_free = ui.memory(Memory::focused).is_none_or(|id| id == response.id);
            if let Some(part) = part.filter(|_| of.row == i && is_free) {
                let (up, down) = ui.input_mut(|i| {
                    (i.consume_key(Modifiers::ALT, Key::ArrowUp), i.consume_key(Modifiers::ALT, Key::ArrowDown))
                });
                if up && part > 0 {
                    moved = Some((part, part - 1));
                } else if down && part + 1 < of.items.len() {
                    moved = Some((part, part + 1));
                }
            }
        }
        let pointer = ui.input(|i| i.pointer.interact_pos().filter(|_| i.pointer.any_down()));
        match (of.dragged, pointer) {
            (Some(from), Some(at)) => {
                let to = ((at.y - top) / ROW).floor() as isize - 1;
                let to = to.clamp(0, of.items.len() as isize - 1) as usize;
                if to != from {
                    of.put(from, to);
                    of.dragged = Some(to);
                }
            }
            (Some(_), None) => of.dragged = None,
            _ => {}
        }
        ui.set_min_size(vec2(r.width() - 8.0, ROW * n_rows as f32));
    });
    if let Some((from, to)) = moved {
        of.keep();
        of.put(from, to);
    }
    if let Some(part) = gone {
        of.remove(part);
    }
    let kit = Kit::new(ui, t);
    let y = area.bottom() + 6.0;
    let b = Button { text: "Undo", key: Some("Ctrl Z"), is_small: true, ..Button::default() };
    let x = r.right() - 16.0 - b.width(&kit);
    if !of.past.is_empty() && button(&kit, x, y, b).clicked() {
        of.undo();
    }
    let words = if of.items.is_empty() {
        "+ on any screen adds what it shows"
    } else {
        "drag, or Alt ↑ ↓, for another order"
    };
    kit.text_in(r.left() + 16.0, y + 15.0, x - r.left() - 24.0, Font::Regular(11.5), t.text, words);
    y + 30.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_can_be_taken_back() {
        let mut parts = Parts::default();
        for id in ["a", "b", "c"] {
            parts.add(id.to_owned(), Ask::Trace { id: id.to_owned() });
        }
        let names = |parts: &Parts| parts.items.iter().map(|i| i.title.clone()).collect::<String>();
        parts.keep();
        parts.put(0, 2);
        assert_eq!((names(&parts).as_str(), parts.row), ("bca", 3));
        parts.remove(0);
        assert_eq!(names(&parts), "ca");
        for before in ["bca", "abc", "ab", "a", ""] {
            assert!(parts.undo());
            assert_eq!(names(&parts), before);
        }
        assert!(!parts.undo() && parts.chosen().is_none());
    }
}
