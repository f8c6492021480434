//! A box one types into, above a list to choose from: palette, period and grouping are such.

use crate::fonts::Font;
use crate::kit::{Kit, icon, key, rect};
use crate::tokens::Tokens;
use eframe::egui::{Event, Frame, Id, Key, Rect, RichText, Role, TextEdit, Ui, UiBuilder, WidgetInfo, vec2};

/// What is typed, and which line is chosen.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub text: String,
    pub selected: usize,
}

/// How the box looks.
pub(super) struct Look<'a> {
    /// What it is called.
    pub name: &'static str,
    /// What an empty one says.
    pub hint: &'a str,
    /// What stands at its right.
    pub note: &'a str,
    pub font: Font,
    /// What is left of the sheet's width for other things.
    pub beside: f32,
}

impl Choice {
    /// With what was typed already.
    pub fn with(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// Arrows move the choice among `n` lines; typing begins again at the top.
    pub(super) fn moves(&mut self, ui: &Ui, n: usize) {
        let (up, down, typed) = ui.input(|i| {
            let typed = i.events.iter().any(|e| matches!(e, Event::Text(_) | Event::Paste(_)));
            // Each of those that came between two frames.
            (i.num_presses(Key::ArrowUp), i.num_presses(Key::ArrowDown), typed)
        });
        let from = if typed { 0 } else { self.selected };
        self.selected = (from + down).saturating_sub(up).min(n.saturating_sub(1));
    }

    /// The box at the top of a sheet.
    pub(super) fn input(&mut self, ui: &mut Ui, t: &'static Tokens, r: Rect, look: &Look<'_>) {
        {
            let kit = Kit::new(ui, t);
            icon(&kit, "search", r.left() + 15.0, r.top() + 15.0, 15.0, 1.4, t.weak);
            kit.hline(r.left() + 1.0, r.top() + 44.0, r.width() - 2.0, t.strong_line);
            key(&kit, r.right() - 43.0, r.top() + 14.5, "Esc");
            kit.text_right(r.right() - 51.0, r.top() + 25.5, Font::Regular(10.5), t.weak, look.note);
        }
        let place = rect(r.left() + 38.0, r.top() + 13.0, r.width() - look.beside, 20.0);
        let edit = TextEdit::singleline(&mut self.text)
            .id(Id::unique((look.name, "box")))
            .frame(Frame::NONE)
            .margin(0)
            .font(look.font.id())
            .text_color(t.strong)
            .hint_text(RichText::new(look.hint).font(Font::Regular(13.0).id()).color(t.weak))
            .desired_width(place.width());
        let mut child = ui.new_child(UiBuilder::new().id_salt((look.name, "input")).max_rect(place));
        let response = child.add_sized(vec2(place.width(), 20.0), edit);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, look.name));
        if !response.has_focus() {
            response.request_focus();
        }
    }
}
