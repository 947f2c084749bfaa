use serde_json::json;

use super::*;
use crate::{
    DomainEvent, Subject,
    testing::{ADA, BOB, Given, day, given},
};

const KIM: Uuid = Uuid::from_u128(0xc1);
const SESSION: Uuid = Uuid::from_u128(0x5e55);
const RESPONSE: Uuid = Uuid::from_u128(0xa9);

fn raise() -> RaiseAlert {
    RaiseAlert {
        child_id: KIM,
        alert_type: AlertType::Safeguarding,
        severity: Severity::High,
        title: "Kim needs you".into(),
        description: "A worry about home".into(),
        trigger_data: Some(json!({ "flags": ["fear"] })),
        session_id: Some(SESSION),
        response_id: Some(RESPONSE),
    }
}

fn raised() -> Event {
    AlertRaised {
        child_id: KIM,
        alert_type: AlertType::Safeguarding,
        severity: Severity::High,
        title: "Kim needs you".into(),
        description: "A worry about home".into(),
        trigger_data: Some(json!({ "flags": ["fear"] })),
        session_id: Some(SESSION),
        response_id: Some(RESPONSE),
        status: AlertStatus::Unread,
    }
    .into()
}

fn acknowledged() -> Event {
    AlertAcknowledged {
        child_id: KIM,
        status: AlertStatus::Acknowledged,
        acknowledged_by: ADA,
        acknowledged_at: day(1),
    }
    .into()
}

fn escalated() -> Event {
    AlertEscalated { child_id: KIM, status: AlertStatus::Escalated }.into()
}

fn resolve() -> ResolveAlert {
    ResolveAlert { resolution_notes: Some("Talked to Kim".into()) }
}

fn resolved() -> Event {
    AlertResolved {
        child_id: KIM,
        status: AlertStatus::Resolved,
        resolved_by: ADA,
        resolved_at: day(1),
        resolution_notes: Some("Talked to Kim".into()),
    }
    .into()
}

/// An alert that has come so far.
fn alert(events: &[Event]) -> Given<Alert> {
    given::<Alert>(events.iter().cloned())
}

#[test]
fn an_alert_is_raised_once_and_unread_at_first() {
    given::<Alert>([]).when(raise()).then([raised()]).when(raise()).refused("AlertAlreadyRaised");
}

#[test]
fn whoever_acknowledges_is_named_with_the_time() {
    alert(&[raised()]).by(BOB).at(day(2)).when(AcknowledgeAlert {}).then([AlertAcknowledged {
        child_id: KIM,
        status: AlertStatus::Acknowledged,
        acknowledged_by: BOB,
        acknowledged_at: day(2),
    }]);
}

#[test]
fn an_acknowledged_alert_is_resolved_by_somebody_at_a_time() {
    alert(&[raised(), acknowledged()]).by(BOB).at(day(3)).when(resolve()).then([AlertResolved {
        child_id: KIM,
        status: AlertStatus::Resolved,
        resolved_by: BOB,
        resolved_at: day(3),
        resolution_notes: Some("Talked to Kim".into()),
    }]);
}

#[test]
fn an_acknowledged_alert_may_be_escalated_and_then_resolved() {
    alert(&[raised(), acknowledged()])
        .when(EscalateAlert {})
        .then([escalated()])
        .when(resolve())
        .then([resolved()]);
}

#[test]
fn an_unread_alert_is_acknowledged_before_anything_else() {
    alert(&[raised()])
        .when(EscalateAlert {})
        .refused("AlertTransitionRefused")
        .when(resolve())
        .refused("AlertTransitionRefused");
}

#[test]
fn an_alert_is_acknowledged_once() {
    for events in [
        vec![raised(), acknowledged()],
        vec![raised(), acknowledged(), escalated()],
        vec![raised(), acknowledged(), resolved()],
    ] {
        alert(&events).when(AcknowledgeAlert {}).refused("AlertTransitionRefused");
    }
}

#[test]
fn an_alert_is_escalated_once() {
    alert(&[raised(), acknowledged(), escalated()])
        .when(EscalateAlert {})
        .refused("AlertTransitionRefused");
}

#[test]
fn a_resolved_alert_stays_resolved() {
    alert(&[raised(), acknowledged(), resolved()])
        .when(EscalateAlert {})
        .refused("AlertTransitionRefused")
        .when(resolve())
        .refused("AlertTransitionRefused");
}

#[test]
fn an_alert_that_nobody_raised_goes_nowhere() {
    alert(&[])
        .when(AcknowledgeAlert {})
        .refused("AlertTransitionRefused")
        .when(EscalateAlert {})
        .refused("AlertTransitionRefused")
        .when(resolve())
        .refused("AlertTransitionRefused");
}

#[test]
fn a_resolution_says_what_was_done() {
    for resolution_notes in [None, Some(String::new()), Some(" \n".into())] {
        alert(&[raised(), acknowledged()])
            .when(ResolveAlert { resolution_notes })
            .refused("ResolutionNotesMissing");
    }
}

#[test]
fn a_resolution_without_notes_is_refused_by_the_rule_and_not_by_the_form() {
    let parsed = serde_json::from_value::<ResolveAlert>(json!({})).unwrap();
    assert_eq!(parsed, ResolveAlert { resolution_notes: None });
    let schema = schemars::schema_for!(ResolveAlert);
    assert_eq!(schema.get("required"), Some(&json!(["resolution_notes"])));
}

#[test]
fn an_erased_childs_alert_is_remembered_alike() {
    let clear = [raised(), acknowledged(), escalated(), resolved()];
    let gone = clear.clone().map(|event| {
        let kind = event.event_type();
        assert_eq!(kind.subject, Subject::Field("child_id"));
        let mut payload = event.payload_value().unwrap();
        for field in kind.personal {
            payload[field.name] = field.tombstone.value(&KIM.to_string());
        }
        Event::read(kind.name, payload).unwrap().unwrap()
    });
    let told = gone.iter().map(|event| event.payload().unwrap()).collect::<String>();
    for word in ["Kim", "worry", "fear"] {
        assert!(!told.contains(word), "{word} is still there: {told}");
    }
    assert_eq!(alert(&gone).state, alert(&clear).state);
}
