use annals_domain::{
    lift::{
        Role,
        alert::{AlertAcknowledged, AlertRaised, AlertResolved, AlertStatus, Severity},
        child::{
            ChildArchived, ChildErased, ChildRegistered, ChildTransferred, ConsentRecorded,
            ConsentType, ConsentWithdrawn,
        },
        garden::{GardenItemGranted, GardenItemUnlocked, ItemType},
        invitation::{InvitationRevoked, InvitationStatus, InvitedRole, MemberInvited},
        member::{MemberRemoved, MemberStatus, OrganisationAssigned, ProfileCreated},
        organisation::{InvitationPlaceReleased, InvitationPlaceReserved, OrganisationArchived},
        sticker_book::StickerAwarded,
        wellbeing_session::{
            ActivityType, Answer, ResponseRecorded, ResponseType, SessionAbandoned,
            SessionCompleted, SessionStarted, SessionStatus,
        },
    },
    shared::identity::{ErasureGround, SubjectErased},
    testing::day,
};
use chrono::{Duration, NaiveDate};
use serde_json::{Value, json};

use super::*;
use crate::reaction::testing::{Reacted, Told};

const KIM: Uuid = Uuid::from_u128(0x1c);
const SCHOOL: Uuid = Uuid::from_u128(0x50);
const OTHER: Uuid = Uuid::from_u128(0x51);
const RAISE: &str = "lift.cmd.raise_alert";
const AWARD: &str = "lift.cmd.award_sticker";
const UNLOCKS: &str = "lift.cmd.unlock_garden_item";
const ABANDON: &str = "lift.cmd.abandon_session";

fn session(nth: u128) -> Uuid {
    Uuid::from_u128(0x5e00 + nth)
}

fn told() -> Told {
    Told::new("lift")
}

fn starts(told: &mut Told, nth: u128) -> Reacted {
    let started = SessionStarted {
        child_id: KIM,
        session_type: SessionType::DailyCheckin,
        status: SessionStatus::InProgress,
        started_at: day(1),
        activities_completed: None,
    };
    told.hears::<WellbeingSession>(session(nth), started)
}

fn completes(told: &mut Told, nth: u128, mood: Option<i32>) -> Reacted {
    let completed = SessionCompleted {
        child_id: KIM,
        status: SessionStatus::Completed,
        completed_at: day(1),
        duration_seconds: 60,
        overall_mood: mood,
        notes: None,
    };
    told.hears::<WellbeingSession>(session(nth), completed)
}

fn abandons(told: &mut Told, nth: u128) -> Reacted {
    let status = SessionStatus::Abandoned;
    told.hears::<WellbeingSession>(session(nth), SessionAbandoned { child_id: KIM, status })
}

fn consents(told: &mut Told) {
    let consent = ConsentRecorded { consent_type: ConsentType::Written, consent_date: day(1) };
    told.hears::<Child>(KIM, consent).sends_nothing();
}

/// Sessions completed with these moods; what the last of them led to besides its sticker.
fn after(told: &mut Told, moods: &[i32]) -> Reacted {
    let mut last = None;
    for (nth, mood) in moods.iter().enumerate() {
        starts(told, nth as u128);
        last = Some(completes(told, nth as u128, Some(*mood)));
    }
    let mut last = last.unwrap();
    last.sendings.retain(|it| it.subject == RAISE);
    last
}

fn answer(score: Option<i32>, flags: &[&str]) -> Reacted {
    let recorded = ResponseRecorded {
        id: Uuid::from_u128(0xa5),
        child_id: KIM,
        activity_type: ActivityType::MoodWheel,
        question_key: "mood".into(),
        question_text: None,
        response_type: ResponseType::Scale,
        response_value: Answer::try_from(json!("x")).unwrap(),
        response_score: score,
        flags: Some(flags.iter().map(|&flag| flag.to_owned()).collect()),
        activities_completed: None,
    };
    told().hears::<WellbeingSession>(session(1), recorded)
}

fn alert(severity: &str) -> [(&'static str, Value); 1] {
    [(RAISE, json!({"alert_type": "safeguarding", "severity": severity, "child_id": KIM}))]
}

#[test]
fn a_flag_of_danger_is_urgent_any_other_high_and_the_lowest_score_medium() {
    for flag in ["self_harm", "abuse", "danger"] {
        answer(Some(4), &["tired", flag]).sends(&alert("urgent"));
    }
    let flagged = answer(Some(1), &["worried"]);
    flagged.sends(&alert("high"));
    let data = &flagged.sendings[0].data;
    let trigger = json!({"question_key": "mood", "response_score": 1, "flags": ["worried"]});
    assert_eq!(data["trigger_data"], trigger);
    assert_eq!(data["session_id"], json!(session(1)));
    assert_eq!(data["response_id"], json!(Uuid::from_u128(0xa5)));
    answer(Some(1), &[]).sends(&alert("medium"));
    for fine in [Some(2), Some(5), None] {
        answer(fine, &[]).sends_nothing();
    }
}

#[test]
fn what_is_urgent_is_configuration() {
    let rules = r#"{"lift": {"urgent_flags": ["bullied"], "concerning_score": 2}}"#;
    let rules: crate::reaction::Rules = serde_json::from_str(rules).unwrap();
    assert_eq!(rules.lift.urgent_flags, ["bullied"]);
    assert_eq!(rules.lift.quiet_days, 14);
    assert!(serde_json::from_str::<crate::reaction::Rules>(r#"{"lift": {"quiet": 1}}"#).is_err());
}

#[test]
fn moods_that_fall_by_a_step_are_a_decline_and_by_two_a_steep_one() {
    let decline =
        |severity| [(RAISE, json!({"alert_type": "wellbeing_decline", "severity": severity}))];
    after(&mut told(), &[4, 4, 4, 3, 3, 3]).sends(&decline("medium"));
    after(&mut told(), &[5, 5, 5, 3, 3, 3]).sends(&decline("high"));
    after(&mut told(), &[4, 4, 4, 3, 3, 4]).sends_nothing();
    after(&mut told(), &[4, 4, 3, 3, 3]).sends_nothing();
}

#[test]
fn moods_that_rise_by_a_step_are_good_news() {
    let good = [(RAISE, json!({"alert_type": "positive_change", "severity": "low"}))];
    let raised = after(&mut told(), &[2, 2, 2, 3, 3, 3]);
    raised.sends(&good);
    assert_eq!(raised.by(), [POSITIVE]);
}

#[test]
fn an_open_alert_of_a_kind_is_enough_and_a_resolved_one_makes_room() {
    let mut told = told();
    let first = after(&mut told, &[5, 5, 5, 3, 3, 3]);
    let open: Uuid = first.targets()[0].parse().unwrap();
    starts(&mut told, 7);
    let again = completes(&mut told, 7, Some(1));
    assert_eq!(again.by(), [STICKER]);
    let acknowledged = AlertAcknowledged {
        child_id: KIM,
        status: AlertStatus::Acknowledged,
        acknowledged_by: OTHER,
        acknowledged_at: day(1),
    };
    told.hears::<Alert>(open, acknowledged).sends_nothing();
    let resolved = AlertResolved {
        child_id: KIM,
        status: AlertStatus::Resolved,
        resolved_by: OTHER,
        resolved_at: day(1),
        resolution_notes: None,
    };
    told.hears::<Alert>(open, resolved).sends_nothing();
    starts(&mut told, 8);
    assert_eq!(completes(&mut told, 8, Some(1)).by(), [STICKER, DECLINE]);
}

#[test]
fn sessions_without_a_mood_say_nothing_about_moods() {
    let mut told = told();
    for nth in 0..8 {
        starts(&mut told, nth);
        completes(&mut told, nth, None);
    }
    let raised = after(&mut told, &[4, 4, 4, 3, 3, 3]);
    assert_eq!(raised.sendings.len(), 1);
}

#[test]
fn three_unfinished_sessions_in_a_row_are_a_drop_of_engagement() {
    let mut told = told();
    consents(&mut told);
    for nth in 0..2 {
        starts(&mut told, nth);
        abandons(&mut told, nth).sends_nothing();
    }
    starts(&mut told, 2);
    completes(&mut told, 2, None);
    for nth in 3..5 {
        starts(&mut told, nth);
        abandons(&mut told, nth).sends_nothing();
    }
    starts(&mut told, 5);
    let drop = [(RAISE, json!({"alert_type": "engagement_drop", "severity": "low"}))];
    abandons(&mut told, 5).sends(&drop);
    starts(&mut told, 6);
    abandons(&mut told, 6).sends_nothing();
}

#[test]
fn a_child_that_stays_away_for_a_fortnight_is_noticed_and_again_once_that_is_resolved() {
    let mut told = told();
    consents(&mut told);
    starts(&mut told, 1);
    assert_eq!(told.timer(DROP, KIM), Some(day(1) + Duration::days(14)));
    completes(&mut told, 1, None);
    let drop = told.due(DROP, KIM);
    drop.sends(&[(RAISE, json!({"alert_type": "engagement_drop"}))]);
    assert_eq!(drop.sendings[0].data["trigger_data"]["days"], 14);
    assert_eq!(told.timer(DROP, KIM), Some(day(1) + Duration::days(15)));
    told.due(DROP, KIM).sends_nothing();
    assert_eq!(told.timer(DROP, KIM), Some(day(1) + Duration::days(16)));
}

#[test]
fn nobody_waits_for_a_child_without_consent_or_whose_record_is_closed() {
    let ends: [fn() -> annals_domain::lift::child::Event; 3] =
        [|| ConsentWithdrawn {}.into(), || ChildArchived {}.into(), || ChildErased {}.into()];
    for end in ends {
        let mut told = told();
        consents(&mut told);
        starts(&mut told, 1);
        completes(&mut told, 1, None);
        told.hears::<Child>(KIM, end()).sends_nothing();
        assert_eq!(told.timer(DROP, KIM), None);
    }
}

#[test]
fn a_completed_session_earns_a_sticker_with_a_name() {
    let mut told = told();
    starts(&mut told, 1);
    let sticker = json!({
        "sticker_type": "daily_checkin", "sticker_name": "Sunny Day",
        "earned_for": "session_completed", "session_id": session(1),
    });
    completes(&mut told, 1, None).sends(&[(AWARD, sticker)]);
}

#[test]
fn the_fifth_session_is_a_milestone() {
    let mut told = told();
    for nth in 1..5 {
        starts(&mut told, nth);
        assert_eq!(completes(&mut told, nth, None).by(), [STICKER]);
    }
    starts(&mut told, 5);
    let fifth = completes(&mut told, 5, None);
    assert_eq!(fifth.by(), [STICKER, MILESTONE]);
    assert_eq!(fifth.sendings[1].data["sticker_type"], "milestone_5");
    assert_eq!(fifth.sendings[1].data["sticker_name"], "5 check-ins");
    assert_eq!(fifth.sendings[1].data["earned_for"], "milestone");
}

fn registered(told: &mut Told) -> Reacted {
    let registered = ChildRegistered {
        org_id: SCHOOL,
        display_id: 1,
        registered_on: NaiveDate::default(),
        first_name: "Kim".into(),
        date_of_birth: None,
        year_group: None,
        class_name: None,
        primary_practitioner_id: None,
        parent_guardian_name: None,
        parent_guardian_email: None,
        parent_guardian_phone: None,
        additional_notes: None,
        avatar_character: None,
        preferences: None,
    };
    told.hears::<Child>(KIM, registered)
}

#[test]
fn a_new_child_finds_the_starter_garden() {
    let mut told = told();
    let granted = registered(&mut told);
    let items = told.rules.lift.starter_garden.len();
    assert_eq!(granted.sendings.len(), items);
    assert!(granted.by().iter().all(|it| *it == STARTER));
    let mut ids: Vec<Uuid> = granted.sendings.iter().map(|it| it.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), items, "each grant is a command of its own");
    assert!(granted.sendings.iter().any(|it| it.data["unlock_condition"] == "stickers>=1"));
    assert!(granted.sendings.iter().any(|it| it.data.get("unlock_condition").is_none()));
}

fn granted(told: &mut Told, item: u128, condition: &str) {
    let item = GardenItemGranted {
        id: Uuid::from_u128(item),
        child_id: KIM,
        item_type: ItemType::Flower,
        item_name: "Rose".into(),
        item_category: None,
        position_x: 0,
        position_y: 0,
        size_scale: Default::default(),
        rotation: 0,
        color_scheme: None,
        is_unlocked: false,
        unlock_condition: UnlockCondition::try_from(condition.to_owned()).ok(),
        earned_at: None,
        placed_at: None,
    };
    told.hears::<Garden>(KIM, item).sends_nothing();
}

fn sticker(told: &mut Told) -> Reacted {
    let awarded = StickerAwarded {
        id: Uuid::from_u128(0x57),
        child_id: KIM,
        sticker_type: "daily_checkin".into(),
        sticker_name: "Sunny Day".into(),
        sticker_description: None,
        earned_for: "session_completed".into(),
        session_id: None,
        earned_at: day(1),
    };
    told.hears::<StickerBook>(KIM, awarded)
}

#[test]
fn items_are_unlocked_when_their_condition_holds_and_not_again() {
    let mut told = told();
    granted(&mut told, 1, "stickers>=2");
    granted(&mut told, 2, "sessions>=1");
    sticker(&mut told).sends_nothing();
    sticker(&mut told).sends(&[(UNLOCKS, json!({"item_id": Uuid::from_u128(1)}))]);
    starts(&mut told, 1);
    let unlocked = completes(&mut told, 1, None);
    assert_eq!(unlocked.by(), [STICKER, UNLOCK, UNLOCK]);
    for item in [1, 2] {
        let id = Uuid::from_u128(item);
        let unlocked =
            GardenItemUnlocked { id, child_id: KIM, is_unlocked: true, earned_at: day(1) };
        told.hears::<Garden>(KIM, unlocked).sends_nothing();
    }
    sticker(&mut told).sends_nothing();
}

#[test]
fn an_item_that_comes_after_what_it_waits_for_is_unlocked_at_once() {
    let mut told = told();
    sticker(&mut told).sends_nothing();
    let item = GardenItemGranted {
        id: Uuid::from_u128(1),
        child_id: KIM,
        item_type: ItemType::Flower,
        item_name: "Tulip".into(),
        item_category: None,
        position_x: 0,
        position_y: 0,
        size_scale: Default::default(),
        rotation: 0,
        color_scheme: None,
        is_unlocked: false,
        unlock_condition: UnlockCondition::try_from("stickers>=1".to_owned()).ok(),
        earned_at: None,
        placed_at: None,
    };
    let unlocked = told.hears::<Garden>(KIM, item);
    unlocked.sends(&[(UNLOCKS, json!({"item_id": Uuid::from_u128(1)}))]);
}

#[test]
fn a_session_that_nobody_finished_for_a_day_is_left() {
    let mut told = told();
    starts(&mut told, 1);
    assert_eq!(told.timer(IDLE, session(1)), Some(day(1) + Duration::hours(24)));
    let left = told.due(IDLE, session(1));
    left.sends(&[(ABANDON, json!({}))]);
    assert_eq!(left.targets(), [session(1).to_string()]);
    starts(&mut told, 2);
    completes(&mut told, 2, None);
    assert_eq!(told.timer(IDLE, session(2)), None);
    starts(&mut told, 3);
    abandons(&mut told, 3);
    assert_eq!(told.timer(IDLE, session(3)), None);
}

#[test]
fn a_session_in_progress_ends_with_the_consent() {
    let mut told = told();
    consents(&mut told);
    starts(&mut told, 1);
    completes(&mut told, 1, None);
    starts(&mut told, 2);
    let ended = told.hears::<Child>(KIM, ConsentWithdrawn {});
    ended.sends(&[(ABANDON, json!({}))]);
    assert_eq!(ended.targets(), [session(2).to_string()]);
}

const INVITATION: Uuid = Uuid::from_u128(0x171);

fn invited(told: &mut Told) -> Reacted {
    let invited = MemberInvited {
        org_id: SCHOOL,
        email: "new@example.org".into(),
        role: InvitedRole::Practitioner,
        invited_by: OTHER,
        invitation_token: "hash".into(),
        status: InvitationStatus::Pending,
        expires_at: day(8),
    };
    told.hears::<Invitation>(INVITATION, invited)
}

#[test]
fn an_invitation_lapses_when_its_time_has_passed() {
    let mut told = told();
    invited(&mut told).sends_nothing();
    assert_eq!(told.timer(EXPIRY, INVITATION), Some(day(8)));
    told.due(EXPIRY, INVITATION).sends(&[("lift.cmd.expire_invitation", json!({}))]);
    invited(&mut told);
    told.hears::<Invitation>(INVITATION, InvitationRevoked {}).sends_nothing();
    assert_eq!(told.timer(EXPIRY, INVITATION), None);
}

#[test]
fn whoever_sends_messages_is_told_of_an_invitation_and_not_of_the_address() {
    let told = invited(&mut told());
    let [notice] = &told.notices[..] else { panic!("{told:?}") };
    assert_eq!((notice.reaction, notice.name), (MESSAGE, "invitation_made"));
    assert_eq!(notice.data["invitation_id"], json!(INVITATION));
    assert!(!notice.data.to_string().contains("example.org"));
}

fn employs(told: &mut Told, person: u128, role: Role, org_id: Option<Uuid>) {
    let created = ProfileCreated {
        email: "staff@example.org".into(),
        name: "Staff".into(),
        role,
        org_id,
        status: MemberStatus::Active,
        avatar_url: None,
    };
    told.hears::<Member>(Uuid::from_u128(person), created).sends_nothing();
}

#[test]
fn with_an_organisation_end_its_invitations_its_staff_and_its_children() {
    let mut told = told();
    registered(&mut told);
    for (person, role, org) in [
        (1, Role::GroupContact, Some(SCHOOL)),
        (2, Role::Practitioner, Some(SCHOOL)),
        (3, Role::Practitioner, Some(SCHOOL)),
        (4, Role::Practitioner, Some(OTHER)),
        (5, Role::Account, None),
    ] {
        employs(&mut told, person, role, org);
    }
    told.hears::<Member>(Uuid::from_u128(3), MemberRemoved {}).sends_nothing();
    let moves = OrganisationAssigned { org_id: Some(SCHOOL) };
    told.hears::<Member>(Uuid::from_u128(4), moves).sends_nothing();
    let reserved = |id: u128| InvitationPlaceReserved {
        invitation_id: Uuid::from_u128(id),
        pending_invitations: 1,
    };
    told.hears::<Organisation>(SCHOOL, reserved(8));
    told.hears::<Organisation>(SCHOOL, reserved(9));
    let released =
        InvitationPlaceReleased { invitation_id: Uuid::from_u128(8), pending_invitations: 1 };
    told.hears::<Organisation>(SCHOOL, released);
    let closed = told.hears::<Organisation>(SCHOOL, OrganisationArchived {});
    closed.sends(&[
        ("lift.cmd.revoke_invitation", json!({})),
        ("lift.cmd.deactivate_member", json!({})),
        ("lift.cmd.deactivate_member", json!({})),
        ("lift.cmd.deactivate_member", json!({})),
        ("lift.cmd.archive_child", json!({})),
    ]);
    let id = |nth: u128| Uuid::from_u128(nth).to_string();
    assert_eq!(closed.targets(), [id(9), id(1), id(2), id(4), KIM.to_string()]);
}

#[test]
fn a_child_that_went_elsewhere_is_not_closed_with_its_old_school() {
    let mut told = told();
    registered(&mut told);
    let to = ChildTransferred { org_id: OTHER, display_id: 1, primary_practitioner_id: None };
    told.hears::<Child>(KIM, to).sends_nothing();
    told.hears::<Organisation>(SCHOOL, OrganisationArchived {}).sends_nothing();
    let closed = told.hears::<Organisation>(OTHER, OrganisationArchived {});
    assert_eq!(closed.targets(), [KIM.to_string()]);
}

#[test]
fn alerts_that_others_raised_count_as_open() {
    let mut told = told();
    let raised = AlertRaised {
        child_id: KIM,
        alert_type: AlertType::WellbeingDecline,
        severity: Severity::Low,
        title: "t".into(),
        description: "d".into(),
        trigger_data: None,
        session_id: None,
        response_id: None,
        status: AlertStatus::Unread,
    };
    told.hears::<Alert>(OTHER, raised).sends_nothing();
    after(&mut told, &[5, 5, 5, 3, 3, 3]).sends_nothing();
}

/// A row of a table, as the event that it becomes.
fn row<D: annals_domain::Decider>(table: &str, columns: Value) -> D::Event {
    let types = <D::Event as annals_domain::DomainEvent>::ROWS;
    let of = types.iter().find(|row| row.table == table).unwrap();
    let payload = columns.as_object().cloned().unwrap();
    <D::Event as annals_domain::DomainEvent>::read(of.event.name, payload.into()).unwrap().unwrap()
}

#[test]
fn what_was_there_before_the_log_is_remembered_and_nothing_is_sent_for_it() {
    let mut told = told();
    let kim = json!({"id": KIM, "org_id": SCHOOL, "consent_given": true});
    told.hears::<Child>(KIM, row::<Child>("children", kim)).sends_nothing();
    for nth in 0..4 {
        let session_row = json!({
            "id": session(nth), "child_id": KIM, "session_type": "daily_checkin",
            "status": "completed", "started_at": day(1),
        });
        let session_row = row::<WellbeingSession>("wellbeing_sessions", session_row);
        told.hears::<WellbeingSession>(session(nth), session_row).sends_nothing();
    }
    let pending = json!({
        "id": INVITATION, "org_id": SCHOOL, "status": "pending", "expires_at": day(8),
    });
    told.hears::<Invitation>(INVITATION, row::<Invitation>("invitations", pending)).sends_nothing();
    assert_eq!(told.timer(EXPIRY, INVITATION), Some(day(8)));
    assert_eq!(told.timer(DROP, KIM), Some(day(15)));
    starts(&mut told, 9);
    assert_eq!(completes(&mut told, 9, None).by(), [STICKER, MILESTONE], "the fifth of all");
    let closed = told.hears::<Organisation>(SCHOOL, OrganisationArchived {});
    assert_eq!(closed.targets(), [INVITATION.to_string(), KIM.to_string()]);
}

#[test]
fn whoever_is_erased_as_a_person_is_erased_as_a_child_or_a_member() {
    let erased = || SubjectErased { ground: ErasureGround::ConsentWithdrawn };
    let mut told = told();
    registered(&mut told);
    employs(&mut told, 1, Role::Practitioner, Some(SCHOOL));
    let child = told.hears::<Identity>(KIM, erased());
    child.sends(&[("lift.cmd.erase_child", json!({}))]);
    let member = told.hears::<Identity>(Uuid::from_u128(1), erased());
    member.sends(&[("lift.cmd.erase_member", json!({}))]);
    told.hears::<Identity>(OTHER, erased()).sends_nothing();
}
