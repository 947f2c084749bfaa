//! What an event changed, as the documented rows show it.
//!
//! A payload alone does not tell a state from a fact: a debit's `balance` replaces the balance before
//! it, its `amount` replaces nothing. The projections know, since the one is a column of a row that
//! was there and the other of a row that begins. So the rows of a stream are followed in memory.

use std::collections::{HashMap, HashSet};

use annals_projections::{Change, Operation};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// A field of an event or a column of its rows, and what it was before where it was something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changed {
    /// Name of the payload's field or of the column.
    pub field: String,
    /// What it was; none where nothing was known of it.
    pub old: Option<Value>,
    /// What it is.
    pub new: Value,
}

/// The rows that a stream's events have led to so far.
#[derive(Debug, Default)]
pub(crate) struct Rows(HashMap<(&'static str, String), Map<String, Value>>);

impl Rows {
    /// Moves past an event, and tells its payload's fields and what else it changed. Fields that stay
    /// as they were are left out, and so are columns that only repeat the event's time.
    pub fn pass(
        &mut self,
        payload: &Map<String, Value>,
        changes: &[Change],
        at: DateTime<Utc>,
    ) -> Vec<Changed> {
        let mut moved = Map::new();
        let mut before = HashMap::new();
        let mut same = HashSet::new();
        for change in changes {
            let place = (change.table.name, json!(change.key).to_string());
            match change.operation {
                Operation::Put | Operation::Patch => {}
                Operation::Drop => {
                    self.0.remove(&place);
                    continue;
                }
                // These reach rows of other streams, which are not followed here.
                Operation::Add | Operation::PatchWhere | Operation::DropWhere => continue,
            }
            let row = self.0.entry(place).or_default();
            for (column, new) in change.columns.iter() {
                match row.insert(column.to_owned(), new.clone()) {
                    Some(old) if old == *new => drop(same.insert(column.to_owned())),
                    Some(old) => {
                        moved.insert(column.to_owned(), new.clone());
                        before.insert(column.to_owned(), old);
                    }
                    // The column of a new row: a fact.
                    None => {}
                }
            }
        }
        let mut told = Vec::new();
        for (field, new) in payload {
            if moved.get(field) == Some(new) {
                moved.remove(field);
                told.push(Changed {
                    field: field.clone(),
                    old: before.remove(field),
                    new: new.clone(),
                });
            } else if !same.contains(field) {
                told.push(Changed { field: field.clone(), old: None, new: new.clone() });
            }
        }
        let now = serde_json::to_value(at).unwrap_or_default();
        for (field, new) in moved {
            if new != now {
                let old = before.remove(&field);
                told.push(Changed { field, old, new });
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::day;
    use annals_projections::Table;
    use serde_json::json;

    use super::*;

    static WALLETS: Table = Table::new("samia", "user_wallets", &["user_id"], "");
    static MOVEMENTS: Table = Table::new("samia", "transactions", &["id"], "");

    fn told(rows: &mut Rows, payload: Value, changes: &[Change]) -> Vec<(String, Value, Value)> {
        let fields = payload.as_object().cloned().unwrap();
        let told = rows.pass(&fields, changes, day(1));
        told.into_iter().map(|it| (it.field, it.old.unwrap_or_default(), it.new)).collect()
    }

    #[test]
    fn a_state_has_an_old_value_and_a_fact_has_none() {
        let mut rows = Rows::default();
        let opened = json!({"balance": "0.00", "currency": "EUR"});
        let put = WALLETS.put("w", &opened).with("is_frozen", false).with("updated_at", day(0));
        assert_eq!(
            told(&mut rows, opened, &[put]),
            [
                ("balance".into(), Value::Null, json!("0.00")),
                ("currency".into(), Value::Null, json!("EUR"))
            ]
        );
        for (balance, nth) in [("5.00", "1"), ("10.00", "2")] {
            let credited = json!({"amount": "5.00", "balance": balance, "currency": "EUR"});
            let changes = [
                MOVEMENTS.put(nth, json!({"amount": "5.00"})),
                WALLETS
                    .patch("w", json!({"balance": balance, "currency": "EUR"}))
                    .with("updated_at", day(1)),
            ];
            let was = if nth == "1" { "0.00" } else { "5.00" };
            assert_eq!(
                told(&mut rows, credited, &changes),
                [
                    ("amount".into(), Value::Null, json!("5.00")),
                    ("balance".into(), json!(was), json!(balance))
                ]
            );
        }
    }

    #[test]
    fn columns_that_the_payload_does_not_name_are_told_where_they_change() {
        let mut rows = Rows::default();
        let put = WALLETS.put("w", ()).with("is_frozen", false).with("updated_at", day(0));
        assert!(told(&mut rows, json!({}), &[put]).is_empty());
        let patch = WALLETS.patch("w", ()).with("is_frozen", true).with("updated_at", day(1));
        assert_eq!(
            told(&mut rows, json!({"reason": "lost card"}), &[patch]),
            [
                ("reason".into(), Value::Null, json!("lost card")),
                ("is_frozen".into(), json!(false), json!(true))
            ]
        );
    }

    #[test]
    fn without_rows_the_fields_are_told_as_they_are() {
        let told = told(&mut Rows::default(), json!({"a": 1}), &[]);
        assert_eq!(told, [("a".into(), Value::Null, json!(1))]);
    }
}
