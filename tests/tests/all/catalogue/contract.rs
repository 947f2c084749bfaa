//! The contract, id by id: what it documents of tables, keys, checks, indexes, views, commands and events is held
//! against Postgres and the catalogue, and every other promise names the test that holds it.
//!
//! `tests/contract/<context>.jsonl` lists every id with its facts; `promises.tsv` names the tests. A promise that is
//! kept otherwise, or not at all, stands in `DEVIATIONS.tsv` with its reason.

use std::collections::{BTreeMap, BTreeSet};

use annals_commands::Catalogue;
use annals_tests::{World, stories};
use serde_json::{Value, json};

const CONTRACT: [(&str, &str); 6] = [
    ("shared", include_str!("../../../contract/shared.jsonl")),
    ("restorative", include_str!("../../../contract/restorative.jsonl")),
    ("lift", include_str!("../../../contract/lift.jsonl")),
    ("carenotes", include_str!("../../../contract/carenotes.jsonl")),
    ("samia", include_str!("../../../contract/samia.jsonl")),
    ("nestsync", include_str!("../../../contract/nestsync.jsonl")),
];
/// Id and the test that holds it, as `path::of::the_test`.
const PROMISES: &str = include_str!("../../../contract/promises.tsv");
/// Id and why it is kept otherwise.
const DEVIATIONS: &str = include_str!("../../../contract/deviations.tsv");

fn items(kind: &str) -> Vec<Value> {
    let lines = CONTRACT.iter().flat_map(|(_, text)| text.lines());
    let all = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|item| item["kind"] == kind).collect()
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_else(|| panic!("{item}: {name}"))
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

/// Without what Postgres adds when it prints an expression.
fn plain(expression: &str) -> String {
    let mut text = expression.replace(['(', ')', ' ', '"'], "").to_lowercase();
    for cast in [
        "::text[]",
        "::text",
        "::jsonb",
        "::charactervarying",
        "::regconfig",
        "::numeric",
        "::inet",
        "::bpchar",
        "::uuid[]",
        "::integer",
        "[]",
    ] {
        text = text.replace(cast, "");
    }
    let text = text.replace("::interval", "").replace("interval'", "'").replace("=anyarray", "in");
    text.replace(['[', ']'], "").replace("true=true", "true").replace("=true", "")
}

fn deviations() -> BTreeMap<&'static str, &'static str> {
    let rows = DEVIATIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|line| line.split_once('\t').unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Holds each item of a kind against what is found under its id, and says all that differs.
fn hold(kind: &str, found: &BTreeMap<String, Value>, expected: impl Fn(&Value) -> Value) {
    let (items, spared) = (items(kind), deviations());
    assert!(!items.is_empty(), "{kind}");
    let mut wrong = Vec::new();
    for item in &items {
        let id = text(item, "id");
        let expected = expected(item);
        let found = found.get(id).unwrap_or(&Value::Null);
        if *found != expected && !spared.contains_key(id) {
            wrong.push(format!("{id}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), items.len(), wrong.join("\n"));
    println!("{kind}: {}", items.len());
}

async fn by_id(world: &World, sql: &str) -> BTreeMap<String, Value> {
    let rows = world.rows(sql).await;
    rows.into_iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_column_is_as_documented_and_no_table_has_another() {
    let world = World::asleep().await;
    let sql = "SELECT format('%s.%s.%s', own.nspname, relation.relname, attribute.attname) AS id,
                      format_type(attribute.atttypid, attribute.atttypmod) AS type,
                      NOT attribute.attnotnull AS nullable,
                      pg_get_expr(made.adbin, made.adrelid) AS made
               FROM pg_attribute AS attribute
               JOIN pg_class AS relation ON relation.oid = attribute.attrelid AND NOT relation.relispartition
               JOIN pg_namespace AS own ON own.oid = relation.relnamespace
               LEFT JOIN pg_attrdef AS made ON made.adrelid = attribute.attrelid AND made.adnum = attribute.attnum
               WHERE attribute.attnum > 0 AND NOT attribute.attisdropped AND relation.relkind IN ('r', 'p')
                 AND own.nspname IN ('restorative', 'lift', 'carenotes', 'samia', 'nestsync')";
    let stored = by_id(&world, sql).await;
    let documented: BTreeSet<String> =
        items("column").iter().map(|it| text(it, "id").to_owned()).collect();
    let more: Vec<&String> = stored.keys().filter(|id| !documented.contains(*id)).collect();
    assert!(more.is_empty(), "columns that no document has: {more:?}");
    let made = |value: &Value| value.as_str().map_or(Value::Null, |text| json!(plain(text)));
    let found = stored
        .into_iter()
        .map(|(id, row)| (id, json!([row["type"], row["nullable"], made(&row["made"])])))
        .collect();
    hold("column", &found, |item| json!([item["type"], item["nullable"], made(&item["default"])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_key_and_reference_is_there() {
    let world = World::asleep().await;
    let sql = "SELECT con.oid::text AS id, format('%s.%s', own.nspname, relation.relname) AS table_name,
                      con.contype::text AS kind,
                      (SELECT json_agg(attname ORDER BY nth) FROM unnest(con.conkey) WITH ORDINALITY AS key (num, nth)
                       JOIN pg_attribute ON attrelid = con.conrelid AND attnum = num) AS columns,
                      (SELECT format('%s.%s(%s)', other.nspname, parent.relname,
                              (SELECT string_agg(attname, ', ' ORDER BY nth)
                               FROM unnest(con.confkey) WITH ORDINALITY AS key (num, nth)
                               JOIN pg_attribute ON attrelid = con.confrelid AND attnum = num))
                       FROM pg_class AS parent JOIN pg_namespace AS other ON other.oid = parent.relnamespace
                       WHERE parent.oid = con.confrelid) AS refers,
                      CASE con.confdeltype WHEN 'a' THEN 'no action' WHEN 'c' THEN 'cascade'
                           WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict' END AS on_delete
               FROM pg_constraint AS con JOIN pg_class AS relation ON relation.oid = con.conrelid
               JOIN pg_namespace AS own ON own.oid = relation.relnamespace
               WHERE NOT relation.relispartition AND con.contype IN ('p', 'u', 'f')";
    let rows = world.rows(sql).await;
    for (kind, letter) in [("primary_key", "p"), ("unique", "u"), ("foreign_key", "f")] {
        let found = items(kind)
            .iter()
            .map(|item| {
                let same = |row: &&Value| {
                    row["kind"] == letter
                        && row["table_name"] == item["table"]
                        && row["columns"] == item["columns"]
                };
                let rows: Vec<&Value> = rows.iter().filter(same).collect();
                let count = rows.len();
                let row = rows.first().copied().unwrap_or(&Value::Null);
                (text(item, "id").to_owned(), json!([count, row["refers"], row["on_delete"]]))
            })
            .collect();
        hold(kind, &found, |item| {
            let on_delete =
                if kind == "foreign_key" { item["on_delete"].clone() } else { json!(null) };
            let on_delete = if kind == "foreign_key" {
                on_delete
            } else {
                json!(if letter == "f" { "" } else { " " })
            };
            let refers =
                if kind == "foreign_key" { item["references"].clone() } else { Value::Null };
            json!([1, refers, if kind == "foreign_key" { on_delete } else { Value::Null }])
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_index_has_its_method_keys_and_predicate() {
    let world = World::asleep().await;
    let sql = "SELECT format('%s.%s', own.nspname, index.relname) AS id, method.amname AS method,
                      (SELECT json_agg(pg_get_indexdef(index.oid, nth::int, true)
                              || CASE WHEN (about.indoption[nth - 1] & 1) = 1 THEN ' DESC' ELSE '' END ORDER BY nth)
                       FROM generate_series(1, about.indnkeyatts) AS nth) AS keys,
                      pg_get_expr(about.indpred, about.indrelid) AS predicate, about.indisunique AS is_unique,
                      format('%s.%s', own.nspname, relation.relname) AS table_name
               FROM pg_index AS about JOIN pg_class AS index ON index.oid = about.indexrelid
               JOIN pg_class AS relation ON relation.oid = about.indrelid
               JOIN pg_am AS method ON method.oid = index.relam
               JOIN pg_namespace AS own ON own.oid = index.relnamespace WHERE NOT index.relispartition";
    let stored = by_id(&world, sql).await;
    let told = |method: &Value, keys: &Value, predicate: &Value, unique: bool| {
        let keys: Vec<String> = list(keys).iter().map(|key| plain(key)).collect();
        json!([method, keys, predicate.as_str().map(plain), unique])
    };
    let found = items("index")
        .iter()
        .map(|item| {
            let named = stored.get(text(item, "id"));
            // A constraint's own index serves as well.
            let serving = || {
                stored.values().find(|row| {
                    item["constraint"] == true
                        && row["table_name"] == item["table"]
                        && row["keys"] == item["keys"]
                        && row["predicate"].is_null()
                })
            };
            let row = named.or_else(serving).unwrap_or(&Value::Null);
            let unique = row["is_unique"] == true && item["constraint"] != true;
            (
                text(item, "id").to_owned(),
                told(&row["method"], &row["keys"], &row["predicate"], unique),
            )
        })
        .collect();
    hold("index", &found, |item| {
        told(&item["method"], &item["keys"], &item["where"], item["unique"] == true)
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_check_takes_and_refuses_what_it_should() {
    let world = World::asleep().await;
    let mut found = BTreeMap::new();
    for item in items("check") {
        let (id, table) = (text(&item, "id"), text(&item, "table"));
        let mut transaction = world.pool().begin().await.unwrap();
        let copy = format!(
            "CREATE TEMPORARY TABLE copy (LIKE {table} INCLUDING CONSTRAINTS) ON COMMIT DROP"
        );
        sqlx::query(&copy).execute(&mut *transaction).await.unwrap();
        let free = "SELECT coalesce(string_agg(format('ALTER TABLE copy ALTER %I DROP NOT NULL', attname), ';'), '')
                    FROM pg_attribute WHERE attrelid = 'copy'::regclass AND attnum > 0 AND attnotnull";
        let free: String = sqlx::query_scalar(free).fetch_one(&mut *transaction).await.unwrap();
        sqlx::raw_sql(&free).execute(&mut *transaction).await.unwrap();
        let mut outcome = Vec::new();
        for (samples, fits) in [("accepts", true), ("rejects", false)] {
            for sample in item[samples].as_array().unwrap() {
                sqlx::query("SAVEPOINT before").execute(&mut *transaction).await.unwrap();
                let put = "INSERT INTO copy SELECT * FROM jsonb_populate_record(NULL::copy, $1::text::jsonb)";
                let done =
                    sqlx::query(put).bind(sample.to_string()).execute(&mut *transaction).await;
                let refused = done.err().map(|why| {
                    why.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned())
                });
                sqlx::query("ROLLBACK TO before").execute(&mut *transaction).await.unwrap();
                let right = match refused {
                    None => fits,
                    Some(code) => !fits && code.as_deref() == Some("23514"),
                };
                outcome.push((right, sample.clone()));
            }
        }
        let wrong: Vec<&Value> =
            outcome.iter().filter(|(right, _)| !right).map(|(_, sample)| sample).collect();
        found.insert(id.to_owned(), json!([outcome.is_empty(), wrong]));
    }
    hold("check", &found, |_| json!([false, []]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_view_has_its_columns_in_order_and_its_security() {
    let world = World::asleep().await;
    let sql = "SELECT format('%s.%s', own.nspname, relation.relname) AS id,
                      (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum)
                       FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0) AS columns,
                      CASE WHEN 'security_invoker=true' = ANY (relation.reloptions) THEN 'invoker'
                           WHEN 'security_barrier=true' = ANY (relation.reloptions) THEN 'barrier'
                           ELSE 'owner' END AS security
               FROM pg_class AS relation JOIN pg_namespace AS own ON own.oid = relation.relnamespace
               WHERE relation.relkind = 'v'";
    let found: BTreeMap<String, Value> = by_id(&world, sql).await;
    let columns = found
        .iter()
        .flat_map(|(id, row)| {
            row["columns"].as_array().cloned().unwrap().into_iter().map(move |it| (id.clone(), it))
        })
        .map(|(id, column)| (format!("{id}.{}", column[0].as_str().unwrap()), json!(true)))
        .collect();
    hold("view_column", &columns, |_| json!(true));
    let found =
        found.into_iter().map(|(id, row)| (id, json!([row["columns"], row["security"]]))).collect();
    hold("view", &found, |item| json!([item["columns"], item["security"]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_documented_thing_of_the_schemas_is_there() {
    let world = World::asleep().await;
    let rows = by_id(
        &world,
        "SELECT format('%s.%s', own.nspname, relation.relname) AS id,
                relation.relrowsecurity AND relation.relforcerowsecurity AS secure,
                relation.relkind = 'p' AS parted, pg_get_expr(relation.relpartbound, relation.oid) AS bound,
                relation.reloptions AS options
         FROM pg_class AS relation JOIN pg_namespace AS own ON own.oid = relation.relnamespace
         WHERE relation.relkind IN ('r', 'p')",
    )
    .await;
    let of = |kind: &str, told: &dyn Fn(&Value) -> Value| {
        items(kind)
            .iter()
            .map(|item| (text(item, "id").to_owned(), told(item)))
            .collect::<BTreeMap<_, _>>()
    };
    let table = |item: &Value, name: &str| rows.get(text(item, name)).cloned().unwrap_or_default();
    hold("table", &of("table", &|item| json!(rows.contains_key(text(item, "table")))), |_| {
        json!(true)
    });
    hold("rls", &of("rls", &|item| table(item, "table")["secure"].clone()), |_| json!(true));
    hold(
        "partitioning",
        &of("partitioning", &|item| table(item, "table")["parted"].clone()),
        |_| json!(true),
    );
    hold("partition", &of("partition", &|item| table(item, "name")["bound"].clone()), |item| {
        json!(format!("FOR VALUES FROM ('{}') TO ('{}')", text(item, "from"), text(item, "to")))
    });
    let option = |item: &Value| format!("{}={}", text(item, "option"), text(item, "value"));
    let stored = |item: &Value| {
        // A partitioned table cannot carry them: each of its months does.
        let months =
            rows.iter().filter(|(name, _)| name.starts_with(&format!("{}_y", text(item, "table"))));
        let mut months =
            months.map(|(_, row)| list(&row["options"]).contains(&option(item))).peekable();
        json!(months.peek().is_some() && months.all(|it| it))
    };
    hold("storage", &of("storage", &stored), |_| json!(true));
    let functions = by_id(
        &world,
        "SELECT DISTINCT format('%s.function.%s', own.nspname, proname) AS id FROM pg_proc
         JOIN pg_namespace AS own ON own.oid = pronamespace",
    )
    .await;
    let known = |item: &Value| json!(functions.contains_key(text(item, "id")));
    hold("function", &of("function", &known), |item| json!(item["superseded"] != true));
    let user_triggers = world
        .number(
            "SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
             JOIN pg_namespace AS own ON own.oid = relnamespace WHERE NOT tgisinternal
             AND own.nspname IN ('restorative', 'lift', 'carenotes', 'samia', 'nestsync')",
        )
        .await;
    hold("trigger", &of("trigger", &|_| json!(user_triggers)), |_| json!(0));
    let withheld = world
        .rows(
            "SELECT format('%s.%s.withheld', attrelid::regclass, attname) AS id FROM pg_attribute
         WHERE attnum > 0 AND attrelid = 'lift.children'::regclass
           AND NOT has_column_privilege('authenticated', attrelid, attnum, 'SELECT')",
        )
        .await;
    let withheld: BTreeSet<&str> = withheld.iter().filter_map(|row| row["id"].as_str()).collect();
    hold("withheld", &of("withheld", &|item| json!(withheld.contains(text(item, "id")))), |_| {
        json!(true)
    });
    let missing = "SELECT available.name AS id, installed_version IS NOT NULL AS there
                   FROM pg_available_extensions AS available";
    let extensions = by_id(&world, missing).await;
    let extension = |item: &Value| {
        let offered = extensions.get(text(item, "name"));
        json!(offered.is_none_or(|row| row["there"] == true || item["only_if_preloaded"] == true))
    };
    hold("extension", &of("extension", &extension), |_| json!(true));
}

#[test]
fn every_documented_command_event_and_aggregate_is_in_the_catalogue() {
    let catalogue = Catalogue::new();
    let mut found = BTreeMap::new();
    for aggregate in catalogue.aggregates() {
        for event in aggregate.events {
            found.insert(format!("{}.event.{}", aggregate.context(), event.name), json!(true));
        }
        let name: String = aggregate
            .short_name()
            .split('_')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect();
        found.insert(format!("{}.aggregate.{name}", aggregate.context()), json!(true));
    }
    for context in catalogue.contexts() {
        for command in &context.commands {
            found.insert(format!("{}.command.{}", context.name, command.documented), json!(true));
        }
    }
    for kind in ["aggregate", "command", "event"] {
        hold(kind, &found, |_| json!(true));
    }
    // What no document has is an imported row, or shared.
    let documented: BTreeSet<String> = ["command", "event"]
        .into_iter()
        .flat_map(items)
        .map(|it| text(&it, "id").to_owned())
        .collect();
    let more: Vec<&String> = found
        .keys()
        .filter(|id| !id.contains(".aggregate.") && !documented.contains(*id))
        .filter(|id| !id.ends_with("Imported") && !deviations().contains_key(id.as_str()))
        .collect();
    assert!(more.is_empty(), "in no document: {more:?}");
}

/// Every test of the workspace, by its file and name.
fn tests() -> BTreeSet<String> {
    fn walk(folder: &std::path::Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = text.lines().map(str::trim).collect();
                for pair in lines.windows(2) {
                    let marked = pair[0] == "#[test]" || pair[0].starts_with("#[tokio::test");
                    let name = pair[1].trim_start_matches("async ").strip_prefix("fn ");
                    if let (true, Some(name)) = (marked, name.and_then(|it| it.split('(').next())) {
                        found.insert(name.to_owned());
                    }
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for part in
        ["domain/src", "commands/src", "projections/src", "infra/src", "tests/src", "tests/tests"]
    {
        walk(&std::path::Path::new(top).join(part), &mut found);
    }
    found
}

#[test]
fn every_promise_names_the_test_that_holds_it_or_why_it_is_kept_otherwise() {
    let (tests, spared) = (tests(), deviations());
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in PROMISES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (id, names) = line.split_once('\t').unwrap_or_else(|| panic!("{line}"));
        for test in names.split_whitespace() {
            assert!(tests.contains(test), "{id}: there is no test {test}");
            held.entry(id.to_owned()).or_default().push(test.to_owned());
        }
    }
    for (context, _) in CONTRACT.iter().filter(|(context, _)| *context != "shared") {
        for ask in stories::asks(context) {
            for id in ask.rule.iter().flat_map(|ids| ids.split_whitespace()) {
                held.entry(id.to_owned()).or_default().push("stories::told".to_owned());
            }
        }
    }
    let known: BTreeSet<String> = CONTRACT
        .iter()
        .flat_map(|(_, text)| text.lines())
        .map(|line| text_of(line, "id"))
        .collect();
    for id in held.keys().map(String::as_str).chain(spared.keys().copied()) {
        assert!(
            known.contains(id) || id.contains(".event.") || id.contains(".command."),
            "no such id: {id}"
        );
    }
    let mut missing = Vec::new();
    for kind in ["rule", "reaction", "operation", "promise"] {
        for item in items(kind) {
            let id = text(&item, "id").to_owned();
            if !held.contains_key(&id) && !spared.contains_key(id.as_str()) {
                missing.push(id);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} promises that no test names:\n{}",
        missing.len(),
        missing.join("\n")
    );
    println!("{} ids; {} deviations", known.len(), spared.len());
}

fn text_of(line: &str, name: &str) -> String {
    let item: Value = serde_json::from_str(line).unwrap();
    item[name].as_str().unwrap().to_owned()
}

#[test]
fn every_right_of_the_contract_is_in_the_matrices() {
    let of = |text: &'static str| -> BTreeSet<String> {
        text.lines().map(|line| text_of(line, "policy")).collect()
    };
    let reads = of(include_str!("../../../contract/reads.jsonl"));
    let rights = of(include_str!("../../../contract/rights.jsonl"));
    for (kind, told) in [("read", reads), ("command_right", rights)] {
        for item in items(kind) {
            let id = text(&item, "id");
            let other = deviations().contains_key(id) || id.starts_with("shared.");
            // No reader is granted anything on these two.
            let nobodys = [
                "carenotes.policy.schema_versions.select",
                "carenotes.policy.performance_metrics.select",
            ];
            assert!(told.contains(id) || other || nobodys.contains(&id), "{id}");
        }
    }
}
