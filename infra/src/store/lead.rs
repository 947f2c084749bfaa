//! One works, others stand by: locks that live as long as the connection that took them.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often it is asked whether whoever works has gone.
const STANDBY: Duration = Duration::from_millis(500);

/// Takes the lock of this name in this database for as long as the connection lives, unless another
/// connection has it. Whether it was taken.
///
/// # Errors
/// When Postgres does not answer.
pub async fn claim(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext($1), hashtext(current_database()))")
        .bind(name)
        .fetch_one(connection)
        .await
}

/// Waits until nobody else holds the lock of this name, on a connection with the pool's rights. Whoever
/// works through that connection knows by it that the lock is still held. None once it is time to stop.
///
/// # Errors
/// When Postgres does not answer.
pub async fn lead(
    pool: &PgPool,
    name: &str,
    stop: &CancellationToken,
) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    loop {
        if claim(&mut connection, name).await? {
            return Ok(Some(connection));
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = sleep(STANDBY) => {}
        }
    }
}
