//! Who may talk to a listener: names of the host, origins of browsers, keys.

use axum::http::{HeaderMap, header};
use std::net::IpAddr;
use subtle::ConstantTimeEq as _;

/// The name in a `Host` header or authority, without its port and brackets.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':') => name,
        _ => host,
    }
}

/// Whether a name means this machine.
fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a request may name its host like this: a loopback name, or one of `allowed`. Pages that rebind their own
/// name to this machine still send that name.
pub fn is_host_allowed(host: &str, allowed: &[String]) -> bool {
    let name = host_name(host);
    is_loopback_name(name) || allowed.iter().any(|a| a.eq_ignore_ascii_case(name) || a.eq_ignore_ascii_case(host))
}

/// The host that a request names, by its authority (HTTP/2) or its `Host` header.
pub fn host_of<'r>(uri: &'r axum::http::Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| headers.get(header::HOST)?.to_str().ok())
}

/// Whether pages of `origin` may send here: those of this machine, and those of `allowed`.
pub fn is_origin_allowed(origin: &str, allowed: &[String]) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_local = matches!(scheme, "http" | "https" | "tauri") && is_loopback_name(host_name(host));
    is_local || allowed.iter().any(|a| a.eq_ignore_ascii_case(origin))
}

/// Whether `given` is `secret`, in a time that does not tell where they differ.
pub fn is_secret(given: &str, secret: &str) -> bool {
    given.as_bytes().ct_eq(secret.as_bytes()).into()
}

/// The bearer token or `x-api-key` of a request.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = bearer.and_then(|v| v.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    bearer.map(|(_, key)| key.trim()).or_else(|| headers.get("x-api-key")?.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_pass() {
        for host in ["localhost", "localhost:4320", "127.0.0.1:4320", "[::1]:4320", "[::1]", "127.8.9.1", "LOCALHOST."]
        {
            assert!(is_host_allowed(host, &[]), "{host}");
        }
        for host in
            ["evil.example", "evil.example:4320", "127.0.0.1.evil.example", "localhost.evil.example:1", "", "10.0.0.1"]
        {
            assert!(!is_host_allowed(host, &[]), "{host}");
        }
        assert!(is_host_allowed("box.lan:4320", &["box.lan".into()]));
    }

    #[test]
    fn origins_of_this_machine_pass() {
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080", "tauri://localhost"] {
            assert!(is_origin_allowed(origin, &[]), "{origin}");
        }
        for origin in ["null", "https://evil.example", "http://localhost.evil.example", "file://"] {
            assert!(!is_origin_allowed(origin, &[]), "{origin}");
        }
        assert!(is_origin_allowed("https://shop.example", &["https://shop.example".into()]));
    }
}
