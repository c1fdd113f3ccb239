//! How each thing is broken, and for how long the record says that it was.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::blows::{Blow, Outside, Process, STOPPED_SECONDS};
use super::schedule::Schedule;
use super::stage::{PACE, Stage};
use crate::invariants::FaultKind;
use crate::servers::Server;
use crate::trouble::{Story, Trouble};
use crate::wait::until;

/// How long a command may take that breaks something.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon a command is tried again that a server could not take because it was being broken otherwise.
const TRY_AGAIN: Duration = Duration::from_millis(200);

impl Stage<'_> {
    /// Carries a schedule out. Every blow is over when this ends.
    pub async fn storm(&self, schedule: &Schedule) -> Story {
        let began = Instant::now();
        let mut under_way = FuturesUnordered::new();
        for (number, step) in (1..).zip(&schedule.steps) {
            let falls = sleep_until(began + step.at);
            tokio::pin!(falls);
            loop {
                tokio::select! {
                    () = &mut falls => break,
                    Some(done) = under_way.next() => done?,
                }
            }
            println!("  {:>5.1} s  {:>3}/{}  {}", step.at.as_secs_f64(), number, schedule.steps.len(), step.blow);
            under_way.push(self.strike(step.blow));
        }
        while let Some(done) = under_way.next().await {
            done?;
        }
        Ok(())
    }

    async fn strike(&self, blow: Blow) -> Story {
        match blow {
            Blow::Kill(process) => self.kill(process).await,
            Blow::Stop { process, leases } => self.halt(process, leases).await,
            Blow::FlushRedis => self.flush().await,
            Blow::PauseRedis { seconds } => self.pause(seconds).await,
            Blow::RestartRedis { away_seconds } => {
                self.restart(Server::Redis, FaultKind::RedisRestarted, "redis", away_seconds).await
            }
            Blow::RestartPostgres { away_seconds } => {
                self.restart(Server::Postgres, FaultKind::PostgresRestarted, "postgres", away_seconds).await
            }
            Blow::Outside { path, what, one_in, seconds } => self.trouble_outside(path, what, one_in, seconds).await,
        }
    }

    /// SIGSTOP, and SIGCONT unless the process was killed meanwhile.
    async fn halt(&self, process: Process, gives_jobs_away: bool) -> Story {
        let from = self.now()?;
        let life = self.crew().life(process);
        self.crew().signal(process, life, "STOP")?;
        let half = Duration::from_secs(STOPPED_SECONDS) / 2;
        self.pass(half, process, life).await;
        if gives_jobs_away {
            self.let_every_lease_run_out().await?;
        }
        self.pass(half, process, life).await;
        self.crew().signal(process, life, "CONT")?;
        self.broke(FaultKind::Stopped, process.name(), from)
    }

    /// Waits so long, or until this life of a process is over.
    async fn pass(&self, pause: Duration, process: Process, life: u32) {
        let until = Instant::now() + pause;
        while Instant::now() < until && self.crew().life(process) == life {
            sleep(TRY_AGAIN.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Lets the lease of every run end, as happens by itself in a longer stop. Rows that the stopped process holds in the
    /// middle of a transaction are left alone: nobody could wait for them. Leases of refreshes stay: that they outlast a
    /// call to the provider is what the provider's time limit is for, and no fault of ours may undo it.
    async fn let_every_lease_run_out(&self) -> Story {
        let sql = "update jobs set leased_until = now() - interval '1 second'
                   where id in (select id from jobs where lease is not null for update skip locked)";
        until("leases to be ended", async || {
            sleep(TRY_AGAIN).await;
            let given_away = timeout(PATIENCE, self.house.database.tamper(sql)).await;
            Ok(given_away.ok().and_then(Result::ok))
        })
        .await?;
        Ok(())
    }

    async fn flush(&self) -> Story {
        let from = self.now()?;
        self.tell_redis(&["FLUSHALL"]).await?;
        self.broke(FaultKind::RedisFlushed, "redis", from)
    }

    async fn pause(&self, seconds: u32) -> Story {
        let from = self.now()?;
        self.tell_redis(&["CLIENT", "PAUSE", &(seconds * 1000).to_string(), "ALL"]).await?;
        sleep(Duration::from_secs(seconds.into())).await;
        self.broke(FaultKind::RedisPaused, "redis", from)
    }

    /// A command, as soon as Redis takes one.
    async fn tell_redis(&self, command: &[&str]) -> Story {
        let (name, arguments) = command.split_first().ok_or_else(|| Trouble::new("no command"))?;
        until("Redis to take a command", async || {
            sleep(TRY_AGAIN).await;
            let told = timeout(PATIENCE, async {
                let Some(mut redis) = self.house.redis().await? else { return Ok(()) };
                redis::cmd(name).arg(arguments).query_async::<()>(&mut redis).await?;
                Story::Ok(())
            });
            Ok(told.await.ok().and_then(Result::ok))
        })
        .await
    }

    /// One server at a time, so that no restart meets another.
    async fn restart(&self, server: Server, kind: FaultKind, target: &str, away_seconds: u32) -> Story {
        let _turn = self.server_turn.lock().await;
        let from = self.now()?;
        self.servers.restart(server, away_seconds).await?;
        self.broke(kind, target, from)
    }

    async fn trouble_outside(&self, path: &str, what: Outside, one_in: u32, seconds: u32) -> Story {
        let from = self.now()?;
        let seconds = seconds * PACE;
        let mut fault = json!({ "path": path, "one_in": one_in, "seconds": seconds });
        let (kind, longer) = match what {
            Outside::Status(status) => {
                fault["status"] = status.into();
                (FaultKind::Unavailable, 0)
            }
            Outside::Refuse => {
                fault["status"] = 400.into();
                fault["body"] = refusal().to_string().into();
                (FaultKind::Unavailable, 0)
            }
            Outside::SlowDown(retry_after) => {
                fault["status"] = 429.into();
                fault["retry_after"] = retry_after.map_or(Value::Null, Value::from);
                (FaultKind::SlowDown, 0)
            }
            Outside::Delay(milliseconds) => {
                fault["delay_ms"] = milliseconds.into();
                (FaultKind::Delayed, milliseconds)
            }
            Outside::Drop => {
                fault["drop"] = true.into();
                (FaultKind::Dropped, 0)
            }
            Outside::LoseAnswer => {
                fault["lose_answer"] = true.into();
                (FaultKind::AnswerLost, 0)
            }
        };
        self.house.sandbox.fault(fault).await?;
        self.wait_for(from.app + TimeDelta::seconds(seconds.into())).await?;
        // The last call that was hit is still on its way.
        sleep(Duration::from_millis(longer.into())).await;
        self.broke(kind, path, from)
    }

    /// Waits until the house's clock shows this.
    async fn wait_for(&self, moment: DateTime<Utc>) -> Story {
        while self.now()?.app < moment {
            sleep(TRY_AGAIN).await;
        }
        Ok(())
    }
}

/// A refusal in Google's shape that repeating cannot mend; the demonstration meets the same.
fn refusal() -> Value {
    let message = "Precondition check failed.";
    let error = json!({ "reason": "failedPrecondition", "message": message, "domain": "global" });
    json!({ "error": { "code": 400, "message": message, "status": "FAILED_PRECONDITION", "errors": [error] } })
}
