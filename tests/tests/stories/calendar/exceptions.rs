//! Times of a series that are not where the series has them.

use bellhop_tests::{House, Story};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

use super::{after, agenda, at, connected, daily, free, looked_again, next, stored};
use crate::events;

const ZONE: Tz = Tz::Europe__Helsinki;

/// The id of the time that a series has on a day.
fn instance(series: &str, day: NaiveDate, clock: &str) -> String {
    let clock = NaiveTime::parse_from_str(clock, "%H:%M").unwrap_or_default();
    let planned = ZONE.from_local_datetime(&NaiveDateTime::new(day, clock)).earliest();
    let planned = planned.map(|planned| planned.to_utc()).unwrap_or_default();
    format!("{series}_{}", planned.format("%Y%m%dT%H%M%SZ"))
}

#[tokio::test]
async fn a_moved_time_is_shown_once_and_where_it_is_now_and_a_cancelled_one_not_at_all() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Tue).await?;
    let series = diary.put(daily("Round of the yard", after(day, -2), ("10:00", "11:00"), ZONE)).await?;
    // Before anybody looks: these come with the first reading.
    diary.shift(&instance(&series, day, "10:00"), 24 * 60 + 3 * 60).await?;
    diary.delete(&instance(&series, after(day, 2), "10:00")).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    let ada = &walk.person;
    let (usual, moved) = ("10:00–11:00  Round of the yard", "13:00–14:00  Round of the yard");
    assert_eq!(agenda(ada, after(day, -1)).await?, [usual]);
    assert_eq!(agenda(ada, day).await?, [""; 0]);
    assert_eq!(agenda(ada, after(day, 1)).await?, [usual, moved]);
    assert_eq!(agenda(ada, after(day, 2)).await?, [""; 0]);
    assert_eq!(agenda(ada, after(day, 3)).await?, [usual]);
    let all = ["All of it: nothing takes your time.", "09:00–18:00  (9 h)"];
    assert_eq!(free(ada, &day.to_string()).await?, all);
    assert_eq!(free(ada, &after(day, 2).to_string()).await?, all);
    let slots = ["09:00–10:00  (1 h)", "11:00–13:00  (2 h)", "14:00–18:00  (4 h)"];
    assert_eq!(free(ada, &after(day, 1).to_string()).await?, slots);
    // Also where only the second half of it is asked about.
    let all = ["All of it: nothing takes your time.", "10:30–12:00  (1 h 30 min)"];
    for days in [0, 2] {
        assert_eq!(free(ada, &format!("{} 10:30 to 12:00", after(day, days))).await?, all, "{days}");
    }

    // Afterwards: these come as news.
    diary.shift(&instance(&series, after(day, 3), "10:00"), -60).await?;
    diary.delete(&instance(&series, after(day, 1), "10:00")).await?;
    diary
        .change(&instance(&series, after(day, -1), "10:00"), serde_json::json!({ "summary": "Round of the pier" }))
        .await?;
    looked_again(&house).await?;
    assert_eq!(agenda(ada, after(day, -1)).await?, ["10:00–11:00  Round of the pier"]);
    assert_eq!(agenda(ada, after(day, 1)).await?, [moved]);
    assert_eq!(agenda(ada, after(day, 3)).await?, ["09:00–10:00  Round of the yard"]);

    // With the series goes everything that was changed about it.
    diary.delete(&series).await?;
    looked_again(&house).await?;
    for days in -1..4 {
        assert_eq!(agenda(ada, after(day, days)).await?, [""; 0], "{days}");
    }
    assert_eq!(stored(&house).await?, 0);
    let log = house.audit(&integration).await?;
    let told: Vec<_> = events(&log, "CalendarFetched")
        .iter()
        .map(|fetched| (fetched["added"].as_u64(), fetched["updated"].as_u64(), fetched["removed"].as_u64()))
        .collect();
    let expected = [(3, 0, 0), (3, 0, 0), (0, 0, 6)];
    assert_eq!(told, expected.map(|(added, updated, removed)| (Some(added), Some(updated), Some(removed))));
    house.end().await
}

#[tokio::test]
async fn a_cancelled_night_does_not_come_back_the_next_morning() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Tue).await?;
    let begin = after(day, -3);
    let mut night = daily("Watch at the lighthouse", begin, ("22:00", "23:00"), ZONE);
    night["end"] = at(after(begin, 1), "02:00", ZONE);
    let series = diary.put(night).await?;
    diary.delete(&instance(&series, day, "22:00")).await?;
    // Cut short: over before midnight.
    let cut = serde_json::json!({ "end": at(after(day, 2), "23:00", ZONE) });
    diary.change(&instance(&series, after(day, 2), "22:00"), cut).await?;
    let ada = connected(&house, "dora").await?.0.person;
    let morning = "until 02:00  Watch at the lighthouse";
    let evening = |next: &str| format!("22:00–{next} 02:00  Watch at the lighthouse");
    assert_eq!(agenda(&ada, day).await?, [morning]);
    assert_eq!(agenda(&ada, after(day, 1)).await?, [evening("Thu")]);
    assert_eq!(agenda(&ada, after(day, 2)).await?, [morning, "22:00–23:00  Watch at the lighthouse"]);
    assert_eq!(agenda(&ada, after(day, 3)).await?, [evening("Sat")]);
    assert_eq!(agenda(&ada, after(day, 4)).await?, [morning.to_owned(), evening("Sun")]);
    house.end().await
}
