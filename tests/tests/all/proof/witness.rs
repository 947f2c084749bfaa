//! Witnesses over HTTP.

use std::sync::Arc;

use annals_infra::{
    dev::harness,
    proof::{
        note::{Note, SigningKey},
        witness::{Memory, router},
    },
};
use annals_tests::{World, busy, restorative};
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{all_signed, folder, keys, signing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_cosigns_a_log_that_grows_and_no_other_log_under_its_name() {
    let mut signing = signing();
    let memory = harness::scratch().unwrap().join(format!("witness-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&memory).unwrap();
    let key = SigningKey::of_witness("w.example", &Zeroizing::new([7; 32])).unwrap();
    let verifier = key.verifier().clone();
    let memory = Arc::new(Memory::new(key, keys(&signing), memory));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    signing.witnesses = vec![format!("http://{}", listener.local_addr().unwrap())];
    tokio::spawn({
        let router = router(Arc::clone(&memory));
        async move { axum::serve(listener, router).await }
    });

    let given = Some(signing.clone());
    let mut world = World::start_with(|config| config.signing = given).await;
    busy::fill(&world).await;
    let text = all_signed(&world, &signing).await;
    assert!(Note::read(&text).unwrap().is_signed(&verifier).unwrap().is_some(), "{text}");
    let ruth = world.as_person(restorative::RUTH);
    let saved = json!({"narrative": "On it goes"});
    ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
    let text = all_signed(&world, &signing).await;
    assert!(Note::read(&text).unwrap().is_signed(&verifier).unwrap().is_some());
    world.rest().await;

    // Another log with the same key and name: as if this one had been written anew.
    std::fs::remove_dir_all(folder(&signing)).unwrap();
    let given = Some(signing.clone());
    let other = World::start_with(|config| config.signing = given).await;
    busy::fill(&other).await;
    let forked = all_signed(&other, &signing).await;
    assert_eq!(Note::read(&forked).unwrap().is_signed(&verifier), Ok(None), "{forked}");
    let remembered = std::fs::read_to_string(memory.path(super::ORIGIN)).unwrap();
    assert_eq!(Note::read(&remembered).unwrap().body, Note::read(&text).unwrap().body);
}
