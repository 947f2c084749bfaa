//! Tokens that are not to be believed.

use annals_tests::{
    samia::CLARA,
    token::{self, SECRET, Who, claims, signed},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::{Value, json};

use super::{DEBIT, Guarded};

/// A token of the issuer with a shared secret, whose claims are changed.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    signed(SECRET, &claims)
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
async fn a_token_is_believed_by_whichever_issuer_it_is() {
    let guarded = Guarded::start().await;
    for token in [token::token(Who::System), changed(|_| {})] {
        let asked = guarded.world.with_token(&token);
        asked.send(DEBIT, CLARA, json!({"amount": "1.00"})).await.accepted(&["WalletDebited"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_done() {
    let guarded = Guarded::start().await;
    let answer = guarded.debit().without("Authorization").send().await;
    answer.refused("token_invalid").status(401);
    for other in ["Basic c2FtOnNhbQ==", "Bearer ", "Bearer x", "Bearer a.b.c"] {
        let answer = guarded.debit().header("Authorization", other).send().await;
        answer.refused("token_invalid");
    }
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_token_is_refused() {
    let good = changed(|_| {});
    let claims = good.split('.').nth(1).unwrap();
    let mut tokens = ["none", "None", "nOnE", ""].map(|algorithm| {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        format!("{header}.{claims}.")
    });
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    tokens[3] = format!("{unsigned}.");
    refused(&tokens, "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_somebody_elses_key_is_refused() {
    let other = signed(b"another secret, which is about as long", &claims());
    // The public key is public: it is no secret to sign with.
    let known = token::token(Who::System);
    let kid = known.split('.').next().unwrap().as_bytes();
    refused(&[other, signed(kid, &claims())], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_speaks_for_itself_alone() {
    let other = changed(|claims| claims["iss"] = json!(annals_infra::auth::dev::ISSUER));
    let nobody = changed(|claims| claims["iss"] = json!("https://elsewhere.example"));
    refused(&[other, nobody], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_claims_were_changed_is_refused() {
    let (good, other) = (token::token(Who::Person(CLARA)), token::token(Who::System));
    let parts: Vec<&str> = good.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    refused(&[forged], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_audience_is_refused() {
    let other = changed(|claims| claims["aud"] = json!("another service"));
    let none = changed(|claims| claims["aud"] = json!(null));
    refused(&[other, none], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_time_is_over_is_refused_and_says_so() {
    let now = Utc::now().timestamp();
    let over = changed(|claims| {
        claims["iat"] = json!(now - 7_200);
        claims["exp"] = json!(now - 3_600);
    });
    refused(&[over], "token_expired").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_never_expires_is_refused() {
    let eternal = changed(|claims| {
        claims.as_object_mut().unwrap().remove("exp");
    });
    let later = changed(|claims| claims["nbf"] = json!(Utc::now().timestamp() + 3_600));
    refused(&[eternal, later], "token_invalid").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_a_service_or_the_operator_by_their_own_word() {
    let guarded = Guarded::start().await;
    let boast = changed(|claims| {
        claims["role"] = json!("authenticated");
        claims["user_metadata"] = json!({"role": "service_role", "annals": "operator"});
    });
    let asked = guarded.world.with_token(&boast);
    let answer = asked.send(DEBIT, CLARA, json!({"amount": "1.00"})).await;
    answer.refused("not_allowed").status(403);
    let data = json!({"role": "super_admin"});
    asked.send("samia.cmd.change_user_role", CLARA, data).await.refused("not_allowed");
    guarded.unharmed().await;
}
