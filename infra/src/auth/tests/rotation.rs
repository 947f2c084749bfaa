//! Keys that change while tokens are verified.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::forge::*;
use crate::auth::{AuthConfig, KeySource, TokenError, Verifier, error::Flaw};

/// A server of keys that counts how often it is asked.
struct Server {
    url: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: watch::Receiver<usize>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(answer: String) -> Self {
        let answer = Arc::new(Mutex::new((StatusCode::OK, answer)));
        let (count, asked) = watch::channel(0);
        let given = Arc::clone(&answer);
        let router = Router::new().route(
            "/auth/v1/jwks.json",
            get(move || async move {
                count.send_modify(|count| *count += 1);
                given.lock().unwrap().clone()
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/auth/v1/jwks.json", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, answer, asked, _task: AbortOnDropHandle::new(task) }
    }

    fn answer(&self, status: StatusCode, body: String) {
        *self.answer.lock().unwrap() = (status, body);
    }

    fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until it was asked this often.
    async fn until_asked(&self, times: usize) {
        let mut asked = self.asked.clone();
        let waited = asked.wait_for(|count| *count >= times);
        timeout(Duration::from_secs(10), waited).await.unwrap().unwrap();
    }
}

/// Asks until it is so.
async fn until<F: Future<Output = bool>>(mut so: impl FnMut() -> F) {
    let asking = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), asking).await.unwrap();
}

fn config(keys: KeySource) -> AuthConfig {
    AuthConfig::new(ISSUER, AUDIENCE, keys)
}

#[tokio::test]
async fn unknown_keys_lead_to_one_more_fetch_however_many_tokens_name_one() {
    let (old, new) = (Pair::ed("old"), Pair::ec("new"));
    let server = Server::start(set(&[&old])).await;
    let verifier = Verifier::new(config(KeySource::Url(server.url.clone()))).await.unwrap();
    assert_eq!(server.asked(), 1);
    assert!(verifier.verify(&old.token(&claims()), now()).is_ok());

    server.answer(StatusCode::OK, set(&[&old, &new]));
    let token = new.token(&claims());
    assert_eq!(verifier.verify(&token, now()), Err(TokenError::Invalid));
    server.until_asked(2).await;
    until(|| async { verifier.verify(&token, now()).is_ok() }).await;

    // From here on nothing more is fetched, until half a minute is over.
    let stranger = Pair::ed("stranger");
    let asking = (0..8).map(|_| {
        let (verifier, token) = (Arc::clone(&verifier), stranger.token(&claims()));
        tokio::spawn(async move {
            for _ in 0..200 {
                assert_eq!(verifier.verify(&token, now()), Err(TokenError::Invalid));
                tokio::task::yield_now().await;
            }
        })
    });
    futures::future::try_join_all(asking).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_not_believed_even_for_remembered_tokens() {
    let (old, new) = (Pair::ed("old"), Pair::ed("new"));
    let server = Server::start(set(&[&old, &new])).await;
    let refresh_every = Duration::from_millis(20);
    let config = AuthConfig { refresh_every, ..config(KeySource::Url(server.url.clone())) };
    let verifier = Verifier::new(config).await.unwrap();
    let (withdrawn, kept) = (old.token(&claims()), new.token(&claims()));
    assert!(verifier.verify(&withdrawn, now()).is_ok() && verifier.verify(&kept, now()).is_ok());

    server.answer(StatusCode::OK, set(&[&new]));
    until(|| async { verifier.verify(&withdrawn, now()).is_err() }).await;
    assert_eq!(verifier.check(&withdrawn, now()).err(), Some(Flaw::UnknownKey));
    assert!(verifier.verify(&kept, now()).is_ok());
}

#[tokio::test]
async fn answers_that_are_no_keys_change_nothing_until_the_old_ones_are_too_old() {
    let key = Pair::ed("key");
    let server = Server::start(set(&[&key])).await;
    let config = AuthConfig {
        refresh_every: Duration::from_millis(10),
        stale_after: Duration::from_millis(1500),
        ..config(KeySource::Url(server.url.clone()))
    };
    let verifier = Verifier::new(config).await.unwrap();
    let token = key.token(&claims());
    let moved = (StatusCode::FOUND, set(&[&key]));
    for (status, body) in [
        (StatusCode::OK, r#"{"keys": []}"#.to_owned()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, format!("{}{}", set(&[&Pair::ed("other")]), " ".repeat(300 * 1024))),
        (StatusCode::INTERNAL_SERVER_ERROR, set(&[&Pair::ed("other")])),
        moved,
    ] {
        server.answer(status, body);
        server.until_asked(server.asked() + 2).await;
        assert!(verifier.verify(&token, now()).is_ok());
        assert!(verifier.is_ready());
    }
    until(|| async { verifier.verify(&token, now()).is_err() }).await;
    assert_eq!(verifier.check(&token, now()).err(), Some(Flaw::Stale));
    assert!(!verifier.is_ready());

    server.answer(StatusCode::OK, set(&[&key]));
    until(|| async { verifier.verify(&token, now()).is_ok() }).await;
    assert!(verifier.is_ready());
}

#[tokio::test]
async fn without_keys_there_is_no_verifier() {
    let server = Server::start(r#"{"keys": []}"#.to_owned()).await;
    assert!(Verifier::new(config(KeySource::Url(server.url.clone()))).await.is_err());
    let missing = format!("{}/missing", server.url);
    assert!(Verifier::new(config(KeySource::Url(missing))).await.is_err());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let fetch_timeout = Duration::from_millis(50);
    let config = AuthConfig { fetch_timeout, ..config(KeySource::Url(url)) };
    assert!(Verifier::new(config).await.is_err());
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let (old, new) = (Pair::ed("old"), Pair::ed("new"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, set(&[&old])).unwrap();
    let look_every = Duration::from_millis(10);
    let config = AuthConfig { look_every, ..config(KeySource::File(file.clone())) };
    let verifier = Verifier::new(config).await.unwrap();
    let (first, second) = (old.token(&claims()), new.token(&claims()));
    assert!(verifier.verify(&first, now()).is_ok());

    std::fs::write(&file, "{\"keys\":").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(verifier.verify(&first, now()).is_ok(), "a file that is being written");
    std::fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(verifier.verify(&first, now()).is_ok(), "a file that is away");
    std::fs::write(&file, set(&[&new])).unwrap();
    until(|| async { verifier.verify(&second, now()).is_ok() }).await;
    assert!(verifier.verify(&first, now()).is_err());
}

#[tokio::test]
async fn two_places_may_not_have_keys_of_one_name() {
    let (mine, same) = (Pair::ed("key"), Pair::ed("key"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, pair: &Pair| {
        let path = folder.path().join(name);
        std::fs::write(&path, set(&[pair])).unwrap();
        KeySource::File(path)
    };
    let config = config(file("mine", &mine)).and("other", file("same", &same));
    assert!(Verifier::new(config).await.is_err());
}

#[tokio::test]
async fn the_task_in_the_background_ends_with_the_verifier() {
    let key = Pair::ed("key");
    let server = Server::start(set(&[&key])).await;
    let refresh_every = Duration::from_millis(10);
    let config = AuthConfig { refresh_every, ..config(KeySource::Url(server.url.clone())) };
    let verifier = Verifier::new(config).await.unwrap();
    server.until_asked(3).await;
    drop(verifier);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = server.asked();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.asked(), asked);
}
