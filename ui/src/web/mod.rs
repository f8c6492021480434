//! The page: start-up, the address, and who answers: the server that served it, or the desktop program around it.

mod bridge;
mod http;
mod mirror;

use crate::App;
use sextant_contract::{AskError, Backend, Code};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;

/// Starts the app on the page's canvas.
#[wasm_bindgen(start)]
pub fn start() {
    wasm_bindgen_futures::spawn_local(async {
        let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
        let canvas =
            document.get_element_by_id("sextant").and_then(|c| c.dyn_into::<web_sys::HtmlCanvasElement>().ok());
        let Some(canvas) = canvas else { return };
        let create: eframe::AppCreator<'_> = Box::new(|cc| {
            let backend: Rc<dyn Backend> =
                if bridge::is_there() { Rc::new(bridge::Bridge) } else { Rc::new(http::Http::default()) };
            let mut app = App::new(&cc.egui_ctx, backend);
            mirror::begin(&cc.egui_ctx);
            app.set_light(search().contains("theme=light"));
            if bridge::is_there() {
                app.offer_menu(&cc.egui_ctx);
            }
            let ctx = cc.egui_ctx.clone();
            let changed = Closure::<dyn Fn()>::new(move || ctx.request_repaint());
            if let Some(window) = web_sys::window() {
                window.set_onhashchange(Some(changed.as_ref().unchecked_ref()));
            }
            changed.forget();
            Ok(Box::new(app))
        });
        if let Err(e) = eframe::WebRunner::new().start(canvas, eframe::WebOptions::default(), create).await {
            web_sys::console::error_1(&e);
        }
    });
}

/// Says something to those who don't see the canvas.
pub(crate) fn say(text: &str) {
    let said = web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("said"));
    if let Some(said) = said.filter(|s| s.text_content().as_deref() != Some(text)) {
        said.set_text_content(Some(text));
    }
}

/// What the browser calls the page in its tabs.
pub(crate) fn set_title(title: &str) {
    if let Some(document) = web_sys::window().and_then(|w| w.document()) {
        document.set_title(title);
    }
}

/// Whether there is no desktop program around the page.
pub(crate) fn is_browser() -> bool {
    !bridge::is_there()
}

/// Has the browser save a file that an export made.
pub(crate) fn fetch_file(name: &str) {
    let link = web_sys::window().and_then(|w| w.document()).and_then(|d| d.create_element("a").ok());
    let Some(link) = link else { return };
    let address = format!("/api/v1/exports/{}", String::from(js_sys::encode_uri_component(name)));
    let is_set = link.set_attribute("href", &address).is_ok() && link.set_attribute("download", name).is_ok();
    if let Some(link) = link.dyn_ref::<web_sys::HtmlElement>().filter(|_| is_set) {
        link.click();
    }
}

/// The part of the address after `#`, with it.
pub(crate) fn hash() -> String {
    web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default()
}

/// A new entry in the browser's history, or the last one changed.
pub(crate) fn set_hash(hash: &str, is_new: bool) {
    let Some(window) = web_sys::window() else { return };
    if is_new {
        window.location().set_hash(hash).ok();
    } else if let Ok(history) = window.history() {
        history.replace_state_with_url(&JsValue::NULL, "", Some(hash)).ok();
    }
}

fn search() -> String {
    web_sys::window().and_then(|w| w.location().search().ok()).unwrap_or_default()
}

/// A failure of the page itself.
fn failed(what: &str) -> impl Fn(JsValue) -> AskError + '_ {
    move |e| AskError::new(Code::Internal, format!("{what}: {e:?}"))
}
