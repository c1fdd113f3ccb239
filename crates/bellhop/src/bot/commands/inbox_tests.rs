use bellhop_store::MailContent;
use chrono::{TimeDelta, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::bot::text::tests::{hostile, read_as_telegram};

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

fn account(status: Status) -> Account {
    let mut account = Account::invented(1, "ada@mail.example");
    account.row.status = status;
    account.row.granted = ["mail".to_owned()].into();
    account
}

fn mail(from: &str, subject: &str, snippet: &str, unread: bool) -> InboxMessage {
    let content =
        MailContent { from: from.to_owned(), subject: subject.to_owned(), snippet: snippet.to_owned(), unread };
    InboxMessage { message_id: "m".to_owned(), received_at: noon() - TimeDelta::hours(3), content }
}

fn page(messages: Vec<InboxMessage>, total: i64, checked_seconds_ago: Option<i64>) -> InboxPage {
    let checked_at = checked_seconds_ago.map(|seconds| noon() - TimeDelta::seconds(seconds));
    InboxPage { messages, total, checked_at, stored: 350, batches: 7 }
}

fn shown(account: &Account, page: &InboxPage, number: u32, fetch: Fetch) -> (String, Vec<Vec<String>>) {
    let person = Person::unknown();
    let message = View { account, person: &person, page, number, fetch, has_others: true, now: noon() }.message();
    let labels = message.buttons.iter().map(|row| {
        row.iter()
            .map(|button| match button {
                Button::Press { label, .. } | Button::Link { label, .. } => label.clone(),
            })
            .collect()
    });
    (read_as_telegram(&message.text.html()).unwrap(), labels.collect())
}

#[test]
fn a_page_says_first_how_old_it_is() {
    let mails = vec![mail("Grace Hopper <grace@navy.example>", "Moths", "Found one in the relay", true)];
    let (text, buttons) = shown(&account(Status::Active), &page(mails, 125, Some(180)), 1, Fetch::Asked);
    assert_eq!(
        text,
        "Checked at 11:57 UTC, 20 Nov (3 minutes ago). Looking for news…\n\
         📬 ada@mail.example · 7–7 of 125 in this inbox\n\
         \n\
         7. ● Moths\n\
         Grace Hopper · 09:00 UTC, 20 Nov\n\
         Found one in the relay"
    );
    assert_eq!(buttons, [vec!["7"], vec!["◀ Newer", "Older ▶"], vec!["↻ Refresh", "Other account"]]);
}

#[test]
fn a_first_fetch_shows_how_far_it_has_come() {
    let (text, _) = shown(&account(Status::Active), &page(vec![], 0, None), 0, Fetch::Asked);
    assert!(text.starts_with("Fetching your mail for the first time: 350 so far…"), "{text}");
}

#[test]
fn an_expired_account_shows_what_is_stored_and_how_to_mend_it() {
    let mails = vec![mail("a@b.example", "", "", false)];
    let (text, buttons) = shown(&account(Status::Expired), &page(mails, 1, Some(7_200)), 0, Fetch::Settled);
    assert!(text.starts_with("Checked at 10:00 UTC, 20 Nov (2 hours ago)."), "{text}");
    assert!(text.contains("⚠️ Google no longer accepts"), "{text}");
    assert!(text.ends_with("1. (no subject)\na@b.example · 09:00 UTC, 20 Nov"), "{text}");
    assert_eq!(buttons, [["Reconnect", "Other account"]]);
}

#[test]
fn pages_end_where_the_mail_ends() {
    for (total, last) in [(0, 0), (1, 0), (6, 0), (7, 1), (12, 1), (13, 2)] {
        assert_eq!(last_page(total), last, "{total}");
    }
}

proptest! {
    #[test]
    fn any_mail_makes_a_message_that_telegram_accepts(
        from in hostile(), subject in hostile(), snippet in hostile(), email in hostile(), unread: bool, count in 0_usize..7
    ) {
        let mails = vec![mail(&from, &subject, &snippet, unread); count];
        let account = Account { email: Some(email), ..account(Status::Error) };
        let page = page(mails, 1_000, Some(5));
        let (account, person) = (&account, Person::unknown());
        let message =
            View { account, person: &person, page: &page, number: 3, fetch: Fetch::Asked, has_others: true, now: noon() }
                .message();
        let text = read_as_telegram(&message.text.html()).map_err(TestCaseError::fail)?;
        prop_assert!(text.starts_with("Checked at 11:59 UTC, 20 Nov"));
        let all = chooser(std::slice::from_ref(account));
        for button in message.buttons.iter().chain(&all.buttons).flatten() {
            let (Button::Press { label, .. } | Button::Link { label, .. }) = button;
            prop_assert!(!label.trim().is_empty());
        }
    }
}
