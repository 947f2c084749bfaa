//! An event that nobody can react to stops its reactor loudly; nothing is skipped in silence.

use annals_tests::{
    World,
    lift::{account, check_in, organisation},
};
use serde_json::json;

use crate::projections::poison::poisoned_as;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_nobody_knows_stops_its_reactor_until_it_is_skipped() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    world.reacted("lift").await;
    let position = poisoned_as(&world, "lift.alert", "AlertEnchanted", "{}").await;
    let standing =
        format!("SELECT stopped_at = {position} FROM annals.reactors WHERE context = 'lift'");
    world.until(&standing).await;
    let parked = "SELECT name, position, event_type, skipped_at FROM annals.parked
                  WHERE name = 'reactor.lift'";
    let expected = json!({"name": "reactor.lift", "position": position,
                          "event_type": "AlertEnchanted", "skipped_at": null});
    assert_eq!(world.row(parked).await, expected);
    let skip = "UPDATE annals.parked SET skipped_at = now(), skipped_by = 'somebody',
                       reason = 'of a version that was taken back'";
    world.until("SELECT count(*) = 2 FROM annals.parked").await;
    assert_eq!(world.execute(skip).await, Ok(2), "the projection and the reactor");
    check_in(&world, school.child).await;
    world.reacted("lift").await;
    let at = "SELECT stopped_at, error FROM annals.reactors WHERE context = 'lift'";
    assert_eq!(world.row(at).await, json!({"stopped_at": null, "error": null}));
    assert_eq!(world.number("SELECT count(*) FROM lift.stickers_earned").await, 1);
}
