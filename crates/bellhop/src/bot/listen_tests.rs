use std::future::Future;

use futures::future::BoxFuture;

use super::*;
use crate::bot::stand_in::{Telegram, refusal, takes_all};

/// Runs until Telegram has heard these calls, in this order and perhaps with others in between.
async fn until_called(telegram: &Telegram, calls: &[&str], work: impl Future<Output = ()>) {
    let heard = async {
        loop {
            let mut expected = calls.iter().peekable();
            for called in telegram.called() {
                if expected.peek().is_some_and(|next| **next == called) {
                    expected.next();
                }
            }
            if expected.peek().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::select! {
            () = heard => {}
            () = async { work.await; std::future::pending().await } => {}
        }
    });
    within.await.unwrap_or_else(|_| panic!("{calls:?} were expected, {:?} were called", telegram.called()));
}

#[tokio::test]
async fn a_webhook_that_somebody_sets_under_way_is_deleted_again() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getupdates", 0) => Some(refusal("Conflict: can't use getUpdates method while webhook is active")),
        _ => takes_all(method, nth),
    })
    .await;
    let (desk, stop) = (Arc::new(telegram.desk()), CancellationToken::new());
    let listening = Box::pin(listen(&desk, &telegram.bot, &stop, &|| Box::pin(std::future::ready(true))));
    until_called(&telegram, &["getupdates", "deletewebhook", "getupdates"], listening).await;
}

#[tokio::test]
async fn the_bot_listens_without_a_menu_and_sets_it_when_it_can() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("setmycommands", 0) => None,
        _ => takes_all(method, nth),
    })
    .await;
    assert_eq!(crate::bot::username(&telegram.bot).await.unwrap(), "bellhop_bot");
    assert!(!telegram.called().contains(&"setmycommands".to_owned()));
    let stop = CancellationToken::new();
    until_called(&telegram, &["setmycommands", "setmycommands"], show_menu(&telegram.bot, &stop)).await;
}

#[tokio::test]
async fn whoever_was_told_to_stop_leaves_the_webhook_alone() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getupdates", 0) => Some(refusal("Conflict: terminated by setWebhook request")),
        _ => takes_all(method, nth),
    })
    .await;
    let (desk, stop) = (Arc::new(telegram.desk()), CancellationToken::new());
    let told = async {
        until_called(&telegram, &["getupdates"], std::future::ready(())).await;
        // While it pauses.
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    };
    tokio::join!(listen(&desk, &telegram.bot, &stop, &|| Box::pin(std::future::ready(true))), told);
    assert_eq!(telegram.called(), ["getupdates"]);
}

#[tokio::test]
async fn whoever_has_lost_the_seat_leaves_the_webhook_to_the_one_who_has_it() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getupdates", 0) => Some(refusal("Conflict: terminated by setWebhook request")),
        _ => takes_all(method, nth),
    })
    .await;
    let (desk, stop) = (Arc::new(telegram.desk()), CancellationToken::new());
    let has_seat = || -> BoxFuture<'_, bool> {
        stop.cancel();
        Box::pin(std::future::ready(false))
    };
    listen(&desk, &telegram.bot, &stop, &has_seat).await;
    assert_eq!(telegram.called(), ["getupdates"]);
}

#[test]
fn telegram_is_not_asked_again_before_it_wants_to_be() {
    let (half, nine) = (Duration::from_millis(500), Duration::from_secs(9));
    assert_eq!(long_enough(half, Trouble::SlowDown(nine)), nine);
    assert_eq!(long_enough(nine, Trouble::SlowDown(half)), nine);
    assert_eq!(long_enough(half, Trouble::NoAnswer), half);
}
