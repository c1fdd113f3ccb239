//! Shows that this process lives for as long as it has runs, so that a dead one's jobs are not left lying for long.
//!
//! Nothing depends on it: without it a run that ends with its process is found by its lease, half a minute later.

use std::time::Duration;

use bellhop_store::Presence;
use tokio::time::sleep;

use crate::app::App;
use crate::work::trouble::Trouble;

/// How often to make sure, and how soon to try again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long Postgres may take to answer. Giving a session up because it is slow would be to say that nobody lives.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows it for as long as this is waited for.
pub async fn show(app: App, presence: Presence) {
    let mut trouble = Trouble::with("showing that this worker lives");
    loop {
        match app.store.show_presence(presence).await {
            Ok(Some(mut shown)) => {
                trouble.over();
                while shown.keep(PATIENCE).await.is_ok() {
                    sleep(LOOK_EVERY).await;
                }
            }
            // An earlier session, which Postgres has not missed yet.
            Ok(None) => {}
            Err(error) => trouble.met(&error),
        }
        sleep(LOOK_EVERY).await;
    }
}
