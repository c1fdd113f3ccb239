//! A real browser for the stories of the pages: Chromium without a window, and without JavaScript unless a story wants it.
//!
//! `process.rs` starts it, once for all stories of a program, and speaks its `DevTools` protocol; `tab.rs` is what a person
//! does in a tab; `looks.rs` is what every page must be like, measured in the tab. No story may know the protocol.
//!
//! Over a pipe, and without a crate for it: the pipe ends with the program that holds it, and the browser ends with the
//! pipe, so that none is left behind however a run ends. A dozen calls are needed, of a protocol whose bindings are five
//! megabytes of generated code.

mod looks;
mod process;
mod tab;

pub use looks::{Look, Scheme};
pub use tab::Tab;
