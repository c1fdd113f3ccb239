//! The stand-in Telegram, driven by teloxide: what it answers must be what a real client can read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use drive::{Drive, start};
use serde_json::json;
use teloxide::{
    ApiError, RequestError,
    payloads::{
        AnswerCallbackQuerySetters, EditMessageTextSetters, GetUpdatesSetters, SendDocumentSetters, SendMessageSetters,
        SendPhotoSetters, SetWebhookSetters,
    },
    prelude::{Bot, Requester},
    types::{
        AllowedUpdate, BotCommand, ButtonRequest, ChatAction, ChatId, InlineKeyboardButton, InlineKeyboardMarkup,
        InputFile, InputMedia, InputMediaPhoto, KeyboardButton, KeyboardMarkup, KeyboardRemove, LinkPreviewOptions,
        MaybeInaccessibleMessage, ParseMode, ReplyParameters, UpdateKind,
    },
};

const ADA: ChatId = ChatId(1001);

async fn bot() -> (Drive, Bot) {
    let drive = start().await;
    let bot = Bot::new("sandbox-bot-token").set_api_url(drive.running.origin().parse().unwrap());
    (drive, bot)
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

#[tokio::test]
async fn a_whole_conversation() {
    let (drive, bot) = bot().await;
    let me = bot.get_me().await.unwrap();
    assert_eq!(me.username(), "bellhop_sandbox_bot");
    bot.set_my_commands([BotCommand::new("inbox", "Your mail")]).await.unwrap();
    assert_eq!(bot.get_my_commands().await.unwrap().len(), 1);

    drive.say(1001, "/start abc_-1").await;
    let updates = bot.get_updates().timeout(1).await.unwrap();
    let UpdateKind::Message(heard) = &updates[0].kind else { panic!("{updates:?}") };
    assert_eq!(heard.text(), Some("/start abc_-1"));
    assert!(heard.chat.is_private());

    let keyboard = InlineKeyboardMarkup::new([[
        InlineKeyboardButton::callback("More", "more:1"),
        InlineKeyboardButton::url("Open", "http://127.0.0.1:8080/x".parse().unwrap()),
    ]]);
    bot.send_chat_action(ADA, ChatAction::Typing).await.unwrap();
    let sent = bot
        .send_message(ADA, "<b>Inbox</b> &amp; more 🎂 <a href=\"https://x.example/\">x</a>")
        .parse_mode(ParseMode::Html)
        .reply_markup(keyboard.clone())
        .link_preview_options(no_preview())
        .reply_parameters(ReplyParameters::new(heard.id))
        .await
        .unwrap();
    assert_eq!(sent.text(), Some("Inbox & more 🎂 x"));
    assert_eq!(sent.entities().unwrap().len(), 2);
    assert_eq!(sent.reply_markup(), Some(&keyboard));
    assert_eq!(sent.reply_to_message().unwrap().id, heard.id);

    drive.control("telegram/people/1001/press", json!({ "message_id": sent.id.0, "button": "More" })).await;
    let next = i32::try_from(updates[0].id.0).unwrap() + 1;
    let updates = bot
        .get_updates()
        .offset(next)
        .allowed_updates([AllowedUpdate::Message, AllowedUpdate::CallbackQuery])
        .await
        .unwrap();
    let UpdateKind::CallbackQuery(query) = &updates[0].kind else { panic!("{updates:?}") };
    assert_eq!(query.data.as_deref(), Some("more:1"));
    assert_eq!(query.regular_message().unwrap().id, sent.id);
    bot.answer_callback_query(query.id.clone()).text("Here").await.unwrap();

    let edited = bot
        .edit_message_text(ADA, sent.id, "<i>second page</i>")
        .parse_mode(ParseMode::Html)
        .reply_markup(keyboard.clone())
        .await
        .unwrap();
    assert!(edited.edit_date().is_some());
    let same = bot.edit_message_text(ADA, sent.id, "second page").reply_markup(keyboard).await;
    assert!(same.is_ok(), "the formatting is gone, so it is modified");
    bot.delete_message(ADA, sent.id).await.unwrap();
}

#[tokio::test]
async fn refusals_become_typed_errors() {
    let (drive, bot) = bot().await;
    drive.say(1001, "hi").await;
    let sent = bot.send_message(ADA, "x").await.unwrap();
    let api = |error| match error {
        RequestError::Api(error) => error,
        other => panic!("{other:?}"),
    };
    let same = bot.edit_message_text(ADA, sent.id, "x").await.unwrap_err();
    assert_eq!(api(same), ApiError::MessageNotModified);
    let empty = bot.send_message(ADA, " ").await.unwrap_err();
    assert_eq!(api(empty), ApiError::MessageTextIsEmpty);
    let long = bot.send_message(ADA, "x".repeat(5000)).await.unwrap_err();
    assert_eq!(api(long), ApiError::MessageIsTooLong);
    let stranger = bot.send_message(ChatId(9), "x").await.unwrap_err();
    assert_eq!(api(stranger), ApiError::ChatNotFound);
    let markup = bot.send_message(ADA, "<b>").parse_mode(ParseMode::Html).await.unwrap_err();
    assert!(matches!(api(markup), ApiError::CantParseEntities(_)));
    drive.control("telegram/people/1001/block", json!({})).await;
    let blocked = bot.send_message(ADA, "x").await.unwrap_err();
    assert_eq!(api(blocked), ApiError::BotBlocked);
    drive.control("telegram/people/1001/unblock", json!({})).await;
    let memberships = bot.get_updates().await.unwrap();
    let readable = |update: &teloxide::types::Update| !matches!(update.kind, UpdateKind::Error(_));
    assert!(memberships.iter().all(readable), "{memberships:?}");

    drive.control("faults", json!({ "path": "/bot/sendMessage", "status": 429, "retry_after": 3 })).await;
    let slow = bot.send_message(ADA, "x").await.unwrap_err();
    assert!(matches!(slow, RequestError::RetryAfter(seconds) if seconds.seconds() == 3));
    // On a busy machine the first may arrive long after it was sent.
    let others = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            bot.get_updates().offset(i32::MAX).await.unwrap();
        }
    };
    let first = tokio::select! {
        first = async { bot.get_updates().timeout(10).offset(i32::MAX).await } => first,
        () = others => unreachable!(),
    };
    assert_eq!(api(first.unwrap_err()), ApiError::TerminatedByOtherGetUpdates);
}

#[tokio::test]
async fn webhooks_are_set_by_multipart() {
    let (_drive, bot) = bot().await;
    bot.set_webhook("https://x.example:8443/hook".parse().unwrap()).secret_token("abc".to_owned()).await.unwrap();
    let info = bot.get_webhook_info().await.unwrap();
    assert_eq!(info.url.unwrap().as_str(), "https://x.example:8443/hook");
    bot.delete_webhook().await.unwrap();
    assert!(bot.get_webhook_info().await.unwrap().url.is_none());
}

#[tokio::test]
async fn pictures_places_and_messages_out_of_reach_can_be_read() {
    let (drive, bot) = bot().await;
    drive.control("telegram/people/1001/location", json!({ "latitude": 27.7, "longitude": 85.3 })).await;
    drive.control("telegram/people/1001/photo", json!({ "caption": "look" })).await;
    drive.control("telegram/people/1001/voice", json!({})).await;
    drive.control("telegram/people/1001/sticker", json!({})).await;
    let updates = bot.get_updates().await.unwrap();
    let heard: Vec<_> = updates
        .iter()
        .map(|update| match &update.kind {
            UpdateKind::Message(message) => message.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!((heard[0].location().unwrap().longitude - 85.3).abs() < 1e-9);
    assert_eq!((heard[1].caption(), heard[1].photo().unwrap()[0].width), (Some("look"), 320));
    assert_eq!(heard[2].voice().unwrap().duration.seconds(), 1);
    assert!(heard[3].sticker().is_some());

    let file = bot.get_file(heard[1].photo().unwrap()[0].file.id.clone()).await.unwrap();
    let path = format!("/file/botsandbox-bot-token/{}", file.path);
    let picture = drive.get(&path).send().await.unwrap().bytes().await.unwrap();
    let keyboard = InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Next", "next")]]);
    let sent = bot
        .send_photo(ADA, InputFile::memory(picture.clone()))
        .caption("<b>week</b>")
        .parse_mode(ParseMode::Html)
        .reply_markup(keyboard)
        .await
        .unwrap();
    assert_eq!(sent.caption(), Some("week"));
    let media = InputMedia::Photo(InputMediaPhoto::new(InputFile::memory(picture)).caption("next week"));
    let edited = bot.edit_message_media(ADA, sent.id, media).await.unwrap();
    assert_eq!(edited.caption(), Some("next week"));
    let document = InputFile::memory("BEGIN:VCALENDAR").file_name("a.ics");
    let document = bot.send_document(ADA, document).caption("here").await.unwrap();
    assert_eq!(document.document().unwrap().file_name.as_deref(), Some("a.ics"));

    let keys =
        KeyboardMarkup::new([[KeyboardButton::new("Here").request(ButtonRequest::Location)]]).one_time_keyboard();
    bot.send_message(ADA, "Where?").reply_markup(keys).await.unwrap();
    drive.control("telegram/people/1001/key", json!({ "button": "Here" })).await;
    bot.send_message(ADA, "Thanks").reply_markup(KeyboardRemove::new()).await.unwrap();

    drive.control("telegram/people/1001/out-of-reach", json!({ "message_id": sent.id.0 })).await;
    let press = json!({ "message_id": sent.id.0, "data": "next", "force": true });
    drive.control("telegram/people/1001/press", press).await;
    let updates = bot.get_updates().offset(-1).await.unwrap();
    let UpdateKind::CallbackQuery(query) = &updates[0].kind else { panic!("{updates:?}") };
    assert!(matches!(query.message, Some(MaybeInaccessibleMessage::Inaccessible(_))), "{query:?}");
}
