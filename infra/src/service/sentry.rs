//! Refused tokens, refused rights, and refusals that come again and again: told to whoever looks into
//! incidents, as security events of `samia`.
//!
//! A refusal of that kind is no event and leaves nothing in the log, so nobody could react to it later;
//! the service that gives it tells of it. It is cheap and bounded on purpose: a sighting goes into a
//! short queue or is dropped and counted, sightings are added up in memory, and a report is sent once
//! their number is worth one, at most one for each kind and person within a span of time. What was not
//! reported when a process ends is not reported; the counters of metrics have it.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use annals_commands::{
    ActorKind,
    reaction::{Cause, Rules, Sending},
};
use lru::LruCache;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    engine::Clock,
    reactor::{Sender, identity},
};

/// The context whose refusals are told of, and which keeps the reports.
pub const CONTEXT: &str = "samia";
/// Sightings that may wait.
const WAITING: usize = 1_024;
/// People and kinds that are remembered.
const REMEMBERED: usize = 8_192;
/// Most reports within one span of time.
const REPORTS: u32 = 100;

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sight {
    /// A token that cannot be believed.
    Token,
    /// A command that its sender may not send.
    Right,
    /// Anything.
    Refusal,
}

impl Sight {
    /// What a code of a refusal says, besides that it is one.
    fn of(code: &str) -> Option<Self> {
        match code {
            "token_invalid" => Some(Self::Token),
            "not_allowed" => Some(Self::Right),
            _ => None,
        }
    }
}

/// Whoever refuses tells it.
#[derive(Debug, Clone)]
pub struct Sentry {
    sightings: mpsc::Sender<(Sight, Option<Uuid>)>,
}

/// Counts of one kind and person.
struct Count {
    seen: u32,
    since: Instant,
    reported: bool,
}

/// What is worth a report.
struct Watch {
    rules: Arc<Rules>,
    counts: LruCache<(Sight, Option<Uuid>), Count>,
    reports: u32,
    since: Instant,
}

impl Sentry {
    /// Starts to watch. It ends when it is told to.
    #[must_use]
    pub fn start(
        sender: Sender,
        rules: Arc<Rules>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (sightings, mut seen) = mpsc::channel(WAITING);
        let mut watch = Watch {
            rules,
            counts: LruCache::new(NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN)),
            reports: 0,
            since: Instant::now(),
        };
        let task = tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    () = stop.cancelled() => return,
                    next = seen.recv() => next,
                };
                let Some((sight, who)) = next else { return };
                if let Some(seen) = watch.worth_a_report(sight, who, Instant::now()) {
                    report(&sender, &*clock, &watch.rules, sight, who, seen, &stop).await;
                }
            }
        });
        (Self { sightings }, task)
    }

    /// A command was refused with this code, to this person if somebody is known.
    pub fn saw(&self, code: &str, who: Option<Uuid>) {
        let sights = [Sight::of(code), who.map(|_| Sight::Refusal)];
        for sight in sights.into_iter().flatten() {
            let who = if sight == Sight::Token { None } else { who };
            if self.sightings.try_send((sight, who)).is_err() {
                metrics::counter!("annals_sightings_dropped_total").increment(1);
            }
        }
    }
}

impl Watch {
    fn span(&self) -> Duration {
        Duration::from_secs(u64::from(self.rules.samia.refusal_minutes) * 60)
    }

    /// How many there were, if that is to be told now.
    fn worth_a_report(&mut self, sight: Sight, who: Option<Uuid>, now: Instant) -> Option<u32> {
        let span = self.span();
        let rules = &self.rules.samia;
        let most = match sight {
            Sight::Token => rules.refused_tokens,
            Sight::Right => rules.refused_rights,
            Sight::Refusal => rules.repeated_refusals,
        };
        if now.duration_since(self.since) > span {
            (self.since, self.reports) = (now, 0);
        }
        let fresh = || Count { seen: 0, since: now, reported: false };
        let count = self.counts.get_or_insert_mut((sight, who), fresh);
        if now.duration_since(count.since) > span {
            *count = fresh();
        }
        count.seen = count.seen.saturating_add(1);
        if count.reported || most == 0 || count.seen < most || self.reports >= REPORTS {
            return None;
        }
        count.reported = true;
        self.reports += 1;
        Some(count.seen)
    }
}

async fn report(
    sender: &Sender,
    clock: &dyn Clock,
    rules: &Rules,
    sight: Sight,
    who: Option<Uuid>,
    seen: u32,
    stop: &CancellationToken,
) {
    let minutes = rules.samia.refusal_minutes;
    let (event_type, severity, text) = match sight {
        Sight::Token => ("invalid_token", "low", "tokens that cannot be believed"),
        Sight::Right => ("unauthorized_access", "medium", "commands that the sender may not send"),
        Sight::Refusal => ("suspicious_activity", "medium", "refused commands of one sender"),
    };
    // Somebody who is no user of the context cannot be named in it.
    for user_id in [who, None] {
        let id = Uuid::now_v7();
        let cause = Cause {
            id,
            event_id: id,
            position: 0,
            aggregate_type: "service".to_owned(),
            stream: CONTEXT.to_owned(),
            at: clock.now(),
            tenant: String::new(),
            actor: identity(),
            actor_kind: ActorKind::System,
            correlation_id: id.to_string(),
        };
        let sending = Sending {
            reaction: "service.refusals",
            id,
            subject: format!("{CONTEXT}.cmd.report_security_event"),
            target: Uuid::now_v7().to_string(),
            data: json!({
                "user_id": user_id, "event_type": event_type, "severity": severity,
                "description": format!("{seen} {text} within {minutes} minutes"),
                "detection_method": "automated",
            }),
            reason: None,
        };
        let pause = sleep_until(Instant::now() + Duration::from_secs(30));
        let sent = tokio::select! {
            sent = sender.send(&cause, &sending, stop) => sent,
            () = pause => return,
        };
        match sent {
            Ok(outcome) if outcome == "user_unknown" => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "a refusal could not be reported");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch {
            rules: Arc::new(Rules::default()),
            counts: LruCache::unbounded(),
            reports: 0,
            since: Instant::now(),
        }
    }

    const ADA: Option<Uuid> = Some(Uuid::from_u128(1));
    const EVE: Option<Uuid> = Some(Uuid::from_u128(2));

    #[test]
    fn a_kind_of_refusal_is_reported_once_for_each_person_and_again_after_a_while() {
        let (mut watch, now) = (watch(), Instant::now());
        let mut told = |who, at| watch.worth_a_report(Sight::Right, who, at);
        assert_eq!([told(ADA, now), told(ADA, now)], [None, None]);
        assert_eq!(told(EVE, now), None);
        assert_eq!(told(ADA, now), Some(3));
        assert_eq!(told(ADA, now), None);
        let later = now + Duration::from_secs(601);
        assert_eq!([told(ADA, later), told(ADA, later), told(ADA, later)], [None, None, Some(3)]);
    }

    #[test]
    fn reports_are_bounded_whoever_is_refused() {
        let (mut watch, now) = (watch(), Instant::now());
        let reports = (0..1_000_u128)
            .flat_map(|person| std::iter::repeat_n(person, 3))
            .filter(|person| {
                watch.worth_a_report(Sight::Right, Some(Uuid::from_u128(*person)), now).is_some()
            })
            .count();
        assert_eq!(reports, 100);
    }
}
