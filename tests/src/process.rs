//! The built programs as processes: started, listened to, and ended without fail.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::trouble::{Story, Trouble};
use crate::wait::until_within;

/// What a program is given as its environment.
pub type Environment = BTreeMap<String, String>;

/// Where the built programs are: beside the test's own, which cargo puts one folder further down.
pub fn program(name: &str) -> Story<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or_else(|| Trouble::new("a program without a folder"))?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(Trouble::new(format!("{} is not built; run ./ops/test, which builds it", program.display())))
    }
}

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it; what it prints goes to the end of this log. It gets no other environment than this.
    pub fn start(
        name: &str,
        arguments: &[String],
        environment: &Environment,
        folder: &Path,
        log: PathBuf,
    ) -> Story<Self> {
        let out = append_to(&log)?;
        let child = Command::new(program(name)?)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Story<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Story {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        if sent.success() { Ok(()) } else { Err(Trouble::new(format!("SIG{name} could not be sent"))) }
    }

    /// `kill -9`: it gets no chance to tidy up.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits for that.
    pub async fn stop(&mut self, patience: Duration) -> Story<ExitStatus> {
        self.signal("TERM")?;
        until_within(patience, "a program to end that was asked to", async || self.ended()).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A log that several runs of a program may add to.
pub fn append_to(log: &Path) -> Story<File> {
    Ok(OpenOptions::new().create(true).append(true).open(log)?)
}

/// A port that nobody listens on, below those that systems hand out by themselves, so that no passing connection takes
/// it before the program does.
pub fn free_port() -> Story<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 9_000).unwrap_or(0);
    for _ in 0..9_000 {
        let port = 10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Trouble::new("there is no free port"))
}
