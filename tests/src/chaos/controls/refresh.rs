//! Two processes that have both read the same refresh token before either asks for the lease.

use futures::future::join3;
use serde_json::json;

use super::at_rest;
use super::held::Held;
use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed, Moment};
use crate::trouble::Story;

pub async fn play(house: &mut House, chronicle: &mut Chronicle) -> Story<&'static [&'static str]> {
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    house.serve("first", &["http"]).await?;
    house.serve("second", &["http"]).await?;
    house.serve("back", &["relay", "worker"]).await?;
    let key = house.api_key("assistant").await?;
    let [first, second] = ["first", "second"].map(|name| house.origin_of(name).map(|at| house.program_at(&at, &key)));
    let (first, second) = (first?, second?);
    let integration = house.connect_by_api(&first, "alice").await?;
    at_rest(house).await?;

    let mut held = Held::by(house, "lock table refresh_leases in exclusive mode").await?;
    let path = format!("v1/integrations/{integration}/refresh");
    let asked_at = Moment::of(house)?;
    let release = async {
        held.until_wanted_by(2).await?;
        held.release().await
    };
    let (first, second, released) = join3(first.post(&path, None), second.post(&path, None), release).await;
    released?;
    for answer in [first?, second?] {
        let answer = if answer.status.is_success() { Answer::Accepted } else { Answer::Unknown };
        chronicle.asked(Deed::Refresh { integration: integration.parse()?, key: None }, asked_at, answer);
    }
    Ok(&["first", "second", "back"])
}
