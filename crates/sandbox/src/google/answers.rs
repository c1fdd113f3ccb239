//! Faults inside token answers: what is left out, and what is wrong in it.
//!
//! A client that trusts its provider never meets these until the day it does. The answer is spoilt after the
//! work was done, so the ledger still tells what was issued.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How the next token answers are spoilt, as it is posted to `/sandbox/google/answers`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFault {
    /// Fields of the answer to leave out.
    #[serde(default)]
    pub omit: Vec<TokenField>,
    #[serde(default)]
    pub malformed: Option<Malformed>,
    /// Only answers to this grant type (`authorization_code`, `refresh_token`); any where left out.
    #[serde(default)]
    pub grant_type: Option<String>,
    /// How many answers it spoils; all until it is deleted where left out.
    #[serde(default)]
    pub times: Option<u32>,
}

/// A field of a successful token answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    AccessToken,
    RefreshToken,
    IdToken,
    Scope,
    ExpiresIn,
    TokenType,
}

impl TokenField {
    fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
            Self::IdToken => "id_token",
            Self::Scope => "scope",
            Self::ExpiresIn => "expires_in",
            Self::TokenType => "token_type",
        }
    }
}

/// A way in which an answer can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Malformed {
    /// 200 with a body that is no JSON.
    NotJson,
    /// 200 with the JSON cut in half.
    CutShort,
    WrongNonce,
    NoNonce,
    WrongAudience,
    WrongIssuer,
    WrongSubject,
    ExpiredIdToken,
    /// The ID token is no JWT at all.
    GarbledIdToken,
}

/// The faults still to come, oldest first.
#[derive(Debug, Default)]
pub struct AnswerFaults(Vec<AnswerFault>);

impl AnswerFaults {
    pub fn add(&mut self, fault: AnswerFault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn pending(&self) -> &[AnswerFault] {
        &self.0
    }

    pub fn take(&mut self, grant_type: &str) -> AnswerFault {
        let found = self
            .0
            .iter_mut()
            .find(|fault| fault.times != Some(0) && fault.grant_type.as_deref().is_none_or(|only| only == grant_type));
        let fault = found.map_or_else(AnswerFault::default, |fault| {
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            fault.clone()
        });
        self.0.retain(|fault| fault.times != Some(0));
        fault
    }
}

impl AnswerFault {
    pub fn spoil_claims(&self, claims: &mut Map<String, Value>, now: DateTime<Utc>) {
        match self.malformed {
            Some(Malformed::WrongNonce) => {
                claims.insert("nonce".into(), "sandbox-wrong-nonce".into());
            }
            Some(Malformed::NoNonce) => {
                claims.remove("nonce");
            }
            Some(Malformed::WrongAudience) => {
                claims.insert("aud".into(), "sandbox-other-client".into());
            }
            Some(Malformed::WrongIssuer) => {
                claims.insert("iss".into(), "https://issuer.example".into());
            }
            Some(Malformed::WrongSubject) => {
                claims.insert("sub".into(), "100000000000000000099".into());
            }
            Some(Malformed::ExpiredIdToken) => {
                claims.insert("iat".into(), (now - TimeDelta::hours(2)).timestamp().into());
                claims.insert("exp".into(), (now - TimeDelta::hours(1)).timestamp().into());
            }
            Some(Malformed::NotJson | Malformed::CutShort | Malformed::GarbledIdToken) | None => {}
        }
    }

    /// The body as it goes out.
    pub fn spoil(&self, mut body: Map<String, Value>) -> String {
        for field in &self.omit {
            body.remove(field.name());
        }
        if self.malformed == Some(Malformed::GarbledIdToken) {
            body.insert("id_token".into(), "sandbox-garbled".into());
        }
        let text = Value::Object(body).to_string();
        match self.malformed {
            Some(Malformed::NotJson) => "<html><body>502 upstream</body></html>".to_owned(),
            Some(Malformed::CutShort) => text.chars().take(text.chars().count() / 2).collect(),
            _ => text,
        }
    }
}
