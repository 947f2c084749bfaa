//! What was there of Write Care Notes before the log was.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use annals_domain::text;
use serde_json::{Map, Value};

use super::staff_member::{EMAIL, FIRST};
use crate::import::{Importing, Row, Taking};

/// The tenant is the organization.
pub static IMPORTING: Importing = Importing { tenant: "organization", prepare, takes, mend };

fn prepare(rows: &mut [Row]) {
    let of = |table: &str, column: &str| -> HashMap<Arc<str>, Arc<str>> {
        let rows = rows.iter().filter(|row| row.of.table == table);
        rows.filter_map(|row| Some((Arc::clone(&row.id), Arc::from(row.text(column)?)))).collect()
    };
    let (homes, runs) = (of("residents", "facility_id"), of("facilities", "organization_id"));
    let mut in_care: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.of.table == "residents") {
        if let (Some("admitted"), Some(facility)) = (row.text("status"), row.text("facility_id")) {
            *in_care.entry(Arc::from(facility)).or_default() += 1;
        }
    }
    for row in rows {
        let named = row.text("organization_id").map(Arc::from);
        let own = row.text("facility_id").map(Arc::from);
        let home = || row.text("resident_id").and_then(|it| homes.get(it).cloned());
        let facility = own.or_else(home).and_then(|it: Arc<str>| runs.get(&it).cloned());
        row.tenant = named.or(facility).unwrap_or_else(|| Arc::clone(&row.id));
        if row.of.table == "facilities" {
            let count = in_care.get(&row.id).copied().unwrap_or_default();
            row.columns.insert("residents_in_care".into(), count.into());
        }
    }
}

fn takes(row: &Row) -> Vec<Taking> {
    if row.of.table != "users" {
        return Vec::new();
    }
    let email = row.text("email").map(text::normal_email);
    let mut taking: Vec<Taking> = email.map(|it| Taking::needed(EMAIL, it)).into_iter().collect();
    if let (Some("admin"), Some(organization)) = (row.text("role"), row.text("organization_id")) {
        taking.push(Taking { needed: false, ..Taking::needed(FIRST, organization) });
    }
    taking
}

/// Passwords stay with the identity provider (F012).
fn mend(table: &str, columns: &mut Map<String, Value>) -> Option<&'static str> {
    if table != "users" || columns.get("password_hash").is_none_or(Value::is_null) {
        return None;
    }
    columns.insert("password_hash".into(), Value::Null);
    Some("password hashes are left behind: credentials live with the identity provider")
}
