//! Time stamps by an authority (RFC 3161): a request for one of a bundle, and what an answer says. An answer lies beside the
//! bundle, which can't hold what came after it was sealed.

use crate::BundleError;
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag};
use sextant_model::ids::hex;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Larger files are no answers.
const MAX_BYTES: u64 = 1 << 20;
/// A serial number of 20 bytes is what certificates have.
const MAX_SERIAL: usize = 40;
/// A name has no more parts.
const MAX_PARTS: usize = 8;
/// A name is no deeper.
const MAX_DEPTH: usize = 16;
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// All of a request before the hash: version 1, and that what follows is a SHA-256.
const BEFORE: &[u8] = &[
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
    0x01, 0x05, 0x00, 0x04, 0x20,
];
/// And after it: the certificate of the authority is wanted too.
const AFTER: &[u8] = &[0x01, 0x01, 0xff];

/// What an authority says: that something was there at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When, RFC 3339.
    pub at: String,
    /// Of what: its SHA-256.
    pub hash: String,
    /// The number that the authority gave it.
    pub serial: String,
    /// Who it says that it is, if it says so.
    pub by: String,
}

/// A request for a time stamp of the bundle of this hash, as it is sent to an authority.
///
/// # Errors
/// If that is no SHA-256.
pub fn request(hash: &str) -> Result<Vec<u8>, BundleError> {
    let bytes: Option<Vec<u8>> =
        (0..hash.len() / 2).map(|i| u8::from_str_radix(hash.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    match bytes {
        Some(bytes) if bytes.len() == 32 && hash.len() == 64 => Ok([BEFORE, &bytes, AFTER].concat()),
        _ => Err(BundleError::Refused(format!("'{hash}' is no SHA-256"))),
    }
}

/// Where the answer for a bundle lies: beside it, whatever it is called by and however many volumes it has.
pub fn beside(bundle: &Path) -> PathBuf {
    let bundle = std::fs::canonicalize(bundle).unwrap_or_else(|_| bundle.to_owned());
    let whole = if crate::volumes::is_first(&bundle) { bundle.with_extension("") } else { bundle };
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(".tsr");
    whole.with_file_name(name)
}

/// Keeps an answer beside its bundle, and never in the place of another.
///
/// # Errors
/// If it is none for the bundle of `hash`, or another is there.
pub fn keep(bundle: &Path, answer: &Path, hash: &str) -> Result<Stamp, BundleError> {
    let stamp = Stamp::read(answer, hash)?;
    let path = beside(bundle);
    if Stamp::beside(bundle, hash).is_ok_and(|there| there.as_ref() == Some(&stamp)) {
        return Ok(stamp);
    }
    if path.exists() {
        let why = format!("{} is there already: keep this one elsewhere, or move that", path.display());
        return Err(BundleError::Refused(why));
    }
    std::fs::copy(answer, &path).map_err(BundleError::io(&path))?;
    Ok(stamp)
}

/// The parts of something made of parts.
fn parts<'a>(of: AnyRef<'a>, what: &str) -> Result<Vec<AnyRef<'a>>, BundleError> {
    let bad = |e: der::Error| BundleError::Refused(format!("{what} is not as RFC 3161 has it: {e}"));
    let mut reader = SliceReader::new(of.value()).map_err(bad)?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        all.push(AnyRef::decode(&mut reader).map_err(bad)?);
    }
    Ok(all)
}

impl Stamp {
    /// What an answer says. Whose signature is on it is not looked at.
    ///
    /// # Errors
    /// If it is none, or says that there is no time stamp.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let refuse = |why: &str| BundleError::Refused(format!("that is no answer with a time stamp: {why}"));
        let whole = AnyRef::from_der(bytes).map_err(|e| refuse(&e.to_string()))?;
        let answer = parts(whole, "the answer")?;
        // With the state of the request before it, or alone.
        let token = match answer.first().map(|first| first.header().tag()) {
            Some(Tag::Sequence) => {
                let status = parts(answer[0], "the state")?;
                let granted = status.first().map(|s| s.value());
                if !matches!(granted, Some([0 | 1])) {
                    let why = texts(answer[0], 0);
                    let why = if why.is_empty() { "it gives no reason".to_owned() } else { why.join(", ") };
                    return Err(refuse(&format!("the authority refused: {why}")));
                }
                parts(*answer.get(1).ok_or_else(|| refuse("it has none"))?, "the token")?
            }
            Some(Tag::ObjectIdentifier) => answer,
            _ => return Err(refuse("it begins with neither a state nor a token")),
        };
        let [kind, content, ..] = token[..] else { return Err(refuse("the token is not whole")) };
        if kind.value() != SIGNED_DATA {
            return Err(refuse("it is not signed"));
        }
        let signed = parts(content, "what is signed")?;
        let signed = parts(*signed.first().ok_or_else(|| refuse("nothing is signed"))?, "what is signed")?;
        let [_, _, inner, ..] = signed[..] else { return Err(refuse("what is signed is not whole")) };
        let inner = parts(inner, "what is signed")?;
        let [kind, inner, ..] = inner[..] else { return Err(refuse("nothing is signed")) };
        if kind.value() != TST_INFO {
            return Err(refuse("something else is signed"));
        }
        let inner = AnyRef::from_der(inner.value()).and_then(|octets| AnyRef::from_der(octets.value()));
        Self::of(&parts(inner.map_err(|e| refuse(&e.to_string()))?, "the time stamp")?)
    }

    fn of(info: &[AnyRef<'_>]) -> Result<Self, BundleError> {
        let refuse = |why: &str| BundleError::Refused(format!("that is no time stamp: {why}"));
        let [_, _, imprint, serial, time, rest @ ..] = info else { return Err(refuse("it is not whole")) };
        let imprint = parts(*imprint, "what was stamped")?;
        let [kind, hash] = imprint[..] else { return Err(refuse("it does not say of what")) };
        if parts(kind, "what was stamped")?.first().is_none_or(|k| k.value() != SHA256) || hash.value().len() != 32 {
            return Err(refuse("it is of no SHA-256"));
        }
        let by = rest
            .iter()
            .find(|part| part.header().tag().is_context_specific() && part.header().tag().number().value() == 0);
        Ok(Self {
            at: time_of(time.value()).ok_or_else(|| refuse("its time is none"))?,
            hash: hex(hash.value()),
            serial: hex(serial.value()).chars().take(MAX_SERIAL).collect(),
            by: by.map(|by| texts(*by, 0).join(", ")).unwrap_or_default(),
        })
    }

    /// The answer that lies beside a bundle, if there is one.
    ///
    /// # Errors
    /// If it can't be read, is none, or is of another bundle than that of `hash`.
    pub fn beside(bundle: &Path, hash: &str) -> Result<Option<Self>, BundleError> {
        let path = beside(bundle);
        match std::fs::symlink_metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(BundleError::io(&path)(e)),
            // What came with the bundle may lead anywhere.
            Ok(found) if !found.is_file() => {
                Err(BundleError::Refused(format!("{} is a link or a device, not a file", path.display())))
            }
            Ok(_) => Self::read(&path, hash).map(Some),
        }
    }

    /// The answer in a file, for the bundle of `hash`.
    ///
    /// # Errors
    /// As [`Stamp::beside`].
    pub fn read(path: &Path, hash: &str) -> Result<Self, BundleError> {
        let refuse = |why: &str| Err(BundleError::Refused(format!("{} {why}", path.display())));
        if !std::fs::metadata(path).map_err(BundleError::io(path))?.is_file() {
            return refuse("is no file");
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(BundleError::io(path))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(BundleError::io(path))?;
        if bytes.len() as u64 > MAX_BYTES {
            return refuse("is too large for an answer with a time stamp");
        }
        let stamp = Self::parse(&bytes)?;
        if stamp.hash != hash {
            let why = format!("{} is a time stamp of another bundle, {}", path.display(), stamp.hash);
            return Err(BundleError::Refused(why));
        }
        Ok(stamp)
    }
}

/// `20261122213000.5Z` as RFC 3339.
fn time_of(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (digits, fraction) = text.strip_suffix('Z')?.split_at_checked(14)?;
    let fraction_is_one = fraction.is_empty() || fraction.strip_prefix('.').is_some_and(|f| !f.is_empty());
    let all_digits = digits.bytes().chain(fraction.bytes().skip(1)).all(|b| b.is_ascii_digit());
    let part = |from: usize, n: usize| digits.get(from..from + n);
    let (date, time) = ((part(0, 4)?, part(4, 2)?, part(6, 2)?), (part(8, 2)?, part(10, 2)?, part(12, 2)?));
    let text = format!("{}-{}-{}T{}:{}:{}{fraction}Z", date.0, date.1, date.2, time.0, time.1, time.2);
    (fraction_is_one && all_digits && sextant_model::UnixNanos::parse(&text).is_ok()).then_some(text)
}

/// All texts in something, such as the parts of a name.
fn texts(of: AnyRef<'_>, depth: usize) -> Vec<String> {
    let tag = of.header().tag();
    let is_text = matches!(tag, Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    if is_text {
        // Nobody has vouched for it yet: it is shown as a name is.
        return vec![crate::name::shown(&String::from_utf8_lossy(of.value()))];
    }
    if !tag.is_constructed() || depth > MAX_DEPTH {
        return Vec::new();
    }
    parts(of, "a name")
        .unwrap_or_default()
        .into_iter()
        .flat_map(|part| texts(part, depth + 1))
        .take(MAX_PARTS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_authorities_are_read_and_others_refused() {
        for (text, expected) in [
            ("20261122213000Z", Some("2026-11-22T21:30:00Z")),
            ("20261122213000.25Z", Some("2026-11-22T21:30:00.25Z")),
            ("20261122213000", None),
            ("20261122213000.Z", None),
            ("20261322213000Z", None),
            ("2026112221300Z", None),
            ("2026é122213000Z", None),
        ] {
            assert_eq!(time_of(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in [&b""[..], b"0", b"not an answer", &[0x30, 0x03, 0x02, 0x01, 0x00], &[0x30, 0x80, 0, 0]] {
            assert!(Stamp::parse(bytes).is_err(), "{bytes:?}");
        }
        // An authority that refuses says so: state 2.
        let refused = Stamp::parse(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]).expect_err("refused");
        assert!(refused.to_string().contains("the authority refused"), "{refused}");
        assert!(request("abc").is_err() && request(&"0".repeat(63)).is_err() && request(&"é".repeat(32)).is_err());
        assert_eq!(request(&"0f".repeat(32)).expect("a request").len(), 59);
    }
}
