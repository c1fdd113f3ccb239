//! What a page of history comes to, and in which batches it is recorded.
//!
//! Pure. An interrupted page is walked again from its beginning, so only the record of its last batch may move on to the
//! next page; moving on earlier loses the rest of the page for good.

use std::collections::{HashMap, HashSet};

use bellhop_providers::MailChange;

use super::mailbox::INBOX;

/// The most pages of history one run walks. What has changed more than that is brought sooner by a full fetch.
const PAGES_AT_MOST: usize = 200;

/// What is recorded at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The messages to look at.
    pub wanted: Vec<String>,
    /// The messages that are gone.
    pub gone: Vec<String>,
    /// Whether nothing of its page is left after it.
    pub ends_page: bool,
}

/// The batches of a page, of so many messages each; none where nothing is to be recorded.
pub fn batches(wanted: &[String], gone: Vec<String>, size: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> =
        wanted.chunks(size.max(1)).map(|ids| Batch { wanted: ids.to_vec(), gone: vec![], ends_page: false }).collect();
    if batches.is_empty() && !gone.is_empty() {
        batches.push(Batch { wanted: vec![], gone: vec![], ends_page: false });
    }
    if let Some(first) = batches.first_mut() {
        first.gone = gone;
    }
    if let Some(last) = batches.last_mut() {
        last.ends_page = true;
    }
    batches
}

/// The pages that were walked in one run.
#[derive(Debug, Default)]
pub struct Walk {
    pages: HashSet<Option<String>>,
}

impl Walk {
    /// Whether this page may be walked. Not one that was walked before: a provider that sends us back would send us round
    /// for ever.
    pub fn goes_on_to(&mut self, page_token: Option<&str>) -> bool {
        self.pages.len() < PAGES_AT_MOST && self.pages.insert(page_token.map(str::to_owned))
    }
}

/// Which messages to look at, and which are gone. The last word on a message counts.
pub fn settle(changes: &[MailChange]) -> (Vec<String>, Vec<String>) {
    let mut order: Vec<&String> = vec![];
    let mut wanted = HashMap::new();
    for change in changes {
        let (id, is_wanted) = match change {
            MailChange::Added { id } | MailChange::LabelsAdded { id, .. } => (id, true),
            MailChange::Deleted { id } => (id, false),
            MailChange::LabelsRemoved { id, label_ids } => (id, !label_ids.iter().any(|label| label == INBOX)),
        };
        if wanted.insert(id, is_wanted).is_none() {
            order.push(id);
        }
    }
    let (wanted, gone): (Vec<&String>, Vec<&String>) =
        order.into_iter().partition(|id| wanted.get(*id).copied().unwrap_or(false));
    (wanted.into_iter().cloned().collect(), gone.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::super::BATCH;
    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn the_last_word_on_a_message_counts() {
        let id = |text: &str| text.to_owned();
        let (wanted, gone) = settle(&[
            MailChange::Added { id: id("a") },
            MailChange::Added { id: id("b") },
            MailChange::Deleted { id: id("a") },
            MailChange::LabelsRemoved { id: id("c"), label_ids: vec![id("UNREAD")] },
            MailChange::LabelsRemoved { id: id("d"), label_ids: vec![id(INBOX)] },
            MailChange::LabelsRemoved { id: id("e"), label_ids: vec![id(INBOX)] },
            MailChange::LabelsAdded { id: id("e"), label_ids: vec![id(INBOX)] },
        ]);
        assert_eq!(wanted, ["b", "c", "e"]);
        assert_eq!(gone, ["a", "d"]);
    }

    #[test]
    fn only_the_last_batch_ends_its_page() {
        for (wanted, gone, sizes) in [
            (0, 0, vec![]),
            (0, 3, vec![0]),
            (1, 0, vec![1]),
            (BATCH, 1, vec![BATCH]),
            (2 * BATCH + 20, 1, vec![BATCH, BATCH, 20]),
        ] {
            let found = batches(&ids(wanted), ids(gone), BATCH);
            assert_eq!(found.iter().map(|batch| batch.wanted.len()).collect::<Vec<_>>(), sizes);
            assert_eq!(found.iter().flat_map(|batch| batch.wanted.clone()).collect::<Vec<_>>(), ids(wanted));
            assert_eq!(found.iter().map(|batch| batch.gone.len()).sum::<usize>(), gone);
            let ends: Vec<bool> = found.iter().map(|batch| batch.ends_page).collect();
            assert_eq!(ends, sizes.iter().enumerate().map(|(index, _)| index + 1 == sizes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_provider_sends_us_round_for_ever() {
        let mut walk = Walk::default();
        assert!(walk.goes_on_to(None) && walk.goes_on_to(Some("1")) && walk.goes_on_to(Some("2")));
        assert!(!walk.goes_on_to(Some("1")) && !walk.goes_on_to(None));
        let pages = ids(10_000).iter().filter(|token| Walk::goes_on_to(&mut walk, Some(token))).count();
        assert!(pages < PAGES_AT_MOST, "{pages}");
    }
}
