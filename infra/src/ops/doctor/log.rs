//! Whether the log is what it promises: append-only, without holes, its bytes as they were hashed; and
//! whether what is built from it is where it says it is.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool};

use super::finding::{Finding, some};
use crate::{exports::waiting, ops::progress::Progress, ops::text::number, store::Store};

/// Events read at once.
const PAGE: i64 = 2_000;
const TRIGGERS: [&str; 2] = ["events_are_never_changed", "events_are_never_truncated"];

/// Looks at the log; the bytes of the last events are compared with their hashes.
pub(super) async fn check(pool: &PgPool, hashes: i64, progress: &mut Progress) -> Vec<Finding> {
    let mut findings =
        vec![found("append only", guards(pool).await), found("events' rights", rights(pool).await)];
    findings.push(match dense(pool).await {
        Ok((counted, hole)) => counted.judge(hole),
        Err(error) => Finding::unanswered("positions", &error),
    });
    findings.push(found("hashes", bytes(pool, hashes, progress).await));
    match checkpoints(pool).await {
        Ok(checkpoints) => findings.extend(of_checkpoints(&checkpoints)),
        Err(error) => findings.push(Finding::unanswered("checkpoints", &error)),
    }
    findings.push(found("signatures", signatures(pool).await));
    findings.push(found("erasures", erasures(pool).await));
    findings
}

/// How long the log may grow without being signed. Longer than the longest time between two checkpoints
/// that anybody should set.
const UNSIGNED_SECONDS: f64 = 900.0;
/// How long an erasure may take.
const ERASURE_SECONDS: f64 = 3_600.0;
/// How long an export may take.
const EXPORT_SECONDS: f64 = 3_600.0;

/// Whether a notary keeps up with the log.
async fn signatures(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let newest: Option<(i64, i64, f64)> = sqlx::query_as(
        "SELECT it.size, (SELECT position FROM annals.head),
                extract(epoch FROM clock_timestamp() - coalesce((
                    SELECT event.recorded_at FROM annals.events AS event
                    WHERE event.position = it.size + 1), clock_timestamp()))::double precision
         FROM annals.checkpoints AS it ORDER BY it.size DESC LIMIT 1",
    )
    .fetch_optional(pool)
    .await?;
    Ok(match newest {
        None => Finding::skipped(
            "signatures",
            "nothing is signed: set ANNALS_SIGNING_KEY_FILE for annals serve, role relay",
        ),
        Some((size, head, waits)) if size < head && waits > UNSIGNED_SECONDS => Finding::failed(
            "signatures",
            format!("signed up to {}, and events wait since {waits:.0} s", number(size)),
            "annals serve (role relay) logs why nothing is signed; annals verify --whole says whether the \
             log was altered",
        ),
        Some((size, head, _)) if size > head => Finding::failed(
            "signatures",
            format!("{} events were signed, and the log ends at {}", number(size), number(head)),
            "the end of the log was cut off, or an older backup was restored",
        ),
        Some((size, ..)) => Finding::ok("signatures", format!("signed up to {}", number(size))),
    })
}

/// Whether erasures come to their end.
async fn erasures(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let (done, open, waits): (i64, i64, f64) = sqlx::query_as(
        "SELECT count(finished_at), count(*) - count(finished_at),
                coalesce(extract(epoch FROM clock_timestamp()
                    - min(ordered_at) FILTER (WHERE finished_at IS NULL)), 0)::double precision
         FROM annals.erasures",
    )
    .fetch_one(pool)
    .await?;
    let seen = format!("{} finished, {} under way", number(done), number(open));
    Ok(if waits > ERASURE_SECONDS {
        Finding::failed(
            "erasures",
            seen,
            "annals serve (role reactor) carries them out, and logs why not",
        )
    } else {
        Finding::ok("erasures", seen)
    })
}

/// Whether exports that somebody asked for come to their end.
pub(super) async fn exports(pool: &PgPool, has_folder: bool) -> Finding {
    found("exports", asked(pool, has_folder).await)
}

async fn asked(pool: &PgPool, has_folder: bool) -> Result<Finding, sqlx::Error> {
    let waiting = waiting(pool).await?;
    let seen = match waiting.count {
        0 => "none waits".to_owned(),
        some => format!("{} for {:.0} s", does_wait(some), waiting.seconds),
    };
    let todo = "set ANNALS_EXPORTS_FOLDER for annals serve, role reactor, which delivers them";
    Ok(match waiting.count {
        0 => Finding::ok("exports", seen),
        _ if !has_folder => Finding::warning("exports", seen, todo),
        _ if waiting.seconds > EXPORT_SECONDS => Finding::failed(
            "exports",
            seen,
            "annals serve (role reactor) delivers them, and logs why not",
        ),
        _ => Finding::ok("exports", seen),
    })
}

fn does_wait(count: i64) -> String {
    format!(
        "{} that somebody asked for {}",
        number(count),
        if count == 1 { "waits" } else { "wait" }
    )
}

fn found(check: &'static str, found: Result<Finding, sqlx::Error>) -> Finding {
    found.unwrap_or_else(|error| Finding::unanswered(check, &error))
}

/// Whether the triggers that refuse changes are there and fire.
async fn guards(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let firing: Vec<String> = sqlx::query_scalar(
        "SELECT tgname::text FROM pg_trigger
         WHERE tgrelid = to_regclass('annals.events') AND tgenabled IN ('O', 'A')",
    )
    .fetch_all(pool)
    .await?;
    let missing: Vec<_> = TRIGGERS
        .into_iter()
        .filter(|name| !firing.iter().any(|it| it == name))
        .map(str::to_owned)
        .collect();
    Ok(Finding::none_of(
        "append only",
        &missing,
        "these triggers do not fire, so that events can be changed: ALTER TABLE annals.events ENABLE \
         TRIGGER …, and find out who switched it off",
        "triggers refuse every change of an event",
    ))
}

/// Whether nobody but the owner, whom the triggers stop, was granted a change of events.
async fn rights(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let granted: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT format('%s to %s', held.privilege_type,
                                coalesce(grantee.rolname, 'PUBLIC'))
         FROM pg_class AS it
         CROSS JOIN LATERAL (
             SELECT acl.grantee, acl.privilege_type FROM aclexplode(it.relacl) AS acl
             UNION ALL
             SELECT acl.grantee, acl.privilege_type
             FROM pg_attribute AS part CROSS JOIN LATERAL aclexplode(part.attacl) AS acl
             WHERE part.attrelid = it.oid
         ) AS held
         LEFT JOIN pg_roles AS grantee ON grantee.oid = held.grantee
         WHERE it.oid = to_regclass('annals.events') AND held.grantee <> it.relowner
           AND (held.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
                OR grantee.rolname IN ('authenticated', 'anon', 'analyst')
                OR held.grantee = 0)
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await?;
    Ok(Finding::none_of(
        "events' rights",
        &granted,
        "REVOKE it: events are never changed, and read by services and auditors alone",
        "nobody may change events, or read them around the read models",
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
struct Counted {
    events: i64,
    least: i64,
    most: i64,
    head: i64,
}

/// Counts in one statement, so that events that are appended meanwhile do not matter.
async fn dense(pool: &PgPool) -> Result<(Counted, Option<i64>), sqlx::Error> {
    let counted: Counted = sqlx::query_as(
        "SELECT count(*) AS events, coalesce(min(position), 0) AS least,
                coalesce(max(position), 0) AS most, (SELECT position FROM annals.head) AS head
         FROM annals.events",
    )
    .fetch_one(pool)
    .await?;
    if counted.is_dense() {
        return Ok((counted, None));
    }
    let hole = sqlx::query_scalar(
        "SELECT event.position + 1 FROM annals.events AS event
         WHERE NOT EXISTS (SELECT FROM annals.events AS next
                           WHERE next.position = event.position + 1)
         ORDER BY event.position LIMIT 1",
    )
    .fetch_optional(pool)
    .await?;
    Ok((counted, if counted.least > 1 { Some(1) } else { hole }))
}

impl Counted {
    fn is_dense(&self) -> bool {
        self.events == self.most && self.most == self.head && self.least == self.head.min(1)
    }

    fn judge(self, hole: Option<i64>) -> Finding {
        let Self { events, most, head, .. } = self;
        if self.is_dense() {
            return Finding::ok("positions", format!("1 to {}, no hole", number(head)));
        }
        let hole = hole.map(|at| format!("; position {} is missing", number(at)));
        Finding::failed(
            "positions",
            format!(
                "{} events, the last at {}, and the head says {}{}",
                number(events),
                number(most),
                number(head),
                hole.unwrap_or_default()
            ),
            "events were lost or removed: stop writing, and restore the database from its backup",
        )
    }
}

/// Compares the last events' bytes with their hashes.
async fn bytes(
    pool: &PgPool,
    hashes: i64,
    progress: &mut Progress,
) -> Result<Finding, sqlx::Error> {
    let store = Store::new(pool.clone());
    let head = store.head().await?;
    let first = (head - hashes).max(0);
    let (mut at, mut altered, mut checked) = (first, Vec::new(), 0_u64);
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    while at < head {
        progress.tell(whole(at - first), whole(head - first), checked);
        let page = store.after(at, PAGE.min(head - at), None).await?;
        let Some(last) = page.last().map(|event| event.position) else { break };
        for event in &page {
            if event.computed_hash().as_slice() != event.hash.as_slice() {
                altered.push(format!("{} ({})", event.position, event.aggregate_type));
            }
        }
        checked += page.len() as u64;
        at = last;
    }
    let checked = i64::try_from(checked).unwrap_or(i64::MAX);
    Ok(Finding::none_of(
        "hashes",
        &altered,
        "the bytes of these events are not those that were stored: stop writing, keep the database as \
         it is for whoever looks into it, and restore from a backup beside it",
        format!("the last {} events are as they were stored", number(checked)),
    ))
}

#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct Checkpoint {
    name: String,
    position: i64,
    head: i64,
    fits: bool,
    stopped_at: Option<i64>,
    published: Option<i64>,
    latest: Option<DateTime<Utc>>,
}

async fn checkpoints(pool: &PgPool) -> Result<Vec<Checkpoint>, sqlx::Error> {
    sqlx::query_as(
        "SELECT projection.name, projection.position, head.position AS head,
                CASE projection.position WHEN 0 THEN projection.hash IS NULL
                ELSE coalesce(event.hash = projection.hash, false) END AS fits,
                projection.stopped_at, relay.position AS published,
                nullif(head.recorded_at, '-infinity') AS latest
         FROM annals.projections AS projection
         CROSS JOIN annals.head AS head
         LEFT JOIN annals.events AS event ON event.position = projection.position
         LEFT JOIN annals.relay AS relay ON relay.context = projection.name
         ORDER BY projection.name",
    )
    .fetch_all(pool)
    .await
}

fn of_checkpoints(checkpoints: &[Checkpoint]) -> Vec<Finding> {
    let named = |wrong: fn(&Checkpoint) -> bool| -> Vec<String> {
        checkpoints.iter().filter(|it| wrong(it)).map(|it| it.name.clone()).collect()
    };
    let lost = named(|it| it.position > it.head || !it.fits);
    let stopped = named(|it| it.stopped_at.is_some());
    let ahead = named(|it| it.published.is_some_and(|at| at > it.head));
    let left = named(|it| it.name.ends_with("_next"));
    let mut findings = vec![
        Finding::none_of(
            "checkpoints",
            &lost,
            "these rows hold events that the log does not hold: it was put back to an older state. Run \
             annals rebuild <context>",
            "every read model stands on an event of this log",
        ),
        Finding::none_of(
            "projections",
            &stopped,
            "an event cannot be applied: annals parked says which and why",
            "none was stopped by an event",
        ),
        Finding::none_of(
            "relay",
            &ahead,
            "more is published than the log holds: it was put back to an older state. Remove these \
             contexts' streams and rows of annals.relay, and they are filled anew",
            "nothing is published that the log does not hold",
        ),
    ];
    if !left.is_empty() {
        findings.push(Finding::warning(
            "rebuilds",
            format!("left half way, or at work now: {}", some(&left)),
            "annals rebuild <context> goes on where it was",
        ));
    }
    findings.extend(checkpoints.first().and_then(|it| it.latest).and_then(of_latest));
    findings
}

/// An event of the future keeps every append waiting for the clock to catch up.
fn of_latest(latest: DateTime<Utc>) -> Option<Finding> {
    let ahead = latest - Utc::now();
    (ahead > chrono::Duration::seconds(2)).then(|| {
        Finding::warning(
            "log's clock",
            format!("the last event is dated {} s in the future", ahead.num_seconds()),
            "a clock was wrong; appends carry that time until it has passed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    #[test]
    fn positions_are_dense_or_the_first_hole_is_named() {
        let fine = Counted { events: 3, least: 1, most: 3, head: 3 };
        let empty = Counted { events: 0, least: 0, most: 0, head: 0 };
        assert_eq!(fine.judge(None).verdict, Verdict::Ok);
        assert_eq!(empty.judge(None).verdict, Verdict::Ok);
        for (wrong, hole) in [
            (Counted { events: 2, ..fine }, Some(2)),
            (Counted { head: 4, ..fine }, Some(4)),
            (Counted { events: 3, least: 2, most: 4, head: 3 }, Some(1)),
        ] {
            let found = wrong.judge(hole);
            assert_eq!(found.verdict, Verdict::Failed);
            assert!(found.seen.contains("is missing"), "{}", found.seen);
        }
    }

    #[test]
    fn a_checkpoint_stands_on_an_event_of_this_log() {
        let lift = Checkpoint {
            name: "lift".into(),
            position: 3,
            head: 3,
            fits: true,
            stopped_at: None,
            published: Some(3),
            latest: None,
        };
        let wrong = |it: Checkpoint| {
            let bad = of_checkpoints(&[it]).into_iter().filter(|it| it.verdict > Verdict::Ok);
            bad.map(|it| it.check).collect::<Vec<_>>()
        };
        assert!(wrong(lift.clone()).is_empty());
        assert_eq!(wrong(Checkpoint { position: 4, ..lift.clone() }), ["checkpoints"]);
        assert_eq!(wrong(Checkpoint { fits: false, ..lift.clone() }), ["checkpoints"]);
        assert_eq!(wrong(Checkpoint { stopped_at: Some(4), ..lift.clone() }), ["projections"]);
        assert_eq!(wrong(Checkpoint { published: Some(4), ..lift.clone() }), ["relay"]);
        assert_eq!(wrong(Checkpoint { name: "lift_next".into(), ..lift.clone() }), ["rebuilds"]);
        let future = Some(Utc::now() + chrono::Duration::seconds(60));
        assert_eq!(wrong(Checkpoint { latest: future, ..lift }), ["log's clock"]);
    }
}
