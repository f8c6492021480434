//! Why the receiver can't start.

use std::net::SocketAddr;

/// A failure to listen, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// Somebody else has the port.
    #[error(
        "{name} cannot listen on {address}: the port is taken; stop the other program or give another address with --{name}"
    )]
    PortTaken {
        /// Which listener.
        name: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// The address can't be bound.
    #[error("{name} cannot listen on {address}: {source}")]
    Bind {
        /// Which listener.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A text that is no address.
    #[error("'{text}' is no address for {name}: give HOST:PORT, such as 127.0.0.1:4317 or :0")]
    Address {
        /// Which listener.
        name: &'static str,
        /// What was given.
        text: String,
    },
    /// An open address needs a key.
    #[error("{address} can be reached from other machines, so senders must show a key: give one with --api-key")]
    KeyNeeded {
        /// Where.
        address: SocketAddr,
    },
}
