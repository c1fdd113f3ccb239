//! Authorize, exchange, refresh, revoke.

use std::collections::BTreeMap;

use bellhop_providers::{
    AuthorizeRequest, Client, EXPIRES_IN_LIMIT, OAuthErrorCode, ProviderError, Revocation, Timeouts, google,
};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::server::{StandIn, answer, client_at};

/// Verifier and challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT_URI: &str = "https://bellhop.example/oauth/google/callback";

fn secret(text: &str) -> SecretString {
    text.into()
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn authorize(verifier: &str, redirect_uri: &str, hint: Option<&SecretString>) -> Result<url::Url, ProviderError> {
    client_at("http://127.0.0.1:9", Timeouts::default()).authorize_url(&AuthorizeRequest {
        state: &secret("the state"),
        nonce: &secret("the nonce"),
        verifier: &secret(verifier),
        redirect_uri,
        scopes: &["openid", "email"],
        login_hint: hint,
    })
}

#[test]
fn the_way_to_consent_carries_the_challenge_and_not_the_verifier() {
    let address = authorize(VERIFIER, REDIRECT_URI, None).unwrap();
    assert_eq!(address.path(), "/o/oauth2/v2/auth");
    assert_eq!(
        address.query_pairs().into_owned().collect::<BTreeMap<_, _>>(),
        fields(&[
            ("response_type", "code"),
            ("client_id", "our-client"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid email"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("include_granted_scopes", "true"),
        ])
    );
    assert!(!address.as_str().contains(VERIFIER));

    let hinted = authorize(VERIFIER, REDIRECT_URI, Some(&secret("a@b.example"))).unwrap();
    assert!(hinted.query_pairs().any(|pair| pair == ("login_hint".into(), "a@b.example".into())));
}

#[test]
fn the_redirect_address_is_sent_as_it_was_registered() {
    // A parsed address would gain a slash at its end, and Google compares characters.
    let address = authorize(VERIFIER, "https://bellhop.example", None).unwrap();
    assert!(address.query_pairs().any(|pair| pair == ("redirect_uri".into(), "https://bellhop.example".into())));
}

#[test]
fn a_verifier_or_address_of_the_wrong_form_is_our_fault_and_no_panic() {
    for verifier in ["short", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(30), &" ".repeat(64)] {
        assert_eq!(authorize(verifier, REDIRECT_URI, None), Err(ProviderError::Misconfigured));
    }
    assert!(authorize(&"a".repeat(43), REDIRECT_URI, None).is_ok());
    assert!(authorize(&"a".repeat(128), REDIRECT_URI, None).is_ok());
    assert_eq!(authorize(VERIFIER, "/callback", None), Err(ProviderError::Misconfigured));
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier() {
    let google = StandIn::telling(answer(
        200,
        json!({
            "access_token": "access", "refresh_token": "refresh", "id_token": "a.b.c", "expires_in": 3599,
            "scope": "openid https://www.googleapis.com/auth/userinfo.email", "token_type": "Bearer",
            "refresh_token_expires_in": 604_799, "something_new": {"a": []}
        }),
    ))
    .await;
    let granted = google.client().exchange_code(&secret("the/code"), &secret(VERIFIER), REDIRECT_URI).await.unwrap();

    let asked = google.asked_once();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    assert_eq!(asked.query, []);
    assert_eq!(
        asked.form,
        fields(&[
            ("grant_type", "authorization_code"),
            ("code", "the/code"),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", "our-client"),
            ("client_secret", "our-secret"),
        ])
    );
    assert!(asked.headers["user-agent"].starts_with("bellhop/"));

    assert_eq!(granted.access_token.expose_secret(), "access");
    assert_eq!(granted.refresh_token.unwrap().expose_secret(), "refresh");
    assert_eq!(granted.id_token.unwrap().expose_secret(), "a.b.c");
    assert_eq!(granted.expires_in, Some(TimeDelta::seconds(3599)));
    assert_eq!(granted.scopes.unwrap().len(), 2);
}

#[tokio::test]
async fn a_refresh_answer_may_leave_out_the_refresh_token() {
    let google = StandIn::telling(answer(200, r#"{"access_token":"access","expires_in":"99999999999"}"#)).await;
    let granted = google.client().refresh(&secret("1//refresh")).await.unwrap();
    assert_eq!(
        google.asked_once().form,
        fields(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "1//refresh"),
            ("client_id", "our-client"),
            ("client_secret", "our-secret"),
        ])
    );
    assert!(granted.refresh_token.is_none() && granted.scopes.is_none() && granted.id_token.is_none());
    assert_eq!(granted.expires_in, Some(EXPIRES_IN_LIMIT));
}

#[tokio::test]
async fn a_token_is_kept_whatever_the_answer_is_labelled() {
    let google = StandIn::telling(answer(201, r#"{"access_token":"access"}"#).with("content-type", "text/plain")).await;
    assert_eq!(google.client().refresh(&secret("r")).await.unwrap().access_token.expose_secret(), "access");
}

#[tokio::test]
async fn every_answer_without_a_token_has_its_own_name() {
    for (status, body, error) in [
        (200, r#"{"token_type":"Bearer"}"#, ProviderError::MissingAccessToken),
        (200, "<html>busy</html>", ProviderError::Malformed),
        (200, r#"{"access_token":"acc"#, ProviderError::Malformed),
        (200, "", ProviderError::Malformed),
        (204, "", ProviderError::Malformed),
        (400, r#"{"error":"invalid_grant"}"#, ProviderError::InvalidGrant),
        (401, r#"{"error":"invalid_client"}"#, ProviderError::InvalidClient),
        (400, r#"{"error":"invalid_scope"}"#, ProviderError::Refused(OAuthErrorCode::InvalidScope)),
        (403, "<html>", ProviderError::Rejected { status: 403 }),
        (503, "", ProviderError::Unavailable { status: 503, retry_after: None }),
        (429, "", ProviderError::RateLimited { retry_after: None }),
    ] {
        let google = StandIn::telling(answer(status, body)).await;
        assert_eq!(google.client().refresh(&secret("r")).await.unwrap_err(), error, "{status} {body}");
        let exchanged = google.client().exchange_code(&secret("c"), &secret(VERIFIER), REDIRECT_URI).await;
        assert_eq!(exchanged.unwrap_err(), error, "{status} {body}");
        assert_eq!(google.asked().len(), 2, "each is sent once, whatever the answer");
    }
}

#[tokio::test]
async fn a_token_is_given_back_in_the_form_and_not_in_the_address() {
    let google = StandIn::telling(answer(200, "{}")).await;
    assert_eq!(google.client().revoke(&secret("1//token")).await, Ok(Revocation::Revoked));
    let asked = google.asked_once();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/revoke"));
    assert_eq!((asked.query, asked.form), (vec![], fields(&[("token", "1//token")])));
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn giving_back_twice_is_no_error() {
    for body in
        [r#"{"error":"invalid_token","error_description":"Token expired or revoked"}"#, r#"{"error":"invalid_grant"}"#]
    {
        let google = StandIn::telling(answer(400, body)).await;
        assert_eq!(google.client().revoke(&secret("t")).await, Ok(Revocation::AlreadyInvalid));
    }
}

#[tokio::test]
async fn a_revocation_that_failed_is_not_taken_for_one_that_was_not_needed() {
    for (status, body) in
        [(503, ""), (400, ""), (400, r#"{"error":"invalid_request"}"#), (401, r#"{"error":"invalid_client"}"#)]
    {
        let google = StandIn::telling(answer(status, body)).await;
        assert!(google.client().revoke(&secret("t")).await.is_err(), "{status} {body}");
    }
}

#[tokio::test]
async fn without_credentials_one_can_still_disconnect() {
    let stand_in = StandIn::telling(answer(200, "{}")).await;
    let description = stand_in.client().description().clone();
    let client = Client::new(description, None, Timeouts::default()).unwrap();
    assert_eq!(client.revoke(&secret("t")).await, Ok(Revocation::Revoked));
    assert_eq!(client.refresh(&secret("r")).await.unwrap_err(), ProviderError::Misconfigured);
    assert_eq!(stand_in.asked().len(), 1);
}

#[tokio::test]
async fn the_calls_can_move_between_threads() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let client = client_at("http://127.0.0.1:9", Timeouts::default());
    let (one, verifier) = (secret("a"), secret(VERIFIER));
    drop(sendable(client.exchange_code(&one, &verifier, REDIRECT_URI)));
    drop(sendable(client.refresh(&one)));
    drop(sendable(client.revoke(&one)));
    drop(sendable(client.userinfo(&one)));
    drop(sendable(client.history(&one, 1, None, 500, None)));
    assert!(google(None).is_ok());
}
