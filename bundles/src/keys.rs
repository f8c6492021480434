//! Keys for signing: Ed25519, as PEM that openssl reads and writes.

use crate::BundleError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use pkcs8::LineEnding;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A key that signs. It is never printed.
#[derive(Clone)]
pub struct Key(SigningKey);

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.public().fingerprint())
    }
}

/// Whether a PEM has to be opened with a passphrase.
pub fn is_encrypted(pem: &str) -> bool {
    pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> Result<Self, BundleError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret).map_err(|e| BundleError::Refused(format!("there is no randomness: {e}")))?;
        Ok(Self(SigningKey::from_bytes(&secret)))
    }

    /// From PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// If it is none, or the passphrase does not open it.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, BundleError> {
        let bytes = match (is_encrypted(pem), passphrase) {
            (false, _) => KeypairBytes::from_pkcs8_pem(pem).map_err(|_why| {
                BundleError::Refused(
                    "that is no Ed25519 private key as PEM: openssl genpkey -algorithm ed25519 writes one".into(),
                )
            })?,
            (true, None) => {
                return Err(BundleError::Refused("the key is locked with a passphrase, and none was given".into()));
            }
            (true, Some(passphrase)) => KeypairBytes::from_pkcs8_encrypted_pem(pem, passphrase)
                .map_err(|_why| BundleError::Refused("the passphrase does not open the key".into()))?,
        };
        Ok(Self(SigningKey::from_bytes(&bytes.secret_key)))
    }

    /// As PEM; locked if there is a passphrase.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, BundleError> {
        // Without the public key: older programs can't read the form that has it.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = match passphrase {
            None => bytes.to_pkcs8_pem(LineEnding::LF),
            Some(passphrase) => bytes.to_pkcs8_encrypted_pem(passphrase, LineEnding::LF),
        };
        pem.map_err(|e| BundleError::Refused(format!("the key can't be written: {e}")))
    }

    /// Its other half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// 64 bytes that only this key makes of that message; always the same.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// From PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_pem(pem: &str) -> Result<Self, BundleError> {
        VerifyingKey::from_public_key_pem(pem).map(Self).map_err(|_why| {
            BundleError::Refused("that is no Ed25519 public key as PEM: openssl pkey -pubout writes one".into())
        })
    }

    /// As PEM.
    ///
    /// # Panics
    /// Never: such a key can always be written.
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("a public key has one form")
    }

    /// `SHA256:` and the hash of its DER in base 64, as people compare it.
    ///
    /// # Panics
    /// Never: such a key can always be written.
    pub fn fingerprint(&self) -> String {
        let der = self.0.to_public_key_der().expect("a public key has one form");
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(der.as_bytes())))
    }

    /// Whether the signature is this key's of that message.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.0.verify_strict(message, &s).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by openssl 3.0.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

    #[test]
    fn keys_are_read_and_written_as_openssl_does() {
        let key = Key::from_pem(PEM, None).expect("a key");
        assert_eq!(*key.to_pem(None).expect("a text"), PEM);
        let public = key.public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).expect("a key"), public);
        let signature = key.sign(b"words");
        assert!(public.has_signed(b"words", &signature) && !public.has_signed(b"word", &signature));
        assert!(!public.has_signed(b"words", &signature[..63]));
        assert!(!Key::generate().expect("a key").public().has_signed(b"words", &signature));
        assert!(!format!("{key:?}").contains("MC4C"));
        for pem in ["", "nonsense", &public.to_pem()] {
            assert!(Key::from_pem(pem, None).is_err());
        }
        assert!(PublicKey::from_pem(PEM).is_err());
    }

    #[test]
    fn a_passphrase_locks_a_key() {
        let key = Key::generate().expect("a key");
        let pem = key.to_pem(Some("open sesame")).expect("a text");
        assert!(is_encrypted(&pem));
        assert_eq!(Key::from_pem(&pem, Some("open sesame")).expect("a key").public(), key.public());
        assert!(Key::from_pem(&pem, Some("open")).expect_err("locked").to_string().contains("does not open"));
        assert!(Key::from_pem(&pem, None).expect_err("locked").to_string().contains("passphrase"));
    }
}
