//! Every command, with what it takes and with what it cannot read.

use bellhop_tests::{Message, Story, Trouble, ensure};
use chrono::{Datelike, TimeDelta};
use serde_json::json;

use super::{answer, connected, is_tidy, says, talkative, whole};

#[tokio::test]
async fn whoever_comes_first_is_told_everything_there_is_and_what_to_do_next() -> Story {
    let house = talkative().await?;
    let ada = house.person(1001, "Ada");
    let welcome = answer(&ada, "/start").await?;
    says(&welcome, &["Bellhop", "only read", "can be undone"])?;
    ensure(welcome.button("Connect Google").is_some(), "the next step is a button")?;
    let help = answer(&ada, "/help").await?;
    let menu = ada.menu().await?;
    assert!(menu.len() >= 12, "{menu:?}");
    for (name, summary) in &menu {
        let line = format!("/{name} – {summary}");
        ensure(help.text.lines().any(|said| said == line), format_args!("{line} is not in the help"))?;
        ensure(welcome.text.lines().any(|said| said == line), format_args!("{line} is not in the welcome"))?;
    }
    // Telegram itself shows Start to whoever has not yet, and it is nothing to do twice.
    assert!(menu.iter().all(|(name, _)| name != "start"), "{menu:?}");
    assert_eq!(help.text.matches("\n/").count(), menu.len(), "nothing else is in the help: {}", help.text);

    // Without an account there is one way on, and every command says so.
    for (name, _) in &menu {
        let said = answer(&ada, &format!("/{name}")).await?;
        match name.as_str() {
            "connect" => ensure(said.link().is_some(), "a link to connect with")?,
            "help" => says(&said, &["What I can do"])?,
            "timezone" => says(&said, &["I do not know where you are", "UTC", "/timezone Lisbon", "location"])?,
            "settings" => says(&said, &["Your settings", "09:00–18:00", "Monday to Friday", "30 minutes"])?,
            _ => {
                says(&said, &["No account is connected yet."])?;
                ensure(said.button("Connect Google").is_some(), format_args!("/{name} offers no way on"))?;
            }
        }
    }
    // Wrong names get the nearest, or the way to everything.
    says(&answer(&ada, "/agneda").await?, &["\u{201c}agneda\u{201d}", "Did you mean", "/agenda –"])?;
    says(&answer(&ada, "/setings").await?, &["/settings –"])?;
    says(&answer(&ada, "/quux").await?, &["I do not know the command \u{201c}quux\u{201d}", "/help"])?;
    says(&answer(&ada, "/").await?, &["I did not understand that.", "/help"])?;
    is_tidy(&ada).await?;
    // Nobody but Ada was here, so there is too little to scan for; the log must still prove itself.
    house.command(&["audit", "verify"]).await?;
    house.close().await
}

#[tokio::test]
async fn an_agenda_repeats_what_was_understood_and_turns_its_pages() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    says(&answer(&ada, "/agenda").await?, &["Today, ", "Checked at"])?;
    says(&answer(&ada, "/agenda tomorrow").await?, &["Tomorrow, "])?;
    let day = house.now().await?.date_naive() + TimeDelta::days(20);
    let named = day.format("%A %-d %B").to_string();
    for written in
        [day.format("%Y-%m-%d").to_string(), day.format("%-d.%-m.").to_string(), day.format("%-d %B").to_string()]
    {
        says(&answer(&ada, &format!("/agenda {written}")).await?, &[&named])?;
    }
    for (wrong, right) in [
        ("blue", "Write for example: today, tomorrow, friday"),
        ("30.2.", "There is no such day. Write for example 28.2."),
        ("99.99.", "There is no such day."),
        ("in 99999 days", "That year is too far away"),
        ("1.1. to 31.12.", "I look at 62 days at most"),
        ("<b>tomorrow</b> /start", "Write for example: today"),
        ("friday 25:00", "There is no such time of day"),
    ] {
        says(&answer(&ada, &format!("/agenda {wrong}")).await?, &[right])?;
    }
    let monday = day + TimeDelta::days(7 - i64::from(day.weekday().num_days_from_monday()));
    let sunday = monday + TimeDelta::days(6);
    let week = answer(&ada, &format!("/agenda {monday} to {sunday}")).await?;
    let heading = week.text.lines().next().unwrap_or_default().to_owned();
    says(&week, &[&monday.format("Monday %-d").to_string(), &sunday.format("Sunday %-d %B").to_string()])?;
    assert_eq!(ada.tap(&week, "▶").await?, "");
    let after = ada.sees_change(week.id, "the week after", |message| !message.text.starts_with(&heading)).await?;
    says(&after, &[&(sunday + TimeDelta::days(1)).format("Monday %-d").to_string()])?;
    ada.tap(&after, "◀").await?;
    let back = ada.sees_change(week.id, "the week again", |message| message.text.starts_with(&heading)).await?;

    // What is older than a minute is brought up to date in place.
    house.advance(TimeDelta::minutes(3))?;
    ada.tap(&back, "Refresh").await?;
    let is_news = |message: &Message| {
        let settled = message.says("Checked at") && !message.says("Looking");
        settled && (message.says("just now") || message.says(" seconds ago"))
    };
    let news = ada.sees_change(week.id, "news", is_news).await?;
    assert!(news.text.starts_with(&heading), "{}", news.text);
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn a_week_as_a_picture_arrives_and_can_be_looked_at() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "alice").await?.person;
    let week = answer(&ada, "/agenda next week").await?;
    let heading = week.text.lines().next().unwrap_or_default().to_owned();
    assert_eq!(ada.tap(&week, "Picture").await?, "");
    let picture = ada.sees_after(week.id, "a picture", |message| message.media["kind"] == "photo").await?;
    assert!(picture.text.starts_with(&heading), "what it shows is written under it: {}", picture.text);
    let address = picture.media["address"].as_str().unwrap_or_default();
    let answer = reqwest::Client::new().get(house.sandbox.origin.join(address)?).send().await?;
    assert!(answer.status().is_success());
    let bytes = answer.bytes().await?;
    // The stand-in, like Telegram, refuses a photo that does not decode.
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() > 10_000, "{} bytes", bytes.len());
    let side = |at: usize| bytes.get(at..at + 4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    assert_eq!(
        (side(16).map(u64::from), side(20).map(u64::from)),
        (picture.media["width"].as_u64(), picture.media["height"].as_u64())
    );
    assert!(side(16) >= Some(600) && side(20) >= Some(600), "readable on a phone");
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn free_time_says_by_which_days_hours_and_length() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    says(&answer(&ada, "/free").await?, &["Free ", "09:00–18:00", "30 min or more", "by your calendar"])?;
    says(&answer(&ada, "/free tomorrow").await?, &["Free tomorrow, ", "09:00–18:00"])?;
    says(&answer(&ada, "/free next week 90 min").await?, &["Monday ", "Sunday ", "1 h 30 min or more"])?;
    says(&answer(&ada, "/free tomorrow 9-12").await?, &["09:00–12:00"])?;
    says(&answer(&ada, "/free tomorrow 2 hours").await?, &["2 h or more"])?;
    for (wrong, right) in [
        ("blue", "Write for example: today"),
        ("30.2.", "There is no such day"),
        ("tomorrow 30 hours", "between 1 minute and 24 hours"),
        ("0 min", "between 1 minute and 24 hours"),
    ] {
        says(&answer(&ada, &format!("/free {wrong}")).await?, &[right])?;
    }
    let free = answer(&ada, "/free tomorrow").await?;
    ada.tap(&free, "Agenda").await?;
    ada.sees_change(free.id, "the same day's agenda", |message| message.text.starts_with("📅 Tomorrow")).await?;
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn where_somebody_is_can_be_named_picked_sent_and_taken_back() -> Story {
    let house = talkative().await?;
    let began = house.now().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    says(
        &answer(&ada, "/timezone").await?,
        &["Your calendar says that you are in America/New_York", "/timezone Lisbon"],
    )?;
    let tokyo = answer(&ada, "/timezone Asia/Tokyo").await?;
    says(&tokyo, &["Your times are now those of Asia/Tokyo, where it is"])?;
    ada.tap(&tokyo, "Back to America/New_York").await?;
    ada.sees_change(tokyo.id, "the calendar's zone", |message| message.says("Your calendar says")).await?;
    says(&answer(&ada, "/timezone asia/tokyo").await?, &["Asia/Tokyo"])?;
    let lisbon = answer(&ada, "/timezone Lisbon").await?;
    says(&lisbon, &["Lisbon, Portugal", "Europe/Lisbon"])?;
    ada.tap(&lisbon, "Back to Asia/Tokyo").await?;
    ada.sees_change(lisbon.id, "the zone before", |message| message.says("now those of Asia/Tokyo")).await?;

    let several = answer(&ada, "/timezone springfield").await?;
    says(&several, &["several of that name. Which one?"])?;
    assert!(several.labels().len() > 2 && several.buttons.iter().all(|row| row.len() == 1), "{:?}", several.buttons);
    ada.tap(&several, "Oregon").await?;
    ada.sees_change(several.id, "the one that was meant", |message| message.says("America/Los_Angeles")).await?;
    let near = answer(&ada, "/timezone Lisbn").await?;
    says(&near, &["\u{201c}Lisbn\u{201d}", "Did you mean"])?;
    ada.tap(&near, "Lisbon").await?;
    ada.sees_change(near.id, "what was nearly written", |message| message.says("Europe/Lisbon")).await?;
    for unknown in ["Qqqqq", "<b>x</b>", "\u{202e}nobsiL\u{202c} of old", "🦀🦀🦀", "1=1; --", &"x".repeat(4000)]
    {
        says(&answer(&ada, &format!("/timezone {unknown}")).await?, &["I do not know a place", "/timezone Lisbon"])?;
    }
    // Nothing that can be seen is no argument.
    says(&answer(&ada, "/timezone \u{200b}").await?, &["Your times are those of Europe/Lisbon"])?;

    let sent = ada.send("location", json!({ "latitude": 35.68, "longitude": 139.69 })).await?;
    let here = ada.sees_after(sent.message_id.unwrap_or_default(), "the zone there", |_| true).await?;
    says(&here, &["Asia/Tokyo"])?;
    // Every time is told by that clock from now on.
    let accounts = answer(&ada, "/accounts").await?;
    let inbox = answer(&ada, "/inbox").await?;
    // What it tells of has happened since she came, minutes ago on a busy machine.
    let lasted = (house.now().await? - began).num_minutes();
    let clock = |minutes| (began + TimeDelta::minutes(minutes)).with_timezone(&chrono_tz::Asia::Tokyo);
    let says_any = |message: &Message, form: &str| {
        (0..=lasted + 1).any(|minutes| message.text.contains(&clock(minutes).format(form).to_string()))
    };
    ensure(says_any(&accounts, " at %H:%M, %-d %b"), format_args!("{} in {}", clock(0), accounts.text))?;
    ensure(says_any(&inbox, "Checked at %H:%M, %-d %b") && !inbox.says("UTC"), &inbox.text)?;

    let mine = answer(&ada, "/timezone").await?;
    ada.tap(&mine, "My calendar's: America/New_York").await?;
    ada.sees_change(mine.id, "the calendar's zone", |message| message.says("Your calendar says")).await?;
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn settings_change_under_the_finger_and_in_writing() -> Story {
    let mut house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    let first = answer(&ada, "/settings").await?;
    says(&first, &["America/New_York", "from your calendar", "09:00–18:00", "Monday to Friday", "30 minutes or more"])?;
    let second = answer(&ada, "/settings").await?;
    ada.tap(&first, "Sat").await?;
    ada.sees_change(first.id, "Saturday", |message| message.says("Fri, Sat")).await?;
    // The other message still shows the days as they were; a tap there undoes nothing.
    ada.tap(&second, "Sun").await?;
    ada.sees_change(second.id, "every day", |message| message.says("every day")).await?;
    ada.tap(&second, "45 min").await?;
    ada.sees_change(second.id, "45 minutes", |message| message.says("45 minutes or more")).await?;
    let moved =
        ada.sees("later hours", |message| message.id == second.id && message.button("from 09:00").is_some()).await?;
    let later = moved.buttons.iter().find(|row| row.iter().any(|button| button.text == "from 09:00"));
    let later = later.and_then(|row| row.last()?.callback_data.clone()).ok_or_else(|| Trouble::new("no +30"))?;
    for _ in 0..2 {
        // What is tapped is settled, not added: an impatient finger gets what it saw.
        ada.tap_data(second.id, &later).await?;
    }
    ada.sees_change(second.id, "half past nine", |message| message.says("09:30–18:00")).await?;
    says(&answer(&ada, "/settings 8am to 4pm").await?, &["08:00–16:00", "every day", "45 minutes or more"])?;
    says(&answer(&ada, "/settings 1.5 h").await?, &["08:00–16:00", "every day", "90 minutes or more"])?;
    for (wrong, right) in [
        ("blue", "I cannot read that."),
        ("17-9", "ends before it begins"),
        ("25-26", "I cannot read that."),
        ("0 min", "between 1 minute and 24 hours"),
        ("monday to friday", "send /settings and tap them"),
    ] {
        let said = answer(&ada, &format!("/settings {wrong}")).await?;
        says(&said, &[right, "/settings 9-17", "/settings 45 min"])?;
    }
    // Forged or very old numbers settle nothing odd.
    assert!(ada.tap_data(second.id, "settings.e..0").await?.contains("ends after it begins"));
    assert!(ada.tap_data(second.id, "settings.d..0").await?.contains("At least one day"));
    assert!(ada.tap_data(second.id, "settings.w..99").await?.contains("older message"));
    assert!(ada.tap(&second, "from").await?.contains("/settings 9-17"));
    says(&answer(&ada, "/free").await?, &["08:00–16:00", "1 h 30 min or more"])?;

    house.stop("bellhop").await?;
    house.serve("bellhop", &[]).await?;
    says(&answer(&ada, "/settings").await?, &["08:00–16:00", "every day", "90 minutes or more"])?;
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn calendars_are_chosen_by_a_tap_and_accounts_say_how_they_are() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "alice").await?.person;
    let list = whole(&ada, "/calendars", "Tap one to choose it").await?;
    assert!(list.button("✅ alice@").is_some() && list.button("▫️ Harbour team").is_some(), "{:?}", list.labels());
    assert_eq!(ada.tap(&list, "Harbour team").await?, "");
    let chosen =
        ada.sees_change(list.id, "it to be chosen", |message| message.button("✅ Harbour team").is_some()).await?;
    whole(&ada, "/free tomorrow", "by 2 calendars").await?;
    says(
        &answer(&ada, "/accounts").await?,
        &["alice@sandbox.example", "connected", "Mail: ", "Calendar: 2 of 5 chosen"],
    )?;
    ada.tap(&chosen, "Harbour team").await?;
    ada.sees_change(list.id, "it to be left out", |message| message.button("▫️ Harbour team").is_some()).await?;
    whole(&ada, "/free tomorrow", "by your calendar").await?;
    // All of them left out is said, not taken for an empty life.
    ada.tap(&list, "alice@").await?;
    ada.sees_change(list.id, "none to be chosen", |message| message.button("▫️ alice@").is_some()).await?;
    is_tidy(&ada).await?;
    house.end().await
}
