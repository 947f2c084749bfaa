//! A concern, or good news, about a child: raised by the system, acknowledged, perhaps escalated, and
//! resolved by staff. (lift.aggregate.Alert, stream: alert id)

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Decider, Moment, commands, events, refusals};

/// What an alert is about (lift.alerts.alert_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertType {
    /// An answer that a grown-up should see at once.
    Safeguarding,
    /// Moods go down.
    WellbeingDecline,
    /// Check-ins stay away, or are left unfinished.
    EngagementDrop,
    /// Moods go up.
    PositiveChange,
}

/// How much it presses (lift.alerts.severity.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Worth a look.
    Medium,
    /// Worth a look today.
    High,
    /// Now.
    Urgent,
}

/// Where an alert stands (lift.alerts.status.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// Nobody has taken note of it.
    Unread,
    /// Somebody has.
    Acknowledged,
    /// Closed; final.
    Resolved,
    /// Handed on to whoever can do more.
    Escalated,
}

/// Raises an alert about a child. (lift.command.RaiseAlert)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseAlert {
    /// The child it is about.
    pub child_id: Uuid,
    /// What it is about.
    pub alert_type: AlertType,
    /// How much it presses.
    pub severity: Severity,
    /// What happened, in a line.
    pub title: String,
    /// What happened, in full.
    pub description: String,
    /// Figures and flags that led to it.
    #[serde(default)]
    pub trigger_data: Option<Value>,
    /// The child's session that led to it, if one did.
    #[serde(default)]
    pub session_id: Option<Uuid>,
    /// The answer in that session that led to it, if one did.
    #[serde(default)]
    pub response_id: Option<Uuid>,
}

/// Takes note of an alert. (lift.command.AcknowledgeAlert)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeAlert {}

/// Hands an acknowledged alert on to whoever can do more. (lift.command.EscalateAlert)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateAlert {}

/// Closes an alert that was acknowledged or escalated. (lift.command.ResolveAlert)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveAlert {
    /// What was done about it; needed, and not blank.
    #[schemars(required)]
    pub resolution_notes: Option<String>,
}

commands! {
    /// What may be asked of an alert.
    pub enum Command { RaiseAlert, AcknowledgeAlert, EscalateAlert, ResolveAlert }
}

/// An alert was raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    /// The child it is about.
    pub child_id: Uuid,
    /// What it is about.
    pub alert_type: AlertType,
    /// How much it presses.
    pub severity: Severity,
    /// What happened, in a line; `erased` once the child is erased.
    pub title: String,
    /// What happened, in full; `erased` once the child is erased.
    pub description: String,
    /// Figures and flags that led to it.
    pub trigger_data: Option<Value>,
    /// The session that led to it.
    pub session_id: Option<Uuid>,
    /// The answer that led to it.
    pub response_id: Option<Uuid>,
    /// Unread.
    pub status: AlertStatus,
}

/// Staff took note of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertAcknowledged {
    /// The child it is about.
    pub child_id: Uuid,
    /// Acknowledged.
    pub status: AlertStatus,
    /// Who took note.
    pub acknowledged_by: Uuid,
    /// When.
    pub acknowledged_at: DateTime<Utc>,
}

/// Staff handed an alert on; by whom and when stands beside the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertEscalated {
    /// The child it is about.
    pub child_id: Uuid,
    /// Escalated.
    pub status: AlertStatus,
}

/// Staff closed an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertResolved {
    /// The child it is about.
    pub child_id: Uuid,
    /// Resolved.
    pub status: AlertStatus,
    /// Who closed it.
    pub resolved_by: Uuid,
    /// When.
    pub resolved_at: DateTime<Utc>,
    /// What was done about it; null once the child is erased.
    pub resolution_notes: Option<String>,
}

events! {
    /// What happens to an alert.
    pub enum Event {
        AlertRaised of child_id { title: text, description: text, trigger_data: null },
        AlertAcknowledged of child_id,
        AlertEscalated of child_id,
        AlertResolved of child_id { resolution_notes: null },
    }
    Imported {
        AlertImported from alerts at [id] of [child_id] {
            title: text, description: text, trigger_data: null, resolution_notes: null,
        },
    }
}

refusals! {
    /// What an alert refuses.
    pub enum Refusal {
        /// lift.rule.alert.lifecycle
        AlertTransitionRefused { now: &'static str, wanted: &'static str }
            => "an alert that is {now} cannot become {wanted}",
            hint "unread to acknowledged, acknowledged to resolved or escalated, escalated to resolved";
        /// lift.rule.alert.fields
        ResolutionNotesMissing => "say what was done about it", at "resolution_notes";
        /// An alert is raised once.
        AlertAlreadyRaised => "this alert was raised already";
    }
}

/// What decisions need to know of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Alert {
    /// Nothing happened yet.
    #[default]
    Unraised,
    /// It was raised.
    Raised {
        /// The child it is about.
        child_id: Uuid,
        /// Where it stands.
        status: AlertStatus,
    },
}

impl Alert {
    /// The child it is about, once it is raised.
    #[must_use]
    pub const fn child(&self) -> Option<Uuid> {
        match self {
            Self::Unraised => None,
            Self::Raised { child_id, .. } => Some(*child_id),
        }
    }
}

impl Decider for Alert {
    const TYPE: &'static str = "lift.alert";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let event = match command {
            Command::RaiseAlert(raise) => self.raise(raise)?.into(),
            Command::AcknowledgeAlert(AcknowledgeAlert {}) => {
                let (child_id, status) = self.becomes(AlertStatus::Acknowledged)?;
                let (acknowledged_by, acknowledged_at) = (moment.actor, moment.now);
                AlertAcknowledged { child_id, status, acknowledged_by, acknowledged_at }.into()
            }
            Command::EscalateAlert(EscalateAlert {}) => {
                let (child_id, status) = self.becomes(AlertStatus::Escalated)?;
                AlertEscalated { child_id, status }.into()
            }
            Command::ResolveAlert(ResolveAlert { resolution_notes }) => {
                let (child_id, status) = self.becomes(AlertStatus::Resolved)?;
                AlertResolved {
                    child_id,
                    status,
                    resolved_by: moment.actor,
                    resolved_at: moment.now,
                    resolution_notes: Some(notes(resolution_notes)?),
                }
                .into()
            }
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &Event) {
        let (child_id, status) = match event {
            Event::AlertRaised(event) => (event.child_id, event.status),
            Event::AlertAcknowledged(event) => (event.child_id, event.status),
            Event::AlertEscalated(event) => (event.child_id, event.status),
            Event::AlertResolved(event) => (event.child_id, event.status),
            Event::Imported(row) => match row.get("status") {
                Some(status) => (row.or_default("child_id"), status),
                None => return,
            },
        };
        *self = Self::Raised { child_id, status };
    }
}

impl Alert {
    fn raise(&self, raise: RaiseAlert) -> Result<AlertRaised, Refusal> {
        if self.child().is_some() {
            return Err(Refusal::AlertAlreadyRaised);
        }
        Ok(AlertRaised {
            child_id: raise.child_id,
            alert_type: raise.alert_type,
            severity: raise.severity,
            title: raise.title,
            description: raise.description,
            trigger_data: raise.trigger_data,
            session_id: raise.session_id,
            response_id: raise.response_id,
            status: AlertStatus::Unread,
        })
    }

    /// The documented ways (lift.rule.alert.lifecycle); there is none out of resolved.
    fn becomes(&self, wanted: AlertStatus) -> Result<(Uuid, AlertStatus), Refusal> {
        use AlertStatus::{Acknowledged, Escalated, Resolved, Unread};
        let Self::Raised { child_id, status } = *self else {
            return Err(refused("not raised", wanted));
        };
        match (status, wanted) {
            (Unread, Acknowledged)
            | (Acknowledged, Resolved | Escalated)
            | (Escalated, Resolved) => Ok((child_id, wanted)),
            (Unread | Acknowledged | Escalated | Resolved, _) => {
                Err(refused(status.as_str(), wanted))
            }
        }
    }
}

impl AlertStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Escalated => "escalated",
        }
    }
}

fn refused(now: &'static str, wanted: AlertStatus) -> Refusal {
    Refusal::AlertTransitionRefused { now, wanted: wanted.as_str() }
}

fn notes(given: Option<String>) -> Result<String, Refusal> {
    given.filter(|notes| !notes.trim().is_empty()).ok_or(Refusal::ResolutionNotesMissing)
}

#[cfg(test)]
mod tests;
