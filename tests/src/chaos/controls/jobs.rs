//! A process that is killed while the jobs of what it has just written wait to be written.

use futures::future::join;

use super::held::Held;
use super::{at_rest, disconnect};
use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed, FaultKind, Moment};
use crate::trouble::Story;

pub async fn play(house: &mut House, chronicle: &mut Chronicle) -> Story<&'static [&'static str]> {
    house.serve("front", &["http"]).await?;
    house.serve("back", &["relay", "worker"]).await?;
    let program = house.program(&house.api_key("assistant").await?);
    let integration = house.connect_by_api(&program, "bob").await?;
    at_rest(house).await?;

    // A disconnect closes every job of the account and opens the revocation.
    let rows = format!("select from jobs where integration = '{integration}' for update");
    let mut held = Held::by(house, &rows).await?;
    let path = format!("v1/integrations/{integration}");
    let asked_at = Moment::of(house)?;
    let (unanswered, killed_at) = join(program.delete(&path), async {
        held.until_wanted_by(1).await?;
        let killed_at = Moment::of(house)?;
        house.kill("front")?;
        held.release().await?;
        Story::Ok(killed_at)
    })
    .await;
    let killed_at = killed_at?;
    drop(unanswered);
    chronicle.asked(Deed::Disconnect { integration: integration.parse()? }, asked_at, Answer::Unknown);
    house.serve("front", &["http"]).await?;
    chronicle.broke(FaultKind::Killed, "front", killed_at, Moment::of(house)?);

    // Who gets no answer asks again.
    disconnect(house, chronicle, &program, &integration).await?;
    Ok(&["front", "back"])
}
