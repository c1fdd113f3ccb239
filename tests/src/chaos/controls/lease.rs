//! A worker that is cut off between its provider's answer and its settlement, loses its job to another, and comes back.
//!
//! The job is a revocation and no fetch: what a late fetch writes is what the one after it has written, by design, and
//! nothing could be held against it. A revocation ends its job, and a job ends once.

use super::held::Held;
use super::{at_rest, disconnect, logged};
use crate::gate::Gate;
use crate::house::House;
use crate::invariants::{Chronicle, FaultKind, Moment};
use crate::trouble::Story;
use crate::wait::until;

pub async fn play(house: &mut House, chronicle: &mut Chronicle) -> Story<&'static [&'static str]> {
    house.serve("front", &["http", "relay"]).await?;
    let program = house.program(&house.api_key("assistant").await?);
    // The first worker alone comes to Postgres through this gate.
    let gate = Gate::before(&house.database.serving, 5432).await?;
    let straight = house.database.serving.clone();
    house.set("DATABASE_URL", gate.address().as_str());
    house.serve("zombie", &["worker"]).await?;
    house.set("DATABASE_URL", straight.as_str());
    let integration = house.connect_by_api(&program, "bob").await?;
    at_rest(house).await?;

    // Settling the revocation deletes the tokens: there it waits, with the provider's answer in hand.
    let mut held = Held::by(house, "select from vault for update").await?;
    disconnect(house, chronicle, &program, &integration).await?;
    held.until_wanted_by(1).await?;
    let cut_at = Moment::of(house)?;
    gate.shut();
    house.signal("zombie", "STOP")?;
    held.release().await?;

    house.database.let_leases_run_out().await?;
    house.serve("heir", &["worker"]).await?;
    logged(house, "AccessRevoked").await?;
    gate.open();
    house.signal("zombie", "CONT")?;
    let back_at = Moment::of(house)?;
    chronicle.broke(FaultKind::PostgresAway, "zombie", cut_at, back_at);
    chronicle.broke(FaultKind::Stopped, "zombie", cut_at, back_at);
    until("both workers to have ended their runs", async || {
        Ok((house.counted("jobs_total", &[("kind", "revoke_access")]).await? >= 2.0).then_some(()))
    })
    .await?;
    Ok(&["front", "zombie", "heir"])
}
