//! What Bellhop's own commands say of the log and of everything that is derived from it.

use std::time::Duration;

use super::report::Finding;
use crate::house::House;
use crate::trouble::Story;
use crate::wait::until_within;

/// How long a command may go on finding a difference while jobs run and the belt moves.
const PATIENCE: Duration = Duration::from_secs(10);

/// One finding for each command.
pub async fn findings(house: &House) -> Story<Vec<Finding>> {
    let mut findings = vec![
        command(house, "audit_verify", &["audit", "verify"]).await?,
        command(house, "rebuild_jobs", &["rebuild", "jobs", "--check"]).await?,
        command(house, "rebuild_views", &["rebuild", "views", "--check"]).await?,
    ];
    if house.redis.is_some() {
        findings.push(command(house, "rebuild_belt", &["rebuild", "belt", "--check"]).await?);
    }
    Ok(findings)
}

async fn command(house: &House, name: &'static str, arguments: &[&str]) -> Story<Finding> {
    let mut words = String::new();
    let agreed = until_within(PATIENCE, name, async || {
        let ran = house.try_command(arguments).await?;
        words = format!("bellhop {} ended with {:?}: {}{}", arguments.join(" "), ran.code, ran.out, ran.words);
        Ok((ran.code == Some(0)).then_some(()))
    })
    .await;
    Ok(Finding::of(name, agreed.err().map(|_| words).into_iter().collect()))
}
