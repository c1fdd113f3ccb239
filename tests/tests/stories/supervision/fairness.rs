//! One tenant that queues ten thousand jobs, and one mailbox that never stops: nobody else waits for them.

use bellhop_tests::{House, Story, ensure, until};

use super::POLL;
use super::drain::{Forged, add_tenant, queue};
use crate::{UNTIL_REFRESH, logged, mail_agrees};

/// How many jobs the noisy tenant has due in each queue.
const NOISE: usize = 10_000;

/// How many of them may be done between the moment at which another's job is due and its own end. A belt is held to twice
/// the run slots, and a slow machine looks late: what is left is a fiftieth of what would stand in front of it.
const AT_MOST: i64 = 200;

/// How many events of the noisy tenant there are up to the first of this type of the other, or up to now.
async fn noise(house: &House, until_event: Option<&str>) -> Story<i64> {
    let end = match until_event {
        Some(name) => format!("(select max(position) from events where type = '{name}' and tenant <> t.id)"),
        None => "(select max(position) from events)".to_owned(),
    };
    let sql = format!(
        "select count(*) from events e, tenants t
         where t.name = 'noisy' and e.tenant = t.id and e.position <= {end}"
    );
    house.database.number(&sql).await
}

/// One queue of its own is full of another's jobs, long due.
async fn is_not_delayed(noisy: Forged, event: &'static str) -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    logged(&house, &integration, "CalendarFetched", 1).await?;
    mail_agrees(&house, "bob").await?;
    add_tenant(&house, "noisy").await?;
    queue(&house, "noisy", noisy, NOISE).await?;
    until("the noise to have begun", async || Ok((noise(&house, None).await? > 20).then_some(()))).await?;
    let (count, before) = match event {
        "MailFetched" => {
            house.sandbox.mail_arrives("bob", "A <a@sender.example>", "In all the noise", "Hello.").await?;
            (2, noise(&house, None).await?)
        }
        _ => (1, noise(&house, None).await?),
    };
    house.advance(if event == "AccessRefreshed" { UNTIL_REFRESH } else { POLL })?;
    logged(&house, &integration, event, count).await?;
    let meanwhile = noise(&house, Some(event)).await? - before;
    ensure(meanwhile <= AT_MOST, format_args!("{meanwhile} jobs of somebody else came first"))?;
    let left = "select count(*) from jobs j, tenants t where t.name = 'noisy' and j.tenant = t.id and j.state = 'open'";
    ensure(house.database.number(left).await? > 5_000, "there was no noise left to be delayed by")?;
    house.close().await
}

#[tokio::test]
async fn a_tenant_with_ten_thousand_refreshes_does_not_delay_anothers() -> Story {
    is_not_delayed(Forged::Refresh, "AccessRefreshed").await
}

#[tokio::test]
async fn a_tenant_with_ten_thousand_fetches_does_not_delay_anothers() -> Story {
    is_not_delayed(Forged::Fetch, "MailFetched").await
}
