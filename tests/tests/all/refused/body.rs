//! Bodies that cannot be read, and fields that do not fit.

use annals_tests::{Answer, samia::CLARA};
use serde_json::json;
use uuid::Uuid;

use super::{DEBIT, Guarded};

/// What a body gets that takes the place of a good one. Afterwards the world is as it was.
async fn sent(body: impl Into<Vec<u8>>) -> Answer {
    all_sent([body.into()]).await.remove(0)
}

/// The same for several of them, one after the other.
async fn all_sent(bodies: impl IntoIterator<Item = Vec<u8>>) -> Vec<Answer> {
    let guarded = Guarded::start().await;
    let mut answers = Vec::new();
    for body in bodies {
        answers.push(guarded.debit().body(body).send().await);
    }
    guarded.unharmed().await;
    answers
}

/// A debit with this text in place of its data's fields.
fn with(fields: &str) -> String {
    format!(r#"{{"id":"{CLARA}","data":{{{fields}}}}}"#)
}

/// The narrower code of the field at fault.
#[track_caller]
fn cause(answer: &Answer, cause: &str) {
    assert_eq!(answer.body["errors"][0]["code"], cause, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_json_is_refused_with_its_place() {
    let answer = sent(r#"{"data": {"amount" "1.00"}}"#).await;
    answer.refused("malformed_json").status(400);
    cause(&answer, "syntax");
    assert!(answer.body["detail"].as_str().unwrap().contains("byte 19"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_nothing_is_refused() {
    cause(sent("").await.refused("malformed_json"), "empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_object_is_refused() {
    cause(sent(r#"[{"data": {}}]"#).await.refused("malformed_json"), "not_an_object");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_are_refused() {
    let mut body = with(r#""amount":"1.00","description":"?""#).into_bytes();
    let at = body.iter().rposition(|byte| *byte == b'?').unwrap();
    body[at] = 0xff;
    cause(sent(body).await.refused("malformed_json"), "not_utf8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_levels_are_refused() {
    let deep = format!(r#""metadata":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    cause(sent(with(&deep)).await.refused("malformed_json").status(400), "too_deep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_levels_that_never_close_are_refused() {
    let deep = format!(r#""metadata":{}"#, r#"{"a":"#.repeat(50_000));
    cause(sent(with(&deep)).await.refused("malformed_json"), "too_deep");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_body_is_refused_before_it_is_read() {
    let large = format!(r#""amount":"1.00","description":"{}""#, "x".repeat(256 << 10));
    cause(sent(with(&large)).await.refused("too_large").status(413), "too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_nul_is_refused() {
    let answer = sent(with(r#""amount":"1.00","description":"a\u0000b""#)).await;
    cause(answer.refused("malformed_json").at("/data/description"), "nul_character");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_surrogate_pair_is_refused() {
    let halves = [r"\ud800", r"\udc00", r"\ud800\ud800", r"x\ud83dx"];
    let with = |half| with(&format!(r#""amount":"1.00","description":"{half}""#)).into_bytes();
    for answer in all_sent(halves.map(with)).await {
        cause(answer.refused("malformed_json").at("/data/description"), "lone_surrogate");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_stands_twice_is_refused() {
    let twice = [
        with(r#""amount":"1.00","amount":"2.00""#),
        // The same key in another spelling.
        with(r#""amount":"1.00","\u0061mount":"2.00""#),
        format!(r#"{{"id":"{CLARA}","data":{{"amount":"1.00"}},"data":{{"amount":"2.00"}}}}"#),
        with(r#""amount":"1.00","metadata":{"x":[{"y":1,"y":2}]}"#),
    ];
    for answer in all_sent(twice.map(String::into_bytes)).await {
        cause(answer.refused("malformed_json"), "duplicate_key");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_the_command_does_not_know_is_refused() {
    let answer = sent(with(r#""amount":"1.00","amuont":"2.00""#)).await;
    answer.refused("unknown_field").status(400).at("/data/amuont");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_no_body_has_is_refused() {
    let answer = sent(format!(r#"{{"id":"{CLARA}","amount":"1.00"}}"#)).await;
    answer.refused("unknown_field").at("/amount");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_a_double_cannot_hold_is_refused() {
    let numbers = ["9007199254740993", "1e400", "-1e400", "1e-400", "-0"];
    let with =
        |number| with(&format!(r#""amount":"1.00","metadata":{{"n":{number}}}"#)).into_bytes();
    for answer in all_sent(numbers.map(with)).await {
        cause(answer.refused("malformed_json").at("/data/metadata/n"), "number_out_of_range");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_is_no_decimal_text_is_refused() {
    let guarded = Guarded::start().await;
    for amount in [json!(1.0), json!("NaN"), json!("1e3"), json!("1.001"), json!(""), json!(null)] {
        let data = json!({"amount": amount});
        let answer = guarded.world.as_system().send(DEBIT, CLARA, data).await;
        answer.refused("invalid_field").status(400).at("/data/amount");
    }
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_never_repeats_what_was_sent() {
    let guarded = Guarded::start().await;
    let data = json!({"amount": "1.00", "transaction_type": "a secret of somebody's"});
    let answer = guarded.world.as_system().send(DEBIT, CLARA, data).await;
    answer.refused("invalid_field").at("/data/transaction_type");
    assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_no_stream_can_have_is_refused() {
    let guarded = Guarded::start().await;
    for id in ["", "a b", "../x", "ä", &"x".repeat(129)] {
        let answer = guarded.world.as_system().send(DEBIT, id, json!({"amount": "1.00"})).await;
        answer.refused("invalid_field").at("/id");
    }
    let data = json!({"amount": "1.00"});
    let shouted = CLARA.to_string().to_uppercase();
    let answer = guarded.world.as_system().send(DEBIT, shouted.as_str(), data).await;
    // One person has one wallet, however the id is written.
    assert_eq!((answer.ok().id(), answer.version()), (CLARA, 3));
    assert_eq!(answer.body["id"], json!(CLARA));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_for_something_that_is_not_there_is_refused() {
    let guarded = Guarded::start().await;
    let nothing = Uuid::from_u128(0xff);
    let clara = guarded.world.as_person(CLARA);
    let answer = clara.send("lift.cmd.escalate_alert", nothing, json!({})).await;
    answer.refused("unknown_aggregate").status(404).at("/id");
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_needs_an_id_says_so() {
    let guarded = Guarded::start().await;
    let answer = guarded.world.as_system().send(DEBIT, (), json!({"amount": "1.00"})).await;
    answer.refused("invalid_field").at("/id");
    guarded.unharmed().await;
}
