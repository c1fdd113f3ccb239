//! More than one: two people at once see only what is theirs, and a group sees nothing of anybody.

use bellhop_tests::{House, Person, Story, Trouble, Walk, ensure};
use futures::future::try_join_all;
use serde_json::json;

use super::{answer, connected, is_tidy, says, settled, talkative, whole};

/// Whoever names these speaks of Ben, and of Cleo.
const BENS: [&str; 3] = ["bob@sandbox.example", "Only Ben reads this", "Only Ben goes there"];
const CLEOS: [&str; 3] = ["carol@sandbox.example", "Only Cleo reads this", "Only Cleo goes there"];

/// Two people with an account each, in which something stands that nobody else may see.
async fn two(house: &House) -> Story<(Walk, Walk)> {
    let day = house.now().await?.date_naive();
    for (account, mail, event) in [("bob", BENS[1], BENS[2]), ("carol", CLEOS[1], CLEOS[2])] {
        house.sandbox.mail_arrives(account, "Anna <anna@harbour.example>", mail, "Nobody else's.").await?;
        let end = day + chrono::TimeDelta::days(3);
        let event = json!({ "summary": event, "start": { "date": day }, "end": { "date": end } });
        house.sandbox.post(&format!("google/accounts/{account}/calendars/primary/events"), event).await?;
    }
    Ok((connected(house, 1002, "Ben", "bob").await?, connected(house, 1003, "Cleo", "carol").await?))
}

/// Trouble if a chat shows any of this, or ever did.
async fn shows_none_of(person: &Person, words: &[&str]) -> Story {
    for message in person.heard().await? {
        let labels = message.labels().join(" ");
        for text in message.earlier_texts.iter().chain([&message.text, &labels]) {
            for word in words {
                ensure(!text.contains(word), format_args!("{} is shown {word:?} in {text:?}", person.name))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_people_at_once_see_only_what_is_theirs() -> Story {
    let house = talkative().await?;
    let (ben, cleo) = two(&house).await?;
    let (ben, cleo) = (ben.person, cleo.person);
    says(&answer(&ben, "/timezone Asia/Tokyo").await?, &["Asia/Tokyo"])?;
    says(&answer(&cleo, "/settings 7-15").await?, &["07:00–15:00"])?;
    let words = ["/agenda", "/inbox", "/settings", "/free", "/accounts", "/calendars", "/mail", "any mail from Anna?"];
    // All at once, each person's in their order.
    for person in [&ben, &cleo] {
        try_join_all(words.map(|words| person.say(words))).await?;
    }
    for (person, own, others) in [(&ben, BENS, CLEOS), (&cleo, CLEOS, BENS)] {
        for part in own {
            person.sees(part, |message| message.says(part)).await?;
        }
        person.sees("their mail", |message| message.says("Nobody else's.")).await?;
        shows_none_of(person, &others).await?;
    }
    let bens = whole(&ben, "/settings", "Your settings").await?;
    says(&bens, &["Asia/Tokyo", "09:00–18:00"])?;
    let cleos = whole(&cleo, "/settings", "Your settings").await?;
    says(&cleos, &["from your calendar", "07:00–15:00"])?;

    // Each taps under their own message at the same moment.
    let (left, right) = futures::join!(ben.tap(&bens, "Sat"), cleo.tap(&cleos, "Sun"));
    assert_eq!((left?, right?), (String::new(), String::new()));
    ben.sees_change(bens.id, "Saturday", |message| message.says("Fri, Sat") && message.says("09:00")).await?;
    cleo.sees_change(cleos.id, "Sunday", |message| message.says("Fri, Sun") && message.says("07:00")).await?;
    is_tidy(&ben).await?;
    is_tidy(&cleo).await?;
    house.end().await
}

#[tokio::test]
async fn no_button_of_somebody_elses_shows_or_changes_anything_of_theirs() -> Story {
    let house = talkative().await?;
    let (ben, cleo) = two(&house).await?;
    let (ben, cleo) = (ben.person, cleo.person);
    let (mut buttons, mut before) = (vec![], vec![]);
    for words in [
        "/inbox",
        "/mail",
        "/search Anna",
        "/agenda",
        "/free",
        "/calendars",
        "/settings",
        "/timezone springfield",
        "/disconnect",
    ] {
        let said =
            if words == "/search Anna" { whole(&ben, words, BENS[1]).await? } else { answer(&ben, words).await? };
        // A mail and a search show their buttons once they are there.
        let with_buttons =
            ben.sees("its buttons", |message| message.id == said.id && !message.buttons.is_empty()).await?;
        buttons.extend(with_buttons.presses());
        before.push(said);
    }
    assert!(buttons.len() > 40, "{buttons:?}");
    let under = answer(&cleo, "/help").await?;
    let mut refused = 0;
    for data in &buttons {
        let told = cleo.tap_data(under.id, data).await?;
        refused += u32::from(told.contains("not one of yours"));
    }
    assert!(refused > 15, "of {} presses {refused} were refused", buttons.len());
    answer(&cleo, "/help").await?;
    shows_none_of(&cleo, &BENS).await?;
    // What they settled, they settled for themselves.
    for (words, heading) in [("/settings", "Your settings"), ("/calendars", "Your calendars")] {
        let said = before.iter().find(|said| said.says(heading)).ok_or_else(|| Trouble::new(heading))?;
        let now = answer(&ben, words).await?;
        assert_eq!((settled(&now), now.labels()), (settled(said), said.labels()), "{words}");
    }
    let connected = "select count(*) from integrations where status = 'active'";
    assert_eq!(house.database.number(connected).await?, 2);
    is_tidy(&cleo).await?;
    house.end().await
}

#[tokio::test]
async fn a_group_is_only_shown_the_way_to_the_private_chat() -> Story {
    let house = talkative().await?;
    let (ben, _cleo) = two(&house).await?;
    let ben = ben.person;
    let group = house.group(-500, "Friends").await?;
    let menu = ben.menu().await?;
    let bot = house.sandbox.get("telegram/people").await?["bot_username"].as_str().unwrap_or_default().to_owned();
    for (asked, name) in (1..).zip(menu.iter().map(|(name, _)| name.as_str()).chain(["start"])) {
        let command = if asked % 2 == 0 { format!("/{name}@{bot} tomorrow") } else { format!("/{name} tomorrow") };
        group.say(&ben, &command).await?;
        bellhop_tests::until(&command, async || Ok((group.heard().await?.len() == asked).then_some(()))).await?;
    }
    for message in group.heard().await? {
        says(&message, &["out of groups"])?;
        let link = message.link().map(|link| link.path().to_owned()).unwrap_or_default();
        assert!(link.ends_with(&bot) && message.labels() == ["Open our private chat"], "{link} {:?}", message.labels());
    }
    // Words, places, other bots' commands and pictures are nothing to answer, and a press shows nothing.
    let said = group.heard().await?;
    for words in [&format!("@{bot} what's on tomorrow?"), "any mail from Anna?", "/weather", "/inbox@other_bot"] {
        group.say(&ben, words).await?;
    }
    group.send(&ben, "location", json!({ "latitude": 52.5, "longitude": 13.4 })).await?;
    group.send(&ben, "photo", json!({})).await?;
    let inbox = answer(&ben, "/inbox").await?;
    let settings = answer(&ben, "/settings").await?;
    for data in inbox.presses().iter().chain(&settings.presses()) {
        let told = group.tap_data(&ben, said[0].id, data).await?;
        assert_eq!(told, "Only in our private chat.", "{data}");
    }
    let now = answer(&ben, "/settings").await?;
    assert_eq!(settled(&now), settled(&settings), "neither a place nor a press in the group settled anything");
    let after = group.heard().await?;
    assert_eq!(after.len(), said.len(), "{after:?}");
    assert!(after.iter().all(|message| message.edits == 0));
    house.end().await
}
