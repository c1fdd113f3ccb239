use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
}

/// The most units that arrived within any window of this length, counted as strictly as a provider can.
fn most_in_any(arrived: &[(i64, u64)], window_milliseconds: i64) -> u64 {
    let within = |from: i64| {
        let inside = arrived.iter().filter(move |(at, _)| (from..from + window_milliseconds).contains(at));
        inside.map(|(_, units)| units).sum()
    };
    arrived.iter().map(|(from, _)| within(*from)).max().unwrap_or(0)
}

/// Something that is asked: so long after the one before, this many units, this long under way, heard by the provider at
/// this part of the way, in thousandths.
fn asks() -> impl Strategy<Value = Vec<(i64, u64, i64, i64)>> {
    let pause = prop_oneof![0..200_i64, 0..8_000_i64, 0..120_000_i64];
    let lasts = prop_oneof![0..50_i64, 0..20_000_i64, 0..60_000_i64];
    prop::collection::vec((pause, 1..1_000_u64, lasts, 0..=1_000_i64), 1..120)
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_is_allowed(asks in asks(), begin in 0..60_000_i64, seconds in 1..=600_u64) {
        let (allowed, length) = (2_000, Duration::from_secs(seconds));
        let length_milliseconds = i64::try_from(length.as_millis()).unwrap();
        let span = Span::of(length);
        let mut window = Window::default();
        let (mut now, mut arrived, mut under_way) = (begin, vec![], Vec::<(i64, i64, u64)>::new());
        for (pause, units, lasts, heard) in asks {
            now += pause;
            // Calls that have ended meanwhile are settled at the time at which they ended.
            under_way.sort_unstable();
            while let Some((ended, begun, units)) = under_way.first().copied().filter(|(ended, ..)| *ended <= now) {
                window.settle(span, at(begun), at(ended), units);
                under_way.remove(0);
            }
            if window.wait(span, at(now), units, allowed).is_none() {
                window.spend(span, at(now), units);
                // No call takes longer than the window.
                let lasts = lasts.min(length_milliseconds);
                under_way.push((now + lasts, now, units));
                arrived.push((now + heard * lasts / 1_000, units));
            }
        }
        prop_assert!(most_in_any(&arrived, length_milliseconds) <= allowed);
    }

    #[test]
    fn whoever_waits_as_long_as_told_gets_it(spent in prop::collection::vec((0..90_000_i64, 1..900_u64), 0..60), units in 1..=2_000_u64) {
        let span = Span::of(Duration::from_mins(1));
        let mut window = Window::default();
        let mut spent = spent;
        spent.sort_unstable();
        for (then, units) in spent {
            if window.wait(span, at(then), units, 2_000).is_none() {
                window.spend(span, at(then), units);
            }
        }
        let now = at(90_000);
        if let Some(wait) = window.wait(span, now, units, 2_000) {
            prop_assert!(wait > Duration::ZERO && wait <= span.reach());
            let then = now + TimeDelta::from_std(wait).unwrap();
            prop_assert_eq!(window.wait(span, then, units, 2_000), None);
            let just_before = then - TimeDelta::milliseconds(1);
            prop_assert!(window.wait(span, just_before, units, 2_000).is_some());
        }
    }
}

#[test]
fn a_window_comes_free_a_bucket_at_a_time() {
    let span = Span::of(Duration::from_mins(1));
    assert_eq!((span.step(), span.reach()), (Duration::from_secs(5), Duration::from_secs(65)));
    let mut window = Window::default();
    window.spend(span, at(0), 600);
    window.spend(span, at(7_000), 400);
    assert_eq!(window.wait(span, at(9_000), 1, 1_000), Some(Duration::from_secs(56)));
    assert_eq!(window.wait(span, at(9_000), 601, 1_000), Some(Duration::from_secs(61)));
    assert_eq!(window.wait(span, at(65_000), 600, 1_000), None);
    assert_eq!(window.wait(span, at(9_000), 1_001, 1_000), Some(span.reach()), "this never fits");
}

#[test]
fn what_was_not_spent_is_given_back_and_what_ended_later_counts_longer() {
    let span = Span::of(Duration::from_mins(1));
    let mut window = Window::default();
    window.spend(span, at(0), 600);
    window.give_back(span, at(0), 200);
    assert_eq!(window.used(span, at(1)), 400);
    window.settle(span, at(0), at(30_000), 400);
    assert_eq!(window.used(span, at(94_000)), 400);
    assert!(window.is_spent(span, at(95_000)));
    // A clock that was set back meanwhile takes nothing away.
    window.settle(span, at(30_000), at(10_000), 400);
    assert_eq!(window.used(span, at(94_000)), 400);
}

#[test]
fn what_a_wrong_clock_wrote_down_does_not_count_and_is_forgotten() {
    let span = Span::of(Duration::from_mins(1));
    let now = at(0);
    let mut window = Window::from(BTreeMap::from([
        (span.oldest(now) - 1, 1_000),
        (span.newest(now) + 1, 1_000),
        (span.bucket(now) * 100, 1_000),
    ]));
    assert_eq!((window.used(span, now), window.wait(span, now, 1_000, 1_000)), (0, None));
    assert!(window.counted(span, now).is_empty() && window.is_spent(span, now));
    window.spend(span, now, 7);
    assert_eq!(window, Window::from(BTreeMap::from([(span.bucket(now), 7)])), "nothing else is kept");
}

#[test]
fn a_clock_that_is_a_little_ahead_counts_and_nobody_waits_longer_than_a_window_for_it() {
    let span = Span::of(Duration::from_mins(1));
    let now = at(0);
    let window = Window::from(BTreeMap::from([(span.newest(now), 1_000)]));
    assert_eq!(window.used(span, now), 1_000);
    assert_eq!(window.wait(span, now, 1, 1_000), Some(span.reach()));
}

#[test]
fn a_miss_of_a_clock_that_was_ahead_is_forgotten_like_any_other() {
    let now = at(0);
    let reach = Duration::from_secs(65);
    for (seconds, is_near) in [(-65, false), (-64, true), (0, true), (64, true), (65, false), (86_400, false)] {
        assert_eq!(is_within(reach, now + TimeDelta::seconds(seconds), now), is_near, "{seconds}");
    }
}
