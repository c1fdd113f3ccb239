//! The pages in a real browser, with the real programs behind them: what a person with a phone sees, taps and reads.
//!
//! A program of its own, as its stories share one browser. What every page must be like is measured by
//! `Tab::looks_right`, which also keeps pictures for people to look at.

mod mishaps;
mod outside;
mod standing;
mod walk;

use bellhop_tests::{House, Story, Tab, Trouble, Walk};
use url::Url;

/// The button of the link's page.
const CONTINUE: &str = "Continue to Google";

/// The button of the last page.
const FINISH: &str = "Finish in Telegram";

/// Somebody's walk and the tab they take it in.
async fn walker(house: &House) -> Story<(Walk, Tab)> {
    Ok((house.walker(1001, "Ada")?, house.tab().await?))
}

/// Chooses an account on the consent page and allows what is asked.
async fn consent(tab: &mut Tab, account: &str) -> Story {
    choose(tab, account).await?;
    tab.tap("Allow").await
}

/// Chooses an account on the consent page. It is the sandbox's page: what is tapped there beside its buttons is no tap that
/// Google asks for, who knows the account.
async fn choose(tab: &Tab, account: &str) -> Story {
    let chosen = format!("(document.querySelector('input[name=account][value=\"{account}\"]') || {{}}).checked = true");
    tab.evaluate(&chosen).await.map(drop)
}

/// Everything up to the page that offers to finish; answers the finish code.
async fn to_finish(walk: &Walk, tab: &mut Tab, account: &str) -> Story<String> {
    tab.open(&walk.link().await?).await?;
    tab.tap(CONTINUE).await?;
    consent(tab, account).await?;
    finish_code(tab).await
}

/// The code that the last page's button brings along.
async fn finish_code(tab: &Tab) -> Story<String> {
    let found = tab.evaluate("[...document.links].map((link) => link.href)").await?;
    let links = found.as_array().into_iter().flatten().filter_map(|link| Url::parse(link.as_str()?).ok());
    let mut codes = links.flat_map(|link| link.query_pairs().into_owned().collect::<Vec<_>>());
    match codes.find(|(name, _)| name == "start") {
        Some((_, code)) => Ok(code),
        None => Err(Trouble::new(format!("no finish code: {}", tab.text().await?))),
    }
}
