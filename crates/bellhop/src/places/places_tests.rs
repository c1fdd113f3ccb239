use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

/// What is found, as zones with names.
fn found(words: &str) -> Vec<String> {
    let written = |place: &Place| format!("{} = {}", place.name, place.zone.name());
    match by_words(words) {
        Found::One(place) => vec![written(&place)],
        Found::Several(places) => {
            assert!((2..=5).contains(&places.len()), "{words}");
            places.iter().map(written).collect()
        }
        Found::Nothing { .. } => Vec::new(),
    }
}

#[test]
fn a_place_is_found_however_it_is_written() {
    for (words, expected) in [
        ("Europe/Berlin", "Europe/Berlin = Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin = Europe/Berlin"),
        ("berlin", "Berlin, Germany = Europe/Berlin"),
        (" BERLIN ", "Berlin, Germany = Europe/Berlin"),
        ("Lisbon", "Lisbon, Portugal = Europe/Lisbon"),
        ("Lisboa", "Lisboa, Portugal = Europe/Lisbon"),
        ("New York", "New York, United States = America/New_York"),
        ("nyc", "NYC, New York, USA = America/New_York"),
        ("san francisco", "San Francisco, California, USA = America/Los_Angeles"),
        ("München", "Munich, Germany = Europe/Berlin"),
        ("muenchen", "Munich, Germany = Europe/Berlin"),
        ("Köln", "Cologne, Germany = Europe/Berlin"),
        ("São Paulo", "Sao Paulo, Brazil = America/Sao_Paulo"),
        ("saint louis", "St. Louis, Missouri, USA = America/Chicago"),
        ("Mumbai", "Mumbai, India = Asia/Kolkata"),
        ("Calcutta", "Calcutta, India = Asia/Kolkata"),
        ("Germany", "Germany = Europe/Berlin"),
        ("Deutschland", "Germany = Europe/Berlin"),
        ("the netherlands", "Netherlands = Europe/Amsterdam"),
        ("UK", "United Kingdom = Europe/London"),
        ("U.K.", "United Kingdom = Europe/London"),
        ("Japan", "Japan = Asia/Tokyo"),
        ("Singapore", "Singapore = Asia/Singapore"),
        ("Hong Kong", "Hong Kong = Asia/Hong_Kong"),
        ("California", "California, USA = America/Los_Angeles"),
        ("Paris, Texas", "Paris, Texas, USA = America/Chicago"),
        ("paris france", "Paris, France = Europe/Paris"),
        ("London, Ontario", "London, Ontario, Canada = America/Toronto"),
        ("Portland Maine", "Portland, Maine, USA = America/New_York"),
        ("Springfield, Illinois, USA", "Springfield, Illinois, USA = America/Chicago"),
        ("CET", "Central European Time = CET"),
        ("cest", "Central European Time = CET"),
        ("UTC", "UTC = Etc/UTC"),
        ("Etc/GMT-2", "UTC+2 = Etc/GMT-2"),
        ("jst", "Tokyo, Japan = Asia/Tokyo"),
    ] {
        assert_eq!(found(words), [expected], "{words}");
    }
}

#[test]
fn a_name_of_several_places_gives_them_all() {
    let several = |words: &str, expected: &[&str]| {
        let found = found(words);
        for expected in expected {
            assert!(found.iter().any(|found| found == expected), "{words}: {found:?}");
        }
    };
    several("Paris", &["Paris, France = Europe/Paris", "Paris, Texas, USA = America/Chicago"]);
    several(
        "Springfield",
        &["Springfield, Illinois, USA = America/Chicago", "Springfield, Oregon, USA = America/Los_Angeles"],
    );
    several("Portland", &["Portland, Oregon, USA = America/Los_Angeles", "Portland, Maine, USA = America/New_York"]);
    several("Georgia", &["Georgia = Asia/Tbilisi", "Georgia, USA = America/New_York"]);
    several("USA", &["New York, United States = America/New_York", "Los Angeles, United States = America/Los_Angeles"]);
    several("Spain", &["Madrid, Spain = Europe/Madrid", "Canary, Spain = Atlantic/Canary"]);
    several("EST", &["New York, United States = America/New_York", "Panama = America/Panama"]);
    several("IST", &["Kolkata, India = Asia/Kolkata", "Dublin, Ireland = Europe/Dublin"]);
    several("UTC+2", &["UTC+2, the same all year = Etc/GMT-2", "Athens, Greece = Europe/Athens"]);
    several("gmt+02:00", &["UTC+2, the same all year = Etc/GMT-2"]);
    several("UTC-3", &["UTC−3, the same all year = Etc/GMT+3", "Sao Paulo, Brazil = America/Sao_Paulo"]);
    // A sixth is in Queensland.
    assert_eq!(found("Springfield").len(), CANDIDATES);
    assert_eq!(found("Springfield, Australia"), ["Springfield, Australia = Australia/Brisbane"]);
    assert_eq!(found("Paris")[0], "Paris, France = Europe/Paris");
    assert_eq!(found("London")[0], "London, United Kingdom = Europe/London");
}

#[test]
fn half_an_hour_from_utc_is_only_where_people_live() {
    for words in ["UTC+5:30", "+0530", "gmt+5.5"] {
        match by_words(words) {
            Found::Several(places) => assert!(places.iter().all(|place| place.zone == Tz::Asia__Kolkata), "{words}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_place_is_not_guessed() {
    for words in [
        "",
        "  ",
        "love",
        "a meeting",
        "xyzzy",
        "🦀",
        "\u{202e}",
        "UTC+99",
        "UTC+",
        "5",
        "+",
        "/",
        "Etc/",
        "12:30",
        &"berlin".repeat(50),
    ] {
        assert!(found(words).is_empty(), "{words}");
    }
    let near = |words| match by_words(words) {
        Found::Nothing { near } => near.into_iter().map(|place| place.name).collect::<Vec<_>>(),
        other => panic!("{words}: {other:?}"),
    };
    assert_eq!(near("Berln").first().map(String::as_str), Some("Berlin, Germany"));
    assert_eq!(near("Amsterdm").first().map(String::as_str), Some("Amsterdam, Netherlands"));
    assert_eq!(near("Johannes").first().map(String::as_str), Some("Johannesburg, South Africa"));
    assert!(near("xyzzy").is_empty());
}

#[test]
fn a_point_on_earth_has_a_zone() {
    for (latitude, longitude, expected) in [
        (52.52, 13.405, "Europe/Berlin"),
        (38.7223, -9.1393, "Europe/Lisbon"),
        (40.7128, -74.006, "America/New_York"),
        (35.6762, 139.6503, "Asia/Tokyo"),
        (-33.8688, 151.2093, "Australia/Sydney"),
        (28.6139, 77.209, "Asia/Kolkata"),
        (36.1069, -112.1129, "America/Phoenix"),
        (0.0, -30.0, "Etc/GMT+2"),
        (90.0, 0.0, "Etc/GMT"),
        (-90.0, 0.0, "Antarctica/McMurdo"),
        (64.1466, -21.9426, "Atlantic/Reykjavik"),
    ] {
        assert_eq!(by_coordinates(latitude, longitude).map(Tz::name), Some(expected), "{latitude} {longitude}");
    }
    for (latitude, longitude) in
        [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0), (0.0, f64::NEG_INFINITY), (90.01, 0.0), (0.0, -180.01)]
    {
        assert_eq!(by_coordinates(latitude, longitude), None, "{latitude} {longitude}");
    }
    assert!(by_coordinates(0.0, 180.0).is_some() && by_coordinates(0.0, -180.0).is_some());
}

#[test]
fn a_zone_is_described_by_its_clock() {
    let now = Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, 0).unwrap();
    assert_eq!(describe(Tz::Europe__Berlin, now), "Europe/Berlin, where it is 11:00 now");
    assert_eq!(describe(Tz::Etc__GMTMinus2, now), "UTC+2, where it is 12:00 now");
    assert_eq!(describe(Tz::Etc__UTC, now), "UTC, where it is 10:00 now");
    assert_eq!(describe(Tz::Asia__Kathmandu, now), "Asia/Kathmandu, where it is 15:45 now");
}

proptest! {
    #[test]
    fn whatever_is_typed_or_sent_there_are_few_places_and_no_fall(words in "\\PC{0,120}", latitude: f64, longitude: f64) {
        match by_words(&words) {
            Found::One(place) => prop_assert!(!place.name.is_empty()),
            Found::Several(places) => prop_assert!((1..=CANDIDATES).contains(&places.len())),
            Found::Nothing { near } => prop_assert!(near.len() <= SUGGESTIONS),
        }
        let _ = by_coordinates(latitude, longitude);
    }

    #[test]
    fn every_point_has_a_zone(latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64) {
        prop_assert!(by_coordinates(latitude, longitude).is_some());
    }
}
