//! Where Postgres and Redis are: those that a command started for every house, or some of one's own that may be broken.

use std::process::{Command as BlockingCommand, Stdio};

use tokio::process::Command;
use url::Url;

use crate::trouble::{Story, Trouble, ensure};

/// What starts and restarts servers. A test or a chaos runs beside the checkout that it was built from.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/servers");

/// Addresses that would be used instead of private servers.
const GIVEN: [&str; 3] = ["DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"];

/// The addresses that a house is built on.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Postgres as the serving role.
    pub serving: Url,
    /// Postgres as the role that owns the tables and may make databases.
    pub owner: Url,
    /// Redis.
    pub redis: Url,
}

impl Servers {
    /// Reads the three addresses that `ops/test` and `ops/demo` give.
    pub fn given() -> Story<Self> {
        Self::from(|name| {
            #[expect(
                clippy::disallowed_methods,
                reason = "where the servers are is said by the command that started them"
            )]
            let value = std::env::var(name);
            value.map_err(|_| Trouble::new(format!("{name} is not set; run ./ops/test")))
        })
    }

    fn from(value: impl Fn(&str) -> Story<String>) -> Story<Self> {
        // An address may hold a password: it is not repeated.
        let address =
            |name: &str| Url::parse(&value(name)?).map_err(|_| Trouble::new(format!("{name} is not an address")));
        Ok(Self {
            serving: address("DATABASE_URL")?,
            owner: address("MIGRATE_DATABASE_URL")?,
            redis: address("REDIS_URL")?,
        })
    }
}

/// A server that can be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// As `pg_ctl restart -m immediate` does it: what was committed is recovered.
    Postgres,
    /// By `kill -9`: it comes back empty.
    Redis,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

/// Servers of this process alone, which may be broken. They are stopped and deleted when this is dropped, which must be
/// after every house on them; what a killed process left is cleared away by the next start.
#[derive(Debug)]
pub struct PrivateServers(Servers);

impl PrivateServers {
    /// Starts both, whatever addresses the environment gives.
    pub async fn start() -> Story<Self> {
        let printed = call(&["start", &own_id()]).await?;
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            let value = line.map(|value| value.trim_matches('\'').to_owned());
            value.ok_or_else(|| Trouble::new(format!("ops/servers does not say {name}")))
        };
        Ok(Self(Servers::from(value)?))
    }

    /// Where they are, before and after every restart.
    pub fn addresses(&self) -> &Servers {
        &self.0
    }

    /// Ends one as a crash does and starts it again on its port so many seconds later; answers when it takes connections.
    pub async fn restart(&self, server: Server, away_seconds: u32) -> Story {
        call(&["restart", &own_id(), server.name(), &away_seconds.to_string()]).await.map(drop)
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        let stopped = BlockingCommand::new(SCRIPT).args(["stop", &own_id()]).stdin(Stdio::null()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("private servers are left behind; ops/servers stop {} ends them", own_id());
        }
    }
}

fn own_id() -> String {
    std::process::id().to_string()
}

async fn call(arguments: &[&str]) -> Story<String> {
    let mut command = Command::new(SCRIPT);
    for name in GIVEN {
        command.env_remove(name);
    }
    let done = command.args(arguments).stdin(Stdio::null()).output().await?;
    let words = String::from_utf8_lossy(&done.stderr);
    ensure(done.status.success(), format_args!("ops/servers {} failed: {words}", arguments.join(" ")))?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
