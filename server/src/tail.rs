//! `GET /api/v1/logs/tail`: log records as they come, each a server-sent event.

use crate::gate::ApiError;
use crate::serve::App;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use sextant_contract::push_row;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::channel;

/// How often it is looked whether anybody still reads.
const WAIT: Duration = Duration::from_millis(500);
/// Events that wait for a slow reader.
const MAX_WAITING: usize = 4_096;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    q: String,
}

pub(crate) async fn tail(
    State(app): State<Arc<App>>,
    Query(p): Query<Parameters>,
) -> Result<Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let tailing = app.workbench.tail(&p.q)?;
    let (to, mut from) = channel::<Event>(MAX_WAITING);
    // Asking blocks; it ends with its reader, or with the store.
    std::thread::spawn(move || {
        while !to.is_closed() {
            let (answer, n_lost) = match tailing.next(WAIT) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(e) => {
                    let text = serde_json::to_string(&e).unwrap_or_default();
                    to.blocking_send(Event::default().event("error").data(text)).ok();
                    return;
                }
            };
            if n_lost > 0 && to.blocking_send(Event::default().event("lost").data(n_lost.to_string())).is_err() {
                return;
            }
            // The newest first is how they are found; who reads along wants the oldest first.
            for batch in answer.batches.iter().rev() {
                for row in (0..batch.num_rows()).rev() {
                    let mut text = String::new();
                    push_row(batch, row, &mut text);
                    if to.blocking_send(Event::default().data(text)).is_err() {
                        return;
                    }
                }
            }
        }
    });
    let mut stop = app.stop.clone();
    let stream = async_stream::stream! {
        // At once, so that a reader knows that it is heard.
        yield Ok(Event::default().comment("tailing"));
        loop {
            tokio::select! {
                event = from.recv() => match event {
                    Some(event) => yield Ok(event),
                    None => break,
                },
                _ = stop.changed() => break,
            }
        }
    };
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
