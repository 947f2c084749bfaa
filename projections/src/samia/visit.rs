//! Visits: a row for each web session and day.

use annals_domain::{Amount, samia::visit::Event};
use uuid::Uuid;

use super::tables::USER_ANALYTICS;
use crate::{change::Change, recorded::Recorded};

/// What a visit does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::VisitRecorded(visit) => {
            let session = recorded.id.parse().unwrap_or(visit.user_id);
            let row = Uuid::new_v5(&session, visit.date.to_string().as_bytes());
            vec![
                USER_ANALYTICS
                    .put(row, visit)
                    .with("readings_completed", 0)
                    .with("messages_sent", 0)
                    .with("calls_made", 0)
                    .with("total_spent", Amount::ZERO)
                    .with("average_session_value", Amount::ZERO),
            ]
        }
        Event::Imported(row) => vec![USER_ANALYTICS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::visit::VisitRecorded,
        testing::{ADA, day},
    };
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    #[test]
    fn a_day_of_a_session_is_one_whole_row() {
        let visit = |nth: i64, views: i32| -> VisitRecorded {
            serde_json::from_value(json!({
                "user_id": ADA, "session_id": "w1", "date": day(nth).date_naive(),
                "created_at": day(nth), "page_views": views, "session_duration": null,
                "device_type": null, "browser": null, "operating_system": null, "country": null,
                "city": null,
            }))
            .unwrap()
        };
        let first = changes(project, visit(1, 1));
        fits(of(&first, "user_analytics"));
        assert_eq!(first[0].key, changes(project, visit(1, 2))[0].key);
        assert_ne!(first[0].key, changes(project, visit(2, 1))[0].key);
    }
}
