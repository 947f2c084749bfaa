//! Indexes and references that a table gets once its rows are in.

use sqlx::{Connection, Executor, PgConnection};

use super::{MigrationError, history::schemas};

/// Drops what slows down filling a read model and is not needed for it; [`make`] makes it again. Wants a
/// transaction, and the checkpoint's name to be the schema's.
///
/// # Errors
/// When Postgres refuses.
pub async fn defer(connection: &mut PgConnection, schema: &str) -> Result<(), MigrationError> {
    let [_, past, live] = schemas(schema);
    connection.execute("SET LOCAL ROLE annals_owner").await?;
    sqlx::query("SELECT annals.defer_constraints($1, $2)")
        .bind(schema)
        .bind([live, past].as_slice())
        .execute(&mut *connection)
        .await?;
    connection.execute("RESET ROLE").await?;
    Ok(())
}

/// Makes what was deferred, of these tables or of all.
///
/// # Errors
/// When Postgres refuses: rows break a reference. Then nothing was made.
pub async fn make(
    connection: &mut PgConnection,
    schema: &str,
    tables: Option<&[&str]>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    transaction
        .execute("SET LOCAL ROLE annals_owner; SET LOCAL maintenance_work_mem = '256MB'")
        .await?;
    sqlx::query("SELECT annals.make_deferred($1, $2)")
        .bind(schema)
        .bind(tables)
        .execute(&mut *transaction)
        .await?;
    transaction.execute("RESET ROLE").await?;
    transaction.commit().await
}
