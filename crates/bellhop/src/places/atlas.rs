//! Which places there are: the cities that zones are named after, countries, and a list of other places kept by hand.
//!
//! `countries.txt` is made from the time zone database; `cities.txt` is ours, and a place that somebody misses is a word in
//! it. A list of all the world's towns would be ten times the program and mostly villages; who lives in one names the next
//! city or sends a location.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono_tz::{TZ_VARIANTS, Tz};
use strsim::osa_distance;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{CANDIDATES, Found, Place, SUGGESTIONS};

/// Everything that has a name.
struct Atlas {
    places: Vec<Known>,
    /// From plain names to places, the likeliest first.
    by_name: HashMap<String, Vec<usize>>,
    /// The places that zones are named after.
    by_zone: HashMap<Tz, usize>,
}

/// A place, and the plain words that say which of its name it is: state and country.
struct Known {
    place: Place,
    within: Vec<String>,
}

static ATLAS: LazyLock<Atlas> = LazyLock::new(Atlas::read);

/// The places of a name, which may go on with a state or a country.
pub fn named(words: &str) -> Found {
    let wanted = plain(words);
    let words: Vec<&str> = wanted.split(' ').collect();
    // "Paris", then "Paris, Texas": the whole as a name first, then less and less of it.
    for end in (1..=words.len()).rev() {
        let (name, within) = words.split_at(end);
        let Some(known) = ATLAS.by_name.get(&name.join(" ")) else { continue };
        let places = known.iter().filter_map(|index| ATLAS.places.get(*index));
        let matching = places.filter(|known| within.iter().all(|word| known.within.iter().any(|other| other == word)));
        let mut found: Vec<Place> = Vec::new();
        for known in matching {
            if !found.contains(&known.place) {
                found.push(known.place.clone());
            }
        }
        found.truncate(CANDIDATES);
        match found.len() {
            0 => {}
            1 => return found.pop().map_or(Found::Nothing { near: Vec::new() }, Found::One),
            _ => return Found::Several(found),
        }
    }
    Found::Nothing { near: near(&wanted) }
}

/// What the place is called that a zone is named after, with its country; the zone's name if it is after none.
pub fn name_of(zone: Tz) -> String {
    let known = ATLAS.by_zone.get(&zone).and_then(|index| ATLAS.places.get(*index));
    known.map_or_else(|| super::said(zone), |known| known.place.name.clone())
}

/// Places with names nearly like this one.
fn near(wanted: &str) -> Vec<Place> {
    let length = wanted.chars().count();
    // A short name is near to everything.
    let allowed = match length {
        0..=3 => return Vec::new(),
        4..=6 => 1,
        _ => 2,
    };
    let mut near: Vec<(usize, usize)> = Vec::new();
    for (name, indices) in &ATLAS.by_name {
        let distance = if name.starts_with(wanted) {
            0
        } else if name.chars().count().abs_diff(length) <= allowed {
            osa_distance(name, wanted)
        } else {
            continue;
        };
        if distance <= allowed {
            near.extend(indices.iter().map(|index| (distance, *index)));
        }
    }
    near.sort_unstable();
    let mut places: Vec<Place> = Vec::new();
    for place in near.into_iter().filter_map(|(_, index)| Some(&ATLAS.places.get(index)?.place)) {
        if !places.contains(place) {
            places.push(place.clone());
        }
    }
    places.truncate(SUGGESTIONS);
    places
}

/// A name in the form that names are compared in: lower case, without accents and punctuation.
pub fn plain(name: &str) -> String {
    let letters = name.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    let mut plain = String::new();
    for letter in letters {
        match letter {
            '\u{df}' => plain.push_str("ss"),
            '\u{e6}' => plain.push_str("ae"),
            '\u{f8}' => plain.push('o'),
            '\u{142}' => plain.push('l'),
            '\u{111}' => plain.push('d'),
            '\u{131}' => plain.push('i'),
            '.' | '\'' | '\u{2019}' => {}
            letter if letter.is_alphanumeric() => plain.push(letter),
            _ => plain.push(' '),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    match words.as_slice() {
        ["the" | "in", rest @ ..] if !rest.is_empty() => rest.join(" "),
        words => words.join(" "),
    }
}

/// The lines of a list that are not comments, each parted by bars.
fn lines(list: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| line.split('|').collect())
}

impl Atlas {
    fn read() -> Self {
        let countries = || lines(include_str!("countries.txt"));
        let mut atlas = Self { places: Vec::new(), by_name: HashMap::new(), by_zone: HashMap::new() };
        // The cities of zones first: where two places share a name, they are mostly the larger.
        for line in countries() {
            let names: Vec<&str> = line[0].split('=').collect();
            for zone in line[1..].iter().flat_map(|zones| zones.split(' ')).filter_map(|zone| zone.parse::<Tz>().ok()) {
                let city = city_of(zone);
                let name = if city == names[0] { city.clone() } else { format!("{city}, {}", names[0]) };
                let index = atlas.add(Place { name, zone }, &[&city], &names);
                atlas.by_zone.entry(zone).or_insert(index);
            }
        }
        for line in countries() {
            let names: Vec<&str> = line[0].split('=').collect();
            let zones: Vec<Tz> =
                line.get(1).map_or("", |zones| zones).split(' ').filter_map(|zone| zone.parse().ok()).collect();
            for zone in &zones {
                let alone = Place { name: names[0].to_owned(), zone: *zone };
                let one_of = Place { name: format!("{}, {}", city_of(*zone), names[0]), zone: *zone };
                atlas.add(if zones.len() == 1 { alone } else { one_of }, &names, &names);
            }
        }
        for line in lines(include_str!("cities.txt")) {
            let [zone, region, places] = line.as_slice() else { continue };
            let Ok(zone) = zone.parse::<Tz>() else { continue };
            let country = region.rsplit(", ").next().unwrap_or(region);
            let mut within = vec![*region];
            within.extend(
                countries()
                    .map(|line| line[0].split('=').collect::<Vec<_>>())
                    .find(|names| names.contains(&country))
                    .into_iter()
                    .flatten(),
            );
            for place in places.split("; ") {
                let names: Vec<&str> = place.split('=').collect();
                atlas.add(Place { name: full_name(names[0], region), zone }, &names, &within);
            }
        }
        // Older names of zones, such as Calcutta, where no place has them.
        for zone in TZ_VARIANTS.iter().filter(|zone| zone.name().contains('/') && !zone.name().starts_with("Etc/")) {
            let (city, name) = (city_of(*zone), plain(zone.name()));
            let indices = atlas.by_name.get(&plain(&city));
            let known = indices.and_then(|indices| atlas.places.get(*indices.first()?));
            let place = known
                .filter(|known| known.place.zone == *zone)
                .map_or_else(|| Place { name: zone.name().to_owned(), zone: *zone }, |known| known.place.clone());
            let names = [name.as_str(), city.as_str()];
            let names = if known.is_some() { &names[..1] } else { &names[..] };
            atlas.add(place, names, &[]);
        }
        atlas
    }

    fn add(&mut self, place: Place, names: &[&str], within: &[&str]) -> usize {
        let index = self.places.len();
        let mut words: Vec<String> =
            within.iter().flat_map(|name| plain(name).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
        words.sort_unstable();
        words.dedup();
        self.places.push(Known { place, within: words });
        for name in names {
            let indices = self.by_name.entry(plain(name)).or_default();
            if !indices.contains(&index) {
                indices.push(index);
            }
        }
        index
    }
}

/// The city a zone is named after.
fn city_of(zone: Tz) -> String {
    zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ")
}

/// A place with where it is, unless that is its own name.
fn full_name(name: &str, region: &str) -> String {
    match region.split_once(", ") {
        _ if region == name => name.to_owned(),
        Some((state, country)) if state == name => format!("{name}, {country}"),
        _ => format!("{name}, {region}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lists_is_read() {
        for line in lines(include_str!("countries.txt")) {
            assert!((2..=3).contains(&line.len()), "{line:?}");
            for zone in line[1..].iter().flat_map(|zones| zones.split(' ')) {
                assert!(zone.parse::<Tz>().is_ok(), "{zone}");
            }
        }
        for line in lines(include_str!("cities.txt")) {
            let [zone, region, places] = line.as_slice() else { panic!("{line:?}") };
            assert!(zone.parse::<Tz>().is_ok(), "{zone}");
            let country = region.rsplit(", ").next().unwrap();
            assert!(
                lines(include_str!("countries.txt")).any(|line| line[0].split('=').any(|name| name == country)),
                "{country} is no country"
            );
            assert!(
                places.split("; ").flat_map(|place| place.split('=')).all(|name| !plain(name).is_empty()),
                "{line:?}"
            );
        }
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(plain("  S\u{e3}o  Paulo "), "sao paulo");
        assert_eq!(plain("St. John's"), "st johns");
        assert_eq!(plain("the Netherlands"), "netherlands");
        assert_eq!(plain("\u{141}\u{f3}d\u{17a}"), "lodz");
        assert_eq!(plain("The"), "the");
    }
}
