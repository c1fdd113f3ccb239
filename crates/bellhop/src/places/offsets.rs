//! What `EST`, `CET`, `UTC+2` and `GMT-3:30` stand for: seldom one place.
//!
//! A distance from UTC is not a zone: who writes `UTC+2` in summer mostly lives in a zone that is `UTC+1` in winter. So
//! places are offered beside it, by their standard time, and what never changes says so. The database's own `EST` is not
//! taken: it is a clock that no American uses in summer.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetComponents, Tz};

use super::{CANDIDATES, Found, Place, said};

/// Abbreviations and the zones they are used in, the likeliest first.
const ABBREVIATIONS: &[(&[&str], &[&str])] = &[
    (&["utc", "z", "zulu", "zero", "utc+0", "utc-0"], &["Etc/UTC"]),
    (&["gmt"], &["Europe/London", "Africa/Abidjan", "Etc/UTC"]),
    (&["bst"], &["Europe/London", "Asia/Dhaka"]),
    (&["wet", "west"], &["Europe/Lisbon", "Atlantic/Canary"]),
    (&["cet", "cest", "mez", "mesz", "met"], &["CET"]),
    (&["eet", "eest"], &["EET"]),
    (&["msk"], &["Europe/Moscow"]),
    (&["ist"], &["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"]),
    (&["est", "edt", "et", "eastern"], &["America/New_York", "America/Toronto", "America/Panama", "America/Jamaica"]),
    (
        &["cst", "cdt", "ct", "central"],
        &["America/Chicago", "America/Winnipeg", "America/Mexico_City", "Asia/Shanghai"],
    ),
    (&["mst", "mdt", "mt", "mountain"], &["America/Denver", "America/Edmonton", "America/Phoenix"]),
    (&["pst", "pdt", "pt", "pacific"], &["America/Los_Angeles", "America/Vancouver", "Asia/Manila"]),
    (&["akst", "akdt"], &["America/Anchorage"]),
    (&["hst"], &["Pacific/Honolulu"]),
    (&["ast", "adt"], &["America/Halifax", "America/Puerto_Rico", "Asia/Riyadh"]),
    (&["nst", "ndt"], &["America/St_Johns"]),
    (&["brt"], &["America/Sao_Paulo"]),
    (&["art"], &["America/Argentina/Buenos_Aires"]),
    (&["sast"], &["Africa/Johannesburg"]),
    (&["wat"], &["Africa/Lagos"]),
    (&["cat"], &["Africa/Maputo"]),
    (&["eat"], &["Africa/Nairobi"]),
    (&["gst"], &["Asia/Dubai"]),
    (&["pkt"], &["Asia/Karachi"]),
    (&["npt"], &["Asia/Kathmandu"]),
    (&["ict"], &["Asia/Bangkok"]),
    (&["wib"], &["Asia/Jakarta"]),
    (&["sgt"], &["Asia/Singapore"]),
    (&["hkt"], &["Asia/Hong_Kong"]),
    (&["jst"], &["Asia/Tokyo"]),
    (&["kst"], &["Asia/Seoul"]),
    (&["awst"], &["Australia/Perth"]),
    (&["acst", "acdt"], &["Australia/Adelaide", "Australia/Darwin"]),
    (&["aest", "aedt"], &["Australia/Sydney", "Australia/Melbourne", "Australia/Brisbane"]),
    (&["nzst", "nzdt"], &["Pacific/Auckland"]),
];

/// Zones that are offered for a distance from UTC, where most people live first.
const OFFERED: &[&str] = &[
    "Europe/London",
    "Europe/Lisbon",
    "Africa/Abidjan",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Madrid",
    "Africa/Lagos",
    "Europe/Athens",
    "Europe/Kyiv",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Africa/Nairobi",
    "Asia/Riyadh",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Tbilisi",
    "Asia/Kabul",
    "Asia/Karachi",
    "Asia/Tashkent",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Dhaka",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Asia/Jakarta",
    "Asia/Ho_Chi_Minh",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Manila",
    "Australia/Perth",
    "Australia/Eucla",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Australia/Sydney",
    "Australia/Brisbane",
    "Australia/Lord_Howe",
    "Pacific/Noumea",
    "Pacific/Auckland",
    "Pacific/Fiji",
    "Pacific/Chatham",
    "Pacific/Tongatapu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Atlantic/Azores",
    "Atlantic/Cape_Verde",
    "America/Nuuk",
    "America/Noronha",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "America/St_Johns",
    "America/Halifax",
    "America/Santiago",
    "America/Caracas",
    "America/New_York",
    "America/Toronto",
    "America/Bogota",
    "America/Lima",
    "America/Chicago",
    "America/Mexico_City",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Vancouver",
    "America/Anchorage",
    "Pacific/Marquesas",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
];

/// A day on which standard time is looked at: any will do, as summer time is not counted.
const SOME_DAY: DateTime<Utc> = DateTime::from_timestamp_secs(1_768_478_400).unwrap();

/// What an abbreviation or a distance from UTC stands for; `None` for other words.
pub fn named(words: &str) -> Option<Found> {
    let plain: String = words.to_lowercase().replace('\u{2212}', "-").split_whitespace().collect();
    let short = plain.strip_suffix("time").unwrap_or(&plain);
    if let Some((_, zones)) =
        ABBREVIATIONS.iter().find(|(names, _)| names.contains(&plain.as_str()) || names.contains(&short))
    {
        let mut places: Vec<Place> = zones.iter().filter_map(|zone| zone.parse().ok()).map(place).collect();
        return Some(if places.len() > 1 { Found::Several(places) } else { Found::One(places.pop()?) });
    }
    let minutes = distance(&plain)?;
    let mut places: Vec<Place> = fixed(minutes).into_iter().collect();
    let of_standard_time = |zone: &Tz| {
        zone.offset_from_utc_datetime(&SOME_DAY.naive_utc()).base_utc_offset() == TimeDelta::minutes(minutes)
    };
    places.extend(OFFERED.iter().filter_map(|zone| zone.parse().ok()).filter(of_standard_time).map(place));
    places.truncate(CANDIDATES);
    Some(match places.len() {
        0 => Found::Nothing { near: Vec::new() },
        _ => Found::Several(places),
    })
}

fn place(zone: Tz) -> Place {
    let name = match zone {
        Tz::CET => "Central European Time".to_owned(),
        Tz::EET => "Eastern European Time".to_owned(),
        _ => super::atlas::name_of(zone),
    };
    Place { name, zone }
}

/// `UTC+2`, `gmt-3:30`, `+0200`, `utc+5.5` in minutes east of UTC. A bare number is none: it may be anything.
fn distance(plain: &str) -> Option<i64> {
    let rest = plain.strip_prefix("utc").or_else(|| plain.strip_prefix("gmt")).unwrap_or(plain);
    let (sign, rest) =
        rest.strip_prefix('+').map(|rest| (1, rest)).or_else(|| rest.strip_prefix('-').map(|rest| (-1, rest)))?;
    let (hours, minutes) = match rest.split_once([':', '.']) {
        Some((hours, "5" | "50")) if rest.contains('.') => (hours, "30"),
        Some((hours, "75")) if rest.contains('.') => (hours, "45"),
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let figures = |figure: &str| -> Option<i64> {
        let short = (1..=2).contains(&figure.len()) && figure.bytes().all(|byte| byte.is_ascii_digit());
        short.then(|| figure.parse().ok()).flatten()
    };
    let (hours, minutes) = (figures(hours)?, figures(minutes)?);
    (minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The clock that is always this far from UTC. The database has those of whole hours, and counts them to the west.
fn fixed(minutes: i64) -> Option<Place> {
    if minutes % 60 != 0 {
        return None;
    }
    let zone: Tz = match minutes / 60 {
        0 => Tz::Etc__UTC,
        hours => format!("Etc/GMT{}{}", if hours > 0 { '-' } else { '+' }, hours.abs()).parse().ok()?,
    };
    Some(Place { name: format!("{}, the same all year", said(zone)), zone })
}
