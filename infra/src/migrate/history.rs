//! The past of a read model, in two schemas beside its own: the history tables, and the views through
//! which they are read as of an instant.
//!
//! Nothing here names a table: what a past is follows from the live tables (`annals.build_history`) and
//! from the files of the documented views. All three schemas are made, swapped and dropped together.

use annals_projections::{Context, Writer};
use serde_json::{Map, Value, json};
use sqlx::{Executor, PgConnection};

use super::{MigrationError, read_model::rename};

/// The schemas that make up a read model, in the order in which they can be dropped.
#[must_use]
pub fn schemas(live: &str) -> [String; 3] {
    [as_of_schema(live), history_schema(live), live.to_owned()]
}

/// The schema of a read model's history tables.
#[must_use]
pub fn history_schema(live: &str) -> String {
    format!("{live}_history")
}

/// Whether a schema is one of history tables.
pub fn is_history(schema: &str) -> bool {
    schema.ends_with("_history")
}

/// The schema of a read model's tables and views as of an instant.
#[must_use]
pub fn as_of_schema(live: &str) -> String {
    format!("{live}_as_of")
}

/// Makes the past of the read model in schema `live`: empty history tables, and views over them.
/// Wants a transaction.
///
/// # Errors
/// When Postgres refuses; the name says at which file.
pub(super) async fn build(
    connection: &mut PgConnection,
    context: &Context,
    live: &str,
) -> Result<(), MigrationError> {
    if context.tables.is_empty() {
        return Ok(());
    }
    let failed = |file: &str| {
        let file = format!("projections/tables/{}/{file}.sql, as of", context.name);
        move |source| MigrationError::Table { file, source }
    };
    for schema in [history_schema(live), as_of_schema(live)] {
        let sql = format!("CREATE SCHEMA {schema} AUTHORIZATION annals_owner");
        connection.execute(sql.as_str()).await?;
    }
    connection.execute("SET LOCAL ROLE annals_owner").await?;
    // What the migrator notes has no events, and so no past.
    let tables = context.tables.iter().filter(|table| table.writer == Writer::Projector);
    let keys: Map<String, Value> =
        tables.map(|table| (table.name.to_owned(), json!(table.key))).collect();
    sqlx::query("SELECT annals.build_history($1, $2, $3::text::jsonb)")
        .bind(context.name)
        .bind(live)
        .bind(Value::Object(keys).to_string())
        .execute(&mut *connection)
        .await
        .map_err(failed("history"))?;
    sqlx::query("SELECT annals.lighten_history($1)")
        .bind(live)
        .execute(&mut *connection)
        .await
        .map_err(failed("history"))?;
    let views = as_of_schema(live);
    let whole: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = to_regnamespace($1) AND relname LIKE '%\\_whole'",
    )
    .bind(&views)
    .fetch_all(&mut *connection)
    .await?;
    for (name, sql) in context.views {
        // What a view calls now is the instant it is asked about.
        let mut sql =
            rename(sql, context.name, &views).replace("now()", &format!("{views}.instant()"));
        if !sql.contains("security_invoker = true") {
            for whole in &whole {
                sql = read_whole(&sql, &views, whole);
            }
        }
        connection.execute(sql.as_str()).await.map_err(failed(name))?;
    }
    sqlx::query("SELECT annals.guard_as_of($1)")
        .bind(live)
        .execute(&mut *connection)
        .await
        .map_err(failed("views"))?;
    connection.execute("RESET ROLE").await?;
    Ok(())
}

/// Makes the past of a read model where it has none yet, as one that an older version made.
///
/// # Errors
/// As [`build`].
pub(super) async fn ensure(
    connection: &mut PgConnection,
    context: &Context,
) -> Result<(), MigrationError> {
    let known: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
        .bind(history_schema(context.name))
        .fetch_one(&mut *connection)
        .await?;
    if known { Ok(()) } else { build(connection, context, context.name).await }
}

/// Has a view read a table's `…_whole` instead of the table.
fn read_whole(sql: &str, views: &str, whole: &str) -> String {
    let table = format!("{views}.{}", whole.trim_end_matches("_whole"));
    let mut pieces = sql.split(&table);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(&table);
        let is_longer = piece.starts_with(|it: char| it.is_alphanumeric() || it == '_');
        text.push_str(if is_longer { "" } else { "_whole" });
        text.push_str(piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::read_whole;

    #[test]
    fn the_table_alone_is_read_whole() {
        let sql = "VIEW v.rows_seen AS SELECT FROM v.rows r, v.rows, w.rows";
        let whole = "VIEW v.rows_seen AS SELECT FROM v.rows_whole r, v.rows_whole, w.rows";
        assert_eq!(read_whole(sql, "v", "rows_whole"), whole);
    }
}
