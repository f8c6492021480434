//! What a bundle says of itself: an in-toto statement in a DSSE envelope.

use crate::BundleError;
use crate::keys::{Key, PublicKey};
use crate::merkle::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sextant_model::ids::hex;
use std::collections::BTreeMap;

/// Its name in a bundle.
pub(crate) const ATTESTATION: &str = "attestation.dsse.json";
const TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "urn:sextant:bundle:1";
const PAYLOAD: &str = "application/vnd.in-toto+json";

/// What it holds of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// The earliest time in it, RFC 3339.
    pub first: String,
    /// The latest.
    pub last: String,
    /// The hash of names and types of its columns.
    pub schema: String,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The search.
    pub query: String,
    /// Of these signals.
    pub signals: Vec<String>,
    /// From when, RFC 3339; from the first record on if empty.
    pub from: String,
    /// To when, exclusive.
    pub to: String,
    /// Whether the rest of the traces that match, and their logs, are with it.
    pub whole_traces: bool,
}

/// Where the rows are from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    /// `store`, `source`, `files`, `bundle`.
    pub kind: String,
    /// What it is called there.
    pub name: String,
}

/// Rows that are not in it although they could be expected, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many; 0 if that can't be known.
    pub rows: u64,
}

/// What was changed in a column before sealing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Redaction {
    /// What was looked for: `email`, `attribute`, …
    pub rule: String,
    /// Where: `traces.SpanAttributes[user.email]`.
    pub column: String,
    /// What was done: `drop`, `token`, `truncate`.
    pub method: String,
    /// In so many rows.
    pub rows: u64,
}

/// The bundle in a few facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// With what.
    pub made_by: String,
    /// A name for people.
    pub title: String,
    /// What it is for, as its maker wrote it.
    pub purpose: String,
    /// What was asked for.
    pub question: Question,
    /// Where its rows are from.
    pub from: From,
    /// What each table has.
    pub tables: BTreeMap<String, TableFacts>,
    /// What was not taken, and why.
    pub left_out: Vec<LeftOut>,
    /// Sampling that was in force where the rows were caught.
    pub sampling: Vec<String>,
    /// What was changed before sealing.
    pub redactions: Vec<Redaction>,
    /// The hash of the bundle that it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites: Option<String>,
    /// It is not to be used before, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Nor after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// One hash over all files of data, by path, length and hash.
    pub merkle_root: String,
}

impl Facts {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|t| t.rows).sum()
    }
}

#[derive(Serialize, Deserialize)]
struct Digest {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Facts,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

/// What is signed, as DSSE lays it out.
fn encoded(payload: &[u8]) -> Vec<u8> {
    let mut all = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len()).into_bytes();
    all.extend(payload);
    all
}

/// As a file, signed.
pub(crate) fn write(facts: &Facts, subjects: &BTreeMap<String, Hash>, key: &Key) -> String {
    let subject = subjects
        .iter()
        .map(|(name, hash)| Subject { name: name.clone(), digest: Digest { sha256: hex(hash) } })
        .collect();
    let statement =
        Statement { kind: TYPE.into(), subject, predicate_type: PREDICATE.into(), predicate: facts.clone() };
    let payload = serde_json::to_vec(&statement).unwrap_or_default();
    let signature = Signature { keyid: key.public().fingerprint(), sig: STANDARD.encode(key.sign(&encoded(&payload))) };
    let envelope =
        Envelope { payload_type: PAYLOAD.into(), payload: STANDARD.encode(&payload), signatures: vec![signature] };
    format!("{}\n", serde_json::to_string_pretty(&envelope).unwrap_or_default())
}

/// What it says, if `key` signed it, and of which files.
pub(crate) fn read(bytes: &[u8], key: &PublicKey) -> Result<(Facts, BTreeMap<String, String>), BundleError> {
    let bad = |why: String| BundleError::bad(ATTESTATION, why);
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|e| bad(format!("it is no DSSE envelope: {e}")))?;
    if envelope.payload_type != PAYLOAD {
        return Err(bad("it holds something else than an in-toto statement".into()));
    }
    let payload = STANDARD.decode(&envelope.payload).map_err(|_why| bad("its payload is not base 64".into()))?;
    let [signature] = &envelope.signatures[..] else {
        return Err(bad("it needs one signature".into()));
    };
    let signed = STANDARD.decode(&signature.sig).map_err(|_why| bad("its signature is not base 64".into()))?;
    if signature.keyid != key.fingerprint() || !key.has_signed(&encoded(&payload), &signed) {
        return Err(bad("the key of the bundle did not sign it".into()));
    }
    self::payload(&payload)
}

/// What a statement says, of which files.
pub(crate) fn payload(bytes: &[u8]) -> Result<(Facts, BTreeMap<String, String>), BundleError> {
    let bad = |why: String| BundleError::bad(ATTESTATION, why);
    let statement: Statement =
        serde_json::from_slice(bytes).map_err(|e| bad(format!("its statement can't be read: {e}")))?;
    if statement.kind != TYPE || statement.predicate_type != PREDICATE {
        return Err(bad(format!(
            "it is a statement of another kind or version: {} {}",
            crate::name::shown(&statement.kind),
            crate::name::shown(&statement.predicate_type)
        )));
    }
    let subjects = statement.subject.into_iter().map(|s| (s.name, s.digest.sha256)).collect();
    Ok((statement.predicate, subjects))
}
