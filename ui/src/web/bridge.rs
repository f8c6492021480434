//! The desktop program around the page: raw bytes through its bridge.

use super::failed;
use sextant_contract::{Answer, Ask, AskError, Backend, BoxFuture, Code, Command, OnEvent, Outcome};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// The desktop program.
pub(super) struct Bridge;

fn get(object: &JsValue, key: &str) -> JsValue {
    js_sys::Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

fn object(entries: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (key, value) in entries {
        // Setting a property of a plain object can't fail.
        js_sys::Reflect::set(&object, &(*key).into(), value).ok();
    }
    object.into()
}

fn internals() -> JsValue {
    get(&js_sys::global(), "__TAURI_INTERNALS__")
}

/// Whether the page is in the desktop program.
pub(super) fn is_there() -> bool {
    internals().is_object()
}

fn call(name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: js_sys::Function = get(&internals(), name).dyn_into()?;
    let list: js_sys::Array = arguments.iter().collect();
    function.apply(&internals(), &list)
}

/// A refusal of the program; it comes as an object.
fn refused(e: JsValue) -> AskError {
    let text = js_sys::JSON::stringify(&e).map(String::from).unwrap_or_default();
    serde_json::from_str(&text)
        .unwrap_or_else(|_| AskError::new(Code::Internal, format!("the program answered {text}")))
}

async fn invoke(command: &str, payload: &[u8], headers: &[(&str, JsValue)]) -> Result<JsValue, AskError> {
    let body = js_sys::Uint8Array::from(payload);
    let options = object(&[("headers", object(headers))]);
    let promise =
        call("invoke", &[command.into(), body.into(), options]).map_err(failed("the program can't be asked"))?;
    let promise: js_sys::Promise = promise.dyn_into().map_err(failed("the program gave no promise"))?;
    JsFuture::from(promise).await.map_err(refused)
}

/// The bytes of an answer; where the byte channel failed they come as a list of numbers.
fn bytes(value: &JsValue) -> Vec<u8> {
    if value.is_instance_of::<js_sys::ArrayBuffer>() {
        return js_sys::Uint8Array::new(value).to_vec();
    }
    js_sys::Array::from(value).iter().map(|n| n.as_f64().unwrap_or(0.0) as u8).collect()
}

/// A question under way, which the program is told of when nobody waits for it any more.
struct Question {
    number: u64,
    is_answered: bool,
}

impl Question {
    fn new() -> Self {
        /// Below the tags that screens choose, which are times.
        const FIRST: u64 = 1 << 52;
        static NEXT: AtomicU64 = AtomicU64::new(FIRST);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), is_answered: false }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if !self.is_answered {
            let told = Bridge.act(Command::Cancel { tag: self.number }, Vec::new());
            // Whether it could still be stopped changes nothing here.
            spawn_local(async move { drop(told.await) });
        }
    }
}

impl Backend for Bridge {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        let body = serde_json::to_vec(&ask).unwrap_or_default();
        Box::pin(async move {
            let mut question = Question::new();
            let number = JsValue::from(question.number.to_string());
            let answer = invoke("ask", &body, &[("x-number", number)]).await;
            question.is_answered = true;
            Answer::decode(&bytes(&answer?))
        })
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        let command = serde_json::to_string(&command).unwrap_or_default();
        // Headers hold no more than Latin letters.
        let command: JsValue = js_sys::encode_uri_component(&command).into();
        Box::pin(async move {
            let outcome = invoke("act", &payload, &[("x-command", command)]).await?;
            let text = js_sys::JSON::stringify(&outcome).map(String::from).unwrap_or_default();
            serde_json::from_str(&text)
                .map_err(|e| AskError::new(Code::Internal, format!("the outcome can't be read: {e}")))
        })
    }

    fn subscribe(&self, on_event: OnEvent) {
        let Some(channel) = open_channel(on_event) else { return };
        spawn_local(async move {
            let arguments = object(&[("onEvent", channel)]);
            if let Ok(promise) = call("invoke", &["subscribe".into(), arguments])
                && let Ok(promise) = promise.dyn_into::<js_sys::Promise>()
                && let Err(e) = JsFuture::from(promise).await
            {
                web_sys::console::error_1(&e);
            }
        });
    }
}

/// A channel of events. Messages carry a number, since long ones may be overtaken by short ones.
fn open_channel(on_event: OnEvent) -> Option<JsValue> {
    let waiting: RefCell<(u32, BTreeMap<u32, JsValue>)> = RefCell::default();
    let heard = Closure::<dyn Fn(JsValue)>::new(move |arrived: JsValue| {
        let index = get(&arrived, "index").as_f64().unwrap_or(0.0) as u32;
        let message = get(&arrived, "message");
        if message.is_undefined() {
            return;
        }
        waiting.borrow_mut().1.insert(index, message);
        loop {
            let next = {
                let mut waiting = waiting.borrow_mut();
                let next = waiting.0;
                let message = waiting.1.remove(&next);
                waiting.0 += u32::from(message.is_some());
                message
            };
            let Some(message) = next else { break };
            let text = js_sys::JSON::stringify(&message).map(String::from).unwrap_or_default();
            if let Ok(event) = serde_json::from_str(&text) {
                on_event(event);
            }
        }
    });
    let id = call("transformCallback", &[heard.as_ref().clone(), false.into()]).ok()?.as_f64()?;
    // It lives as long as the page.
    heard.forget();
    Some(format!("__CHANNEL__:{}", id as u32).into())
}
