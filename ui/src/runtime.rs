//! What differs between a page and a window: running futures, and the clock.

use eframe::egui::DroppedFileHandle;
use std::future::Future;

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
