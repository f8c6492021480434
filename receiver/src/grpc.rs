//! OTLP over gRPC: tonic does the framing and the compression, messages stay bytes until our decoder reads them.

use crate::client;
use crate::intake::{Intake, Refusal, Sender};
use crate::rpc::{ExportResponse, RpcAny, RpcStatus, retry_info};
use crate::sink::SinkError;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use sextant_importers::otlp;
use sextant_model::Signal;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Code, Status};

pub(crate) async fn router(intake: Arc<Intake>) -> Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    let services = [
        (Signal::Traces, "opentelemetry.proto.collector.trace.v1.TraceService"),
        (Signal::Logs, "opentelemetry.proto.collector.logs.v1.LogsService"),
        (Signal::Metrics, "opentelemetry.proto.collector.metrics.v1.MetricsService"),
    ];
    let mut router = Router::new();
    for (signal, name) in services {
        reporter.set_service_status(name, tonic_health::ServingStatus::Serving).await;
        let handler = move |State(intake): State<Arc<Intake>>, request: Request| export(intake, signal, request);
        router = router.route(&format!("/{name}/Export"), post(handler));
    }
    let health_path = format!("/{}/{{*rest}}", health_name(&health));
    router.route_service(&health_path, health).fallback(unimplemented).with_state(intake)
}

fn health_name<S: NamedService>(_: &S) -> &'static str {
    S::NAME
}

async fn unimplemented() -> Response<Body> {
    Status::unimplemented("only Export of the OTLP trace, logs and metrics services is served here").into_http()
}

async fn export(intake: Arc<Intake>, signal: Signal, request: Request) -> Response<Body> {
    if intake.lacks_key(request.headers()) {
        let message = "a key is needed: send it as 'authorization: Bearer KEY' or 'x-api-key: KEY'";
        return Status::unauthenticated(message).into_http();
    }
    let limit = intake.config.max_request_bytes;
    let time = intake.config.body_time;
    let sender = Sender { client: client::name(request.headers()), protocol: "otlp-grpc" };
    let mut grpc = Grpc::new(BytesCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(limit);
    let answered = tokio::time::timeout(time, grpc.unary(Export { intake, signal, sender }, request)).await;
    match answered {
        Ok(response) => too_large_is_final(response.map(Body::new), limit),
        Err(_) => Status::deadline_exceeded("the request took too long").into_http(),
    }
}

/// tonic says `OUT_OF_RANGE` for a message over the limit, which clients send again for ever.
fn too_large_is_final(response: Response<Body>, limit: usize) -> Response<Body> {
    let status = response.headers().get("grpc-status").and_then(|v| v.to_str().ok());
    if status == Some("11") {
        let message = format!("larger than the limit of {limit} bytes: send smaller batches");
        return Status::resource_exhausted(message).into_http();
    }
    response
}

struct Export {
    intake: Arc<Intake>,
    signal: Signal,
    sender: Sender,
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (intake, signal, sender) = (self.intake.clone(), self.signal, self.sender.clone());
        Box::pin(async move {
            let taken =
                intake.take(sender, signal, request.into_inner(), move |body, now| otlp::decode(signal, body, now));
            match taken.await {
                Ok(partial_success) => Ok(tonic::Response::new(ExportResponse { partial_success }.encode_to_vec())),
                Err(refusal) => Err(refuse(&refusal)),
            }
        })
    }
}

fn refuse(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::Malformed(e) => {
            let message = e.to_string();
            with_detail(Code::InvalidArgument, &message, RpcAny::bad_request(&message), MetadataMap::new())
        }
        Refusal::Sink(SinkError::Retry { reason, after_seconds }) => {
            let mut metadata = MetadataMap::new();
            // All that the Python SDK reads.
            metadata.insert_bin("google.rpc.retryinfo-bin", MetadataValue::from_bytes(&retry_info(*after_seconds)));
            with_detail(Code::Unavailable, reason, RpcAny::retry_info(*after_seconds), metadata)
        }
        Refusal::Sink(SinkError::Failed(what)) => Status::unavailable(what.clone()),
    }
}

fn with_detail(code: Code, message: &str, detail: RpcAny, metadata: MetadataMap) -> Status {
    let details = RpcStatus { code: code as i32, message: message.to_owned(), details: vec![detail] };
    Status::with_details_and_metadata(code, message, details.encode_to_vec().into(), metadata)
}

/// Messages as bytes, in both directions.
#[derive(Debug, Clone, Copy)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, input: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(input.copy_to_bytes(input.remaining())))
    }
}
