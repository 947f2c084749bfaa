use annals_tests::World;
use serde_json::json;
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(0xada);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_peoples_data_has_its_rules() {
    let world = World::start().await;
    world.knows(ADA).await;
    let (system, operator) = (world.as_system(), world.as_operator());
    let until = json!({"records": "carenotes.resident", "keep_until": "2090-01-01T00:00:00Z"});
    system.send("shared.cmd.set_retention", ADA, until).await.accepted(&["RetentionSet"]);
    let before = world.events().await;
    let reference = json!({"basis": "complaint", "reference": "x".repeat(201)});
    let copy = json!({"context": "lift", "kind": "child", "position": 1, "manifest": "none"});
    let read = json!({
        "what": "lift.children.safeguarding_notes", "reader": ADA, "login": "somebody",
        "purpose": "curious", "read_at": "2026-01-01T00:00:00Z",
    });
    let erase = json!({"ground": "subject_request"});
    for (command, data, code) in [
        ("place_hold", reference, "reference_too_long"),
        ("release_hold", json!({"hold_id": ADA}), "unknown_hold"),
        ("record_access", copy, "manifest_malformed"),
        ("record_sensitive_read", read, "purpose_missing"),
        ("erase_subject", erase, "retention_not_over"),
        ("change_identity_email", json!({"email": "nobody"}), "email_malformed"),
    ] {
        let subject = format!("shared.cmd.{command}");
        let answer = match command {
            "place_hold" | "release_hold" | "erase_subject" => {
                operator.send(&subject, ADA, data).await
            }
            _ => system.send(&subject, ADA, data).await,
        };
        answer.refused(code);
        assert_eq!(world.events().await, before, "{command}: something was stored");
    }
}
