//! What a user did, by web session and UTC day (samia.reaction.analytics).
//!
//! What happens outside of a web session is counted under one of its own, `server` (F124). Its row is
//! made by whatever is counted first; a row of a web session is its own report's.

use annals_domain::{Amount, samia::visit::OUTSIDE};
use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};
use uuid::Uuid;

use super::tables::USER_ANALYTICS;
use crate::change::Change;

/// One more of these, for a user, on a day.
#[must_use]
pub fn one_more(user: Uuid, day: NaiveDate, column: &'static str) -> Change {
    outside(user, day).with(column, 1)
}

/// What a user has paid for readings on a day, in all and for each payment.
#[must_use]
pub fn spent(user: Uuid, day: NaiveDate, total: Amount, average: Amount) -> [Change; 2] {
    let row = USER_ANALYTICS.patch(outside_id(user, day), ());
    // The row may not be there yet; nothing is added to one that is.
    [outside(user, day), row.with("total_spent", total).with("average_session_value", average)]
}

fn outside_id(user: Uuid, day: NaiveDate) -> Uuid {
    Uuid::new_v5(&user, format!("{OUTSIDE}/{day}").as_bytes())
}

/// A day's row outside of any web session, with nothing more counted than was. The same each time, as
/// it must be: it is made by whichever event comes first, and its time is therefore the day's.
fn outside(user: Uuid, day: NaiveDate) -> Change {
    USER_ANALYTICS
        .add(
            outside_id(user, day),
            json!({
                "page_views": 0, "readings_completed": 0, "messages_sent": 0, "calls_made": 0,
                "total_spent": 0, "average_session_value": 0,
            }),
        )
        .with("user_id", user)
        .with("session_id", OUTSIDE)
        .with("date", day)
        .with("created_at", day.and_time(NaiveTime::MIN).and_utc())
        .with("session_duration", Value::Null)
        .with("device_type", Value::Null)
        .with("browser", Value::Null)
        .with("operating_system", Value::Null)
        .with("country", Value::Null)
        .with("city", Value::Null)
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB, day};

    use super::*;
    use crate::{Operation, samia::testing::whole};

    #[test]
    fn a_day_outside_of_sessions_is_one_row_of_the_user() {
        let today = day(1).date_naive();
        let message = one_more(ADA, today, "messages_sent");
        let call = one_more(ADA, today, "calls_made");
        whole(&message);
        assert_eq!((message.operation, &message.key), (Operation::Add, &call.key));
        assert_eq!(
            (&message.columns["messages_sent"], &message.columns["calls_made"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(message.columns["session_id"], "server");
        assert_ne!(message.key, one_more(BOB, today, "calls_made").key);
        assert_ne!(message.key, one_more(ADA, day(2).date_naive(), "calls_made").key);
    }

    #[test]
    fn what_was_spent_is_an_outcome_on_a_row_that_is_there() {
        let cents = Amount::from_hundredths;
        let [made, told] = spent(ADA, day(1).date_naive(), cents(2000), cents(1000));
        assert_eq!((made.operation, told.operation), (Operation::Add, Operation::Patch));
        assert_eq!(made.key, told.key);
        assert_eq!(told.columns["total_spent"], "20.00");
    }
}
