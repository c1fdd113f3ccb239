//! What Bellhop's own commands say of the log and of everything that is derived from it.

use std::time::Duration;

use super::report::Finding;
use crate::house::House;
use crate::trouble::Story;
use crate::wait::until_within;

/// How long the belt may differ from the job table while entries are on their way.
const PATIENCE: Duration = Duration::from_secs(5);

/// One finding for each command.
pub async fn findings(house: &House) -> Story<Vec<Finding>> {
    let mut findings = vec![
        said("audit_verify", differs(house, &["audit", "verify"]).await?),
        said("rebuild_jobs", differs(house, &["rebuild", "jobs", "--check"]).await?),
        said("rebuild_views", differs(house, &["rebuild", "views", "--check"]).await?),
    ];
    if house.redis.is_some() {
        let mut words = None;
        let agreed = until_within(PATIENCE, "the belt to agree", async || {
            words = differs(house, &["rebuild", "belt", "--check"]).await?;
            Ok(words.is_none().then_some(()))
        });
        let agreed = agreed.await;
        findings.push(said("rebuild_belt", agreed.err().map(|trouble| words.unwrap_or_else(|| trouble.to_string()))));
    }
    Ok(findings)
}

fn said(name: &'static str, words: Option<String>) -> Finding {
    Finding::of(name, words.into_iter().collect())
}

/// What a command says where it does not end well.
async fn differs(house: &House, arguments: &[&str]) -> Story<Option<String>> {
    let ran = house.try_command(arguments).await?;
    let words = || format!("bellhop {} ended with {:?}: {}{}", arguments.join(" "), ran.code, ran.out, ran.words);
    Ok((ran.code != Some(0)).then(words))
}
