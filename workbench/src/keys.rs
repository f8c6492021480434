//! Keys that sign bundles, and those that are trusted.

use crate::workbench::Workbench;
use serde_json::{Value, json};
use sextant_bundles::{BundleError, Key, PublicKey, Ring};
use sextant_contract::{Answer, AskError, Code, Hidden, Outcome};

fn failed(e: &BundleError) -> AskError {
    AskError::new(Code::Refused, e.to_string())
}

impl Workbench {
    fn ring(&self) -> Ring {
        Ring::of(self.data_dir())
    }

    /// All that are known, their public halves only.
    pub(crate) fn keys(&self) -> Result<Answer, AskError> {
        let all = self.ring().all().map_err(|e| failed(&e))?;
        let keys: Vec<Value> = all
            .iter()
            .map(|k| {
                json!({
                    "name": k.name, "kept": k.kept.name(), "fingerprint": k.public.fingerprint(),
                    "pem": k.public.to_pem(),
                })
            })
            .collect();
        Ok(Answer::object(json!({ "keys": keys }), 0))
    }

    pub(crate) fn key_new(&self, name: &str, passphrase: Option<&Hidden>) -> Result<Outcome, AskError> {
        let key = Key::generate().map_err(|e| failed(&e))?;
        let passphrase = passphrase.map(|p| p.0.as_str()).filter(|p| !p.is_empty());
        let known = self.ring().add(name, &key, passphrase, false).map_err(|e| failed(&e))?;
        Ok(Outcome::Object { object: json!({ "fingerprint": known.public.fingerprint() }) })
    }

    pub(crate) fn key_trust(&self, name: &str, pem: &str) -> Result<Outcome, AskError> {
        let key = PublicKey::from_pem(pem).map_err(|e| failed(&e))?;
        self.ring().trust(name, &key).map_err(|e| failed(&e))?;
        Ok(Outcome::Object { object: json!({ "fingerprint": key.fingerprint() }) })
    }

    pub(crate) fn key_distrust(&self, name: &str) -> Result<Outcome, AskError> {
        if self.ring().distrust(name).map_err(|e| failed(&e))? {
            return Ok(Outcome::Done);
        }
        Err(AskError::new(Code::NotFound, format!("no key is trusted as '{name}'")))
    }
}
