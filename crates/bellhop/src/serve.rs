//! `bellhop serve`: the roles of one process, from the first check to the last job handed back.

use std::time::Duration;

use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::cli::failure::Failure;
use crate::{bot, http, work};

/// How long to wait between looks at a database that cannot be reached at the start.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How long the roles have to end after they were asked to. The worker takes longest: see `work/run.rs`.
const GRACE: Duration = Duration::from_secs(24);

/// A part of the program that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Pages, the API, health and metrics.
    Http,
    /// Puts due jobs on the belt and keeps house.
    Relay,
    /// Runs jobs.
    Worker,
    /// Listens to Telegram and answers.
    Bot,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Http, Self::Relay, Self::Worker, Self::Bot];
}

/// Runs these roles until the process is told to stop.
pub async fn run(app: App, roles: &[Role]) -> Result<(), Failure> {
    #[cfg(feature = "negative-controls")]
    crate::negative_control::switch_on_as_told()?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let mut running = JoinSet::new();
    // Health is answered, and strangers are refused, while the database is still away; nothing is read or written before it
    // has been looked at.
    app.store.hold_back();
    if roles.contains(&Role::Http) {
        running.spawn(http::run(app.clone(), stop.clone()));
    } else {
        running.spawn(http::run_health_only(app.clone(), stop.clone()));
    }
    match wait_for_database(&app, &stop).await {
        Ok(true) => app.store.let_through(),
        Ok(false) => return Ok(()),
        Err(failure) => {
            stop.cancel();
            return Err(failure);
        }
    }
    for role in roles.iter().filter(|role| **role != Role::Http) {
        let (app, stop) = (app.clone(), stop.clone());
        match role {
            Role::Http => continue,
            Role::Relay => running.spawn(work::relay::run(app, stop)),
            Role::Worker => running.spawn(work::worker::run(app, stop)),
            Role::Bot => running.spawn(bot::listen::run(app, stop)),
        };
    }
    tracing::info!(roles = ?roles, "serving");
    let ended = watch(&mut running, &stop).await;
    let _ = tokio::time::timeout(GRACE, async { while running.join_next().await.is_some() {} }).await;
    ended
}

/// Waits for the stop, or for a role that ends without having been asked to: then the whole process ends, so that
/// whatever supervises it can start it again.
async fn watch(running: &mut JoinSet<()>, stop: &CancellationToken) -> Result<(), Failure> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(_) = running.join_next() => {
            if stop.is_cancelled() {
                return Ok(());
            }
            stop.cancel();
            Err(Failure::new("a role ended unexpectedly; the log says why"))
        }
    }
}

/// Waits until the database can be reached and refuses to go on where it must not be served from. False: stopped.
async fn wait_for_database(app: &App, stop: &CancellationToken) -> Result<bool, Failure> {
    let mut complained = false;
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            looked = app.store.role_problem() => looked,
        };
        match looked {
            Ok(None) => return Ok(true),
            Ok(Some(problem)) => return Err(Failure::new(problem.to_string())),
            Err(error) => {
                if !complained {
                    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%error, cause, "waiting for the database; check DATABASE_URL if this lasts");
                    complained = true;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

fn stop_on_signal(stop: CancellationToken) -> Result<(), Failure> {
    let failed = |_| Failure::new("signals cannot be received");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}
