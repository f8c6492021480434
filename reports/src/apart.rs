//! A template that somebody wrote may run forever or take all memory: it is tried in a process of its own, with limits.

use crate::ReportError;
use crate::job::Job;
use crate::set::{Made, set};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What programs are started with to set a template, and nothing else.
const WORD: &str = "__set-template";
/// A template may take so long.
const TIME: Duration = Duration::from_secs(20);
/// And so much memory.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 1_500_000_000;

#[derive(Serialize, Deserialize)]
enum Said {
    Made { n_pages: usize },
    Template { file: String, line: usize, column: usize, message: String },
    Other(String),
}

/// Does the work of the process that [`set_apart`] starts; nothing if this is another. Programs that make reports call it
/// first of all.
pub fn serve_if_asked() -> Option<ExitCode> {
    if std::env::args_os().nth(1).is_none_or(|word| word != WORD) {
        return None;
    }
    limit();
    let result = Job::read(std::io::stdin().lock()).map_err(ReportError::from).and_then(|job| set(&job));
    let (said, bytes) = match result {
        Ok(Made { bytes, n_pages }) => (Said::Made { n_pages }, bytes),
        Err(ReportError::Template { file, line, column, message }) => {
            (Said::Template { file, line, column, message }, Vec::new())
        }
        Err(other) => (Said::Other(other.to_string()), Vec::new()),
    };
    let head = serde_json::to_vec(&said).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(&(head.len() as u32).to_le_bytes())
        .and_then(|()| out.write_all(&head))
        .and_then(|()| out.write_all(&bytes))
        .and_then(|()| out.flush());
    Some(if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(target_os = "linux")]
fn limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at_most = |n: u64| Rlimit { current: Some(n), maximum: Some(n) };
    // Without a limit the parent's clock still ends it.
    let _unlimited = setrlimit(Resource::Data, at_most(MEMORY));
    let _unlimited = setrlimit(Resource::Core, at_most(0));
}

#[cfg(not(target_os = "linux"))]
fn limit() {}

/// How it ended; nothing if it had to be ended.
fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let since = Instant::now();
    while since.elapsed() < TIME {
        if let Some(ended) = child.try_wait()? {
            return Ok(Some(ended));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Sets a job in a process of its own.
pub(crate) fn set_apart(job: &Job) -> Result<Made, ReportError> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(WORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (written, read, ended) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.map_or(Ok(()), |pipe| job.write(pipe)));
        let reader = scope.spawn(move || {
            let mut all = Vec::new();
            stdout.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut all)).map(|_| all)
        });
        let ended = wait(&mut child);
        (writer.join(), reader.join(), ended)
    });
    let Some(ended) = ended? else {
        return Err(ReportError::TooMuch(format!("{} seconds", TIME.as_secs())));
    };
    // Who gets no memory is ended by a signal.
    let broken = || match ended.code() {
        None => ReportError::TooMuch("the memory that it may have".into()),
        Some(_) => ReportError::Set(format!("the process that sets the template ended with {ended}")),
    };
    // One that breaks off reads no more than it had.
    let (Ok(_), Ok(all)) = (written, read) else { return Err(broken()) };
    let all = all?;
    let (length, rest) = all.split_first_chunk::<4>().ok_or_else(broken)?;
    let (head, bytes) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(broken)?;
    match serde_json::from_slice(head).ok().ok_or_else(broken)? {
        Said::Made { n_pages } => Ok(Made { bytes: bytes.to_vec(), n_pages }),
        Said::Template { file, line, column, message } => Err(ReportError::Template { file, line, column, message }),
        Said::Other(message) => Err(ReportError::Set(message)),
    }
}
