//! Mail that is opened, read, searched for, and its attachments: through the chat, as people do it.

use bellhop_tests::{Consent, House, MAIL_SCOPE, Message, Person, Story, Trouble, Walk, ensure, until};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{inbox, mail_agrees, rested};

#[path = "../../../crates/bellhop/src/letter/corpus.rs"]
mod corpus;

/// The pause after which a mailbox is looked at again.
const POLL: TimeDelta = TimeDelta::seconds(301);

/// An answer, the answer alone of which is not one.
const FETCHING: &str = "Fetching the mail";

/// A mail that arrives, in the sandbox's fields.
async fn arrives(house: &House, account: &str, mail: Value) -> Story<String> {
    let arrived = house.sandbox.post(&format!("google/accounts/{account}/mails"), mail).await?;
    Ok(arrived["id"].as_str().unwrap_or_default().to_owned())
}

/// Any bytes that arrive as a mail.
async fn arrives_raw(house: &House, account: &str, raw: Vec<u8>, date: DateTime<Utc>) -> Story {
    let mut address = house.sandbox.origin.join(&format!("sandbox/google/accounts/{account}/mails/raw"))?;
    address.query_pairs_mut().append_pair("date", &date.to_rfc3339());
    let answer = reqwest::Client::new().post(address).body(raw).send().await?;
    ensure(answer.status().is_success(), format_args!("the sandbox answers {}", answer.status()))
}

/// Waits until what has just arrived is stored.
async fn stored(house: &House, account: &str) -> Story {
    house.advance(POLL)?;
    mail_agrees(house, account).await
}

/// Somebody whose account is connected and whose mail is there.
async fn reader(house: &House, id: i64, name: &str, account: &str) -> Story<Walk> {
    let mut walk = house.walker(id, name)?;
    walk.connect(account).await?;
    rested(house).await?;
    Ok(walk)
}

/// Asks for a mail and waits until it is there.
async fn opened(person: &Person, words: &str) -> Story<Message> {
    let fetched = |message: &Message| message.text.starts_with("✉️");
    person.ask(words, "a mail to be open", fetched).await
}

fn labels(message: &Message) -> Vec<&str> {
    message.buttons.iter().flatten().map(|button| button.text.as_str()).collect()
}

/// The messages of a chat as the sandbox keeps them, with files and the answers to presses.
async fn transcript(house: &House, person: &Person) -> Story<Value> {
    house.sandbox.get(&format!("telegram/people/{}/messages", person.id)).await
}

/// Waits until a press is answered with such words.
async fn is_told(house: &House, person: &Person, words: &str) -> Story {
    until(&format!("a press to be answered with {words:?}"), async || {
        let told = transcript(house, person).await?.to_string().contains(words);
        Ok(told.then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_mail_is_opened_from_the_inbox_read_and_left_again() -> Story {
    let house = House::open().await?;
    let walk = reader(&house, 1001, "Ada", "bob").await?;
    let person = &walk.person;
    let long = format!(
        "{}\n\nOn 20 Nov 2026 Bob wrote:\n{}",
        "A sentence of many. ".repeat(300),
        "> said before\n".repeat(300)
    );
    let file = corpus::base64(b"%PDF-1.4 the whole report").replace("\r\n", "");
    let attachments = json!([{ "filename": "report.pdf", "kind": "application/pdf", "data": file }]);
    let mail = json!({
        "from": "Cy <cy@sender.example>", "subject": "The report <b>", "text": long, "attachments": attachments
    });
    arrives(&house, "bob", mail).await?;
    stored(&house, "bob").await?;
    let mails = house.sandbox.ledger().await?.inbox("bob").len();

    let list = inbox(person, mails).await?;
    ensure(list.says("1. ● The report <b>"), &list.text)?;
    person.press(&list, "1").await?;
    let page = person.sees_change(list.id, "the mail", |message| message.says("Page 1 of")).await?;
    for part in ["The report <b>", "From Cy · cy@sender.example", "A sentence of many."] {
        ensure(page.says(part), format_args!("no {part:?} in {}", page.text))?;
    }
    ensure(!page.says("said before"), "what was said before is folded away")?;
    ensure(page.earlier_texts.iter().any(|text| text.contains(FETCHING)), "that it is being fetched is said at once")?;
    assert_eq!(labels(&page), ["Page 2 ▶", "📎 report.pdf · 25 bytes", "Show quoted", "◀ Inbox"]);

    person.press(&page, "Page 2").await?;
    let second = person.sees_change(list.id, "its second page", |message| message.says("Page 2 of")).await?;
    person.press(&second, "Page 1").await?;
    let first = person.sees_change(list.id, "its first page again", |message| message.says("Page 1 of")).await?;
    person.press(&first, "Show quoted").await?;
    let quoted = |message: &Message| message.button("Hide quoted").is_some();
    let shown = person.sees_change(list.id, "what was said before", quoted).await?;

    person.press(&shown, "report.pdf").await?;
    let sent = until("the file", async || {
        let all = transcript(&house, person).await?;
        let newest = all["messages"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        Ok(newest["media"]["file_id"].is_string().then_some(newest))
    })
    .await?;
    let name = sent["media"]["file_name"].as_str();
    ensure(name == Some("report.pdf"), format_args!("sent was {sent}"))?;
    let path = format!("sandbox/telegram/files/{}", sent["media"]["file_id"].as_str().unwrap_or_default());
    let content = reqwest::get(house.sandbox.origin.join(&path)?).await?.bytes().await?;
    assert_eq!(&content[..], b"%PDF-1.4 the whole report");

    person.press(&shown, "Inbox").await?;
    person.sees_change(list.id, "the inbox again", |message| message.says(&format!("of {mails}"))).await?;
    house.end().await
}

#[tokio::test]
async fn a_mail_is_found_by_number_and_by_name() -> Story {
    let house = House::open().await?;
    let walk = reader(&house, 1001, "Ada", "bob").await?;
    let person = &walk.person;
    for (from, subject) in [
        ("Anna <anna@sender.example>", "First plans"),
        ("Cy <cy@sender.example>", "Second plans"),
        ("Dan <d@sender.example>", "Third"),
    ] {
        arrives(&house, "bob", json!({ "from": from, "subject": subject, "text": format!("This is {subject}.") }))
            .await?;
        house.advance(TimeDelta::seconds(1))?;
    }
    stored(&house, "bob").await?;
    let newest = opened(person, "/mail").await?;
    ensure(newest.says("✉️ Third") && newest.says("This is Third."), &newest.text)?;
    ensure(opened(person, "/mail 2").await?.says("✉️ Second plans"), "the second newest")?;
    ensure(opened(person, "/mail anna").await?.says("✉️ First plans"), "by name")?;
    ensure(opened(person, "/mail plans").await?.says("✉️ Second plans"), "the newest of those that match")?;
    for (asked, answered) in [
        ("/mail 0", "no mail with that number"),
        ("/mail 9999", "no mail with that number"),
        ("/mail 🦀</b>\u{202e}", "/search"),
        ("/mail 12345678901234567890", "/search"),
    ] {
        person.ask(asked, "an answer", |message| message.says(answered)).await?;
    }
    house.end().await
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() -> Story {
    let house = House::open().await?;
    let walk = reader(&house, 1001, "Ada", "bob").await?;
    let person = &walk.person;
    house.person(1002, "Ben").ask("/mail", "that nothing is connected", |message| message.says("No account")).await?;
    let id = arrives(&house, "bob", json!({ "from": "C <c@sender.example>", "subject": "Soon gone", "text": "x y z" }))
        .await?;
    stored(&house, "bob").await?;

    // While Google is away the mail cannot be read; trying again can.
    let away = json!({ "path": "/gmail/v1/users/me/messages/", "status": 503, "times": 1 });
    house.sandbox.fault(away).await?;
    let failed = person.ask("/mail", "that Google is away", |message| message.says("not answering properly")).await?;
    assert_eq!(labels(&failed), ["↻ Try again", "◀ Inbox"]);
    person.press(&failed, "Try again").await?;
    let open = person.sees_change(failed.id, "the mail", |message| message.says("Soon gone")).await?;

    // A token that ended is renewed on the way.
    house.sandbox.post("google/accounts/bob/expire-access-tokens", json!({})).await?;
    ensure(opened(person, "/mail").await?.says("Soon gone"), "with a new token")?;

    // Others cannot press the buttons of one's mail, and nobody those of a list that is forgotten.
    let back = open.button("Inbox").and_then(|button| button.callback_data.clone());
    let list = inbox(person, house.sandbox.ledger().await?.inbox("bob").len()).await?;
    let opener = list.button("1").and_then(|button| button.callback_data.clone());
    let (Some(opener), Some(_)) = (opener, back) else { return Err(Trouble::new("no button")) };
    let ben = house.person(1002, "Ben");
    let his = ben.ask("/help", "an answer", |message| message.says("/inbox")).await?;
    ben.press_data(his.id, &opener).await?;
    is_told(&house, &ben, "not one of yours").await?;
    let (kept, _) = opener.rsplit_once('.').ok_or_else(|| Trouble::new("a press without a mail"))?;
    person.press_data(list.id, &format!("{kept}.AAAAAAAAAAA")).await?;
    is_told(&house, person, "no longer know which mail").await?;
    person.press_data(list.id, kept).await?;
    is_told(&house, person, "from an older message").await?;

    // What was deleted meanwhile is said to be.
    house.sandbox.delete_mail("bob", &id).await?;
    person.press(&list, "1").await?;
    person.sees_change(list.id, "that it is gone", |message| message.says("no longer there")).await?;

    // Without access there is one button, and it mends.
    house.sandbox.revoke_at_google("bob").await?;
    let ended = |message: &Message| message.says("could not fetch") && message.button("Reconnect").is_some();
    person.ask("/mail 2", "that access has ended", ended).await?;
    house.end().await
}

#[tokio::test]
async fn a_search_asks_google_and_says_so_when_it_could_not() -> Story {
    let house = House::open().await?;
    let mut walk = reader(&house, 1001, "Ada", "bob").await?;
    let person = walk.person.clone();
    let file = json!([{ "filename": "x.txt", "data": corpus::base64(b"hello") }]);
    let mail =
        json!({ "from": "Cy <cy@sender.example>", "subject": "Zebra one", "text": "stripes", "attachments": file });
    arrives(&house, "bob", mail).await?;
    arrives(&house, "bob", json!({ "from": "D <d@sender.example>", "subject": "Zebra two", "text": "stripes" }))
        .await?;
    stored(&house, "bob").await?;
    person.ask("/search", "how to search", |message| message.says("/search from:anna")).await?;

    let done = |message: &Message| !message.says("Searching for");
    let found = person
        .ask("/search zebra has:attachment", "what was found", |message| done(message) && message.says("Zebra one"))
        .await?;
    ensure(!found.says("Zebra two") && !found.says("⚠️"), &found.text)?;
    person.press(&found, "1").await?;
    let open = person.sees_after(found.id, "the mail", |message| message.says("From Cy · cy@sender.example")).await?;
    assert_eq!(labels(&open), ["📎 x.txt · 5 bytes"], "the list is above, and stays");
    person.ask("/search nothing_like_this", "that nothing was found", |message| message.says("Nothing found")).await?;
    person.ask("/search <b>\u{202e}\"(", "an answer", done).await?;

    // What is stored answers where Google does not, and what it cannot tell is named.
    house.sandbox.fault(json!({ "path": "/gmail/v1/users/me/messages", "status": 503, "times": 1 })).await?;
    let from_store = |message: &Message| {
        message.says("So I looked only through") && message.says("newest mails I have stored, checked")
    };
    let found = person.ask("/search zebra has:attachment", "what is stored", from_store).await?;
    ensure(
        found.says("Zebra one") && found.says("Zebra two") && found.says("could not look for has:attachment"),
        &found.text,
    )?;
    house
        .sandbox
        .fault(json!({ "path": "/gmail/v1/users/me/messages", "status": 429, "retry_after": 7, "times": 1 }))
        .await?;
    let slow = |message: &Message| message.says("asks me to slow down") && from_store(message);
    person.ask("/search zebra", "that Google wants a pause", slow).await?;

    // A second account is searched too, and named where it could not be.
    let code = walk.to_finish("alice", Consent::Without(MAIL_SCOPE)).await?;
    walk.finish(&code, "the second account", |message| message.says("alice@")).await?;
    let both = |message: &Message| message.says("Zebra two") && message.says("Not searched. I am not allowed");
    let found = person.ask("/search zebra", "both accounts", both).await?;
    ensure(found.says("📬 bob@") && found.says("📬 alice@"), &found.text)?;
    ensure(found.button("Allow the mail").is_some(), "what is missing can be allowed")?;

    house.sandbox.revoke_at_google("bob").await?;
    let ended =
        |message: &Message| message.says("no longer accepts") && from_store(message) && message.says("Zebra one");
    let found = person.ask("/search zebra", "what is stored of the account that has ended", ended).await?;
    ensure(found.button("Reconnect").is_some(), "it can be mended")?;
    house.end().await
}

#[tokio::test]
async fn two_people_read_at_once_and_see_their_own() -> Story {
    let house = House::open().await?;
    let ada = reader(&house, 1001, "Ada", "alice").await?;
    let ben = reader(&house, 1002, "Ben", "bob").await?;
    for (account, subject) in [("alice", "For Ada alone"), ("bob", "For Ben alone")] {
        let mail = json!({ "from": "C <c@sender.example>", "subject": subject, "text": format!("{subject}, really.") });
        arrives(&house, account, mail).await?;
    }
    house.advance(POLL)?;
    let arrived =
        async |walk: &Walk, words: &str| walk.person.ask("/inbox", "the news", |message| message.says(words)).await;
    tokio::try_join!(arrived(&ada, "For Ada alone"), arrived(&ben, "For Ben alone"))?;
    let (hers, his) = tokio::try_join!(opened(&ada.person, "/mail"), opened(&ben.person, "/mail"))?;
    ensure(hers.says("For Ada alone, really.") && his.says("For Ben alone, really."), "each their own")?;
    let nothing = |message: &Message| message.says("Nothing found");
    tokio::try_join!(
        ada.person.ask("/search subject:\"For Ben alone\"", "nothing of his", nothing),
        ben.person.ask("/search subject:\"For Ada alone\"", "nothing of hers", nothing)
    )?;
    house.end().await
}

/// What is amiss in what one person sees of their share of the odd mail, the newest first.
async fn read_all(person: &Person, share: &[&corpus::Specimen]) -> Story<Vec<String>> {
    let mut amiss = vec![];
    for (index, specimen) in share.iter().rev().enumerate() {
        let name = specimen.name;
        let open = opened(person, &format!("/mail {}", index + 1)).await;
        let open = open.map_err(|trouble| Trouble::new(format!("{name}: {trouble}")))?;
        let seen = format!("{}\n{}", open.text, labels(&open).join("\n"));
        let missing =
            specimen.shows.iter().filter(|words| !seen.contains(**words)).map(|words| ("does not say", words));
        let wrong = specimen.hides.iter().filter(|words| seen.contains(**words)).map(|words| ("says", words));
        amiss.extend(missing.chain(wrong).map(|(verb, words)| format!("{name} {verb} {words:?}: {seen:.600}")));
    }
    Ok(amiss)
}

#[tokio::test]
async fn all_odd_mail_can_be_opened() -> Story {
    let house = House::plan().sandbox(&["--mails", "3"]).open().await?;
    let people = [(1001, "Ada", "alice"), (1002, "Ben", "bob"), (1003, "Cleo", "carol")];
    let specimens = corpus::specimens();
    let mut readers = vec![];
    for (index, (id, name, account)) in people.into_iter().enumerate() {
        let walk = reader(&house, id, name, account).await?;
        let share: Vec<_> = specimens.iter().skip(index).step_by(people.len()).collect();
        for (number, specimen) in share.iter().enumerate() {
            let later = TimeDelta::seconds(i64::try_from(number).unwrap_or(0));
            arrives_raw(&house, account, specimen.raw.clone(), house.now().await? + later).await?;
        }
        readers.push((walk, share));
    }
    house.advance(POLL)?;
    until("all of it to be stored", async || {
        let stored = house.database.number("select count(*) from mail_messages").await?;
        let mut there = 0;
        for (_, _, account) in people {
            there += i64::try_from(house.sandbox.ledger().await?.inbox(account).len()).unwrap_or(0);
        }
        Ok((stored == there).then_some(()))
    })
    .await?;
    let [ada, ben, cleo] = &readers[..] else { return Err(Trouble::new("three readers")) };
    let (hers, his, cleos) = tokio::try_join!(
        read_all(&ada.0.person, &ada.1),
        read_all(&ben.0.person, &ben.1),
        read_all(&cleo.0.person, &cleo.1)
    )?;
    let amiss = [hers, his, cleos].concat();
    ensure(amiss.is_empty(), amiss.join("\n\n"))?;
    house.end().await
}

#[tokio::test]
async fn with_several_accounts_a_number_asks_in_whose_inbox_it_counts() -> Story {
    let house = House::open().await?;
    let mut walk = reader(&house, 1001, "Ada", "bob").await?;
    walk.connect("alice").await?;
    let person = &walk.person;
    rested(&house).await?;
    for (account, subject) in [("bob", "Older of Bob"), ("alice", "Newest of Alice")] {
        arrives(&house, account, json!({ "from": "C <c@sender.example>", "subject": subject, "text": "x y z" }))
            .await?;
        house.advance(TimeDelta::seconds(1))?;
    }
    house.advance(POLL)?;
    until("the mail of both to be stored", async || {
        let ledger = house.sandbox.ledger().await?;
        let there = ledger.inbox("bob").len() + ledger.inbox("alice").len();
        let stored = house.database.rows("select message_id from mail_messages").await?.len();
        Ok((stored == there).then_some(()))
    })
    .await?;
    let whose = person.ask("/mail 1", "whose", |message| message.says("Number 1 of whose inbox?")).await?;
    person.press(&whose, "bob@").await?;
    person.sees_change(whose.id, "the first of his", |message| message.says("✉️ Older of Bob")).await?;
    house.end().await
}
