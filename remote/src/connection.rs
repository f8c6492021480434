//! Where a cluster is and who asks there.

use crate::{Kind, RemoteError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Url};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

/// Something that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What it is, to be sent and to be written to the file of secrets.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "•••" })
    }
}

/// How a cluster is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// `http://` or `https://`, with the path of a proxy.
    pub url: String,
    /// The database whose tables are meant where none is named; the server's own for this user if empty.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// More headers, as proxies want them. What they hold may be secret.
    pub headers: BTreeMap<String, Secret>,
    /// A file with the certificate of the authority that the server's is from, as PEM.
    pub ca: Option<PathBuf>,
    /// A file with a certificate and key to show, as PEM.
    pub identity: Option<PathBuf>,
    /// Where its port is forwarded to: the name in the address is still the one that is asked for.
    pub via: Option<String>,
}

/// How long a connection may take to be made: servers that sleep wake up slowly.
const CONNECT_TIME: Duration = Duration::from_secs(20);

impl Connection {
    /// The address, with nothing secret in it.
    pub(crate) fn address(&self) -> Result<Url, RemoteError> {
        let bad = |why: &str| {
            RemoteError::new(Kind::Refused, format!("'{}' is no address of a ClickHouse: {why}", self.shown()))
                .hint("it looks like http://HOST:8123 or https://HOST:8443")
        };
        let url = Url::parse(&self.url).map_err(|e| bad(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("only http and https are spoken"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(bad("user, password and parameters don't belong in it"));
        }
        Ok(url)
    }

    /// What secrets are meant for: scheme, host and port.
    #[must_use]
    pub fn place(&self) -> Option<(String, String, Option<u16>)> {
        let url = self.address().ok()?;
        Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()))
    }

    /// The address as it may be shown: whatever could be a password is left out.
    fn shown(&self) -> String {
        let rest = self.url.split(['?', '#']).next().unwrap_or_default();
        match (rest.find("://"), rest.rfind('@')) {
            (Some(begin), Some(end)) if end > begin => format!("{}://…{}", &rest[..begin], &rest[end..]),
            _ => rest.to_owned(),
        }
    }

    /// What speaks HTTP with it.
    pub(crate) fn http(&self) -> Result<reqwest::Client, RemoteError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another part of the program may have named it already: it is the same one.
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let bad = || RemoteError::new(Kind::Refused, format!("'{name}' is no header that can be sent"));
            let name = HeaderName::from_bytes(name.as_bytes()).ok().ok_or_else(bad)?;
            let mut value = HeaderValue::from_str(value.reveal()).ok().ok_or_else(bad)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|e| RemoteError::new(Kind::Certificate, format!("{} can't be read: {e}", path.display())))
        };
        let not_pem = |path: &PathBuf, e: reqwest::Error| {
            RemoteError::new(Kind::Certificate, format!("{} is no certificate as PEM: {e}", path.display()))
        };
        // Where a server sends us elsewhere, the password must not go along.
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sextant/", env!("CARGO_PKG_VERSION")));
        if let Some(via) = &self.via {
            let bad = || {
                RemoteError::new(Kind::Refused, format!("'{via}' is no place that a port is forwarded to"))
                    .hint("it looks like 127.0.0.1:18443, as after: ssh -L 18443:HOST:8443 BASTION")
            };
            let there: SocketAddr = via.parse().ok().ok_or_else(bad)?;
            let address = self.address()?;
            if address.host_str().is_some_and(|h| h.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()) {
                let why = "what is reached through a forwarded port needs a name in its address, not a number";
                return Err(RemoteError::new(Kind::Refused, why)
                    .hint(format!("or give {via} itself as the address, without --via")));
            }
            builder = builder.resolve(address.host_str().unwrap_or_default(), there);
        }
        if let Some(path) = &self.ca {
            let all = Certificate::from_pem_bundle(&read(path)?).map_err(|e| not_pem(path, e))?;
            builder = builder.tls_certs_merge(all);
        }
        if let Some(path) = &self.identity {
            builder = builder.identity(Identity::from_pem(&read(path)?).map_err(|e| not_pem(path, e))?);
        }
        builder.build().map_err(|e| RemoteError::new(Kind::Other, format!("no connection can be prepared: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::new("hunter2");
        let headers = BTreeMap::from([("X-Key".to_owned(), secret.clone())]);
        let connection = Connection {
            url: "https://me:hunter2@host:8443/x?password=hunter2".into(),
            password: secret,
            headers,
            ..Connection::default()
        };
        assert!(!format!("{:?}", connection.password).contains("hunter2"));
        assert!(!format!("{:?}", connection.headers).contains("hunter2"));
        let refused = connection.address().expect_err("a password in an address");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
    }

    #[test]
    fn addresses_are_of_http() {
        let address = |url: &str| Connection { url: url.into(), ..Connection::default() }.address();
        assert!(address("http://localhost:8123").is_ok() && address("https://host/behind/proxy/").is_ok());
        for url in ["", "localhost:8123", "ftp://host", "tcp://host:9000", "http://"] {
            assert!(address(url).is_err(), "{url}");
        }
    }
}
