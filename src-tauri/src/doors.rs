//! The three doors between page and program: bytes in, bytes out.
#![allow(
    clippy::let_underscore_must_use,
    clippy::needless_pass_by_value,
    reason = "the command macro takes arguments by value and drops what it has answered"
)]

use crate::shell::Shell;
use crate::{files, menu};
use sextant_contract::{Ask, AskError, Code, Command, Outcome};
use tauri::ipc::{Channel, InvokeBody, InvokeResponseBody, Request, Response};
use tauri::{AppHandle, State};

/// The bytes of a request. Where the webview's byte channel failed, they come as a list of numbers.
fn bytes(request: &Request<'_>) -> Result<Vec<u8>, AskError> {
    match request.body() {
        InvokeBody::Raw(bytes) => Ok(bytes.clone()),
        InvokeBody::Json(serde_json::Value::Array(numbers)) => {
            tracing::warn!("the window's byte channel is off; everything is slower than it should be");
            Ok(numbers.iter().filter_map(|n| u8::try_from(n.as_u64()?).ok()).collect())
        }
        InvokeBody::Json(_) => Err(AskError::new(Code::Internal, "the page sent no bytes")),
    }
}

fn unreadable(e: &serde_json::Error) -> AskError {
    AskError::new(Code::Internal, format!("what the page asked can't be read: {e}"))
}

/// Answers a question with columns.
#[tauri::command]
pub async fn ask(request: Request<'_>, shell: State<'_, Shell>) -> Result<Response, AskError> {
    let ask: Ask = serde_json::from_slice(&bytes(&request)?).map_err(|e| unreadable(&e))?;
    let number = request.headers().get("x-number").and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let answer = shell.await_answer(number, shell.backend()?.ask(ask)).await?;
    Ok(Response::new(answer.encode()?))
}

/// Carries out a change: the command is in a header, the bytes that belong to it are the body.
#[tauri::command]
pub async fn act(request: Request<'_>, app: AppHandle, shell: State<'_, Shell>) -> Result<Response, AskError> {
    let header = request.headers().get("x-command").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let command: Command = serde_json::from_str(&decoded(header)).map_err(|e| unreadable(&e))?;
    let outcome = match command {
        Command::OpenFiles => {
            files::choose(&app);
            Outcome::Done
        }
        command if command.path().is_some() => {
            let name = command.path().unwrap_or_default().to_owned();
            match files::place(&app, &name).await {
                Some(path) => {
                    let command = command.with_path(path.to_string_lossy().into_owned());
                    shell.backend()?.act(command, Vec::new()).await?
                }
                None => Outcome::Done,
            }
        }
        Command::Cancel { tag } if shell.abandon(tag) => Outcome::Done,
        Command::Menu { items } => {
            menu::show(&app, &items)
                .map_err(|e| AskError::new(Code::Internal, format!("the menu can't be shown: {e}")))?;
            Outcome::Done
        }
        other => shell.backend()?.act(other, bytes(&request)?).await?,
    };
    Ok(Response::new(serde_json::to_string(&outcome).unwrap_or_default()))
}

/// Tells the page what is new, for as long as it is there.
#[tauri::command]
pub fn subscribe(on_event: Channel<InvokeResponseBody>, shell: State<'_, Shell>) {
    shell.listen(on_event);
}

/// Percent-encoding undone: headers hold no more than Latin letters.
pub(crate) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|h| std::str::from_utf8(h).ok());
        if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            out.push(byte);
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn headers_are_read_back() {
        for (header, text) in [("%7B%22a%22%7D", "{\"a\"}"), ("50%", "50%"), ("%zz", "%zz"), ("%E6%97%A5", "日")] {
            assert_eq!(decoded(header), text);
        }
    }
}
