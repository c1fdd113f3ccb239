use std::future::Future;

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
    let listening = Box::pin(listen(&desk, &telegram.bot, &stop));
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
