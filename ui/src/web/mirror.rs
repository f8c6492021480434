//! What a window tells screen readers through AccessKit, as elements of the page: hidden from the eye, in the order of the
//! screen. Buttons and rows of it can be pressed; that does what a click on the canvas does.

use eframe::egui::accesskit::{Action, ActionRequest, Node, NodeId, Role, TreeId};
use eframe::egui::{Context, Event, FullOutput, Plugin, RawInput};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::Element;

/// Elements are made anew at most this often: whoever reads them needs longer.
const PAUSE_MS: f64 = 250.0;
/// More than this of a screen is not mirrored.
const MAX_ELEMENTS: usize = 600;

/// Lives in egui, which wants to send it anywhere; what belongs to the page stays on its thread.
pub(super) struct Mirror;

struct Page {
    list: Element,
    elements: HashMap<NodeId, Mirrored>,
    written_at: f64,
}

struct Mirrored {
    element: Element,
    said: (Role, String),
    /// Kept for as long as the element is.
    _pressed: Closure<dyn Fn()>,
}

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
    static PRESSED: RefCell<Vec<NodeId>> = const { RefCell::new(Vec::new()) };
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Begins to mirror.
pub(super) fn begin(ctx: &Context) {
    let document = web_sys::window().and_then(|w| w.document());
    let Some(list) = document.and_then(|d| d.get_element_by_id("mirror")) else { return };
    PAGE.set(Some(Page { list, elements: HashMap::new(), written_at: 0.0 }));
    CONTEXT.set(Some(ctx.clone()));
    ctx.add_plugin(Mirror);
    ctx.enable_accesskit();
}

impl Plugin for Mirror {
    fn debug_name(&self) -> &'static str {
        "mirror"
    }

    fn input_hook(&mut self, _ctx: &Context, input: &mut RawInput) {
        for target_node in PRESSED.take() {
            let request = ActionRequest { action: Action::Click, target_tree: TreeId::ROOT, target_node, data: None };
            input.events.push(Event::AccessKitActionRequest(request));
        }
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let Some(update) = output.platform_output.accesskit_update.take() else { return };
        PAGE.with_borrow_mut(|page| {
            let Some(page) = page else { return };
            let now = js_sys::Date::now();
            if now - page.written_at < PAUSE_MS {
                // What came meanwhile is written when the pause is over.
                ctx.request_repaint_after(std::time::Duration::from_millis(PAUSE_MS as u64));
                return;
            }
            page.written_at = now;
            page.write(&update.nodes);
        });
    }
}

/// What an element is and says, if it says anything.
fn said(node: &Node) -> Option<(Role, String)> {
    let role = node.role();
    let is_kept = matches!(role, Role::Button | Role::Row | Role::Link | Role::Label | Role::TextInput)
        || role == Role::MultilineTextInput;
    let text = node.label().or_else(|| node.value()).unwrap_or_default();
    (is_kept && !text.is_empty()).then(|| (role, text.to_owned()))
}

impl Page {
    fn write(&mut self, nodes: &[(NodeId, Node)]) {
        let wanted: Vec<(NodeId, (Role, String))> =
            nodes.iter().filter_map(|(id, node)| Some((*id, said(node)?))).take(MAX_ELEMENTS).collect();
        let mut kept = HashMap::new();
        for (place, (id, said)) in wanted.into_iter().enumerate() {
            let known = self.elements.remove(&id).filter(|m| m.said.0 == said.0);
            let Some(mirrored) = known.or_else(|| made(id, &said)) else { continue };
            let mut mirrored = mirrored;
            if mirrored.element.text_content().as_deref() != Some(said.1.as_str()) {
                mirrored.element.set_text_content(Some(&said.1));
            }
            mirrored.said = said;
            let there = self.list.children().item(place as u32);
            if there.as_ref() != Some(&mirrored.element) {
                // An element of the same document can always be put there.
                self.list.insert_before(&mirrored.element, there.as_deref()).ok();
            }
            kept.insert(id, mirrored);
        }
        for (_, gone) in self.elements.drain() {
            gone.element.remove();
        }
        self.elements = kept;
    }
}

fn made(id: NodeId, said: &(Role, String)) -> Option<Mirrored> {
    let document = web_sys::window()?.document()?;
    let name = match said.0 {
        Role::Label => "p",
        _ => "button",
    };
    let element = document.create_element(name).ok()?;
    // Only those who press keys through it come here; the tab order of the page stays that of the canvas.
    element.set_attribute("tabindex", "-1").ok()?;
    let pressed = Closure::<dyn Fn()>::new(move || {
        PRESSED.with_borrow_mut(|all| all.push(id));
        CONTEXT.with_borrow(|ctx| ctx.as_ref().map(Context::request_repaint));
    });
    element.dyn_ref::<web_sys::HtmlElement>()?.set_onclick(Some(pressed.as_ref().unchecked_ref()));
    Some(Mirrored { element, said: said.clone(), _pressed: pressed })
}
