//! The server that served the page, over HTTP and its events.

use super::failed;
use sextant_contract::{
    Answer, Ask, AskError, Backend, BoxFuture, Code, Command, Event, ImportedFile, OnEvent, Outcome,
};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// The server that served the page.
#[derive(Default)]
pub(super) struct Http {
    on_event: Rc<RefCell<Option<OnEvent>>>,
}

fn unreachable(_: JsValue) -> AskError {
    AskError::new(Code::Unreachable, "Sextant does not answer")
        .hint("is it still running? start it and load this page again")
}

/// Lets the browser drop a request that nobody waits for any more.
struct Request(Option<web_sys::AbortController>);

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            // After the answer has come this does nothing.
            controller.abort();
        }
    }
}

async fn post(path: String, body: Vec<u8>) -> Result<Vec<u8>, AskError> {
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    let request = Request(web_sys::AbortController::new().ok());
    if let Some(controller) = &request.0 {
        init.set_signal(Some(&controller.signal()));
    }
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

async fn act(command: Command, payload: Vec<u8>) -> Result<Outcome, AskError> {
    let command = serde_json::to_string(&command).unwrap_or_default();
    let path = format!("/api/v1/door/act?command={}", String::from(js_sys::encode_uri_component(&command)));
    let bytes = post(path, payload).await?;
    serde_json::from_slice(&bytes).map_err(|e| AskError::new(Code::Internal, format!("the outcome can't be read: {e}")))
}

fn tell(on_event: &Rc<RefCell<Option<OnEvent>>>, event: Event) {
    if let Some(on_event) = on_event.borrow().as_ref() {
        on_event(event);
    }
}

/// Opens the browser's dialog for files; each chosen one is taken in and told as an event.
fn choose(on_event: Rc<RefCell<Option<OnEvent>>>) -> Result<(), AskError> {
    let failed = failed("the browser opens no dialog");
    let document = web_sys::window().and_then(|w| w.document()).ok_or_else(|| failed(JsValue::NULL))?;
    let input = document.create_element("input").map_err(&failed)?;
    let input: web_sys::HtmlInputElement = input.dyn_into().map_err(|e| failed(e.into()))?;
    input.set_type("file");
    input.set_multiple(true);
    let chosen = input.clone();
    let on_change = Closure::once_into_js(move || {
        let Some(files) = chosen.files() else { return };
        for file in (0..files.length()).filter_map(|i| files.get(i)) {
            let on_event = on_event.clone();
            spawn_local(async move {
                let event = match take_in(&file).await {
                    Ok(file) => Event::Imported { file },
                    Err(e) => {
                        Event::Failed { error: AskError { message: format!("{}: {}", file.name(), e.message), ..e } }
                    }
                };
                tell(&on_event, event);
            });
        }
    });
    input.set_onchange(Some(on_change.unchecked_ref()));
    input.click();
    Ok(())
}

async fn take_in(file: &web_sys::File) -> Result<ImportedFile, AskError> {
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(failed("the file can't be read"))?;
    let command = Command::Import { name: file.name(), format: None, project: None };
    match act(command, js_sys::Uint8Array::new(&buffer).to_vec()).await? {
        Outcome::Imported(file) => Ok(file),
        _ => Ok(ImportedFile::default()),
    }
}

impl Backend for Http {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        let body = serde_json::to_vec(&ask).unwrap_or_default();
        Box::pin(async move { Answer::decode(&post("/api/v1/door/ask".into(), body).await?) })
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        if command == Command::OpenFiles {
            let chosen = choose(self.on_event.clone());
            return Box::pin(async move { chosen.map(|()| Outcome::Done) });
        }
        Box::pin(act(command, payload))
    }

    fn subscribe(&self, on_event: OnEvent) {
        let Ok(source) = web_sys::EventSource::new("/api/v1/door/events") else { return };
        *self.on_event.borrow_mut() = Some(on_event);
        let told = self.on_event.clone();
        let heard = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |message: web_sys::MessageEvent| {
            let event = message.data().as_string().and_then(|text| serde_json::from_str(&text).ok());
            if let Some(event) = event {
                tell(&told, event);
            }
        });
        let (up, down) = (self.on_event.clone(), self.on_event.clone());
        let opened = Closure::<dyn Fn()>::new(move || tell(&up, Event::Link { is_up: true }));
        let failed = Closure::<dyn Fn()>::new(move || tell(&down, Event::Link { is_up: false }));
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        opened.forget();
        failed.forget();
        source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        // Both live as long as the page.
        heard.forget();
        std::mem::forget(source);
    }
}
