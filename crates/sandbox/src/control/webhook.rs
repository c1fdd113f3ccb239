//! Control of the webhook: see what was delivered, hold it, and make back-offs end now.
//!
//! A test advances instead of sleeping.

use std::{sync::Arc, time::Duration};

use poem::{Body, Response, handler, web::Data};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{done, read, wrong};
use crate::{
    Sandbox,
    answer::{self, Refused},
    telegram::webhook,
};

/// How long `advance` waits for answers, in seconds.
const PATIENCE_SECONDS: u64 = 90;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wishes {
    /// Deliver nothing but what `advance` lets go, until it is false again.
    hold: Option<bool>,
    /// So many of the next accepted updates are delivered a second time.
    twice: Option<u32>,
}

/// What waits, and what came of each attempt.
#[handler]
pub fn show(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&webhook::view(&sandbox.state().telegram))
}

#[handler]
pub fn forget(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    sandbox.state().telegram.updates.deliveries.clear();
    done()
}

#[handler]
pub async fn change(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let wishes: Wishes = read(body).await?;
    {
        let deliveries = &mut sandbox.state().telegram.updates.deliveries;
        deliveries.held = wishes.hold.unwrap_or(deliveries.held);
        deliveries.twice = wishes.twice.unwrap_or(deliveries.twice);
    }
    sandbox.updates_bell.notify_waiters();
    Ok(answer::ok(&webhook::view(&sandbox.state().telegram)))
}

/// Ends every back-off, and answers when nothing is on the way and nothing due: each update was accepted, or has failed once more and
/// waits, with the later ones of its queue behind it. Where deliveries are held, exactly one attempt for each queue is let go: a chat's
/// messages are one, a person's presses another.
#[handler]
pub async fn advance(Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    sandbox.state().telegram.updates.advance(sandbox.clock.now());
    sandbox.updates_bell.notify_waiters();
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_SECONDS);
    loop {
        let rung = sandbox.updates_bell.notified();
        tokio::pin!(rung);
        // Enrolled before looking, so that nothing rings unheard in between.
        rung.as_mut().enable();
        if sandbox.state().telegram.updates.is_idle(sandbox.clock.now()) {
            return Ok(answer::ok(&webhook::view(&sandbox.state().telegram)));
        }
        timeout_at(deadline, rung).await.map_err(|_| wrong("the webhook does not answer"))?;
    }
}
