//! One line for what is in several calendars: whoever is invited under two of their addresses has the meeting once in each
//! account, and would see it twice.
//!
//! Entries are taken for one where a reader could not tell them apart: at the same time, with the same title and place, and
//! answered alike. Nothing is lost by that, as the line names every calendar it stands in. What takes time is not decided
//! here: `/free` does not mind overlaps.

use bellhop_store::Answer;
use chrono_tz::Tz;

use crate::calendar::occurrences::Occurrence;

/// How many of those that begin with an occurrence it is compared with: a calendar may hold thousands that begin at once.
const NEIGHBOURS: usize = 50;

/// These occurrences, which are in order, with those together that are alike and in different calendars.
#[must_use]
pub fn together<'a>(occurrences: impl IntoIterator<Item = &'a Occurrence>, zone: Tz) -> Vec<Vec<&'a Occurrence>> {
    let mut groups: Vec<Vec<&Occurrence>> = vec![];
    for occurrence in occurrences {
        let begins = occurrence.bounds(zone).0;
        let group = groups
            .iter_mut()
            .rev()
            .take(NEIGHBOURS)
            .take_while(|group| group.first().is_some_and(|first| first.bounds(zone).0 == begins))
            .find(|group| group.iter().all(|other| are_alike(other, occurrence, zone)));
        match group {
            Some(group) => group.push(occurrence),
            None => groups.push(vec![occurrence]),
        }
    }
    groups
}

fn are_alike(one: &Occurrence, other: &Occurrence, zone: Tz) -> bool {
    // Whoever organises a meeting need not have answered.
    let answer = |occurrence: &Occurrence| occurrence.content.answer.filter(|answer| *answer != Answer::Accepted);
    let (this, that) = (&one.content, &other.content);
    (one.integration, one.calendar) != (other.integration, other.calendar)
        && one.is_all_day() == other.is_all_day()
        && one.bounds(zone) == other.bounds(zone)
        && (&this.title, &this.place) == (&that.title, &that.place)
        && (answer(one), this.tentative, this.busy) == (answer(other), that.tentative, that.busy)
}
