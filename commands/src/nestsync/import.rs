//! What was there of NestSync before the log was.

use std::{collections::BTreeMap, sync::Arc};

use annals_domain::nestsync::{
    calendar::{day_in, zone},
    user::address,
};
use chrono::{DateTime, Utc};

use super::user::{EMAIL, FIRST_ADMIN};
use crate::import::{Importing, Row, Taking, as_it_is, by_id};

/// The tenant is the family; an account is its person's own.
pub static IMPORTING: Importing = Importing { tenant: "family", prepare, takes, mend: as_it_is };

fn prepare(rows: &mut [Row]) {
    let zones: BTreeMap<String, _> = by_id(rows, "families")
        .into_iter()
        .filter_map(|(id, row)| Some((id.to_owned(), zone(row.text("timezone")?)?)))
        .collect();
    for row in rows {
        let family = row.text("family_id").unwrap_or(&row.id);
        row.tenant = Arc::from(family);
        if row.of.table == "usage_logs" {
            // On which of the family's days it was used.
            let used_at = row.text("used_at").and_then(|at| at.parse::<DateTime<Utc>>().ok());
            if let (Some(zone), Some(at)) = (zones.get(&*row.tenant), used_at) {
                let day = day_in(*zone, at).to_string();
                row.columns.insert("used_on".into(), day.into());
            }
        }
    }
}

fn takes(row: &Row) -> Vec<Taking> {
    if row.of.table != "users" {
        return Vec::new();
    }
    let email = row.text("email").and_then(|email| address(email).ok());
    let mut taking: Vec<Taking> = email.map(|it| Taking::needed(EMAIL, it)).into_iter().collect();
    if row.columns.get("is_system_admin").is_some_and(|it| *it == true) {
        let first = Taking::needed(FIRST_ADMIN, "admin");
        taking.push(Taking { needed: false, ..first });
    }
    taking
}
