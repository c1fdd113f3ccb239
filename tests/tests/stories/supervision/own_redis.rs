//! A Redis of a story's own, which may be killed, stopped and filled without troubling any other house.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bellhop_tests::{House, Plan, Story, Trouble, ensure, free_port, until};
use redis::aio::MultiplexedConnection;

/// A Redis on a port of its own. Dropping it ends it.
pub struct OwnRedis {
    port: u16,
    folder: PathBuf,
    running: Option<Child>,
}

impl OwnRedis {
    /// One that does not run yet.
    pub fn planned() -> Story<Self> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("bellhop-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { port, folder, running: None })
    }

    /// One that runs, and a house that uses it.
    pub async fn with(plan: Plan) -> Story<(Self, House)> {
        let mut redis = Self::planned()?;
        redis.start().await?;
        let house = plan.set("REDIS_URL", &redis.address()).open().await?;
        Ok((redis, house))
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, empty.
    pub async fn start(&mut self) -> Story {
        let port = self.port.to_string();
        let settings = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
        let started = Command::new("redis-server")
            .args(settings)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.running = Some(started);
        until("the story's own Redis to answer", async || Ok(self.ask::<String>(&["PING"]).await.is_ok().then_some(())))
            .await
    }

    /// Ends it at once; what it held is gone.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }

    /// Sends it a signal by its name: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Story {
        let running = self.running.as_ref().ok_or_else(|| Trouble::new("no Redis runs"))?;
        let sent = Command::new("kill").arg(format!("-{name}")).arg(running.id().to_string()).status()?;
        ensure(sent.success(), format_args!("SIG{name} could not be sent"))
    }

    /// Asks it something.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> Story<T> {
        let (name, arguments) = command.split_first().ok_or_else(|| Trouble::new("an empty command"))?;
        Ok(redis::cmd(name).arg(arguments).query_async(&mut self.connection().await?).await?)
    }

    async fn connection(&self) -> Story<MultiplexedConnection> {
        bellhop_tests::patient_redis(&self.address()).await
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
