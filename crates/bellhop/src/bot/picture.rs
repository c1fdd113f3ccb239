//! Some days as a picture: columns of hours, as people know them from a calendar on the wall.
//!
//! A pure function of what is seen to a PNG. Text is other people's: it is cleaned, escaped by the markup library, and cut
//! to its box, so that no title can leave its place. Fonts are brought along, as a server seldom has any; those of the
//! machine are asked only for scripts that ours lack.

use std::sync::{Arc, LazyLock};

use bellhop_store::Answer;
use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use maud::{Markup, PreEscaped, html};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::commands::agenda::together;
use super::seen::Seen;
use super::text::{clean, shorten};
use super::understand::span::Span;
use crate::calendar::occurrences::Occurrence;
use crate::calendar::zones::midnight;

/// The most days in one picture: what can be read on a phone.
const MOST_DAYS: i64 = 7;

/// Width and height of the picture. Telegram scales larger ones down.
const WIDTH: f32 = 1280.0;
const HEADER: f32 = 110.0;
const HOUR: f32 = 64.0;
const MARGIN: f32 = 76.0;
const ALL_DAY: f32 = 34.0;

/// Bars for whole days, of which a day has room for these many.
const MOST_BARS: usize = 4;

/// Blocks and bars of one day: more could not be told apart.
const MOST_OF_A_DAY: usize = 60;

/// The hours that are always there.
const HOURS: (u32, u32) = (8, 19);

/// The width of a letter, near enough to cut a title to its box.
const LETTER: f32 = 0.54;

/// Calendars in the order in which they are met.
const COLOURS: [(&str, &str); 6] = [
    ("#dbe7ff", "#2856c9"),
    ("#d9f2e1", "#1c7a43"),
    ("#fde6cf", "#b25a0b"),
    ("#f1dcf7", "#8430a8"),
    ("#fbdbe0", "#b3243f"),
    ("#d6f0f2", "#0e7480"),
];

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for font in [dejavu::sans_condensed::regular(), dejavu::sans_condensed::bold()] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.load_font_data(epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec());
    fonts.load_system_fonts();
    fonts.set_sans_serif_family("DejaVu Sans Condensed");
    Arc::new(fonts)
});

/// Whether these days make a picture that people would rather look at than read.
#[must_use]
pub fn can_show(span: &Span) -> bool {
    (1..MOST_DAYS).contains(&(span.last() - span.first()).num_days())
}

/// The picture of these days, as a PNG. Nothing where there are more days than can be read.
#[must_use]
pub fn draw(seen: &Seen, span: &Span, found: &[Occurrence]) -> Option<Vec<u8>> {
    let days: Vec<NaiveDate> = span.each_day().take(MOST_DAYS.try_into().ok()?).collect();
    if !can_show(span) {
        return None;
    }
    let sheet = Sheet::of(seen, days, found);
    let options =
        Options { fontdb: Arc::clone(&FONTS), font_family: "DejaVu Sans Condensed".to_owned(), ..Options::default() };
    let tree = Tree::from_str(&sheet.svg().into_string(), &options).ok()?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height())?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().ok()
}

/// What lasts from one minute of a day until another, beside what lasts at the same time.
struct Block<'a> {
    occurrence: &'a Occurrence,
    from: u32,
    until: u32,
    lane: usize,
    lanes: usize,
}

/// The days with what is on them.
struct Sheet<'a> {
    seen: &'a Seen,
    days: Vec<NaiveDate>,
    hours: (u32, u32),
    bars: Vec<Vec<&'a Occurrence>>,
    blocks: Vec<Vec<Block<'a>>>,
}

impl<'a> Sheet<'a> {
    fn of(seen: &'a Seen, days: Vec<NaiveDate>, found: &'a [Occurrence]) -> Self {
        let zone = seen.person.zone;
        let (mut bars, mut blocks) = (vec![], vec![]);
        for day in &days {
            let (from, until) = (midnight(zone, *day), midnight(zone, *day + Days::new(1)));
            let (mut long, mut short) = (vec![], vec![]);
            let here = found.iter().filter(|occurrence| occurrence.touches(zone, from, until));
            for occurrence in together(here, zone).iter().filter_map(|alike| alike.first()).take(MOST_OF_A_DAY) {
                let occurrence: &'a Occurrence = occurrence;
                let (start, end) = occurrence.bounds(zone);
                if occurrence.is_all_day() || (start <= from && end >= until) {
                    long.push(occurrence);
                } else {
                    short.push(block(occurrence, zone, *day, (start.max(from), end.min(until))));
                }
            }
            bars.push(long);
            blocks.push(in_lanes(short));
        }
        let all = || blocks.iter().flatten();
        let first = all().map(|block| block.from / 60).fold(HOURS.0, u32::min);
        let last = all().map(|block| block.until.div_ceil(60)).fold(HOURS.1, u32::max).min(24);
        Self { seen, days, hours: (first, last), bars, blocks }
    }

    fn all_day_height(&self) -> f32 {
        let most = self.bars.iter().map(Vec::len).max().unwrap_or(0).min(MOST_BARS + 1);
        ALL_DAY * float(most)
    }

    fn top(&self) -> f32 {
        HEADER + self.all_day_height() + 12.0
    }

    fn height(&self) -> f32 {
        self.top() + HOUR * float((self.hours.1 - self.hours.0) as usize) + 24.0
    }

    fn column(&self) -> f32 {
        (WIDTH - MARGIN - 16.0) / float(self.days.len())
    }

    fn svg(&self) -> Markup {
        let (width, height) = (WIDTH, self.height());
        html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
                rect width=(width) height=(height) fill="#ffffff" {}
                (self.grid())
                @for (index, day) in self.days.iter().enumerate() { (self.day(index, *day)) }
                (self.now())
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for hour in self.hours.0..=self.hours.1 {
                @let y = self.y(hour * 60);
                line x1=(MARGIN) x2=(WIDTH - 16.0) y1=(y) y2=(y) stroke="#e3e6ec" stroke-width="1.5" {}
                @if hour < 24 { (text(&format!("{hour:02}:00"), MARGIN - 12.0, y + 8.0, 22.0, "#6b7280", "end", false)) }
            }
        }
    }

    fn day(&self, index: usize, day: NaiveDate) -> Markup {
        let (x, width) = (MARGIN + self.column() * float(index), self.column());
        let is_today = day == self.seen.person.today(self.seen.now);
        let colour = if is_today { "#2856c9" } else { "#1f2430" };
        let middle = x + width / 2.0;
        html! {
            @if day.weekday().num_days_from_monday() > 4 {
                rect x=(x) y=(HEADER) width=(width) height=(self.height() - HEADER - 24.0) fill="#f6f7f9" {}
            }
            line x1=(x) x2=(x) y1=(HEADER) y2=(self.height() - 24.0) stroke="#e3e6ec" stroke-width="1.5" {}
            (text(&day.format("%a").to_string(), middle, 46.0, 26.0, colour, "middle", is_today))
            (text(&day.format("%-d %b").to_string(), middle, 84.0, 30.0, colour, "middle", true))
            (self.bars_of(index, x, width))
            @for block in &self.blocks[index] { (self.block(block, x, width)) }
        }
    }

    fn bars_of(&self, index: usize, x: f32, width: f32) -> Markup {
        let bars = &self.bars[index];
        let more = bars.len().saturating_sub(MOST_BARS);
        html! {
            @for (line, occurrence) in bars.iter().take(MOST_BARS).enumerate() {
                @let y = HEADER + ALL_DAY * float(line);
                @let (light, dark) = self.colours(occurrence);
                rect x=(x + 3.0) y=(y) width=(width - 6.0) height=(ALL_DAY - 4.0) rx="6" fill=(light) {}
                (text(&fitted(title(occurrence), width - 20.0, 19.0), x + 11.0, y + 22.0, 19.0, dark, "start", false))
            }
            @if more > 0 {
                (text(&format!("+ {more} more"), x + 11.0, HEADER + ALL_DAY * float(MOST_BARS) + 22.0, 19.0, "#6b7280", "start", false))
            }
        }
    }

    fn block(&self, block: &Block<'_>, x: f32, width: f32) -> Markup {
        let lane = (width - 6.0) / float(block.lanes);
        let (x, width) = (x + 3.0 + lane * float(block.lane), lane - 3.0);
        let (y, bottom) = (self.y(block.from), self.y(block.until));
        let height = (bottom - y - 2.0).max(24.0);
        let (light, dark) = self.colours(block.occurrence);
        let content = &block.occurrence.content;
        let is_certain =
            content.answer != Some(Answer::Declined) && !content.tentative && content.answer != Some(Answer::Tentative);
        let begins = format!("{:02}:{:02}", block.from / 60, block.from % 60);
        let name = title(block.occurrence);
        let lines = lines_of(&name, width - 16.0, 20.0, whole((height - 8.0) / 24.0, 1));
        html! {
            rect x=(x) y=(y) width=(width) height=(height) rx="7" fill=(if is_certain { light } else { "#ffffff" })
                stroke=(if is_certain { light } else { dark }) stroke-width="2" stroke-dasharray=(if is_certain { "0" } else { "6 5" }) {}
            rect x=(x) y=(y) width="5" height=(height) rx="2.5" fill=(dark) {}
            @for (index, line) in lines.iter().enumerate() {
                (text(line, x + 12.0, y + 21.0 + 24.0 * float(index), 20.0, dark, "start", index == 0))
            }
            @if height >= 24.0 * (float(lines.len()) + 1.0) + 6.0 {
                (text(&fitted(begins, width - 16.0, 18.0), x + 12.0, y + 20.0 + 24.0 * float(lines.len()), 18.0, dark, "start", false))
            }
        }
    }

    /// A line at this moment, where it is in the picture.
    fn now(&self) -> Markup {
        let local = self.seen.now.with_timezone(&self.seen.person.zone);
        let minute = local.hour() * 60 + local.minute();
        let index = self.days.iter().position(|day| *day == local.date_naive());
        let Some(index) = index.filter(|_| minute >= self.hours.0 * 60 && minute <= self.hours.1 * 60) else {
            return PreEscaped(String::new());
        };
        let (x, y) = (MARGIN + self.column() * float(index), self.y(minute));
        html! {
            line x1=(x) x2=(x + self.column()) y1=(y) y2=(y) stroke="#d92d20" stroke-width="3" {}
            circle cx=(x) cy=(y) r="6" fill="#d92d20" {}
        }
    }

    fn y(&self, minute: u32) -> f32 {
        let since = minute.saturating_sub(self.hours.0 * 60);
        self.top() + HOUR * float(since as usize) / 60.0
    }

    fn colours(&self, occurrence: &Occurrence) -> (&'static str, &'static str) {
        let calendars = self
            .seen
            .accounts
            .iter()
            .flat_map(|seen| seen.calendars.iter().map(|calendar| (seen.account.id(), calendar.handle)));
        let place = calendars.into_iter().position(|known| known == (occurrence.integration, occurrence.calendar));
        COLOURS[place.unwrap_or(0) % COLOURS.len()]
    }
}

/// On the clock of that day; in the night in which it goes back, what lasts longer is drawn as its clock shows it.
fn block(occurrence: &Occurrence, zone: Tz, day: NaiveDate, (start, end): (DateTime<Utc>, DateTime<Utc>)) -> Block<'_> {
    let minute = |at: DateTime<Utc>| {
        let local = at.with_timezone(&zone);
        if local.date_naive() > day { 24 * 60 } else { local.hour() * 60 + local.minute() }
    };
    let from = minute(start).min(24 * 60 - 20);
    Block { occurrence, from, until: minute(end).max(from + 20), lane: 0, lanes: 1 }
}

/// What overlaps shares the width.
fn in_lanes(mut blocks: Vec<Block<'_>>) -> Vec<Block<'_>> {
    blocks.sort_by_key(|block| (block.from, std::cmp::Reverse(block.until)));
    let mut begin = 0;
    while begin < blocks.len() {
        // Those that hang together, one overlapping the next.
        let (mut end, mut until) = (begin, blocks[begin].until);
        while end < blocks.len() && (end == begin || blocks[end].from < until) {
            until = until.max(blocks[end].until);
            end += 1;
        }
        let mut lanes: Vec<u32> = vec![];
        for block in &mut blocks[begin..end] {
            let lane = lanes.iter().position(|taken| *taken <= block.from).unwrap_or(lanes.len());
            if lane == lanes.len() {
                lanes.push(0);
            }
            lanes[lane] = block.until;
            block.lane = lane;
        }
        for block in &mut blocks[begin..end] {
            block.lanes = lanes.len();
        }
        begin = end;
    }
    blocks
}

fn title(occurrence: &Occurrence) -> String {
    match clean(&occurrence.content.title) {
        empty if empty.is_empty() => "(no title)".to_owned(),
        title => title,
    }
}

/// The words that fit into this many lines of this width; the last line says where something was cut off.
fn lines_of(words: &str, width: f32, size: f32, most: usize) -> Vec<String> {
    let room = letters(width, size);
    let mut lines: Vec<String> = vec![];
    let mut rest = words.chars().take(room * (most + 1)).collect::<String>();
    while !rest.is_empty() && lines.len() < most {
        if rest.chars().count() <= room || lines.len() + 1 == most {
            lines.push(shorten(&rest, room));
            break;
        }
        let head: String = rest.chars().take(room + 1).collect();
        let at = head
            .rfind(' ')
            .filter(|at| *at > 0)
            .unwrap_or_else(|| head.len() - head.chars().last().map_or(0, char::len_utf8));
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start().to_owned();
    }
    lines
}

fn fitted(words: impl AsRef<str>, width: f32, size: f32) -> String {
    shorten(words.as_ref(), letters(width, size))
}

fn letters(width: f32, size: f32) -> usize {
    whole(width / (size * LETTER), 2)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few; a cast holds what is below to 0")]
fn whole(number: f32, least: usize) -> usize {
    (number as usize).max(least)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred at the most")]
fn float(number: usize) -> f32 {
    number as f32
}

fn text(words: &str, x: f32, y: f32, size: f32, colour: &str, anchor: &str, bold: bool) -> Markup {
    html! {
        text x=(x) y=(y) font-size=(size) fill=(colour) text-anchor=(anchor) font-weight=(if bold { "bold" } else { "normal" })
            font-family="DejaVu Sans Condensed, Noto Emoji, sans-serif" { (words) }
    }
}
