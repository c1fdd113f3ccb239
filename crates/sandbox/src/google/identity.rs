//! Who somebody is: ID tokens and `/v1/userinfo`.
//!
//! <https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload>

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use poem::{Request, Response, handler, http::StatusCode, http::header, web::Data};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Account, Google, errors, scopes};
use crate::{
    Sandbox,
    answer::{self, Refused},
};

/// ID tokens live an hour, whatever the access token does.
const ID_TOKEN_SECONDS: i64 = 3600;

impl Account {
    /// Whether a `login_hint` means this account: its address or its `sub`.
    pub fn is_called(&self, hint: &str) -> bool {
        self.email.eq_ignore_ascii_case(hint) || self.sub == hint
    }

    /// The claims a set of scopes opens.
    fn describe(&self, granted: &BTreeSet<String>) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".into(), self.sub.clone().into());
        if granted.contains(scopes::EMAIL) {
            claims.insert("email".into(), self.email.clone().into());
            claims.insert("email_verified".into(), true.into());
        }
        if granted.contains(scopes::PROFILE) {
            let (given, family) = self.display_name.split_once(' ').unwrap_or((&self.display_name, ""));
            claims.insert("name".into(), self.display_name.clone().into());
            claims.insert("given_name".into(), given.into());
            claims.insert("family_name".into(), family.into());
        }
        claims
    }
}

pub fn claims(
    google: &Google,
    account: &Account,
    granted: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Map<String, Value> {
    let mut claims = account.describe(granted);
    claims.insert("iss".into(), google.issuer.clone().into());
    claims.insert("aud".into(), google.client_id.clone().into());
    claims.insert("azp".into(), google.client_id.clone().into());
    claims.insert("iat".into(), now.timestamp().into());
    claims.insert("exp".into(), (now + TimeDelta::seconds(ID_TOKEN_SECONDS)).timestamp().into());
    claims
}

/// A JWT in the shape of RS256 whose signature is only a digest: it cannot be verified against any key. A client that
/// takes it straight from the token endpoint need not check it (<https://openid.net/specs/openid-connect-core-1_0.html> section 3.1.3.7, point 6).
pub fn unsigned_jwt(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": "sandbox", "typ": "JWT" });
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(Sha256::digest(&signed));
    format!("{signed}.{signature}")
}

/// The token of `Authorization: Bearer …`; RFC 6750 section 2.1.
pub fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// <https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation>
#[handler]
pub fn userinfo(request: &Request, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let state = sandbox.state();
    let token = bearer(request).and_then(|token| state.google.live_access_token(token, now));
    let Some(token) = token else {
        let body = json!({ "error": "invalid_request", "error_description": "Invalid Credentials" });
        let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_request\"";
        return Err(answer::challenge(answer::json(StatusCode::UNAUTHORIZED, &body), challenge).into());
    };
    let sign_in = [scopes::OPENID, scopes::EMAIL, scopes::PROFILE];
    if !sign_in.iter().any(|scope| token.scopes.contains(*scope)) {
        return Err(errors::insufficient_scope(&sign_in));
    }
    let account = state.google.accounts.get(&token.account).ok_or_else(errors::unauthenticated)?;
    Ok(answer::ok(&Value::Object(account.describe(&token.scopes))))
}
