//! Programs of windows on a screen that nobody sees.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A child that is stopped by pid when it goes away.
pub struct Stopped(pub Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A virtual screen.
pub struct Screen {
    /// What `DISPLAY` is on it.
    pub display: String,
    _process: Stopped,
}

impl Screen {
    /// Starts one.
    pub fn start() -> Self {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"])
            .stdout(writer)
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut number = String::new();
        let mut byte = [0];
        while std::io::Read::read(&mut reader, &mut byte).expect("Xvfb says its number") > 0 && byte[0] != b'\n' {
            number.push(byte[0] as char);
        }
        Self { display: format!(":{number}"), _process: Stopped(child) }
    }

    /// Starts a program apart from the machine's own screen, settings and bus.
    pub fn spawn(&self, command: &mut Command, home: &Path) -> Stopped {
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(name, home);
        }
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env("NO_AT_BRIDGE", "1")
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Stopped(command.spawn().expect("the program starts"))
    }
}

/// Asks until there is an answer; a minute without one fails.
pub fn wait<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = get() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}
