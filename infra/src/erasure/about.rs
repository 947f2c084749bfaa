//! Which events are about a person: those of the streams with the person's id, and those of streams in
//! which an event names the person.

use annals_commands::Catalogue;
use annals_domain::Subject;
use sqlx::PgPool;

use crate::store::{COLUMNS, StoredEvent};

/// Events that are read into the index at once.
const CHUNK: i64 = 50_000;
/// Streams whose events are read at once.
const PAGE: usize = 500;

/// Reads the log's news into the index of streams by person (`annals.about`).
///
/// # Errors
/// When Postgres does not answer.
pub async fn catch_up(pool: &PgPool, catalogue: &Catalogue) -> Result<(), sqlx::Error> {
    let (mut kinds, mut types, mut fields) = (vec![], vec![], vec![]);
    for kind in catalogue.aggregates() {
        for event in kind.events {
            if let Subject::Field(field) = event.subject {
                kinds.push(kind.name);
                types.push(event.name);
                fields.push(field);
            }
        }
    }
    loop {
        let until: i64 = sqlx::query_scalar("SELECT annals.index_subjects($1, $2, $3, $4)")
            .bind(&kinds)
            .bind(&types)
            .bind(&fields)
            .bind(CHUNK)
            .fetch_one(pool)
            .await?;
        let head: i64 =
            sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(pool).await?;
        if until >= head {
            return Ok(());
        }
    }
}

/// The streams about these people, as far as the index is filled: kind and id.
///
/// # Errors
/// When Postgres does not answer.
pub async fn streams_of(
    pool: &PgPool,
    catalogue: &Catalogue,
    subjects: &[String],
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let kinds: Vec<&str> = catalogue.aggregates().map(|kind| kind.name).collect();
    sqlx::query_as(
        "SELECT kind.name, subject.id FROM unnest($1::text[]) AS kind (name)
         CROSS JOIN unnest($2::text[]) AS subject (id)
         WHERE EXISTS (SELECT FROM annals.events AS event
                       WHERE event.aggregate_type = kind.name AND event.aggregate_id = subject.id)
         UNION
         SELECT about.aggregate_type, about.aggregate_id FROM annals.about AS about
         WHERE about.subject = ANY ($2)",
    )
    .bind(kinds)
    .bind(subjects)
    .fetch_all(pool)
    .await
}

/// All events of streams, in the order of the log.
///
/// # Errors
/// When Postgres does not answer.
pub async fn events_of(
    pool: &PgPool,
    streams: &[(String, String)],
) -> Result<Vec<StoredEvent>, sqlx::Error> {
    let mut events: Vec<StoredEvent> = Vec::new();
    for page in streams.chunks(PAGE) {
        let found: Vec<StoredEvent> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             JOIN unnest($1::text[], $2::text[]) AS wanted (kind, id)
               ON wanted.kind = event.aggregate_type AND wanted.id = event.aggregate_id"
        ))
        .bind(page.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
        .fetch_all(pool)
        .await?;
        events.extend(found);
    }
    events.sort_unstable_by_key(|event| event.position);
    Ok(events)
}
