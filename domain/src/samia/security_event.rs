//! A security incident: reported, looked into, resolved or dismissed.

use std::net::IpAddr;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals};

/// How bad it is (samia.security_events.severity.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a note.
    Low,
    /// Worth a look.
    #[default]
    Medium,
    /// Worth haste.
    High,
    /// Worth freezing a wallet for (samia.reaction.critical-freeze).
    Critical,
}

/// How it was noticed (samia.security_events.detection_method.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DetectionMethod {
    /// By a person.
    Manual,
    /// By a rule.
    Automated,
    /// By a model.
    Ai,
}

/// Where its handling stands (samia.security_events.status.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody looks into it yet.
    #[default]
    Open,
    /// Somebody does.
    Investigating,
    /// Dealt with.
    Resolved,
    /// It was none.
    FalsePositive,
}

/// Reports an incident. (samia.command.ReportSecurityEvent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSecurityEvent {
    /// The user it is about, if it is about one.
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// What kind of incident, such as `login_failure`.
    pub event_type: Text<100>,
    /// How bad it is; `medium` where it is left out.
    #[serde(default)]
    pub severity: Severity,
    /// What was seen.
    pub description: String,
    /// Where it came from.
    #[serde(default)]
    pub ip_address: Option<IpAddr>,
    /// The program it came from.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The place it came from.
    #[serde(default)]
    pub geolocation: Option<Object>,
    /// How it was noticed.
    #[serde(default)]
    pub detection_method: Option<DetectionMethod>,
    /// How sure that is, from 0 to 1 with at most two decimals.
    #[serde(default)]
    pub confidence_score: Option<Decimal>,
}

/// Gives an incident to somebody to look into. (samia.command.AssignSecurityEvent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignSecurityEvent {
    /// A monitor, admin or super admin.
    pub assigned_to: Uuid,
}

/// Ends an incident that was dealt with. (samia.command.ResolveSecurityEvent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveSecurityEvent {
    /// What was done.
    #[serde(default)]
    pub resolution_notes: Option<String>,
}

/// Ends an incident that was none. (samia.command.DismissSecurityEvent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissSecurityEvent {
    /// Why it was none.
    #[serde(default)]
    pub resolution_notes: Option<String>,
}

commands! {
    /// What may be asked of an incident.
    pub enum Command {
        ReportSecurityEvent, AssignSecurityEvent, ResolveSecurityEvent, DismissSecurityEvent,
    }
}

/// An incident was reported. (samia.event.SecurityEventReported)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityEventReported {
    /// The user it is about, if it is about one.
    pub user_id: Option<Uuid>,
    /// What kind of incident.
    pub event_type: Text<100>,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub description: String,
    /// Where it came from.
    pub ip_address: Option<IpAddr>,
    /// The program it came from.
    pub user_agent: Option<String>,
    /// The place it came from.
    pub geolocation: Option<Object>,
    /// How it was noticed.
    pub detection_method: Option<DetectionMethod>,
    /// How sure that is.
    pub confidence_score: Option<Decimal>,
    /// Always open.
    pub status: Status,
}

/// Somebody looks into an incident. (samia.event.SecurityEventAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityEventAssigned {
    /// Always investigating.
    pub status: Status,
    /// Who.
    pub assigned_to: Uuid,
}

/// An incident was dealt with. (samia.event.SecurityEventResolved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityEventResolved {
    /// Always resolved.
    pub status: Status,
    /// What was done.
    pub resolution_notes: Option<String>,
}

/// An incident was none. (samia.event.SecurityEventDismissed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityEventDismissed {
    /// Always false positive.
    pub status: Status,
    /// Why it was none.
    pub resolution_notes: Option<String>,
}

events! {
    /// What happens to an incident.
    pub enum Event {
        SecurityEventReported of user_id {
            description: text, ip_address: null, user_agent: null, geolocation: null,
        },
        SecurityEventAssigned,
        SecurityEventResolved,
        SecurityEventDismissed,
    }
    Imported {
        SecurityEventImported from security_events at [id] of [user_id] {
            description: text, ip_address: null, user_agent: null, geolocation: null,
        },
    }
}

refusals! {
    /// What an incident refuses.
    pub enum Refusal {
        /// samia.rule.security.states
        SecurityEventTransitionRefused => "the incident does not stand where this is possible", hint "open, investigating, resolved; or false_positive before it is resolved";
        /// samia.security_events.confidence_score.check
        ConfidenceRefused => "a confidence lies between 0 and 1 and has at most two decimals", at "confidence_score";
        /// The user it is about is none.
        UserUnknown => "no such user", at "user_id";
        /// Whoever looks into it must be allowed to.
        NotAnInvestigator => "incidents are looked into by active monitors and admins", at "assigned_to";
        /// It was reported.
        SecurityEventAlreadyReported => "there is an incident of this id already";
        /// It was not reported.
        SecurityEventNotFound => "there is no such incident";
    }
}

/// An incident, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SecurityEvent {
    /// Where its handling stands, once it was reported.
    pub status: Option<Status>,
    /// The user it is about.
    pub user: Option<Uuid>,
    assigned_to: Option<Uuid>,
}

impl Decider for SecurityEvent {
    const TYPE: &'static str = "samia.security_event";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match (self.status, command) {
            (Some(_), Command::ReportSecurityEvent(_)) => {
                Err(Refusal::SecurityEventAlreadyReported)
            }
            (None, Command::ReportSecurityEvent(report)) => reported(report),
            (None, _) => Err(Refusal::SecurityEventNotFound),
            (Some(Status::Investigating), Command::AssignSecurityEvent(assign))
                if self.assigned_to == Some(assign.assigned_to) =>
            {
                Ok(vec![])
            }
            (Some(Status::Open | Status::Investigating), Command::AssignSecurityEvent(assign)) => {
                let status = Status::Investigating;
                let assigned_to = assign.assigned_to;
                Ok(vec![SecurityEventAssigned { status, assigned_to }.into()])
            }
            (Some(Status::Investigating), Command::ResolveSecurityEvent(resolve)) => {
                let status = Status::Resolved;
                let resolution_notes = resolve.resolution_notes;
                Ok(vec![SecurityEventResolved { status, resolution_notes }.into()])
            }
            (
                Some(Status::Open | Status::Investigating),
                Command::DismissSecurityEvent(dismiss),
            ) => {
                let status = Status::FalsePositive;
                let resolution_notes = dismiss.resolution_notes;
                Ok(vec![SecurityEventDismissed { status, resolution_notes }.into()])
            }
            (
                Some(_),
                Command::AssignSecurityEvent(_)
                | Command::ResolveSecurityEvent(_)
                | Command::DismissSecurityEvent(_),
            ) => Err(Refusal::SecurityEventTransitionRefused),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::SecurityEventReported(it) => {
                self.status = Some(it.status);
                self.user = it.user_id;
            }
            Event::SecurityEventAssigned(it) => {
                self.status = Some(it.status);
                self.assigned_to = Some(it.assigned_to);
            }
            Event::SecurityEventResolved(it) => self.status = Some(it.status),
            Event::SecurityEventDismissed(it) => self.status = Some(it.status),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl SecurityEvent {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.status = Some(row.or_default("status"));
        self.user = row.get("user_id");
        self.assigned_to = row.get("assigned_to");
    }
}

fn reported(report: ReportSecurityEvent) -> Result<Vec<Event>, Refusal> {
    let confidence_score = report.confidence_score.map(|score| score.normalize());
    let sure =
        |score: Decimal| (Decimal::ZERO..=Decimal::ONE).contains(&score) && score.scale() <= 2;
    if confidence_score.is_some_and(|score| !sure(score)) {
        return Err(Refusal::ConfidenceRefused);
    }
    let reported = SecurityEventReported {
        user_id: report.user_id,
        event_type: report.event_type,
        severity: report.severity,
        description: report.description,
        ip_address: report.ip_address,
        user_agent: report.user_agent,
        geolocation: report.geolocation,
        detection_method: report.detection_method,
        confidence_score,
        status: Status::Open,
    };
    Ok(vec![reported.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, BOB, Given, given};

    fn report(score: Option<&str>) -> ReportSecurityEvent {
        ReportSecurityEvent {
            user_id: Some(ADA),
            event_type: "login_failure".parse().unwrap(),
            severity: Severity::default(),
            description: "five times".into(),
            ip_address: None,
            user_agent: None,
            geolocation: None,
            detection_method: Some(DetectionMethod::Automated),
            confidence_score: score.map(|score| score.parse().unwrap()),
        }
    }

    fn open() -> Given<SecurityEvent> {
        given::<SecurityEvent>([]).when(report(None)).events().0
    }

    fn assigned(assigned_to: Uuid) -> SecurityEventAssigned {
        SecurityEventAssigned { status: Status::Investigating, assigned_to }
    }

    #[test]
    fn an_incident_is_reported_once() {
        open().when(report(None)).refused("SecurityEventAlreadyReported");
        given::<SecurityEvent>([])
            .when(AssignSecurityEvent { assigned_to: ADA })
            .refused("SecurityEventNotFound");
    }

    #[test]
    fn a_confidence_lies_between_nought_and_one() {
        for score in ["-0.01", "1.01", "0.123"] {
            given::<SecurityEvent>([]).when(report(Some(score))).refused("ConfidenceRefused");
        }
        for score in ["0", "1", "0.5", "1.00"] {
            given::<SecurityEvent>([]).when(report(Some(score))).events();
        }
    }

    #[test]
    fn an_incident_is_looked_into_and_resolved_for_good() {
        let resolve = ResolveSecurityEvent { resolution_notes: None };
        open()
            .when(resolve.clone())
            .refused("SecurityEventTransitionRefused")
            .when(AssignSecurityEvent { assigned_to: ADA })
            .then([assigned(ADA)])
            .when(AssignSecurityEvent { assigned_to: ADA })
            .then_nothing()
            .when(AssignSecurityEvent { assigned_to: BOB })
            .then([assigned(BOB)])
            .when(resolve.clone())
            .then([SecurityEventResolved { status: Status::Resolved, resolution_notes: None }])
            .when(resolve)
            .refused("SecurityEventTransitionRefused")
            .when(DismissSecurityEvent { resolution_notes: None })
            .refused("SecurityEventTransitionRefused")
            .when(AssignSecurityEvent { assigned_to: ADA })
            .refused("SecurityEventTransitionRefused");
    }

    #[test]
    fn an_incident_that_was_none_is_dismissed_before_or_after_somebody_looked() {
        let dismiss = DismissSecurityEvent { resolution_notes: Some("a test".into()) };
        let dismissed = SecurityEventDismissed {
            status: Status::FalsePositive,
            resolution_notes: Some("a test".into()),
        };
        for given in [open(), open().and(assigned(ADA))] {
            given
                .when(dismiss.clone())
                .then([dismissed.clone()])
                .when(ResolveSecurityEvent { resolution_notes: None })
                .refused("SecurityEventTransitionRefused");
        }
    }
}
