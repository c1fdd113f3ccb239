//! Calls of the Bot API whose answers are read only as far as they are needed.
//!
//! The library's own types refuse a whole answer for one field they do not know or miss; a message that was sent would then
//! look as if it had not been, and be sent again.

use serde::{Deserialize, Serialize};
use teloxide::Bot;
use teloxide::requests::{JsonRequest, MultipartPayload, MultipartRequest, Payload};
use teloxide::types::InputFile;

/// The same call, read as `Out`.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Least<P, Out> {
    payload: P,
    #[serde(skip)]
    read_as: std::marker::PhantomData<fn() -> Out>,
}

impl<P, Out> Payload for Least<P, Out>
where
    P: Payload,
    Out: for<'a> Deserialize<'a>,
{
    type Output = Out;

    const NAME: &'static str = P::NAME;
}

impl<P, Out> MultipartPayload for Least<P, Out>
where
    P: MultipartPayload,
    Out: for<'a> Deserialize<'a>,
{
    fn copy_files(&self, into: &mut dyn FnMut(InputFile)) {
        self.payload.copy_files(into);
    }

    fn move_files(&mut self, into: &mut dyn FnMut(InputFile)) {
        self.payload.move_files(into);
    }
}

/// A message that Telegram took.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Sent {
    /// Its id in the chat.
    pub message_id: i32,
}

/// The bot itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Me {
    /// What links into its chat name it by.
    pub username: Option<String>,
}

/// Whatever was answered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "serde::de::IgnoredAny")]
pub struct Anything;

impl From<serde::de::IgnoredAny> for Anything {
    fn from(_: serde::de::IgnoredAny) -> Self {
        Self
    }
}

/// Makes a call and reads its answer as `Out`.
pub fn call<P, Out>(bot: &Bot, payload: P) -> JsonRequest<Least<P, Out>>
where
    P: Payload + Serialize,
    Out: for<'a> Deserialize<'a>,
{
    JsonRequest::new(bot.clone(), Least { payload, read_as: std::marker::PhantomData })
}

/// Makes a call that carries files and reads its answer as `Out`.
pub fn call_with_files<P, Out>(bot: &Bot, payload: P) -> MultipartRequest<Least<P, Out>>
where
    P: MultipartPayload + Serialize,
    Out: for<'a> Deserialize<'a>,
{
    MultipartRequest::new(bot.clone(), Least { payload, read_as: std::marker::PhantomData })
}
