//! Where somebody is, as a time zone: by the zone's name, by a place's, or by coordinates.
//!
//! Times that are shown in the wrong zone make people miss meetings, so nothing is guessed: a name that several places have
//! gives several, and one that is nearly a place's gives that place as a suggestion. All of it is in the program; nothing is
//! looked up elsewhere, and nobody's whereabouts leave it. What places exist is `places/atlas.rs`, what `EST` and `UTC+2`
//! stand for is `places/offsets.rs`.

mod atlas;
mod offsets;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tzf_rs::EmbeddedFinder;

/// The most candidates for one name.
pub const CANDIDATES: usize = 5;

/// The most suggestions for a name that no place has.
pub const SUGGESTIONS: usize = 3;

/// The most characters of a name that are looked at; the longest name of a place is shorter.
const LONGEST: usize = 100;

/// A place and the zone that its clocks show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What people call it, with its country where that helps: `Lisbon, Portugal`.
    pub name: String,
    /// Its zone.
    pub zone: Tz,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This place.
    One(Place),
    /// Any of these, at most five, the likeliest first.
    Several(Vec<Place>),
    /// No place that is known.
    Nothing {
        /// Places with names nearly like it, at most three.
        near: Vec<Place>,
    },
}

/// The place of this name: a zone (`Europe/Berlin`), a city or country in any case and with or without accents
/// (`sao paulo`, `Paris, Texas`), an abbreviation (`CET`) or a distance from UTC (`UTC+2`).
#[must_use]
pub fn by_words(words: &str) -> Found {
    let words = words.trim();
    if words.is_empty() || words.chars().nth(LONGEST).is_some() {
        return Found::Nothing { near: Vec::new() };
    }
    zone_named(words).or_else(|| offsets::named(words)).unwrap_or_else(|| atlas::named(words))
}

/// The place of this name and nothing else: `cat`, `art` and `met` are abbreviations too, and people are in neither.
#[must_use]
pub fn by_name(words: &str) -> Found {
    let words = words.trim();
    if words.is_empty() || words.chars().nth(LONGEST).is_some() {
        return Found::Nothing { near: Vec::new() };
    }
    zone_named(words).unwrap_or_else(|| atlas::named(words))
}

/// A zone of the database by its whole name, in any case.
fn zone_named(words: &str) -> Option<Found> {
    let zone =
        chrono_tz::TZ_VARIANTS.iter().find(|zone| words.contains('/') && zone.name().eq_ignore_ascii_case(words))?;
    Some(Found::One(Place { name: said(*zone), zone: *zone }))
}

/// The zone at this latitude and longitude, in degrees. `None` for what is no point on Earth. At sea it is the zone of
/// ships' clocks. Borders are those of the Timezone Boundary Builder (© OpenStreetMap contributors, under the Open Database
/// License), within about 100 m; where countries disagree about one, the first of the zones there.
#[must_use]
pub fn by_coordinates(latitude: f64, longitude: f64) -> Option<Tz> {
    // Four megabytes of the program itself, and an index of about 100 kB that is made when it is first asked.
    static FINDER: LazyLock<EmbeddedFinder> = LazyLock::new(EmbeddedFinder::new);
    // NaN is in no range.
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return None;
    }
    FINDER.get_tz_name(longitude, latitude).parse().ok()
}

/// A zone and its clock: `Europe/Berlin, where it is 11:00 now`.
#[must_use]
pub fn describe(zone: Tz, now: DateTime<Utc>) -> String {
    format!("{}, where it is {} now", said(zone), now.with_timezone(&zone).format("%H:%M"))
}

/// A zone's name, but `UTC+2` for `Etc/GMT-2`: the database counts these to the west.
#[must_use]
pub fn said(zone: Tz) -> String {
    let name = zone.name();
    let Some(west) = name.strip_prefix("Etc/GMT") else { return name.strip_prefix("Etc/").unwrap_or(name).to_owned() };
    match west.split_at_checked(1) {
        Some(("+", hours)) if hours != "0" => format!("UTC\u{2212}{hours}"),
        Some(("-", hours)) if hours != "0" => format!("UTC+{hours}"),
        _ => "UTC".to_owned(),
    }
}

#[cfg(test)]
#[path = "places/places_tests.rs"]
mod tests;
