//! A bundle before it is made: what is in it and what must not leave on the left; on the right what that comes to, then
//! what was made.

use super::tried;
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Check, Kit, choice, field, rect, seg};
use crate::progress::Progress;
use crate::route::Route;
use crate::runtime::{self, now};
use crate::shell::range_text;
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::{Ask, AskError, BundleAsk, Command, Hidden, Outcome, Period};
use sextant_model::{DurationNanos, UnixNanos};

/// What is wanted, and what came of it.
#[derive(Default)]
pub(crate) struct State {
    pub(super) what: What,
    query: String,
    trace: String,
    /// Traces, logs, metrics: those that are left out.
    without: [bool; 3],
    is_whole: bool,
    rules: [bool; 7],
    method: usize,
    attributes: String,
    title: String,
    purpose: String,
    until: String,
    key: String,
    passphrase: String,
    pub(super) new_name: String,
    pub(super) new_passphrase: String,
    pub(super) phase: Phase,
    /// What was looked through, and what it came to.
    pub(super) tried: Option<(BundleAsk, Value)>,
    pub(super) made: Option<Value>,
    pub(super) failed: Option<AskError>,
    /// The period and when it was chosen, for as long as the route says the same.
    period: (String, Period),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    #[default]
    Search,
    Trace,
    Pinned,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(super) enum Phase {
    #[default]
    Idle,
    Running {
        progress: Progress,
        is_tried: bool,
    },
    /// A key is being made or given up.
    Keys {
        tag: u64,
    },
}

const FORM: f32 = 360.0;
const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];
/// What is looked for, and how it is called here.
const RULES: [(&str, &str); 7] = [
    ("email", "E-mail"),
    ("card", "Card numbers"),
    ("iban", "IBAN"),
    ("ip", "IP addresses"),
    ("jwt", "Web tokens"),
    ("key", "Passwords, keys"),
    ("phone", "Telephone"),
];
const METHODS: [(&str, &str); 3] = [("token", "Token"), ("truncate", "Cut"), ("drop", "Drop")];

impl State {
    /// About what is on the screen now.
    pub fn about(&mut self, route: &Route) {
        if !route.trace.is_empty() {
            (self.what, self.trace) = (What::Trace, route.trace.clone());
        } else if !route.query.is_empty() && route.view != crate::route::View::Sql {
            (self.what, self.query) = (What::Search, route.query.clone());
        }
    }

    /// What came of it; whether that was this.
    pub fn hear(&mut self, tag: u64, outcome: &Result<Outcome, AskError>) -> bool {
        let is_tried = match &self.phase {
            Phase::Running { progress, is_tried } if progress.tag == tag => *is_tried,
            Phase::Keys { tag: mine } if *mine == tag => {
                self.phase = Phase::Idle;
                self.failed = outcome.as_ref().err().cloned();
                if self.failed.is_none() {
                    (self.new_name, self.new_passphrase) = Default::default();
                }
                return true;
            }
            _ => return false,
        };
        self.phase = Phase::Idle;
        match outcome {
            Ok(Outcome::Object { object }) if is_tried => {
                if let Some((_, came)) = &mut self.tried {
                    *came = object.clone();
                }
            }
            Ok(Outcome::Object { object }) => {
                runtime::fetch_file(object["name"].as_str().unwrap_or_default());
                self.passphrase.clear();
                self.made = Some(object.clone());
            }
            Ok(_) => {}
            Err(e) => {
                if is_tried {
                    self.tried = None;
                }
                self.failed = Some(e.clone());
            }
        }
        true
    }

    /// What is to be made; what can't be understood is said.
    pub(super) fn ask(&self) -> Result<BundleAsk, AskError> {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let is = |what| self.what == what;
        let method = METHODS[self.method].0;
        let rules = RULES.iter().zip(self.rules).filter(|(_, is_on)| *is_on).map(|((rule, _), _)| rule.to_string());
        let own = self.attributes.split(',').filter_map(some);
        let redact = rules.chain(own).map(|r| if r.contains('=') { r } else { format!("{r}={method}") });
        let left: Vec<String> =
            SIGNALS.iter().zip(self.without).filter(|(_, is_out)| !is_out).map(|(s, _)| (*s).to_owned()).collect();
        Ok(BundleAsk {
            query: if is(What::Search) { self.query.trim().to_owned() } else { String::new() },
            period: if is(What::Search) { self.period.1 } else { Period::default() },
            signals: if is(What::Search) && left.len() < SIGNALS.len() { left } else { Vec::new() },
            traces: some(&self.trace).filter(|_| is(What::Trace)).into_iter().collect(),
            pinned: is(What::Pinned),
            whole_traces: self.is_whole && is(What::Search),
            title: self.title.trim().to_owned(),
            purpose: self.purpose.trim().to_owned(),
            not_after: some(&self.until).map(|text| until(&text)).transpose()?,
            key_name: some(&self.key),
            redact: redact.collect(),
            ..BundleAsk::default()
        })
    }

    /// Why it can't be made yet.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        match self.what {
            What::Trace if self.trace.trim().is_empty() => Some("Which trace? Its id is missing."),
            What::Search if self.without == [true; 3] => {
                Some("Of what? Neither spans nor log records nor data points are wanted.")
            }
            _ => None,
        }
    }

    pub(super) fn begin(
        &mut self,
        ui: &Ui,
        asks: &crate::asks::Asks,
        folder: Option<&std::path::Path>,
        is_tried: bool,
    ) {
        self.failed = None;
        let ask = match self.ask() {
            Ok(ask) => ask,
            Err(e) => {
                self.failed = Some(e);
                return;
            }
        };
        let progress = Progress::begun();
        let tag = progress.tag;
        if is_tried {
            (self.tried, self.made) = (Some((ask.clone(), Value::Null)), None);
        }
        let path = if is_tried { None } else { runtime::place_for(folder, &name(&ask.title)) };
        let passphrase = (!self.passphrase.is_empty()).then(|| Hidden(self.passphrase.clone()));
        let ask = BundleAsk { tag, is_tried, path, passphrase, ..ask };
        asks.export(ui.ctx(), tag, Command::Bundle(Box::new(ask)));
        self.phase = Phase::Running { progress, is_tried };
    }
}

/// What a file is called by its title.
fn name(title: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = title.chars().map(plain).take(60).collect();
    let words = words.split('-').filter(|w| !w.is_empty()).collect::<Vec<_>>().join("-");
    if words.is_empty() { "sextant-bundle.sxb".into() } else { format!("{words}.sxb") }
}

/// `90d` from now, or a day.
fn until(text: &str) -> Result<i64, AskError> {
    if let Ok(span) = DurationNanos::parse(text) {
        return Ok(now().saturating_add(span.0));
    }
    UnixNanos::parse(text).map(|t| t.0).map_err(|_e| {
        AskError::new(sextant_contract::Code::BadQuery, format!("'{text}' is no end of a term"))
            .hint("write 90d, or a day such as 2027-01-31")
    })
}

pub(super) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let said = crate::views::key(state, "bundle");
    if state.bundle.period.0 != said {
        let (from, to) = state.route.period();
        state.bundle.period = (said, Period { from: Some(from), to: Some(to) });
    }
    let slot = state.asks.ask(ui.ctx(), "keys", false, || Ask::Keys);
    let keys = slot.get().and_then(|a| a.object.clone()).unwrap_or_default();
    let keys: Vec<Value> = keys["keys"].as_array().cloned().unwrap_or_default();
    let w = FORM.min(main.width() * 0.5);
    let (left, right) = (main.with_max_x(main.left() + w), main.with_min_x(main.left() + w));
    let mut child = ui.new_child(UiBuilder::new().id_salt("bundle form").max_rect(left));
    child.set_clip_rect(left);
    let mut of = std::mem::take(&mut state.bundle);
    ScrollArea::vertical().auto_shrink(false).id_salt("bundle form").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let y = form(ui, state, &mut of, &keys, rect(left.left(), top, w, left.height()));
        ui.set_min_size(vec2(w - 8.0, y - top + 12.0));
    });
    tried::show(ui, state, &mut of, &keys, right);
    state.bundle = of;
    Kit::new(ui, state.theme).vline(left.right(), main.top(), main.height(), state.theme.hair);
}

/// A heading, and where it goes on.
fn heading(ui: &Ui, state: &App, r: Rect, y: f32, text: &str) -> f32 {
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    kit.text(r.left() + 16.0, y + 14.0, Font::Semibold(13.0), kit.t.strong, text);
    y + 26.0
}

fn label(ui: &Ui, state: &App, x: f32, y: f32, text: &str) -> f32 {
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    kit.text(x, y + 12.0, Font::Medium(11.0), kit.t.text, text);
    y + 18.0
}

fn form(ui: &mut Ui, state: &App, of: &mut State, keys: &[Value], r: Rect) -> f32 {
    let (x, w) = (r.left() + 16.0, r.width() - 32.0);
    let mut y = heading(ui, state, r, r.top() + 12.0, "What is in it");
    {
        let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
        let on = of.what as usize;
        let (chosen, _) = seg(&kit, x, y, false, &["Search", "Trace", "Pins"], on);
        of.what = [What::Search, What::Trace, What::Pinned][chosen.unwrap_or(on)];
        if of.what == What::Search {
            kit.text_right(r.right() - 16.0, y + 18.5, Font::Regular(12.0), kit.t.weak, &range_text(&state.route));
        }
    }
    y += 38.0;
    match of.what {
        What::Search => y = search(ui, state, of, x, y, w),
        What::Trace => {
            y = label(ui, state, x, y, "Trace, with its logs");
            field(ui, state.theme, rect(x, y, w, 27.0), "Trace", "its id", &mut of.trace, false);
            y += 37.0;
        }
        What::Pinned => {
            let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
            kit.text(x, y + 12.0, Font::Regular(12.0), kit.t.text, "Every pinned trace and period, whatever is shown");
            y += 26.0;
        }
    }
    y = redacted(ui, state, of, r, y);
    y = heading(ui, state, r, y + 6.0, "What it says of itself");
    for (name, hint, text) in [
        ("Title", "a name for people", &mut of.title),
        ("Purpose", "what it is for", &mut of.purpose),
        ("Good until", "no end; or 90d, or 2027-01-31", &mut of.until),
    ] {
        y = label(ui, state, x, y, name);
        field(ui, state.theme, rect(x, y, w, 27.0), name, hint, text, false);
        y += 35.0;
    }
    y = label(ui, state, x, y, "Signed by");
    let text = |key: &Value, name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let own: Vec<&Value> = keys.iter().filter(|k| k["kept"] != "trusted").collect();
    let names: Vec<String> = own.iter().map(|k| text(k, "name")).collect();
    let names: Vec<&str> =
        if names.is_empty() { vec!["a new key"] } else { names.iter().map(String::as_str).collect() };
    let on = names.iter().copied().find(|n| *n == of.key).unwrap_or(names[0]);
    {
        let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
        if let Some(name) = choice(&kit, rect(x, y, w, 27.0), "Signed by", &names, on) {
            of.key = name;
        }
    }
    y += 35.0;
    let is_locked = own.iter().any(|k| k["name"] == on && k["kept"] == "locked file");
    if is_locked {
        y = label(ui, state, x, y, "Its passphrase, which is not kept");
        field(ui, state.theme, rect(x, y, w, 27.0), "Passphrase", "", &mut of.passphrase, true);
        y += 35.0;
    }
    y
}

fn search(ui: &mut Ui, state: &App, of: &mut State, x: f32, top: f32, w: f32) -> f32 {
    let mut y = label(ui, state, x, top, "Search, of each signal that it makes sense for");
    field(ui, state.theme, rect(x, y, w, 27.0), "Query", "everything of the period", &mut of.query, false);
    y += 48.0;
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    let mut at = x;
    for (signal, is_out) in ["Spans", "Log records", "Data points"].iter().zip(&mut of.without) {
        let (is_clicked, width) = Check { label: signal, is_on: !*is_out }.show(&kit, at, y);
        *is_out ^= is_clicked;
        at += width + 18.0;
    }
    y += 24.0;
    let check = Check { label: "The rest of traces that match, and their logs", is_on: of.is_whole };
    of.is_whole ^= check.show(&kit, x, y).0;
    y + 14.0
}

/// What must not leave, and what becomes of it.
fn redacted(ui: &mut Ui, state: &App, of: &mut State, r: Rect, top: f32) -> f32 {
    let (x, w) = (r.left() + 16.0, r.width() - 32.0);
    let mut y = heading(ui, state, r, top + 6.0, "What must not leave");
    {
        let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
        y += 12.0;
        for (i, ((_, name), is_on)) in RULES.iter().zip(&mut of.rules).enumerate() {
            let at = if i % 2 == 0 { x } else { x + w / 2.0 };
            *is_on ^= Check { label: name, is_on: *is_on }.show(&kit, at, y).0;
            if i % 2 == 1 {
                y += 22.0;
            }
        }
        y += 20.0;
        let names = METHODS.map(|(_, name)| name);
        let (chosen, width) = seg(&kit, x, y - 8.0, true, &names, of.method);
        of.method = chosen.unwrap_or(of.method);
        let means = ["the same for the same value", "its first letters stay", "nothing stays"][of.method];
        kit.text_in(x + width + 10.0, y + 7.0, w - width - 10.0, Font::Regular(12.0), kit.t.text, means);
    }
    y += 26.0;
    y = label(ui, state, x, y, "Attributes and columns too, a comma between");
    field(ui, state.theme, rect(x, y, w, 27.0), "Attributes", "user.id, http.url=drop", &mut of.attributes, false);
    y + 39.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_what_is_asked() {
        let mut of = State {
            query: " error:true ".into(),
            rules: [true, false, false, true, false, false, false],
            ..State::default()
        };
        (of.attributes, of.method, of.without[2], of.is_whole) = ("user.id, http.url=drop".into(), 1, true, true);
        let ask = of.ask().expect("it is understood");
        assert_eq!(
            (ask.query.as_str(), ask.signals.join(" ").as_str(), ask.whole_traces),
            ("error:true", "traces logs", true)
        );
        assert_eq!(ask.redact, ["email=truncate", "ip=truncate", "user.id=truncate", "http.url=drop"]);
        of.what = What::Pinned;
        let ask = of.ask().expect("it is understood");
        assert!(ask.pinned && ask.query.is_empty() && !ask.whole_traces && ask.signals.is_empty());
        of.until = "next year".into();
        assert!(of.ask().is_err_and(|e| e.message.contains("next year")));
        of.until = "2027-01-31".into();
        assert_eq!(of.ask().expect("a day").not_after, Some(1_801_353_600_000_000_000));
        assert_eq!(
            (name("Checkout: what happened?"), name("")),
            ("checkout-what-happened.sxb".into(), "sextant-bundle.sxb".into())
        );
    }
}
