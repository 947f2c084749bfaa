//! Rows explained and compared on a real log.

use serde_json::{Value, json};

use super::{
    diff::{DiffArgs, diff},
    explain::{ExplainArgs, explain},
};
use crate::{
    cli::{Exit, Output},
    ops::{
        OpsError,
        replay::{self, ReplayArgs},
        testing::{NOBODY, World},
    },
};

const SCHOOL: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a11";

/// A school that was registered, renamed, and lost its address.
async fn renamed() -> World {
    let mut world = World::new().await;
    let registered = json!({
        "name": "Oakfield School", "type": "school-primary", "country": "UK", "city": "Leeds",
        "address_line_1": null, "address_line_2": null, "postcode": null, "email": null,
        "phone": null, "website": null, "settings": {}, "status": "active",
        "subscription_plan": "essential", "max_children": 50, "max_practitioners": 5,
    });
    world.happens("lift.organisation", SCHOOL, "OrganisationRegistered", registered).await;
    let other = world.organisation().await;
    let plan = json!({"subscription_plan": "professional"});
    let last = world.happens("lift.organisation", SCHOOL, "SubscriptionPlanChanged", plan).await;
    assert_eq!((other, last), (2, 3));
    let projecting = world.project("lift").await;
    world.projected("lift", last).await;
    projecting.stop().await;
    world
}

async fn explained(world: &World, args: ExplainArgs) -> Result<(String, Exit), OpsError> {
    let mut lines = Vec::new();
    let args = ExplainArgs { flags: world.flags(NOBODY), ..args };
    let exit = explain(&args, Output::plain(), |text| lines.push(text.to_owned())).await?;
    Ok((lines.join("\n"), exit))
}

async fn differs(world: &World, args: DiffArgs) -> String {
    let mut lines = Vec::new();
    let args = DiffArgs { flags: world.flags(NOBODY), ..args };
    diff(&args, Output::plain(), |text| lines.push(text.to_owned())).await.unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn a_row_is_explained_by_its_events_and_each_columns_last_change() {
    let world = renamed().await;
    let args = ExplainArgs {
        table: "lift.organisations".into(),
        key: vec![SCHOOL.into()],
        ..ExplainArgs::default()
    };
    let (text, exit) = explained(&world, args.clone()).await.unwrap();
    assert_eq!(exit, Exit::Done);
    for part in
        ["2 events", "made", "OrganisationRegistered", "SubscriptionPlanChanged", "professional"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let (text, _) = explained(&world, ExplainArgs { json: true, ..args.clone() }).await.unwrap();
    let it: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(it["columns"]["subscription_plan"]["position"], 3);
    assert_eq!(it["columns"]["status"]["position"], 1);
    let plan = json!({"column": "subscription_plan", "old": "essential", "new": "professional"});
    assert!(it["events"][1]["changes"].as_array().unwrap().contains(&plan), "{text}");
    assert_eq!(it["row"]["max_children"], 50);

    let (_, exit) =
        explained(&world, ExplainArgs { key: vec![SCHOOL.replace("11", "99")], ..args.clone() })
            .await
            .unwrap();
    assert_eq!(exit, Exit::Fault);
    let wrong = ExplainArgs { table: "lift.organisation".into(), ..args.clone() };
    let error = explained(&world, wrong).await.unwrap_err().to_string();
    assert!(error.contains("did you mean lift.organisations?"), "{error}");
    let error = explained(&world, ExplainArgs { key: vec!["x".into()], ..args }).await.unwrap_err();
    assert!(error.to_string().contains("no key of that table"), "{error}");
}

#[tokio::test]
async fn what_changed_between_two_moments_is_shown_row_by_row() {
    let world = renamed().await;
    let since = |from: &str| DiffArgs {
        what: Some("lift".into()),
        from: from.parse().unwrap(),
        to: None,
        json: false,
        sealed: false,
        limit: None,
        flags: crate::settings::Flags::default(),
    };
    let text = differs(&world, since("2")).await;
    assert!(text.contains(&format!("~ lift.organisations {SCHOOL}  (3)")), "{text}");
    assert!(text.contains("    subscription_plan  essential → professional"), "{text}");
    assert!(text.ends_with("1 different row between positions 2 and 3"), "{text}");
    let all = differs(&world, DiffArgs { json: true, ..since("2020-01-01") }).await;
    let lines: Vec<Value> = all.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|it| it["did"] == "made"), "{all}");
    let none = differs(&world, DiffArgs { to: Some("2".parse().unwrap()), ..since("2") }).await;
    assert_eq!(none, "0 different rows between positions 2 and 2");
}

#[tokio::test]
async fn a_replay_ends_with_0_differences_or_names_them() {
    let world = renamed().await;
    let args = ReplayArgs {
        context: "lift".into(),
        into: "scratch_1".into(),
        flags: world.flags(NOBODY),
        ..ReplayArgs::default()
    };
    let same = |left: std::process::ExitCode, right: Exit| {
        let right: std::process::ExitCode = right.into();
        format!("{left:?}") == format!("{right:?}")
    };
    assert!(same(replay::run(args.clone()).await.unwrap(), Exit::Done));
    let until = ReplayArgs {
        until: Some("2".parse().unwrap()),
        into: "scratch_2".into(),
        drop: true,
        ..args.clone()
    };
    assert!(same(replay::run(until).await.unwrap(), Exit::Done));
    sqlx::query("UPDATE lift.organisations SET max_children = 7000 WHERE id = $1::uuid")
        .bind(SCHOOL)
        .execute(&world.owner().await)
        .await
        .unwrap();
    assert!(same(replay::run(args.clone()).await.unwrap(), Exit::Fault));
    let json = ReplayArgs { json: true, drop: true, ..args };
    assert!(same(replay::run(json).await.unwrap(), Exit::Fault));
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'scratch%'")
            .fetch_one(&world.owner().await)
            .await
            .unwrap();
    assert_eq!(left, 0);
}
