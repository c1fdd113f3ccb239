//! Whose account it is.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bellhop_providers::{GOOGLE_ISSUERS, Identity, IdentityCheck, ProviderError, Timeouts};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::server::{StandIn, answer, client_at};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": "our-client", "azp": "our-client", "sub": "1082", "nonce": "n",
        "exp": 1_800_003_600, "iat": 1_800_000_000, "email": "a@b.example", "email_verified": true, "at_hash": "x"
    })
}

fn id_token(claims: &Value) -> SecretString {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.sig", part(&json!({"alg": "RS256"})), part(claims)).into()
}

fn verify_at(token: &SecretString, at: DateTime<Utc>) -> Result<Identity, ProviderError> {
    client_at("http://127.0.0.1:9", Timeouts::default()).verify_id_token(token, &"n".into(), at)
}

/// Verifies the usual claims with some replaced, or left out where null.
fn verify(changes: Value) -> Result<Identity, ProviderError> {
    let mut claims = claims();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        claims[name] = value;
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    verify_at(&id_token(&claims), now())
}

fn failed(changes: Value) -> IdentityCheck {
    match verify(changes.clone()) {
        Err(ProviderError::InvalidIdentity(check)) => check,
        other => panic!("{changes} gave {other:?}"),
    }
}

#[test]
fn an_id_token_says_whose_account_it_is() {
    let identity = verify(json!({"name": "Ann"})).unwrap();
    assert_eq!(identity.subject.expose_secret(), "1082");
    assert_eq!(identity.email.unwrap().expose_secret(), "a@b.example");
    assert_eq!(identity.name.unwrap().expose_secret(), "Ann");
    assert!(identity.email_verified);

    let bare = verify(json!({"email": null, "email_verified": null})).unwrap();
    assert!(bare.email.is_none() && bare.name.is_none() && !bare.email_verified);
    assert!(verify(json!({"email_verified": "true"})).unwrap().email_verified);
    assert!(!verify(json!({"email_verified": "false"})).unwrap().email_verified);
}

#[test]
fn both_of_googles_names_are_google_and_no_other() {
    for issuer in GOOGLE_ISSUERS {
        assert!(verify(json!({"iss": issuer})).is_ok());
    }
    for issuer in [json!("https://accounts.google.com/"), json!("http://accounts.google.com"), json!(""), json!(null)] {
        assert_eq!(failed(json!({"iss": issuer})), IdentityCheck::Issuer);
    }
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    assert!(verify(json!({"aud": ["our-client"], "azp": null})).is_ok());
    assert!(verify(json!({"aud": ["other", "our-client"]})).is_ok());
    for audience in [json!("other"), json!(["other"]), json!([]), json!(null), json!("our-client2")] {
        assert_eq!(failed(json!({"aud": audience, "azp": "our-client"})), IdentityCheck::Audience);
    }
    assert_eq!(failed(json!({"aud": ["our-client", "other"], "azp": null})), IdentityCheck::AuthorizedParty);
    assert_eq!(failed(json!({"azp": "other"})), IdentityCheck::AuthorizedParty);
}

#[test]
fn a_token_holds_until_a_minute_after_its_end() {
    let token = id_token(&claims());
    let end = DateTime::from_timestamp(1_800_003_600, 0).unwrap();
    assert!(verify_at(&token, end + TimeDelta::seconds(59)).is_ok());
    let late = verify_at(&token, end + TimeDelta::seconds(60)).unwrap_err();
    assert_eq!(late, ProviderError::InvalidIdentity(IdentityCheck::Expiry));
}

#[test]
fn a_token_from_the_future_is_refused() {
    assert!(verify(json!({"iat": 1_800_000_060})).is_ok());
    assert_eq!(failed(json!({"iat": 1_800_000_061})), IdentityCheck::IssuedAt);
    assert_eq!(failed(json!({"iat": 1_800_000_010, "exp": 1_800_000_000})), IdentityCheck::IssuedAt);
    assert_eq!(failed(json!({"iat": null})), IdentityCheck::Form);
    assert_eq!(failed(json!({"exp": null})), IdentityCheck::Form);
    assert_eq!(failed(json!({"exp": i64::MAX})), IdentityCheck::Form);
}

#[test]
fn a_token_from_another_attempt_is_refused() {
    for nonce in [json!("other"), json!(""), json!(null), json!("N")] {
        assert_eq!(failed(json!({"nonce": nonce})), IdentityCheck::Nonce);
    }
}

#[test]
fn an_identity_has_a_subject() {
    assert!(verify(json!({"sub": "a".repeat(255)})).is_ok());
    for subject in [json!(""), json!(null), json!(1082), json!("a".repeat(256)), json!("ä")] {
        assert_eq!(failed(json!({"sub": subject})), IdentityCheck::Subject);
    }
}

#[test]
fn what_is_no_id_token_is_refused() {
    let good = id_token(&claims());
    for text in ["", "a.b", "a.b.c", "..", &format!("{}.d", good.expose_secret())] {
        let error = verify_at(&text.into(), now()).unwrap_err();
        assert_eq!(error, ProviderError::InvalidIdentity(IdentityCheck::Form), "{text}");
    }
    let list = id_token(&json!([1]));
    assert_eq!(verify_at(&list, now()).unwrap_err(), ProviderError::InvalidIdentity(IdentityCheck::Form));
}

#[tokio::test]
async fn userinfo_says_it_where_there_is_no_id_token() {
    let body = json!({"sub": "1082", "email": "a@b.example", "email_verified": true, "picture": "x"});
    let google = StandIn::telling(answer(200, body)).await;
    let identity = google.client().userinfo(&"access".into()).await.unwrap();
    assert_eq!(identity.subject.expose_secret(), "1082");
    let asked = google.asked_once();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/v1/userinfo"));
    assert_eq!(asked.headers["authorization"], "Bearer access");
    assert_eq!(asked.query, []);
}

#[tokio::test]
async fn userinfo_that_says_nothing_is_no_identity() {
    for (status, body, error) in [
        (200, r#"{"email":"a@b.example"}"#, ProviderError::InvalidIdentity(IdentityCheck::Subject)),
        (200, "<html>", ProviderError::Malformed),
        (401, "", ProviderError::Unauthorized),
    ] {
        let google = StandIn::telling(answer(status, body)).await;
        assert_eq!(google.client().userinfo(&"access".into()).await.unwrap_err(), error);
    }
}
