//! Connections that can be cut on command.
//!
//! A fault of the kind "the answer never came" must look to the client like a closed socket, not like an
//! HTTP status. The server library always writes the head of an answer, so the cut happens underneath:
//! once severed, the socket refuses to write and the server drops it. Nothing about HTTP belongs here.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// The open connections, by the client's address.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Mutex<HashMap<SocketAddr, Arc<AtomicBool>>>>);

impl Connections {
    /// Lets nothing more be written to that client: its next answer becomes a closed connection.
    pub fn sever(&self, client: SocketAddr) {
        if let Some(severed) = self.entries().get(&client) {
            severed.store(true, Ordering::Release);
        }
    }

    /// Severs every open connection.
    pub fn sever_all(&self) {
        for severed in self.entries().values() {
            severed.store(true, Ordering::Release);
        }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, Arc<AtomicBool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts TCP connections and remembers them.
pub struct SeverableAcceptor {
    listener: TcpListener,
    connections: Connections,
}

impl SeverableAcceptor {
    pub fn new(listener: TcpListener, connections: Connections) -> Self {
        Self { listener, connections }
    }
}

impl Acceptor for SeverableAcceptor {
    type Io = SeverableStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener.local_addr().map(|address| LocalAddr(address.into())).into_iter().collect()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (inner, client) = self.listener.accept().await?;
        inner.set_nodelay(true)?;
        let local = LocalAddr(inner.local_addr()?.into());
        let severed = Arc::new(AtomicBool::new(false));
        self.connections.entries().insert(client, Arc::clone(&severed));
        let stream = SeverableStream { inner, severed, client, connections: self.connections.clone() };
        Ok((stream, local, RemoteAddr(client.into()), Scheme::HTTP))
    }
}

/// A TCP stream that fails once it is severed.
pub struct SeverableStream {
    inner: TcpStream,
    severed: Arc<AtomicBool>,
    client: SocketAddr,
    connections: Connections,
}

impl SeverableStream {
    fn check(&self) -> io::Result<()> {
        if self.severed.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Drop for SeverableStream {
    fn drop(&mut self) {
        self.connections.entries().remove(&self.client);
    }
}

impl AsyncRead for SeverableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for SeverableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
