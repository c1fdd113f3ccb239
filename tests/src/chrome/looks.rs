//! What every page must be like, whatever it says: measured in a real window, and kept as pictures for people to look at.
//!
//! The measuring itself is `looks.js`, evaluated by the debugger: the page's own scripts stay off.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::chrome::Tab;
use crate::trouble::{Story, Trouble, ensure};

const MEASURE: &str = include_str!("looks.js");

/// The smallest text, in pixels, for those who did not ask for larger.
const LEAST_TEXT: u32 = 14;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What somebody looks at a page with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The window's width in CSS pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Which colours they asked for.
    pub scheme: Scheme,
    /// The size of ordinary text in pixels: browsers say 16, and people who see less well 32.
    pub text: u32,
    /// Whether they asked for things to keep still.
    pub is_still: bool,
}

impl Look {
    /// A phone as most people have it.
    pub const PHONE: Self = Self { width: 390, height: 844, scheme: Scheme::Light, text: 16, is_still: false };

    /// The smallest phone in use.
    pub const SMALL_PHONE: Self = Self { width: 320, height: 568, ..Self::PHONE };

    /// A window on a desk.
    pub const DESK: Self = Self { width: 1280, height: 800, ..Self::PHONE };

    /// The same in the dark.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { scheme: Scheme::Dark, ..self }
    }

    /// The same with text twice as large.
    #[must_use]
    pub const fn large(self) -> Self {
        Self { text: 32, ..self }
    }

    /// The same without anything that moves.
    #[must_use]
    pub const fn still(self) -> Self {
        Self { is_still: true, ..self }
    }

    /// Whether it is held in a hand.
    pub const fn is_phone(self) -> bool {
        self.width < 600
    }

    fn name(self) -> String {
        let scheme = match self.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let large = if self.text > 16 { "-large" } else { "" };
        format!("{}x{}-{scheme}{large}", self.width, self.height)
    }
}

/// Every look a page is measured in, and whether a picture is kept.
const LOOKS: [(Look, bool); 9] = [
    (Look::PHONE, true),
    (Look::PHONE.dark(), true),
    (Look::DESK, true),
    (Look::DESK.dark(), true),
    (Look::SMALL_PHONE, false),
    (Look::SMALL_PHONE.dark().still(), false),
    (Look::SMALL_PHONE.large(), false),
    (Look::PHONE.large(), true),
    (Look::DESK.large().dark(), false),
];

impl Tab {
    /// Trouble unless the page is as every page must be, in every look. Keeps pictures under this name.
    pub async fn looks_right(&mut self, name: &str) -> Story {
        let wrong = self.measure(Some(name)).await?;
        let place = self.url();
        ensure(wrong.is_empty(), format_args!("the page {name} at {} is not right: {wrong:#?}", place.path()))
    }

    /// Everything about the page that a person could stumble over, what the browser itself complains of, and whom it asks
    /// for more.
    pub async fn faults(&mut self) -> Story<Vec<String>> {
        self.measure(None).await
    }

    async fn measure(&mut self, name: Option<&str>) -> Story<Vec<String>> {
        let mut wrong = vec![];
        for (look, is_kept) in LOOKS {
            self.look(look).await?;
            let least_text = LEAST_TEXT * look.text / 16;
            let found = self.evaluate(&format!("{MEASURE}({least_text})")).await?;
            let found: Vec<String> = serde_json::from_value(found)?;
            wrong.extend(found.into_iter().map(|line| format!("{}: {line}", look.name())));
            if let Some(name) = name.filter(|_| is_kept) {
                self.keep_picture(name, look).await?;
            }
        }
        self.look(Look::PHONE).await?;
        self.take_what_came();
        wrong.extend(self.asked_others.drain(..).map(|origin| format!("it asks {origin}")));
        wrong.append(&mut self.complaints);
        Ok(wrong)
    }

    /// All of the page, in a window that is as high as it takes.
    async fn keep_picture(&self, name: &str, look: Look) -> Story {
        let height = self.evaluate("document.documentElement.scrollHeight").await?;
        let height = u32::try_from(height.as_u64().unwrap_or_default())?.max(look.height);
        self.look(Look { height, ..look }).await?;
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let picture = STANDARD.decode(picture["data"].as_str().unwrap_or_default())?;
        let folder = folder_of_pictures()?;
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join(format!("{name}-{}.png", look.name())), picture)?)
    }
}

/// The folder that `SCREENSHOTS` names, else one beside the built programs, which git does not see.
fn folder_of_pictures() -> Story<PathBuf> {
    if let Some(named) = std::env::var_os("SCREENSHOTS").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    // target / profile / deps / program
    let target = own.ancestors().nth(3).ok_or_else(|| Trouble::new("a program without a folder"))?;
    Ok(target.join("screenshots"))
}
