//! Mail: first everything, then what changed, and what people are shown meanwhile.

use bellhop_tests::{House, Story, until};
use chrono::TimeDelta;
use serde_json::json;

use crate::{events, inbox, logged, mail_agrees, rested};

/// The pause between two looks at a mailbox that nobody asks about.
const POLL: TimeDelta = TimeDelta::seconds(301);

/// More than is ever fetched here in a minute: how fetches keep to limits is told in `limits.rs`.
const UNLIMITED: &str = "gmail.mailbox=60000/60s";

#[tokio::test]
async fn news_is_fetched_from_the_cursor_on() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "bob").await?;
    let before = house.sandbox.ledger().await?;

    let gone = before.inbox("bob")[2].clone();
    house.sandbox.delete_mail("bob", &gone).await?;
    let archived = before.inbox("bob")[3].clone();
    house.sandbox.post(&format!("google/accounts/bob/mails/{archived}/archive"), serde_json::json!({})).await?;
    house.sandbox.mail_arrives("bob", "Cy <cy@sender.example>", "Something new", "Read me.").await?;
    house.advance(POLL)?;
    let log = logged(&house, &integration, "MailFetched", 2).await?;
    mail_agrees(&house, "bob").await?;
    let fetched = events(&log, "MailFetched")[1];
    assert_eq!(fetched["mode"], "incremental", "{fetched}");
    assert_eq!((&fetched["added"], &fetched["removed"]), (&1.into(), &2.into()), "{fetched}");
    let after = house.sandbox.ledger().await?;
    let listed = |ledger: &bellhop_tests::Ledger| ledger.calls_of("/gmail/v1/users/{user}/messages", None);
    assert_eq!(listed(&after), listed(&before), "nothing is listed again");

    // A look that finds nothing new says nothing in the log.
    house.advance(POLL)?;
    until("another look", async || {
        let looks = house.sandbox.ledger().await?.calls_of("/gmail/v1/users/{user}/history", Some("200"));
        Ok((looks >= 2).then_some(()))
    })
    .await?;
    rested(&house).await?;
    assert_eq!(events(&house.audit(&integration).await?, "MailFetched").len(), 2);
    house.end().await
}

#[tokio::test]
async fn news_of_several_pages_is_complete_although_the_fetch_was_interrupted_in_the_middle_of_one() -> Story {
    let house = House::plan().set("GOOGLE_QUOTAS", UNLIMITED).open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "bob").await?;

    // A page of history holds a batch of 50 changes. The first one is recorded, of the second one a few messages are there,
    // then Google wants a pause.
    for number in 0..510 {
        house.sandbox.mail_arrives("bob", "Cy <cy@sender.example>", &format!("News {number}"), "Read me.").await?;
    }
    let message = json!({ "path": "/gmail/v1/users/me/messages/", "skip": 60, "status": 429, "retry_after": 60 });
    house.sandbox.fault(message).await?;
    house.advance(POLL)?;
    until("the fetch to be interrupted", async || {
        let held = "select count(*) from jobs where kind = 'fetch_mail' and lease is not null";
        let is_over = house.sandbox.faults_to_come().await? == 0 && house.database.number(held).await? == 0;
        Ok(is_over.then_some(()))
    })
    .await?;
    assert_eq!(house.database.number("select batches from mail_syncs").await?, 1);
    house.advance(TimeDelta::seconds(61))?;
    let log = logged(&house, &integration, "MailFetched", 2).await?;
    let fetched = events(&log, "MailFetched")[1];
    assert_eq!((&fetched["mode"], &fetched["added"]), (&"incremental".into(), &510.into()), "{fetched}");
    mail_agrees(&house, "bob").await?;
    house.end().await
}

#[tokio::test]
async fn a_cursor_that_is_too_old_means_everything_again_and_what_is_gone_goes() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    let ledger = house.sandbox.ledger().await?;
    for id in &ledger.inbox("bob")[1..4] {
        house.sandbox.delete_mail("bob", id).await?;
    }
    for subject in ["One more", "And another"] {
        house.sandbox.mail_arrives("bob", "Cy <cy@sender.example>", subject, "Read me.").await?;
    }
    house.sandbox.forget_history("bob").await?;
    house.advance(POLL)?;
    let log = logged(&house, &integration, "MailFetched", 2).await?;
    mail_agrees(&house, "bob").await?;
    let fetched = events(&log, "MailFetched")[1];
    assert_eq!(fetched["mode"], "full", "{fetched}");
    assert_eq!((&fetched["added"], &fetched["removed"]), (&2.into(), &3.into()), "{fetched}");
    assert!(house.sandbox.ledger().await?.calls_of("/gmail/v1/users/{user}/history", Some("404")) >= 1);
    house.end().await
}

#[tokio::test]
async fn an_old_answer_says_so_and_is_replaced_in_place() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    let mails = house.sandbox.ledger().await?.inbox("bob").len();
    let fresh = inbox(&walk.person, mails).await?;
    assert!(!fresh.says("Looking for news"), "{}", fresh.text);

    house.sandbox.mail_arrives("bob", "Cy <cy@sender.example>", "Hot from the press", "Read me.").await?;
    house.advance(TimeDelta::minutes(2))?;
    let old = walk.person.ask("/inbox", "an answer at once", |message| message.says("Checked at")).await?;
    let shown = walk.person.sees_change(old.id, "the news", |message| message.says("Hot from the press")).await?;
    let earlier = shown.earlier_texts.iter().any(|text| text.contains("Looking for news") && text.contains("2 min"));
    assert!(earlier || old.says("Looking for news"), "{:?}", shown.earlier_texts);
    assert!(shown.says(&format!("of {}", mails + 1)), "{}", shown.text);

    // A button asks for it too.
    house.sandbox.mail_arrives("bob", "Cy <cy@sender.example>", "Still warm", "Read me.").await?;
    house.advance(TimeDelta::minutes(1))?;
    walk.person.press(&shown, "Refresh").await?;
    walk.person.sees_change(old.id, "more news", |message| message.says("Still warm")).await?;
    house.end().await
}

#[tokio::test]
async fn the_newest_thousand_are_enough_for_a_beginning() -> Story {
    let house = House::plan().sandbox(&["--mails", "1020"]).set("GOOGLE_QUOTAS", UNLIMITED).open().await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    // So many take a busy machine a while.
    for there in (100..=1000).step_by(100) {
        until(&format!("the newest {there} to be stored"), async || {
            Ok((house.database.number("select count(*) from mail_messages").await? >= there).then_some(()))
        })
        .await?;
    }
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    assert_eq!(events(&log, "MailFetched")[0]["added"], 1000);
    let ledger = house.sandbox.ledger().await?;
    let stored = house.database.rows("select message_id from mail_messages").await?;
    let mut stored: Vec<_> = stored.iter().filter_map(|row| row["message_id"].as_str()).collect();
    let mut newest: Vec<_> = ledger.inbox("alice")[..1000].iter().map(String::as_str).collect();
    stored.sort_unstable();
    newest.sort_unstable();
    assert_eq!(stored, newest);
    house.end().await
}

#[tokio::test]
async fn mail_never_breaks_a_message() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("carol").await?;
    mail_agrees(&house, "carol").await?;
    let subjects = [
        "<b>not bold</b> & <script>alert(1)</script>".to_owned(),
        "\u{202e}backwards \u{0007} bell".to_owned(),
        "x".repeat(5_000),
        "🦀".repeat(600),
        "</i></b>&amp;&#0;".to_owned(),
    ];
    for subject in &subjects {
        house.sandbox.mail_arrives("carol", "\"<i>Eve</i>\" <eve@sender.example>", subject, subject).await?;
    }
    house.advance(TimeDelta::minutes(2))?;
    let mails = house.sandbox.ledger().await?.inbox("carol").len();
    let shown = inbox(&walk.person, mails).await?;
    assert!(shown.text.chars().count() <= 4_096 && shown.text.contains("<b>not bold</b> & <script>"), "{}", shown.text);
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(
        ledger.calls_of("/bot/sendMessage", Some("400")) + ledger.calls_of("/bot/editMessageText", Some("400")),
        0
    );
    house.end().await
}

#[tokio::test]
async fn an_empty_page_with_another_behind_it_is_not_the_end_of_an_inbox() -> Story {
    let house = House::open().await?;
    // Google filters by label after it has cut its pages.
    let beginning = format!("sandbox-page-{}-a", i64::MAX);
    let body = json!({ "resultSizeEstimate": 201, "nextPageToken": beginning }).to_string();
    let list = json!({ "path": "/gmail/v1/users/me/messages", "exact": true, "status": 200, "body": body });
    house.sandbox.fault(list).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    assert_eq!(house.sandbox.faults_to_come().await?, 0);
    mail_agrees(&house, "bob").await?;
    house.end().await
}
