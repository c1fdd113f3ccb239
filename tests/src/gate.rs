//! A gate between Bellhop and a server: shut, the server is gone for this house and for nobody else.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use crate::trouble::{Story, Trouble};

/// Passes connections on while it is open.
pub struct Gate {
    address: Url,
    is_open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// An open gate in front of this server.
    pub async fn before(server: &Url, default_port: u16) -> Story<Self> {
        let host = server.host_str().ok_or_else(|| Trouble::new("a server without a host"))?.to_owned();
        let port = server.port().unwrap_or(default_port);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut address = server.clone();
        address.set_host(Some("127.0.0.1"))?;
        let own_port = listener.local_addr()?.port();
        address.set_port(Some(own_port)).map_err(|()| Trouble::new("a server whose port cannot be set"))?;
        let is_open = Arc::new(watch::Sender::new(true));
        let state = is_open.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A shut gate closes at once what comes in.
                if *state.borrow() {
                    tokio::spawn(pass(connection, (host.clone(), port), state.subscribe()));
                }
            }
        });
        Ok(Self { address, is_open })
    }

    /// The server's address, through the gate.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Cuts every connection and lets no new one through.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(mut connection: TcpStream, server: (String, u16), mut state: watch::Receiver<bool>) {
    let Ok(mut onward) = TcpStream::connect(server).await else { return };
    let _ = connection.set_nodelay(true);
    let _ = onward.set_nodelay(true);
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut connection, &mut onward) => {}
        _ = state.wait_for(|is_open| !is_open) => {}
    }
}
