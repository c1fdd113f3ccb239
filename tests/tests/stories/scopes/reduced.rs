//! What access turns out not to allow, after it was granted: known from the provider's own words, said once, and asked for
//! alone.

use bellhop_tests::{CALENDAR_SCOPE, Consent, House, Message, Story, Trouble, Walk, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{CALENDAR_ONLY, MAIL_ONLY, connected_without, decided, labels, offered, to_extra_consent};
use crate::{UNTIL_REFRESH, events, grants_agree, logged, mail_agrees, rested, state_of};

/// The calendar, allowed afterwards by an answer without a refresh token: the one that is kept does not know of it.
async fn calendar_for_an_hour(house: &House) -> Story<(Walk, String)> {
    let (mut walk, said) = connected_without(house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    let consent = to_extra_consent(&mut walk, &said, "calendar", CALENDAR_SCOPE).await?;
    let short = json!({ "omit": ["refresh_token"], "grant_type": "authorization_code", "times": 1 });
    house.sandbox.spoil_answers(short).await?;
    decided(&mut walk, &consent, Consent::All, "I can read your calendar now").await?;
    assert_eq!(state_of(house, &integration).await?, "active");
    logged(house, &integration, "CalendarFetched", 1).await?;
    Ok((walk, integration))
}

/// What the person heard of it: one message, with the one button.
async fn told_once(walk: &Walk) -> Story<Message> {
    let is_told = |message: &Message| message.says(MAIL_ONLY) && message.says("does not let me do more");
    let told = walk.person.sees_after(0, "what may not be read any more", is_told).await?;
    assert_eq!(labels(&told), ["Allow the calendar"]);
    let all = walk.person.messages().await?;
    assert_eq!(all.iter().filter(|message| is_told(message)).count(), 1);
    Ok(told)
}

/// What is left, by the log's last word on it.
fn left(log: &[Value]) -> (Value, Value) {
    let last = events(log, "AccessReduced").last().copied().cloned().unwrap_or_default();
    (last["granted"].clone(), last["missing"].clone())
}

#[tokio::test]
async fn a_refresh_that_brings_less_is_noticed_said_once_and_mended_by_the_one_button() -> Story {
    let house = House::open().await?;
    let (mut walk, integration) = calendar_for_an_hour(&house).await?;
    house.advance(UNTIL_REFRESH)?;
    let log = logged(&house, &integration, "AccessReduced", 1).await?;
    assert_eq!(left(&log), (json!(["mail"]), json!(["calendar"])));
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    let told = told_once(&walk).await?;
    rested(&house).await?;
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "With less", "Hello.").await?;
    house.advance(TimeDelta::minutes(11))?;
    mail_agrees(&house, "alice").await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "JobBuried").len() + events(&log, "JobFailed").len(), 0);

    let consent = to_extra_consent(&mut walk, &told, "calendar", CALENDAR_SCOPE).await?;
    decided(&mut walk, &consent, Consent::All, "I can read your calendar now").await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 2).await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    grants_agree(&house).await?;
    house.end().await
}

#[tokio::test]
async fn a_fetch_that_the_tokens_do_not_allow_is_given_up_without_a_dead_letter() -> Story {
    let house = House::open().await?;
    let (walk, integration) = calendar_for_an_hour(&house).await?;
    let silent = json!({ "omit": ["scope"], "grant_type": "refresh_token", "times": 1 });
    house.sandbox.spoil_answers(silent).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    rested(&house).await?;
    house.advance(TimeDelta::minutes(6))?;
    let log = logged(&house, &integration, "AccessReduced", 1).await?;
    assert_eq!(left(&log), (json!(["mail"]), json!(["calendar"])));
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    told_once(&walk).await?;
    rested(&house).await?;
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "With less", "Hello.").await?;
    house.advance(TimeDelta::minutes(11))?;
    mail_agrees(&house, "alice").await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "JobBuried").len() + events(&log, "JobFailed").len(), 0);
    house.end().await
}

#[tokio::test]
async fn a_link_for_what_was_missing_asks_for_everything_once_access_has_ended() -> Story {
    let house = House::open().await?;
    let (mut walk, said) = connected_without(&house, CALENDAR_SCOPE).await?;
    let integration = house.connected_integration().await?;
    mail_agrees(&house, "alice").await?;
    walk.person.press(&said, "Allow the calendar").await?;
    let invited = walk.person.sees_after(said.id, "a link", |message| message.link().is_some()).await?;
    let link = invited.link().ok_or_else(|| Trouble::new("no link"))?;
    house.sandbox.revoke_at_google("alice").await?;
    house.advance(TimeDelta::minutes(6))?;
    logged(&house, &integration, "AccessExpired", 1).await?;
    walk.browser.open(&link).await?.expect(200, &["read your mail", "read your calendar"])?;
    let consent = walk.to_consent(&link).await?;
    assert_eq!(offered(&consent).len(), 2, "both are asked for");
    let again = decided(&mut walk, &consent, Consent::All, "is connected again").await?;
    ensure(!again.says("has ended") && !again.says(CALENDAR_ONLY), format_args!("something is lost: {}", again.text))?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    mail_agrees(&house, "alice").await?;
    house.end().await
}
