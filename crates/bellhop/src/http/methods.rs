//! Which methods each address takes, said with every 405, as HTTP asks (RFC 9110, section 15.5.6).
//!
//! The API's come from its own documentation, so that they cannot drift; the pages' are given beside their routes.

use poem::http::header::ALLOW;
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Endpoint, Request, Response};
use serde_json::Value;

use super::guard::takes_no_head;

/// The methods of every address.
#[derive(Debug, Default)]
pub struct Methods(Vec<(String, Vec<Method>)>);

impl Methods {
    /// Those that an OpenAPI document names.
    pub fn documented(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(paths.map(|(path, operations)| (path.clone(), methods_of(operations))).collect())
    }

    /// With those of a page. A part of its path that begins with a colon stands for any.
    #[must_use]
    pub fn and(mut self, path: &str, methods: &[Method]) -> Self {
        self.0.push((path.to_owned(), methods.to_vec()));
        self
    }

    /// The value of `Allow` at this path; none where nothing is known of it.
    fn at(&self, path: &str) -> Option<HeaderValue> {
        // A path without variables comes before one with.
        let exact = self.0.iter().find(|(pattern, _)| pattern == path);
        let (_, methods) = exact.or_else(|| self.0.iter().find(|(pattern, _)| is_like(pattern, path)))?;
        let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        if methods.contains(&Method::GET) && !takes_no_head(path) {
            names.push("HEAD");
        }
        names.join(", ").parse().ok()
    }
}

fn methods_of(operations: &Value) -> Vec<Method> {
    let names = operations.as_object().into_iter().flatten().map(|(name, _)| name.to_ascii_uppercase());
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    names.filter_map(|name| known.iter().find(|method| method.as_str() == name).cloned()).collect()
}

fn is_like(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || wanted.starts_with([':', '{']) => {}
            _ => return false,
        }
    }
}

/// Routes that say with every 405 what they take.
pub struct Named<E> {
    /// The routes.
    pub routes: E,
    /// What they take.
    pub methods: Methods,
}

impl<E: Endpoint<Output = Response>> Endpoint for Named<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path().to_owned();
        let mut response = self.routes.call(request).await?;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Some(allowed) = self.methods.at(&path)
        {
            response.headers_mut().entry(ALLOW).or_insert(allowed);
        }
        Ok(response)
    }
}
