use serde_json::json;

use super::*;
use crate::testing::{Given, day, given};

const HOUSE: Uuid = Uuid::from_u128(0xb01);
const LODGE: Uuid = Uuid::from_u128(0xb02);

/// The n-th day of the tests' calendar.
fn date(n: i64) -> NaiveDate {
    day(n).date_naive()
}

fn admit() -> AdmitResident {
    AdmitResident {
        facility_id: Some(HOUSE),
        first_name: Some("Edith".parse().unwrap()),
        last_name: None,
        date_of_birth: None,
        nhs_number: Some(" 943 476 5919 ".parse().unwrap()),
        room_number: Some("12".parse().unwrap()),
        admission_date: Some(date(10)),
        medical_details: None,
        contact_details: None,
        preferences: None,
    }
}

fn edith() -> Event {
    ResidentAdmitted {
        facility_id: HOUSE,
        first_name: Some("Edith".parse().unwrap()),
        last_name: None,
        date_of_birth: None,
        nhs_number: Some("9434765919".parse().unwrap()),
        room_number: Some("12".parse().unwrap()),
        admission_date: date(10),
        status: Status::Admitted,
        medical_details: None,
        contact_details: None,
        preferences: None,
    }
    .into()
}

fn discharged(n: i64) -> Event {
    ResidentDischarged { status: Status::Discharged, discharge_date: date(n) }.into()
}

fn died(n: i64) -> Event {
    ResidentDied { status: Status::Deceased, discharge_date: date(n) }.into()
}

fn moved(facility_id: Uuid, n: i64) -> Event {
    ResidentMoved { facility_id, room_number: None, moved_on: date(n) }.into()
}

/// After all that happened, on the 40th day.
fn on_day_40(events: impl IntoIterator<Item = Event>) -> Given<Resident> {
    given::<Resident>(events).at(day(40))
}

#[test]
fn a_resident_is_admitted_once_to_a_facility_and_the_nhs_number_has_no_spaces() {
    on_day_40([])
        .when(AdmitResident { facility_id: None, ..admit() })
        .refused("ReferenceRequired")
        .when(admit())
        .then([edith()])
        .when(admit())
        .refused("ResidentAlreadyAdmitted");
}

#[test]
fn a_stay_begins_today_where_no_day_is_given() {
    let (_, events) =
        on_day_40([]).when(AdmitResident { admission_date: None, ..admit() }).events();
    let [Event::ResidentAdmitted(admitted)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(admitted.admission_date, date(40));
}

#[test]
fn admitted_goes_to_discharged_and_back_or_to_deceased() {
    on_day_40([edith()])
        .when(ReadmitResident::default())
        .refused("ResidentTransitionRefused")
        .when(DischargeResident { discharge_date: Some(date(20)) })
        .then([discharged(20)])
        .when(DischargeResident::default())
        .refused("ResidentTransitionRefused")
        .when(RecordResidentDeath::default())
        .refused("ResidentTransitionRefused")
        .when(MoveResident { facility_id: Some(LODGE), room_number: None })
        .refused("ResidentTransitionRefused")
        .when(ReadmitResident { facility_id: Some(LODGE), ..Default::default() })
        .then([ResidentReadmitted {
            status: Status::Admitted,
            facility_id: LODGE,
            room_number: None,
            admission_date: date(40),
            discharge_date: None,
        }])
        .when(RecordResidentDeath::default())
        .then([died(40)]);
}

#[test]
fn death_is_final() {
    on_day_40([edith(), died(20)])
        .when(ReadmitResident::default())
        .refused("ResidentTransitionRefused")
        .when(DischargeResident::default())
        .refused("ResidentTransitionRefused")
        .when(RecordResidentDeath::default())
        .refused("ResidentTransitionRefused");
}

#[test]
fn a_stay_does_not_end_before_it_began() {
    let early = Some(date(9));
    on_day_40([edith()])
        .when(DischargeResident { discharge_date: early })
        .refused("DischargeBeforeAdmission")
        .when(RecordResidentDeath { discharge_date: early })
        .refused("DischargeBeforeAdmission")
        .when(DischargeResident { discharge_date: Some(date(10)) })
        .then([discharged(10)]);
}

#[test]
fn a_readmission_begins_a_stay_that_ends_after_it() {
    on_day_40([edith(), discharged(20)])
        .when(ReadmitResident { admission_date: Some(date(30)), ..Default::default() })
        .events()
        .0
        .when(DischargeResident { discharge_date: Some(date(25)) })
        .refused("DischargeBeforeAdmission")
        .when(DischargeResident { discharge_date: Some(date(31)) })
        .then([discharged(31)]);
}

#[test]
fn a_move_is_to_a_facility_or_to_a_room() {
    let room = || Some("7".parse().unwrap());
    let into = |facility_id| ResidentMoved { facility_id, room_number: room(), moved_on: date(40) };
    on_day_40([edith()])
        .when(MoveResident::default())
        .then_nothing()
        .when(MoveResident { facility_id: None, room_number: room() })
        .then([into(HOUSE)])
        .when(MoveResident { facility_id: Some(LODGE), room_number: room() })
        .then([into(LODGE)]);
}

#[test]
fn care_is_given_on_the_days_of_a_stay_that_have_begun() {
    let moment = |n| Moment::new(day(n), Uuid::nil(), Uuid::nil());
    let edith = on_day_40([edith(), discharged(20)]).state;
    for (n, was_in_care) in [(9, false), (10, true), (20, true), (21, false)] {
        assert_eq!(edith.was_in_care(date(n), &moment(40)), was_in_care, "day {n}");
    }
    assert!(!edith.was_in_care(date(15), &moment(14)), "tomorrow");
    assert!(edith.was_in_care(date(15), &moment(15)), "today");
}

#[test]
fn care_of_an_earlier_stay_can_still_be_noted() {
    let moment = Moment::new(day(40), Uuid::nil(), Uuid::nil());
    let again = ReadmitResident { admission_date: Some(date(30)), ..Default::default() };
    let edith = on_day_40([edith(), discharged(20)]).when(again).events().0.state;
    for (n, was_in_care) in [(15, true), (25, false), (35, true)] {
        assert_eq!(edith.was_in_care(date(n), &moment), was_in_care, "day {n}");
    }
}

#[test]
fn somebody_lived_where_they_lived_that_day_or_lives_where_they_are() {
    let edith = on_day_40([edith(), moved(LODGE, 20)]).state;
    assert_eq!(edith.facility_id(), Some(LODGE));
    for (facility, n, lived) in [
        (HOUSE, 15, true),
        (HOUSE, 20, true),
        (HOUSE, 21, false),
        (LODGE, 20, true),
        // Lives there now, whatever the day.
        (LODGE, 15, true),
    ] {
        assert_eq!(edith.lived_in(facility, date(n)), lived, "{facility} on day {n}");
    }
    let gone = on_day_40([self::edith(), discharged(20)]).state;
    assert!(gone.lived_in(HOUSE, date(20)));
    assert!(!gone.lived_in(HOUSE, date(21)));
}

#[test]
fn notes_are_kept_as_ciphertext_only() {
    let notes = |value| RecordMedicalNotes { encrypted_medical_notes: value };
    let sealed = json!({
        "version": 1, "key_id": "edith", "nonce": "AAECAwQFBgcICQoL",
        "data": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg==",
    });
    let column = Envelope::of(&sealed).unwrap().column().ok();
    on_day_40([edith()])
        .when(notes(json!("She sleeps badly")))
        .refused("NotCiphertext")
        .when(notes(json!(null)))
        .refused("NotCiphertext")
        .when(notes(sealed))
        .then([MedicalNotesRecorded { encrypted_medical_notes: column }]);
}

#[test]
fn what_is_known_changes_where_it_is_told_to() {
    let change = UpdateResidentDetails {
        nhs_number: Some(Some("943 476 5870".parse().unwrap())),
        last_name: Some(None),
        ..Default::default()
    };
    let preferences = Some(json!({"tea": "no sugar"}));
    let medical_details = Some(json!({"allergies": ["penicillin"]}));
    on_day_40([edith()])
        .when(change)
        .then([ResidentDetailsUpdated {
            nhs_number: Some(Some("9434765870".parse().unwrap())),
            last_name: Some(None),
            ..Default::default()
        }])
        .when(UpdateResidentDetails::default())
        .then_nothing()
        .when(RecordResidentPreferences { preferences: preferences.clone() })
        .then([ResidentPreferencesRecorded { preferences }])
        .when(RecordMedicalDetails { medical_details: medical_details.clone() })
        .then([MedicalDetailsRecorded { medical_details }]);
}

#[test]
fn a_resident_is_erased_once_and_can_still_leave() {
    on_day_40([edith()])
        .when(EraseResident {})
        .then([ResidentErased {}])
        .when(EraseResident {})
        .then_nothing()
        .when(DischargeResident::default())
        .then([discharged(40)]);
    on_day_40([]).when(EraseResident {}).refused("ResidentUnknown");
}
