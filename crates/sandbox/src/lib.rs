//! A stand-in Google and Telegram in one process, for demos and tests.
//!
//! Written from the vendors' public documents and sharing no code with the programs it is used against: a mistake made
//! there must not be made here again. Each strictness rule names its source where it is enforced and has a test that sends the
//! wrong request. State lives in memory; nothing is kept.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let sandbox = bellhop_sandbox::start(bellhop_sandbox::Settings {
//!     listen: ([127, 0, 0, 1], 0).into(),
//!     ..Default::default()
//! })
//! .await?;
//! println!("everything is at {}", sandbox.origin());
//! # Ok(())
//! # }
//! ```

mod answer;
mod chat_page;
mod clock;
mod connections;
mod control;
mod door;
mod faults;
mod fields;
mod google;
mod ledger;
mod secrets;
mod settings;
mod telegram;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use poem::Server;
use tokio::{net::TcpListener, task::JoinHandle};

pub use settings::Settings;

/// What every handler is given.
pub(crate) struct Sandbox {
    pub(crate) origin: String,
    pub(crate) clock: clock::Clock,
    pub(crate) connections: connections::Connections,
    /// Rings whenever somebody who waits for updates should look again.
    pub(crate) updates_bell: tokio::sync::Notify,
    state: Mutex<State>,
}

/// Everything that changes, behind one lock that is never held across an await.
pub(crate) struct State {
    pub(crate) google: google::Google,
    pub(crate) telegram: telegram::Telegram,
    pub(crate) faults: faults::Faults,
    pub(crate) ledger: ledger::Ledger,
    pub(crate) secrets: secrets::Secrets,
}

impl Sandbox {
    /// A handler that panicked must not take the others with it: the lock is taken over as it was left.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sandbox that serves; dropping it stops it.
pub struct Running {
    origin: String,
    connections: connections::Connections,
    server: JoinHandle<io::Result<()>>,
    deliveries: JoinHandle<()>,
}

impl Running {
    /// `http://` and the address it listens on, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns when the server ends, which it does only on failure.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.server).await.map_err(io::Error::other)?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
        self.deliveries.abort();
        // Kept connections have tasks of their own; they must fall silent too.
        self.connections.sever_all();
    }
}

/// Binds the address and serves in the background.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let listener = TcpListener::bind(settings.listen).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let clock = clock::Clock::new(settings.clock_offset_file.clone());
    let now = clock.now();
    let connections = connections::Connections::default();
    let state = State {
        google: google::Google::new(&settings, &origin, now),
        telegram: telegram::Telegram::new(&settings, now),
        faults: faults::Faults::default(),
        ledger: ledger::Ledger::default(),
        secrets: secrets::Secrets::default(),
    };
    let sandbox = Arc::new(Sandbox {
        origin: origin.clone(),
        clock,
        connections: connections.clone(),
        updates_bell: tokio::sync::Notify::new(),
        state: Mutex::new(state),
    });
    let server = Server::new_with_acceptor(connections::SeverableAcceptor::new(listener, connections.clone()));
    let deliveries = tokio::spawn(telegram::delivery::deliver_updates(Arc::clone(&sandbox)));
    let server = tokio::spawn(server.run(door::routes(sandbox)));
    Ok(Running { origin, connections, server, deliveries })
}
