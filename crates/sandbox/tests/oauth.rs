//! Google's sign-in, asked rightly and wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bellhop_sandbox::Settings;
use drive::{CALENDAR, Drive, GMAIL, REDIRECT, start, start_with, text};
use serde_json::{Value, json};

const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

#[tokio::test]
async fn consent_leads_to_tokens_and_an_identity() {
    let drive = start().await;
    let request = drive.consent_request(&Drive::authorization()).await;
    let back = drive.decide(&request, "bob", &[GMAIL, CALENDAR], "allow").await;
    assert_eq!(back["state"], "the-state");
    assert_eq!(back["iss"], drive.running.origin());
    assert!(back["scope"].contains(GMAIL));

    let (status, tokens) = drive.token(&Drive::exchange(&back["code"])).await;
    assert_eq!(status, 200);
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    let scopes: BTreeSet<&str> = text(&tokens, "scope").split(' ').collect();
    assert_eq!(scopes, BTreeSet::from(["openid", EMAIL, GMAIL, CALENDAR]));
    assert!(text(&tokens, "refresh_token").starts_with("sandbox-refresh-"));

    let claims = claims(&tokens);
    assert_eq!(claims["iss"], drive.running.origin());
    assert_eq!(claims["aud"], "sandbox-client");
    assert_eq!(claims["azp"], "sandbox-client");
    assert_eq!(claims["nonce"], "the-nonce");
    assert_eq!(claims["email"], "bob@sandbox.example");
    assert_eq!(claims["email_verified"], true);
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    assert!(text(&claims, "sub").bytes().all(|byte| byte.is_ascii_digit()));

    let userinfo = drive.get("/v1/userinfo").bearer_auth(text(&tokens, "access_token")).send().await.unwrap();
    let userinfo: Value = userinfo.json().await.unwrap();
    assert_eq!(userinfo["sub"], claims["sub"]);
}

#[tokio::test]
async fn a_wrong_client_or_redirect_uri_is_never_redirected() {
    let drive = start().await;
    for (name, value, status) in [
        ("client_id", "somebody-else", 401),
        ("redirect_uri", "https://evil.example/callback", 400),
        ("redirect_uri", "http://127.0.0.1:8080/oauth/google/callback/", 400),
        ("redirect_uri", "http://127.0.0.1:8080/oauth/google/callback?x=1", 400),
        ("redirect_uri", "", 400),
    ] {
        let mut asked = Drive::authorization();
        asked.insert(name, value.to_owned());
        let response = drive.authorize(&asked).await;
        assert_eq!(response.status(), status, "{name}={value}");
        assert!(response.headers().get("location").is_none());
    }
}

#[tokio::test]
async fn other_mistakes_go_back_to_the_client_with_its_state() {
    let drive = start().await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "", "invalid_request"),
        ("scope", "openid https://www.googleapis.com/auth/nonsense", "invalid_scope"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "S512", "invalid_request"),
        ("access_type", "sometimes", "invalid_request"),
        ("prompt", "none consent", "invalid_request"),
        ("prompt", "whatever", "invalid_request"),
        ("include_granted_scopes", "perhaps", "invalid_request"),
        ("prompt", "none", "interaction_required"),
    ] {
        let mut asked = Drive::authorization();
        asked.insert(name, value.to_owned());
        let response = drive.authorize(&asked).await;
        assert_eq!(response.status(), 303, "{name}={value}");
        let back = drive::location(&response);
        assert_eq!(back["error"], error, "{name}={value}");
        assert_eq!(back["state"], "the-state");
    }
    let repeated = Drive::authorization();
    let response = drive.get("/o/oauth2/v2/auth").query(&repeated).query(&[("nonce", "two")]).send().await.unwrap();
    assert_eq!(drive::location(&response)["error"], "invalid_request");
}

#[tokio::test]
async fn refusing_and_unticking_are_respected() {
    let drive = start().await;
    let request = drive.consent_request(&Drive::authorization()).await;
    let back = drive.decide(&request, "alice", &[GMAIL], "deny").await;
    assert_eq!(back["error"], "access_denied");
    assert!(!back.contains_key("code"));

    let request = drive.consent_request(&Drive::authorization()).await;
    let back = drive.decide(&request, "alice", &[CALENDAR], "allow").await;
    let (_, tokens) = drive.token(&Drive::exchange(&back["code"])).await;
    let scopes: BTreeSet<&str> = text(&tokens, "scope").split(' ').collect();
    assert_eq!(scopes, BTreeSet::from(["openid", EMAIL, CALENDAR]), "sign-in scopes cannot be unticked");
    let (status, refused) = drive.gmail(text(&tokens, "access_token"), "messages").await;
    assert_eq!(status, 403);
    assert_eq!(refused["error"]["errors"][0]["reason"], "insufficientPermissions");
}

#[tokio::test]
async fn a_consent_page_is_good_for_one_decision() {
    let drive = start().await;
    let request = drive.consent_request(&Drive::authorization()).await;
    drive.decide(&request, "alice", &[], "allow").await;
    let form = [("request", request.as_str()), ("account", "alice"), ("decision", "allow")];
    let again = drive.post("/o/oauth2/v2/auth/decision").form(&form).send().await.unwrap();
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_a_second_use_ends_what_it_issued() {
    let drive = start().await;
    let code = drive.code().await;
    let (_, tokens) = drive.token(&Drive::exchange(&code)).await;
    let access = text(&tokens, "access_token");
    assert_eq!(drive.gmail(access, "profile").await.0, 200);
    let (status, refused) = drive.token(&Drive::exchange(&code)).await;
    assert_eq!((status, text(&refused, "error")), (400, "invalid_grant"));
    assert_eq!(drive.gmail(access, "profile").await.0, 401);
    assert_eq!(drive.refresh(text(&tokens, "refresh_token")).await.0, 400);
}

#[tokio::test]
async fn a_wrong_exchange_is_refused_as_rfc_6749_says() {
    let drive = start().await;
    let code = drive.code().await;
    for (name, value, status, error) in [
        ("client_id", "other", 401, "invalid_client"),
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_secret", "", 401, "invalid_client"),
        ("code", "made-up", 400, "invalid_grant"),
        ("code", "", 400, "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:8080/other", 400, "redirect_uri_mismatch"),
        ("redirect_uri", "", 400, "redirect_uri_mismatch"),
        ("code_verifier", "", 400, "invalid_grant"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX", 400, "invalid_grant"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("grant_type", "", 400, "invalid_request"),
    ] {
        let mut form = Drive::exchange(&code);
        form.insert(name, value.to_owned());
        let (got, refused) = drive.token(&form).await;
        assert_eq!((got, text(&refused, "error")), (status, error), "{name}={value}");
    }
    assert_eq!(drive.token(&Drive::exchange(&code)).await.0, 200, "the code itself is still good");
}

#[tokio::test]
async fn the_token_endpoint_takes_forms_only_and_one_way_of_authenticating() {
    let drive = start().await;
    let code = drive.code().await;
    let as_json = drive.post("/token").json(&Drive::exchange(&code)).send().await.unwrap();
    assert_eq!(as_json.status(), 400);
    assert_eq!(drive.get("/token").send().await.unwrap().status(), 405);
    let both = drive.post("/token").basic_auth("sandbox-client", Some("sandbox-secret")).form(&Drive::exchange(&code));
    assert_eq!(both.send().await.unwrap().status(), 400);

    let mut form = Drive::exchange(&code);
    form.remove("client_id");
    form.remove("client_secret");
    let wrong = drive.post("/token").basic_auth("sandbox-client", Some("nope")).form(&form).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers().contains_key("www-authenticate"));
    let basic = drive.post("/token").basic_auth("sandbox-client", Some("sandbox-secret")).form(&form);
    assert_eq!(basic.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_refresh_token_comes_offline_once_or_when_asked_again() {
    let drive = start().await;
    let has_refresh_token = async |asked| {
        let (_, tokens) = drive.token(&Drive::exchange(&drive.code_for("alice", &asked).await)).await;
        tokens.get("refresh_token").is_some()
    };
    let mut online = Drive::authorization();
    online.remove("access_type");
    assert!(!has_refresh_token(online).await, "not without access_type=offline");
    assert!(has_refresh_token(Drive::authorization()).await, "on the first offline consent");
    assert!(!has_refresh_token(Drive::authorization()).await, "not on the second");
    let mut again = Drive::authorization();
    again.insert("prompt", "consent".to_owned());
    assert!(has_refresh_token(again).await, "with prompt=consent");
}

#[tokio::test]
async fn include_granted_scopes_merges_and_leaving_it_out_does_not() {
    let drive = start().await;
    drive.connect().await;
    let mut asked = Drive::authorization();
    asked.insert("scope", "openid".to_owned());
    let (_, alone) = drive.token(&Drive::exchange(&drive.code_for("alice", &asked).await)).await;
    assert_eq!(text(&alone, "scope"), "openid");
    asked.insert("include_granted_scopes", "true".to_owned());
    let (_, merged) = drive.token(&Drive::exchange(&drive.code_for("alice", &asked).await)).await;
    assert!(text(&merged, "scope").contains(GMAIL));
}

#[tokio::test]
async fn codes_and_access_tokens_expire_by_the_shared_clock() {
    let file = std::env::temp_dir().join(format!("sandbox-clock-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let drive = start_with(Settings { clock_offset_file: Some(file.clone()), ..Settings::default() }).await;
    let tokens = drive.connect().await;
    let code = drive.code().await;
    std::fs::write(&file, "600500\n").unwrap();
    let (status, refused) = drive.token(&Drive::exchange(&code)).await;
    assert_eq!((status, text(&refused, "error")), (400, "invalid_grant"), "ten minutes are over");
    assert_eq!(drive.gmail(text(&tokens, "access_token"), "profile").await.0, 200);
    std::fs::write(&file, "3600500").unwrap();
    let (status, refused) = drive.gmail(text(&tokens, "access_token"), "profile").await;
    assert_eq!(status, 401);
    assert_eq!(refused["error"]["status"], "UNAUTHENTICATED");
    let (status, fresh) = drive.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200);
    assert!(fresh.get("refresh_token").is_none(), "a refresh answer usually carries none");
    assert_eq!(drive.gmail(text(&fresh, "access_token"), "profile").await.0, 200);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_refresh_may_narrow_its_scope_but_never_widen_it() {
    let drive = start().await;
    let tokens = drive.connect().await;
    let mut form = Drive::exchange("");
    form.insert("grant_type", "refresh_token".to_owned());
    form.insert("refresh_token", text(&tokens, "refresh_token").to_owned());
    form.insert("scope", GMAIL.to_owned());
    assert_eq!(drive.token(&form).await.1["scope"], GMAIL);
    form.insert("scope", "https://mail.google.com/".to_owned());
    assert_eq!(drive.token(&form).await.1["error"], "invalid_scope");
}

#[tokio::test]
async fn rotation_kills_the_token_that_was_used() {
    let drive = start().await;
    let first = drive.connect().await;
    drive.control("google/settings", json!({ "rotate_refresh_tokens": true })).await;
    let (_, second) = drive.refresh(text(&first, "refresh_token")).await;
    let rotated = text(&second, "refresh_token");
    let (status, refused) = drive.refresh(text(&first, "refresh_token")).await;
    assert_eq!((status, text(&refused, "error")), (400, "invalid_grant"));
    assert_eq!(drive.refresh(rotated).await.0, 200);
}

#[tokio::test]
async fn the_oldest_of_more_than_a_hundred_refresh_tokens_dies_silently() {
    let drive = start().await;
    let mut asked = Drive::authorization();
    asked.insert("prompt", "consent".to_owned());
    let mut tokens = Vec::new();
    for _ in 0..101 {
        let (_, answer) = drive.token(&Drive::exchange(&drive.code_for("alice", &asked).await)).await;
        tokens.push(text(&answer, "refresh_token").to_owned());
    }
    assert_eq!(drive.refresh(&tokens[0]).await.1["error"], "invalid_grant");
    assert_eq!(drive.refresh(&tokens[1]).await.0, 200);
    assert_eq!(drive.refresh(&tokens[100]).await.0, 200);
}

#[tokio::test]
async fn revoking_any_token_ends_the_whole_grant() {
    let drive = start().await;
    let tokens = drive.connect().await;
    let access = text(&tokens, "access_token");
    let revoke = async |token: &str| drive.post("/revoke").form(&[("token", token)]).send().await.unwrap();
    assert_eq!(revoke("unknown").await.status(), 400);
    assert_eq!(drive.get("/revoke").send().await.unwrap().status(), 405);
    assert_eq!(revoke(access).await.status(), 200);
    assert_eq!(drive.gmail(access, "profile").await.0, 401);
    assert_eq!(drive.refresh(text(&tokens, "refresh_token")).await.1["error"], "invalid_grant");
    let refused: Value = revoke(access).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_token");
    let ledger = drive.see("ledger").await;
    assert_eq!(ledger["grants"], json!([]));
    assert_eq!(ledger["revocations"][1]["outcome"], "revoked");
    assert!(drive.connect().await.get("refresh_token").is_some(), "a new grant starts afresh");
}

#[tokio::test]
async fn userinfo_wants_a_live_token_with_a_sign_in_scope() {
    let drive = start().await;
    let without = drive.get("/v1/userinfo").send().await.unwrap();
    assert_eq!(without.status(), 401);
    assert!(without.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    let mut asked = Drive::authorization();
    asked.insert("scope", GMAIL.to_owned());
    let (_, tokens) = drive.token(&Drive::exchange(&drive.code_for("alice", &asked).await)).await;
    assert!(tokens.get("id_token").is_none(), "no ID token without openid");
    let refused = drive.get("/v1/userinfo").bearer_auth(text(&tokens, "access_token")).send().await.unwrap();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn answers_are_spoilt_on_command() {
    let drive = start().await;
    for (malformed, claim, expected) in [
        ("wrong_nonce", "nonce", json!("sandbox-wrong-nonce")),
        ("no_nonce", "nonce", Value::Null),
        ("wrong_audience", "aud", json!("sandbox-other-client")),
        ("wrong_issuer", "iss", json!("https://issuer.example")),
    ] {
        drive.control("google/answers", json!({ "malformed": malformed, "times": 1 })).await;
        assert_eq!(claims(&drive.connect().await)[claim], expected, "{malformed}");
    }
    drive.control("google/answers", json!({ "malformed": "expired_id_token", "times": 1 })).await;
    let claims = claims(&drive.connect().await);
    let now = drive.see("clock").await;
    let now = chrono::DateTime::parse_from_rfc3339(text(&now, "now")).unwrap();
    assert!(claims["exp"].as_i64().unwrap() < now.timestamp());

    let omit = json!({ "omit": ["access_token", "id_token", "scope", "expires_in"], "times": 1 });
    drive.control("google/answers", omit).await;
    let bare = drive.connect().await;
    assert_eq!(bare.as_object().unwrap().len(), 1, "{bare}");

    drive.control("google/answers", json!({ "malformed": "not_json", "times": 1 })).await;
    let response = drive.post("/token").form(&Drive::exchange(&drive.code().await)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.json::<Value>().await.is_err());
    let wrong = drive.post("/sandbox/google/answers").json(&json!({ "omits": [] })).send().await.unwrap();
    assert_eq!(wrong.status(), 400, "a typing error is no silent success");
}

#[tokio::test]
async fn the_control_api_changes_grants_and_the_ledger_tells() {
    let drive = start().await;
    let tokens = drive.connect().await;
    let access = text(&tokens, "access_token");
    drive.control("google/accounts/alice/scopes", json!({ "scopes": ["openid", CALENDAR] })).await;
    assert_eq!(drive.gmail(access, "messages").await.0, 403);
    drive.control("google/accounts/alice/expire-access-tokens", json!({})).await;
    assert_eq!(drive.gmail(access, "messages").await.0, 401);
    drive.control("google/accounts/alice/revoke", json!({})).await;
    assert_eq!(drive.refresh(text(&tokens, "refresh_token")).await.1["error"], "invalid_grant");

    let ledger = drive.see("ledger").await;
    let requests = ledger["token_requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["outcome"], "issued");
    assert_eq!(requests[0]["account"], "alice");
    assert_eq!(requests[1]["outcome"], "invalid_grant");
    assert_eq!(requests[0]["refresh_token_issued"], requests[1]["refresh_token_used"]);
    let secrets = drive.see("secrets").await;
    let raw = secrets["refresh_tokens"][0].as_str().unwrap();
    assert_eq!(raw, text(&tokens, "refresh_token"));
    assert!(!ledger.to_string().contains(raw), "the ledger holds fingerprints only");
    assert_eq!(ledger["authorizations"][0]["pkce"], "S256");
    // The first 16 hexadecimal digits of SHA-256 of "the-state".
    assert_eq!(ledger["authorizations"][0]["state_fingerprint"], "9aea885ae488807f");
    assert_eq!(requests[0]["code_used"].as_str().unwrap().len(), 16, "a code is a secret too");
    assert_eq!(requests[1]["code_used"], Value::Null);

    drive.client.delete(drive.url("/sandbox/ledger")).send().await.unwrap();
    assert_eq!(drive.see("ledger").await["token_requests"], json!([]));
}

#[tokio::test]
async fn a_redirect_uri_can_be_registered_later() {
    let drive = start_with(Settings { redirect_uris: Vec::new(), ..Settings::default() }).await;
    assert_eq!(drive.authorize(&Drive::authorization()).await.status(), 400);
    drive.control("google/settings", json!({ "redirect_uri": REDIRECT })).await;
    assert_eq!(drive.authorize(&Drive::authorization()).await.status(), 200);
}

fn claims(tokens: &Value) -> Value {
    let payload = text(tokens, "id_token").split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

const WIDE: [&str; 2] = ["https://mail.google.com/", "https://www.googleapis.com/auth/calendar"];

/// The scopes of a token that somebody gets for asking like this.
async fn granted(drive: &Drive, scope: &str, ticked: &[&str], more: &[(&'static str, &str)]) -> Vec<String> {
    let mut asked = Drive::authorization();
    asked.insert("scope", scope.to_owned());
    for (name, value) in more {
        asked.insert(name, (*value).to_owned());
    }
    let request = drive.consent_request(&asked).await;
    let back = drive.decide(&request, "alice", ticked, "allow").await;
    let (_, tokens) = drive.token(&Drive::exchange(&back["code"])).await;
    text(&tokens, "scope").split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn earlier_grants_are_merged_only_where_asked_for_and_alive() {
    let drive = start().await;
    let include = ("include_granted_scopes", "true");
    assert_eq!(granted(&drive, GMAIL, &[GMAIL], &[]).await, [GMAIL]);
    assert_eq!(granted(&drive, CALENDAR, &[CALENDAR], &[]).await, [CALENDAR], "only what was asked for");
    assert_eq!(granted(&drive, CALENDAR, &[CALENDAR], &[include]).await, [CALENDAR, GMAIL]);
    drive.control("google/accounts/alice/revoke", json!({})).await;
    assert_eq!(granted(&drive, CALENDAR, &[CALENDAR], &[include]).await, [CALENDAR], "a grant that ended adds nothing");
}

#[tokio::test]
async fn what_was_allowed_before_cannot_be_unticked() {
    let drive = start().await;
    let both = format!("{GMAIL} {CALENDAR}");
    assert_eq!(granted(&drive, &both, &[GMAIL], &[]).await, [GMAIL]);
    assert_eq!(granted(&drive, &both, &[], &[]).await, [GMAIL], "only the calendar was to be decided");
    let mut asked = Drive::authorization();
    asked.insert("scope", both);
    asked.insert("login_hint", "alice@sandbox.example".to_owned());
    let page = drive.authorize(&asked).await.text().await.unwrap();
    let boxes: Vec<&str> = page.split("type=\"checkbox\"").skip(1).collect();
    assert_eq!(boxes.len(), 1, "a box for what is new");
    assert!(boxes[0].contains(CALENDAR) && page.contains("allowed before"));
}

#[tokio::test]
async fn a_legacy_account_grants_more_than_was_asked() {
    let drive = start().await;
    drive.control("google/accounts/alice/legacy", json!({ "scopes": WIDE, "instead_of": [GMAIL] })).await;
    let all = granted(&drive, &format!("{GMAIL} {CALENDAR}"), &[GMAIL, CALENDAR], &[]).await;
    assert_eq!(all, [WIDE[0], WIDE[1], CALENDAR]);
    let of_old = json!({ "name": "old", "email": "old@sandbox.example", "display_name": "Old Hand" });
    drive.control("google/accounts", of_old).await;
    drive.control("google/accounts/old/legacy", json!({ "scopes": WIDE, "granted": true })).await;
    assert_eq!(drive.see("google/accounts/old").await["granted_scopes"], json!(WIDE));
}
