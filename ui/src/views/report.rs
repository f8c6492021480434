//! A report before it is written: what it is about on the left, its pages on the right.

mod parts;

pub(crate) use parts::Parts;

use crate::app::State as App;
use crate::data::bytes;
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, choice, rect};
use crate::runtime::{self, now};
use crate::shell::{field_box, range_text};
use eframe::egui::load::SizedTexture;
use eframe::egui::{
    ColorImage, Frame, Id, Image, Rect, Role, ScrollArea, Sense, TextEdit, TextureHandle, TextureOptions, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use sextant_contract::{Answer, Ask, AskError, Command, Outcome, Period, ReportAsk, ReportForm, ReportKind};

/// What was chosen and typed, and what came of it.
#[derive(Default)]
pub(crate) struct State {
    kind: ReportKind,
    title: String,
    text: String,
    to_do: String,
    trace: String,
    service: String,
    /// Of a report about cost: names and files.
    scenarios: Vec<(String, String)>,
    /// Prices of one's own, for a report about cost.
    prices: Option<String>,
    /// Of a report of one's own.
    pub parts: Parts,
    page: usize,
    /// What the preview is of, and when it was changed the last time.
    shown: Option<(ReportAsk, i64)>,
    /// The period and when it was chosen, for as long as the route says the same.
    period: (String, Period),
    made_at: i64,
    picture: Option<(String, TextureHandle)>,
    saving: Option<u64>,
    saved: Option<Result<String, AskError>>,
}

/// What is said of a kind.
fn about(kind: ReportKind) -> (&'static str, &'static str) {
    match kind {
        ReportKind::Incident => ("Incident", "what users met, what happened, what failed traces have in common"),
        ReportKind::Trace => ("Trace", "one trace span by span, where its time went, where it failed"),
        ReportKind::Service => ("Service", "requests, errors, durations beside the period before"),
        ReportKind::Audit => ("Audit", "what was received, kept and lost; what a bundle proves"),
        ReportKind::Cost => ("Cost", "what the policy on the screen Cost would cost and lose"),
        ReportKind::Custom => ("Custom", "what you added from any screen, in your order and words"),
    }
}

const KINDS: [ReportKind; 6] = [
    ReportKind::Incident,
    ReportKind::Trace,
    ReportKind::Service,
    ReportKind::Audit,
    ReportKind::Cost,
    ReportKind::Custom,
];
const FORM: f32 = 360.0;
const HEAD: f32 = 48.0;
/// Who types is not interrupted.
const REST_NANOS: i64 = 500_000_000;
/// Width of a page, in points of paper.
const PAPER: f32 = 595.28;

impl State {
    /// What came of saving it; whether that was this.
    pub fn hear(&mut self, tag: u64, outcome: &Result<Outcome, AskError>) -> bool {
        if self.saving != Some(tag) {
            return false;
        }
        self.saving = None;
        self.saved = match outcome {
            Ok(Outcome::Object { object }) => {
                let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
                runtime::fetch_file(&text("name"));
                let place = if runtime::is_browser() { text("name") } else { text("path") };
                Some(Ok(format!("{place}, {}", bytes(object["bytes"].as_u64().unwrap_or(0)))))
            }
            Ok(_) => None,
            Err(e) => Some(Err(e.clone())),
        };
        true
    }

    /// One more part of a report of one's own.
    pub fn add(&mut self, title: String, ask: Ask) {
        self.kind = ReportKind::Custom;
        self.parts.add(title, ask);
    }

    /// About what a policy would cost.
    pub fn cost(&mut self, scenarios: Vec<(String, String)>, prices: Option<String>) {
        (self.kind, self.scenarios, self.prices) = (ReportKind::Cost, scenarios, prices);
    }

    /// About what is on the screen now.
    pub fn about(&mut self, route: &crate::route::Route) {
        if !route.trace.is_empty() && self.kind != ReportKind::Custom {
            (self.kind, self.trace) = (ReportKind::Trace, route.trace.clone());
        }
    }

    fn ask(&self) -> ReportAsk {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let is_about = |kind| self.kind == kind;
        ReportAsk {
            kind: self.kind,
            period: match self.kind {
                ReportKind::Trace | ReportKind::Cost => Period::default(),
                _ => self.period.1,
            },
            trace: some(&self.trace).filter(|_| is_about(ReportKind::Trace)),
            service: some(&self.service).filter(|_| is_about(ReportKind::Service)),
            title: some(&self.title),
            text: self.text.clone(),
            to_do: self.to_do.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect(),
            items: if is_about(ReportKind::Custom) { self.parts.items.clone() } else { Vec::new() },
            scenarios: if is_about(ReportKind::Cost) { self.scenarios.clone() } else { Vec::new() },
            prices: self.prices.clone().filter(|_| is_about(ReportKind::Cost)),
            at: Some(self.made_at),
            ..ReportAsk::default()
        }
    }
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    state.status.keys = vec![("t t", "period"), ("?", "keys")];
    // A live period would move with every frame.
    let said = super::key(state, "report");
    if state.report.period.0 != said {
        let (from, to) = state.route.period();
        state.report.period = (said, Period { from: Some(from), to: Some(to) });
        state.report.made_at = now();
    }
    state.report.parts.load(ui.ctx(), &mut state.asks);
    state.report.parts.save(ui.ctx(), &state.asks);
    let w = FORM.min(main.width() * 0.45);
    let (left, right) = (main.with_max_x(main.left() + w), main.with_min_x(main.left() + w));
    form(ui, state, left);
    let ask = state.report.ask();
    let is_new = state.report.shown.as_ref().is_none_or(|(shown, _)| *shown != ask);
    if is_new {
        let is_first = state.report.shown.is_none();
        state.report.shown = Some((ask, if is_first { 0 } else { now() }));
        (state.report.page, state.report.saved) = (1, None);
    }
    preview(ui, state, right);
    let kit = Kit::new(ui, state.theme);
    kit.vline(left.right(), main.top(), main.height(), state.theme.hair);
}

fn typed(ui: &mut Ui, state: &App, r: Rect, label: &str, hint: &str, text: &mut String, is_long: bool) {
    let id = Id::unique(("report field", label));
    field_box(&Kit::new(ui, state.theme), r, ui.memory(|m| m.has_focus(id)));
    let place = r.shrink2(vec2(9.0, 6.0));
    let font = Font::Regular(12.5).id();
    let edit = if is_long { TextEdit::multiline(text) } else { TextEdit::singleline(text) };
    let edit = edit
        .id(id)
        .frame(Frame::NONE)
        .margin(0)
        .font(font.clone())
        .text_color(state.theme.strong)
        .hint_text(eframe::egui::RichText::new(hint).font(font).color(state.theme.weak))
        .desired_width(place.width() - 8.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt(("report", label)).max_rect(place));
    child.set_clip_rect(r);
    let response = if is_long {
        let area = ScrollArea::vertical().auto_shrink(false).id_salt(("report", label));
        area.show(&mut child, |ui| ui.add(edit.desired_rows((place.height() / 17.0) as usize))).inner
    } else {
        child.add_sized(place.size(), edit)
    };
    let role = if is_long { Role::MultilineTextInput } else { Role::TextInput };
    response.widget_info(|| WidgetInfo::labeled(role, true, label));
}

/// What it is about, and what somebody says about it.
fn form(ui: &mut Ui, state: &mut App, r: Rect) {
    let t = state.theme;
    let (x, w) = (r.left() + 16.0, r.width() - 32.0);
    let mut y = r.top() + 12.0;
    {
        let kit = Kit::new(ui, t).inside(r);
        kit.text(x, y + 14.0, Font::Semibold(13.0), t.strong, "Report");
        kit.text_right(r.right() - 16.0, y + 14.0, Font::Regular(12.0), t.weak, &range_text(&state.route));
        y += 28.0;
        for kind in KINDS {
            let (name, words) = about(kind);
            let row = rect(r.left(), y, r.width(), 44.0);
            let response = kit.click(row, ("report kind", name), name);
            kit.row_back(row, state.report.kind == kind, response.hovered());
            kit.text(x, y + 18.0, Font::Semibold(12.0), t.strong, name);
            kit.text_in(x, y + 35.0, w, Font::Regular(11.5), t.text, words);
            kit.hline(r.left(), row.bottom(), r.width(), t.hair);
            if response.clicked() {
                state.report.kind = kind;
            }
            y += 45.0;
        }
    }
    y += 8.0;
    let label = |ui: &Ui, y: &mut f32, text: &str| {
        Kit::new(ui, t).inside(r).text(x, *y + 12.0, Font::Medium(11.0), t.text, text);
        *y += 18.0;
    };
    let mut of = std::mem::take(&mut state.report);
    match of.kind {
        ReportKind::Trace => {
            label(ui, &mut y, "Trace");
            typed(ui, state, rect(x, y, w, 29.0), "Trace", "its id", &mut of.trace, false);
            y += 37.0;
        }
        ReportKind::Service => {
            label(ui, &mut y, "Service");
            service(ui, state, rect(x, y, w, 29.0), &mut of.service);
            y += 37.0;
        }
        _ => {}
    }
    label(ui, &mut y, "Title");
    typed(ui, state, rect(x, y, w, 29.0), "Title", "by what was found", &mut of.title, false);
    y += 37.0;
    if of.kind == ReportKind::Custom {
        custom(ui, state, &mut of, r.with_min_y(y));
        state.report = of;
        return;
    }
    // What is left is for words, most of it for those that are read first.
    let room = (r.bottom() - y - 60.0).max(120.0);
    label(ui, &mut y, "What is to be read first, in Markdown");
    let h = (room * 0.62).max(60.0);
    typed(ui, state, rect(x, y, w, h), "Text", "What happened, in your words", &mut of.text, true);
    y += h + 8.0;
    label(ui, &mut y, "To do, a line each");
    let h = (r.bottom() - y - 14.0).max(40.0);
    typed(ui, state, rect(x, y, w, h), "To do", "Alert at 80 %", &mut of.to_do, true);
    state.report = of;
}

/// The parts, and words at the one that is chosen.
fn custom(ui: &mut Ui, state: &App, of: &mut State, r: Rect) {
    let t = state.theme;
    let (x, w) = (r.left() + 16.0, r.width() - 32.0);
    let label = |ui: &Ui, y: f32, text: &str| {
        Kit::new(ui, t).inside(r).text(x, y + 12.0, Font::Medium(11.0), t.text, text);
    };
    // Half of the room at most is the list's.
    let mut y = parts::show(ui, state, &mut of.parts, r.with_max_y(r.top() + (r.height() * 0.5).max(60.0)));
    let (row, n) = (of.parts.row, of.parts.items.len());
    let rest = |y: f32| rect(x, y, w, (r.bottom() - y - 14.0).max(40.0));
    if row == 0 {
        label(ui, y, "What is to be read first, in Markdown");
        typed(ui, state, rest(y + 18.0), "Text", "What happened, in your words", &mut of.text, true);
    } else if row > n {
        label(ui, y, "To do, a line each");
        typed(ui, state, rest(y + 18.0), "To do", "Alert at 80 %", &mut of.to_do, true);
    } else if let Some(part) = of.parts.chosen() {
        let before = (part.title.clone(), part.text.clone());
        label(ui, y, "Heading");
        typed(ui, state, rect(x, y + 18.0, w, 29.0), "Heading", "what it shows", &mut part.title, false);
        y += 55.0;
        label(ui, y, "What you say about it, in Markdown");
        typed(ui, state, rest(y + 18.0), "Words", "Most of them on Thursday", &mut part.text, true);
        if before != (part.title.clone(), part.text.clone()) {
            of.parts.was_written();
        }
    }
}

/// One of those that there are.
fn service(ui: &Ui, state: &mut App, r: Rect, chosen: &mut String) {
    let slot = state.asks.ask(ui.ctx(), "status", true, || Ask::Status);
    let object = slot.get().and_then(|a| a.object.clone()).unwrap_or_default();
    let all: Vec<&str> = object["first_services"].as_array().into_iter().flatten().filter_map(|s| s.as_str()).collect();
    if chosen.is_empty() {
        all.first().copied().unwrap_or_default().clone_into(chosen);
    }
    if let Some(name) = choice(&Kit::new(ui, state.theme), r, "Service", &all, chosen) {
        *chosen = name;
    }
}

/// The picture of a page.
fn decoded(answer: &Answer) -> Option<ColorImage> {
    use arrow::array::AsArray as _;
    let bytes = answer.batches.first()?.column_by_name("bytes")?.as_binary_opt::<i32>()?;
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes.value(0))).read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    let is_rgba = info.color_type == png::ColorType::Rgba && info.bit_depth == png::BitDepth::Eight;
    let size = [info.width as usize, info.height as usize];
    is_rgba.then(|| ColorImage::from_rgba_unmultiplied(size, &pixels[..info.buffer_size()]))
}

/// The pages, and the ways to a file.
fn preview(ui: &mut Ui, state: &mut App, r: Rect) {
    let t = state.theme;
    let Some((ask, since)) = state.report.shown.clone() else { return };
    let (head, body) = (r.with_max_y(r.top() + HEAD), r.with_min_y(r.top() + HEAD));
    Kit::new(ui, t).fill(body, t.bg_app);
    let rest = since + REST_NANOS - now();
    if rest > 0 {
        ui.request_repaint_after(std::time::Duration::from_nanos(rest as u64));
    }
    let scale = ((body.width() - 48.0) / PAPER).clamp(0.4, 1.5);
    // Whole steps: another pixel of the window is no other question.
    let pixels = (scale * ui.ctx().pixels_per_point() * 4.0).ceil() / 4.0;
    let number = state.report.page.max(1);
    let key = format!("report {number} {pixels} {}", serde_json::to_string(&ask).unwrap_or_default());
    let is_quiet = rest <= 0;
    let slot = if is_quiet {
        let form = ReportForm::Page { number, pixels };
        state.asks.ask(ui.ctx(), &key, false, || Ask::Report { report: Box::new(ask.clone()), form })
    } else {
        crate::asks::Slot::default()
    };
    if let Some(answer) = slot.get()
        && state.report.picture.as_ref().is_none_or(|(of, _)| *of != key)
        && let Some(image) = decoded(answer)
    {
        let texture = ui.ctx().load_texture("report page", image, TextureOptions::LINEAR);
        state.report.picture = Some((key.clone(), texture));
    }
    let n_pages = slot.get().and_then(|a| a.object.as_ref()?["pages"].as_u64()).unwrap_or(0) as usize;
    bar(ui, state, head, &ask, (number, n_pages), slot.error.is_none());
    let page = format!("Page {number} of {n_pages}");
    let name = if n_pages > 0 { page.as_str() } else { "The pages are being set" };
    state.status.parts = vec![vec![name.to_owned()]];
    if let Some(e) = &slot.error {
        let words = [e.message.as_str(), e.hint.as_deref().unwrap_or_default()];
        super::states::empty(&Kit::new(ui, t), body, "There is no report", &words);
        return;
    }
    let Some((of, texture)) = state.report.picture.clone() else {
        super::states::empty(&Kit::new(ui, t), body, "Setting the pages …", &[]);
        return;
    };
    let [width, height] = texture.size();
    let size = vec2(PAPER * scale, PAPER * scale * height as f32 / width as f32);
    let mut child = ui.new_child(UiBuilder::new().id_salt("report pages").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt(("report page", number)).show(&mut child, |ui| {
        let top = ui.min_rect().top() + 20.0;
        let page = Rect::from_min_size(pos2(body.center().x - size.x / 2.0, top), size);
        let kit = Kit::new(ui, t);
        kit.fill(page.expand(1.0), t.strong_line);
        // What is being set again is pale.
        let tint = if of == key { 255 } else { 150 };
        let tint = eframe::egui::Color32::from_white_alpha(tint);
        Image::from_texture(SizedTexture::new(texture.id(), size)).tint(tint).paint_at(ui, page);
        let response = ui.interact(page, Id::unique("report picture"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
        ui.set_min_size(vec2(body.width() - 8.0, size.y + 40.0));
    });
}

fn bar(ui: &Ui, state: &mut App, r: Rect, ask: &ReportAsk, (number, n_pages): (usize, usize), is_ready: bool) {
    let t = state.theme;
    let kit = Kit::new(ui, t);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let bl = r.top() + 29.0;
    let mut x = kit.text(r.left() + 16.0, bl, Font::Semibold(12.0), t.strong, "Preview") + 14.0;
    let mut page = number;
    for (icon, label, to, is_there) in [
        ("left", "Page before", number.saturating_sub(1), number > 1),
        ("right", "Next page", number + 1, number < n_pages),
    ] {
        let b = Button { text: "", icon: Some(icon), is_small: true, ..Button::default() };
        let response = button(&kit, x, r.top() + 13.0, b);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, is_there, label));
        if response.clicked() && is_there {
            page = to;
        }
        x += b.width(&kit) + 4.0;
    }
    if n_pages > 0 {
        x = kit.text(x + 8.0, bl, Font::Regular(12.0), t.text, &format!("page {number} of {n_pages}"));
    }
    state.report.page = page;
    let mut right = r.right() - 16.0;
    let mut wanted = None;
    for (text, form, is_primary) in [("Save as PDF", ReportForm::Pdf, true), ("Save as HTML", ReportForm::Html, false)]
    {
        let b = Button { text, is_primary, ..Button::default() };
        right -= b.width(&kit);
        if button(&kit, right, r.top() + 10.0, b).clicked() && is_ready && state.report.saving.is_none() {
            wanted = Some(form);
        }
        right -= 8.0;
    }
    let room = right - x - 24.0;
    match &state.report.saved {
        Some(Ok(place)) => {
            kit.text_in(x + 16.0, bl, room, Font::Mono(11.0), t.ok, place);
        }
        Some(Err(e)) => {
            kit.text_in(x + 16.0, bl, room, Font::Regular(12.0), t.error, &e.message);
        }
        None => {
            let words = if state.report.saving.is_some() { "being written …" } else { "" };
            kit.text_in(x + 16.0, bl, room, Font::Regular(12.0), t.weak, words);
        }
    }
    if let Some(form) = wanted {
        let tag = now() as u64;
        let extension = if form == ReportForm::Pdf { "pdf" } else { "html" };
        let name = format!("sextant-{}.{extension}", ask.kind.name());
        let path = runtime::place_for(state.files_dir.as_deref(), &name);
        let report = Box::new(ask.clone());
        state.asks.export(ui.ctx(), tag, Command::Report { report, form, tag, path });
        (state.report.saving, state.report.saved) = (Some(tag), None);
    }
}
