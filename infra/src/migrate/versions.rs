//! Tables in which the migrator notes what it did (F085, carenotes.ops.schema-versions).
//!
//! A row is a migration of the event store: its file's name, when it was applied, what it does. Rows are
//! written in the transaction of the migration, or in that which makes the table.

use annals_projections::{Context, Table, Writer};
use sqlx::{Executor, PgConnection};

/// A context's tables that the migrator writes.
fn of_the_migrator(context: &Context) -> impl Iterator<Item = &'static Table> {
    context.tables.iter().copied().filter(|table| table.writer == Writer::Migrator)
}

/// Notes every migration that is not noted yet, in a schema of the context's if it is there.
///
/// # Errors
/// When Postgres refuses.
pub(super) async fn note(
    connection: &mut PgConnection,
    context: &Context,
    schema: &str,
) -> Result<(), sqlx::Error> {
    for table in of_the_migrator(context) {
        let name = format!("{schema}.{}", table.name);
        if !is_there(connection, &name).await? {
            continue;
        }
        let sql = format!(
            "INSERT INTO {name} (version, applied_at, description)
             SELECT to_char(version, 'FM0000') || '_' || replace(description, ' ', '_'),
                    installed_on, description
             FROM annals._sqlx_migrations WHERE success
             ON CONFLICT DO NOTHING"
        );
        connection.execute(sql.as_str()).await?;
    }
    Ok(())
}

/// Carries rows that no event makes from one schema of a context's over into another.
///
/// # Errors
/// When Postgres refuses.
pub async fn carry_over(
    connection: &mut PgConnection,
    context: &Context,
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    for table in of_the_migrator(context) {
        let (from, to) = (format!("{from}.{}", table.name), format!("{to}.{}", table.name));
        if !is_there(connection, &from).await? {
            continue;
        }
        // By way of JSON: the table may have gained or lost a column.
        let sql = format!(
            "INSERT INTO {to} SELECT (jsonb_populate_record(NULL::{to}, to_jsonb(known))).*
             FROM {from} AS known ON CONFLICT DO NOTHING"
        );
        connection.execute(sql.as_str()).await?;
    }
    Ok(())
}

async fn is_there(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name).fetch_one(connection).await
}
