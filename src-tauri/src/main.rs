//! The desktop program: the page of `ui/` in a system webview. It is in process with the store when it holds the data
//! directory, and a client of the running instance when another process does.

mod associate;
mod doors;
mod files;
mod menu;
mod shell;

use clap::Parser;
use sextant_contract::Event;
use sextant_server::{Holder, HostArgs, data_dir};
use shell::Shell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tauri::{AppHandle, Manager as _, RunEvent, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tauri_plugin_window_state::StateFlags;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// glibc's allocator keeps what each thread once had: at 100,000 spans a second that is twice the memory.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Sextant on the desktop: receives telemetry, keeps it, and shows it in a window.
#[derive(Debug, Parser)]
#[command(name = "sextant-desktop", version)]
struct Args {
    /// The data directory [default: the platform's, such as ~/.local/share/sextant]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
    /// Look at a bundle, or at files of telemetry, without keeping anything
    #[arg(long, value_name = "PATH", conflicts_with = "files")]
    look: Option<PathBuf>,
    /// Have the desktop open bundles and sextant: links with this program
    #[arg(long)]
    associate: bool,
    /// Files to take in; a bundle is looked at in a window of its own, and a sextant: link leads to its screen
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Nothing asked to stop; the store is being closed; it is closed.
const RUNNING: u8 = 0;
const DRAINING: u8 = 1;
const DRAINED: u8 = 2;

fn main() -> ExitCode {
    // A template that somebody wrote is tried in a process of its own.
    if let Some(code) = sextant_reports::serve_if_asked() {
        return code;
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEXTANT_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let args = Args::parse();
    let done = if args.associate { associate::associate().map(|()| 0) } else { run(args) };
    match done {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<i32> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    // From here on a signal waits until it is listened for, instead of ending the program in the middle of its start.
    let (term, interrupt) = {
        let _on_runtime = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let dir = data_dir(args.data.as_ref())?;
    let shell = Shell::with(args.data.clone());
    let phase = Arc::new(AtomicU8::new(RUNNING));
    let files: Vec<PathBuf> = args.files.into_iter().map(associate::path).collect();
    let (look, files) = match (args.look, files) {
        // What was double-clicked.
        (None, files) if files.len() == 1 && sextant_server::is_bundle(&files[0]) => {
            (files.first().cloned(), Vec::new())
        }
        named => named,
    };
    let name = shell::bus_name(look.as_ref().unwrap_or(&dir));
    let (host, data) = (args.host, args.data);
    let app = tauri::Builder::default()
        .plugin(
            tauri_plugin_single_instance::Builder::new()
                .dbus_id(name)
                .callback(|app, argv, cwd| {
                    shell::show(app);
                    let named = Args::try_parse_from(argv).map(|a| a.files).unwrap_or_default();
                    let is_link = |p: &PathBuf| p.to_str().is_some_and(|p| associate::address(p).is_some());
                    let at = |p: PathBuf| if is_link(&p) { p } else { PathBuf::from(&cwd).join(associate::path(p)) };
                    // A second double click on the same bundle only shows it.
                    let named = named.into_iter().filter(|_| !app.state::<Shell>().is_looking()).map(at);
                    files::follow(app, named.collect());
                })
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .manage(shell)
        .invoke_handler(tauri::generate_handler![doors::ask, doors::act, doors::subscribe])
        .on_menu_event(|app, event| match event.id().as_ref() {
            menu::QUIT => app.exit(0),
            id => app.state::<Shell>().tell(Event::Chosen { id: id.to_owned() }),
        })
        .setup(move |app| {
            let held = async {
                match &look {
                    Some(path) => Holder::look(std::slice::from_ref(path), data.as_ref()).await,
                    None => Holder::open(dir, host).await,
                }
            };
            match tauri::async_runtime::block_on(held) {
                Ok(holder) => {
                    say(&holder)?;
                    let begin = holder.address().map(str::to_owned);
                    app.state::<Shell>().hold(holder);
                    if let Some(address) = begin {
                        app.state::<Shell>().tell(Event::Go { address });
                    }
                    window(app.handle(), look.as_deref())?;
                    files::follow(app.handle(), files);
                }
                Err(e) => refuse(app.handle(), &e.to_string()),
            }
            tauri::async_runtime::spawn(stop_on_signal(app.handle().clone(), term, interrupt));
            Ok(())
        })
        .build(tauri::generate_context!())?;
    let code = app.run_return(move |app, event| on_event(app, event, &phase));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    Ok(code)
}

/// Where it listens, on standard output as `sextant serve` says it.
fn say(holder: &Holder) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match holder {
        Holder::Here(host) => {
            for listener in host.workbench.listeners() {
                writeln!(out, "listening {} {}", listener.name, listener.address)?;
            }
            writeln!(out, "open {}", host.serving.url)?;
        }
        Holder::Running(_, url) => writeln!(out, "joined {url}")?,
        Holder::Looking(opened) => writeln!(out, "open {}", opened.url())?,
    }
    out.flush()
}

fn window(app: &AppHandle, looked_at: Option<&Path>) -> tauri::Result<()> {
    let Some(mut config) = app.config().app.windows.first().cloned() else { return Ok(()) };
    if let Some(path) = looked_at {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        config.title = format!("{name} – Sextant, nothing is kept");
    }
    WebviewWindowBuilder::from_config(app, &config)?
        .theme(Some(tauri::Theme::Dark))
        .on_navigation(|url| url.scheme() == "tauri")
        .build()?;
    Ok(())
}

/// Says why the program can't start, in the terminal and in a dialog, and ends it.
fn refuse(app: &AppHandle, why: &str) {
    eprintln!("error: {why}");
    let handle = app.clone();
    app.dialog().message(why).title("Sextant can't start").kind(MessageDialogKind::Error).show(move |_| handle.exit(1));
}

async fn stop_on_signal(app: AppHandle, mut term: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    app.exit(0);
}

/// Quitting waits until what arrived is answered and sealed.
fn on_event(app: &AppHandle, event: RunEvent, phase: &Arc<AtomicU8>) {
    match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. }
            if phase.load(Ordering::SeqCst) != DRAINED =>
        {
            api.prevent_close();
            app.exit(0);
        }
        RunEvent::WindowEvent { event: WindowEvent::DragDrop(tauri::DragDropEvent::Drop { paths, .. }), .. } => {
            files::follow(app, paths);
        }
        RunEvent::ExitRequested { code, api, .. } if phase.load(Ordering::SeqCst) != DRAINED => {
            api.prevent_exit();
            if phase.swap(DRAINING, Ordering::SeqCst) == RUNNING {
                let (app, phase) = (app.clone(), phase.clone());
                tauri::async_runtime::spawn(async move {
                    app.state::<Shell>().close().await;
                    phase.store(DRAINED, Ordering::SeqCst);
                    app.exit(code.unwrap_or(0));
                });
            }
        }
        _ => {}
    }
}
