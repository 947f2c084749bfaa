//! The stories of the five contexts: every command, every rule, every right, every row.

mod broken;
mod extremes;
mod reads;
mod rights;
mod told;

use annals_tests::stories::Teller;
use serde_json::Value;

/// Lines of a file of the contract.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the contract's predicates ask of an actor, told from the rows.
async fn oracle(teller: &Teller) {
    let sql = include_str!("../../../contract/oracle.sql");
    sqlx::raw_sql(sql).execute(teller.world.pool()).await.unwrap();
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
