//! Proof that the log was not altered: what is signed, what is found, what is believed.

mod bundles;
mod signed;
mod tamper;
mod witness;

use std::{path::PathBuf, time::Duration};

use annals_infra::{
    dev::harness,
    proof::{
        LEAVES, last_note,
        leaves::Leaves,
        note::{Checkpoint, Note, VerifierKey},
        tree::Frontier,
        verify::{Report, Verification},
    },
    serve::{Config, Signing},
};
use annals_tests::World;
use uuid::Uuid;

/// Whose logs these are.
const ORIGIN: &str = "tests.example/annals";

/// How a test's log is signed: at once, with a folder of its own.
fn signing() -> Signing {
    let folder = harness::scratch().unwrap().join(format!("evidence-{}", Uuid::now_v7()));
    Signing {
        key_file: folder.with_extension("key"),
        origin: ORIGIN.to_owned(),
        witnesses: Vec::new(),
        every: Duration::from_millis(50),
        folder: Some(folder),
    }
}

/// A world whose log is signed.
async fn world() -> (World, Signing) {
    let signing = signing();
    let given = Some(signing.clone());
    let world = World::start_with(|config: &mut Config| config.signing = given).await;
    (world, signing)
}

fn keys(signing: &Signing) -> Vec<VerifierKey> {
    signing.keys().unwrap().iter().map(|key| key.verifier().clone()).collect()
}

fn folder(signing: &Signing) -> PathBuf {
    signing.folder.clone().unwrap()
}

/// Waits until all of the log is signed; the newest checkpoint.
async fn all_signed(world: &World, signing: &Signing) -> String {
    let head: i64 = sqlx::query_scalar("SELECT position FROM annals.head")
        .fetch_one(world.pool())
        .await
        .unwrap();
    for _ in 0..400 {
        if let Some(text) = last_note(world.pool()).await.unwrap() {
            let note = Note::read(&text).unwrap();
            let it: Checkpoint = note.checkpoint(&keys(signing), ORIGIN).unwrap();
            if i64::try_from(it.size).unwrap() >= head {
                return text;
            }
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the log was not signed up to {head}");
}

/// Verifies all of the log, with or without the notary's copy of the hashes.
async fn verified(world: &World, signing: &Signing, with_copy: bool) -> Report {
    let copy = with_copy.then(|| Leaves::read_only(&folder(signing).join(LEAVES)).unwrap());
    let verification = Verification {
        pool: world.pool().clone(),
        origin: ORIGIN.to_owned(),
        keys: keys(signing),
        known: Frontier::default(),
        elsewhere: Vec::new(),
        copy,
    };
    verification.run(|_, _| {}).await.unwrap()
}
