//! Tokens that are not to be believed.

use annals_tests::{
    samia::CLARA,
    token::{self, SYSTEM, Who},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{DEBIT, Guarded};

/// What a token of the tests' own identity provider says, changed.
fn signed(secret: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let good = token::token(Who::System);
    let part = good.split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    change(&mut claims);
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
}

async fn refused(tokens: &[String], code: &str) {
    let guarded = Guarded::start().await;
    for token in tokens {
        let asked = guarded.world.with_token(token);
        let answer = asked.send(DEBIT, CLARA, json!({"amount": "1.00"})).await;
        answer.refused(code).status(401);
    }
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_done() {
    let guarded = Guarded::start().await;
    let answer = guarded.debit().without("Authorization").send().await;
    answer.refused("token_invalid").status(401);
    let answer = guarded.debit().header("Authorization", "Basic c2FtOnNhbQ==").send().await;
    answer.refused("token_invalid");
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_token_is_refused() {
    let good = signed(token::SECRET, |_| {});
    let claims = good.split('.').nth(1).unwrap();
    let unsigned = ["none", "None", "nOnE"].map(|algorithm| {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        format!("{header}.{claims}.")
    });
    refused(&unsigned, "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_signature_was_cut_off_is_refused() {
    let good = signed(token::SECRET, |_| {});
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    refused(&[format!("{unsigned}.")], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_somebody_elses_key_is_refused() {
    refused(&[signed(b"another secret, of the same length or so", |_| {})], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_claims_were_changed_is_refused() {
    let good = token::token(Who::Person(CLARA));
    let other = token::token(Who::System);
    let parts: Vec<&str> = good.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    refused(&[forged], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_somebody_else_is_refused() {
    let other = signed(token::SECRET, |claims| claims["aud"] = json!("another service"));
    refused(&[other], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_never_expires_is_refused() {
    let eternal = signed(token::SECRET, |claims| {
        claims.as_object_mut().unwrap().remove("exp");
    });
    refused(&[eternal], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_a_service_by_its_users_own_word() {
    let guarded = Guarded::start().await;
    let boast = signed(token::SECRET, |claims| {
        claims["role"] = json!("authenticated");
        claims["user_metadata"] = json!({"role": "service_role", "annals": "operator"});
    });
    let asked = guarded.world.with_token(&boast);
    let answer = asked.send(DEBIT, CLARA, json!({"amount": "1.00"})).await;
    answer.refused("not_allowed").status(403);
    guarded.unharmed().await;
    assert_ne!(CLARA, SYSTEM);
}
