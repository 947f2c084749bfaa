use annals_tests::{
    World,
    lift::{account, organisation},
    token,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_belongs_to_an_organisation_joins_no_other() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let clinic = organisation(&world, "Elm Clinic", 2).await;
    // The SHA-256 of the token that follows.
    let hash = "3a21f7d545fd51b96bea73c2c9337de532f34089ef2557d6652b183dc1556381";
    let data = json!({
        "org_id": school.id, "email": token::address(clinic.practitioner), "role": "Practitioner",
        "invitation_token": hash,
    });
    let contact = world.as_person(school.contact);
    let invitation = contact.send("lift.cmd.invite_member", (), data).await.ok().id();
    let before = world.events().await;
    let invitee = world.as_person(clinic.practitioner);
    let data = json!({"token": "a-token-for-may", "name": "Already somewhere"});
    let answer = invitee.send("lift.cmd.accept_invitation", invitation, data).await;
    answer.refused("already_member");
    assert_eq!(world.events().await, before, "something was stored");
}
