//! Chips, keys, pills, buttons, segments, check boxes, hatches.

use super::{Kit, icon, rect};
use crate::fonts::Font;
use crate::tokens::look_of;
use eframe::egui::{Color32, Rect, Response, Stroke, pos2};
use sextant_charts::{Ink, is_striped};

/// The two letters of a service on its hue.
pub(crate) fn chip(kit: &Kit<'_>, x: f32, y: f32, service: &str) {
    let (hue, letters) = look_of(service);
    chip_letters(kit, x, y, hue, &letters);
}

/// Two letters on a hue.
pub(super) fn chip_letters(kit: &Kit<'_>, x: f32, y: f32, hue: u8, letters: &str) {
    let r = rect(x, y, 18.0, 13.0);
    kit.round(r, 2, kit.t.ink(Ink::Service(hue)));
    if is_striped(hue) {
        kit.stripes(rect(r.left(), r.bottom() - 3.0, r.width(), 3.0));
    }
    kit.text_mid(x + 9.0, y + 9.5, Font::MonoSemibold(9.0), kit.t.svc_ink, letters);
}

/// A chip and the name beside it; returns where it ends.
pub(crate) fn service(kit: &Kit<'_>, x: f32, bl: f32, width: f32, name: &str) -> f32 {
    chip(kit, x, bl - 10.0, name);
    let shown = if name.is_empty() { "(no service)" } else { name };
    kit.text_in(x + 24.0, bl, width - 24.0, Font::Regular(12.0), kit.t.strong, shown)
}

/// A key cap; returns where it ends.
pub(crate) fn key(kit: &Kit<'_>, x: f32, y: f32, text: &str) -> f32 {
    let w = kit.width(Font::Mono(10.0), text) + 10.0;
    let r = rect(x, y, w, 15.0);
    kit.round(r, 3, kit.t.bg_panel);
    kit.border(r, 3, kit.t.strong_line);
    kit.text(x + 5.0, y + 11.0, Font::Mono(10.0), kit.t.text, text);
    x + w
}

/// A pill of a colour; returns where it ends.
pub(crate) fn pill(kit: &Kit<'_>, x: f32, y: f32, color: Color32, fill: Color32, border: Color32, text: &str) -> f32 {
    let w = kit.width(Font::Medium(10.5), text) + 14.0;
    let r = rect(x, y, w, 18.0);
    kit.round(r, 3, fill);
    kit.border(r, 3, border);
    kit.text(x + 7.0, y + 12.5, Font::Medium(10.5), color, text);
    x + w
}

/// How a button looks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Button<'a> {
    pub text: &'a str,
    pub icon: Option<&'a str>,
    pub key: Option<&'a str>,
    pub is_primary: bool,
    pub is_small: bool,
    pub is_quiet: bool,
}

impl Button<'_> {
    fn height(self) -> f32 {
        if self.is_small { 22.0 } else { 26.0 }
    }

    fn font(self) -> Font {
        match (self.is_small, self.is_primary) {
            (false, true) => Font::Semibold(12.0),
            (false, false) => Font::Medium(12.0),
            (true, true) => Font::Semibold(11.0),
            (true, false) => Font::Medium(11.0),
        }
    }

    fn pad(self) -> f32 {
        match (self.is_quiet, self.is_small) {
            (true, _) => 7.0,
            (_, true) => 9.0,
            _ => 11.0,
        }
    }

    pub fn width(self, kit: &Kit<'_>) -> f32 {
        let icon = if self.icon.is_some() { 19.0 } else { 0.0 };
        let key = self.key.map_or(0.0, |k| kit.width(Font::Mono(10.0), k) + 16.0);
        (kit.width(self.font(), self.text) + icon + key + 2.0 * self.pad()).round()
    }
}

/// Paints a button at `x, y` and says whether it was clicked.
pub(crate) fn button(kit: &Kit<'_>, x: f32, y: f32, b: Button<'_>) -> Response {
    let (w, h) = (b.width(kit), b.height());
    let r = rect(x, y, w, h);
    let response = kit.click(r, ("button", b.text, x as i32, y as i32), b.text);
    let t = kit.t;
    let (fill, border, color) = match (b.is_primary, b.is_quiet) {
        (true, _) => (t.accent, t.accent, t.on_accent),
        (_, true) => (Color32::TRANSPARENT, Color32::TRANSPARENT, t.text),
        _ => (t.bg_raised, t.strong_line, t.strong),
    };
    let fill = if response.hovered() && !b.is_primary { t.bg_hover } else { fill };
    kit.round(r, 4, fill);
    kit.border(r, 4, border);
    if response.has_focus() {
        kit.border(r.expand(2.0), 5, t.accent);
        kit.border(r.expand(1.0), 5, t.accent);
    }
    let mut at = x + b.pad();
    let bl = y + if b.is_small { 15.0 } else { 17.0 };
    if let Some(name) = b.icon {
        icon(kit, name, at, y + (h - 13.0) / 2.0, 13.0, 1.5, color);
        at += 19.0;
    }
    at = kit.text(at, bl, b.font(), color, b.text);
    if let Some(k) = b.key {
        key(kit, at + 6.0, y + (h - 15.0) / 2.0, k);
    }
    response
}

/// A row of choices; returns the one that was clicked, and the width.
pub(crate) fn seg(kit: &Kit<'_>, x: f32, y: f32, is_small: bool, items: &[&str], on: usize) -> (Option<usize>, f32) {
    let (h, font, pad) = if is_small { (22.0, Font::Medium(11.0), 8.0) } else { (28.0, Font::Medium(12.0), 10.0) };
    let lead = |item: &str| if matches!(item, "Live" | "Paused") { 13.0 } else { 0.0 };
    let widths: Vec<f32> = items.iter().map(|i| lead(i) + kit.width(font, i).round() + 2.0 * pad).collect();
    let total = widths.iter().sum::<f32>() + items.len() as f32 + 1.0;
    let r = rect(x, y, total, h);
    kit.round(r, 4, kit.t.bg_raised);
    let mut clicked = None;
    let mut at = x + 1.0;
    for (i, (item, w)) in items.iter().zip(&widths).enumerate() {
        let cell = rect(at, y + 1.0, *w, h - 2.0);
        let response = kit.click(cell, ("seg", *item, x as i32, y as i32), item);
        if response.clicked() {
            clicked = Some(i);
        }
        if i == on || response.hovered() {
            kit.fill(cell, kit.t.bg_hover);
        }
        if i == on {
            kit.fill(rect(at, y + h - 3.0, *w, 2.0), kit.t.accent);
        }
        let color = if i == on { kit.t.strong } else { kit.t.text };
        match *item {
            "Live" if i == on => drop(kit.paint.circle_filled(pos2(at + pad + 4.0, y + h / 2.0), 4.0, kit.t.accent)),
            "Live" => drop(kit.paint.circle_stroke(pos2(at + pad + 4.0, y + h / 2.0), 3.0, Stroke::new(1.0, color))),
            "Paused" => {
                kit.fill(rect(at + pad + 0.5, y + h / 2.0 - 4.5, 2.0, 9.0), color);
                kit.fill(rect(at + pad + 5.0, y + h / 2.0 - 4.5, 2.0, 9.0), color);
            }
            _ => {}
        }
        kit.text(at + pad + lead(item), y + if is_small { 15.0 } else { 18.0 }, font, color, item);
        at += w;
        if i + 1 < items.len() {
            kit.vline(at, y + 1.0, h - 2.0, kit.t.strong_line);
            at += 1.0;
        }
    }
    kit.border(r, 4, kit.t.strong_line);
    (clicked, total)
}

/// What can be done with a row's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueAction {
    Include,
    Exclude,
    Copy,
    /// What only some places offer.
    Extra,
}

/// The actions of the row under the pointer, at its right end; a click beside them copies.
pub(crate) fn value_actions(kit: &Kit<'_>, row: Rect, response: &Response, extra: Option<&str>) -> Option<ValueAction> {
    if !response.hovered() {
        return None;
    }
    let at = response.hover_pos().map(|p| p.x);
    let mut right = row.right() - 6.0;
    let mut chosen = ValueAction::Copy;
    let actions = [("copy", ValueAction::Copy), ("exclude", ValueAction::Exclude), ("include", ValueAction::Include)];
    for (text, action) in actions.into_iter().chain(extra.map(|text| (text, ValueAction::Extra))) {
        let w = kit.width(Font::Medium(10.5), text) + 12.0;
        let r = rect(right - w, row.top() + (row.height() - 18.0) / 2.0, w, 18.0);
        let is_under = at.is_some_and(|x| x >= r.left() && x < r.right());
        kit.round(r.expand(2.0), 3, kit.t.bg_hover);
        kit.round(r, 3, kit.t.bg_raised);
        kit.border(r, 3, if is_under { kit.t.accent } else { kit.t.strong_line });
        let color = if is_under { kit.t.accent } else { kit.t.text };
        kit.text(r.left() + 6.0, r.top() + 12.5, Font::Medium(10.5), color, text);
        if is_under {
            chosen = action;
        }
        right -= w + 4.0;
    }
    response.clicked().then_some(chosen)
}

/// A check box.
pub(crate) struct Check<'a> {
    pub label: &'a str,
    pub is_on: bool,
}

impl Check<'_> {
    /// Paints the box at `x, y` without its label.
    pub fn square(kit: &Kit<'_>, x: f32, y: f32, is_on: bool) {
        let r = rect(x, y, 12.0, 12.0);
        if is_on {
            kit.round(r, 2, kit.t.accent);
            icon(kit, "check", x + 1.0, y + 1.0, 10.0, 3.0, kit.t.on_accent);
        } else {
            kit.border(r, 2, kit.t.control);
        }
    }

    /// Paints box and label; says whether it was clicked and how wide it is.
    pub fn show(&self, kit: &Kit<'_>, x: f32, bl: f32) -> (bool, f32) {
        let width = 16.0 + kit.width(Font::Regular(12.0), self.label);
        let response = kit.click(rect(x, bl - 14.0, width, 18.0), ("check", self.label), self.label);
        Self::square(kit, x, bl - 10.0, self.is_on);
        kit.text(x + 16.0, bl, Font::Regular(12.0), kit.t.strong, self.label);
        (response.clicked(), width)
    }
}
