//! What was there of The Lift before the log was.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{access::PLATFORM, invitation, member::FIRST_ACCOUNT};
use crate::import::{Importing, Row, Taking};

/// The tenant is the organisation, which counts its children, staff and invitations.
pub static IMPORTING: Importing = Importing { tenant: "organisation", prepare, takes, mend };

/// What an organisation counts over the rows of others.
#[derive(Default)]
struct Counted {
    children: i64,
    last_display_id: i64,
    staff: i64,
    pending_invitations: i64,
}

fn prepare(rows: &mut [Row]) {
    let mut homes: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    let mut counts: BTreeMap<Arc<str>, Counted> = BTreeMap::new();
    for row in &*rows {
        let Some(org_id) = row.text("org_id") else { continue };
        let org_id: Arc<str> = Arc::from(org_id);
        if row.of.table == "children" {
            homes.insert(Arc::clone(&row.id), Arc::clone(&org_id));
        }
        counts.entry(org_id).or_default().add(row);
    }
    for row in rows {
        let own = || row.text("org_id").map(Arc::from);
        let childs = || homes.get(row.text("child_id")?).cloned();
        row.tenant = match row.of.table {
            "organisations" => Arc::clone(&row.id),
            _ => own().or_else(childs).unwrap_or_else(|| Arc::from(PLATFORM)),
        };
        if row.of.table == "organisations" {
            counts.remove(&row.id).unwrap_or_default().put(&mut row.columns);
        }
    }
}

impl Counted {
    fn add(&mut self, row: &Row) {
        let lasts = !row.has("deleted_at");
        match row.of.table {
            "children" => {
                self.children += i64::from(lasts);
                let number = row.columns.get("display_id").and_then(Value::as_i64);
                self.last_display_id = self.last_display_id.max(number.unwrap_or_default());
            }
            "profiles" => {
                let staff = matches!(row.text("role"), Some("Practitioner" | "GroupContact"));
                let active = row.text("status") == Some("active");
                self.staff += i64::from(staff && active && lasts);
            }
            "invitations" => {
                self.pending_invitations += i64::from(row.text("status") == Some("pending"));
            }
            _ => {}
        }
    }

    fn put(&self, columns: &mut Map<String, Value>) {
        columns.insert("children".into(), self.children.into());
        columns.insert("last_display_id".into(), self.last_display_id.into());
        columns.insert("staff".into(), self.staff.into());
        columns.insert("pending_invitations".into(), self.pending_invitations.into());
    }
}

fn takes(row: &Row) -> Vec<Taking> {
    match row.of.table {
        "profiles" if row.text("role") == Some("Account") => {
            let first = Taking::needed(FIRST_ACCOUNT, "account");
            vec![Taking { needed: false, ..first }]
        }
        "invitations" => {
            let mut taking = Vec::new();
            if let Some(token) = row.text("invitation_token") {
                taking.push(Taking::needed(invitation::TOKEN, token));
            }
            if let (Some("pending"), Some(org_id), Some(email)) =
                (row.text("status"), row.text("org_id"), row.text("email"))
                && let Ok(org_id) = org_id.parse()
            {
                let address = invitation::address(org_id, email);
                taking.push(Taking::needed(invitation::ADDRESS, address));
            }
            taking
        }
        _ => Vec::new(),
    }
}

/// A token in the open is kept as its hash alone (F013).
fn mend(table: &str, columns: &mut Map<String, Value>) -> Option<&'static str> {
    let token = columns.get_mut("invitation_token").filter(|_| table == "invitations")?;
    let open = token.as_str().filter(|text| !is_hash(text))?;
    *token = invitation::hash(open).into();
    Some("invitation tokens are kept as their SHA-256 only")
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}
