//! Replies go to inboxes, and nowhere else.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::Guarded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_on_an_events_subject_is_never_given_and_its_command_is_not_done() {
    let guarded = Guarded::start().await;
    let master = guarded.world.master().await;
    let mut seen = master.subscribe("*.evt.>").await.unwrap();
    let mut elsewhere = master.subscribe("annals.forged.>").await.unwrap();
    master.flush().await.unwrap();
    let forged = [
        "samia.evt.wallet.1.wallet_credited",
        "$JS.API.STREAM.DELETE.EVT_SAMIA",
        "samia.cmd.credit_wallet",
        "annals.forged.1",
    ];
    for subject in forged {
        guarded.debit().send_replying_to(Some(subject)).await;
        // As somebody would whom NATS lets do more.
        let question = guarded.debit();
        let (reply, bytes) = (subject.to_owned(), question.bytes());
        master.publish_with_reply("samia.cmd.debit_wallet", reply, bytes.into()).await.unwrap();
    }
    master.flush().await.unwrap();
    // The next answered command comes after all of them.
    guarded.unharmed().await;
    let event = timeout(Duration::from_secs(10), seen.next()).await.unwrap().unwrap();
    assert!(event.subject.ends_with(".wallet_debited"), "{}", event.subject);
    let more = timeout(Duration::from_millis(300), seen.next()).await;
    assert!(more.is_err(), "{more:?}");
    assert!(timeout(Duration::from_millis(1), elsewhere.next()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_nobody_waits_for_is_not_done() {
    let guarded = Guarded::start().await;
    guarded.debit().send_replying_to(None).await;
    guarded.unharmed().await;
    assert_eq!(guarded.world.events().await, guarded.events + 1);
}
