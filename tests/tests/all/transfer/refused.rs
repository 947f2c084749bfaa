//! What does not fit is told by line, table and column, without its value; nothing of it is stored.

use annals_infra::transfer::TransferError;
use annals_tests::{
    World, busy,
    restorative::{RUTH, record},
    transfer::{exported, imported, tried},
};
use serde_json::{Value, json};

/// An export with one of its rows changed: the first of a table.
fn changed(lines: &str, table: &str, change: impl Fn(&mut Value)) -> (usize, String) {
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    let of_table = format!("\"table\":\"{table}\"");
    let nth = lines.iter().position(|line| line.contains(&of_table)).unwrap();
    let mut line: Value = serde_json::from_str(&lines[nth]).unwrap();
    change(&mut line);
    lines[nth] = line.to_string();
    (nth + 1, lines.join("\n") + "\n")
}

fn told(error: TransferError) -> Vec<String> {
    match error {
        TransferError::Wrong(wrong) => wrong.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// What is done to a line, so that it does not fit.
type Spoil = Box<dyn Fn(&mut Value)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_mistake_is_told_by_its_line() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let lines = exported(&old, "lift", busy.school.id).await;
    let new = World::start().await;
    let before = new.events().await;
    let set = |column: &'static str, value: Value| {
        move |line: &mut Value| {
            line["row"][column] = value.clone();
        }
    };
    let secret = "9d2f-secret";
    let nobody = json!("00000000-0000-4000-8000-00000000dead");
    let cases: Vec<(&str, Spoil, &str)> = vec![
        ("children", Box::new(set("date_of_birth", json!(secret))), "date_of_birth is no date"),
        ("children", Box::new(set("first_name", Value::Null)), "first_name has no value"),
        (
            "alerts",
            Box::new(set("severity", json!(secret))),
            "the rule alerts_severity_check stands",
        ),
        (
            "alerts",
            Box::new(set("child_id", nobody.clone())),
            "child_id names a row of children that is",
        ),
        ("profiles", Box::new(set("firstname", json!(secret))), "there is no column \"firstname\""),
        ("alerts", Box::new(|line| line["table"] = json!("alert")), "did you mean alerts?"),
        (
            "children",
            Box::new(set("first_name", json!("a\u{0}b"))),
            "first_name holds the character U+0000",
        ),
    ];
    for (table, change, expected) in cases {
        let (line, lines) = changed(&lines, table, change);
        let said = told(imported(&new, &lines).await.unwrap_err());
        let place = format!("line {line}: ");
        assert!(
            said.iter().any(|it| it.starts_with(&place) && it.contains(expected)),
            "{expected}: {said:?}"
        );
        assert!(said.iter().all(|it| !it.contains(secret)), "{said:?}");
    }
    let twice: String = lines
        .lines()
        .flat_map(|line| {
            let again = line.contains("\"table\":\"children\"");
            std::iter::repeat_n(line, if again { 2 } else { 1 })
        })
        .map(|line| line.replace("\"rows\":15}", "\"rows\":16}") + "\n")
        .collect();
    let said = told(imported(&new, &twice).await.unwrap_err());
    assert!(said.iter().any(|it| it.contains("another line has the same key")), "{said:?}");
    let cut: String = lines.lines().take(4).map(|line| format!("{line}\n")).collect();
    let said = told(imported(&new, &cut).await.unwrap_err());
    assert!(said.iter().any(|it| it.contains("it was cut off")), "{said:?}");
    assert_eq!(new.events().await, before, "nothing was stored");
    assert_eq!(new.number("SELECT count(*) FROM annals.commands").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_and_stores_nothing() {
    let old = World::start().await;
    record(&old, RUTH).await;
    old.shown("restorative").await;
    let lines = exported(&old, "restorative", RUTH).await;
    let new = World::start().await;
    tried(&new, &lines).await.unwrap();
    assert_eq!(new.events().await, 0);
    imported(&new, &lines).await.unwrap();
    assert!(new.events().await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_already_is_refused_and_so_is_a_value_that_another_has() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let before = old.events().await;
    let lines = exported(&old, "nestsync", busy.nest.id).await;
    let said = told(imported(&old, &lines).await.unwrap_err());
    assert!(said.iter().all(|it| it.contains("already")), "{said:?}");
    assert_eq!(old.events().await, before);

    let new = World::start().await;
    let other = uuid::Uuid::from_u128(0x5c);
    new.knows(other).await;
    let address = annals_tests::token::address(annals_tests::nestsync::NORA);
    let data = json!({"email": address, "display_name": "Another Nora"});
    new.as_person(other).send("nestsync.cmd.register_user", (), data).await.ok();
    let before = new.events().await;
    let said = told(imported(&new, &lines).await.unwrap_err());
    assert!(said.iter().any(|it| it.contains("line ")), "{said:?}");
    assert!(said.iter().all(|it| !it.contains(&address)), "{said:?}");
    assert_eq!(new.events().await, before);
}
