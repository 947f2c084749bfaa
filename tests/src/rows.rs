//! Looking into the database.

use std::time::{Duration, Instant};

use annals_projections::Catalogue;
use serde_json::{Value, json};
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::World;

/// Whom a query service asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A signed-in person.
    Person(Uuid),
    /// Somebody signed in, of whom nothing else is said.
    Nobody,
    /// A visitor.
    Visitor,
}

impl World {
    /// What a query finds, each row as a JSON object, without row security.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let mut connection = self.pool().acquire().await.unwrap();
        select(&mut connection, sql).await.unwrap()
    }

    /// The only row that a query finds.
    #[track_caller]
    pub fn row(&self, sql: &str) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let mut rows = self.rows(sql).await;
            assert_eq!(rows.len(), 1, "{at}: {sql}: {rows:?}");
            rows.remove(0)
        }
    }

    /// The one number that a query finds.
    pub async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.pool()).await.unwrap()
    }

    /// Waits until a condition holds, for at most half a minute.
    #[track_caller]
    pub fn until(&self, condition: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        let sql = format!("SELECT coalesce(({condition}), false)");
        async move {
            let deadline = Instant::now() + Duration::from_secs(30);
            while !sqlx::query_scalar::<_, bool>(&sql).fetch_one(self.pool()).await.unwrap() {
                assert!(Instant::now() < deadline, "{at}: never so: {condition}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Waits until the tables of a context hold all of its events.
    pub async fn shown(&self, context: &str) {
        let all = format!(
            "SELECT position >= (SELECT coalesce(max(position), 0) FROM annals.events
                                 WHERE aggregate_type LIKE '{context}.%')
             FROM annals.projections WHERE name = '{context}'"
        );
        self.until(&all).await;
    }

    /// Waits until every context's tables hold all of its events.
    pub async fn all_shown(&self) {
        for context in Catalogue::new().contexts() {
            self.shown(context.name).await;
        }
    }

    /// Waits until a context's reactor has reacted to all of its events, those that it led to
    /// included, and the tables show what came of it.
    pub async fn reacted(&self, context: &str) {
        let all = format!(
            "SELECT position >= (SELECT coalesce(max(position), 0) FROM annals.events
                                 WHERE aggregate_type LIKE '{context}.%')
             FROM annals.reactors WHERE context = '{context}' AND folded IS NULL"
        );
        self.until(&all).await;
        self.shown(context).await;
    }

    /// How many events there are.
    pub async fn events(&self) -> i64 {
        self.number("SELECT count(*) FROM annals.events").await
    }

    /// Does something that no service would.
    ///
    /// # Errors
    /// The SQLSTATE, when Postgres refuses.
    pub async fn execute(&self, sql: &str) -> Result<u64, String> {
        self.pool().execute(sql).await.map(|done| done.rows_affected()).map_err(state)
    }

    /// What a query finds when a query service asks for somebody.
    ///
    /// # Errors
    /// The SQLSTATE, when Postgres refuses.
    pub async fn rows_for(&self, reader: Reader, sql: &str) -> Result<Vec<Value>, String> {
        let mut transaction = self.pool().begin().await.unwrap();
        claim(&mut transaction, reader).await;
        select(&mut transaction, sql).await
    }
}

/// Makes a transaction speak for somebody, as a query service would.
pub async fn claim(transaction: &mut PgConnection, reader: Reader) {
    let (role, claims) = match reader {
        Reader::Person(id) => ("authenticated", json!({"sub": id, "role": "authenticated"})),
        Reader::Nobody => ("authenticated", Value::Null),
        Reader::Visitor => ("anon", json!({"role": "anon"})),
    };
    let claims = if claims.is_null() { String::new() } else { claims.to_string() };
    sqlx::query("SELECT set_config('request.jwt.claims', $1, true), set_config('role', $2, true)")
        .bind(claims)
        .bind(role)
        .execute(transaction)
        .await
        .unwrap();
}

async fn select(connection: &mut PgConnection, sql: &str) -> Result<Vec<Value>, String> {
    let sql = format!("SELECT coalesce(json_agg(row), '[]') FROM ({sql}) AS row");
    let rows: Value = sqlx::query_scalar(&sql).fetch_one(connection).await.map_err(state)?;
    Ok(rows.as_array().cloned().unwrap())
}

/// Postgres' code for what is wrong, or its words where there is no code.
fn state(error: sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned());
    code.unwrap_or_else(|| error.to_string())
}
