use proptest::prelude::*;

use super::*;

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

const FAILS: Answer = Answer::Fails(JobFailure::ProviderUnavailable);

fn call(about: u32, began: i64) -> Call {
    Call { began: at(began), about, probe: None }
}

/// A breaker after these answers, one a second, each about the account of that number; negative numbers are failures.
fn after(scope: Scope, answers: &[i32]) -> Breaker {
    let mut breaker = Breaker::default();
    for (second, about) in (0..).zip(answers) {
        let answer = if *about < 0 { FAILS } else { Answer::Works };
        breaker.take_in(scope, call(about.unsigned_abs(), second), answer, at(second));
    }
    breaker
}

fn probe(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

#[test]
fn five_failures_in_a_row_open_an_account_and_four_do_not() {
    assert!(after(Scope::Account, &[-1; 4]).open().is_none());
    assert!(after(Scope::Account, &[-1, -1, -1, -1, 1, -1, -1]).open().is_none());
    let open = *after(Scope::Account, &[1, -1, -1, -1, -1, -1]).open().unwrap();
    assert_eq!((open.since, open.retry_at), (at(5), at(20)));
}

#[test]
fn ten_of_the_last_twenty_open_an_account_and_nine_do_not() {
    let alternating: Vec<i32> = (0..18).map(|number| if number % 2 == 0 { -1 } else { 1 }).collect();
    assert!(after(Scope::Account, &alternating).open().is_none());
    assert!(after(Scope::Account, &[&alternating[..], &[-1]].concat()).open().is_some());
    // Nine failures and then so many good answers that the first of them are forgotten.
    assert!(after(Scope::Account, &[&alternating[..], &[1; 4], &[-1]].concat()).open().is_none());
}

#[test]
fn one_sick_mailbox_never_opens_its_provider_and_two_that_fail_together_do() {
    assert!(after(Scope::Provider, &[-1; 40]).open().is_none());
    assert!(after(Scope::Provider, &[-1, -1, -1, -1, -1, -1, -2]).open().is_none());
    assert!(after(Scope::Provider, &[-1, -1, -1, -2, -2]).open().is_some());
    assert!(after(Scope::Provider, &[-1, -2, -3, -4, -5]).open().is_some());
    let one_of_two: Vec<i32> = (0..40).map(|number| if number % 2 == 0 { -1 } else { 2 }).collect();
    assert!(after(Scope::Provider, &one_of_two).open().is_none(), "half of the answers, all of one account");
}

#[test]
fn what_is_long_past_does_not_count() {
    let mut breaker = after(Scope::Account, &[-1; 4]);
    assert!(!breaker.is_calm(at(4)));
    let later = MEMORY.num_seconds() + 4;
    assert!(breaker.is_calm(at(later)));
    assert_eq!(breaker.take_in(Scope::Account, call(1, later), FAILS, at(later)), None);
}

#[test]
fn pauses_grow_up_to_a_minute_and_the_outage_is_one_however_often_it_is_probed() {
    let mut breaker = after(Scope::Account, &[-1; 5]);
    let mut now = at(4);
    for seconds in [15, 30, 60, 60, 60] {
        let until = now + TimeDelta::seconds(seconds);
        assert_eq!(breaker.admit(until - TimeDelta::milliseconds(1)), Admission::Held { until });
        assert_eq!(breaker.admit(until), Admission::Probe { overdue: TimeDelta::zero() });
        breaker.begin_probe(probe(1), until);
        let answered = Call { probe: Some(probe(1)), ..call(1, 0) };
        assert_eq!(breaker.take_in(Scope::Account, answered, FAILS, until), Some(Turn::StayedOpen));
        assert_eq!(breaker.open().unwrap().since, at(4));
        now = until;
    }
}

#[test]
fn a_probe_that_is_answered_closes_and_one_that_never_is_makes_room_for_another() {
    let mut breaker = after(Scope::Account, &[-1; 5]);
    breaker.begin_probe(probe(1), at(20));
    assert_eq!(breaker.admit(at(21)), Admission::Held { until: at(26) });
    assert!(matches!(breaker.admit(at(79)), Admission::Held { .. }));
    assert_eq!(breaker.admit(at(80)), Admission::Probe { overdue: TimeDelta::zero() });
    breaker.begin_probe(probe(2), at(80));
    // The first comes back after all: that it failed then says nothing of now.
    let late = Call { probe: Some(probe(1)), ..call(1, 20) };
    assert_eq!(breaker.take_in(Scope::Account, late, FAILS, at(81)), None);
    let second = Call { probe: Some(probe(2)), ..call(1, 80) };
    assert_eq!(breaker.take_in(Scope::Account, second, Answer::Works, at(82)), Some(Turn::Closed));
    assert_eq!(breaker, Breaker::default());
}

#[test]
fn a_probe_that_takes_longer_than_it_may_is_heard_all_the_same() {
    let opened = after(Scope::Account, &[-1; 5]);
    let answered = |number, began| Call { probe: Some(probe(number)), ..call(1, began) };
    let probed = |at_seconds: &[i64]| {
        let mut breaker = opened.clone();
        for (number, seconds) in (1..).zip(at_seconds) {
            breaker.begin_probe(probe(number), at(*seconds));
        }
        breaker
    };
    // Nobody has tried since: it is still the probe.
    let mut alone = probed(&[20]);
    assert_eq!(alone.take_in(Scope::Account, answered(1, 20), FAILS, at(120)), Some(Turn::StayedOpen));
    let mut alone = probed(&[20]);
    assert_eq!(alone.take_in(Scope::Account, answered(1, 20), Answer::Works, at(120)), Some(Turn::Closed));
    // Beside another: that it was answered closes, and then the other's failure is one among many.
    let mut beside = probed(&[20, 80]);
    assert_eq!(beside.take_in(Scope::Account, answered(1, 20), Answer::Works, at(90)), Some(Turn::Closed));
    assert_eq!(beside.take_in(Scope::Account, answered(2, 80), FAILS, at(91)), None);
    assert_eq!((beside.open(), beside.failures(at(91))), (None, 1));
    // After the other has failed it is too old to prove anything: one more pause, and no more.
    let mut beside = probed(&[20, 80]);
    assert_eq!(beside.take_in(Scope::Account, answered(2, 80), FAILS, at(81)), Some(Turn::StayedOpen));
    assert_eq!(beside.take_in(Scope::Account, answered(1, 20), Answer::Works, at(90)), None);
    assert!(matches!(beside.admit(at(81) + FIRST_PAUSE * 2), Admission::Probe { .. }));
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_open() {
    const HOUR: i64 = 3600;
    let mut breaker = after(Scope::Account, &[-1; 5]);
    // Within what a pause can be there is no telling, and a minute at the most is lost.
    assert_eq!(breaker.admit(at(19 - 60)), Admission::Held { until: at(19) });
    // As overdue as can be: an account that fails too must not leave it to others for as long as the clock was ahead.
    assert_eq!(breaker.admit(at(19 - HOUR)), Admission::Probe { overdue: TimeDelta::seconds(HOUR) });
    breaker.begin_probe(probe(1), at(20));
    assert!(!breaker.open().unwrap().is_probed(at(20 - HOUR)));
    assert!(matches!(breaker.admit(at(20 - HOUR)), Admission::Probe { .. }));
    breaker.begin_probe(probe(2), at(20 - HOUR));
    let second = Call { probe: Some(probe(2)), ..call(1, 20 - HOUR) };
    assert_eq!(breaker.take_in(Scope::Account, second, FAILS, at(21 - HOUR)), Some(Turn::StayedOpen));
    assert_eq!(breaker.open().unwrap().since, at(21 - HOUR), "or nobody would hear how long it lasts");

    let mut failed = after(Scope::Account, &[-1; 4]);
    assert!(failed.is_calm(at(-HOUR)));
    assert_eq!(failed.take_in(Scope::Account, call(1, -HOUR), FAILS, at(-HOUR)), None);
}

#[test]
fn a_probe_that_nobody_waited_for_makes_room_at_once() {
    let mut breaker = after(Scope::Account, &[-1; 5]);
    breaker.begin_probe(probe(1), at(20));
    let dropped = Call { probe: Some(probe(1)), ..call(1, 20) };
    assert_eq!(breaker.take_in(Scope::Account, dropped, Answer::Unknown, at(21)), None);
    assert!(matches!(breaker.admit(at(21)), Admission::Probe { .. }));
}

#[test]
fn an_answer_to_a_call_from_before_the_outage_proves_nothing_and_one_from_after_it_does() {
    let mut breaker = after(Scope::Provider, &[-1, -2, -3, -4, -5]);
    assert_eq!(breaker.take_in(Scope::Provider, call(6, 3), Answer::Works, at(6)), None);
    assert_eq!(breaker.take_in(Scope::Provider, call(6, 5), FAILS, at(6)), None);
    assert_eq!(breaker.take_in(Scope::Provider, call(6, 5), Answer::Works, at(7)), Some(Turn::Closed));
}

#[test]
fn what_is_stored_is_read_again() {
    let mut breaker = after(Scope::Provider, &[-1, -2, 3]);
    let read = |breaker: &Breaker| serde_json::from_value::<Breaker>(serde_json::to_value(breaker).unwrap()).unwrap();
    assert_eq!(read(&breaker), breaker);
    breaker = after(Scope::Account, &[-1; 5]);
    breaker.begin_probe(probe(1), at(20));
    assert_eq!(read(&breaker), breaker);
}

/// Something that can happen to a breaker.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Passes(u16),
    Answered { answer: Answer, about: u32, ago: u16, as_probe: u8 },
    Asks(u8),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let answer = prop_oneof![Just(Answer::Works), Just(FAILS), Just(Answer::Unknown)];
    let one = prop_oneof![
        (0..200_u16).prop_map(Happening::Passes),
        (answer, 0..4_u32, 0..120_u16, 0..6_u8).prop_map(|(answer, about, ago, as_probe)| Happening::Answered {
            answer,
            about,
            ago,
            as_probe
        }),
        (0..6_u8).prop_map(Happening::Asks),
    ];
    proptest::collection::vec(one, 0..200)
}

proptest! {
    #[test]
    fn a_breaker_never_waits_for_ever_never_has_two_probes_and_never_grows(
        provider in any::<bool>(), happenings in happenings()
    ) {
        let scope = if provider { Scope::Provider } else { Scope::Account };
        let mut breaker = Breaker::default();
        let (mut now, mut probed_until) = (noon(), None);
        for happening in happenings {
            match happening {
                Happening::Passes(seconds) => now += TimeDelta::seconds(i64::from(seconds)),
                Happening::Answered { answer, about, ago, as_probe } => {
                    let probe = (as_probe > 0).then(|| probe(u128::from(as_probe)));
                    let call = Call { began: now - TimeDelta::seconds(i64::from(ago)), about, probe };
                    let was_open = breaker.open().copied();
                    let turn = breaker.take_in(scope, call, answer, now);
                    match turn {
                        Some(Turn::Opened) => prop_assert!(was_open.is_none() && breaker.open().is_some()),
                        Some(Turn::StayedOpen) => {
                            prop_assert_eq!(was_open.map(|open| open.since), breaker.open().map(|open| open.since));
                        }
                        Some(Turn::Closed) => prop_assert!(was_open.is_some() && answer == Answer::Works),
                        None => prop_assert_eq!(was_open.map(|open| open.since), breaker.open().map(|open| open.since)),
                    }
                    if breaker.open().is_none_or(|open| !open.is_probed(now)) {
                        probed_until = None;
                    }
                }
                Happening::Asks(id) => match breaker.admit(now) {
                    Admission::Free => prop_assert!(breaker.open().is_none()),
                    Admission::Held { until } => {
                        prop_assert!(breaker.open().is_some() && until > now && until - now <= LONGEST_PAUSE);
                    }
                    Admission::Probe { overdue } => {
                        prop_assert!(overdue >= TimeDelta::zero());
                        prop_assert!(probed_until.is_none_or(|until| until <= now), "two probes at once");
                        breaker.begin_probe(probe(u128::from(id)), now);
                        probed_until = Some(now + PROBE_LIFE);
                    }
                },
            }
            prop_assert!(breaker.seen.len() <= REMEMBERED);
            prop_assert!(breaker.open().is_none() || breaker.seen.is_empty());
        }
        // Whatever happened: two minutes later a probe may begin, or everything goes through.
        let later = now + LONGEST_PAUSE + PROBE_LIFE;
        let is_held = matches!(breaker.admit(later), Admission::Held { .. });
        prop_assert!(!is_held);
        // And one good answer to a call that began then ends the trouble.
        let call = Call { began: later, about: 1, probe: None };
        breaker.take_in(scope, call, Answer::Works, later);
        prop_assert!(breaker.open().is_none());
    }

    #[test]
    fn one_account_alone_never_opens_its_provider(answers in proptest::collection::vec(any::<bool>(), 0..200)) {
        let answers: Vec<i32> = answers.into_iter().map(|fails| if fails { -1 } else { 1 }).collect();
        prop_assert!(after(Scope::Provider, &answers).open().is_none());
    }
}
