//! Bundles: rows as Parquet in a bag (`BagIt` 1.0) that says what they are and is signed, so that anyone can check it with
//! this program or with a shell. Nothing in here needs a store.

mod bag;
mod custody;
mod diff;
mod error;
mod extract;
mod keys;
mod make;
mod manifest;
mod merkle;
mod name;
mod record;
mod redact;
mod ring;
mod stamp;
mod statement;
mod tags;
mod verify;
mod volumes;
mod zip;

/// For the fuzzer.
pub mod fuzzing {
    /// Reads bytes as each of the files that describe a bundle.
    pub fn papers(bytes: &[u8]) {
        if let Ok(all) = crate::manifest::read("manifest-sha256.txt", bytes) {
            assert_eq!(crate::manifest::write(&all).as_bytes(), bytes, "one set of files has one manifest");
        }
        crate::custody::read(bytes).ok();
        crate::statement::payload(bytes).ok();
        crate::Stamp::parse(bytes).ok();
        let key = crate::PublicKey::from_pem(&String::from_utf8_lossy(bytes));
        if let Ok(key) = key {
            crate::statement::read(bytes, &key).ok();
        }
    }
}

pub use bag::Bag;
pub use custody::Custody;
pub use diff::{TableDiff, diff};
pub use error::BundleError;
pub use keys::{Key, PublicKey, is_encrypted};
pub use make::{Made, Maker, Papers, is_zip_name};
pub use record::{Entry, Record};
pub use redact::{Detector, Found, Hit, Method, Redactor, Rules, Scanner};
pub use ring::{DEFAULT, Kept, Known, Ring};
pub use stamp::{Stamp, beside as stamp_beside, keep as keep_stamp, request as stamp_request};
pub use statement::{Facts, From, LeftOut, Question, Redaction, TableFacts};
pub use verify::{Check, FileFacts, OnProgress, Report, Trust, Verdict, verify};
pub use volumes::{check as check_volumes, cut};
