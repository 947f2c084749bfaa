//! Headers that are missing or do not fit, and commands that nobody knows.

use annals_tests::samia::CLARA;
use serde_json::json;

use super::Guarded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_nobody_knows_is_refused() {
    let guarded = Guarded::start().await;
    let data = json!({"amount": "1.00"});
    for subject in ["samia.cmd.print_money", "samia.cmd.DebitWallet", "lift.cmd.debit_wallet"] {
        let answer = guarded.world.as_system().send(subject, CLARA, data.clone()).await;
        answer.refused("unknown_command").status(404);
        assert!(answer.body["hint"].as_str().is_some_and(|hint| hint.contains("annals commands")));
    }
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_an_id_is_refused() {
    let guarded = Guarded::start().await;
    let answer = guarded.debit().without("Nats-Msg-Id").send().await;
    answer.refused("command_id_required").status(400);
    for id in ["", " ", "a b", &"x".repeat(129)] {
        guarded.debit().under(id).send().await.refused("command_id_required");
    }
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_header_of_ours_is_refused() {
    let guarded = Guarded::start().await;
    guarded.debit().header("Annals-Dryrun", "1").send().await.refused("unknown_field");
    guarded.debit().header("Annals-Dry-Run", "perhaps").send().await.refused("invalid_field");
    guarded.debit().header("Annals-Await", "forever").send().await.refused("invalid_field");
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_names_the_command_it_answers() {
    let guarded = Guarded::start().await;
    let spoilt = [
        guarded.debit().body("{"),
        guarded.debit().without("Authorization"),
        guarded.debit().with("expected_version", 99),
        guarded.debit().header("Annals-Await", "forever"),
    ];
    for (nth, question) in spoilt.into_iter().enumerate() {
        let id = format!("command-{nth}");
        let answer = question.under(&id).send().await;
        assert_eq!(answer.body["command_id"], json!(id), "{}", answer.body);
    }
    guarded.unharmed().await;
}
