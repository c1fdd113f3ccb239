//! When somebody is free: what is left of a stretch of time when everything that takes their time is taken out.

use chrono::{DateTime, TimeDelta, Utc};

/// From when to when.
pub type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// What is left of these stretches, in order; pieces shorter than `at_least` are not worth mentioning.
#[must_use]
pub fn slots(stretches: &[Stretch], busy: &[Stretch], at_least: TimeDelta) -> Vec<Stretch> {
    let mut busy: Vec<Stretch> = busy.iter().copied().filter(|(begin, end)| begin < end).collect();
    busy.sort_unstable();
    let mut free = vec![];
    for (begin, end) in stretches {
        let mut from = *begin;
        for (busy_from, busy_until) in &busy {
            if *busy_from >= *end {
                break;
            }
            if *busy_from > from {
                free.push((from, *busy_from));
            }
            from = from.max(*busy_until);
        }
        if from < *end {
            free.push((from, *end));
        }
    }
    free.retain(|(begin, end)| *end - *begin >= at_least.max(TimeDelta::minutes(1)));
    free
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 0, 0, 0).unwrap() + TimeDelta::minutes(minute)
    }

    fn found(stretches: &[(i64, i64)], busy: &[(i64, i64)], at_least: i64) -> Vec<(i64, i64)> {
        let stretch =
            |pairs: &[(i64, i64)]| pairs.iter().map(|(from, until)| (at(*from), at(*until))).collect::<Vec<_>>();
        let slots = slots(&stretch(stretches), &stretch(busy), TimeDelta::minutes(at_least));
        slots.iter().map(|(from, until)| ((*from - at(0)).num_minutes(), (*until - at(0)).num_minutes())).collect()
    }

    #[test]
    fn what_overlaps_is_taken_out_once_and_what_touches_leaves_nothing_between() {
        assert_eq!(found(&[(0, 480)], &[], 30), [(0, 480)]);
        assert_eq!(found(&[(0, 480)], &[(60, 120), (90, 150), (150, 200)], 30), [(0, 60), (200, 480)]);
        assert_eq!(found(&[(0, 480)], &[(-60, 30), (470, 900)], 30), [(30, 470)]);
        assert_eq!(found(&[(0, 480)], &[(-60, 900)], 30), []);
        assert_eq!(found(&[(0, 480)], &[(60, 60)], 30), [(0, 480)], "what has no length takes no time");
    }

    #[test]
    fn short_pieces_are_not_mentioned() {
        assert_eq!(found(&[(0, 100)], &[(29, 70)], 30), [(70, 100)]);
        assert_eq!(found(&[(0, 100)], &[(0, 100)], 0), []);
    }

    #[test]
    fn each_day_is_a_stretch_of_its_own() {
        assert_eq!(found(&[(0, 60), (100, 160)], &[(30, 130)], 30), [(0, 30), (130, 160)]);
    }

    proptest! {
        #[test]
        fn a_minute_is_free_if_nothing_takes_it(
            stretch in (0_i64..600, 0_i64..600), busy in prop::collection::vec((0_i64..600, 0_i64..600), 0..12)
        ) {
            let slots = found(&[stretch], &busy, 1);
            for minute in 0..600 {
                let inside = |(from, until): &(i64, i64)| (*from..*until).contains(&minute);
                prop_assert_eq!(slots.iter().any(inside), inside(&stretch) && !busy.iter().any(inside));
            }
        }
    }
}
