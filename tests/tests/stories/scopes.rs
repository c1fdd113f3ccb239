//! What somebody did not allow: said, asked for alone, and regained without anything else being lost.

mod reduced;

use bellhop_tests::{CALENDAR_SCOPE, Consent, House, MAIL_SCOPE, Message, Page, Story, Trouble, Walk, ensure, until};
use serde_json::{Value, json};
use url::Url;

use crate::{UNTIL_REFRESH, events, grants_agree, inbox, logged, mail_agrees, rested, state_of};

const MAIL_ONLY: &str = "I can read your mail but not your calendar.";
const CALENDAR_ONLY: &str = "I can read your calendar but not your mail.";

/// The scopes that a consent page offers to tick.
fn offered(consent: &Page) -> Vec<String> {
    let forms = consent.forms();
    let fields = forms.iter().flat_map(|form| form.fields.iter());
    fields.filter(|(name, _)| name == "scope").map(|(_, scope)| scope.clone()).collect()
}

/// The labels of all buttons under a message.
fn labels(message: &Message) -> Vec<&str> {
    message.buttons.iter().flatten().map(|button| button.text.as_str()).collect()
}

/// Somebody who allowed everything but this, with what the bot said to that.
async fn connected_without(house: &House, scope: &str) -> Story<(Walk, Message)> {
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::Without(scope)).await?;
    let said = walk.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    Ok((walk, said))
}

/// Presses the button for what is missing and follows its link to the consent page; checks that both name this alone.
async fn to_extra_consent(walk: &mut Walk, under: &Message, what: &str, scope: &str) -> Story<Page> {
    let label = format!("Allow the {what}");
    let last = walk.person.messages().await?.last().map_or(0, |message| message.id);
    walk.person.press(under, &label).await?;
    let invited = walk.person.sees_after(last, "a link for what is missing", |message| message.link().is_some());
    let invited = invited.await?;
    assert_eq!(labels(&invited), [label]);
    let link = invited.link().ok_or_else(|| Trouble::new("no link"))?;
    let page = walk.browser.open(&link).await?;
    page.expect(200, &[&format!("read your {what}")])?;
    let other = if what == "mail" { "read your calendar" } else { "read your mail" };
    ensure(!page.text().contains(other), format_args!("the page asks for more: {}", page.text()))?;
    let consent = walk.to_consent(&link).await?;
    assert_eq!(offered(&consent), [scope]);
    Ok(consent)
}

/// Decides on the consent page and brings the finish code; answers what the bot says.
async fn decided(walk: &mut Walk, consent: &Page, decision: Consent<'_>, says: &str) -> Story<Message> {
    let page = walk.decide(consent, "alice", decision).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    walk.finish(&code, says, |message| message.says(says)).await
}

/// What is missing, by the log's last grant.
fn missing(log: &[Value]) -> Value {
    events(log, "AccessGranted").last().map_or(Value::Null, |granted| granted["missing"].clone())
}

#[tokio::test]
async fn a_missing_calendar_is_asked_for_alone_and_the_mail_goes_on() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    ensure(said.says(MAIL_ONLY), format_args!("it is not said what is missing: {}", said.text))?;
    assert_eq!(labels(&said), ["Open the inbox", "Allow the calendar"]);
    mail_agrees(&house, "alice").await?;
    inbox(&walk.person, 125).await?;
    let accounts = walk.person.ask("/accounts", "what is missing", |message| message.says(MAIL_ONLY)).await?;
    assert_eq!(labels(&accounts), ["Allow the calendar"]);

    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "AuthorizationStarted")[1]["asked"], json!(["calendar"]));
    // While the walk is under way mail comes as before.
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "While she decides", "Hello.").await?;
    house.advance(chrono::TimeDelta::minutes(6))?;
    mail_agrees(&house, "alice").await?;
    let regained = decided(&mut walk, &consent, Consent::All, "I can read your calendar now").await?;
    ensure(!regained.says("but not"), format_args!("nothing is missing any more: {}", regained.text))?;
    assert_eq!(labels(&regained), ["Open the calendar"]);
    // Until the calendar has been read, nobody knows where she is, and which day it is there.
    rested(&house).await?;
    walk.person.press(&regained, "Open the calendar").await?;
    walk.person.sees_after(regained.id, "the calendar", |message| message.says("today")).await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    let log = logged(&house, &integration, "AccessGranted", 2).await?;
    assert_eq!(events(&log, "AccessGranted")[1]["granted"], json!(["mail", "calendar"]));
    assert_eq!(missing(&log), json!([]));
    grants_agree(&house).await?;

    // What was stored is kept, and fetching goes on from its cursor.
    rested(&house).await?;
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "After all that", "Hello.").await?;
    house.advance(chrono::TimeDelta::minutes(6))?;
    mail_agrees(&house, "alice").await?;
    let log = logged(&house, &integration, "MailFetched", 3).await?;
    let modes: Vec<_> = events(&log, "MailFetched").iter().map(|event| event["mode"].clone()).collect();
    assert_eq!(modes, [json!("full"), json!("incremental"), json!("incremental")]);
    house.end().await
}

#[tokio::test]
async fn saying_no_to_the_rest_takes_nothing_away() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    mail_agrees(&house, "alice").await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    walk.decide(&consent, "alice", Consent::Deny).await?.expect(403, &["did not allow"])?;
    let log = logged(&house, &integration, "AuthorizationFailed", 1).await?;
    assert_eq!(events(&log, "AuthorizationFailed")[0]["reason"], "denied");
    assert_eq!(state_of(&house, &integration).await?, "degraded");

    // Refreshing and fetching go on, and the button still works.
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "After a no", "Hello.").await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    mail_agrees(&house, "alice").await?;
    inbox(&walk.person, 126).await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    // Allowed without the one box that there is: as before.
    let same = decided(&mut walk, &consent, Consent::Bare, "Nothing new was allowed").await?;
    ensure(same.says(MAIL_ONLY), format_args!("it is not said what is missing: {}", same.text))?;
    assert_eq!(labels(&same), ["Allow the calendar"]);
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "AccessExpired").len() + events(&log, "JobBuried").len(), 0);
    assert_eq!(missing(&log), json!(["calendar"]));
    rested(&house).await?;
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "After half a yes", "Hello.").await?;
    house.advance(chrono::TimeDelta::minutes(6))?;
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn a_grant_that_came_back_narrower_says_what_is_missing_now() -> Story {
    // Her mailbox is read as a whole twice in one minute, which is more than Google allows in one.
    let house = House::plan().set("GOOGLE_QUOTAS", "gmail.mailbox=60000/60s").open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    mail_agrees(&house, "alice").await?;
    // Taken back in the Google account before anybody notices: there is nothing to add the calendar to.
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    house.sandbox.revoke_at_google("alice").await?;
    let narrower = decided(&mut walk, &consent, Consent::All, "I can read your calendar now").await?;
    for words in ["the permission to read your mail has ended", CALENDAR_ONLY] {
        ensure(narrower.says(words), format_args!("{words:?} is not said: {}", narrower.text))?;
    }
    assert_eq!(labels(&narrower).last(), Some(&"Allow the mail"));
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    walk.person.ask("/inbox", "why there is no mail", |message| message.says("not allowed to read")).await?;

    let consent = to_extra_consent(&mut walk, &narrower, "mail", MAIL_SCOPE).await?;
    decided(&mut walk, &consent, Consent::All, "I can read your mail now").await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    mail_agrees(&house, "alice").await?;
    inbox(&walk.person, 125).await?;
    house.end().await
}

#[tokio::test]
async fn an_answer_that_names_no_scopes_adds_what_was_asked_for_to_what_was_there() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    let silent = json!({ "omit": ["scope"], "grant_type": "authorization_code", "times": 1 });
    house.sandbox.spoil_answers(silent).await?;
    decided(&mut walk, &consent, Consent::All, "I can read your calendar now").await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn another_account_does_not_bring_what_is_missing() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    let page = walk.decide(&consent, "bob", Consent::All).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    walk.finish(&code, "that it was another account", |message| message.says("another account")).await?;
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn a_wider_grant_of_old_is_as_good_as_what_is_asked_for_today() -> Story {
    let house = House::open().await?;
    let wide = ["https://mail.google.com/", "https://www.googleapis.com/auth/calendar"];
    // An earlier release, or another program of the same operator, asked for more.
    let mut old = house.sandbox.origin.join("o/oauth2/v2/auth")?;
    old.query_pairs_mut().extend_pairs([
        ("client_id", "sandbox-client"),
        ("redirect_uri", house.origin.join("oauth/google/callback")?.as_str()),
        ("response_type", "code"),
        ("scope", &format!("openid email {}", wide.join(" "))),
    ]);
    let mut walk = house.walker(1001, "Ada")?;
    let consent = walk.browser.open(&old).await?;
    walk.decide_and_stop(&consent, "alice", Consent::All).await?;

    // Nothing of today's is ticked, and nothing is missing.
    let code = walk.to_finish("alice", Consent::Bare).await?;
    let said = walk.finish(&code, "the account to be connected", |message| message.says("is connected")).await?;
    ensure(!said.says("but not"), format_args!("nothing is missing: {}", said.text))?;
    let integration = house.connected_integration().await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    let log = house.audit(&integration).await?;
    let scopes = &events(&log, "AccessGranted")[0]["scopes"];
    ensure(wide.iter().all(|scope| scopes.as_array().is_some_and(|all| all.contains(&json!(scope)))), scopes)?;
    ensure(!scopes.to_string().contains("readonly"), scopes)?;
    logged(&house, &integration, "CalendarFetched", 1).await?;
    mail_agrees(&house, "alice").await?;
    inbox(&walk.person, 125).await?;
    grants_agree(&house).await?;
    house.end().await
}

#[tokio::test]
async fn a_program_that_mends_an_account_asks_for_what_is_missing_alone() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    let mut walk = house.walker(1, "Nobody")?;
    let mut asked = api.get("oauth/google/authorize").await?;
    for (decision, state) in [(Consent::Without(CALENDAR_SCOPE), "degraded"), (Consent::All, "active")] {
        let consent = walk.to_consent(&Url::parse(&asked.field("connect_url")?)?).await?;
        if state == "active" {
            assert_eq!(offered(&consent), [CALENDAR_SCOPE]);
        }
        let page = walk.decide(&consent, "alice", decision).await?;
        let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
        let finished = api.post("oauth/google/finish", Some(json!({ "finish_code": code }))).await?;
        let integration = finished.expect(200)?["integration"].clone();
        assert_eq!(integration["state"], state);
        let id = integration["id"].as_str().unwrap_or_default();
        asked = api.get(&format!("oauth/google/authorize?integration={id}")).await?;
    }
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn what_is_granted_after_the_connection_was_ended_is_given_back() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    house.command(&["disconnect", "--integration", &integration, "--because", "they asked by letter"]).await?;
    logged(&house, &integration, "AccessRevoked", 1).await?;
    // Whoever sits before the consent page does not know, and allows it: that is a new grant.
    let page = walk.decide(&consent, "alice", Consent::All).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    walk.finish(&code, "that it was ended", |message| message.says("disconnected while you were away")).await?;
    until("what came too late to be given back", async || {
        Ok(house.sandbox.ledger().await?.grants.is_empty().then_some(()))
    })
    .await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.exchanges().len(), 2);
    assert_eq!(ledger.revocations.iter().filter(|end| end.by == "client" && end.outcome == "revoked").count(), 2);
    assert_eq!(state_of(&house, &integration).await?, "disconnected");
    house.end().await
}
