//! Nothing that people or providers send us can be printed by accident. Every value is a canary.

use std::{error::Error, fmt::Debug};

use base64::{Engine, engine::general_purpose::STANDARD};
use bellhop_providers::{
    AuthorizeRequest, Client, Credentials, Endpoint, EventsFrom, Expected, PartContent, ProviderError, Timeouts,
    google, is_acceptable_address, verify_id_token,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::server::{StandIn, Then, answer, broken, client_at, impatient_client_of};

const CANARY: &str = "canary1082";

fn canary() -> SecretString {
    CANARY.into()
}

fn silent(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(CANARY), "{text}");
    }
}

fn silent_error(error: &impl Error) {
    silent(error);
    let mut current: Option<&dyn Error> = Some(error);
    while let Some(error) = current {
        assert!(!error.to_string().contains(CANARY), "{error}");
        assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
        current = error.source();
    }
}

#[tokio::test]
async fn what_a_provider_grants_cannot_be_printed() {
    let granted = json!({
        "access_token": CANARY, "refresh_token": CANARY, "id_token": CANARY, "sub": CANARY, "email": CANARY,
        "name": CANARY, "id": "m", "snippet": CANARY,
        "payload": {"headers": [{"name": "From", "value": CANARY}, {"name": "Subject", "value": CANARY}]}
    });
    let client = StandIn::telling(answer(200, granted)).await;
    let client = client.client();
    let tokens = client.refresh(&canary()).await.unwrap();
    let identity = client.userinfo(&canary()).await.unwrap();
    let mail = client.message_metadata(&canary(), "m").await.unwrap();
    silent(&tokens);
    silent(&identity);
    silent(&mail);
    // The canary was there to be seen.
    assert_eq!(tokens.id_token.unwrap().expose_secret(), CANARY);
    assert_eq!(identity.name.unwrap().expose_secret(), CANARY);
    assert_eq!(mail.from.unwrap().expose_secret(), CANARY);
}

#[tokio::test]
async fn what_people_wrote_cannot_be_printed() {
    let said = json!([{"name": "From", "value": CANARY}, {"name": "Content-ID", "value": CANARY}]);
    let letter = json!({"id": "m", "snippet": CANARY, "payload": {
        "mimeType": "multipart/mixed", "headers": said, "parts": [
            {"mimeType": "text/plain", "filename": CANARY, "headers": said, "body": {"data": STANDARD.encode(CANARY)}},
            {"mimeType": "image/png", "body": {"attachmentId": CANARY}}
        ]
    }});
    let client = StandIn::telling(answer(200, letter)).await;
    let letter = client.client().message_full(&canary(), "m").await.unwrap();
    silent(&letter);
    let PartContent::Inline(bytes) = &letter.parts[1].content else { panic!("the text is there") };
    assert_eq!(bytes.expose_secret(), CANARY.as_bytes());
    // Nor as a list of numbers, which is how bytes are printed.
    assert!(!format!("{letter:?}").contains("99, 97, 110"));

    let agenda = json!({"nextSyncToken": CANARY, "items": [{
        "id": "e", "start": {"date": "2026-11-20"}, "summary": CANARY, "location": CANARY,
        "hangoutLink": format!("https://x.example/{CANARY}"), "attendees": [{"email": CANARY, "displayName": CANARY}]
    }]});
    let client = StandIn::telling(answer(200, agenda)).await;
    let agenda = client.client().calendar_events(&canary(), &canary(), EventsFrom::default()).await.unwrap();
    silent(&agenda);
    assert_eq!(agenda.next_sync_token.unwrap().expose_secret(), CANARY);

    let calendars = json!({"items": [{"id": CANARY, "summary": CANARY}]});
    let client = StandIn::telling(answer(200, calendars)).await;
    let calendars = client.client().calendars(&canary(), None).await.unwrap();
    silent(&calendars);
    assert_eq!(calendars.calendars[0].id.expose_secret(), CANARY);
    silent(&EventsFrom { sync_token: Some(&canary()), page_token: None });
}

#[tokio::test]
async fn no_error_repeats_what_was_sent_or_answered() {
    let mut errors = Vec::new();
    let bodies = [
        json!({"error": CANARY, "error_description": CANARY, "error_uri": CANARY}).to_string(),
        json!({"error": "invalid_grant", "error_description": CANARY}).to_string(),
        json!({"error": {"message": CANARY, "errors": [{"reason": CANARY}]}}).to_string(),
        json!({"access_token": [CANARY], "historyId": CANARY, "sub": 1, "email": CANARY}).to_string(),
        format!("<html>{CANARY}"),
        format!("{{\"{CANARY}"),
    ];
    for body in bodies {
        for status in [200, 302, 400, 401, 403, 404, 410, 429, 500] {
            let told = answer(status, &body).with("location", format!("https://{CANARY}.example/"));
            let google = StandIn::telling(told).await;
            errors.extend(failures(&google.client()).await);
        }
    }
    for then in [Then::Close(""), Then::Hang("HTTP/1.1 200 canary1082\r\ncontent-length: 99\r\n\r\ncanary1082")] {
        errors.extend(failures(&impatient_client_of(broken(then).await)).await);
    }
    // The canary in the address itself, where nobody listens.
    errors.extend(failures(&client_at(&format!("http://127.0.0.1:9/{CANARY}"), Timeouts::default())).await);
    assert!(errors.len() > 200);
    for error in errors {
        silent_error(&error);
        assert!(error.reason().len() < 32 && !error.reason().contains(CANARY));
    }
}

async fn failures(client: &Client) -> Vec<ProviderError> {
    let verifier = CANARY.repeat(5).into();
    let redirect_uri = format!("https://{CANARY}.example/");
    [
        client.exchange_code(&canary(), &verifier, &redirect_uri).await.err(),
        client.refresh(&canary()).await.err(),
        client.revoke(&canary()).await.err(),
        client.userinfo(&canary()).await.err(),
        client.mail_profile(&canary()).await.err(),
        client.message_metadata(&canary(), CANARY).await.err(),
        client.history(&canary(), 1, Some(CANARY), 500, Some(CANARY)).await.err(),
        client.search_messages(&canary(), CANARY, Some(CANARY), 1).await.err(),
        client.message_full(&canary(), CANARY).await.err(),
        client.attachment(&canary(), CANARY, &canary(), 1).await.err(),
        client.calendars(&canary(), Some(CANARY)).await.err(),
        client
            .calendar_events(&canary(), &canary(), EventsFrom { sync_token: Some(&canary()), page_token: None })
            .await
            .err(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn neither_a_client_nor_a_request_can_be_printed() {
    let client = client_at("http://127.0.0.1:9", Timeouts::default());
    let credentials = Credentials { client_id: "our-client".into(), client_secret: canary() };
    silent(&credentials);
    silent(&Client::new(client.description().clone(), Some(credentials), Timeouts::default()).unwrap());
    let request = AuthorizeRequest {
        state: &canary(),
        nonce: &canary(),
        verifier: &canary(),
        redirect_uri: "https://bellhop.example/",
        scopes: &["openid"],
        login_hint: Some(&canary()),
    };
    silent(&request);
    silent_error(&client.authorize_url(&request).unwrap_err());
    let expected = Expected { issuers: &[], audience: "our-client", nonce: &canary() };
    silent(&expected);
    silent_error(&verify_id_token(&canary(), expected, chrono::DateTime::UNIX_EPOCH).unwrap_err());
}

#[test]
fn a_refused_address_is_not_repeated() {
    let address = format!("https://user:{CANARY}@provider.example/").parse().unwrap();
    assert!(!is_acceptable_address(&address));
    silent_error(&google(Some(&address)).unwrap_err());
    let mut endpoints = google(None).unwrap().endpoints;
    silent_error(&endpoints.set(Endpoint::Token, address).unwrap_err());
    assert!(endpoints.is_providers_own(Endpoint::Token));
}
