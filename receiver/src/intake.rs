//! The part that all protocols share: decode off the async threads, hand on, and say what came of it.

use crate::Config;
use crate::rpc::PartialSuccess;
use crate::sink::{Arrived, Sink, SinkError};
use bytes::Bytes;
use sextant_importers::{DecodeError, Decoded};
use sextant_model::Signal;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Messages to senders are cut, so that no answer grows with its request.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// One listener's way in.
pub(crate) struct Intake {
    pub sink: Arc<dyn Sink>,
    pub config: Arc<Config>,
    pub is_loopback: bool,
}

/// Why a request was not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    Malformed(DecodeError),
    Sink(SinkError),
}

/// Who sent a request and how.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub client: String,
    pub protocol: &'static str,
}

impl Intake {
    /// Whether senders here must show the key, and this one does not.
    pub fn lacks_key(&self, headers: &axum::http::HeaderMap) -> bool {
        match &self.config.api_key {
            Some(key) if !self.is_loopback => {
                !crate::guard::key_of(headers).is_some_and(|given| crate::guard::is_secret(given, key))
            }
            _ => false,
        }
    }

    /// Decodes `body` and hands it on; returns what was rejected of it.
    pub async fn take(
        &self,
        sender: Sender,
        signal: Signal,
        body: Bytes,
        decode: impl FnOnce(&[u8], i64) -> Result<Decoded, DecodeError> + Send + 'static,
    ) -> Result<Option<PartialSuccess>, Refusal> {
        self.sink.ready().map_err(Refusal::Sink)?;
        let received_at = self.sink.now();
        let hash = xxh3_128_with_seed(&body, signal as u64);
        let mut arrived =
            Arrived { client: sender.client, protocol: sender.protocol, received_at, hash, ..Arrived::default() };
        if let Some(kept) = self.sink.repeated(&arrived) {
            return kept.await.map(|reply| from_reply(&reply.unwrap_or_default())).map_err(Refusal::Sink);
        }
        let decoded = tokio::task::spawn_blocking(move || decode(&body, received_at)).await;
        let decoded = decoded
            .unwrap_or_else(|_| Err(DecodeError::Format("decoding failed; this is a fault of the receiver".into())));
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(e) => {
                arrived.malformed = Some(signal);
                // The count of malformed requests is kept where it can be; the refusal stands either way.
                if let Err(refused) = self.sink.take(arrived).await {
                    tracing::debug!("a malformed request was not counted: {refused}");
                }
                return Err(Refusal::Malformed(e));
            }
        };
        let total = decoded.total();
        if total.received == 0 {
            return Ok(None);
        }
        let answer = partial(total.rejected.total(), &total.rejected.0, decoded.first_problem.as_deref());
        arrived.reply = answer.as_ref().map(to_reply).unwrap_or_default();
        arrived.decoded = decoded;
        match self.sink.take(arrived).await.map_err(Refusal::Sink)? {
            Some(reply) => Ok(from_reply(&reply)),
            None => Ok(answer),
        }
    }
}

/// An answer as the sink remembers it: the number of records, a space, the message.
fn to_reply(answer: &PartialSuccess) -> String {
    format!("{} {}", answer.rejected, answer.error_message)
}

fn from_reply(reply: &str) -> Option<PartialSuccess> {
    let (rejected, message) = reply.split_once(' ')?;
    Some(PartialSuccess { rejected: rejected.parse().ok()?, error_message: message.to_owned() })
}

fn partial(
    n_rejected: u64,
    reasons: &std::collections::BTreeMap<String, u64>,
    problem: Option<&str>,
) -> Option<PartialSuccess> {
    if n_rejected == 0 {
        return None;
    }
    let reasons: Vec<String> = reasons.iter().map(|(reason, n)| format!("{n} {}", reason.replace('_', " "))).collect();
    let message = format!("rejected: {}. First: {}", reasons.join(", "), problem.unwrap_or_default());
    let error_message = message.chars().take(MAX_MESSAGE_CHARS).collect();
    Some(PartialSuccess { rejected: n_rejected as i64, error_message })
}
