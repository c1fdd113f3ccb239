//! What can happen between question and answer.

use std::time::Duration;

use bellhop_providers::{
    API_ANSWER_LIMIT_BYTES, EventsFrom, ProviderError, RETRY_AFTER_LIMIT, TOKEN_ANSWER_LIMIT_BYTES,
};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::server::{StandIn, Then, answer, broken, client_of, impatient_client_of};

fn token() -> SecretString {
    "token".into()
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = StandIn::telling(answer(200, r#"{"access_token":"taken","sub":"1","historyId":"1"}"#)).await;
        let target =
            elsewhere.client().description().endpoints.get(bellhop_providers::Endpoint::Token).unwrap().clone();
        let google = StandIn::telling(answer(status, "").with("location", target)).await;
        let client = google.client();
        let redirected = ProviderError::Redirected { status };
        let verifier = "v".repeat(43).into();
        assert_eq!(client.exchange_code(&token(), &verifier, "https://b.example/").await.unwrap_err(), redirected);
        assert_eq!(client.refresh(&token()).await.unwrap_err(), redirected);
        assert_eq!(client.revoke(&token()).await.unwrap_err(), redirected);
        assert_eq!(client.userinfo(&token()).await.unwrap_err(), redirected);
        assert_eq!(client.mail_profile(&token()).await.unwrap_err(), redirected);
        assert_eq!(client.message_full(&token(), "m").await.unwrap_err(), redirected);
        assert_eq!(client.attachment(&token(), "m", &token(), 1).await.unwrap_err(), redirected);
        assert_eq!(client.calendars(&token(), None).await.unwrap_err(), redirected);
        let events = client.calendar_events(&token(), &token(), EventsFrom::default()).await;
        assert_eq!(events.unwrap_err(), redirected);
        assert_eq!((google.asked().len(), elsewhere.asked().len()), (9, 0));
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_and_may_have_acted() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"access_token\":";
    for then in [Then::Hang(""), Then::Hang(HALF)] {
        let client = impatient_client_of(broken(then).await);
        // Long before the default would give up, even on a busy machine.
        let refreshed = tokio::time::timeout(Duration::from_secs(8), client.refresh(&token())).await;
        let error = refreshed.expect("the client gives up by itself").unwrap_err();
        assert_eq!(error, ProviderError::Timeout);
        assert!(error.is_outcome_unknown() && error.is_temporary());
    }
}

#[tokio::test]
async fn a_lost_connection_may_have_acted() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"access_token\":";
    for then in [Then::Close(""), Then::Close(HALF), Then::Close("HTTP/1.1 2")] {
        let error = client_of(broken(then).await).refresh(&token()).await.unwrap_err();
        assert_eq!(error, ProviderError::ConnectionLost);
        assert!(error.is_outcome_unknown() && error.is_temporary());
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client_of(address).refresh(&token()).await.unwrap_err();
    assert_eq!(error, ProviderError::Unreachable);
    assert!(!error.is_outcome_unknown() && error.is_temporary());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let padded = |body: &str, length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    let full = StandIn::telling(answer(200, padded(r#"{"access_token":"a"}"#, TOKEN_ANSWER_LIMIT_BYTES))).await;
    assert!(full.client().refresh(&token()).await.is_ok());
    let over = StandIn::telling(answer(200, padded(r#"{"access_token":"a"}"#, TOKEN_ANSWER_LIMIT_BYTES + 1))).await;
    assert_eq!(over.client().refresh(&token()).await.unwrap_err(), ProviderError::TooLarge);
    assert_eq!(over.client().revoke(&token()).await.unwrap_err(), ProviderError::TooLarge);
    assert_eq!(over.client().userinfo(&token()).await.unwrap_err(), ProviderError::TooLarge);

    let full = StandIn::telling(answer(200, padded(r#"{"historyId":"1"}"#, API_ANSWER_LIMIT_BYTES))).await;
    assert!(full.client().mail_profile(&token()).await.is_ok());
    let over = StandIn::telling(answer(200, padded(r#"{"historyId":"1"}"#, API_ANSWER_LIMIT_BYTES + 1))).await;
    assert_eq!(over.client().mail_profile(&token()).await.unwrap_err(), ProviderError::TooLarge);
}

#[tokio::test]
async fn a_wish_to_wait_is_passed_on_in_either_form() {
    const SENT: &str = "Fri, 20 Nov 2026 12:00:00 GMT";
    for (wish, wait) in [
        ("17", Some(Duration::from_secs(17))),
        ("Fri, 20 Nov 2026 12:05:00 GMT", Some(Duration::from_mins(5))),
        ("Fri, 20 Nov 2026 11:00:00 GMT", Some(Duration::ZERO)),
        ("9999999", Some(RETRY_AFTER_LIMIT)),
        ("soon", None),
    ] {
        for status in [429, 503] {
            let told = answer(status, "").with("retry-after", wish).with("date", SENT);
            let google = StandIn::telling(told).await;
            for error in [
                google.client().refresh(&token()).await.unwrap_err(),
                google.client().mail_profile(&token()).await.unwrap_err(),
            ] {
                assert_eq!(error.retry_after(), wait, "{status} {wish}");
                assert!(error.is_temporary());
            }
        }
    }
}
