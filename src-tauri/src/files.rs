//! Files from dialogs, from the command line, and dropped on the window: each is read and taken in, and the page is
//! told what came of it.

use crate::associate;
use crate::shell::Shell;
use sextant_contract::{AskError, Code, Command, Event, Outcome};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_dialog::DialogExt as _;

/// The same as over HTTP.
const MAX_FILE_BYTES: u64 = 2 << 30;
/// So many bundles are looked at at once.
const MAX_WINDOWS: usize = 8;
const OPENING_TRIES: u32 = 100;
const OPENING_PAUSE: Duration = Duration::from_millis(100);

/// Lets the user choose.
pub fn choose(app: &AppHandle) {
    let handle = app.clone();
    let mut dialog = app.dialog().file().set_title("Open telemetry files");
    if let Some(window) = app.get_webview_window("main") {
        dialog = dialog.set_parent(&window);
    }
    dialog.pick_files(move |chosen| {
        let paths = chosen.unwrap_or_default().into_iter().filter_map(|p| p.into_path().ok()).collect();
        follow(&handle, paths);
    });
}

/// Lets the user choose where a file goes.
pub async fn place(app: &AppHandle, name: &str) -> Option<PathBuf> {
    let mut dialog = app.dialog().file().set_title("Export").set_file_name(name);
    if let Some(window) = app.get_webview_window("main") {
        dialog = dialog.set_parent(&window);
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    dialog.save_file(move |chosen| {
        // Nobody waits any more when the program is being closed.
        tell.send(chosen).ok();
    });
    told.await.ok()??.into_path().ok()
}

/// Follows what was named: links lead to screens, bundles are looked at, and everything else is taken in.
pub fn follow(app: &AppHandle, named: Vec<PathBuf>) {
    let (mut bundles, mut rest) = (Vec::new(), Vec::new());
    for path in named {
        if let Some(address) = path.to_str().and_then(associate::address) {
            app.state::<Shell>().tell(Event::Go { address });
        } else if sextant_server::is_bundle(&path) {
            bundles.push(path);
        } else {
            rest.push(path);
        }
    }
    if bundles.len() > MAX_WINDOWS {
        let message =
            format!("of {} bundles, {MAX_WINDOWS} are looked at: each has a window of its own", bundles.len());
        app.state::<Shell>().tell(Event::Failed { error: AskError::new(Code::Refused, message) });
    }
    for path in bundles.into_iter().take(MAX_WINDOWS) {
        if let Err(e) = look(app, &path) {
            let message = format!("{} can't be looked at: {e}", path.display());
            app.state::<Shell>().tell(Event::Failed { error: AskError::new(Code::Internal, message) });
        }
    }
    take_in(app, rest);
}

/// A window of its own, in a process of its own: what is evidence is not mixed with what is received.
fn look(app: &AppHandle, path: &Path) -> std::io::Result<()> {
    let mut window = std::process::Command::new(std::env::current_exe()?);
    if let Some(data) = &app.state::<Shell>().data {
        window.arg("--data").arg(data);
    }
    let mut window = window.arg("--look").arg(path).spawn()?;
    // Nobody waits for it but the system.
    std::thread::Builder::new().name("sextant-looking".into()).spawn(move || window.wait())?;
    Ok(())
}

/// Takes in files, and folders with all that is in them, in the background.
fn take_in(app: &AppHandle, paths: Vec<PathBuf>) {
    if paths.is_empty() {
        return;
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let shell = app.state::<Shell>();
        let _running = shell.importing.read().await;
        let (mut found, mut are_in_folders) = (Vec::new(), Vec::new());
        let mut n_passed = 0;
        for path in paths {
            let is_folder = path.is_dir();
            let before = found.len();
            walk(path, &mut found);
            are_in_folders.extend(std::iter::repeat_n(is_folder, found.len() - before));
        }
        for (path, is_in_folder) in found.into_iter().zip(are_in_folders) {
            let event = match one(&app, &path).await {
                Ok(Outcome::Imported(file)) => Event::Imported { file },
                Ok(_) => continue,
                // In a folder, what is no telemetry is passed over and counted.
                Err(e) if is_in_folder && e.code == Code::BadQuery => {
                    n_passed += 1;
                    continue;
                }
                Err(e) => {
                    Event::Failed { error: AskError { message: format!("{}: {}", path.display(), e.message), ..e } }
                }
            };
            shell.tell(event);
        }
        if n_passed > 0 {
            let message = format!("{n_passed} files of the folder are no telemetry and were passed over");
            shell.tell(Event::Failed { error: AskError::new(Code::BadQuery, message) });
        }
    });
}

fn walk(path: PathBuf, found: &mut Vec<PathBuf>) {
    match std::fs::read_dir(&path) {
        Ok(entries) => {
            let is_loop = |p: &PathBuf| p.is_symlink() && p.is_dir();
            let mut entries: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| !is_loop(p)).collect();
            entries.sort();
            for entry in entries {
                walk(entry, found);
            }
        }
        // Pipes and devices would be read for ever. What is not there is named when it is read.
        Err(_) if path.is_file() || !path.exists() => found.push(path),
        Err(_) => tracing::warn!("{} is no file, so it is passed over", path.display()),
    }
}

async fn one(app: &AppHandle, path: &Path) -> Result<Outcome, AskError> {
    let size = tokio::fs::metadata(path).await.map_or(0, |m| m.len());
    if size > MAX_FILE_BYTES {
        return Err(AskError::new(Code::BadQuery, "it is larger than 2 GiB").hint("take it in with: sextant import"));
    }
    let bytes =
        tokio::fs::read(path).await.map_err(|e| AskError::new(Code::BadQuery, format!("can't be read: {e}")))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut backend = app.state::<Shell>().backend();
    // The store may still be opening.
    for _ in 0..OPENING_TRIES {
        if backend.is_ok() {
            break;
        }
        tokio::time::sleep(OPENING_PAUSE).await;
        backend = app.state::<Shell>().backend();
    }
    backend?.act(Command::Import { name, format: None, project: None }, bytes).await
}
