//! Who reads which rows: row level security against the contract's predicates, written out by hand.

mod carenotes;
mod claims;
mod lift;
mod nestsync;
mod restorative;
mod samia;
mod strangers;

use std::collections::BTreeSet;

use annals_tests::{Reader, World};
use serde_json::Value;
use uuid::Uuid;

/// A table or view, and who reads which of its rows; `$me` is the reader.
struct Readable {
    name: &'static str,
    /// Where its rows come from, where the view itself shows a superuser none.
    source: &'static str,
    key: &'static str,
    predicate: String,
}

fn readable(name: &'static str, predicate: impl Into<String>) -> Readable {
    Readable { name, source: name, key: "id", predicate: predicate.into() }
}

fn keys(rows: Vec<Value>) -> BTreeSet<String> {
    rows.iter().map(|row| row["key"].to_string()).collect()
}

/// Every person sees exactly the rows that the predicate picks for it; and over all of them each table
/// shows some rows to somebody, and hides some from somebody.
async fn matches(world: &World, tables: &[Readable], people: &[(&str, Uuid)]) {
    for table in tables {
        let select = format!("SELECT {}::text AS key FROM {}", table.key, table.name);
        let source = format!("SELECT {}::text AS key FROM {}", table.key, table.source);
        let all = keys(world.rows(&source).await);
        let (mut shown, mut hidden) = (0, 0);
        for (who, person) in people {
            let predicate = table.predicate.replace("$me", &format!("'{person}'::uuid"));
            let expected = keys(world.rows(&format!("{source} WHERE {predicate}")).await);
            let seen = world.rows_for(Reader::Person(*person), &select).await;
            let seen = keys(seen.unwrap_or_else(|code| panic!("{who}, {}: {code}", table.name)));
            assert_eq!(seen, expected, "{who} reads {}", table.name);
            shown += seen.len();
            hidden += all.len() - seen.len();
        }
        assert!(shown > 0 && hidden > 0, "{}: {shown} shown, {hidden} hidden", table.name);
    }
}
