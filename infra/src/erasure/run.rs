//! The eraser: carries out what was ordered, in the background.

use std::{sync::Arc, time::Duration};

use annals_commands::{
    ActorKind, Catalogue as Aggregates,
    reaction::{Cause, Sending},
};
use annals_domain::{
    Decider, EventData,
    shared::identity::{Identity, SubjectErased},
};
use annals_projections::Catalogue;
use chrono::{DateTime, Days, Utc};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    EraseError, about, file,
    order::{self, Open},
    receipt::{self, Facts},
    redact::{Redacted, Redaction, Relations},
    scrub::{self, Scrubbed},
};
use crate::{
    engine::Clock,
    keys::{Keys, REFRESH},
    proof::note::SigningKey,
    reactor::{Sender, identity},
    store::lead,
};

/// How often it looks for orders.
const POLL: Duration = Duration::from_millis(500);
/// Orders that are carried out together: files are rewritten once for all of them.
const MOST: i64 = 500;
/// Until every process has asked which keys are gone, and what it held in its hands is stored.
const SETTLED: Duration = Duration::from_millis(REFRESH.as_millis() as u64 + 1_500);
/// Contract id under which it sends commands.
const NAME: &str = "shared.erasure";

/// Carries out erasures. One works, others stand by.
#[derive(Clone)]
pub struct Eraser {
    /// The event store, with the projector's rights.
    pub pool: PgPool,
    /// The event store, with whatever rights the login has: files are rewritten by it.
    pub database_url: String,
    /// The key store.
    pub keys_url: String,
    /// The keys.
    pub keys: Arc<Keys>,
    /// What events are.
    pub aggregates: Arc<Aggregates>,
    /// What they do to rows.
    pub catalogue: Arc<Catalogue>,
    /// Sends commands.
    pub sender: Sender,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose log it is.
    pub origin: String,
    /// Every key signs receipts; none, where nothing is signed.
    pub signing: Arc<[SigningKey]>,
    /// Where orders and receipts are kept outside of the databases.
    pub folder: Option<std::path::PathBuf>,
    /// For how many days backups are kept.
    pub backup_days: u64,
}

impl std::fmt::Debug for Eraser {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Eraser")
    }
}

impl Eraser {
    /// Carries out orders until it is told to stop. Whatever goes wrong, it begins again.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.lead(&stop).await {
                metrics::counter!("annals_eraser_failures_total").increment(1);
                tracing::error!(%error, "an erasure is not finished");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(Duration::from_secs(2)) => {}
                }
            }
        }
    }

    async fn lead(&self, stop: &CancellationToken) -> Result<(), EraseError> {
        let Some(mut lock) = lead(&self.pool, "annals.eraser", stop).await? else { return Ok(()) };
        while !stop.is_cancelled() {
            let open = order::open(&self.pool, MOST).await?;
            if !open.is_empty() {
                self.carry_out(open, stop).await?;
            }
            // The lock is gone with its connection.
            sqlx::query("SELECT").execute(&mut lock).await?;
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// Whether it was told to stop while it waited for everybody to know that keys are gone.
    async fn settle(&self, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => true,
            () = sleep(SETTLED) => false,
        }
    }

    async fn carry_out(
        &self,
        mut open: Vec<Open>,
        stop: &CancellationToken,
    ) -> Result<(), EraseError> {
        for order in open.iter_mut().filter(|order| order.position.is_none()) {
            order.position = self.order_anew(order, stop).await?;
        }
        // Invitations that were on their way into the tables are there the second time.
        loop {
            let new = order::relate(&self.pool, &self.keys, &mut open).await?;
            for order in &open {
                self.keys.erase(&order.order()).await?;
            }
            if let Some(folder) = &self.folder {
                file::add(folder, &open.iter().map(Open::order).collect::<Vec<_>>())?;
            }
            if self.settle(stop).await {
                return Ok(());
            }
            if !new && !order::relate(&self.pool, &self.keys, &mut open).await? {
                break;
            }
        }
        about::catch_up(&self.pool, &self.aggregates).await?;
        let redaction = Redaction {
            aggregates: &self.aggregates,
            catalogue: &self.catalogue,
            keys: &self.keys,
            pool: &self.pool,
        };
        let (mut relations, mut done) = (Relations::new(), Vec::with_capacity(open.len()));
        for order in &open {
            let redacted = redaction.redact(&order.subjects()).await?;
            self.redacted(order, &redacted).await?;
            relations.extend(redacted.relations);
            done.push((order, redacted.rows, redacted.versions));
        }
        let scrubbed = scrub::scrub(&self.database_url, &self.keys_url, &relations).await?;
        for (order, rows, versions) in done {
            self.finish(order, (rows, versions), &scrubbed, stop).await?;
        }
        metrics::counter!("annals_erasures_total").increment(open.len() as u64);
        Ok(())
    }

    async fn redacted(&self, order: &Open, redacted: &Redacted) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE annals.erasures
             SET position = $2, related = $3, addresses = '{}', redacted_at = clock_timestamp(),
                 rows = rows + $4, versions = versions + $5
             WHERE subject = $1",
        )
        .bind(&order.subject)
        .bind(order.position)
        .bind(&order.related)
        .bind(i64::try_from(redacted.rows).unwrap_or(i64::MAX))
        .bind(i64::try_from(redacted.versions).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Orders once more what a restored log does not hold, and says where it stands.
    async fn order_anew(
        &self,
        order: &Open,
        stop: &CancellationToken,
    ) -> Result<Option<i64>, EraseError> {
        let data = json!({ "ground": order.ground });
        self.send(order, "repeat_erasure", data, stop).await?;
        Ok(sqlx::query_scalar(
            "SELECT position FROM annals.events
             WHERE aggregate_type = $1 AND aggregate_id = $2 AND event_type = $3
             ORDER BY sequence DESC LIMIT 1",
        )
        .bind(Identity::TYPE)
        .bind(&order.subject)
        .bind(SubjectErased::TYPE.name)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Issues the receipt, keeps it outside of the database, in it, and in the log.
    async fn finish(
        &self,
        order: &Open,
        redacted: (u64, u64),
        scrubbed: &Scrubbed,
        stop: &CancellationToken,
    ) -> Result<(), EraseError> {
        let finished = self.clock.now();
        let backups_until =
            finished.checked_add_days(Days::new(self.backup_days)).unwrap_or(finished);
        let keys = self.keys.erase(&order.order()).await?;
        let facts = Facts {
            origin: &self.origin,
            subject: &order.subject,
            ground: &order.ground,
            ordered: (
                order.ordered_by,
                order.position.unwrap_or_default(),
                order.ordered_at,
                &order.actor,
            ),
            keys: &keys,
            redacted,
            left: &scrubbed.left,
            finished,
            backups_until,
        };
        let receipt = (!self.signing.is_empty()).then(|| receipt::sign(&facts, &self.signing));
        if let (Some(folder), Some(receipt)) = (&self.folder, &receipt) {
            file::keep_receipt(folder, &order.subject, receipt)?;
        }
        self.record(order, &facts, receipt.as_deref(), stop).await?;
        sqlx::query(
            "UPDATE annals.erasures SET scrubbed = $2, finished_at = $3, receipt = $4 WHERE subject = $1",
        )
        .bind(&order.subject)
        .bind(scrubbed.left.is_empty())
        .bind(finished)
        .bind(receipt)
        .execute(&self.pool)
        .await?;
        tracing::info!(rows = redacted.0, versions = redacted.1, "an erasure is finished");
        Ok(())
    }

    async fn record(
        &self,
        order: &Open,
        facts: &Facts<'_>,
        receipt: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<(), EraseError> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let commitments = facts.keys.iter().filter_map(|key| key.commitment.as_ref());
        let mut data = json!({
            "ordered_by": order.ordered_by,
            "keys": commitments.map(|it| STANDARD.encode(it)).collect::<Vec<_>>(),
            "rows": facts.redacted.0, "versions": facts.redacted.1,
            "scrubbed": facts.left.is_empty(), "backups_until": facts.backups_until,
        });
        if let Some(receipt) = receipt {
            data["receipt"] = json!(receipt);
        }
        self.send(order, "record_erasure", data, stop).await
    }

    async fn send(
        &self,
        order: &Open,
        command: &str,
        data: serde_json::Value,
        stop: &CancellationToken,
    ) -> Result<(), EraseError> {
        let cause = cause(order, self.clock.now());
        let sending = Sending {
            reaction: NAME,
            // What is said of it, its times above all, may differ when it is said again.
            id: Uuid::new_v5(&order.ordered_by, format!("{command}/{data}").as_bytes()),
            subject: format!("shared.cmd.{command}"),
            target: order.subject.clone(),
            data,
            reason: None,
        };
        self.sender.send(&cause, &sending, stop).await?;
        Ok(())
    }
}

/// What leads to the eraser's commands: the order.
fn cause(order: &Open, now: DateTime<Utc>) -> Cause {
    Cause {
        id: order.ordered_by,
        event_id: order.ordered_by,
        position: order.position.and_then(|it| u64::try_from(it).ok()).unwrap_or_default(),
        aggregate_type: Identity::TYPE.to_owned(),
        stream: order.subject.clone(),
        at: now,
        tenant: order.subject.clone(),
        actor: identity(),
        actor_kind: ActorKind::System,
        correlation_id: order.ordered_by.to_string(),
    }
}
