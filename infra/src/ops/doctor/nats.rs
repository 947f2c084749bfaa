//! Whether NATS is there, new enough, and holds streams that fit what the relay remembers.

use std::time::Duration;

use async_nats::{
    Client,
    jetstream::{self, stream::Info},
};
use sqlx::PgPool;
use tokio::time::timeout;

use super::finding::{Finding, some};
use crate::{
    ops::{
        setup::Setup,
        text::{bytes, number},
    },
    relay::{stream_name, stream_subjects},
    serve::NatsError,
};

/// How long JetStream may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the relay remembers of a context's stream.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct Relayed {
    context: String,
    stream_created: String,
    position: i64,
}

/// What a context's stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stream {
    created: String,
    subjects: Vec<String>,
    /// Position of the event in its last message.
    last: Option<i64>,
    is_empty: bool,
}

/// Looks at NATS. `pool` is the event store, where that answers.
pub(super) async fn check(setup: &Setup, pool: Option<&PgPool>) -> Vec<Finding> {
    let client = match setup.nats().await {
        Ok(client) => client,
        Err(error) => return vec![of_error(&error)],
    };
    let info = client.server_info();
    let mut findings =
        vec![Finding::ok("nats", format!("answers, version {}, with JetStream", info.version))];
    let jetstream = jetstream::new(client.clone());
    findings.push(usage(&jetstream).await);
    let Some(pool) = pool else { return findings };
    let relayed: Result<Vec<Relayed>, _> = sqlx::query_as(
        "SELECT context, stream_created, position FROM annals.relay ORDER BY context",
    )
    .fetch_all(pool)
    .await;
    match relayed {
        Ok(relayed) => findings.push(streams(&client, &jetstream, &relayed).await),
        Err(error) => findings.push(Finding::unanswered("streams", &error)),
    }
    findings
}

fn of_error(error: &NatsError) -> Finding {
    let advice = match error {
        NatsError::Unreachable(_) => "start it, or set NATS_URL; events are kept until then",
        NatsError::Url(_) => "mend NATS_URL",
        NatsError::Credentials { .. } => "let NATS_CREDS name a file that this user can read",
        NatsError::TooOld(_) => "install nats-server 2.12.1 or newer",
        NatsError::NoJetStream => "start it with -js and a storage directory",
    };
    Finding::failed("nats", error.to_string(), advice)
}

/// How full JetStream's storage is.
async fn usage(jetstream: &jetstream::Context) -> Finding {
    let Ok(Ok(account)) = timeout(PATIENCE, jetstream.query_account()).await else {
        return Finding::skipped("jetstream", "the login may not ask how full it is");
    };
    let used = i64::try_from(account.storage).unwrap_or(i64::MAX);
    let most = account.limits.max_storage.unwrap_or_default();
    if most > 0 && used > most / 10 * 8 {
        let seen = format!("{} of {} are full", bytes(used), bytes(most));
        return Finding::warning("jetstream", seen, "give the account more storage");
    }
    Finding::ok("jetstream", format!("{} stored in {} streams", bytes(used), account.streams))
}

async fn streams(client: &Client, jetstream: &jetstream::Context, relayed: &[Relayed]) -> Finding {
    let mut wrong = Vec::new();
    for known in relayed {
        let stream = timeout(PATIENCE, look(jetstream, &known.context)).await.ok().flatten();
        wrong.extend(amiss(known, stream.as_ref()));
    }
    let _ = client.flush().await;
    match (relayed, wrong.as_slice()) {
        ([], _) => Finding::skipped("streams", "nothing was ever published"),
        (_, []) => {
            let names: Vec<_> = relayed.iter().map(|it| stream_name(&it.context)).collect();
            Finding::ok("streams", format!("{} end where the relay says", some(&names)))
        }
        (_, wrong) => Finding::failed(
            "streams",
            wrong.join("; "),
            "a running relay fills a lost stream anew by itself, within seconds; its log says what \
             keeps it from that",
        ),
    }
}

async fn look(jetstream: &jetstream::Context, context: &str) -> Option<Stream> {
    let found = jetstream.get_stream(stream_name(context)).await.ok()?;
    let Info { config, created, state, .. } = found.cached_info();
    let last = match state.messages {
        0 => None,
        _ => found.get_raw_message(state.last_sequence).await.ok(),
    };
    let position = |name| last.as_ref()?.headers.get(name)?.as_str().parse().ok();
    Some(Stream {
        created: created.to_string(),
        subjects: config.subjects.clone(),
        last: position("ce-sequence"),
        is_empty: state.messages == 0,
    })
}

/// What is amiss with a stream, if anything is.
fn amiss(known: &Relayed, stream: Option<&Stream>) -> Option<String> {
    let name = stream_name(&known.context);
    let Some(stream) = stream else { return Some(format!("{name} is not there")) };
    if stream.subjects != [stream_subjects(&known.context)] {
        return Some(format!("{name} takes other subjects: {}", some(&stream.subjects)));
    }
    if stream.created != known.stream_created {
        return Some(format!("{name} was made anew since the relay last looked"));
    }
    match stream.last {
        // The relay remembers after it has published.
        Some(last) if last >= known.position => None,
        None if stream.is_empty && known.position == 0 => None,
        None if stream.is_empty => Some(format!(
            "{name} is empty, though the relay published up to {}",
            number(known.position)
        )),
        Some(last) => Some(format!(
            "{name} ends at {}, though the relay published up to {}",
            number(last),
            number(known.position)
        )),
        None => Some(format!("the last message of {name} is not the relay's")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_fits_what_the_relay_remembers_or_it_is_said_how_not() {
        let known = Relayed { context: "lift".into(), stream_created: "now".into(), position: 7 };
        let stream = Stream {
            created: "now".into(),
            subjects: vec!["lift.evt.>".into()],
            last: Some(7),
            is_empty: false,
        };
        let said = |stream: Stream| amiss(&known, Some(&stream)).unwrap_or_default();
        assert_eq!(said(stream.clone()), "");
        assert_eq!(said(Stream { last: Some(9), ..stream.clone() }), "");
        assert!(amiss(&known, None).unwrap().contains("EVT_LIFT is not there"));
        for (wrong, why) in [
            (Stream { created: "later".into(), ..stream.clone() }, "made anew"),
            (Stream { subjects: vec!["x".into()], ..stream.clone() }, "other subjects: x"),
            (Stream { last: Some(3), ..stream.clone() }, "ends at 3"),
            (Stream { last: None, is_empty: true, ..stream.clone() }, "is empty"),
            (Stream { last: None, ..stream }, "not the relay's"),
        ] {
            assert!(said(wrong.clone()).contains(why), "{why}: {}", said(wrong));
        }
    }
}
