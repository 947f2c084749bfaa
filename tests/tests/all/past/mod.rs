//! The past: every version of every row, read as of any instant under the rights of today.

mod as_of;
mod cost;
mod kept;
mod lineage;
mod random;
mod rights;

use std::sync::Arc;

use annals_infra::{
    keys::Keys,
    projector::{Rebuild, Replayed, rebuild, replay},
    store::{Role, connect},
};
use annals_projections::{Catalogue, Writer};
use annals_tests::World;
use serde_json::Value;

/// What a rebuild and a replay of a world work with.
struct Work {
    pool: sqlx::PgPool,
    catalogue: Catalogue,
    aggregates: Arc<annals_commands::Catalogue>,
    keys: Arc<Keys>,
    url: String,
}

impl Work {
    async fn new(world: &World) -> Self {
        Self {
            pool: connect(world.database_url(), Role::Projector, 3, true).await.unwrap(),
            catalogue: Catalogue::new(),
            aggregates: Arc::new(annals_commands::Catalogue::new()),
            keys: Arc::clone(&world.services()[0].keys),
            url: world.database_url().to_owned(),
        }
    }

    fn of(&self, context: &str, history: bool) -> Rebuild<'_> {
        Rebuild {
            url: &self.url,
            pool: &self.pool,
            context: self.catalogue.context(context).unwrap(),
            aggregates: &self.aggregates,
            keys: &self.keys,
            history,
        }
    }

    async fn rebuild(&self, context: &str, history: bool) {
        let done = rebuild(self.of(context, history), |_| {}).await.unwrap();
        assert_eq!(done.different, [""; 0], "{context}");
    }

    async fn replay(&self, context: &str, into: &str, until: Option<i64>) -> Replayed {
        replay(self.of(context, false), into, until, |_| {}).await.unwrap()
    }
}

/// Every version of every row of a context's tables.
async fn versions(world: &World, context: &str) -> Vec<Value> {
    let catalogue = Catalogue::new();
    let mut all = Vec::new();
    let tables = catalogue.context(context).unwrap().tables.iter();
    for table in tables.filter(|it| it.writer == Writer::Projector) {
        let sql = format!(
            "SELECT '{0}' AS name, v::text FROM {context}_history.{0} AS v ORDER BY v::text",
            table.name
        );
        all.extend(world.rows(&sql).await);
    }
    all
}

/// A query as it stands at a position, without row security.
async fn rows_as_of(world: &World, position: i64, sql: &str) -> Vec<Value> {
    let mut transaction = world.pool().begin().await.unwrap();
    let set = format!("SET LOCAL annals.as_of = '{position}'");
    sqlx::query(&set).execute(&mut *transaction).await.unwrap();
    let sql = format!("SELECT coalesce(json_agg(row), '[]') FROM ({sql}) AS row");
    let rows: Value = sqlx::query_scalar(&sql).fetch_one(&mut *transaction).await.unwrap();
    rows.as_array().cloned().unwrap()
}
