use super::*;

const SEEDS: std::ops::Range<u64> = 0..200;

/// Worker kills, http kills, flushes, Redis restarts, Postgres restarts.
fn counts(schedule: &Schedule) -> [usize; 5] {
    [
        schedule.count(|blow| matches!(blow, Blow::Kill(Process::FirstWorker | Process::SecondWorker))),
        schedule.count(|blow| matches!(blow, Blow::Kill(Process::Http))),
        schedule.count(|blow| matches!(blow, Blow::FlushRedis)),
        schedule.count(|blow| matches!(blow, Blow::RestartRedis { .. })),
        schedule.count(|blow| matches!(blow, Blow::RestartPostgres { .. })),
    ]
}

#[test]
fn every_seed_holds_the_least_number_of_blows() {
    for seed in SEEDS {
        for (minutes, least) in [(2, [8, 3, 1, 1, 1]), (10, [40, 15, 3, 2, 2]), (30, [120, 45, 9, 6, 6])] {
            let schedule = Schedule::of(seed, Duration::from_mins(minutes));
            let counts = counts(&schedule);
            assert!(counts.iter().zip(least).all(|(count, least)| *count >= least), "{seed}: {schedule}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule_and_another_seed_another() {
    let of = |seed| Schedule::of(seed, Duration::from_mins(2));
    assert_eq!(of(7), of(7));
    assert_ne!(of(7).steps, of(8).steps);
}

#[test]
fn every_blow_is_over_before_the_end_and_they_come_in_order() {
    for seed in SEEDS {
        let schedule = Schedule::of(seed, Duration::from_mins(2));
        assert!(schedule.steps.is_sorted_by_key(|step| step.at));
        for step in &schedule.steps {
            assert!(step.at >= MARGIN && step.at + step.blow.lasts() <= schedule.length, "{seed}: {step:?}");
        }
    }
}

#[test]
fn every_kind_of_trouble_outside_comes_up_within_two_minutes() {
    let kind = |what: Outside| match what {
        Outside::Status(_) => 0,
        Outside::SlowDown(Some(_)) => 1,
        Outside::SlowDown(None) => 2,
        Outside::Delay(_) => 3,
        Outside::Drop => 4,
        Outside::LoseAnswer => 5,
        Outside::Refuse => 6,
    };
    for seed in SEEDS {
        let schedule = Schedule::of(seed, Duration::from_mins(2));
        let kinds: std::collections::BTreeSet<_> = schedule
            .steps
            .iter()
            .filter_map(|step| if let Blow::Outside { what, .. } = step.blow { Some(kind(what)) } else { None })
            .collect();
        assert_eq!(kinds.len(), 7, "{seed}");
        let loses_tokens =
            |blow: &Blow| matches!(blow, Blow::Outside { path: "/token", what: Outside::LoseAnswer, .. });
        assert!(schedule.count(loses_tokens) > 0, "{seed}");
    }
}
