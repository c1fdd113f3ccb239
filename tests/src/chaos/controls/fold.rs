//! A burial, which states are folded without.

use chrono::TimeDelta;
use serde_json::json;

use super::logged;
use crate::house::House;
use crate::invariants::{Chronicle, FaultKind, Moment};
use crate::trouble::Story;

pub async fn play(house: &mut House, chronicle: &mut Chronicle) -> Story<&'static [&'static str]> {
    house.serve("bellhop", &["http", "relay", "worker"]).await?;
    let program = house.program(&house.api_key("assistant").await?);
    let from = Moment::of(house)?;
    // Repeating such a request would not help, so it is given up at once.
    let profile = "/gmail/v1/users/me/profile";
    house.sandbox.fault(json!({ "path": profile, "status": 400, "body": "{}" })).await?;
    house.connect_by_api(&program, "bob").await?;
    logged(house, "JobBuried").await?;
    chronicle.broke(FaultKind::Unavailable, profile, from, Moment::of(house)?);
    // When its successor is due.
    house.advance(TimeDelta::minutes(6))?;
    Ok(&["bellhop"])
}
