//! The desktop program: the page of `ui/` in a system webview. It is in process with the store when it holds the data
//! directory, and a client of the running instance when another process does.

mod doors;
mod files;
mod menu;
mod shell;

use clap::Parser;
use sextant_contract::Event;
use sextant_server::{Holder, HostArgs, data_dir};
use shell::Shell;
use std::io::Write as _;
use std::path::PathBuf;
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
    /// Files to take in
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
    match run(Args::parse()) {
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
    let shell = Shell::default();
    let phase = Arc::new(AtomicU8::new(RUNNING));
    let name = shell::bus_name(&dir);
    let (host, files) = (args.host, args.files);
    let app = tauri::Builder::default()
        .plugin(
            tauri_plugin_single_instance::Builder::new()
                .dbus_id(name)
                .callback(|app, argv, cwd| {
                    shell::show(app);
                    let paths = Args::try_parse_from(argv).map(|a| a.files).unwrap_or_default();
                    files::take_in(app, paths.into_iter().map(|p| PathBuf::from(&cwd).join(p)).collect());
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
            match tauri::async_runtime::block_on(Holder::open(dir, host)) {
                Ok(holder) => {
                    say(&holder)?;
                    app.state::<Shell>().hold(holder);
                    window(app.handle())?;
                    files::take_in(app.handle(), files);
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
    }
    out.flush()
}

fn window(app: &AppHandle) -> tauri::Result<()> {
    let Some(config) = app.config().app.windows.first().cloned() else { return Ok(()) };
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
            files::take_in(app, paths);
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
