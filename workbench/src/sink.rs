//! The store as the receiver's sink.

use crate::workbench::now;
use sextant_model::Signal;
use sextant_receiver::{Arrived, Sink, SinkError, SinkResult};
use sextant_store::{Ingest, Store, StoreError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// How long a sender that is told to come back should wait.
const RETRY_SECONDS: u32 = 1;
/// The same where the disk is full: that passes more slowly.
const DISK_RETRY_SECONDS: u32 = 30;

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

impl Sink for StoreSink {
    fn ready(&self) -> Result<(), SinkError> {
        self.store.ready().map_err(|e| refused(&e))
    }

    fn take(&self, arrived: Arrived) -> SinkResult {
        let mut ingest = Ingest {
            project: "default".into(),
            client: arrived.client,
            protocol: arrived.protocol.into(),
            received_at: arrived.received_at,
            counts: Signal::ALL.map(|s| arrived.decoded.counts(s).clone()),
            batches: arrived.decoded.batches,
            n_malformed: [0; 3],
        };
        if let Some(signal) = arrived.malformed {
            ingest.n_malformed[signal as usize] = 1;
        }
        let store = self.store.clone();
        Box::pin(async move {
            let (tell, told) = oneshot::channel();
            // Whoever waited may have gone away; the records are kept all the same.
            let acked = Box::new(move |result| {
                tell.send(result).ok();
            });
            let sent = tokio::task::spawn_blocking(move || store.ingest(ingest, acked)).await;
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(e)) => return Err(refused(&e)),
                Err(_) => return Err(SinkError::Failed("the store failed; see the program's log".into())),
            }
            match told.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(e)) => Err(refused(&e)),
                Err(_) => Err(refused(&StoreError::Closing)),
            }
        })
    }

    fn now(&self) -> i64 {
        now()
    }
}
