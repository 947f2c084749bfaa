//! Rewriting files, so that what was erased is in no dead row of a table, no index, no statistics, and no
//! write-ahead log of the server itself.
//!
//! Postgres overwrites nothing: a changed row's old version stays in its page until the table is
//! rewritten, its image in the write-ahead log until a later checkpoint lets the file go, and its most
//! common values in the statistics. A rewritten table takes dead rows along as long as some older transaction
//! could still see them, or that it wrote itself and throws away, so those are waited for. What other copies hold (base backups, archived logs, standbys'
//! delayed logs) is a matter of their retention, and the receipt says until when.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep};

use super::redact::Relations;

/// How long a table may be in use by others before it is left for another time.
const PATIENCE: &str = "30s";
/// How long transactions may go on that began before.
const OLDER: Duration = Duration::from_secs(120);
/// How often it is looked whether they ended.
const POLL: Duration = Duration::from_millis(20);

/// Rewrites the table that is named behind it.
const REWRITE: &str = "VACUUM (FULL, ANALYZE) ";

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// What is left to do, and by whom: a sentence each. Empty when all was done.
    pub left: Vec<String>,
}

/// Rewrites these tables, the key store's, the statistics, and has the write-ahead logs begin anew. Whatever
/// the login may not do is left, and said.
///
/// # Errors
/// When a database does not answer.
pub async fn scrub(
    database_url: &str,
    keys_url: &str,
    relations: &Relations,
) -> Result<Scrubbed, sqlx::Error> {
    let mut scrubbed = Scrubbed::default();
    let mut connection = connect(database_url).await?;
    let owner: bool =
        ask(&mut connection, "pg_has_role(session_user, 'annals_owner', 'MEMBER')").await?;
    let own = ["annals.sensitive_reads".to_owned(), "annals.erasures".to_owned()];
    if owner {
        // A rebuild may be about to throw away rows that it had opened before the keys were gone.
        alone(&mut connection, "the event store", &mut scrubbed).await?;
        for oid in relations.keys() {
            rewrite_wherever_it_is(&mut connection, *oid, &mut scrubbed).await?;
        }
        for relation in &own {
            rewrite(&mut connection, relation, true, &mut scrubbed).await?;
        }
    } else {
        let all: Vec<&str> = relations.values().map(String::as_str).collect();
        let left = format!("VACUUM (FULL, ANALYZE) {}, as annals_owner", all.join(", "));
        scrubbed.left.push(left);
    }
    // Those of the rewritten tables were made anew, so that their old ones are dead rows as well.
    alone(&mut connection, "the event store", &mut scrubbed).await?;
    statistics(&mut connection, &mut scrubbed).await?;
    log(&mut connection, "the event store", &mut scrubbed).await?;
    connection.close().await?;
    let mut keys = connect(keys_url).await?;
    alone(&mut keys, "the key store", &mut scrubbed).await?;
    rewrite(&mut keys, "annals_keys.subject_keys", false, &mut scrubbed).await?;
    log(&mut keys, "the key store", &mut scrubbed).await?;
    keys.close().await?;
    Ok(scrubbed)
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("annals erase").options([
        ("search_path", "pg_catalog"),
        ("lock_timeout", PATIENCE),
        ("client_min_messages", "error"),
    ]);
    options.connect().await
}

/// Waits until every transaction has ended that began before this call, and so could see what was there
/// before. One that writes in another database counts too: whoever looks here while it runs, a rewrite
/// included, has to reckon with all that it might see.
async fn alone(
    connection: &mut PgConnection,
    whose: &str,
    scrubbed: &mut Scrubbed,
) -> Result<(), sqlx::Error> {
    let began: String = sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text")
        .fetch_one(&mut *connection)
        .await?;
    let deadline = Instant::now() + OLDER;
    loop {
        let older: Option<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity
             WHERE pid <> pg_backend_pid()
               AND (age(backend_xid) > age($1::text::xid)
                    OR (datname = current_database() OR datname IS NULL)
                       AND age(backend_xmin) > age($1::text::xid))
               AND query NOT LIKE 'autovacuum: VACUUM %' LIMIT 1",
        )
        .bind(&began)
        .fetch_optional(&mut *connection)
        .await?;
        let Some(pid) = older else { return Ok(()) };
        if Instant::now() > deadline {
            scrubbed.left.push(format!(
                "a transaction of {whose} (process {pid}) is older than the erasure: once it has ended, \
                 VACUUM FULL the tables again"
            ));
            return Ok(());
        }
        sleep(POLL).await;
    }
}

async fn ask(connection: &mut PgConnection, what: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(&format!("SELECT {what}")).fetch_one(connection).await
}

/// Rewrites a table that a rebuild may be putting in the place of another in this very moment. One that is
/// gone has left nothing behind.
async fn rewrite_wherever_it_is(
    connection: &mut PgConnection,
    oid: i64,
    scrubbed: &mut Scrubbed,
) -> Result<(), sqlx::Error> {
    let mut before = None;
    loop {
        let name: Option<String> = sqlx::query_scalar(
            "SELECT quote_ident(schema.nspname) || '.' || quote_ident(class.relname)
             FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
             WHERE class.oid = $1::bigint::oid",
        )
        .bind(oid)
        .fetch_optional(&mut *connection)
        .await?;
        if name == before {
            return Ok(());
        }
        let Some(name) = name else { return Ok(()) };
        // What was left to do under a name that is not its own any more is done under its new one.
        scrubbed.left.retain(|it| before.as_deref() != it.strip_prefix(REWRITE));
        rewrite(connection, &name, true, scrubbed).await?;
        before = Some(name);
    }
}

/// Rewrites a table and its indexes, and has its statistics made of what is there now.
async fn rewrite(
    connection: &mut PgConnection,
    relation: &str,
    as_owner: bool,
    scrubbed: &mut Scrubbed,
) -> Result<(), sqlx::Error> {
    if as_owner {
        connection.execute("SET ROLE annals_owner").await?;
    }
    let sql = format!("{REWRITE}{relation}");
    let done = connection.execute(sql.as_str()).await;
    if as_owner {
        connection.execute("RESET ROLE").await?;
    }
    match done {
        Ok(_) => Ok(()),
        // In use for long, gone meanwhile, or not ours: it is said, and nothing else waits for it.
        Err(error) if error.as_database_error().is_some() => {
            scrubbed.left.push(sql);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Old statistics hold the most common values of columns.
async fn statistics(
    connection: &mut PgConnection,
    scrubbed: &mut Scrubbed,
) -> Result<(), sqlx::Error> {
    let may = "EXISTS (SELECT FROM pg_database AS own WHERE own.datname = current_database()
                       AND pg_has_role(session_user, own.datdba, 'MEMBER'))";
    if ask(connection, may).await? {
        rewrite(connection, "pg_catalog.pg_statistic", false, scrubbed).await
    } else {
        scrubbed
            .left
            .push("VACUUM FULL pg_catalog.pg_statistic, as the database's owner".to_owned());
        Ok(())
    }
}

/// Has the server write a new log file and let the old ones go.
async fn log(
    connection: &mut PgConnection,
    whose: &str,
    scrubbed: &mut Scrubbed,
) -> Result<(), sqlx::Error> {
    let may = "pg_has_role(session_user, 'pg_checkpoint', 'MEMBER')
               AND has_function_privilege(session_user, 'pg_switch_wal()', 'EXECUTE')";
    if !ask(connection, may).await? {
        scrubbed.left.push(format!(
            "CHECKPOINT; SELECT pg_switch_wal(); CHECKPOINT on {whose}, as a superuser"
        ));
        return Ok(());
    }
    for sql in ["CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"] {
        connection.execute(sql).await?;
    }
    if ask(connection, "current_setting('wal_recycle') = 'on'").await? {
        scrubbed.left.push(format!(
            "write-ahead log files of {whose} are used again and hold old pages until they are: set \
             wal_recycle = off, which has them deleted instead"
        ));
    }
    Ok(())
}
