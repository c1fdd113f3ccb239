use bellhop_domain::{IntegrationId, OwnerId};
use chrono::TimeZone;
use uuid::Uuid;

use super::*;
use crate::bot::message::Message;
use crate::bot::stand_in::Telegram;
use crate::bot::text::Text;

fn asked() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

fn waiting(status: Status, checked_after: Option<i64>, stored: i32) -> LiveState {
    LiveState {
        message: LiveMessage {
            chat_id: 1,
            message_id: 2,
            owner: OwnerId::new(Uuid::nil()),
            shows: Shows::Inbox { integration: IntegrationId::new(Uuid::nil()), page: 0 },
            asked_at: asked(),
            shown: 0,
        },
        status: Some(status),
        checked_at: checked_after.map(|seconds| asked() + TimeDelta::seconds(seconds)),
        stored,
    }
}

#[test]
fn a_fetch_that_landed_settles_the_message_and_an_older_one_does_not() {
    let now = asked() + TimeDelta::seconds(5);
    assert_eq!(turn_of(&waiting(Status::Active, Some(2), 0), now), Some(Turn::Settle(Fetch::Settled)));
    assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 0), now), None);
}

#[test]
fn a_first_fetch_shows_its_progress_in_steps() {
    let now = asked() + TimeDelta::seconds(5);
    assert_eq!(turn_of(&waiting(Status::Active, None, 49), now), None);
    assert_eq!(turn_of(&waiting(Status::Active, None, 50), now), Some(Turn::Progress));
    assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 500), now), None, "later fetches are short");
}

#[test]
fn what_cannot_land_any_more_is_not_waited_for() {
    let now = asked() + TimeDelta::seconds(5);
    assert_eq!(turn_of(&waiting(Status::Expired, None, 0), now), Some(Turn::Settle(Fetch::Settled)));
    let late = asked() + TimeDelta::seconds(121);
    assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 0), late), Some(Turn::Settle(Fetch::Late)));
}

#[test]
fn what_cannot_be_read_is_left_and_holds_up_nobody() {
    let miss = |failure: Failure| Miss::of(&failure, false);
    assert_eq!(miss(StoreError::Unreadable("a row").into()), Miss::Leave);
    assert_eq!(miss(StoreError::Closed.into()), Miss::Again);
    assert_eq!(miss(Trouble::NoAnswer.into()), Miss::Again);
    assert_eq!(Miss::of(&Trouble::NoAnswer.into(), true), Miss::Leave);
    let pause = Duration::from_secs(30);
    assert_eq!(miss(Trouble::SlowDown(pause).into()), Miss::Rest(pause));
    assert_eq!(miss(Trouble::Gone.into()), Miss::Leave);
}

#[tokio::test]
async fn nobody_waits_for_somebody_elses_message() {
    let people = |count: u128| (0..count).map(|id| OwnerId::new(Uuid::from_u128(id))).collect();
    // Each waits until all of them are being looked after.
    let together = tokio::sync::Barrier::new(AT_ONCE);
    let all = each(people(8), |_| async {
        together.wait().await;
        Ok(())
    });
    tokio::time::timeout(Duration::from_secs(5), all).await.expect("one after the other").unwrap();

    let seen = Mutex::new(0);
    let all = each(people(20), |_| async {
        *seen.lock().unwrap() += 1;
        Err(StoreError::Closed)
    });
    assert!(all.await.is_err());
    assert_eq!(seen.into_inner().unwrap(), 20);
}

#[tokio::test]
async fn a_chat_that_asks_to_slow_down_is_not_waited_for_here() {
    let slow = Telegram::answering(|_, _| {
        let parameters = serde_json::json!({ "retry_after": 3 });
        Some(serde_json::json!({ "ok": false, "description": "Too Many Requests", "parameters": parameters }))
    })
    .await;
    let desk = slow.desk();
    let showing = Showing { desk: &desk, speaker: desk.speaker.impatient(), resting: Mutex::default() };
    let news: Message = Text::new().plain("news").into();
    let began = Instant::now();
    let pause = Duration::from_secs(3);
    assert_eq!(showing.speaker.edit(5, 6, &news).await, Err(Trouble::SlowDown(pause)));
    assert!(began.elapsed() < pause);
    showing.rest(5, pause);
    assert!(showing.is_resting(5) && !showing.is_resting(6));
}
