use bellhop_store::MailContent;
use proptest::prelude::*;

use super::*;
use crate::bot::text::tests::{hostile, read_as_telegram};

fn account(email: &str) -> Account {
    let mut account = Account::invented(1, email);
    account.row.granted = ["mail".to_owned()].into();
    account
}

fn mail(subject: &str) -> InboxMessage {
    let content = MailContent {
        from: "Anna <anna@example.org>".to_owned(),
        subject: subject.to_owned(),
        snippet: "Dear Ben".to_owned(),
        unread: false,
    };
    InboxMessage { message_id: subject.to_owned(), received_at: DateTime::UNIX_EPOCH, content }
}

fn trouble(what: &str, remedy: Remedy) -> Trouble {
    Trouble { what: what.to_owned(), advice: "Try again.".to_owned(), remedy }
}

fn message(question: &str, looked: &[Looked]) -> Message {
    let person = Person::unknown();
    View { question, looked, left_out: &[], person: &person, now: DateTime::UNIX_EPOCH }.message()
}

fn text(message: &Message) -> String {
    read_as_telegram(&message.text.html()).unwrap()
}

#[test]
fn what_the_provider_found_is_a_list_with_numbers() {
    let looked = Looked {
        account: account("ada@mail.example"),
        how: How::Asked,
        found: vec![mail("One"), mail("Two")],
        has_more: true,
    };
    let message = message("invoice", &[looked]);
    assert_eq!(
        text(&message),
        "🔎 invoice\n\n1. One\nAnna · 00:00 UTC, 1 Jan\nDear Ben\n\n2. Two\nAnna · 00:00 UTC, 1 Jan\nDear Ben\n\n\
         There are more. Narrow it down: from:anna, subject:invoice, after:2026/10/1."
    );
    assert_eq!(message.buttons.len(), 1);
}

#[test]
fn an_answer_from_what_is_stored_says_so_and_an_account_left_out_is_named() {
    let stored = How::Stored {
        trouble: trouble("Google did not answer.", Remedy::Again),
        total: 412,
        checked_at: Some(DateTime::UNIX_EPOCH),
        unanswerable: vec!["has:attachment".to_owned()],
    };
    let looked = [
        Looked { account: account("ada@mail.example"), how: stored, found: vec![mail("One")], has_more: false },
        Looked {
            account: account("work@mail.example"),
            how: How::Not(trouble("I am not allowed to read this account's mail.", Remedy::Mend)),
            found: vec![],
            has_more: false,
        },
    ];
    let message = message("has:attachment one", &looked);
    assert_eq!(
        text(&message),
        "🔎 has:attachment one\n\n📬 ada@mail.example\n⚠️ Google did not answer. So I looked only through sender, subject \
         and first words of the 412 newest mails I have stored, checked 00:00 UTC, 1 Jan. I could not look for \
         has:attachment there.\n\n1. One\nAnna · 00:00 UTC, 1 Jan\nDear Ben\n\n📬 work@mail.example\n⚠️ Not searched. I am \
         not allowed to read this account's mail. Try again."
    );
    let last = message.buttons.last().and_then(|row| row.first());
    assert!(matches!(last, Some(Button::Press { label, .. }) if label == "Reconnect work@mail.example"));
}

#[test]
fn nothing_found_is_said() {
    let looked = Looked { account: account("a@b.example"), how: How::Asked, found: vec![], has_more: false };
    assert!(text(&message("x", &[looked])).ends_with("Nothing found."));
}

#[test]
fn accounts_beyond_those_searched_are_named() {
    let looked = [Looked { account: account("a@b.example"), how: How::Asked, found: vec![], has_more: false }];
    let left_out = [account("ninth@mail.example"), account("tenth@mail.example")];
    let person = Person::unknown();
    let view = View { question: "x", looked: &looked, left_out: &left_out, person: &person, now: DateTime::UNIX_EPOCH };
    let said = text(&view.message());
    assert!(said.contains("Not searched: ninth@mail.example, tenth@mail.example."), "{said}");
}

proptest! {
    #[test]
    fn telegram_accepts_any_answer(question in hostile(), subject in hostile(), email in hostile(), accounts in 1_usize..9, each in 0_usize..9) {
        let looked: Vec<_> = (0..accounts)
            .map(|_| Looked {
                account: account(&email),
                how: How::Stored {
                    trouble: trouble("Google did not answer.", Remedy::Mend),
                    total: 1,
                    checked_at: None,
                    unanswerable: vec![question.clone(); 9],
                },
                found: (0..each).map(|_| mail(&subject)).collect(),
                has_more: true,
            })
            .collect();
        read_as_telegram(&message(&question, &looked).text.html()).map_err(TestCaseError::fail)?;
    }
}
