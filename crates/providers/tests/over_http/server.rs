//! A server that answers as it is told and remembers what it was asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bellhop_providers::{Client, Credentials, Timeouts, google};
use poem::{
    Endpoint, IntoResponse, Request, Response, Server,
    http::StatusCode,
    listener::{AcceptorExt, TcpAcceptor},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// One request as it arrived.
#[derive(Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
}

/// How a request is answered.
#[derive(Clone)]
pub struct Told {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

pub fn answer(status: u16, body: impl ToString) -> Told {
    Told { status, headers: Vec::new(), body: body.to_string() }
}

impl Told {
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

pub struct StandIn {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Recorder {
    told: Told,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Endpoint for Recorder {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_vec().await?;
        let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
        let headers = request.headers().iter();
        self.asked.lock().unwrap().push(Asked {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: pairs(request.uri().query().unwrap_or_default().as_bytes()),
            headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
            form: pairs(&body).into_iter().collect(),
        });
        let mut response =
            self.told.body.clone().with_status(StatusCode::from_u16(self.told.status).unwrap()).into_response();
        for (name, value) in &self.told.headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(response)
    }
}

impl StandIn {
    /// Answers everything in the same way.
    pub async fn telling(told: Told) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder { told, asked: asked.clone() };
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap().boxed();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(recorder));
        Self { address, asked }
    }

    pub fn client(&self) -> Client {
        client_of(self.address)
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The one thing it was asked.
    pub fn asked_once(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "asked more or less than once");
        asked[0].clone()
    }
}

/// What a connection does after the request has been read.
#[derive(Clone, Copy)]
pub enum Then {
    /// Sends these bytes and closes.
    Close(&'static str),
    /// Sends these bytes and stays silent.
    Hang(&'static str),
}

/// A server that breaks the protocol.
pub async fn broken(then: Then) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            // A small request arrives in one piece on loopback; what is left unread does not matter here.
            let _ = connection.read(&mut [0; 16 * 1024]).await;
            match then {
                Then::Close(bytes) => connection.write_all(bytes.as_bytes()).await.unwrap(),
                Then::Hang(bytes) => {
                    connection.write_all(bytes.as_bytes()).await.unwrap();
                    kept.push(connection);
                }
            }
        }
    });
    address
}

/// Google's description with every address under one origin.
pub fn client_of(address: SocketAddr) -> Client {
    client_at(&format!("http://{address}"), Timeouts::default())
}

/// One that gives up soon, for servers that never answer.
pub fn impatient_client_of(address: SocketAddr) -> Client {
    let soon = Duration::from_millis(300);
    let timeouts = Timeouts { total: soon, download: soon, ..Timeouts::default() };
    client_at(&format!("http://{address}"), timeouts)
}

pub fn client_at(base: &str, timeouts: Timeouts) -> Client {
    // Fails when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let credentials = Credentials { client_id: "our-client".into(), client_secret: "our-secret".into() };
    Client::new(google(Some(&base.parse().unwrap())).unwrap(), Some(credentials), timeouts).unwrap()
}
