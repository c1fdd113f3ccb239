//! What a story has seen and given out, kept for the canary scan at its end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by everybody who acts in one house.
#[derive(Debug, Clone, Default)]
pub struct Evidence(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    pages: Vec<(String, String)>,
    secrets: BTreeSet<String>,
}

impl Evidence {
    /// Keeps what Bellhop answered somebody.
    pub fn keep_page(&self, name: impl Into<String>, body: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.push((name.into(), body.into()));
    }

    /// Keeps something that must appear in no table, log or metric: a cookie, a link's token, a key.
    pub fn keep_secret(&self, secret: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).secrets.insert(secret.into());
    }

    /// What Bellhop answered, by name.
    pub fn pages(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.clone()
    }

    /// What must not appear.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).secrets.clone()
    }
}
