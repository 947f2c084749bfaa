//! Alerts, from unread to resolved.

use annals_domain::lift::alert::Event;

use super::tables::ALERTS;
use crate::{change::Change, recorded::Recorded};

/// Columns that are null until staff have acted.
const UNHANDLED: [&str; 5] =
    ["acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "resolution_notes"];

/// What happens to an alert does to its row.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::AlertRaised(raised) => {
            let row = ALERTS.put(id, raised).with("created_at", at);
            UNHANDLED.into_iter().fold(row, |row, column| row.with(column, ()))
        }
        Event::AlertAcknowledged(acknowledged) => {
            ALERTS.patch(id, acknowledged).without("child_id")
        }
        Event::AlertEscalated(escalated) => ALERTS.patch(id, escalated).without("child_id"),
        Event::AlertResolved(resolved) => ALERTS.patch(id, resolved).without("child_id"),
        Event::Imported(row) => return vec![ALERTS.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::alert::{
            AlertAcknowledged, AlertEscalated, AlertRaised, AlertResolved, AlertStatus, AlertType,
            Severity,
        },
        testing::{ADA, BOB, day},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::{super::testing::changes, *};

    #[test]
    fn a_raised_alert_is_a_row() {
        let (session, response) = (Uuid::from_u128(2), Uuid::from_u128(3));
        let raised = AlertRaised {
            child_id: ADA,
            alert_type: AlertType::WellbeingDecline,
            severity: Severity::Medium,
            title: "Moods go down".into(),
            description: "From 4.0 to 2.7".into(),
            trigger_data: Some(json!({ "before": 4.0 })),
            session_id: Some(session),
            response_id: Some(response),
            status: AlertStatus::Unread,
        };
        assert_eq!(
            changes(project, "a", raised),
            [json!({ "put": "alerts", "key": { "id": "a" }, "columns": {
                "child_id": ADA,
                "alert_type": "wellbeing_decline",
                "severity": "medium",
                "title": "Moods go down",
                "description": "From 4.0 to 2.7",
                "trigger_data": { "before": 4.0 },
                "session_id": session,
                "response_id": response,
                "status": "unread",
                "acknowledged_by": null,
                "acknowledged_at": null,
                "resolved_by": null,
                "resolved_at": null,
                "resolution_notes": null,
                "created_at": day(2),
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn an_acknowledged_alert_names_who_and_when() {
        let acknowledged = AlertAcknowledged {
            child_id: ADA,
            status: AlertStatus::Acknowledged,
            acknowledged_by: BOB,
            acknowledged_at: day(1),
        };
        assert_eq!(
            changes(project, "a", acknowledged),
            [json!({ "patch": "alerts", "key": { "id": "a" }, "columns": {
                "status": "acknowledged",
                "acknowledged_by": BOB,
                "acknowledged_at": day(1),
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn an_escalation_changes_the_status_alone() {
        let escalated = AlertEscalated { child_id: ADA, status: AlertStatus::Escalated };
        assert_eq!(
            changes(project, "a", escalated),
            [json!({ "patch": "alerts", "key": { "id": "a" }, "columns": {
                "status": "escalated",
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn a_resolved_alert_names_who_when_and_what_was_done() {
        let resolved = AlertResolved {
            child_id: ADA,
            status: AlertStatus::Resolved,
            resolved_by: BOB,
            resolved_at: day(1),
            resolution_notes: Some("Talked".into()),
        };
        assert_eq!(
            changes(project, "a", resolved),
            [json!({ "patch": "alerts", "key": { "id": "a" }, "columns": {
                "status": "resolved",
                "resolved_by": BOB,
                "resolved_at": day(1),
                "resolution_notes": "Talked",
                "updated_at": day(2),
            } })]
        );
    }
}
