//! What The Lift does by itself: alerts, stickers, garden unlocks, expiries.
//!
//! All of it looks at what the reactor remembers of the context's own events: of a child in
//! [`OfChild`] (moods, streaks, counts, open alerts, locked items), of an organisation in three sets
//! (staff, children, pending invitations). Nothing is read from tables.

mod people;
mod rewards;
mod rules;
#[cfg(test)]
mod tests;
mod wellbeing;

use std::collections::BTreeMap;

use annals_domain::{
    PersonalField, Tombstone,
    lift::{
        alert::{Alert, AlertType},
        child::Child,
        garden::{Garden, UnlockCondition},
        invitation::Invitation,
        member::Member,
        organisation::Organisation,
        sticker_book::StickerBook,
        wellbeing_session::{SessionType, WellbeingSession},
    },
    shared::identity::Identity,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::reaction::{Due, Halt, Memory, Reacting, Reactions, parse, upon};

pub use rules::{Rules, StarterItem};

const CONCERNING: &str = "lift.reaction.concerning-response";
const DECLINE: &str = "lift.reaction.wellbeing-decline";
const POSITIVE: &str = "lift.reaction.positive-change";
const DROP: &str = "lift.reaction.engagement-drop";
const STICKER: &str = "lift.reaction.sticker-for-session";
const MILESTONE: &str = "lift.reaction.sticker-for-milestone";
const STARTER: &str = "lift.reaction.starter-garden";
const UNLOCK: &str = "lift.reaction.garden-unlock";
const EXPIRY: &str = "lift.reaction.invitation-expiry";
const MESSAGE: &str = "lift.reaction.invitation-message";
const IDLE: &str = "lift.reaction.idle-session";
const WITHDRAWN: &str = "lift.reaction.consent-withdrawn";
const ARCHIVED: &str = "lift.reaction.organisation-archived";
const ERASED: &str = "lift.reaction.subject-erased";

/// Staff of an organisation, active or kept out.
const STAFF: &str = "staff";
/// An organisation's children that are not archived.
const CHILDREN: &str = "children";
/// An organisation's pending invitations.
const INVITATIONS: &str = "invitations";

/// What the context does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[
            CONCERNING, DECLINE, POSITIVE, DROP, STICKER, MILESTONE, STARTER, UNLOCK, EXPIRY,
            MESSAGE, IDLE, WITHDRAWN, ARCHIVED, ERASED,
        ],
        elsewhere: &[(
            "lift.reaction.invitation-accepted",
            "AcceptInvitation appends the profile in the same commit",
        )],
        version: 1,
        upon: vec![
            upon::<Identity>(people::identity),
            upon::<WellbeingSession>(wellbeing::session),
            upon::<Alert>(wellbeing::alert),
            upon::<Child>(people::child),
            upon::<Member>(people::member),
            upon::<Organisation>(people::organisation),
            upon::<Invitation>(people::invitation),
            upon::<StickerBook>(rewards::sticker),
            upon::<Garden>(rewards::garden),
        ],
        due,
    }
}

fn due(due: &Due, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let key = parse(&due.key)?;
    match due.reaction.as_str() {
        EXPIRY => people::lapse(key, reacting),
        IDLE => wellbeing::left_open(key, reacting),
        DROP => wellbeing::quiet(key, reacting),
        other => Err(Halt::Fault(format!("no timer of {other} is known here"))),
    }
}

/// What is remembered of a child.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfChild {
    /// Its organisation.
    org_id: Option<Uuid>,
    /// Moods of its last completed sessions, the oldest first.
    moods: Option<Vec<i32>>,
    /// Sessions it completed.
    completed: u64,
    /// Stickers it was given.
    stickers: u64,
    /// Sessions it left unfinished since it last completed one.
    abandoned: u32,
    /// When it last began a session.
    last_session: Option<DateTime<Utc>>,
    /// The sessions that are in progress.
    open: BTreeMap<Uuid, SessionType>,
    /// Whether somebody consented.
    consented: bool,
    /// Whether its record is archived or erased.
    closed: bool,
    /// Alerts about it that are not resolved.
    alerts: BTreeMap<Uuid, AlertType>,
    /// Items of its garden that wait for a condition.
    locked: BTreeMap<Uuid, UnlockCondition>,
}

impl Memory for OfChild {
    const KIND: &'static str = "child";
    const PERSONAL: &'static [PersonalField] =
        &[PersonalField { name: "moods", tombstone: Tombstone::Null }];
}

impl OfChild {
    /// Whether its check-ins are waited for.
    fn checks_in(&self) -> bool {
        self.consented && !self.closed
    }

    fn has_open(&self, alert_type: AlertType) -> bool {
        self.alerts.values().any(|open| *open == alert_type)
    }
}

/// What is remembered of a member: where it works.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfMember {
    /// Whether there is one.
    known: bool,
    /// Whether it is a child's profile.
    is_child: bool,
    /// Its organisation.
    org_id: Option<Uuid>,
}

impl Memory for OfMember {
    const KIND: &'static str = "member";
}
