//! Making a context's read model from its files, under any schema name.

use std::time::Duration;

use annals_projections::Context;
use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::{MigrationError, history, history::schemas, versions};

/// Stands between a table's own statements and its policies.
const POLICIES: &str = "\n-- policies";

/// Hash of the files that a context's read model is made from.
#[must_use]
pub fn tables_hash(context: &Context) -> String {
    let mut text = String::new();
    for table in context.tables {
        text.push_str(table.sql);
    }
    text.push_str(context.functions);
    for (_, sql) in context.views {
        text.push_str(sql);
    }
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a context's tables, functions, policies and views in a schema of this name, and their past in
/// the two schemas beside it.
///
/// # Errors
/// When Postgres refuses a file; the name says which.
pub async fn build(
    connection: &mut PgConnection,
    context: &Context,
    schema: &str,
) -> Result<(), MigrationError> {
    build_rows(connection, context, schema).await?;
    // The past follows the rights to the present, so those are settled first.
    let guard = format!(
        "SET LOCAL ROLE annals_owner;
         SELECT annals.guard_sensitive('{0}', '{schema}');
         RESET ROLE",
        context.name
    );
    connection.execute(guard.as_str()).await?;
    history::build(connection, context, schema).await
}

/// Makes a context's tables, functions, policies and views in a schema of this name, without a past.
///
/// # Errors
/// As [`build`].
pub async fn build_rows(
    connection: &mut PgConnection,
    context: &Context,
    schema: &str,
) -> Result<(), MigrationError> {
    if context.tables.is_empty() {
        return Ok(());
    }
    let setup = format!(
        "CREATE SCHEMA {schema} AUTHORIZATION annals_owner;
         REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
         GRANT USAGE ON SCHEMA {schema} TO projector, authenticated, anon;
         SET LOCAL ROLE annals_owner;"
    );
    run(connection, context, schema, "schema", &setup).await?;
    for table in context.tables {
        let (own, _) = table.sql.split_once(POLICIES).unwrap_or((table.sql, ""));
        run(connection, context, schema, table.name, own).await?;
    }
    run(connection, context, schema, "_functions", context.functions).await?;
    for table in context.tables {
        let (_, policies) = table.sql.split_once(POLICIES).unwrap_or((table.sql, ""));
        run(connection, context, schema, table.name, policies).await?;
    }
    for (name, sql) in context.views {
        run(connection, context, schema, name, sql).await?;
    }
    run(connection, context, schema, "schema", "RESET ROLE").await?;
    Ok(versions::note(connection, context, schema).await?)
}

async fn run(
    connection: &mut PgConnection,
    context: &Context,
    schema: &str,
    file: &str,
    sql: &str,
) -> Result<(), MigrationError> {
    let sql = rename(sql, context.name, schema);
    connection.execute(sql.as_str()).await.map_err(|source| MigrationError::Table {
        file: format!("projections/tables/{}/{file}.sql", context.name),
        source,
    })?;
    Ok(())
}

/// Removes a read model's schemas with all that is in them, unless something outside depends on them.
///
/// # Errors
/// When views or the like of somebody else would go with it.
pub async fn drop_schema(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<(), MigrationError> {
    check_dependents(connection, schema).await?;
    for schema in schemas(schema) {
        connection.execute(format!("DROP SCHEMA IF EXISTS {schema} CASCADE").as_str()).await?;
    }
    Ok(())
}

/// Puts one read model in another's place. The one that was there keeps its rows under the name `away`, and
/// whoever reads them just now goes on undisturbed: no table is locked.
///
/// # Errors
/// When views or the like of somebody else depend on what goes away.
pub async fn replace_schema(
    connection: &mut PgConnection,
    schema: &str,
    by: &str,
    away: &str,
) -> Result<(), MigrationError> {
    check_dependents(connection, schema).await?;
    let both = schemas(by).into_iter().zip(schemas(schema)).zip(schemas(away));
    for ((by, schema), away) in both {
        // One that an older version made has no past.
        let known: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
            .bind(&schema)
            .fetch_one(&mut *connection)
            .await?;
        if known {
            let sql = format!("ALTER SCHEMA {schema} RENAME TO {away}");
            connection.execute(sql.as_str()).await?;
        }
        connection.execute(format!("ALTER SCHEMA {by} RENAME TO {schema}").as_str()).await?;
    }
    Ok(())
}

/// Removes a schema that was put away, as soon as nobody reads it any more. It never waits for a lock
/// while it holds others, so no reader is ever the victim of a deadlock with it. Whether it is gone.
///
/// # Errors
/// When Postgres does not answer, or something outside depends on the schema.
pub async fn retire_schema(
    connection: &mut PgConnection,
    schema: &str,
    patience: Duration,
) -> Result<bool, MigrationError> {
    let deadline = Instant::now() + patience;
    loop {
        let mut transaction = connection.begin().await?;
        let relations: Vec<String> = sqlx::query_scalar(
            "SELECT format('%I.%I', own.nspname, relation.relname)
             FROM pg_class AS relation JOIN pg_namespace AS own ON own.oid = relation.relnamespace
             WHERE own.nspname = ANY ($1) AND (relation.relkind IN ('r', 'p')
               -- A lock on a view is one on all it reads: views of the catalogue are let be.
               OR relation.relkind = 'v' AND NOT EXISTS (
                   SELECT FROM pg_rewrite AS rule
                   JOIN pg_depend AS link
                        ON link.objid = rule.oid AND link.classid = 'pg_rewrite'::regclass
                           AND link.refclassid = 'pg_class'::regclass
                   JOIN pg_class AS used ON used.oid = link.refobjid
                   WHERE rule.ev_class = relation.oid
                     AND used.relnamespace = 'pg_catalog'::regnamespace))",
        )
        .bind(schemas(schema).as_slice())
        .fetch_all(&mut *transaction)
        .await?;
        let locked = if relations.is_empty() {
            Ok(())
        } else {
            let all = relations.join(", ");
            let lock = format!("LOCK TABLE {all} IN ACCESS EXCLUSIVE MODE NOWAIT");
            transaction.execute(lock.as_str()).await.map(drop)
        };
        match locked {
            Ok(()) => {
                drop_schema(&mut transaction, schema).await?;
                transaction.commit().await?;
                return Ok(true);
            }
            Err(error) if is_locked(&error) && Instant::now() < deadline => {
                transaction.rollback().await?;
                sleep(Duration::from_millis(100)).await;
            }
            Err(error) if is_locked(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|it| it.code()).is_some_and(|code| code == "55P03")
}

async fn check_dependents(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<(), MigrationError> {
    let dependents: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT format('%I.%I', user_schema.nspname, view.relname)
         FROM pg_depend AS link
         JOIN pg_rewrite AS rule ON rule.oid = link.objid AND link.classid = 'pg_rewrite'::regclass
         JOIN pg_class AS view ON view.oid = rule.ev_class
         JOIN pg_namespace AS user_schema ON user_schema.oid = view.relnamespace
         JOIN pg_class AS used ON used.oid = link.refobjid AND link.refclassid = 'pg_class'::regclass
         JOIN pg_namespace AS own ON own.oid = used.relnamespace
         WHERE own.nspname = ANY ($1) AND user_schema.nspname <> ALL ($1)",
    )
    .bind(schemas(schema).as_slice())
    .fetch_all(&mut *connection)
    .await?;
    if !dependents.is_empty() {
        return Err(MigrationError::Dependents(format!(
            "these depend on schema {schema} and would be lost: {}. Drop them, and make them again \
             afterwards",
            dependents.join(", ")
        )));
    }
    Ok(())
}

/// Puts another schema's name in place of a context's, in everything but string literals and comments:
/// before a dot, and after the word `SCHEMA`.
#[must_use]
pub fn rename(sql: &str, context: &str, schema: &str) -> String {
    if context == schema {
        return sql.to_owned();
    }
    let qualifier = format!("{context}.");
    let mut renamed = String::with_capacity(sql.len() + 256);
    let mut rest = sql;
    let mut previous = ' ';
    while let Some(letter) = rest.chars().next() {
        let literal = match letter {
            '\'' => literal_length(rest),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ => 0,
        };
        let is_word = previous.is_alphanumeric() || matches!(previous, '_' | '.' | '"');
        if literal > 0 {
            renamed.push_str(&rest[..literal]);
            rest = &rest[literal..];
            previous = ' ';
        } else if !is_word && (rest.starts_with(&qualifier) || is_schema(&renamed, rest, context)) {
            renamed.push_str(schema);
            rest = &rest[context.len()..];
            previous = '_';
        } else {
            renamed.push(letter);
            rest = &rest[letter.len_utf8()..];
            previous = letter;
        }
    }
    renamed
}

/// Whether the schema itself is named: `… ON SCHEMA lift TO …`.
fn is_schema(before: &str, rest: &str, context: &str) -> bool {
    let ends = |after: &str| !after.starts_with(|it: char| it.is_alphanumeric() || it == '_');
    before.ends_with("SCHEMA ") && rest.strip_prefix(context).is_some_and(ends)
}

/// Length of the string literal at the start, quotes included; `''` inside it does not end it.
fn literal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            if bytes.get(at + 1) == Some(&b'\'') {
                at += 1;
            } else {
                return at + 1;
            }
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::rename;

    #[test]
    fn a_schema_is_renamed_outside_of_texts_only() {
        let sql =
            "SELECT lift.f(x), 'lift.a''lift.b', shift.c, t.lift.d FROM lift.alerts; -- lift.e";
        assert_eq!(
            rename(sql, "lift", "lift_next"),
            "SELECT lift_next.f(x), 'lift.a''lift.b', shift.c, t.lift.d FROM lift_next.alerts; -- lift.e"
        );
        let sql = "GRANT USAGE ON SCHEMA lift TO lift; CREATE SCHEMA lifted";
        assert_eq!(
            rename(sql, "lift", "lift_next"),
            "GRANT USAGE ON SCHEMA lift_next TO lift; CREATE SCHEMA lifted"
        );
    }
}
