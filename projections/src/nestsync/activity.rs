//! What people do, as rows of `analytics_events`.

use annals_domain::nestsync::activity::Event;

use super::tables::ANALYTICS_EVENTS;
use crate::{change::Change, recorded::Recorded};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::ActivityTracked(tracked) => vec![
            ANALYTICS_EVENTS
                .put(tracked.activity_id, tracked)
                .without("activity_id")
                .without("subject_id")
                .with("created_at", recorded.at),
        ],
        Event::Imported(row) => vec![ANALYTICS_EVENTS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::activity::{Activity, ActivityTracked},
        testing::{ADA, day},
    };
    use serde_json::{Map, json};
    use uuid::Uuid;

    use super::{
        super::scene::{AT, FAMILY, ID, changes},
        *,
    };

    #[test]
    fn each_fact_is_a_row() {
        let activity_id = Uuid::from_u128(9);
        let tracked = ActivityTracked {
            activity_id,
            subject_id: ADA,
            family_id: FAMILY,
            user_id: Some(ADA),
            event_name: "opened".into(),
            properties: Map::from_iter([("screen".to_owned(), json!("stock"))]),
            session_id: None,
            occurred_at: day(1),
        };
        let expected = json!({
            "family_id": FAMILY, "user_id": ADA, "event_name": "opened",
            "properties": {"screen": "stock"}, "session_id": null, "occurred_at": day(1),
            "created_at": AT,
        });
        assert_eq!(changes::<Activity>(ID, tracked), [ANALYTICS_EVENTS.put(activity_id, expected)]);
    }
}
