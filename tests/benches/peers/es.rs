//! cqrs-es over stock postgres-es 0.5, with and without snapshots.

use std::{collections::HashMap, sync::Arc};

use annals_domain::Amount;
use annals_infra::bench::ids::Chance;
use cqrs_es::AggregateError;
use postgres_es::{PostgresCqrs, postgres_cqrs, postgres_snapshot_cqrs};
use uuid::Uuid;

use super::{
    closed::{self, Client, Outcome, Run},
    es_wallet::{self, Command, Wallet},
    fault::Done,
    world::{World, checkpoint, pool, script},
};

/// Events from one snapshot to the next.
const SNAPSHOT: usize = 50;

/// The peer.
pub struct Es {
    url: String,
    /// Whether it keeps snapshots.
    pub snapshots: bool,
}

struct Caller {
    cqrs: Arc<PostgresCqrs<Wallet>>,
    wallets: Arc<Vec<Uuid>>,
    chance: Chance,
    turn: bool,
}

impl Es {
    /// Makes its database.
    pub async fn new(world: &World, snapshots: bool) -> Done<Self> {
        Ok(Self { url: world.database("peer_es").await?, snapshots })
    }

    /// Runs callers over a pool, on fresh tables.
    pub async fn run(&self, run: &Run<'_>) -> Done<Outcome> {
        self.reset(run.wallets, run.earlier).await?;
        let pool = pool(&self.url, run.connections).await?;
        let cqrs = Arc::new(if self.snapshots {
            postgres_snapshot_cqrs(pool.clone(), Vec::new(), SNAPSHOT, ())
        } else {
            postgres_cqrs(pool.clone(), Vec::new(), ())
        });
        let clients = (0..run.callers)
            .map(|nth| Caller {
                cqrs: Arc::clone(&cqrs),
                wallets: Arc::clone(run.wallets),
                chance: Chance::new(),
                turn: nth % 2 == 0,
            })
            .collect();
        let outcome = closed::run(clients, run).await;
        pool.close().await;
        outcome
    }

    async fn reset(&self, wallets: &[Uuid], earlier: u32) -> Done {
        script(&self.url, include_str!("es.sql")).await?;
        let pool = pool(&self.url, 1).await?;
        let ids: Vec<String> = wallets.iter().map(ToString::to_string).collect();
        sqlx::query(
            "INSERT INTO events
             SELECT 'wallet', id, nth, CASE nth WHEN 1 THEN 'WalletOpened' ELSE 'WalletCredited' END, '1',
                    CASE nth WHEN 1 THEN $3::text::json ELSE $4::text::json END, '{}'::json
             FROM unnest($1::text[]) AS given (id), generate_series(1, $2) AS nth",
        )
        .bind(&ids)
        .bind(i32::try_from(earlier)?)
        .bind(es_wallet::opened())
        .bind(es_wallet::credited())
        .execute(&pool)
        .await?;
        let kept = earlier / u32::try_from(SNAPSHOT)?;
        if self.snapshots && kept > 0 {
            sqlx::query(
                "INSERT INTO snapshots
                 SELECT 'wallet', id, $2, $3, $4::text::json FROM unnest($1::text[]) AS given (id)",
            )
            .bind(&ids)
            .bind(i64::from(kept * u32::try_from(SNAPSHOT)?))
            .bind(i64::from(kept))
            .bind(es_wallet::snapshot())
            .execute(&pool)
            .await?;
        }
        sqlx::query("VACUUM ANALYZE events").execute(&pool).await?;
        sqlx::query("VACUUM ANALYZE snapshots").execute(&pool).await?;
        pool.close().await;
        checkpoint(&self.url).await
    }
}

impl Client for Caller {
    async fn one(&mut self) -> Done<u64> {
        self.turn = !self.turn;
        let command = if self.turn {
            Command::Debit(Amount::from_hundredths(700))
        } else {
            Command::Credit(Amount::from_hundredths(1_000))
        };
        let at = self.chance.below(self.wallets.len());
        let wallet = self.wallets.get(at).map(ToString::to_string).unwrap_or_default();
        let metadata = HashMap::from([
            ("command_id".to_owned(), self.chance.command_id().to_string()),
            ("actor".to_owned(), Uuid::nil().to_string()),
            ("tenant".to_owned(), "default".to_owned()),
        ]);
        let mut conflicts = 0;
        loop {
            match self.cqrs.execute_with_metadata(&wallet, command.clone(), metadata.clone()).await
            {
                Ok(()) => return Ok(conflicts),
                Err(AggregateError::AggregateConflict) => conflicts += 1,
                Err(error) => return Err(error.to_string().into()),
            }
        }
    }
}
