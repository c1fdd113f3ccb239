use bellhop_domain::OwnerId;
use uuid::Uuid;

use super::*;
use crate::bot::stand_in::{Telegram, takes_all};

fn pressed(private: bool, data: &str) -> Incoming {
    let what = What::Press { query: "77".to_owned(), data: data.to_owned(), message: Some(4) };
    Incoming { chat: if private { 1001 } else { -5 }, private, what }
}

async fn handled(desk: &Desk, incoming: &Incoming) {
    let owner = OwnerId::new(Uuid::nil());
    let visit = Visit { desk, owner, update_id: 1, chat: incoming.chat, message: None };
    handle(&visit, incoming).await.unwrap();
}

#[tokio::test]
async fn a_press_in_a_group_is_sent_to_the_private_chat_and_shows_nothing() {
    let telegram = Telegram::answering(takes_all).await;
    let desk = telegram.desk();
    let connect = Press::new(commands::connect::COMMAND.name, commands::connect::OFFER).to_string();
    handled(&desk, &pressed(false, &connect)).await;
    assert_eq!(telegram.called(), ["answercallbackquery"]);
    assert_eq!(telegram.body(0)["text"], ONLY_IN_PRIVATE);

    handled(&desk, &pressed(true, &connect)).await;
    assert_eq!(telegram.called()[1..], ["sendmessage", "answercallbackquery"], "in private it counts");
}
