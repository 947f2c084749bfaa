//! Each story as it is told: what is accepted is accepted, what is refused is refused for the reason given.

use annals_tests::stories::{self, Teller};

async fn told(context: &'static str) {
    let mut teller = Teller::begin(context).await;
    let otherwise = teller.tell_all(stories::of(context)).await;
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    let parked = teller.world.number("SELECT count(*) FROM annals.parked").await;
    assert_eq!(parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_restorative_records_goes_as_it_says() {
    told("restorative").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_the_lift_goes_as_it_says() {
    told("lift").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_write_care_notes_goes_as_it_says() {
    told("carenotes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_samia_tarot_goes_as_it_says() {
    told("samia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_nestsync_goes_as_it_says() {
    told("nestsync").await;
}
