//! What is signed is verified by a program that shares no line with ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use annals_commands::Catalogue as Aggregates;
use annals_infra::{
    dev::harness,
    proof::{bundle, last_note, ledger::Ledger},
    subject::{Asked, PROOF, gather, write},
};
use annals_projections::Catalogue;
use annals_tests::lift::{account, check_in, organisation};
use uuid::Uuid;

use super::{ORIGIN, erase, world};

/// Whether the Python verifier believes it, and what it says.
fn verified(key: &str, what: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/verify.py");
    let done = Command::new("python3").arg(script).args(["--key", key]).arg(what).output();
    let done = done.unwrap_or_else(|error| panic!("python3, to test the example: {error}"));
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// A file of ours with one piece of text in place of another.
fn changed(from: &Path, old: &str, new: &str) -> PathBuf {
    let text = fs::read_to_string(from).unwrap();
    assert!(text.contains(old), "{old}: {text}");
    let path = harness::scratch().unwrap().join(format!("changed-{}", Uuid::now_v7()));
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_copies_and_receipts_are_verified_by_the_python_example_and_not_once_changed() {
    let (world, signing) = world().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    check_in(&world, school.child).await;
    world.reacted("lift").await;
    world.reacted("shared").await;
    let signed = "SELECT max(size) = (SELECT position FROM annals.head) FROM annals.checkpoints";
    world.until(signed).await;
    let key = signing.keys().unwrap()[0].verifier().to_string();

    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let asked = Asked {
        context: catalogue.context("lift").unwrap(),
        kind: "child".to_owned(),
        id: school.child.to_string(),
        withheld: Default::default(),
    };
    let keys = &world.services()[0].keys;
    let dossier = gather(world.pool(), keys, &aggregates, &asked).await.unwrap();
    let note = last_note(world.pool()).await.unwrap().unwrap();
    let ledger = Ledger::new(world.pool().clone());
    let proof = bundle::make(&ledger, &note, &dossier.stored, None).await.unwrap();
    let folder = harness::scratch().unwrap().join(format!("copy-{}", Uuid::now_v7()));
    write(&folder, &dossier, &proof, ORIGIN, &signing.keys().unwrap()).unwrap();
    let (well, said) = verified(&key, &folder);
    assert!(well && said.contains("none changed") && said.contains("Proved:"), "{said}");

    let file = folder.join(PROOF);
    let (well, said) = verified(&key, &file);
    assert!(well && said.contains("SessionCompleted"), "{said}");
    for (old, new) in [("ChildRegistered", "ChildRegisterec"), ("\\\"tenant\\\"", "\\\"tenanf\\\"")]
    {
        let (well, said) = verified(&key, &changed(&file, old, new));
        assert!(!well && said.contains("NOT proved"), "{said}");
    }
    let (well, _) = verified(&key, &changed(&file, &format!("{ORIGIN}\\n"), "elsewhere\\n"));
    assert!(!well);
    fs::write(folder.join("stranger.txt"), "not signed").unwrap();
    assert!(!verified(&key, &folder).0);

    erase(&world, school.child).await;
    let folder = signing.folder.unwrap();
    let receipt = folder.join("receipts").join(school.child.to_string());
    let (well, said) = verified(&key, &receipt);
    assert!(well && said.contains("destroyed-key"), "{said}");
    let (well, said) = verified(&key, &changed(&receipt, "ground subject", "ground zubject"));
    assert!(!well && said.contains("does not fit"), "{said}");
    let other = "tests.example/erasure+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(!verified(other, &receipt).0);
}
