//! The peer without an event store: [`sql.sql`](../sql.sql), called from a pool of connections.

use std::sync::Arc;

use annals_infra::bench::ids::Chance;
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use uuid::Uuid;

use super::{
    closed::{self, Client, Outcome, Run},
    fault::Done,
    world::{World, checkpoint, pool, script},
};

/// The peer.
pub struct Sql {
    url: String,
}

/// One who calls the function.
struct Caller {
    connections: Connections,
    wallets: Arc<Vec<Uuid>>,
    chance: Chance,
    turn: bool,
}

/// Where a caller's connections come from.
enum Connections {
    Pool(PgPool),
    Held(PoolConnection<Postgres>),
}

impl Sql {
    /// Makes its database.
    pub async fn new(world: &World) -> Done<Self> {
        Ok(Self { url: world.database("peer_sql").await? })
    }

    /// Runs callers over a pool, on fresh tables.
    pub async fn run(&self, run: &Run<'_>) -> Done<Outcome> {
        self.reset(run.wallets, run.earlier).await?;
        let pool = pool(&self.url, run.connections).await?;
        let mut clients = Vec::new();
        for nth in 0..run.callers {
            let connections = if run.held {
                Connections::Held(pool.acquire().await?)
            } else {
                Connections::Pool(pool.clone())
            };
            let (wallets, chance) = (Arc::clone(run.wallets), Chance::new());
            clients.push(Caller { connections, wallets, chance, turn: nth % 2 == 0 });
        }
        let outcome = closed::run(clients, run).await;
        pool.close().await;
        outcome
    }

    async fn reset(&self, wallets: &[Uuid], earlier: u32) -> Done {
        script(&self.url, include_str!("sql.sql")).await?;
        let pool = pool(&self.url, 1).await?;
        sqlx::query(
            "INSERT INTO peer.wallets (user_id, balance) SELECT id, 100000.00 FROM unnest($1) AS given (id)",
        )
        .bind(wallets)
        .execute(&pool)
        .await?;
        sqlx::query(
            "INSERT INTO peer.transactions (user_id, transaction_type, amount, currency, status, completed_at)
             SELECT id, 'deposit', 10.00, 'USD', 'completed', now()
             FROM unnest($1) AS given (id), generate_series(1, $2)",
        )
        .bind(wallets)
        .bind(i32::try_from(earlier)?)
        .execute(&pool)
        .await?;
        sqlx::query("VACUUM ANALYZE peer.wallets").execute(&pool).await?;
        sqlx::query("VACUUM ANALYZE peer.transactions").execute(&pool).await?;
        pool.close().await;
        checkpoint(&self.url).await
    }
}

impl Client for Caller {
    async fn one(&mut self) -> Done<u64> {
        self.turn = !self.turn;
        let (kind, amount) = if self.turn { ("withdrawal", "7.00") } else { ("deposit", "10.00") };
        let wallet = self.wallets.get(self.chance.below(self.wallets.len()));
        let call = sqlx::query_scalar("SELECT peer.move($1, $2, $3::text::numeric)")
            .bind(wallet)
            .bind(kind)
            .bind(amount);
        let _balance: String = match &mut self.connections {
            Connections::Pool(pool) => call.fetch_one(&*pool).await?,
            Connections::Held(connection) => call.fetch_one(&mut **connection).await?,
        };
        Ok(0)
    }
}
