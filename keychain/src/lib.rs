//! Secrets in the keychain of the platform: the Secret Service of a Linux desktop (GNOME Keyring, `KWallet`, `KeePassXC`),
//! the Keychain of macOS, the Credential Manager of Windows. They may ask the user to unlock them, so that calls can
//! take long: none is made where a frame is drawn.

use keyring::{Entry, Error};

/// Why a secret could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// This machine has none, or it does not answer.
    #[error("there is no keychain here: {0}")]
    Missing(String),
    /// It is locked, and was not unlocked.
    #[error("the keychain is locked: {0}")]
    Locked(String),
    /// Anything else.
    #[error("the keychain refused: {0}")]
    Other(String),
}

/// What the entries are filed under.
const SERVICE: &str = "sextant";

fn failed(e: &Error) -> KeychainError {
    match e {
        Error::NoDefaultStore => {
            let why = Entry::store_status().as_ref().err().map_or_else(|| e.to_string(), ToString::to_string);
            KeychainError::Missing(why)
        }
        Error::NoStorageAccess(why) => KeychainError::Locked(why.to_string()),
        // What a secret holds is in no message.
        Error::BadEncoding(_) => KeychainError::Other("what it holds is no text".to_owned()),
        e => KeychainError::Other(e.to_string()),
    }
}

/// Keeps a secret under a name, in the place of what was there.
///
/// # Errors
/// If there is no keychain, or it stays locked.
pub fn put(name: &str, secret: &str) -> Result<(), KeychainError> {
    Entry::new(SERVICE, name).and_then(|entry| entry.set_password(secret)).map_err(|e| failed(&e))
}

/// The secret of a name, if there is one.
///
/// # Errors
/// If there is no keychain, or it stays locked.
pub fn get(name: &str) -> Result<Option<String>, KeychainError> {
    match Entry::new(SERVICE, name).and_then(|entry| entry.get_password()) {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(e) => Err(failed(&e)),
    }
}

/// Forgets the secret of a name, if there is one.
///
/// # Errors
/// If there is no keychain, or it stays locked.
pub fn remove(name: &str) -> Result<(), KeychainError> {
    match Entry::new(SERVICE, name).and_then(|entry| entry.delete_credential()) {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(e) => Err(failed(&e)),
    }
}
