//! Calls.

use annals_domain::samia::video_call::Event;
use serde::Serialize;
use serde_json::Value;

use super::{analytics, tables::VIDEO_CALL_SESSIONS};
use crate::{change::Change, recorded::Recorded};

/// What happens to a call does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::CallInitiated(initiated) => vec![begun(recorded, initiated)],
        Event::CallRinging(ringing) => vec![changed(recorded, ringing)],
        Event::CallAnswered(answered) => vec![changed(recorded, answered)],
        Event::CallEnded(ended) => {
            let row = changed(recorded, ended).without("counts_for").with("ended_at", at);
            let caller = ended.counts_for;
            let counted =
                caller.map(|caller| analytics::one_more(caller, at.date_naive(), "calls_made"));
            std::iter::once(row).chain(counted).collect()
        }
        Event::CallFailed(failed) => vec![changed(recorded, failed).with("ended_at", at)],
        Event::CallRated(rated) => vec![changed(recorded, rated)],
        Event::CallQualityRecorded(quality) => vec![changed(recorded, quality)],
        Event::Imported(row) => vec![VIDEO_CALL_SESSIONS.imported(row)],
    }
}

/// A row of a call that nobody has answered (F101).
fn begun(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    let mut row = VIDEO_CALL_SESSIONS.put(recorded.id, payload).with("created_at", recorded.at);
    for column in [
        "duration_seconds",
        "quality_rating",
        "connection_quality",
        "server_region",
        "ice_servers_used",
        "started_at",
        "ended_at",
    ] {
        row = row.with(column, Value::Null);
    }
    row
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    VIDEO_CALL_SESSIONS.patch(recorded.id, payload)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::video_call::{CallEnded, CallInitiated, CallType, Status},
        testing::{ADA, BOB, day},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::samia::testing::{NULL, changes, fits, of};

    #[test]
    fn a_call_is_a_whole_row_that_has_not_started() {
        let initiated = CallInitiated {
            room_id: Uuid::from_u128(4),
            initiator_id: ADA,
            participants: vec![ADA, BOB],
            call_type: CallType::Video,
            status: Status::Initiated,
        };
        let changes = changes(project, initiated);
        let row = of(&changes, "video_call_sessions");
        fits(row);
        assert_eq!(row.columns["started_at"], NULL);
    }

    #[test]
    fn an_ended_call_counts_for_whoever_made_it_if_still_there() {
        let ended =
            |counts_for| CallEnded { counts_for, status: Status::Ended, duration_seconds: 61 };
        let counted = changes(project, ended(Some(BOB)));
        let row = of(&counted, "video_call_sessions");
        fits(row);
        assert_eq!(row.columns["ended_at"], json!(day(1)));
        assert_eq!(of(&counted, "user_analytics").columns["calls_made"], 1);
        assert_eq!(changes(project, ended(None)).len(), 1);
    }
}
