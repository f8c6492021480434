//! The store as the receiver's sink.

use crate::workbench::now;
use sextant_model::Signal;
use sextant_receiver::{Arrived, Sink, SinkError, SinkResult};
use sextant_store::{Acked, Ingest, OnAcked, RequestKey, Store, StoreError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// How long a sender that is told to come back should wait.
const RETRY_SECONDS: u32 = 1;
/// The same where the disk is full: that passes more slowly.
const DISK_RETRY_SECONDS: u32 = 30;

/// Where what is received goes.
const PROJECT: &str = "default";

pub(crate) struct StoreSink {
    pub store: Arc<Store>,
}

fn refused(e: &StoreError) -> SinkError {
    match e {
        StoreError::DiskFull { .. } => {
            SinkError::Retry { reason: format!("{e}; free some space"), after_seconds: DISK_RETRY_SECONDS }
        }
        e if e.is_retryable() => SinkError::Retry { reason: e.to_string(), after_seconds: RETRY_SECONDS },
        e => SinkError::Failed(e.to_string()),
    }
}

fn ingest_of(arrived: Arrived) -> Ingest {
    let mut ingest = Ingest {
        project: PROJECT.into(),
        client: arrived.client,
        protocol: arrived.protocol.into(),
        received_at: arrived.received_at,
        counts: Signal::ALL.map(|s| arrived.decoded.counts(s).clone()),
        batches: arrived.decoded.batches,
        n_malformed: [0; 3],
        request: Some(RequestKey { hash: arrived.hash, reply: arrived.reply }),
    };
    if let Some(signal) = arrived.malformed {
        ingest.n_malformed[signal as usize] = 1;
        // What can't be decoded is refused each time it comes.
        ingest.request = None;
    }
    ingest
}

type Told = oneshot::Receiver<Result<Acked, StoreError>>;

fn waiting() -> (OnAcked, Told) {
    let (tell, told) = oneshot::channel();
    // Whoever waited may have gone away; the records are kept all the same.
    let acked = Box::new(move |result| {
        tell.send(result).ok();
    });
    (acked, told)
}

async fn answered(told: Told) -> Result<Option<String>, SinkError> {
    match told.await {
        Ok(Ok(acked)) => Ok(acked.reply),
        Ok(Err(e)) => Err(refused(&e)),
        Err(_) => Err(refused(&StoreError::Closing)),
    }
}

impl Sink for StoreSink {
    fn ready(&self) -> Result<(), SinkError> {
        self.store.ready().map_err(|e| refused(&e))
    }

    fn repeated(&self, arrived: &Arrived) -> Option<SinkResult> {
        let (acked, told) = waiting();
        let ingest = Ingest {
            project: PROJECT.into(),
            client: arrived.client.clone(),
            protocol: arrived.protocol.into(),
            received_at: arrived.received_at,
            request: Some(RequestKey { hash: arrived.hash, reply: String::new() }),
            ..Ingest::default()
        };
        match self.store.ingest_repeat(ingest, acked) {
            Ok(Some(_)) => None,
            Ok(None) => Some(Box::pin(answered(told))),
            Err(e) => Some(Box::pin(std::future::ready(Err(refused(&e))))),
        }
    }

    fn take(&self, arrived: Arrived) -> SinkResult {
        let ingest = ingest_of(arrived);
        let store = self.store.clone();
        Box::pin(async move {
            let (acked, told) = waiting();
            match tokio::task::spawn_blocking(move || store.ingest(ingest, acked)).await {
                Ok(Ok(())) => answered(told).await,
                Ok(Err(e)) => Err(refused(&e)),
                Err(_) => Err(SinkError::Failed("the store failed; see the program's log".into())),
            }
        })
    }

    fn now(&self) -> i64 {
        now()
    }
}
