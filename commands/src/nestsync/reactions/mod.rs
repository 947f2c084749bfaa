//! What NestSync does by itself: proposals to reorder, notifications, expiries, the end of periods.
//!
//! Families and preferences are remembered as their own aggregates make them of their events
//! ([`Reacting::follow`]), so that a reaction asks who holds a permission, and what a person wants to
//! hear, in the words in which commands ask it. Of an item and of billing only what is looked at is
//! kept. Nothing is read from tables.

mod billing;
mod family;
mod notify;
mod stock;
#[cfg(test)]
mod tests;

use annals_domain::{
    nestsync::{
        billing::Billing, child::Child, family::Family, inventory_item::InventoryItem,
        notification::Notification, notification_preference::NotificationPreference, user::User,
    },
    shared::identity::Identity,
};
use serde::{Deserialize, Serialize};

use crate::reaction::{Due, Halt, Reacting, Reactions, parse, upon};

const SUGGESTION: &str = "nestsync.reaction.reorder-suggestion";
const FULFILLED: &str = "nestsync.reaction.reorder-fulfilled";
const DROPPED: &str = "nestsync.reaction.reorder-dropped";
const NOTIFY_REORDER: &str = "nestsync.reaction.notify-reorder";
const NOTIFY_INVITATION: &str = "nestsync.reaction.notify-invitation";
const NOTIFY_EMERGENCY: &str = "nestsync.reaction.notify-emergency";
const NOTIFY_SUBSCRIPTION: &str = "nestsync.reaction.notify-subscription";
const SUPPRESS: &str = "nestsync.reaction.suppress";
const EXPIRY: &str = "nestsync.reaction.invitation-expiry";
const PERIOD: &str = "nestsync.reaction.subscription-period";
const MEMBERSHIPS: &str = "nestsync.reaction.memberships-end";
const ERASED: &str = "nestsync.reaction.subject-erased";

/// The families that a person was invited to or is a member of.
const FAMILIES: &str = "families";

/// What NestSync judges by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How many days of use the rate behind a proposal to reorder is taken from.
    pub usage_days: u32,
    /// After how many days past due a subscription expires.
    pub past_due_days: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { usage_days: 28, past_due_days: 14 }
    }
}

/// What the context does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[
            SUGGESTION,
            FULFILLED,
            DROPPED,
            NOTIFY_REORDER,
            NOTIFY_INVITATION,
            NOTIFY_EMERGENCY,
            NOTIFY_SUBSCRIPTION,
            SUPPRESS,
            EXPIRY,
            PERIOD,
            MEMBERSHIPS,
            ERASED,
        ],
        elsewhere: &[(
            "nestsync.reaction.usage-aggregates",
            "the totals stand in ItemUsed and UsageLogVoided; their projection writes the rows",
        )],
        version: 1,
        upon: vec![
            upon::<Identity>(family::identity),
            upon::<InventoryItem>(stock::item),
            upon::<Family>(family::family),
            upon::<User>(family::user),
            upon::<Child>(notify::child),
            upon::<NotificationPreference>(notify::preference),
            upon::<Notification>(notify::notification),
            upon::<Billing>(billing::billing),
        ],
        due,
    }
}

fn due(due: &Due, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match due.reaction.as_str() {
        EXPIRY => {
            let (family, member) = due
                .key
                .split_once(':')
                .ok_or_else(|| Halt::Fault("a timer's key is not two ids".to_owned()))?;
            family::lapse(parse(family)?, parse(member)?, reacting)
        }
        PERIOD => billing::over(parse(&due.key)?, reacting),
        other => Err(Halt::Fault(format!("no timer of {other} is known here"))),
    }
}
