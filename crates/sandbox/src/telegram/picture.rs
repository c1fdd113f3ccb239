//! Whether something is a picture that Telegram takes as a photo.
//!
//! <https://core.telegram.org/bots/api#sendphoto>: "The photo must be at most 10 MB in size. The photo's width and height must not exceed 10000 in
//! total. Width and height ratio must be at most 20." What is inside is really decoded: a file that only begins like a
//! picture is refused by the real one too. Only PNG and JPEG are known here.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::methods::Refusal;

pub const PHOTO_BYTES: usize = 10 * 1024 * 1024;
const WIDTH_AND_HEIGHT: u32 = 10_000;
const RATIO: u32 = 20;

/// Enough for the largest square that is allowed, in any depth of colour.
const DECODED_BYTES: u64 = 512 * 1024 * 1024;

/// Width and height of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// `None` where it cannot be decoded. The dimensions are looked at first, so that a picture that is refused for them costs nothing.
pub fn look(bytes: &[u8]) -> Option<Size> {
    let (width, height) = reader(bytes)?.into_dimensions().ok()?;
    let size = Size { width, height };
    if check(size).is_err() {
        return Some(size);
    }
    decode(bytes).map(|_| size)
}

fn decode(bytes: &[u8]) -> Option<DynamicImage> {
    let mut reader = reader(bytes)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_BYTES);
    reader.limits(limits);
    reader.decode().ok()
}

fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()
}

/// Refuses what does not fit into a photo.
pub fn check(size: Size) -> Result<(), Refusal> {
    let Size { width, height } = size;
    let (short, long) = (width.min(height), width.max(height));
    if width.saturating_add(height) > WIDTH_AND_HEIGHT || long > short.saturating_mul(RATIO) {
        return Err(Refusal::bad_request("PHOTO_INVALID_DIMENSIONS"));
    }
    Ok(())
}

/// A small PNG, for people who send a picture without saying which.
pub fn sample() -> Vec<u8> {
    let shade = |part: u32, whole: u32| u8::try_from(part * 255 / whole).unwrap_or(u8::MAX);
    let drawn = RgbImage::from_fn(320, 200, |x, y| Rgb([shade(x, 320), 120, shade(y, 200)]));
    let mut bytes = Cursor::new(Vec::new());
    // Writing to memory does not fail; an empty file would be seen at once.
    let _ = DynamicImage::from(drawn).write_to(&mut bytes, ImageFormat::Png);
    bytes.into_inner()
}
