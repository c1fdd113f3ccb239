//! Days as they are shown: clock changes, whole days, and what takes time.

use bellhop_tests::{House, Story};
use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;
use serde_json::json;

use super::{after, agenda, at, connected, daily, free, meeting, moves_to, next, whole_days};

const HELSINKI: Tz = Tz::Europe__Helsinki;
const NEW_YORK: Tz = Tz::America__New_York;

/// Always two hours behind Helsinki.
const LONDON: Tz = Tz::Europe__London;

/// Moves the house's clock to two days before the next Sunday that is the nth of such a month, counted from its end where
/// negative. Answers the Sunday.
async fn two_days_before(house: &House, month: u32, nth: i64) -> Story<NaiveDate> {
    let now = house.now().await?;
    let sunday = |year: i32| {
        let begin = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
        let sundays =
            begin.iter_days().take_while(|day| day.month() == month).filter(|day| day.weekday() == Weekday::Sun);
        let sundays: Vec<NaiveDate> = sundays.collect();
        let place = if nth < 0 {
            sundays.len() - usize::try_from(-nth).unwrap_or(1)
        } else {
            usize::try_from(nth).unwrap_or(1) - 1
        };
        sundays[place]
    };
    let this_year = sunday(now.year());
    let found = if after(this_year, -3) > now.date_naive() { this_year } else { sunday(now.year() + 1) };
    house.advance(after(found, -2).and_hms_opt(9, 0, 0).unwrap_or_default().and_utc() - now)?;
    Ok(found)
}

#[tokio::test]
async fn in_the_night_in_which_clocks_go_back_everything_is_at_the_time_on_the_wall() -> Story {
    let house = House::open().await?;
    // Europe's clocks go back from four to three; New York's a week later.
    let night = two_days_before(&house, 10, -1).await?;
    let diary = house.sandbox.newcomer("dora", HELSINKI.name()).await?;
    let begin = after(night, -9);
    diary.put(daily("Night watch", begin, ("03:30", "03:45"), HELSINKI)).await?;
    diary.put(daily("Round of the yard", begin, ("09:00", "09:15"), HELSINKI)).await?;
    diary.put(daily("Call of the owners", begin, ("11:00", "11:30"), NEW_YORK)).await?;
    let through = json!({
        "summary": "Through the doubled hour",
        "start": { "dateTime": format!("{night}T02:30:00+03:00") },
        "end": { "dateTime": format!("{night}T03:30:00+02:00") },
    });
    diary.put(through).await?;
    let ada = connected(&house, "dora").await?.0.person;

    let (before, next) = (after(night, -1), after(night, 1));
    let usual = |call: &str| {
        vec![
            "03:30–03:45  Night watch".to_owned(),
            "09:00–09:15  Round of the yard".to_owned(),
            format!("{call}  Call of the owners (11:00 in New York)"),
        ]
    };
    assert_eq!(agenda(&ada, before).await?, usual("18:00–18:30"));
    let mut doubled = usual("17:00–17:30");
    doubled.insert(0, "02:30–03:30 (120 min)  Through the doubled hour".to_owned());
    assert_eq!(agenda(&ada, night).await?, doubled);
    assert_eq!(agenda(&ada, next).await?, usual("17:00–17:30"));
    // Seven hours from midnight to six.
    let slots = free(&ada, &format!("{night} 0:00 to 6:00 15 min")).await?;
    assert_eq!(slots, ["00:00–02:30  (2 h 30 min)", "03:30–06:00  (2 h 30 min)"]);

    // The same for somebody whose clocks have not changed yet.
    moves_to(&ada, "New York").await?;
    let there = [
        "02:00–02:15  Round of the yard (09:00 in Helsinki)",
        "11:00–11:30  Call of the owners",
        "19:30–21:30  Through the doubled hour (Sun 02:30 in Helsinki)",
        "20:30–20:45  Night watch (Sun 03:30 in Helsinki)",
    ];
    assert_eq!(agenda(&ada, before).await?, there);
    let there = [
        "03:00–03:15  Round of the yard (09:00 in Helsinki)",
        "11:00–11:30  Call of the owners",
        "21:30–21:45  Night watch (Mon 03:30 in Helsinki)",
    ];
    assert_eq!(agenda(&ada, night).await?, there);
    let slots = free(&ada, &format!("{before} 18:00 to 24:00 15 min")).await?;
    assert_eq!(slots, ["18:00–19:30  (1 h 30 min)", "21:30–24:00  (2 h 30 min)"]);
    house.end().await
}

#[tokio::test]
async fn in_the_night_in_which_clocks_go_forward_what_was_in_the_lost_hour_is_an_hour_later() -> Story {
    let house = House::open().await?;
    // New York's clocks go from two to three; Europe's two weeks later.
    let night = two_days_before(&house, 3, 2).await?;
    let diary = house.sandbox.newcomer("dora", NEW_YORK.name()).await?;
    let begin = after(night, -9);
    diary.put(daily("Night watch", begin, ("02:30", "02:45"), NEW_YORK)).await?;
    diary.put(daily("Round of the yard", begin, ("09:00", "09:15"), NEW_YORK)).await?;
    diary.put(daily("Call of the pilots", begin, ("16:00", "16:30"), HELSINKI)).await?;
    let mut over = meeting("Over the lost hour", night, ("01:30", "03:30"), NEW_YORK);
    over["location"] = "Pier of the owls".into();
    diary.put(over).await?;
    let ada = connected(&house, "dora").await?.0.person;

    let (before, next) = (after(night, -1), after(night, 1));
    let day_before = [
        "02:30–02:45  Night watch",
        "09:00–09:15  Round of the yard",
        "09:00–09:30  Call of the pilots (16:00 in Helsinki)",
    ];
    assert_eq!(agenda(&ada, before).await?, day_before);
    let shorter = [
        "01:30–03:30 (60 min)  Over the lost hour · Pier of the owls",
        "03:30–03:45  Night watch",
        "09:00–09:15  Round of the yard",
        "10:00–10:30  Call of the pilots (16:00 in Helsinki)",
    ];
    assert_eq!(agenda(&ada, night).await?, shorter);
    let day_after = [
        "02:30–02:45  Night watch",
        "09:00–09:15  Round of the yard",
        "10:00–10:30  Call of the pilots (16:00 in Helsinki)",
    ];
    assert_eq!(agenda(&ada, next).await?, day_after);
    // Five hours from midnight to six.
    let slots = free(&ada, &format!("{night} 0:00 to 6:00 15 min")).await?;
    assert_eq!(slots, ["00:00–01:30  (1 h 30 min)", "03:45–06:00  (2 h 15 min)"]);

    moves_to(&ada, "Helsinki").await?;
    let there = [
        "08:30–09:30  Over the lost hour (01:30 in New York) · Pier of the owls",
        "09:30–09:45  Night watch (03:30 in New York)",
        "15:00–15:15  Round of the yard (09:00 in New York)",
        "16:00–16:30  Call of the pilots",
    ];
    assert_eq!(agenda(&ada, night).await?, there);
    let slots = free(&ada, &format!("{night} 8:00 to 12:00 15 min")).await?;
    assert_eq!(slots, ["08:00–08:30  (30 min)", "09:45–12:00  (2 h 15 min)"]);
    house.end().await
}

#[tokio::test]
async fn a_whole_day_is_the_same_day_wherever_somebody_looks_from() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", HELSINKI.name()).await?;
    let day = next(&house, Weekday::Tue).await?;
    diary.put(whole_days("Feast of the lanterns", day, day)).await?;
    diary.put(whole_days("Fair of the wooden boats", after(day, 2), after(day, 4))).await?;
    let mut quiet = whole_days("Flag on the mast", after(day, 6), after(day, 6));
    quiet["transparency"] = "transparent".into();
    diary.put(quiet).await?;
    let ada = connected(&house, "dora").await?.0.person;
    for place in ["Helsinki", "Auckland", "Los Angeles"] {
        moves_to(&ada, place).await?;
        let mut shown = vec![];
        for days in -1..7 {
            shown.push(agenda(&ada, after(day, days)).await?.join("; "));
        }
        let fair = |number: u8| format!("Day {number} of 3  Fair of the wooden boats");
        let expected = [
            String::new(),
            "All day  Feast of the lanterns".to_owned(),
            String::new(),
            fair(1),
            fair(2),
            fair(3),
            String::new(),
            "All day  Flag on the mast".to_owned(),
        ];
        assert_eq!(shown, expected, "{place}");
        for (days, is_free) in [(0, false), (1, true), (2, false), (3, false), (4, false), (5, true), (6, true)] {
            let slots = free(&ada, &after(day, days).to_string()).await?;
            let all = slots.first().is_some_and(|line| line.starts_with("All of it"));
            let none = slots.first().is_some_and(|line| line.starts_with("Nothing is left free"));
            assert_eq!((all, none), (is_free, !is_free), "{place}, {days}: {slots:?}");
        }
    }
    house.end().await
}

#[tokio::test]
async fn what_was_declined_or_is_shown_as_free_leaves_time_and_what_is_not_certain_takes_it() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", HELSINKI.name()).await?;
    let day = next(&house, Weekday::Thu).await?;
    let invitation = |title: &str, hours: (&str, &str), answer: &str| {
        let mut event = meeting(title, day, hours, HELSINKI);
        event["organizer"] = json!({ "email": "bob@sandbox.example", "displayName": "Bob Okafor" });
        event["attendees"] = json!([
            { "email": "dora@sandbox.example", "responseStatus": answer },
            { "email": "quintus@elsewhere.example", "displayName": "Quintus Overbeck", "responseStatus": "accepted" },
        ]);
        event
    };
    diary.put(invitation("Meeting nobody needs", ("09:00", "10:00"), "declined")).await?;
    let mut open_door = meeting("Open door at the office", day, ("10:00", "11:00"), HELSINKI);
    open_door["transparency"] = "transparent".into();
    diary.put(open_door).await?;
    let mut perhaps = meeting("Tasting at the bakery", day, ("11:00", "12:00"), HELSINKI);
    perhaps["status"] = "tentative".into();
    diary.put(perhaps).await?;
    diary.put(invitation("Sail repair", ("12:00", "13:00"), "tentative")).await?;
    diary.put(invitation("Talk of the harbour master", ("13:00", "14:00"), "needsAction")).await?;
    diary.put(invitation("Rope lesson", ("15:00", "16:00"), "accepted")).await?;
    let ada = connected(&house, "dora").await?.0.person;
    let expected = [
        "09:00–10:00  ✗ Meeting nobody needs (declined)",
        "10:00–11:00  Open door at the office (shown as free)",
        "11:00–12:00  ? Tasting at the bakery",
        "12:00–13:00  ? Sail repair",
        "13:00–14:00  ✉ Talk of the harbour master",
        "15:00–16:00  Rope lesson",
    ];
    assert_eq!(agenda(&ada, day).await?, expected);
    let slots = free(&ada, &day.to_string()).await?;
    assert_eq!(slots, ["09:00–11:00  (2 h)", "14:00–15:00  (1 h)", "16:00–18:00  (2 h)"]);
    let slots = free(&ada, &format!("{day} 90 min")).await?;
    assert_eq!(slots, ["09:00–11:00  (2 h)", "16:00–18:00  (2 h)"]);
    house.end().await
}

#[tokio::test]
async fn two_accounts_are_one_day() -> Story {
    let house = House::open().await?;
    let day = next(&house, Weekday::Wed).await?;
    let here = house.sandbox.newcomer("dora", HELSINKI.name()).await?;
    let there = house.sandbox.newcomer("emil", LONDON.name()).await?;
    here.put(meeting("Crane inspection", day, ("10:00", "11:00"), HELSINKI)).await?;
    there.put(meeting("Breakfast on the ferry", day, ("12:00", "13:30"), LONDON)).await?;
    let end = json!({ "dateTime": format!("{}T05:30:00", after(day, 1)), "timeZone": LONDON.name() });
    let late = json!({ "summary": "Night shift of the tugs", "start": at(day, "22:00", LONDON), "end": end });
    there.put(late).await?;
    let (mut walk, _) = connected(&house, "dora").await?;
    super::joined(&house, &mut walk, "emil").await?;
    let ada = &walk.person;
    let shown = agenda(ada, day).await?;
    let expected = [
        "10:00–11:00  Crane inspection · dora@sandbox.example",
        "14:00–15:30  Breakfast on the ferry (12:00 in London) · emil@sandbox.example",
    ];
    assert_eq!(shown, expected);
    let slots = free(ada, &day.to_string()).await?;
    assert_eq!(slots, ["09:00–10:00  (1 h)", "11:00–14:00  (3 h)", "15:30–18:00  (2 h 30 min)"]);
    let shown = agenda(ada, after(day, 1)).await?;
    assert_eq!(shown, ["00:00–07:30  Night shift of the tugs (Wed 22:00 in London) · emil@sandbox.example"]);

    // Where one account is gone, so is its day; nothing of the other's.
    let answer = ada.ask("/disconnect", "which one", |message| message.button("emil@").is_some()).await?;
    ada.press(&answer, "emil@").await?;
    let asked = ada.sees("to be asked", |message| message.button("Yes").is_some()).await?;
    ada.press(&asked, "Yes").await?;
    ada.sees_change(asked.id, "the revocation", |message| message.says("confirmed")).await?;
    assert_eq!(agenda(ada, day).await?, ["10:00–11:00  Crane inspection"]);
    assert_eq!(super::stored(&house).await?, 1);
    let slots = free(ada, &day.to_string()).await?;
    assert_eq!(slots, ["09:00–10:00  (1 h)", "11:00–18:00  (7 h)"]);
    house.end().await
}

#[tokio::test]
async fn what_was_over_a_month_ago_is_forgotten_and_asking_for_it_says_so() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", HELSINKI.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    diary.put(meeting("Farewell of the icebreaker", day, ("10:00", "11:00"), HELSINKI)).await?;
    diary.put(daily("Round of the yard", day, ("12:00", "13:00"), HELSINKI)).await?;
    let ada = connected(&house, "dora").await?.0.person;
    assert_eq!(super::stored(&house).await?, 2);
    house.advance(chrono::TimeDelta::days(50))?;
    super::looked_again(&house).await?;
    assert_eq!(super::stored(&house).await?, 1);
    let today = house.now().await?.with_timezone(&HELSINKI).date_naive();
    assert_eq!(agenda(&ada, today).await?, ["12:00–13:00  Round of the yard"]);
    let gone = format!("/agenda {}", after(today, -40));
    ada.ask(&gone, "how far back it can look", |message| message.says("your calendar from")).await?;
    house.end().await
}
