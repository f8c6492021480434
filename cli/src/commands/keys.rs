//! `keys`.

use super::bundle::secret;
use crate::args::{Keys, KeysCommand};
use crate::output::{note, print_rows};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sextant_bundles::{Bag, Kept, Key, PublicKey, Ring};
use sextant_server::data_dir;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// A new file; one that is there stays.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.with_context(|| format!("{} can't be written", path.display()))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    Ok(())
}

pub fn run(args: Keys) -> anyhow::Result<ExitCode> {
    if args.place.url.is_some() {
        bail!("keys are files of a data directory and don't leave it; name one with --data");
    }
    let ring = Ring::of(&data_dir(args.place.data.as_ref())?);
    match args.command {
        KeysCommand::New { name, out, passphrase_env, keychain } => {
            let passphrase = secret(passphrase_env.as_ref())?;
            let key = Key::generate()?;
            if let Some(out) = out {
                write_new(&out, &key.to_pem(passphrase.as_deref())?, 0o600)?;
                note(format_args!("the private key is in {}", out.display()));
            } else {
                let known = ring.add(&name, &key, passphrase.as_deref(), keychain)?;
                if known.kept == Kept::File {
                    note("it lies in a file that only you can read; --passphrase-env or --keychain guard it better");
                }
            }
            writeln!(std::io::stdout(), "{}", key.public().fingerprint())?;
        }
        KeysCommand::List { format } => {
            let rows: Vec<Value> = ring
                .all()?
                .iter()
                .map(|k| json!({ "name": k.name, "kept": k.kept.name(), "fingerprint": k.public.fingerprint() }))
                .collect();
            print_rows(&rows.into(), format, &["name", "kept", "fingerprint"])?;
        }
        KeysCommand::Trust { path, name, fingerprint } => {
            let key = public_of(&path)?;
            if let Some(said) = fingerprint.filter(|said| *said != key.fingerprint()) {
                bail!("the fingerprint is {}, not {said}: it is another key, and is not trusted", key.fingerprint());
            }
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
            let name = name.unwrap_or_else(|| stem.trim_end_matches(".pub").chars().map(plain).take(64).collect());
            ring.trust(&name, &key)?;
            writeln!(std::io::stdout(), "{}", key.fingerprint())?;
            note(format_args!("bundles by this key are VALID from now on; it is called '{name}'"));
        }
        KeysCommand::Distrust { name } => {
            if !ring.distrust(&name)? {
                bail!("no key is trusted as '{name}'; see: sextant keys list");
            }
        }
        KeysCommand::Export { name, out } => {
            let known = ring.all()?.into_iter().find(|k| k.name == name);
            let known = known.with_context(|| format!("there is no key called '{name}'; see: sextant keys list"))?;
            match out {
                Some(out) => write_new(&out, &known.public.to_pem(), 0o644)?,
                None => write!(std::io::stdout(), "{}", known.public.to_pem())?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A public key: of a file, of a private key, or of a bundle.
fn public_of(path: &Path) -> anyhow::Result<PublicKey> {
    if Bag::is_one(path) {
        let trust = sextant_bundles::Trust::default();
        let (report, bag) = sextant_bundles::verify(path, &trust, &|_, _| true)?;
        let Some(key) = bag.filter(|_| report.fingerprint.is_some()).map(|bag| bag.key()) else {
            bail!("{} is INVALID: {}", path.display(), report.reason.unwrap_or_default());
        };
        return Ok(key?);
    }
    let pem = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    PublicKey::from_pem(&pem).with_context(|| format!("{} is of no use", path.display()))
}
