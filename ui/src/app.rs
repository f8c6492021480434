//! The app: what one looks at, and the frame in which it is painted.

use crate::asks::Asks;
use crate::kit::{Kit, rect};
use crate::route::{Route, View};
use crate::tokens::{DARK, LIGHT, Tokens};
use crate::views::{home, logs, trace, traces};
use crate::{fonts, shell};
use eframe::egui::{self, Context, Key, Rect};
use sextant_contract::Backend;
use std::rc::Rc;

/// What a frame shows at its foot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// `Showing 7 of 7 senders`: words and numbers by turns, words first.
    pub parts: Vec<Vec<String>>,
    /// Keys that work here, with what they do.
    pub keys: Vec<(&'static str, &'static str)>,
}

/// Everything that the screens share.
pub(crate) struct State {
    pub asks: Asks,
    pub route: Route,
    /// Where one was, for back.
    pub past: Vec<Route>,
    pub future: Vec<Route>,
    pub theme: &'static Tokens,
    /// The search as it is being typed.
    pub typed: String,
    pub is_typing: bool,
    pub status: Status,
    pub traces: traces::State,
    pub trace: trace::State,
    pub logs: logs::State,
    pub home: home::State,
}

impl State {
    /// Goes somewhere; back leads here.
    pub fn go(&mut self, route: Route) {
        if route == self.route {
            return;
        }
        self.past.push(std::mem::replace(&mut self.route, route));
        self.future.clear();
        self.typed.clone_from(&self.route.query);
    }

    /// Goes to a view with the period that is set; the search comes along where it speaks of the same records.
    pub fn open(&mut self, view: View) {
        let is_same = |a: View| matches!(a, View::Traces | View::Trace) == matches!(view, View::Traces | View::Trace);
        let is_kept = view != View::Home && self.route.view != View::Home && is_same(self.route.view);
        let query = if is_kept { self.route.query.clone() } else { String::new() };
        self.go(Route { view, query, trace: String::new(), span: String::new(), ..self.route.clone() });
    }

    fn back(&mut self) {
        if let Some(route) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.route, route));
            self.typed.clone_from(&self.route.query);
        }
    }

    fn forward(&mut self) {
        if let Some(route) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.route, route));
            self.typed.clone_from(&self.route.query);
        }
    }
}

/// The egui app of all shells.
pub struct App {
    state: State,
    #[cfg(target_arch = "wasm32")]
    hash: String,
}

impl App {
    /// An app that reaches its data through `backend`.
    pub fn new(ctx: &Context, backend: Rc<dyn Backend>) -> Self {
        fonts::install(ctx);
        ctx.options_mut(|o| o.zoom_with_keyboard = true);
        ctx.all_styles_mut(|s| {
            s.animation_time = 0.0;
            s.visuals.text_cursor.blink = false;
            s.spacing.item_spacing = egui::vec2(0.0, 0.0);
            s.spacing.scroll = egui::style::ScrollStyle::thin();
            s.spacing.scroll.fade.strength = 0.0;
            s.interaction.selectable_labels = false;
        });
        let asks = Asks::new(backend, ctx);
        let state = State {
            asks,
            route: Route::default(),
            past: Vec::new(),
            future: Vec::new(),
            theme: &DARK,
            typed: String::new(),
            is_typing: false,
            status: Status::default(),
            traces: traces::State::default(),
            trace: trace::State::default(),
            logs: logs::State::default(),
            home: home::State::default(),
        };
        Self {
            state,
            #[cfg(target_arch = "wasm32")]
            hash: String::new(),
        }
    }

    /// Paints in the light theme.
    pub fn set_light(&mut self, is_light: bool) {
        self.state.theme = if is_light { &LIGHT } else { &DARK };
    }

    /// Goes to an address, such as `#/traces?q=error%3Atrue`.
    pub fn open(&mut self, address: &str) {
        self.state.go(Route::from_hash(address));
    }

    /// Where one is, as an address.
    pub fn address(&self) -> String {
        self.state.route.to_hash()
    }

    /// The address changes with the route, and the route with the address.
    #[cfg(target_arch = "wasm32")]
    fn sync_address(&mut self) {
        let shown = crate::web::hash();
        if shown != self.hash {
            self.hash.clone_from(&shown);
            self.open(&shown);
        }
        let wanted = self.address();
        if wanted != self.hash && !(self.hash.is_empty() && wanted == "#/") {
            // Moving about inside a trace is no step that back should undo.
            let before = Route::from_hash(&self.hash);
            let is_inside = before.view == View::Trace && before.trace == self.state.route.trace;
            crate::web::set_hash(&wanted, !is_inside);
            self.hash = wanted;
        }
    }

    fn keys(&mut self, ctx: &Context) {
        let state = &mut self.state;
        let pressed = |key: Key, modifiers| ctx.input_mut(|i| i.consume_key(modifiers, key));
        if pressed(Key::ArrowLeft, egui::Modifiers::ALT) {
            state.back();
        }
        if pressed(Key::ArrowRight, egui::Modifiers::ALT) {
            state.forward();
        }
        if !state.is_typing && pressed(Key::Slash, egui::Modifiers::NONE) {
            state.is_typing = true;
        }
    }

    fn style(&self, ctx: &Context) {
        let t = self.state.theme;
        ctx.set_theme(if t.is_dark { egui::Theme::Dark } else { egui::Theme::Light });
        ctx.all_styles_mut(|s| {
            s.visuals.panel_fill = t.bg_panel;
            s.visuals.extreme_bg_color = t.bg_raised;
            s.visuals.selection.bg_fill = t.accent_dim.gamma_multiply(0.6);
            s.visuals.text_cursor.stroke = egui::Stroke::new(1.0, t.accent);
        });
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.state.asks.drain();
        self.state.asks.forget_old();
        #[cfg(target_arch = "wasm32")]
        self.sync_address();
        self.keys(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.style(ui.ctx());
        let whole = ui.max_rect();
        let state = &mut self.state;
        {
            let kit = Kit::new(ui, state.theme);
            kit.fill(whole, state.theme.bg_app);
        }
        let main: Rect = rect(68.0, 44.0, whole.width() - 68.0, whole.height() - 68.0);
        Kit::new(ui, state.theme).fill(main, state.theme.bg_panel);
        state.status = Status::default();
        match state.route.view {
            View::Home => home::show(ui, state, main),
            View::Traces => traces::show(ui, state, main),
            View::Trace => trace::show(ui, state, main),
            View::Logs => logs::show(ui, state, main),
        }
        shell::show(ui, state, whole);
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.state.theme.bg_app.to_normalized_gamma_f32()
    }
}
