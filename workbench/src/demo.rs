//! Traffic of the demo shop on its way to a receiver: real OTLP over HTTP, on one connection.

use sextant_contract::{AskError, Code, Outcome};
use sextant_fixtures::shop::ShopRequest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends all of it to the OTLP/HTTP address `url` and says how much it was.
///
/// # Errors
/// If nobody listens there, or a request is refused.
pub async fn send(url: &str, requests: impl Iterator<Item = ShopRequest>) -> Result<Outcome, AskError> {
    let host = url.strip_prefix("http://").and_then(|h| h.split('/').next()).ok_or_else(|| {
        AskError::new(Code::BadQuery, format!("'{url}' is no address of a receiver")).hint("give http://HOST:PORT")
    })?;
    let unreachable = |e: std::io::Error| {
        AskError::new(Code::Unreachable, format!("{host} cannot be reached: {e}")).hint("is something listening there?")
    };
    let mut stream = TcpStream::connect(host).await.map_err(unreachable)?;
    let (mut spans, mut logs, mut points) = (0, 0, 0);
    for request in requests {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sextant-demo\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            request.path,
            request.body.len()
        );
        stream.write_all(head.as_bytes()).await.map_err(unreachable)?;
        stream.write_all(&request.body).await.map_err(unreachable)?;
        let status = read_status(&mut stream).await.map_err(unreachable)?;
        if status != 200 {
            let message = format!("{host} refused the demo's {} with HTTP {status}", request.path);
            return Err(AskError::new(Code::Refused, message));
        }
        spans += request.n_spans;
        logs += request.n_logs;
        points += request.n_points;
    }
    Ok(Outcome::Sent { spans, logs, points })
}

/// Reads one answer to its end and returns its status.
async fn read_status(stream: &mut TcpStream) -> std::io::Result<u16> {
    let no_http = || std::io::Error::other("no HTTP answer came");
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..n]);
        let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
        let length: usize = text
            .lines()
            .find_map(|l| l.strip_prefix("content-length:"))
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or(0);
        if bytes.len() >= head + 4 + length {
            return text.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(no_http);
        }
    }
}
