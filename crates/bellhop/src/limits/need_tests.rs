use uuid::Uuid;

use super::*;

fn need(operation: Operation, count: usize, urgency: Urgency) -> Need {
    need_of(&bellhop_providers::google(None).unwrap().quotas[0], operation, count, urgency)
}

fn need_of(quota: &Quota, operation: Operation, count: usize, urgency: Urgency) -> Need {
    let about = Pseudonym::new(Uuid::from_u128(7));
    let api = Api { provider: Provider::Google, name: quota.api };
    Need::of(api, quota, &Ask { about, operation, count, at_once: 4, urgency })
}

#[test]
fn work_in_the_background_leaves_a_part_to_people() {
    let job = need(Operation::MailGet, 50, Urgency::Background);
    assert_eq!((job.units, job.mailbox.allowed, job.project.allowed, job.at_once), (1_000, 4_800, 960_000, 6));
    let person = need(Operation::MailGet, 1, Urgency::Person { by: Instant::now() });
    assert_eq!(
        (person.units, person.mailbox.allowed, person.project.allowed, person.at_once),
        (20, 6_000, 1_200_000, 8)
    );
}

#[test]
fn without_counting_together_each_process_keeps_to_its_share_and_none_is_left_without() {
    let job = need(Operation::MailGet, 50, Urgency::Background);
    assert_eq!([1, 2, 5].map(|processes| job.mailbox.share(processes)), [4_800, 2_400, 960]);
    assert_eq!(job.mailbox.share(1_000), 80, "a listing and a few messages must fit");
}

#[test]
fn what_is_asked_for_together_fits_beside_what_came_before_it() {
    let one = need(Operation::MailGet, 1, Urgency::Background);
    assert_eq!([1, 4].map(|processes| one.most(processes)), [120, 30]);
    assert_eq!(one.most(1_000), 2);
    // However small the window: a listing, then as many as may be asked for together.
    let mut tight = bellhop_providers::google(None).unwrap().quotas.remove(0);
    tight.mailbox.units = 80;
    let one = need_of(&tight, Operation::MailGet, 1, Urgency::Background);
    let list = need_of(&tight, Operation::MailList, 1, Urgency::Background);
    assert!(list.units + one.units * one.most(9) as u64 <= one.mailbox.share(9));
    // What costs nothing has no end.
    tight.costs = vec![(Operation::MailGet, 0)];
    assert_eq!(need_of(&tight, Operation::MailGet, 1, Urgency::Background).most(1), usize::MAX);
}

#[test]
fn the_longer_wait_is_named_and_jobs_do_not_all_come_back_at_once() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let job = need(Operation::MailGet, 50, Urgency::Background);
    let full = |limit: Limit| {
        let mut window = Window::default();
        window.spend(limit.span, now, limit.allowed);
        window
    };
    let (project, mailbox, empty) = (full(job.project), full(job.mailbox), Window::default());
    let allowed = [job.project.allowed, job.mailbox.allowed];
    let of = |lack: Option<Lack>| lack.map(|lack| lack.of);
    assert_eq!(of(job.lack([&empty, &empty], allowed, now)), None);
    assert_eq!(of(job.lack([&empty, &mailbox], allowed, now)), Some(LackOf::Mailbox));
    assert_eq!(of(job.lack([&project, &empty], allowed, now)), Some(LackOf::Project));
    let lack = Lack { of: LackOf::Mailbox, after: Duration::from_secs(30) };
    let waits = |id: u128| Need { about: Pseudonym::new(Uuid::from_u128(id)), ..job }.patience(lack);
    assert_eq!(
        (waits(0), waits(4_999), waits(4_999)),
        (lack.after, waits(4_999), lack.after + Duration::from_millis(4_999))
    );
    let everybody = Lack { of: LackOf::Project, after: Duration::from_secs(30) };
    assert!(job.patience(everybody) >= everybody.after);
}

#[test]
fn graph_fits_into_the_same_form() {
    // https://learn.microsoft.com/graph/throttling-limits: per mailbox 10,000 requests in ten minutes and 4 at once.
    let graph = Quota {
        api: "outlook",
        project: Allowance { units: 130_000, window: Duration::from_secs(10) },
        mailbox: Allowance { units: 10_000, window: Duration::from_mins(10) },
        at_once: 4,
        costs: Operation::ALL.map(|operation| (operation, 1)).to_vec(),
    };
    let job = need_of(&graph, Operation::CalendarEvents, 1, Urgency::Background);
    assert_eq!((job.units, job.mailbox.allowed, job.at_once), (1, 8_000, 3));
    assert_eq!(job.reach(), Duration::from_secs(650));
}
