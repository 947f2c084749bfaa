//! What was there of SAMIA TAROT before the log was.

use std::{collections::BTreeMap, sync::Arc};

use annals_domain::text;
use serde_json::{Map, Value, json};

use super::{tarot_card, user, wallet};
use crate::import::{Importing, Row, Taking, by_id};

/// The tenant is the user.
pub static IMPORTING: Importing = Importing { tenant: "user", prepare, takes, mend };

fn prepare(rows: &mut [Row]) {
    let counts: BTreeMap<String, Value> = by_id(rows, "tarot_spreads")
        .into_iter()
        .filter_map(|(id, row)| Some((id.to_owned(), row.columns.get("card_count")?.clone())))
        .collect();
    for row in rows {
        let whose = ["user_id", "client_id", "initiator_id"].iter().find_map(|it| row.text(it));
        row.tenant = whose.map_or_else(|| Arc::clone(&row.id), Arc::from);
        if row.of.table == "reading_sessions" {
            let count = row.text("spread_id").and_then(|id| counts.get(id)).cloned();
            row.columns.insert("card_count".into(), count.unwrap_or_else(|| 0.into()));
        }
    }
}

fn takes(row: &Row) -> Vec<Taking> {
    match row.of.table {
        "users" => {
            let mut taking = Vec::new();
            if let Some(email) = row.text("email") {
                taking.push(Taking::needed(user::EMAIL, text::normal_email(email)));
            }
            if row.text("role") == Some("super_admin") {
                let first = Taking::needed(user::FIRST_SUPER_ADMIN, "super_admin");
                taking.push(Taking { needed: false, ..first });
            }
            taking
        }
        "tarot_cards" => row
            .text("card_key")
            .map(|key| Taking::needed(tarot_card::KEY, key))
            .into_iter()
            .collect(),
        "transactions" => {
            let (provider, id) = (row.columns.get("gateway_provider"), row.text("id"));
            let provider = provider.and_then(|it| serde_json::from_value(it.clone()).ok());
            match (provider, row.text("gateway_transaction_id"), id) {
                (Some(provider), Some(gateway_id), Some(id)) => {
                    let taking = Taking::needed(wallet::GATEWAY, wallet::key(provider, gateway_id));
                    vec![Taking { owner: Some(id.to_owned()), ..taking }]
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Passwords stay with the identity provider (F012).
fn mend(table: &str, columns: &mut Map<String, Value>) -> Option<&'static str> {
    if table != "users" || columns.get("password_hash").is_none_or(|it| *it == json!("!")) {
        return None;
    }
    columns.insert("password_hash".into(), json!("!"));
    Some("password hashes are left behind: credentials live with the identity provider")
}
