//! What the token endpoint grants (RFC 6749, section 5.1).
//!
//! A token answer is never thrown away: the old refresh token may be dead already. So every field but the access token is
//! read as far as it can be, and one that cannot be read counts as left out.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse, basic::BasicTokenType};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{error::ProviderError, number::whole};

/// The longest lifetime taken from a provider: 30 days. Google's are about an hour. A token that claims to live longer
/// would keep us from refreshing, and Google drops refresh tokens that lie unused for six months
/// (<https://developers.google.com/identity/protocols/oauth2#expiration>).
pub const EXPIRES_IN_LIMIT: TimeDelta = TimeDelta::days(30);

/// The most scopes taken from an answer, and the longest. Google's are some ten, none longer than a hundred characters; they
/// are stored with every event that names them.
const SCOPES_LIMIT: usize = 100;
const SCOPE_LENGTH_LIMIT: usize = 256;

/// What the token endpoint granted. Cannot be printed: its secrets are redacted.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// What API calls carry.
    pub access_token: SecretString,
    /// What the next refresh takes. `None`: keep the one you have (RFC 6749, section 6); after an exchange: there is no
    /// offline access.
    pub refresh_token: Option<SecretString>,
    /// How long the access token lives, counted from the answer; more than zero and at most [`EXPIRES_IN_LIMIT`]. `None`:
    /// the provider did not say, or said zero or less.
    pub expires_in: Option<TimeDelta>,
    /// The scopes granted, in the provider's names, as far as they are scopes at all (RFC 6749, section 3.3). `None`:
    /// exactly those asked for.
    pub scopes: Option<BTreeSet<String>>,
    /// The ID token, unverified: see [`crate::Client::verify_id_token`].
    pub id_token: Option<SecretString>,
}

/// The answer as oauth2 hands it over, not yet checked for an access token.
#[derive(Debug, Deserialize, Serialize)]
#[serde(from = "Value")]
pub(crate) struct WireAnswer {
    access_token: AccessToken,
    refresh_token: Option<RefreshToken>,
    id_token: Option<RefreshToken>, // redacted when printed, unlike oauth2's other strings
    expires_in: Option<u64>,
    scopes: Option<Vec<Scope>>,
    token_type: BasicTokenType,
}

impl From<Value> for WireAnswer {
    fn from(answer: Value) -> Self {
        let text =
            |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let scopes = match answer.get("scope") {
            Some(Value::String(list)) => Some(scopes(list.split_whitespace())),
            Some(Value::Array(list)) => Some(scopes(list.iter().filter_map(Value::as_str))),
            _ => None,
        };
        Self {
            access_token: AccessToken::new(text("access_token").unwrap_or_default()),
            refresh_token: text("refresh_token").map(RefreshToken::new),
            id_token: text("id_token").map(RefreshToken::new),
            expires_in: answer.get("expires_in").and_then(whole).and_then(|seconds| u64::try_from(seconds).ok()),
            scopes,
            token_type: BasicTokenType::Bearer,
        }
    }
}

impl TryFrom<WireAnswer> for TokenAnswer {
    type Error = ProviderError;

    fn try_from(answer: WireAnswer) -> Result<Self, ProviderError> {
        if answer.access_token.secret().is_empty() {
            return Err(ProviderError::MissingAccessToken);
        }
        Ok(Self {
            access_token: answer.access_token.into_secret().into(),
            refresh_token: answer.refresh_token.map(|token| token.into_secret().into()),
            expires_in: answer.expires_in.filter(|seconds| *seconds > 0).map(bounded),
            scopes: answer.scopes.map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
            id_token: answer.id_token.map(|token| token.into_secret().into()),
        })
    }
}

fn scopes<'a>(tokens: impl Iterator<Item = &'a str>) -> Vec<Scope> {
    tokens.filter(|token| is_scope(token)).take(SCOPES_LIMIT).map(|token| Scope::new(token.to_owned())).collect()
}

/// A scope token of RFC 6749, section 3.3: printable ASCII without space, quotation mark and backslash.
fn is_scope(token: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (1..=SCOPE_LENGTH_LIMIT).contains(&token.len()) && token.bytes().all(is_allowed)
}

fn bounded(seconds: u64) -> TimeDelta {
    i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or(EXPIRES_IN_LIMIT).min(EXPIRES_IN_LIMIT)
}

impl TokenResponse for WireAnswer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn read(answer: Value) -> Result<TokenAnswer, ProviderError> {
        TokenAnswer::try_from(WireAnswer::from(answer))
    }

    #[test]
    fn an_answer_without_an_access_token_is_its_own_error() {
        for answer in [json!({}), json!({"access_token": ""}), json!({"access_token": 7}), json!([]), json!(null)] {
            assert_eq!(read(answer).unwrap_err(), ProviderError::MissingAccessToken);
        }
    }

    #[test]
    fn what_cannot_be_read_counts_as_left_out_and_the_token_is_kept() {
        let answer = read(json!({
            "access_token": "a", "refresh_token": 1, "expires_in": "soon", "scope": 3, "id_token": null, "extra": {}
        }))
        .unwrap();
        assert_eq!(answer.access_token.expose_secret(), "a");
        assert!(answer.refresh_token.is_none() && answer.expires_in.is_none());
        assert!(answer.scopes.is_none() && answer.id_token.is_none());
    }

    #[test]
    fn a_lifetime_is_kept_within_reason() {
        let lifetime = |value: Value| read(json!({"access_token": "a", "expires_in": value})).unwrap().expires_in;
        assert_eq!(lifetime(json!(3599)), Some(TimeDelta::seconds(3599)));
        assert_eq!(lifetime(json!("3599")), Some(TimeDelta::seconds(3599)));
        assert_eq!(lifetime(json!(0)), None);
        assert_eq!(lifetime(json!(-5)), None);
        assert_eq!(lifetime(json!(i64::MAX)), Some(EXPIRES_IN_LIMIT));
    }

    #[test]
    fn scopes_left_out_are_not_scopes_refused() {
        let scopes = |value: Value| read(json!({"access_token": "a", "scope": value})).unwrap().scopes;
        assert_eq!(read(json!({"access_token": "a"})).unwrap().scopes, None);
        assert_eq!(scopes(json!("")), Some(BTreeSet::new()));
        assert_eq!(scopes(json!("b  a b")), Some(["a".to_owned(), "b".to_owned()].into()));
        assert_eq!(scopes(json!(["a"])), Some(["a".to_owned()].into()));
    }

    #[test]
    fn what_is_no_scope_is_left_out_and_there_are_not_more_than_anybody_needs() {
        let scopes = |value: Value| read(json!({"access_token": "a", "scope": value})).unwrap().scopes.unwrap();
        let long = "x".repeat(SCOPE_LENGTH_LIMIT + 1);
        let kept = ["https://mail.google.com/".to_owned(), "x".repeat(SCOPE_LENGTH_LIMIT)];
        let given = [kept[0].as_str(), "a\0b", "\u{7f}", "\"", "\\", "ü", "", &long, &kept[1]];
        assert_eq!(scopes(json!(given)), kept.clone().into());
        assert_eq!(scopes(json!(given.join(" "))), kept.into());
        let many: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        assert_eq!(scopes(json!(many)).len(), SCOPES_LIMIT);
    }
}
