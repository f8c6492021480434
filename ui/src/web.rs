//! The page: start-up, the address, and the backend over HTTP.

use crate::App;
use sextant_contract::{Answer, Ask, AskError, Backend, BoxFuture, Code, Command, OnEvent, Outcome};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Starts the app on the page's canvas.
#[wasm_bindgen(start)]
pub fn start() {
    wasm_bindgen_futures::spawn_local(async {
        let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
        let canvas =
            document.get_element_by_id("sextant").and_then(|c| c.dyn_into::<web_sys::HtmlCanvasElement>().ok());
        let Some(canvas) = canvas else { return };
        let create: eframe::AppCreator<'_> = Box::new(|cc| {
            let mut app = App::new(&cc.egui_ctx, Rc::new(Http));
            app.set_light(search().contains("theme=light"));
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

/// The server that served the page.
struct Http;

fn unreachable(_: JsValue) -> AskError {
    AskError::new(Code::Unreachable, "Sextant does not answer")
        .hint("is it still running? start it and load this page again")
}

async fn post(path: String, body: Vec<u8>) -> Result<Vec<u8>, AskError> {
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&js_sys::Uint8Array::from(body.as_slice()));
    let window = web_sys::window().ok_or_else(|| unreachable(JsValue::NULL))?;
    let response = JsFuture::from(window.fetch_with_str_and_init(&path, &init)).await.map_err(unreachable)?;
    let response: web_sys::Response = response.dyn_into().map_err(unreachable)?;
    let buffer = JsFuture::from(response.array_buffer().map_err(unreachable)?).await.map_err(unreachable)?;
    let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
    if response.ok() {
        return Ok(bytes);
    }
    Err(serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| AskError::new(Code::Internal, "the answer is no answer of Sextant")))
}

impl Backend for Http {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        let body = serde_json::to_vec(&ask).unwrap_or_default();
        Box::pin(async move { Answer::decode(&post("/api/v1/door/ask".into(), body).await?) })
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        let command = serde_json::to_string(&command).unwrap_or_default();
        let path = format!("/api/v1/door/act?command={}", String::from(js_sys::encode_uri_component(&command)));
        Box::pin(async move {
            let bytes = post(path, payload).await?;
            serde_json::from_slice(&bytes)
                .map_err(|e| AskError::new(Code::Internal, format!("the outcome can't be read: {e}")))
        })
    }

    fn subscribe(&self, on_event: OnEvent) {
        let Ok(source) = web_sys::EventSource::new("/api/v1/door/events") else { return };
        let heard = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |message: web_sys::MessageEvent| {
            let event = message.data().as_string().and_then(|text| serde_json::from_str(&text).ok());
            if let Some(event) = event {
                on_event(event);
            }
        });
        source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        // Both live as long as the page.
        heard.forget();
        std::mem::forget(source);
    }
}
