//! The light window: the same screens natively, with every widget known to screen readers. It is in process with the
//! store when it holds the data directory, and a client of the running instance when another process does.

use clap::Parser;
use eframe::egui::{Context, ViewportBuilder, ViewportCommand};
use eframe::{NativeOptions, run_native};
use sextant_server::{Holder, HostArgs, data_dir};
use sextant_ui::App;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

/// Sextant in a light window: receives telemetry, keeps it, and shows it.
#[derive(Debug, Parser)]
#[command(name = "sextant-window", version)]
struct Args {
    /// The data directory [default: the platform's, such as ~/.local/share/sextant]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
    /// Where to begin, such as '#/traces?q=error:true'
    #[arg(long, value_name = "ADDRESS", default_value = "#/")]
    open: String,
    /// In the light theme
    #[arg(long)]
    light: bool,
    /// Files or folders to look at without keeping anything
    #[arg(value_name = "PATH", conflicts_with = "data")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    // A template that somebody wrote is tried in a process of its own.
    if let Some(code) = sextant_reports::serve_if_asked() {
        return code;
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEXTANT_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (holder, name) = if args.files.is_empty() {
        (runtime.block_on(Holder::open(data_dir(args.data.as_ref())?, args.host))?, "Sextant".to_owned())
    } else {
        let name = args.files[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
        (runtime.block_on(Holder::look(&args.files, None))?, format!("{name} – Sextant, nothing is kept"))
    };
    let address = holder.address().map_or(args.open, str::to_owned);
    let backend = holder.backend();
    let signals = runtime.handle().clone();
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title(name.clone())
            .with_app_id("dev.sextant.window")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([640.0, 480.0]),
        ..NativeOptions::default()
    };
    let shown = run_native(
        "sextant",
        options,
        Box::new(move |cc| {
            let mut app = App::new(&cc.egui_ctx, Rc::new(backend));
            let ctx = cc.egui_ctx.clone();
            signals.spawn(close_on_signal(ctx));
            app.set_light(args.light);
            app.set_name(&name);
            app.open(&address);
            // Evidence is not mixed with what is received: it gets a window of its own.
            app.offer_files_to(|path| sextant_server::is_bundle(path) && look(path));
            Ok(Box::new(app))
        }),
    );
    runtime.block_on(holder.close());
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    shown.map_err(|e| anyhow::anyhow!("the window can't be opened: {e}"))
}

/// Looks at a bundle in a process of its own; whether that could be begun.
fn look(path: &Path) -> bool {
    let begun = std::env::current_exe().and_then(|program| {
        let mut window = std::process::Command::new(program).arg(path).spawn()?;
        // Nobody waits for it but the system.
        std::thread::Builder::new().name("sextant-looking".into()).spawn(move || window.wait())
    });
    begun.is_ok()
}

/// Asked to stop, it closes its window, after which everything is sealed.
async fn close_on_signal(ctx: Context) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    ctx.send_viewport_cmd(ViewportCommand::Close);
    ctx.request_repaint();
}
