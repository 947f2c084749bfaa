//! Who may send which command: at every command of a story, everybody of the story tries it as well, the other
//! tenant's people among them. The services are held against the contract's predicates, told by the oracle from
//! the rows. Whoever may not is refused, and nothing is stored of it.

use std::collections::BTreeSet;

use annals_commands::Catalogue;
use annals_tests::{
    stories::{self, Asked, Teller},
    token::{OPERATOR, SYSTEM},
};
use futures::future::join_all;
use serde_json::Value;

use super::{lines, literal, oracle};

/// What says that somebody has no right.
const FORBIDS: [&str; 3] = ["not_allowed", "actor_not_active", "reason_required"];

/// What may say no to them as well: there is nothing of theirs that it could be about, or the contract has a rule
/// of its own for it.
const DENIES: [&str; 7] = [
    "unknown_aggregate",
    "unknown_subject",
    "item_unknown",
    "wrong_organization",
    "owner_required",
    "permission_not_held",
    "user_already_registered",
];

/// Somebody who tries.
struct Actor {
    name: String,
    kind: &'static str,
    id: String,
    email: String,
}

fn actors(teller: &Teller) -> Vec<Actor> {
    let person = |name: String| Actor {
        kind: "person",
        id: teller.id(&name).to_string(),
        email: teller.names.address(&name),
        name,
    };
    let special = |name: &str, kind, id: uuid::Uuid| Actor {
        name: name.to_owned(),
        kind,
        id: id.to_string(),
        email: String::new(),
    };
    let specials = [special("system", "system", SYSTEM), special("operator", "operator", OPERATOR)];
    teller.actors().into_iter().map(person).chain(specials).collect()
}

/// Who may, by the contract.
async fn may(
    teller: &Teller,
    asked: &Asked,
    command: &str,
    actors: &[Actor],
    policies: &[Value],
) -> Vec<bool> {
    let policies = policies.iter().filter(|policy| {
        let commands = policy["commands"].as_array().unwrap();
        policy["policy"].as_str().unwrap().starts_with(asked.context())
            && commands.iter().any(|it| it == command)
    });
    let predicates: Vec<&str> = policies.map(|policy| policy["sql"].as_str().unwrap()).collect();
    assert!(!predicates.is_empty(), "the contract lets nobody send {command}");
    let predicate = format!("(({}))", predicates.join(") OR ("));
    let of = |actor: &Actor| {
        let id = asked.id.as_ref().unwrap_or(if asked.of_actor {
            &actor.id
        } else {
            &asked.ask.command
        });
        predicate
            .replace("$me", &format!("{}::uuid", literal(&actor.id)))
            .replace("$kind", &literal(actor.kind))
            .replace("$email", &literal(&actor.email))
            .replace("$id", &literal(id))
            .replace("$data", &format!("{}::jsonb", literal(&asked.data.to_string())))
            .replace("$command", &literal(command))
            .replace("$reason", &literal(asked.ask.reason.as_deref().unwrap_or_default()))
    };
    let told: Vec<String> =
        actors.iter().map(|actor| format!("coalesce({}, false)", of(actor))).collect();
    let sql = format!("SELECT ARRAY[{}]", told.join(", "));
    let found = sqlx::query_scalar(&sql).fetch_one(teller.world.pool()).await;
    found.unwrap_or_else(|why| panic!("{command}: {why}: {sql}"))
}

/// What is stored besides a context's own notes of who was refused.
async fn stored(teller: &Teller) -> i64 {
    let sql = "SELECT count(*) FROM annals.events
               WHERE aggregate_type NOT IN ('samia.command_log', 'samia.security_event')";
    teller.world.number(sql).await
}

async fn holds(context: &'static str) {
    let policies = lines(include_str!("../../../contract/rights.jsonl"));
    let catalogue = Catalogue::new();
    let mut teller = Teller::begin(context).await;
    oracle(&teller).await;
    let actors = actors(&teller);
    let (mut allowed, mut denied, mut wrong) = (0, 0, Vec::new());
    let mut unheard: BTreeSet<String> = catalogue
        .context(context)
        .unwrap()
        .commands
        .iter()
        .map(|it| it.documented.clone())
        .collect();
    for step in stories::of(context) {
        let Some(asked) = teller.next(step).await else { continue };
        if asked.ask.refused.is_none() && asked.subject.starts_with(context) {
            let command = catalogue.command(&asked.subject).unwrap().documented.clone();
            unheard.remove(&command);
            let may = may(&teller, &asked, &command, &actors, &policies).await;
            let before = stored(&teller).await;
            let tries = actors.iter().zip(&may).map(|(actor, may)| {
                let question = teller.question(&asked, &actor.name);
                let question = if *may { question.header("Annals-Dry-Run", "1") } else { question };
                question.send()
            });
            for ((actor, may), answer) in actors.iter().zip(&may).zip(join_all(tries).await) {
                let code = answer.body["code"].as_str().unwrap_or("ok");
                let forbidden = FORBIDS.contains(&code);
                if if *may { forbidden } else { !forbidden && !DENIES.contains(&code) } {
                    let word = if *may { "may" } else { "may not" };
                    wrong.push(format!(
                        "{} {word} {command} {:?}: {}",
                        actor.name, asked.id, answer.body
                    ));
                }
                *(if *may { &mut allowed } else { &mut denied }) += 1;
            }
            assert_eq!(
                stored(&teller).await,
                before,
                "{command}: nothing is stored of what is refused"
            );
        }
        if let Err(otherwise) = teller.tell(&asked).await {
            wrong.push(otherwise);
        }
    }
    assert!(wrong.is_empty(), "{} cells: {}", wrong.len(), wrong.join("\n"));
    assert!(unheard.is_empty(), "never accepted in the story: {unheard:?}");
    println!(
        "{context}: {} cells of actors and commands: {allowed} allowed, {denied} refused",
        allowed + denied
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_does_in_restorative_records_what_the_contract_lets_them() {
    holds("restorative").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_does_in_the_lift_what_the_contract_lets_them() {
    holds("lift").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_does_in_write_care_notes_what_the_contract_lets_them() {
    holds("carenotes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_does_in_samia_tarot_what_the_contract_lets_them() {
    holds("samia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_does_in_nestsync_what_the_contract_lets_them() {
    holds("nestsync").await;
}

#[test]
fn the_contracts_rights_name_the_policies_that_the_catalogue_names() {
    let catalogue = Catalogue::new();
    let policies = lines(include_str!("../../../contract/rights.jsonl"));
    let commands = catalogue.contexts().iter().filter(|context| context.name != "shared");
    for command in commands.flat_map(|context| &context.commands) {
        let prefix = format!("{}.", command.context());
        let told: BTreeSet<&str> = policies
            .iter()
            .filter(|policy| policy["policy"].as_str().unwrap().starts_with(&prefix))
            .filter(|policy| {
                policy["commands"].as_array().unwrap().iter().any(|it| *it == *command.documented)
            })
            .map(|policy| policy["policy"].as_str().unwrap())
            .collect();
        let named: BTreeSet<&str> = command.policies.iter().copied().collect();
        assert_eq!(named, told, "{}", command.subject());
    }
}
