//! The app: what one looks at, and the frame in which it is painted.

use crate::asks::Asks;
use crate::commands::{self, Do, Keys};
use crate::kit::{Kit, rect};
use crate::overlay;
use crate::overlay::choice::Choice;
use crate::overlay::notices::Notice;
use crate::route::{Route, View};
use crate::tokens::{DARK, LIGHT, Tokens};
use crate::views::{
    bundle, compare, cost, differs, home, logs, metrics, report, services, sources, sql, status, trace, traces,
};
use crate::{fonts, shell};
use eframe::egui::{self, Context, Rect};
use sextant_contract::{Ask, Backend, Command};
use sextant_model::UnixNanos;
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
    pub completing: crate::search::State,
    pub status: Status,
    pub health: shell::Health,
    /// A search of which more rows are wanted, and how many.
    pub more: Option<(String, usize)>,
    /// Whether facets are shown, where that was said.
    pub has_facets: Option<bool>,
    pub traces: traces::State,
    pub trace: trace::State,
    pub compare: compare::State,
    pub differs: differs::State,
    pub logs: logs::State,
    pub home: home::State,
    pub metrics: metrics::State,
    pub services: services::State,
    pub sql: sql::State,
    pub sources: sources::State,
    pub report: report::State,
    pub bundle: bundle::make::State,
    /// Where questions were let read how much.
    pub heavy_allowed: Option<(String, u64)>,
    pub figures: crate::views::figures::State,
    pub cost: cost::State,
    /// Searches that were kept, and those that were asked lately: names and addresses.
    pub kept: Vec<(String, String)>,
    pub recent: Vec<(String, String)>,
    /// The trace that others are compared with.
    pub marked: Option<String>,
    pub palette: Option<Choice>,
    pub period: Option<Choice>,
    pub export: Option<overlay::export::State>,
    /// What was typed into a box that opens with this frame.
    pub early: String,
    pub note: Option<overlay::note::State>,
    pub group: Option<Choice>,
    /// What a note would be about.
    pub subject: Option<overlay::note::Subject>,
    /// What is drawn on every time axis.
    pub marks: std::sync::Arc<crate::marks::Marks>,
    /// The deployments that were heard of last.
    pub deployed: Option<Rc<sextant_contract::Answer>>,
    /// Where files go in a window, if that was said.
    pub files_dir: Option<std::path::PathBuf>,
    /// Whose rows the view shows.
    pub shown: Option<Rc<Ask>>,
    pub is_sheet_open: bool,
    pub is_view_as_open: bool,
    pub notices: Vec<Notice>,
    /// Commands for the view that is about to be painted.
    pub todo: Vec<Do>,
    /// Commands that were chosen while painting; their turn comes with the next frame.
    pub wanted: Vec<Do>,
}

impl State {
    /// Whether this command was chosen; it is then carried out by whoever asks.
    pub fn takes(&mut self, what: Do) -> bool {
        let place = self.todo.iter().position(|d| *d == what);
        place.map(|p| self.todo.remove(p)).is_some()
    }

    /// What is on the screen, in a sentence.
    #[cfg(target_arch = "wasm32")]
    fn said(&self) -> String {
        let parts: Vec<String> = self.status.parts.iter().take(2).map(|p| p.join(" ")).collect();
        format!("{}: {}.", self.route.view.title(), parts.join(". "))
    }

    /// Where the commands of lists lead from row `at`, of which `last` is the last.
    pub fn walk(&mut self, at: usize, last: usize) -> usize {
        let mut to = at;
        if self.takes(Do::Down) {
            to = (to + 1).min(last);
        }
        if self.takes(Do::Up) {
            to = to.saturating_sub(1);
        }
        if self.takes(Do::First) {
            to = 0;
        }
        if self.takes(Do::Last) {
            to = last;
        }
        to
    }

    /// Goes somewhere; back leads here.
    pub fn go(&mut self, route: Route) {
        if route == self.route {
            return;
        }
        self.past.push(std::mem::replace(&mut self.route, route));
        self.future.clear();
        self.route.search().clone_into(&mut self.typed);
    }

    /// Goes to a view with the period that is set; the search comes along where it speaks of the same records.
    pub fn open(&mut self, view: View) {
        let kind = |a: View| (a == View::Logs, a == View::Sql, a == View::Metrics);
        let is_same = |a: View| kind(a) == kind(view);
        let is_kept =
            !matches!(view, View::Home | View::Status | View::Sources | View::Bundle | View::Report | View::Cost)
                && !matches!(
                    self.route.view,
                    View::Home | View::Status | View::Sources | View::Bundle | View::Report | View::Cost
                )
                && is_same(self.route.view);
        let query = if is_kept { self.route.query.clone() } else { String::new() };
        let none = String::new;
        self.go(Route { view, query, trace: none(), span: none(), other: none(), part: None, ..self.route.clone() });
    }

    fn back(&mut self) {
        if let Some(route) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.route, route));
            self.route.search().clone_into(&mut self.typed);
        }
    }

    fn forward(&mut self) {
        if let Some(route) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.route, route));
            self.route.search().clone_into(&mut self.typed);
        }
    }
}

/// Keeps where one is under the name of its search, for the palette.
fn save(ctx: &Context, state: &mut State) {
    let name = state.route.name();
    let notice = overlay::notices::Notice::said(format!("Kept: {name}. The palette has it."));
    let value = state.route.to_hash();
    state.asks.act_then_forget(ctx, Command::Save { kind: "search".into(), name, value }, overlay::palette::KEPT);
    state.notices.push(notice);
}

/// What a window is called. Windows take no control characters, and not any length.
fn title_of(route: &Route, shape: &str, name: &str) -> String {
    const LETTERS: usize = 200;
    let how = match route.view {
        View::Trace => format!(", {shape}"),
        View::Logs if !route.other.is_empty() => format!(", {}", route.other),
        _ => String::new(),
    };
    let searched = if route.search().is_empty() { String::new() } else { format!(": {}", route.search()) };
    let shown = format!("{}{how}{searched}", route.view.title());
    let shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LETTERS).collect();
    format!("{shown} – {name}")
}

/// What the button sends: enough to look around in.
const DEMO_SPANS: u64 = 5_000;

/// Who takes files that are dropped, if it does.
type Taker = Box<dyn Fn(&std::path::Path) -> bool>;

/// The egui app of all shells.
pub struct App {
    state: State,
    keys: Keys,
    /// What the window is called after what it shows, and what it was called last.
    name: String,
    titled: String,
    taker: Option<Taker>,
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
            completing: crate::search::State::default(),
            status: Status::default(),
            health: shell::Health::default(),
            has_facets: None,
            more: None,
            traces: traces::State::default(),
            trace: trace::State::default(),
            compare: compare::State::default(),
            differs: differs::State::default(),
            logs: logs::State::default(),
            home: home::State::default(),
            metrics: metrics::State::default(),
            services: services::State::default(),
            sql: sql::State::default(),
            sources: sources::State::default(),
            report: report::State::default(),
            bundle: bundle::make::State::default(),
            heavy_allowed: None,
            figures: crate::views::figures::State::default(),
            cost: cost::State::default(),
            kept: Vec::new(),
            recent: Vec::new(),
            marked: None,
            palette: None,
            period: None,
            export: None,
            early: String::new(),
            note: None,
            group: None,
            subject: None,
            marks: std::sync::Arc::default(),
            deployed: None,
            files_dir: None,
            shown: None,
            is_sheet_open: false,
            is_view_as_open: false,
            notices: Vec::new(),
            todo: Vec::new(),
            wanted: Vec::new(),
        };
        Self {
            state,
            keys: Keys::default(),
            name: "Sextant".into(),
            titled: String::new(),
            taker: None,
            #[cfg(target_arch = "wasm32")]
            hash: String::new(),
        }
    }

    /// Paints in the light theme.
    pub fn set_light(&mut self, is_light: bool) {
        self.state.theme = if is_light { &LIGHT } else { &DARK };
    }

    /// What the window is called, after what it shows.
    pub fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// Says in the title of the window what it shows.
    fn title(&mut self, ctx: &Context) {
        let title = title_of(&self.state.route, self.state.trace.shape_word(), &self.name);
        if title != self.titled {
            #[cfg(target_arch = "wasm32")]
            crate::web::set_title(&title);
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.titled = title;
        }
    }

    /// Puts exported files into this folder, in a window of its own; otherwise they go among the downloads.
    pub fn save_files_to(&mut self, folder: &std::path::Path) {
        self.state.files_dir = Some(folder.to_owned());
    }

    /// Asks first whether a file that is dropped is taken by somebody else.
    pub fn offer_files_to(&mut self, taker: impl Fn(&std::path::Path) -> bool + 'static) {
        self.taker = Some(Box::new(taker));
    }

    /// Goes to an address, such as `#/traces?q=error%3Atrue`.
    pub fn open(&mut self, address: &str) {
        self.state.go(Route::from_hash(address));
    }

    /// Whether all that was asked for the screen has been answered.
    pub fn is_settled(&self) -> bool {
        self.state.asks.is_settled()
    }

    /// How many spans the find box of the trace has found.
    pub fn n_hits(&self) -> usize {
        self.state.trace.n_hits()
    }

    /// How many records were followed since the tail began.
    pub fn n_tailed(&self) -> u64 {
        self.state.logs.n_tailed()
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

    /// Gives what the table of commands has to a shell with a menu.
    pub fn offer_menu(&self, ctx: &Context) {
        self.state.asks.act(ctx, Command::Menu { items: commands::menu() }, Vec::new());
    }

    /// What was pressed, chosen in the menu or dropped on the window.
    fn listen(&mut self, ctx: &Context) {
        let heard = self.state.asks.hear();
        self.state.notices.extend(heard.notices);
        if let Some(address) = &heard.address {
            self.open(address);
        }
        self.state.todo.append(&mut self.state.wanted);
        self.state.todo.extend(heard.chosen.iter().filter_map(|id| commands::by_id(id)));
        let is_typing = self.state.is_typing
            || self.state.palette.is_some()
            || self.state.period.is_some()
            || self.state.export.is_some()
            || self.state.note.is_some()
            || self.state.group.is_some()
            || ctx.egui_wants_keyboard_input();
        let (pressed, typed) = self.keys.read(ctx, self.state.route.view, is_typing);
        if pressed.last() == Some(&Do::Search) {
            self.state.typed += &typed;
        } else {
            self.state.early += &typed;
        }
        self.state.todo.extend(pressed);
        for (tag, outcome) in heard.exported {
            if self.state.sources.hear(tag, &outcome) || self.state.report.hear(tag, &outcome) {
                continue;
            }
            if self.state.bundle.hear(tag, &outcome) {
                self.state.asks.forget("keys");
                continue;
            }
            if let Some(export) = &mut self.state.export {
                export.hear(tag, outcome);
            }
        }
        for file in ctx.input(|i| i.raw.dropped_files.clone()) {
            let is_scenario = file.path().extension().is_some_and(|extension| extension == "toml");
            if is_scenario || !self.taker.as_ref().is_some_and(|takes| takes(file.path())) {
                self.state.asks.read(ctx, file);
            }
        }
        for (name, bytes) in heard.files {
            if crate::views::cost::takes(&mut self.state, &name, &bytes) {
                continue;
            }
            self.state.asks.act(ctx, Command::Import { name, format: None, project: None }, bytes);
        }
    }

    /// Carries out what works everywhere; the rest is left to the view.
    fn carry_out(&mut self, ctx: &Context) {
        let state = &mut self.state;
        for what in std::mem::take(&mut state.todo) {
            match what {
                Do::Palette => {
                    let typed = std::mem::take(&mut state.early);
                    state.palette = if state.palette.is_some() { None } else { Some(Choice::with(typed)) };
                }
                Do::Period => state.period = Some(Choice::with(std::mem::take(&mut state.early))),
                Do::CopyPeriod => {
                    let (from, to) = state.route.period();
                    ctx.copy_text(format!("{} to {}", UnixNanos(from), UnixNanos(to)));
                }
                Do::SaveSearch => save(ctx, state),
                Do::Export => {
                    state.export = state.shown.clone().map(overlay::export::State::new);
                    if state.export.is_none() {
                        state.notices.push(Notice::said("There are no rows here to be exported".into()));
                    }
                }
                Do::AddToReport => {
                    let shown = state.shown.clone().filter(|ask| report::Parts::can_show(ask));
                    let said = shown.map_or_else(
                        || "There is nothing here that a report can show".to_owned(),
                        |ask| {
                            let title = overlay::export::words(&ask);
                            let said =
                                format!("Added to the report: {title} (g r shows it, Ctrl Z there takes it back)");
                            state.report.add(title, ask.as_ref().clone());
                            said
                        },
                    );
                    state.notices.push(Notice::said(said));
                }
                Do::UndoPart if state.route.view == View::Report => {
                    if !state.report.parts.undo() {
                        state.notices.push(Notice::said("There is nothing to undo".into()));
                    }
                }
                Do::Note => {
                    let (from, to) = state.route.period();
                    let period = overlay::note::Subject { from, to, what: "the period that is shown".into() };
                    let subject = state.subject.clone().unwrap_or(period);
                    let typed = std::mem::take(&mut state.early);
                    state.note = Some(overlay::note::State::new(subject, &state.route, typed));
                }
                Do::GroupBy => state.group = Some(Choice::with(std::mem::take(&mut state.early))),
                Do::Keys => state.is_sheet_open = !state.is_sheet_open,
                Do::ViewAs => state.is_view_as_open = !state.is_view_as_open,
                Do::Search => state.is_typing = true,
                Do::Close => {
                    if let Some(export) = &state.export {
                        export.cancel(ctx, &state.asks);
                    }
                    let is_closed = state.palette.take().is_some()
                        || state.period.take().is_some()
                        || state.export.take().is_some()
                        || state.note.take().is_some()
                        || state.group.take().is_some()
                        || std::mem::take(&mut state.is_sheet_open)
                        || std::mem::take(&mut state.is_view_as_open);
                    if !is_closed {
                        state.todo.push(Do::Close);
                    }
                }
                Do::OpenFiles => state.asks.act(ctx, Command::OpenFiles, Vec::new()),
                Do::Demo => {
                    let seed = crate::runtime::now() as u64;
                    state.asks.act(ctx, Command::Demo { spans: DEMO_SPANS, seed }, Vec::new());
                }
                Do::TestSpan => state.asks.act(ctx, Command::TestSpan, Vec::new()),
                Do::Theme => state.theme = if state.theme.is_dark { &LIGHT } else { &DARK },
                Do::Back => state.back(),
                Do::Forward => state.forward(),
                Do::ClearSearch => state.go(Route { query: String::new(), ..state.route.clone() }),
                Do::Home => state.open(View::Home),
                Do::Traces => state.open(View::Traces),
                Do::Logs => state.open(View::Logs),
                Do::Metrics => state.open(View::Metrics),
                Do::Services => state.open(View::Services),
                Do::Sql => state.open(View::Sql),
                Do::Status => state.open(View::Status),
                Do::Sources => state.open(View::Sources),
                Do::Bundle => {
                    state.bundle.about(&state.route);
                    state.open(View::Bundle);
                }
                Do::Cost => state.open(View::Cost),
                Do::Report => {
                    state.report.about(&state.route);
                    state.open(View::Report);
                }
                Do::Hold if logs::is_tailing(&state.route) => state.todo.push(Do::Hold),
                Do::Hold | Do::ZoomOut | Do::Earlier | Do::Later => {
                    let route = state.route.moved(what);
                    state.go(route);
                }
                view => state.todo.push(view),
            }
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
        self.state.asks.set_step(self.state.route.step());
        self.state.asks.set_source(&self.state.route.source);
        self.state.asks.drain();
        self.state.asks.forget_old();
        #[cfg(target_arch = "wasm32")]
        self.sync_address();
        self.listen(ctx);
        self.carry_out(ctx);
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
        state.shown = None;
        state.subject = None;
        crate::marks::refresh(ui, state);
        let main = if state.route.view == View::Bundle { main } else { bundle::strip(ui, state, main) };
        match state.route.view {
            View::Home => home::show(ui, state, main),
            View::Traces => traces::show(ui, state, main),
            View::Trace => trace::show(ui, state, main),
            View::Compare => compare::show(ui, state, main),
            View::Differs => differs::show(ui, state, main),
            View::Logs => logs::show(ui, state, main),
            View::Metrics => metrics::show(ui, state, main),
            View::Services => services::show(ui, state, main),
            View::Sql => sql::show(ui, state, main),
            View::Status => status::show(ui, state, main),
            View::Sources => sources::show(ui, state, main),
            View::Bundle => bundle::show(ui, state, main),
            View::Report => report::show(ui, state, main),
            View::Cost => cost::show(ui, state, main),
        }
        overlay::heavy::show(ui, state, main);
        shell::show(ui, state, whole);
        overlay::show(ui, state, whole);
        state.todo.clear();
        state.asks.painted(ui.ctx());
        #[cfg(target_arch = "wasm32")]
        crate::web::say(&state.said());
        if !state.wanted.is_empty() {
            ui.request_repaint();
        }
        self.title(ui.ctx());
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.state.theme.bg_app.to_normalized_gamma_f32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_what_every_window_takes() {
        let route = Route::from_hash("#/traces?q=a%00b%0Ac");
        assert_eq!(title_of(&route, "", "Sextant"), "Traces: a b c – Sextant");
        let long = Route::from_hash(&format!("#/logs?q={}&with=patterns", "x".repeat(1_000_000)));
        let title = title_of(&long, "", "Sextant");
        assert!(title.starts_with("Logs, patterns: xxx") && title.chars().count() < 250, "{}", title.len());
    }
}
