//! Tokens that are believed.

use std::sync::Arc;

use annals_commands::ActorKind;
use serde_json::json;

use super::forge::*;
use crate::auth::{AuthConfig, KeySource, SharedSecret, TokenError, Verifier};

async fn verifier(pairs: &[&Pair]) -> Arc<Verifier> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, set(pairs)).unwrap();
    Verifier::new(config(&file)).await.unwrap()
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_believed() {
    let (ed, ec, rsa) = (Pair::ed("ed"), Pair::ec("ec"), Pair::rsa("rsa"));
    let verifier = verifier(&[&ed, &ec, &rsa]).await;
    for pair in [ed, ec, rsa, Pair::secret(SECRET)] {
        let verified = verifier.verify(&pair.token(&claims()), now());
        let verified = verified.unwrap_or_else(|_| panic!("{:?}", pair.algorithm));
        assert_eq!(verified.actor.id, ADA);
        assert_eq!(verified.actor.kind, ActorKind::Person);
        assert_eq!(verified.actor.email.as_deref(), Some("ada@example.org"));
        assert_eq!(verified.expires_at.timestamp(), now().timestamp() + 3540);
    }
}

#[tokio::test]
async fn role_and_app_metadata_say_who_asks() {
    let key = Pair::ed("ed");
    let verifier = verifier(&[&key]).await;
    let kind = |claims| verifier.verify(&key.token(&claims), now()).map(|it| it.actor.kind);
    let metadata = |annals: serde_json::Value| with("app_metadata", json!({ "annals": annals }));
    assert_eq!(kind(with("role", "service_role")), Ok(ActorKind::System));
    assert_eq!(kind(metadata(json!("operator"))), Ok(ActorKind::Operator));
    assert_eq!(kind(metadata(json!("Operator"))), Ok(ActorKind::Person));
    assert_eq!(kind(metadata(json!(null))), Ok(ActorKind::Person));
    assert_eq!(kind(without("app_metadata")), Ok(ActorKind::Person));
    let own = json!({"annals": "operator", "role": "service_role"});
    assert_eq!(kind(with("user_metadata", own)), Ok(ActorKind::Person));
}

#[tokio::test]
async fn an_address_is_optional() {
    let key = Pair::ed("ed");
    let verifier = verifier(&[&key]).await;
    for claims in [without("email"), with("email", ""), with("email", json!(null))] {
        assert_eq!(verifier.verify(&key.token(&claims), now()).unwrap().actor.email, None);
    }
}

#[tokio::test]
async fn clocks_may_differ_by_thirty_seconds_and_no_more() {
    let key = Pair::ed("ed");
    let verifier = verifier(&[&key]).await;
    let at = |name: &str, seconds: i64| {
        let claims = with(name, now().timestamp() + seconds);
        verifier.verify(&key.token(&claims), now()).map(drop)
    };
    assert_eq!((at("iat", 30), at("iat", 31)), (Ok(()), Err(TokenError::Invalid)));
    assert_eq!((at("nbf", 30), at("nbf", 31)), (Ok(()), Err(TokenError::Invalid)));
    assert_eq!((at("exp", -29), at("exp", -30)), (Ok(()), Err(TokenError::Expired)));
    let mut claims = without("iat");
    claims["nbf"] = json!(now().timestamp());
    assert!(verifier.verify(&key.token(&claims), now()).is_ok());
}

#[tokio::test]
async fn a_remembered_token_grows_old_like_any_other() {
    let key = Pair::ed("ed");
    let verifier = verifier(&[&key]).await;
    let token = key.token(&claims());
    let verify = |minutes| {
        let at = now() + chrono::TimeDelta::minutes(minutes);
        verifier.verify(&token, at).map(drop)
    };
    assert_eq!(verify(0), Ok(()));
    assert_eq!(verify(60), Err(TokenError::Expired));
    assert_eq!(verify(-2), Err(TokenError::Invalid), "before it was issued");
    assert_eq!(verify(0), Ok(()));
}

#[tokio::test]
async fn the_scope_tells_apart_who_may_not_share_command_ids() {
    let (mine, other) = (Pair::ed("mine"), Pair::ed("other"));
    let folder = tempfile::tempdir().unwrap();
    let file = |pair: &Pair| {
        let path = folder.path().join(pair.kid);
        std::fs::write(&path, set(&[pair])).unwrap();
        KeySource::File(path)
    };
    let config = AuthConfig::new(ISSUER, AUDIENCE, file(&mine)).and("other", file(&other));
    let verifier = Verifier::new(config).await.unwrap();
    let scope = |pair: &Pair, claims| verifier.verify(&pair.token(&claims), now()).unwrap().scope;
    let later = with("iat", now().timestamp());
    assert_eq!(scope(&mine, claims()), scope(&mine, later));
    let scopes = [
        scope(&mine, claims()),
        scope(&mine, with("role", "service_role")),
        scope(&mine, with("sub", uuid::Uuid::from_u128(7).to_string())),
        scope(&other, with("iss", "other")),
    ];
    let different: std::collections::HashSet<_> = scopes.iter().collect();
    assert_eq!(different.len(), scopes.len());

    // A key vouches for its own issuer and no other.
    assert_eq!(verifier.verify(&other.token(&claims()), now()), Err(TokenError::Invalid));
    assert_eq!(
        verifier.verify(&mine.token(&with("iss", "other")), now()),
        Err(TokenError::Invalid)
    );
}

#[tokio::test]
async fn a_secret_may_have_a_name() {
    let secret = SharedSecret::new(Some("old"), SECRET).unwrap();
    let config = AuthConfig::new(ISSUER, AUDIENCE, KeySource::Secret(secret));
    let verifier = Verifier::new(config).await.unwrap();
    let pair = Pair::secret(SECRET);
    let mut header = pair.header();
    assert!(verifier.verify(&pair.sign(&header, &claims()), now()).is_err());
    header["kid"] = json!("old");
    assert!(verifier.verify(&pair.sign(&header, &claims()), now()).is_ok());
}

#[tokio::test]
async fn a_configuration_that_contradicts_itself_is_refused() {
    let secret = || KeySource::Secret(SharedSecret::new(None, SECRET).unwrap());
    let good = AuthConfig::new(ISSUER, AUDIENCE, secret());
    assert!(Verifier::new(good.clone()).await.is_ok());
    let bad = [
        AuthConfig { issuers: Vec::new(), ..good.clone() },
        AuthConfig { audience: String::new(), ..good.clone() },
        AuthConfig { leeway: std::time::Duration::from_secs(31), ..good.clone() },
        good.clone().and("", secret()),
        good.clone().and(ISSUER, secret()),
        good.clone().and(ISSUER, KeySource::File("/nowhere/jwks.json".into())),
        good.clone().and(ISSUER, KeySource::Url("http://keys.example.org/".to_owned())),
    ];
    for config in bad {
        let shown = format!("{config:?}");
        assert!(Verifier::new(config).await.is_err(), "{shown}");
        assert!(!shown.contains("a secret of"), "{shown}");
    }
    assert!(SharedSecret::new(None, &SECRET[..31]).is_err());
}

#[tokio::test]
async fn remembered_tokens_are_bounded_in_number() {
    let key = Pair::secret(SECRET);
    let secret = KeySource::Secret(SharedSecret::new(None, SECRET).unwrap());
    let config = AuthConfig { remembered: 2, ..AuthConfig::new(ISSUER, AUDIENCE, secret) };
    let verifier = Verifier::new(config).await.unwrap();
    let tokens: Vec<_> = (0..8).map(|nth| key.token(&with("nth", nth))).collect();
    for token in tokens.iter().chain(&tokens) {
        assert!(verifier.verify(token, now()).is_ok());
    }
}
