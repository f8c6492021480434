//! What differs between a page and a window: running futures, and the clock.

use eframe::egui::DroppedFileHandle;
use std::future::Future;
use std::path::Path;
#[cfg(not(target_arch = "wasm32"))]
use std::path::PathBuf;

/// The bytes of a file that was dropped on the screens.
#[cfg(target_arch = "wasm32")]
pub(crate) async fn read(file: &DroppedFileHandle) -> Result<Vec<u8>, String> {
    file.bytes_async().await
}

/// The bytes of a file that was dropped on the screens.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn read(file: &DroppedFileHandle) -> std::future::Ready<Result<Vec<u8>, String>> {
    std::future::ready(file.bytes())
}

/// Runs a future to its end in the background.
#[cfg(target_arch = "wasm32")]
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(future);
}

/// Runs a future to its end in the background.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let run = move || {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut future = Box::pin(future);
        while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            std::thread::park();
        }
    };
    std::thread::Builder::new().name("sextant-ask".into()).spawn(run).ok();
}

/// Where a file of this name goes; nothing where the other side and the browser see to it.
#[cfg(target_arch = "wasm32")]
pub(crate) fn place_for(_folder: Option<&Path>, name: &str) -> Option<String> {
    (!is_browser()).then(|| name.to_owned())
}

/// Where a file of this name goes: among the downloads, or else at home, beside what is there already.
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::unnecessary_wraps, reason = "a page has no say in where its files go")]
pub(crate) fn place_for(folder: Option<&Path>, name: &str) -> Option<String> {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    let downloads = std::env::var_os("XDG_DOWNLOAD_DIR").map_or_else(|| home.join("Downloads"), PathBuf::from);
    let usual = if downloads.is_dir() { downloads } else { home };
    let folder = folder.map_or(usual, Path::to_owned);
    let (stem, rest) = name.split_once('.').unwrap_or((name, ""));
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{stem}-{n}.{rest}")));
    let free = names.map(|n| folder.join(n)).find(|p| !p.exists());
    free.map(|p| p.to_string_lossy().into_owned())
}

/// Whether this is a page in a browser, and not in the desktop program.
#[cfg(target_arch = "wasm32")]
pub(crate) fn is_browser() -> bool {
    crate::web::is_browser()
}

/// Whether this is a page in a browser, and not in the desktop program.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn is_browser() -> bool {
    false
}

/// Has the browser fetch a file that an export made.
#[cfg(target_arch = "wasm32")]
pub(crate) fn fetch_file(name: &str) {
    if is_browser() {
        crate::web::fetch_file(name);
    }
}

/// Has the browser fetch a file that an export made; elsewhere it lies where it belongs.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn fetch_file(_name: &str) {}

/// Nanoseconds since 1970.
#[cfg(target_arch = "wasm32")]
pub(crate) fn now() -> i64 {
    (js_sys::Date::now() * 1e6) as i64
}

/// Nanoseconds since 1970.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}
