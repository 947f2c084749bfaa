//! Which streams there are: the kinds of a context, and the streams of a kind.

use annals_commands::Catalogue;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;

use super::address::typed;
use crate::{
    cli::{Output, table},
    ops::text::{number, time},
};

/// How many of a kind's last events are looked at to find its recent streams.
const LOOKED_AT: i64 = 20_000;

/// A stream and its last event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Recent {
    /// Its id.
    pub aggregate_id: String,
    /// Its last event's number.
    pub sequence: i64,
    /// Its last event's kind.
    pub event_type: String,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Where that stands in the log.
    pub position: i64,
}

/// The streams of a kind that changed last, at most `limit`.
pub(super) async fn recent(
    pool: &PgPool,
    kind: &str,
    limit: i64,
) -> Result<Vec<Recent>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM (
             SELECT DISTINCT ON (aggregate_id)
                    aggregate_id, sequence, event_type, recorded_at, position
             FROM (SELECT * FROM annals.events WHERE aggregate_type = $1
                   ORDER BY position DESC LIMIT $3) AS last
             ORDER BY aggregate_id, position DESC
         ) AS stream
         ORDER BY position DESC LIMIT $2",
    )
    .bind(kind)
    .bind(limit)
    .bind(LOOKED_AT)
    .fetch_all(pool)
    .await
}

/// Ids of a kind that begin like this one, at most three.
pub(super) async fn like(pool: &PgPool, kind: &str, id: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT aggregate_id FROM annals.events
         WHERE aggregate_type = $1 AND sequence = 1 AND starts_with(aggregate_id, $2)
         ORDER BY aggregate_id LIMIT 3",
    )
    .bind(kind)
    .bind(id.get(..8).unwrap_or(id))
    .fetch_all(pool)
    .await
}

/// Streams, for people.
pub(super) fn streams(streams: &[Recent], output: Output) -> String {
    let rows = streams.iter().map(|it| {
        [it.aggregate_id.clone(), number(it.sequence), it.event_type.clone(), time(it.recorded_at)]
    });
    table(output, ["id", "events", "last", "when"], rows)
}

/// A stream, for programs.
pub(super) fn line(kind: &str, it: &Recent) -> String {
    json!({
        "aggregate": kind, "id": it.aggregate_id, "version": it.sequence,
        "last": { "type": it.event_type, "recorded_at": it.recorded_at, "position": it.position },
    })
    .to_string()
}

/// The kinds of a context: how to ask for each, and what may happen to it.
pub(super) fn kinds(catalogue: &Catalogue, context: &str, output: Output) -> String {
    let found = catalogue.contexts().iter().find(|it| it.name == context);
    let rows = found.into_iter().flat_map(|it| &it.aggregates).map(|kind| {
        let events: Vec<_> = kind.events.iter().map(|event| event.name).collect();
        [typed(kind.name), events.join(", ")]
    });
    table(output, ["kind", "what may happen to it"], rows)
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::day;

    use super::*;

    #[test]
    fn streams_and_kinds_are_listed() {
        let stream = Recent {
            aggregate_id: "a-1".to_owned(),
            sequence: 3,
            event_type: "AlertResolved".to_owned(),
            recorded_at: day(1),
            position: 9,
        };
        let text = streams(std::slice::from_ref(&stream), Output::plain());
        assert!(text.contains("a-1  3       AlertResolved  2026-01-01 12:00:00.000 UTC"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&line("lift.alert", &stream)).unwrap();
        assert_eq!(json["last"]["position"], 9);
        let kinds = kinds(&Catalogue::new(), "lift", Output::plain());
        assert!(kinds.contains("lift/alert") && kinds.contains("AlertAcknowledged"), "{kinds}");
    }
}
