use super::*;
use crate::{
    DomainEvent,
    testing::{ADA, BOB, Given, day, given},
};

const SCHOOL: Uuid = Uuid::from_u128(0x5c);
const CLINIC: Uuid = Uuid::from_u128(0xc1);

fn born(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 6, 15)
}

fn registration(first_name: &str, date_of_birth: Option<NaiveDate>) -> EnrolChild {
    let registration = RegisterChild {
        org_id: SCHOOL,
        first_name: first_name.into(),
        date_of_birth,
        year_group: None,
        class_name: Some("2b".into()),
        primary_practitioner_id: Some(ADA),
        parent_guardian_name: None,
        parent_guardian_email: Some("Mum@Example.org".into()),
        parent_guardian_phone: None,
        additional_notes: None,
        avatar_character: None,
        preferences: None,
    };
    EnrolChild { registration, display_id: 7 }
}

fn registered() -> ChildRegistered {
    ChildRegistered {
        org_id: SCHOOL,
        display_id: 7,
        registered_on: day(1).date_naive(),
        first_name: "Bo".into(),
        date_of_birth: born(2018),
        year_group: None,
        class_name: Some("2b".into()),
        primary_practitioner_id: Some(ADA),
        parent_guardian_name: None,
        parent_guardian_email: Some("mum@example.org".into()),
        parent_guardian_phone: None,
        additional_notes: None,
        avatar_character: Some("default".into()),
        preferences: Some(Map::new()),
    }
}

fn child() -> Given<Child> {
    given([registered().into()])
}

#[test]
fn a_child_is_registered_once_with_what_the_contract_fills_in() {
    given::<Child>([])
        .when(registration(" Bo ", born(2018)))
        .then([registered()])
        .when(registration("Bo", born(2018)))
        .refused("ChildAlreadyRegistered");
}

#[test]
fn a_child_is_five_to_eleven_on_the_day_of_registration() {
    let fifth = NaiveDate::from_ymd_opt(2021, 1, 1);
    let day_short = NaiveDate::from_ymd_opt(2021, 1, 2);
    let last_of_eleven = NaiveDate::from_ymd_opt(2014, 1, 2);
    let twelve = NaiveDate::from_ymd_opt(2014, 1, 1);
    for refused in [day_short, twelve, born(2030)] {
        given::<Child>([]).when(registration("Bo", refused)).refused("ChildAgeOutOfRange");
    }
    for accepted in [fifth, last_of_eleven, None] {
        let (_, events) = given::<Child>([]).when(registration("Bo", accepted)).events();
        assert_eq!(events.len(), 1, "{accepted:?}");
    }
}

#[test]
fn a_corrected_birthday_counts_at_the_day_of_registration() {
    let birthday =
        |date| UpdateChildDetails { date_of_birth: Some(date), ..UpdateChildDetails::default() };
    let (given, events) = child().at(day(2000)).when(birthday(born(2015))).events();
    assert_eq!(events.len(), 1, "ten years old when registered");
    given
        .when(birthday(born(2022)))
        .refused("ChildAgeOutOfRange")
        .when(birthday(None))
        .then([ChildDetailsUpdated { date_of_birth: Some(None), ..Default::default() }]);
}

#[test]
fn one_first_name_is_taken_and_no_other() {
    for bad in ["", " ", "Bo Lee", "Bo-", "-", "B0", "Bo!", "B\u{7}o", &"a".repeat(61)] {
        given::<Child>([]).when(registration(bad, None)).refused("UnknownField");
        let first_name = Some(bad.to_owned());
        child()
            .when(UpdateChildDetails { first_name, ..UpdateChildDetails::default() })
            .refused("UnknownField");
    }
    for good in ["Bo", "Anna-Lena", "Zoë", "Ng’ang’a", "D'Arcy", "प्रिया", &"ä".repeat(60)]
    {
        let (_, events) = given::<Child>([]).when(registration(good, None)).events();
        assert_eq!(events.len(), 1, "{good}");
    }
}

#[test]
fn what_is_left_out_of_an_update_stays() {
    let change = UpdateChildDetails {
        class_name: Some(None),
        parent_guardian_email: Some(Some("Dad@Example.org".into())),
        ..UpdateChildDetails::default()
    };
    let (given, events) =
        child().when(UpdateChildDetails::default()).then_nothing().when(change).events();
    assert_eq!(
        events[0].payload_value().unwrap(),
        serde_json::json!({"class_name": null, "parent_guardian_email": "dad@example.org"})
    );
    let nowhere = Some(Some("nowhere".to_owned()));
    given
        .when(UpdateChildDetails { parent_guardian_email: nowhere, ..Default::default() })
        .refused("EmailMalformed");
}

#[test]
fn consent_comes_with_its_kind_and_a_time_that_is_not_in_the_future() {
    let (kind, yesterday) = (Some(ConsentType::Written), Some(day(0)));
    let consent = |consent_type, consent_date| RecordConsent { consent_type, consent_date };
    let ancient = DateTime::from_timestamp(-1, 0);
    let given = child()
        .when(consent(None, yesterday))
        .refused("ConsentIncomplete")
        .when(consent(kind, None))
        .refused("ConsentIncomplete")
        .when(consent(kind, Some(day(2))))
        .refused("ConsentIncomplete")
        .when(consent(kind, ancient))
        .refused("ConsentIncomplete");
    assert_eq!(given.state.may_check_in(), Err(Refusal::ConsentMissing));
    let given = given
        .when(consent(kind, yesterday))
        .then([ConsentRecorded { consent_type: ConsentType::Written, consent_date: day(0) }])
        .when(consent(kind, yesterday))
        .then_nothing()
        .when(consent(Some(ConsentType::Digital), Some(day(1))))
        .then([ConsentRecorded { consent_type: ConsentType::Digital, consent_date: day(1) }]);
    assert_eq!(given.state.may_check_in(), Ok(()));
}

#[test]
fn without_consent_no_check_in_starts() {
    let recorded = ConsentRecorded { consent_type: ConsentType::Verbal, consent_date: day(1) };
    let given = child()
        .when(WithdrawConsent {})
        .then_nothing()
        .and(recorded)
        .when(WithdrawConsent {})
        .then([ConsentWithdrawn {}])
        .when(WithdrawConsent {})
        .then_nothing();
    assert_eq!(given.state.may_check_in(), Err(Refusal::ConsentMissing));
}

#[test]
fn staff_look_after_a_child() {
    let notes = "speaks to Ada only";
    child()
        .when(AssignPrimaryPractitioner { primary_practitioner_id: BOB })
        .then([PrimaryPractitionerAssigned { primary_practitioner_id: BOB }])
        .when(AssignPrimaryPractitioner { primary_practitioner_id: BOB })
        .then_nothing()
        .when(RecordSafeguardingNote { safeguarding_notes: notes.into() })
        .then([SafeguardingNoteRecorded { safeguarding_notes: Some(notes.into()) }])
        .when(ChangeChildPreferences::default())
        .then_nothing()
        .when(ChangeChildPreferences {
            avatar_character: Some(Some("fox".into())),
            preferences: None,
        })
        .then([ChildPreferencesChanged {
            avatar_character: Some(Some("fox".into())),
            preferences: None,
        }]);
}

#[test]
fn a_moved_child_has_the_new_organisations_number_and_practitioner() {
    let transfer = TransferChild { org_id: CLINIC, primary_practitioner_id: None };
    let given = child().when(ReceiveChild { transfer, display_id: 1 }).then([ChildTransferred {
        org_id: CLINIC,
        display_id: 1,
        primary_practitioner_id: None,
    }]);
    assert_eq!(given.state.org_id, Some(CLINIC));
    assert_eq!(given.state.primary_practitioner_id, None);
}

#[test]
fn nothing_is_asked_of_an_archived_child_but_its_erasure() {
    let transfer = TransferChild { org_id: CLINIC, primary_practitioner_id: None };
    let given = child()
        .when(ArchiveChild {})
        .then([ChildArchived {}])
        .when(ArchiveChild {})
        .then_nothing()
        .when(UpdateChildDetails::default())
        .refused("ChildIsArchived")
        .when(WithdrawConsent {})
        .refused("ChildIsArchived")
        .when(ReceiveChild { transfer, display_id: 1 })
        .refused("ChildIsArchived")
        .when(EraseChild {})
        .then([ChildErased {}])
        .when(EraseChild {})
        .then_nothing();
    assert!(given.state.archived && given.state.erased);
}

#[test]
fn a_forgotten_child_leaves_the_same_state() {
    let preferences = ChildPreferencesChanged {
        avatar_character: Some(Some("fox".into())),
        preferences: Some(Some(Map::new())),
    };
    let clear: [Event; 3] = [
        registered().into(),
        preferences.into(),
        SafeguardingNoteRecorded { safeguarding_notes: Some("…".into()) }.into(),
    ];
    let forgotten = clear.clone().map(|event| {
        let mut payload = event.payload_value().unwrap();
        for field in event.event_type().personal {
            payload[field.name] = field.tombstone.value("c");
        }
        let read = Event::read(event.event_type().name, payload.clone()).unwrap().unwrap();
        assert_eq!(read.payload_value().unwrap(), payload, "tombstones reach the rows");
        read
    });
    assert_eq!(given::<Child>(forgotten).state, given::<Child>(clear).state);
}
