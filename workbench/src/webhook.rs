//! Telling someone over HTTP. The address is a secret more often than not: nothing that is kept or logged has more of it than
//! the host.

use serde_json::Value;
use sextant_contract::Webhook;
use std::sync::Once;
use std::time::Duration;

const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long is waited before it is tried again.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];

/// The host of an address, or nothing of it.
pub(crate) fn host(webhook: &Webhook) -> String {
    let url = reqwest::Url::parse(&webhook.url.0).ok();
    let host = url.as_ref().and_then(|u| Some((u.host_str()?, u.port())));
    match host {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => "no address".to_owned(),
    }
}

/// What is wrong with an address.
pub(crate) fn check(webhook: &Webhook) -> Result<(), String> {
    let url = reqwest::Url::parse(&webhook.url.0).ok();
    match url {
        Some(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err("the webhook has no address that begins with https:// or http://".into()),
    }
}

/// Sends it, again after a while where the other side may get well; what came of it in words.
pub(crate) async fn told(webhook: &Webhook, said: &Value) -> Result<String, String> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another part of the program may have named it already: it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
    let host = host(webhook);
    let client = reqwest::Client::builder()
        .timeout(ANSWER_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("sextant/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| e.without_url().to_string())?;
    let body = said.to_string();
    let mut pauses = PAUSES.iter();
    for n in 1.. {
        let request = client.post(&webhook.url.0).header("content-type", "application/json").body(body.clone());
        let why = match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                return Ok(format!(
                    "{host} was told{}",
                    if n > 1 { format!(", the {n}. time") } else { String::new() }
                ));
            }
            Ok(answer) => {
                let status = answer.status();
                let why = format!("{host} answered {status}");
                if !status.is_server_error() && !matches!(status.as_u16(), 408 | 425 | 429) {
                    return Err(why);
                }
                why
            }
            Err(e) => {
                // What lies below says more, and has no address in it.
                let e = e.without_url();
                let mut why = e.to_string();
                let mut below = std::error::Error::source(&e);
                while let Some(e) = below {
                    why = e.to_string();
                    below = e.source();
                }
                format!("{host} can't be told: {why}")
            }
        };
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Err(format!("{why}, {n} times")),
        }
    }
    Err(format!("{host} was not told"))
}
