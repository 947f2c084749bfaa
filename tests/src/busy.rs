//! A world in which something of everything has happened.

use serde_json::json;

use crate::{World, carenotes, lift, nestsync, restorative, samia};

/// What a busy world is about.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// A school with a child that checked in, and an alert about it that was acknowledged.
    pub school: lift::Organisation,
    /// A family with a caregiver who used something.
    pub nest: nestsync::Family,
    /// A care home with a resident, about whom something of each kind was written.
    pub home: carenotes::Home,
}

/// Fills an empty world; its tables show all of it.
pub async fn fill(world: &World) -> Busy {
    lift::account(world).await;
    let school = lift::organisation(world, "Oakfield School", 1).await;
    let session = lift::check_in(world, school.child).await;
    let alert = lift::alert(world, school.child, "urgent").await;
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.acknowledge_alert", alert, json!({})).await.ok();
    let sticker = json!({"sticker_type": "daily_checkin", "sticker_name": "Sunflower",
                         "earned_for": "session_completed", "session_id": session});
    let system = world.as_system();
    system.send("lift.cmd.award_sticker", school.child, sticker).await.ok();

    samia::wallet(world, "10.00").await;
    let too_much = json!({"amount": "99.00"});
    let asked = system.send("samia.cmd.debit_wallet", samia::CLARA, too_much).await;
    asked.refused("insufficient_funds");
    let debit = json!({"amount": "0.50", "description": "A card"});
    system.send("samia.cmd.debit_wallet", samia::CLARA, debit).await.ok();

    let nest = nestsync::family(world, nestsync::NORA).await;
    nestsync::member(world, nest, nestsync::NORA, nestsync::CARL, "caregiver").await;
    let carl = world.as_person(nestsync::CARL);
    let used = json!({"quantity": "2", "notes": "one night"});
    carl.send("nestsync.cmd.log_usage", nest.item, used).await.ok();

    for person in [restorative::RUTH, restorative::ABEL] {
        restorative::record(world, person).await;
    }
    let saved = json!({"narrative": "It ended in summer"});
    let ruth = world.as_person(restorative::RUTH);
    ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
    let home = carenotes::home(world, "Willow Care", 1).await;
    carenotes::papers(world, home).await;
    world.all_shown().await;
    Busy { school, nest, home }
}
