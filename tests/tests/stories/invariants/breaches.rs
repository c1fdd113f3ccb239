//! How each promise is broken from behind: rows as a fault of Bellhop would leave them.

/// A promise that is broken in the database.
pub struct Breach {
    /// The promise.
    pub finding: &'static str,
    /// What is put back afterwards.
    pub tables: &'static [&'static str],
    /// How it is broken.
    pub sql: &'static str,
}

const fn breach(finding: &'static str, tables: &'static [&'static str], sql: &'static str) -> Breach {
    Breach { finding, tables, sql }
}

/// Every promise that a row can break, most of them in several ways.
pub const BREACHES: &[Breach] = &[
    breach("stream_versions", &["events"], "update events set version = 99 where type = 'AccessRefreshed'"),
    breach("stream_versions", &["states"], "update states set version = version + 1"),
    breach("stream_versions", &["states"], "delete from states"),
    breach("chain_links", &["events"], "update events set previous_hash = hash where version = 2"),
    breach("chain_links", &["states"], "update states set last_hash = sha256('else')"),
    breach("command_once", &["commands"], "delete from commands"),
    breach("command_once", &["commands"], "update commands set events = events || gen_random_uuid()"),
    breach(
        "command_once",
        &["events"],
        "update events set metadata = (select metadata from events where type = 'AccessGranted' limit 1) where type = 'MailFetched'",
    ),
    breach("walk_once", &["events"], "update events set type = 'AccessGranted' where type = 'AuthorizationStarted'"),
    breach("ending_once", &["events"], "update events set type = 'Disconnected' where type = 'AccessRevoked'"),
    breach("ending_once", &["events"], "update events set type = 'MailFetched' where type = 'AccessRevoked'"),
    breach(
        "generation_once",
        &["events"],
        "update events set type = 'AccessRefreshed', payload = convert_to('{\"generation\": 1}', 'utf8') where type = 'CalendarFetched'",
    ),
    breach("generation_once", &["events"], "update events set type = 'RefreshFailed' where type = 'AccessRefreshed'"),
    breach("tallies", &["tallies"], "update tallies set events = events - 1 where type = 'AccessGranted'"),
    breach("job_once", &["events"], "update events set type = 'JobBuried' where type = 'JobReplayed'"),
    breach("job_once", &["events"], "update events set type = 'AccessRevoked' where type = 'JobBuried'"),
    breach(
        "job_attempts",
        &["events"],
        "update events set payload = convert_to(replace(convert_from(payload, 'utf8'), '\"attempts\":1', '\"attempts\":4'), 'utf8')
         where type = 'JobBuried'",
    ),
    breach(
        "job_attempts",
        &["events"],
        "update events set type = 'JobFailed', payload = convert_to(replace(convert_from(payload, 'utf8'), '}', ',\"attempt\":2}'), 'utf8')
         where type = 'AccessRevoked'",
    ),
    breach("job_reason", &["jobs"], "update jobs set state = 'dead' where kind = 'fetch_mail' and state = 'open'"),
    breach("job_opened_with_event", &["witness.openings"], "update witness.openings set xid = '3'"),
    breach("job_opened_with_event", &["witness.openings"], "update witness.openings set opened_by = gen_random_uuid()"),
    breach("written_under_lease", &["witness.writings"], "update witness.writings set lease = gen_random_uuid()"),
    breach("written_under_lease", &["witness.writings"], "update witness.writings set lease = null"),
    breach("written_under_lease", &["witness.runs"], "delete from witness.runs"),
    breach("nothing_overdue", &["jobs"], "update jobs set due_at = due_at - interval '1 day' where state = 'open'"),
    breach(
        "no_lease_left",
        &["jobs"],
        "update jobs set lease = gen_random_uuid(), leased_until = now() - interval '1 minute' where state = 'open'",
    ),
    breach(
        "no_lease_left",
        &["jobs", "witness.runs"],
        "update jobs set lease = gen_random_uuid(), leased_until = now() + interval '1 minute' where state = 'open';
         update witness.runs set started_at = now() - interval '1 hour'",
    ),
    breach(
        "refreshed_under_lease",
        &["witness.refreshings"],
        "update witness.refreshings set held_until = taken_at + interval '9 seconds'",
    ),
    breach("refreshed_under_lease", &["witness.refreshings"], "delete from witness.refreshings"),
    breach(
        "expiry_explained",
        &["events"],
        "update events set type = 'AccessExpired', payload = convert_to('{\"reason\": \"refresh_refused\"}', 'utf8')
         where type = 'CalendarFetched'",
    ),
    breach(
        "expiry_explained",
        &["events"],
        "update events set type = 'AccessExpired', payload = convert_to('{\"reason\": \"answer_lost\"}', 'utf8')
         where type = 'CalendarFetched'",
    ),
    breach("grants_agree", &["integrations"], "update integrations set status = 'failed' where status = 'active'"),
    breach("grants_agree", &["integrations"], "update integrations set status = 'active' where status = 'disconnected'"),
    breach("grants_agree", &["integrations"], "update integrations set scopes = '{}' where status = 'active'"),
    breach(
        "mail_agrees",
        &["mail_messages"],
        "delete from mail_messages where message_id = (select min(message_id) from mail_messages)",
    ),
    breach(
        "mail_agrees",
        &["mail_messages"],
        "update mail_messages set message_id = 'gone' where message_id = (select min(message_id) from mail_messages)",
    ),
    breach(
        "mail_agrees",
        &["mail_syncs", "mail_messages"],
        "insert into mail_syncs (integration, tenant) select id, tenant from integrations where status = 'disconnected';
         update mail_messages set integration = (select id from integrations where status = 'disconnected')",
    ),
    breach(
        "mail_counts",
        &["events"],
        "update events set payload = convert_to(replace(convert_from(payload, 'utf8'), '\"added\":', '\"added\":1'), 'utf8')
         where type = 'MailFetched'",
    ),
    breach("calendar_agrees", &["calendar_entries"], "delete from calendar_entries"),
    breach(
        "calendar_agrees",
        &["calendar_entries"],
        "update calendar_entries set entry_id = 'gone' where entry_id = (select min(entry_id) from calendar_entries)",
    ),
    breach("calendar_agrees", &["calendars", "calendar_entries"], "update calendars set checked_at = null"),
    breach("calendar_counts", &["events"], "update events set type = 'RefreshFailed' where type = 'CalendarFetched'"),
    breach("update_handled", &["telegram_updates"], "delete from telegram_updates"),
    breach("update_handled", &["telegram_updates"], "update telegram_updates set handled_at = null, outcome = null"),
    breach("update_handled", &["telegram_updates"], "update telegram_updates set outcome = 'gave_up'"),
    breach("message_once", &["telegram_updates"], "update telegram_updates set outcome = 'ignored'"),
    breach(
        "message_once",
        &["events"],
        "update events set payload = convert_to(replace(convert_from(payload, 'utf8'), '\"sent\"', '\"no_chat\"'), 'utf8')
         where type = 'OwnerNotified'",
    ),
    breach(
        "fetch_explained",
        &["witness.runs"],
        "insert into witness.runs (job, kind, lease, started_at, ended_at, ended_in, ending)
         select job, kind, gen_random_uuid(), now() + interval '1 hour', now() + interval '1 hour', '3', ending
         from (select job, kind from witness.runs where kind = 'fetch_mail' limit 1) as one,
              unnest(array['failed', 'crashed', 'failed', 'rests']) with ordinality as runs (ending, number)
         order by number",
    ),
];
