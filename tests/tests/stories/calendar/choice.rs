//! Several calendars of one account: which are looked at, and what happens to those that are not or cannot be.

use bellhop_tests::{House, Message, Person, Story, Trouble, until};
use chrono::Weekday;
use chrono_tz::Tz;
use serde_json::json;

use super::{agenda, connected, looked_again, meeting, next, stored};

const ZONE: Tz = Tz::Europe__Helsinki;
const TEAM: &str = "harbour-team@group.calendar.sandbox.example";
const CHOIR: &str = "choir@group.calendar.sandbox.example";

/// The labels of the calendars in a list of them.
fn labels(message: &Message) -> Vec<&str> {
    let labels = message.buttons.iter().flatten().map(|button| button.text.as_str());
    labels.filter(|label| label.starts_with(['✅', '▫'])).collect()
}

/// Opens the list of calendars.
async fn calendars(person: &Person) -> Story<Message> {
    person.ask("/calendars", "the calendars", |message| !labels(message).is_empty()).await
}

/// Taps a calendar; waits until the list shows it as chosen, or as left out.
pub async fn tap(person: &Person, list: &Message, title: &str, chosen: bool) -> Story<Message> {
    person.press(list, title).await?;
    let mark = if chosen { "✅" } else { "▫" };
    person
        .sees_change(list.id, "the new choice", |message| {
            labels(message).iter().any(|label| label.starts_with(mark) && label.contains(title))
        })
        .await
}

/// Chooses every calendar of the list.
pub async fn choose_all(person: &Person) -> Story<usize> {
    let mut list = calendars(person).await?;
    loop {
        let left_out = labels(&list).into_iter().find_map(|label| label.strip_prefix('▫')).map(str::to_owned);
        let Some(left_out) = left_out else { return Ok(labels(&list).len()) };
        let title = left_out.trim_start_matches(|mark: char| !mark.is_alphanumeric()).to_owned();
        list = tap(person, &list, &title, true).await?;
    }
}

/// How many entries of calendars that are left out are stored, or anything else of them but the choice.
async fn traces(house: &House) -> Story<i64> {
    let entries =
        "select count(*) from calendar_entries e join calendars c using (integration, calendar) where not c.chosen";
    let progress = "select count(*) from calendars where not chosen and sealed_progress is not null";
    Ok(house.database.number(entries).await? + house.database.number(progress).await?)
}

#[tokio::test]
async fn a_calendar_that_is_chosen_comes_and_one_that_is_left_out_goes_without_a_trace() -> Story {
    let house = House::open().await?;
    // Far enough for nothing that the sandbox makes up to lie in that morning.
    let day = super::after(next(&house, Weekday::Wed).await?, 21);
    let team = house.sandbox.diary("alice", TEAM);
    team.put(meeting("Painting of the crane", day, ("07:10", "07:20"), ZONE)).await?;
    house.sandbox.diary("alice", "primary").put(meeting("Only for Alice", day, ("07:30", "07:40"), ZONE)).await?;
    let (walk, _) = connected(&house, "alice").await?;
    let ada = &walk.person;

    // Her own to begin with, and the others to choose from; not what she hid or deleted.
    let list = calendars(ada).await?;
    let expected = [
        "✅ alice@sandbox.example",
        "▫️ bob@sandbox.example",
        "▫️ Choir 🎶 كورال",
        "▫️ Harbour team",
        "▫️ Holidays of the harbour",
    ];
    assert_eq!(labels(&list), expected);
    let has = |lines: &[String], title: &str| lines.iter().any(|line| line.contains(title));
    let shown = agenda(ada, day).await?;
    assert!(has(&shown, "Only for Alice") && !has(&shown, "Painting of the crane"), "{shown:?}");
    let own = stored(&house).await?;

    let list = tap(ada, &list, "Harbour team", true).await?;
    until("the chosen calendar to come", async || Ok((stored(&house).await? > own).then_some(()))).await?;
    let shown = agenda(ada, day).await?;
    assert!(has(&shown, "Only for Alice · alice@sandbox.example"), "{shown:?}");
    assert!(has(&shown, "07:10–07:20  Painting of the crane · Harbour team"), "{shown:?}");
    let slots = super::free(ada, &format!("{day} 7:00 to 8:00 5 min")).await?;
    assert_eq!(slots[..2], ["07:00–07:10  (10 min)", "07:20–07:30  (10 min)"]);
    // The same press once more changes nothing: a button says what it does, not that it turns something round.
    assert_eq!(traces(&house).await?, 0);

    let old = list.clone();
    let list = tap(ada, &list, "Harbour team", false).await?;
    assert_eq!((stored(&house).await?, traces(&house).await?), (own, 0));
    ada.press(&old, "Harbour team").await?;
    looked_again(&house).await?;
    assert_eq!((stored(&house).await?, traces(&house).await?), (own, 0));
    let shown = agenda(ada, day).await?;
    assert!(has(&shown, "Only for Alice") && !has(&shown, "Painting of the crane"), "{shown:?}");

    // Without any there is nothing to tell, which is not the same as nothing being on.
    tap(ada, &list, "alice@", false).await?;
    assert_eq!((stored(&house).await?, traces(&house).await?), (0, 0));
    let none = "None of your calendars is chosen";
    for lines in [agenda(ada, day).await?, super::free(ada, &day.to_string()).await?] {
        assert!(lines.len() == 1 && lines[0].starts_with(none), "{lines:?}");
    }
    house.end().await
}

#[tokio::test]
async fn a_calendar_left_out_while_it_is_being_read_stays_out() -> Story {
    let house = House::open().await?;
    let (walk, _) = connected(&house, "alice").await?;
    let (ada, own) = (&walk.person, stored(&house).await?);
    house.sandbox.set_google(json!({ "calendar_page_size": 1 })).await?;
    let slow = json!({ "path": "/calendar/v3/calendars/harbour-team", "contains": "pageToken", "delay_ms": 3_000 });
    house.sandbox.fault(slow).await?;
    let list = calendars(ada).await?;
    let list = tap(ada, &list, "Harbour team", true).await?;
    until("the second page to be asked for", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(())))
        .await?;
    assert!(stored(&house).await? > own);
    tap(ada, &list, "Harbour team", false).await?;
    looked_again(&house).await?;
    assert_eq!((stored(&house).await?, traces(&house).await?), (own, 0));
    house.end().await
}

#[tokio::test]
async fn a_calendar_that_is_no_longer_shared_empties_and_does_not_stop_the_others() -> Story {
    let house = House::open().await?;
    let day = next(&house, Weekday::Wed).await?;
    let (team, choir) = (house.sandbox.diary("alice", TEAM), house.sandbox.diary("alice", CHOIR));
    team.put(meeting("Painting of the crane", day, ("07:10", "07:20"), ZONE)).await?;
    choir.put(meeting("Voices of the basses", day, ("07:30", "07:40"), ZONE)).await?;
    let (walk, _) = connected(&house, "alice").await?;
    let ada = &walk.person;
    let mut list = calendars(ada).await?;
    for title in ["Harbour team", "Choir"] {
        list = tap(ada, &list, title, true).await?;
    }
    looked_again(&house).await?;
    let shown = agenda(ada, day).await?;
    let count = |lines: &[String], title: &str| lines.iter().filter(|line| line.contains(title)).count();
    assert_eq!((count(&shown, "Painting of the crane"), count(&shown, "Voices of the basses")), (1, 1), "{shown:?}");
    let in_all = stored(&house).await?;

    let refusal = json!({ "error": { "code": 403, "errors": [{ "reason": "forbidden" }] } }).to_string();
    for answer in [json!({ "status": 404 }), json!({ "status": 403, "body": refusal })] {
        let mut refused = json!({ "path": "/calendar/v3/calendars/harbour-team", "times": 1_000 });
        for (name, value) in answer.as_object().into_iter().flatten() {
            refused[name] = value.clone();
        }
        house.sandbox.fault(refused).await?;
        let late = format!("Voices of the altos, {}", answer["status"]);
        let altos = choir.put(meeting(&late, day, ("07:50", "07:55"), ZONE)).await?;
        looked_again(&house).await?;
        // An answer that leaves a calendar out says so.
        for question in ["agenda", "free"] {
            let partly =
                ada.ask(&format!("/{question} {day}"), "that something is left out", super::is_settled).await?;
            assert!(partly.says("⚠️ Harbour team: Google does not let me read it"), "{}", partly.text);
        }
        let shown = agenda(ada, day).await?;
        assert_eq!(count(&shown, "Painting of the crane"), 0, "{shown:?}");
        assert_eq!((count(&shown, "Voices of the basses"), count(&shown, &late)), (1, 1), "{shown:?}");
        // Shared again, it is read from the beginning.
        house.sandbox.clear_faults().await?;
        choir.delete(&altos).await?;
        looked_again(&house).await?;
        assert_eq!(count(&agenda(ada, day).await?, "Painting of the crane"), 1);
        assert_eq!(stored(&house).await?, in_all);
    }

    // Taken from her list altogether.
    team.alter(json!({ "deleted": true })).await?;
    looked_again(&house).await?;
    let list = calendars(ada).await?;
    assert!(!labels(&list).iter().any(|label| label.contains("Harbour team")), "{:?}", labels(&list));
    let shown = agenda(ada, day).await?;
    assert_eq!((count(&shown, "Painting of the crane"), count(&shown, "Voices of the basses")), (0, 1), "{shown:?}");
    let team = "select count(*) from calendar_entries e where not exists (select from calendars c
                where c.integration = e.integration and c.calendar = e.calendar)";
    assert_eq!(house.database.number(team).await?, 0);
    if house.integrations().await?.iter().any(|row| row["state"] != "active") {
        return Err(Trouble::new("a calendar that is gone is no trouble"));
    }
    house.end().await
}

#[tokio::test]
async fn what_the_calendar_was_not_allowed_for_is_said_and_never_answered() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", bellhop_tests::Consent::Without(bellhop_tests::CALENDAR_SCOPE)).await?;
    walk.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    for question in ["/agenda tomorrow", "/free tomorrow"] {
        let answer = walk.person.ask(question, "what cannot be seen", |message| message.says("alice@")).await?;
        assert!(answer.says("I may not read this calendar"), "{}", answer.text);
        assert!(
            !answer.says("Nothing is on") && !answer.says("All of it") && !answer.says("Checked at"),
            "{}",
            answer.text
        );
        let offers: Vec<_> = answer.buttons.iter().flatten().filter(|button| button.text.contains("Allow")).collect();
        assert_eq!(offers.len(), 1, "{:?}", answer.buttons);
        assert_eq!(offers[0].text, "Allow the calendar");
    }
    let ledger = house.sandbox.ledger().await?;
    assert!(!ledger.calls.iter().any(|call| call.path.starts_with("/calendar/")), "{:?}", ledger.calls);
    house.end().await
}
