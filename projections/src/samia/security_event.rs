//! Incidents.

use annals_domain::samia::security_event::Event;
use serde_json::Value;

use super::tables::SECURITY_EVENTS;
use crate::{change::Change, recorded::Recorded};

/// What happens to an incident does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::SecurityEventReported(reported) => vec![
            SECURITY_EVENTS
                .put(id, reported)
                .with("assigned_to", Value::Null)
                .with("resolution_notes", Value::Null)
                .with("timestamp", at)
                .with("resolved_at", Value::Null),
        ],
        Event::SecurityEventAssigned(assigned) => vec![SECURITY_EVENTS.patch(id, assigned)],
        Event::SecurityEventResolved(resolved) => {
            vec![SECURITY_EVENTS.patch(id, resolved).with("resolved_at", at)]
        }
        Event::SecurityEventDismissed(dismissed) => {
            vec![SECURITY_EVENTS.patch(id, dismissed).with("resolved_at", at)]
        }
        Event::Imported(row) => vec![SECURITY_EVENTS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::security_event::{SecurityEventReported, SecurityEventResolved, Status},
        testing::{ADA, day},
    };
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    #[test]
    fn an_incident_is_a_whole_row_that_knows_when_it_was_closed() {
        let reported: SecurityEventReported = serde_json::from_value(json!({
            "user_id": ADA, "event_type": "login_failure", "severity": "medium",
            "description": "five times", "ip_address": "192.0.2.1", "user_agent": null,
            "geolocation": null, "detection_method": "automated", "confidence_score": "0.9",
            "status": "open",
        }))
        .unwrap();
        fits(of(&changes(project, reported), "security_events"));
        let resolved = SecurityEventResolved { status: Status::Resolved, resolution_notes: None };
        let changes = changes(project, resolved);
        let row = of(&changes, "security_events");
        fits(row);
        assert_eq!(
            (&row.columns["status"], &row.columns["resolved_at"]),
            (&json!("resolved"), &json!(day(1)))
        );
    }
}
