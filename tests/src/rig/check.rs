//! The checker: journal, event table, read models and streams against each other, by SQL of its own.
//!
//! It reads and believes nobody; none of the product's own verification is asked. Every promise is one
//! file in `checks/`, which says how many cases there were and how many broke it.

use std::{collections::BTreeMap, path::Path};

use async_nats::Client;
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use super::{
    Done,
    journal::{self, Line},
    streams,
};

/// Rows that are sent in one statement.
const CHUNK: usize = 5_000;

/// A promise, and the file that looks for whatever breaks it.
struct Promise {
    name: &'static str,
    of: &'static str,
    sql: &'static str,
}

macro_rules! promises {
    ($($file:literal: $name:literal, of $of:literal;)*) => {
        &[$(Promise {
            name: $name,
            of: $of,
            sql: include_str!(concat!("checks/", $file, ".sql")),
        }),*]
    };
}

/// All of them, in the order in which a report shows them.
const PROMISES: &[Promise] = promises! {
    "acknowledged": "acknowledged and missing", of "commands acknowledged";
    "twice": "applied twice", of "commands stored";
    "unknown": "unknown, and neither whole nor absent", of "commands never answered";
    "half": "half of a command", of "commands of several events";
    "refused": "refused and yet stored", of "commands refused";
    "answers": "answered otherwise the next time", of "commands sent again";
    "positions": "positions missing, double or out of order", of "positions";
    "sequences": "streams with a hole", of "aggregates";
    "published": "published but not stored", of "messages in streams";
    "unpublished": "stored but not published in order", of "events since streams began anew";
    "money": "balances that are not their events' sum", of "prefixes of wallets";
    "below": "wallets below zero", of "prefixes of wallets";
    "books": "rows that differ from the journal", of "wallets that moved";
    "wallets": "wallets that differ from their replay", of "rows";
    "transactions": "transactions that differ from their replay", of "rows";
    "children": "children that differ from their replay", of "rows";
    "past": "versions missing from the past", of "versions";
    "checkpoints": "read models behind, stopped or with parked events", of "read models";
};

/// What became of a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub name: String,
    /// What was looked at.
    pub of: String,
    /// How many were looked at.
    pub examined: i64,
    /// How many break the promise.
    pub failed: i64,
    /// Some of these.
    pub examples: String,
}

/// What the checker found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// What was broken.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| finding.failed > 0)
    }

    /// Whether this promise was broken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.broken().any(|finding| finding.name == name)
    }

    /// How many cases of a promise were looked at.
    #[must_use]
    pub fn examined(&self, name: &str) -> i64 {
        self.0.iter().find(|finding| finding.name == name).map_or(0, |it| it.examined)
    }

    /// Adds what else was looked at.
    pub fn add(&mut self, name: &str, of: &str, examined: u64, failed: u64, examples: String) {
        let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        self.0.push(Finding {
            name: name.to_owned(),
            of: of.to_owned(),
            examined: number(examined),
            failed: number(failed),
            examples,
        });
    }
}

/// Names of all promises that SQL looks after.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROMISES.iter().map(|promise| promise.name)
}

/// Holds everything against everything.
///
/// # Errors
/// When something cannot be read at all.
pub async fn check(
    database: &mut PgConnection,
    client: &Client,
    journal: &Path,
    contexts: &[&str],
) -> Done<Findings> {
    database.execute(include_str!("checks/prepare.sql")).await?;
    for context in contexts {
        sqlx::query("INSERT INTO served VALUES ($1)").bind(context).execute(&mut *database).await?;
        fill_published(database, client, context).await?;
    }
    fill_journal(database, journal::read(journal)?).await?;
    database.execute(include_str!("checks/outcomes.sql")).await?;
    let mut findings = Findings::default();
    for Promise { name, of, sql } in PROMISES {
        let found: (i64, i64, Option<String>) = sqlx::query_as(sql)
            .fetch_one(&mut *database)
            .await
            .map_err(|error| format!("{name}: {error}"))?;
        findings.0.push(Finding {
            name: (*name).to_owned(),
            of: (*of).to_owned(),
            examined: found.0,
            failed: found.1,
            examples: found.2.unwrap_or_default(),
        });
    }
    Ok(findings)
}

async fn fill_published(database: &mut PgConnection, client: &Client, context: &str) -> Done {
    let messages = streams::read(client, context).await?;
    for some in messages.chunks(CHUNK) {
        sqlx::query(
            "INSERT INTO published SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], \
             $4::bigint[], $5::bigint[], $6::uuid[], $7::text[])",
        )
        .bind(context)
        .bind(some.iter().map(|it| it.sequence).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.epoch).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.position).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.previous).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.event_id).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.payload.as_str()).collect::<Vec<_>>())
        .execute(&mut *database)
        .await?;
    }
    Ok(())
}

async fn fill_journal(database: &mut PgConnection, lines: Vec<Line>) -> Done {
    let (mut sent, mut answers) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Sending(it) => sent.push(it),
            Line::Answer(it) => answers.push(it),
        }
    }
    for some in sent.chunks(CHUNK) {
        sqlx::query(
            "INSERT INTO journal SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], \
             $4::integer[], $5::bigint[])",
        )
        .bind(some.iter().map(|it| it.id.to_string()).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.command.as_str()).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.target).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.events).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.cents).collect::<Vec<_>>())
        .execute(&mut *database)
        .await?;
    }
    for (nth, some) in answers.chunks(CHUNK).enumerate() {
        let first = i64::try_from(nth * CHUNK)?;
        // Lists of lists have to be as long as each other in SQL: these go as text.
        let events = |events: &[Uuid]| {
            format!("{{{}}}", events.iter().map(Uuid::to_string).collect::<Vec<_>>().join(","))
        };
        sqlx::query(
            "INSERT INTO answers SELECT nth + $1, id, answer, code, version, position, \
             events::uuid[], duplicate, again FROM unnest($2::text[], $3::text[], $4::text[], \
             $5::bigint[], $6::bigint[], $7::text[], $8::boolean[], $9::boolean[]) WITH ORDINALITY \
             AS given (id, answer, code, version, position, events, duplicate, again, nth)",
        )
        .bind(first)
        .bind(some.iter().map(|it| it.id.to_string()).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.answer.as_str()).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.code.as_str()).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.version).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.position).collect::<Vec<_>>())
        .bind(some.iter().map(|it| events(&it.events)).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.duplicate).collect::<Vec<_>>())
        .bind(some.iter().map(|it| it.again).collect::<Vec<_>>())
        .execute(&mut *database)
        .await?;
    }
    Ok(())
}

/// Whether rows and streams have come up to the log's end, and how far each is.
///
/// # Errors
/// When Postgres does not answer.
pub async fn lag(database: &mut PgConnection, contexts: &[&str]) -> Done<BTreeMap<String, i64>> {
    let behind: Vec<(String, i64)> =
        sqlx::query_as(include_str!("checks/lag.sql")).bind(contexts).fetch_all(database).await?;
    Ok(behind.into_iter().collect())
}
