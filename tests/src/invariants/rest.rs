//! Waiting until a house has come to rest, so that what is found is not merely under way.

use std::time::Duration;

use chrono::TimeDelta;

use super::chronicle::{Chronicle, Moment};
use crate::house::House;
use crate::trouble::Story;
use crate::wait::{PATIENCE, until_within};

/// Sixty seconds after the last fault nothing may be late.
const AFTER_LAST_FAULT: TimeDelta = TimeDelta::seconds(60);

/// How long a house may take that nothing was broken in, on a busy machine.
const ANYHOW: TimeDelta = TimeDelta::seconds(20);

/// Longer than either: the wait itself never fails.
const LONGEST_WAIT: Duration = Duration::from_mins(3);

/// A little more than the pause between two looks at a mailbox or a calendar.
const UNTIL_NEXT_LOOK: TimeDelta = TimeDelta::minutes(6);

/// Ends what is broken outside, lets every account be looked at once more, and waits until all of that is done and read. Every role
/// must be served. A harness calls this before [`super::check`], so that what arrived meanwhile is stored.
pub async fn settle(house: &House) -> Story {
    house.sandbox.clear_faults().await?;
    until_within(PATIENCE * 2, "what is due to be done", async || look(house).await).await?;
    house.advance(UNTIL_NEXT_LOOK)?;
    until_within(PATIENCE * 2, "every account to be looked at once more", async || look(house).await).await
}

async fn look(house: &House) -> Story<Option<()>> {
    Ok((is_at_rest(house).await? && is_read(house).await?).then_some(()))
}

/// Waits until a house is at rest and its log has been read, or until it should have been: then it is judged as it is.
pub(super) async fn wait(house: &House, chronicle: &Chronicle) -> Story {
    let started = Moment::of(house)?.real;
    let deadline = (chronicle.last_fault().real + AFTER_LAST_FAULT).max(started + ANYHOW);
    until_within(LONGEST_WAIT, "a house to be at rest, or late", async || {
        let is_late = Moment::of(house)?.real > deadline;
        Ok(if is_late { Some(()) } else { look(house).await? })
    })
    .await
}

/// Whether nothing is due or running and every update is handled.
async fn is_at_rest(house: &House) -> Story<bool> {
    let now = Moment::of(house)?.app.to_rfc3339();
    let busy = format!(
        "select (select count(*) from jobs where state = 'open' and (lease is not null or due_at <= '{now}'))
              + (select count(*) from telegram_updates where handled_at is null)"
    );
    if house.database.number(&busy).await? > 0 {
        return Ok(false);
    }
    let waiting = house.sandbox.get("ledger").await?["telegram"]["updates_pending"].as_u64();
    Ok(waiting == Some(0))
}

/// Whether the reader of the log has come to its end: it says so, or has counted as many events as there are.
async fn is_read(house: &House) -> Story<bool> {
    let unread =
        "select count(*) from (select xid, position from events order by xid desc, position desc limit 1) as last
                  left join checkpoints c on c.reader = 'tallies'
                  where (last.xid, last.position) is distinct from (c.xid, c.position)
                    and (select count(*) from events) <> (
                        select coalesce(sum(t.events), 0) from tallies t
                        join view_versions v on v.view = 'tallies' and v.live = t.view_version)";
    Ok(house.database.number(unread).await? == 0)
}
