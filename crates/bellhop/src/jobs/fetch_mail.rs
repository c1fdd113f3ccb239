//! Bringing the stored inbox up to date: first the newest thousand messages, then by history cursor.
//!
//! Every page is recorded as it comes, with the progress that a restart resumes from. Content goes sealed into the cache
//! and never into the log; the log learns how many messages came and went.

mod history;
mod mailbox;

use std::time::Duration;

use bellhop_domain::{Capability, Command, FetchMode};
use bellhop_store::{Change, DataKey, MailProgress, MailRow, Outcome, Purpose, Request, Underway};

use self::history::{Walk, batches, settle};
use self::mailbox::Mailbox;
use super::fetch::{Stop, count, unless_outlived, verdict_of_fetch};
use super::{Effect, Run, Verdict};
use crate::app::App;

/// How often the inbox is looked at without anybody asking.
const EVERY: Duration = Duration::from_mins(5);

/// How many messages a full fetch brings.
const NEWEST: u32 = 1_000;

/// How many messages are recorded at once, at the most. Pages are as long: whatever holds a fetch back, only the messages of
/// one batch are asked for again, so that it gets on however little the provider allows at a time.
const BATCH: usize = 50;

/// Fetches what is new.
pub async fn run(app: &App, run: &Run) -> Verdict {
    verdict_of_fetch(app, run, Capability::Mail, fetch(app, run).await).await
}

async fn fetch(app: &App, run: &Run) -> Result<Verdict, Stop> {
    let mut fetch = Fetch::prepare(app, run).await?;
    match fetch.run().await {
        Err(Stop::StartAgain) => {
            fetch.progress = MailProgress::default();
            fetch.run().await
        }
        fetched => fetched,
    }
}

/// One fetch under one run.
struct Fetch<'a> {
    app: &'a App,
    run: &'a Run,
    key: DataKey,
    mailbox: Mailbox<'a>,
    batch: usize,
    progress: MailProgress,
}

impl<'a> Fetch<'a> {
    async fn prepare(app: &'a App, run: &'a Run) -> Result<Self, Stop> {
        let key = app.store.integration_key(run.tenant, run.integration).await?;
        let key = key.ok_or_else(|| Stop::with(Verdict::Done(Effect::default())))?;
        let progress = app.store.mail_progress(run.tenant, run.integration, &key).await?;
        let mailbox = Mailbox::open(app, run).await?;
        let batch = mailbox.most().min(BATCH);
        Ok(Self { app, run, key, mailbox, batch, progress })
    }

    async fn run(&mut self) -> Result<Verdict, Stop> {
        match self.progress.cursor {
            None => self.full().await,
            Some(cursor) => self.incremental(cursor).await,
        }
    }

    /// The newest messages, page by page, and then the removal of everything that was not among them.
    async fn full(&mut self) -> Result<Verdict, Stop> {
        let resumed = self.progress.underway.is_some();
        let mut underway = if let Some(underway) = self.progress.underway.take() {
            underway
        } else {
            // The cursor is taken before the first listing: what arrives meanwhile comes with the next fetch.
            let cursor = self.mailbox.cursor().await?;
            self.begin(Some(cursor))
        };
        let mut walk = Walk::default();
        loop {
            if !walk.goes_on_to(underway.page_token.as_deref()) {
                return Err(Stop::StartAgain);
            }
            let page = self.mailbox.page(underway.page_token.as_deref(), self.batch).await;
            let page = unless_outlived(page, resumed && underway.page_token.is_some())?;
            let room = usize::try_from(NEWEST.saturating_sub(underway.listed)).unwrap_or(0);
            let ids: Vec<String> = page.ids.into_iter().take(room).collect();
            // A page may hold more than was asked for, or nothing at all and still have another behind it.
            let batches = batches(&ids, vec![], self.batch);
            for batch in &batches {
                underway.listed = underway.listed.saturating_add(count(&batch.wanted));
                if batch.ends_page {
                    underway.page_token.clone_from(&page.next_page_token);
                }
                let rows = self.fetch(&batch.wanted).await?;
                self.record(&mut underway, rows, vec![]).await?;
            }
            underway.page_token = page.next_page_token;
            if underway.page_token.is_none() || underway.listed >= NEWEST {
                break;
            }
        }
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        underway.removed = self.app.store.mail_not_seen(tenant, integration, underway.sync).await?;
        let gone = Change::RemoveMailNotSeen { integration, sync: underway.sync };
        self.end(FetchMode::Full, &underway, vec![gone])
    }

    /// What changed since the cursor, page by page.
    async fn incremental(&mut self, cursor: u64) -> Result<Verdict, Stop> {
        let resumed = self.progress.underway.is_some();
        let mut underway = match self.progress.underway.take() {
            Some(underway) => underway,
            None => self.begin(None),
        };
        let mut walk = Walk::default();
        loop {
            if !walk.goes_on_to(underway.page_token.as_deref()) {
                return Err(Stop::StartAgain);
            }
            let page = self.mailbox.history(cursor, underway.page_token.as_deref(), self.batch).await;
            let page = unless_outlived(page, resumed && underway.page_token.is_some())?;
            underway.reaches = page.history_id.or(underway.reaches);
            let (wanted, gone) = settle(&page.changes);
            for batch in batches(&wanted, self.stored(gone).await?, self.batch) {
                let rows = self.fetch(&batch.wanted).await?;
                // What is no longer there or has left the inbox goes, should it be stored.
                let is_there = |id: &String| rows.iter().any(|row| row.message_id == *id);
                let left = batch.wanted.into_iter().filter(|id| !is_there(id)).collect();
                let mut gone = batch.gone;
                gone.extend(self.stored(left).await?);
                // Until then an interrupted fetch walks this page again; what it has stored of it is only stored again.
                if batch.ends_page {
                    underway.page_token.clone_from(&page.next_page_token);
                }
                self.record(&mut underway, rows, gone).await?;
            }
            underway.page_token = page.next_page_token;
            if underway.page_token.is_none() {
                break;
            }
        }
        underway.reaches = underway.reaches.or(Some(cursor));
        self.end(FetchMode::Incremental, &underway, vec![])
    }

    fn begin(&self, reaches: Option<u64>) -> Underway {
        Underway {
            sync: self.app.new_id(),
            reaches,
            page_token: None,
            listed: 0,
            added: 0,
            updated: 0,
            removed: 0,
            batches: 0,
        }
    }

    async fn fetch(&mut self, ids: &[String]) -> Result<Vec<MailRow>, Stop> {
        let messages = self.mailbox.messages(ids).await?;
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let mut rows = vec![];
        for message in messages {
            let received_at = message.received_at.unwrap_or_else(|| self.app.clock.now());
            rows.push(message.content.seal(&self.key, tenant, integration, message.id, received_at)?);
        }
        Ok(rows)
    }

    async fn stored(&self, ids: Vec<String>) -> Result<Vec<String>, Stop> {
        if ids.is_empty() {
            return Ok(ids);
        }
        Ok(self.app.store.stored_mail(self.run.tenant, self.run.integration, &ids).await?.into_iter().collect())
    }

    /// Records a batch with the progress it makes, if this run still holds the job.
    async fn record(&mut self, underway: &mut Underway, rows: Vec<MailRow>, gone: Vec<String>) -> Result<(), Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let ids: Vec<String> = rows.iter().map(|row| row.message_id.clone()).collect();
        let known = count(&self.stored(ids.clone()).await?);
        underway.added = underway.added.saturating_add(count(&ids).saturating_sub(known));
        underway.updated = underway.updated.saturating_add(known);
        underway.removed = underway.removed.saturating_add(count(&gone));
        underway.batches = underway.batches.saturating_add(1);
        let progress = MailProgress { cursor: self.progress.cursor, underway: Some(underway.clone()) };
        let step = format!("batch {} of {}", underway.batches, underway.sync);
        let request = Request {
            context: self.run.context(&step),
            at: self.app.clock.now(),
            commands: vec![],
            settlement: Some(self.run.settlement(Outcome::Underway)),
            changes: vec![
                Change::PutMail { integration, sync: underway.sync, rows },
                Change::RemoveMail { integration, message_ids: gone },
                progress.seal(&self.key, tenant, integration, None)?,
            ],
            needs_events: false,
            intent: None,
        };
        self.app.store.execute(&request).await?;
        Ok(())
    }

    fn end(&self, mode: FetchMode, underway: &Underway, mut changes: Vec<Change>) -> Result<Verdict, Stop> {
        let (tenant, integration) = (self.run.tenant, self.run.integration);
        let progress = MailProgress { cursor: underway.reaches, underway: None };
        changes.push(progress.seal(&self.key, tenant, integration, Some(self.app.clock.now()))?);
        // A full fetch stores again what was known; only an incremental one knows that it changed.
        let updated = if mode == FetchMode::Full { 0 } else { underway.updated };
        let command = Command::RecordMail {
            mode,
            added: underway.added,
            updated,
            removed: underway.removed,
            cursor: self.fingerprint(underway.reaches),
        };
        Ok(Verdict::Again { after: EVERY, effect: Effect { command: Some(command), changes } })
    }

    fn fingerprint(&self, cursor: Option<u64>) -> String {
        use base64::Engine;
        let cursor = cursor.unwrap_or(0).to_be_bytes();
        let hash =
            self.app.store.keyring().keyed_hash(Purpose::Cursor, &[self.run.integration.uuid().as_bytes(), &cursor]);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..12])
    }
}
