//! Who reads which rows, after each story: every table and view of the catalogue, every person of the story,
//! both tenants. Row security is held against the contract's own predicates, told by the oracle.

use std::collections::BTreeSet;

use annals_projections::{Catalogue, Writer};
use annals_tests::{
    Reader,
    stories::{self, Teller},
};
use uuid::Uuid;

use super::{lines, literal, oracle};

/// What a context has to read: name, where its rows come from, what tells them apart.
struct Readable {
    name: String,
    source: String,
    key: String,
}

/// Every table and view of a context that some reader may ask.
async fn readables(teller: &Teller, context: &str) -> Vec<Readable> {
    let catalogue = Catalogue::new();
    let of = catalogue.context(context).unwrap();
    let mut found = Vec::new();
    for table in of.tables.iter().filter(|table| table.writer == Writer::Projector) {
        let name = format!("{}.{}", table.schema, table.name);
        let key = table.key.iter().map(|it| format!("\"{it}\"::text"));
        let key = key.collect::<Vec<_>>().join(" || ':' || ");
        found.push(Readable { source: name.clone(), name, key });
    }
    for (view, _) in of.views {
        let name = format!("{context}.{view}");
        let granted =
            format!("SELECT has_table_privilege('authenticated', '{name}', 'SELECT')::int::bigint");
        if teller.world.number(&granted).await == 0 {
            continue;
        }
        let first = format!(
            "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum = 1"
        );
        let key = teller.world.row(&first).await["name"].as_str().unwrap().to_owned() + "::text";
        // A barrier shows a superuser, who is nobody, no row.
        let source = if name == "lift.children_safeguarding" { "lift.children" } else { &name };
        found.push(Readable { source: source.to_owned(), name, key });
    }
    found
}

async fn keys(teller: &Teller, reader: Option<Reader>, sql: &str) -> BTreeSet<String> {
    let rows = match reader {
        Some(reader) => {
            teller.world.rows_for(reader, sql).await.unwrap_or_else(|why| panic!("{sql}: {why}"))
        }
        None => teller.world.rows(sql).await,
    };
    rows.iter().map(|row| row["key"].to_string()).collect()
}

/// Holds every cell of a context against the contract, and gives how many there are.
async fn cells(teller: &Teller, context: &str) -> (usize, usize) {
    let policies = lines(include_str!("../../../contract/reads.jsonl"));
    let people: Vec<Uuid> =
        teller.people().iter().map(|who| teller.id(who)).chain([Uuid::from_u128(0x5c)]).collect();
    let (mut cells, mut rows) = (0, 0);
    for Readable { name, source, key } in readables(teller, context).await {
        let predicates: Vec<&str> = policies
            .iter()
            .filter(|policy| policy["table"] == *name)
            .map(|policy| policy["sql"].as_str().unwrap())
            .collect();
        assert!(!predicates.is_empty(), "the contract lets nobody read {name}");
        let predicate = format!("(({}))", predicates.join(") OR ("));
        let all = keys(teller, None, &format!("SELECT {key} AS key FROM {source}")).await;
        assert!(!all.is_empty(), "{name} has no row: the story is to have one");
        let (mut shown, mut hidden) = (0, 0);
        for person in &people {
            let told = predicate.replace("$me", &format!("{}::uuid", literal(&person.to_string())));
            let expected =
                keys(teller, None, &format!("SELECT {key} AS key FROM {source} WHERE {told}"))
                    .await;
            let select = format!("SELECT {key} AS key FROM {name}");
            let seen = keys(teller, Some(Reader::Person(*person)), &select).await;
            assert_eq!(seen, expected, "{person} reads {name}");
            shown += seen.len();
            hidden += all.len() - seen.len();
            cells += 1;
            rows += all.len();
        }
        assert!(shown > 0, "nobody reads {name}");
        let public = ["samia.tarot_cards"].contains(&name.as_str());
        assert!(public || hidden > 0, "everybody reads {name}");
    }
    (cells, rows)
}

async fn holds(context: &'static str) {
    let mut teller = Teller::begin(context).await;
    oracle(&teller).await;
    let mut all = (0, 0);
    for chapter in [stories::demo(context), stories::more(context)] {
        let otherwise = teller.tell_all(chapter).await;
        assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
        let (cells, rows) = cells(&teller, context).await;
        all = (all.0 + cells, all.1 + rows);
    }
    println!("{context}: {} cells of readers and tables, {} of readers and rows", all.0, all.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_of_restorative_records_what_the_contract_says() {
    holds("restorative").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_of_the_lift_what_the_contract_says() {
    holds("lift").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_of_write_care_notes_what_the_contract_says() {
    holds("carenotes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_of_samia_tarot_what_the_contract_says() {
    holds("samia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_of_nestsync_what_the_contract_says() {
    holds("nestsync").await;
}
