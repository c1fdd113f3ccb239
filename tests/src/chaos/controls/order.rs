//! A commit that is under way while a later one is committed and the reader of the log goes on.

use futures::future::try_join;

use super::disconnect;
use super::held::Held;
use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed, FaultKind, Moment};
use crate::trouble::{Story, ensure};
use crate::wait::until;

pub async fn play(house: &mut House, chronicle: &mut Chronicle) -> Story<&'static [&'static str]> {
    house.serve("first", &["http"]).await?;
    house.serve("second", &["http"]).await?;
    let key = house.api_key("assistant").await?;
    let [first, second] = ["first", "second"].map(|name| house.origin_of(name).map(|at| house.program_at(&at, &key)));
    let (first, second) = (first?, second?);
    let early = house.connect_by_api(&first, "alice").await?;
    let late = house.connect_by_api(&first, "bob").await?;

    // The view's row is written after the events: there the first commit waits, and then its process does.
    let row = format!("select from integrations where id = '{early}' for update");
    let mut held = Held::by(house, &row).await?;
    let path = format!("v1/integrations/{early}");
    let asked_at = Moment::of(house)?;
    let meanwhile = async {
        held.until_wanted_by(1).await?;
        let stopped_at = Moment::of(house)?;
        house.signal("first", "STOP")?;
        held.release().await?;
        disconnect(house, chronicle, &second, &late).await?;
        // A relay reads the log as soon as it serves, and then says how far it has come.
        house.serve("relay", &["relay"]).await?;
        let relay = house.program_at(&house.origin_of("relay")?, &key);
        until("the reader to have looked", async || {
            Ok(relay.get("metrics").await?.text.contains("\nlog_events{").then_some(()))
        })
        .await?;
        house.signal("first", "CONT")?;
        chronicle.broke(FaultKind::Stopped, "first", stopped_at, Moment::of(house)?);
        Ok(())
    };
    let (answer, ()) = try_join(first.delete(&path), meanwhile).await?;
    ensure(answer.status.is_success(), format_args!("not disconnected: {} {}", answer.status, answer.text))?;
    chronicle.asked(Deed::Disconnect { integration: early.parse()? }, asked_at, Answer::Accepted);
    house.serve("worker", &["worker"]).await?;
    Ok(&["first", "second", "relay", "worker"])
}
