use std::collections::BTreeSet;

use bellhop_domain::{Capability, ExpiryReason};

use super::*;

fn account() -> Account {
    let mut account = Account::invented(1, "ada@mail.example");
    account.row.status = Status::Expired;
    account
}

#[test]
fn an_end_of_access_names_the_account_the_cause_and_the_way_back() {
    let link = Url::parse("https://bellhop.example/connect/x").unwrap();
    for reason in [ExpiryReason::RefreshRefused, ExpiryReason::AnswerLost, ExpiryReason::NoRefreshToken] {
        let message = message(&Notice::AccessExpired { reason }, &account(), Some(link.clone()), &BTreeSet::new());
        let html = message.text.html();
        assert!(html.contains("ada@mail.example") && html.contains("Reconnecting mends it"), "{html}");
        assert_eq!(message.buttons[0], [Button::link("Reconnect", link.clone())]);
    }
}

#[test]
fn what_may_not_be_read_any_more_is_named_with_the_one_button_that_asks_for_it() {
    let mut account = account();
    account.row.status = Status::Degraded;
    account.row.granted = ["mail".to_owned()].into();
    account.row.missing = ["calendar".to_owned()].into();
    let message =
        message(&Notice::AccessReduced { missing: [Capability::Calendar].into() }, &account, None, &BTreeSet::new());
    let html = message.text.html();
    assert!(html.contains("ada@mail.example") && html.contains("your mail but not your calendar"), "{html}");
    let mend = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
    assert_eq!(message.buttons, [[Button::press("Allow the calendar", mend)]]);
}

#[test]
fn what_keeps_failing_is_said_with_who_acts() {
    for kind in JobKind::ALL {
        for reason in JobFailure::ALL {
            let message = message(&Notice::JobBuried { kind, reason }, &account(), None, &BTreeSet::new());
            assert!(message.text.html().contains("Whoever runs this bot"), "{kind} {reason:?}");
        }
    }
}

#[test]
fn an_outage_of_telegram_buries_no_notice() {
    for away in [Trouble::Unreachable, Trouble::Unauthorized, Trouble::Conflict] {
        assert!(matches!(not_sent(away), Verdict::Wait { after: AWAY, .. }), "{away:?}");
    }
    let after = Duration::from_secs(9);
    assert!(matches!(not_sent(Trouble::SlowDown(after)), Verdict::Wait { after: told, .. } if told == after));
    assert!(matches!(not_sent(Trouble::NoAnswer), Verdict::Retry { .. }), "it may have been sent");
    assert!(matches!(not_sent(Trouble::Refused), Verdict::Bury { .. }));
}

#[test]
fn an_outage_says_what_still_works_and_its_end_what_does_not() {
    for reason in JobFailure::ALL {
        let message = message(&Notice::OutageBegan { reason }, &account(), None, &BTreeSet::new());
        let html = message.text.html();
        assert!(
            html.contains("ada@mail.example") && html.contains("go on by myself") && html.contains("stored"),
            "{html}"
        );
        assert!(message.buttons.is_empty(), "there is nothing to do");
    }
    let over = |left: &[JobKind]| {
        let left = left.iter().copied().collect();
        message(&Notice::TroubleOver, &account(), None, &left).text.html()
    };
    assert!(over(&[]).contains("answers again") && !over(&[]).contains("failing"));
    assert!(over(&[JobKind::FetchCalendar]).contains("Reading the calendar keeps failing"));
}
