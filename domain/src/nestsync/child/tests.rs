use super::*;
use crate::testing::{ADA, day, given};

const FAMILY: Uuid = Uuid::from_u128(0xfa);
const OTHERS: Uuid = Uuid::from_u128(0xfb);

fn add() -> AddChild {
    AddChild {
        family_id: FAMILY,
        first_name: "Kim".into(),
        last_name: None,
        date_of_birth: NaiveDate::from_ymd_opt(2022, 5, 4),
        clothing_size: Some("98".into()),
        shoe_size: None,
        notes: None,
    }
}

fn added() -> Event {
    ChildAdded {
        family_id: FAMILY,
        first_name: "Kim".into(),
        last_name: None,
        date_of_birth: NaiveDate::from_ymd_opt(2022, 5, 4),
        clothing_size: Some("98".into()),
        shoe_size: None,
        notes: None,
        created_by: ADA,
    }
    .into()
}

#[test]
fn a_child_is_added_once_and_has_a_first_name() {
    given::<Child>([])
        .when(AddChild { first_name: " ".into(), ..add() })
        .refused("FirstNameBlank")
        .when(add())
        .then([added()])
        .when(add())
        .refused("ChildAlreadyAdded");
}

#[test]
fn what_is_not_given_stays_and_null_clears() {
    let change = UpdateChildProfile {
        clothing_size: Some(Some("104".into())),
        date_of_birth: Some(None),
        ..Default::default()
    };
    let updated = ChildProfileUpdated {
        clothing_size: Some(Some("104".into())),
        date_of_birth: Some(None),
        ..Default::default()
    };
    given::<Child>([added()])
        .when(change)
        .then([updated])
        .when(UpdateChildProfile::default())
        .then_nothing()
        .when(UpdateChildProfile { first_name: Some(String::new()), ..Default::default() })
        .refused("FirstNameBlank");
}

#[test]
fn a_removed_child_does_not_change() {
    given::<Child>([added()])
        .when(RemoveChild {})
        .then([ChildRemoved { deleted_at: day(1) }])
        .when(RemoveChild {})
        .then_nothing()
        .when(UpdateChildProfile::default())
        .refused("ChildGone");
    given::<Child>([]).when(RemoveChild {}).refused("ChildUnknown");
}

#[test]
fn a_child_belongs_to_one_family() {
    let kim = given::<Child>([added()]).state;
    assert_eq!(kim.in_family(FAMILY), Ok(()));
    assert_eq!(kim.in_family(OTHERS), Err(Refusal::WrongFamily));
    assert_eq!(Child::default().in_family(FAMILY), Err(Refusal::WrongFamily));
    let removed = Event::from(ChildRemoved { deleted_at: day(1) });
    let gone = given::<Child>([added(), removed]).state;
    assert_eq!(gone.in_family(FAMILY), Err(Refusal::ChildGone));
}

fn grandma() -> Contact {
    Contact {
        name: "Grandma".into(),
        phone: "+1 416 555 0100".into(),
        relationship: Some("grandmother".into()),
    }
}

fn profile(contacts: Vec<Contact>) -> CreateEmergencyProfile {
    CreateEmergencyProfile {
        contacts,
        allergies: vec!["peanuts".into()],
        medical_conditions: vec![],
        medications: vec![],
        physician_name: None,
        physician_phone: None,
        instructions: None,
    }
}

#[test]
fn a_child_has_one_emergency_profile_with_at_least_one_contact() {
    let unreachable = Contact { phone: " ".into(), ..grandma() };
    let (given, events) = given::<Child>([added()])
        .when(profile(vec![]))
        .refused("ContactRequired")
        .when(profile(vec![grandma(), unreachable.clone()]))
        .refused("ContactRequired")
        .when(UpdateEmergencyProfile::default())
        .refused("EmergencyProfileUnknown")
        .when(profile(vec![grandma()]))
        .events();
    let [Event::EmergencyProfileCreated(created)] = events.as_slice() else {
        panic!("expected a profile, got {events:?}");
    };
    assert_eq!((created.family_id, created.updated_by), (FAMILY, ADA));
    let nobody = UpdateEmergencyProfile { contacts: Some(vec![]), ..Default::default() };
    given
        .when(profile(vec![grandma()]))
        .refused("EmergencyProfileExists")
        .when(nobody)
        .refused("ContactRequired")
        .when(UpdateEmergencyProfile::default())
        .then_nothing();
}

#[test]
fn an_emergency_profile_changes_where_it_is_told_to() {
    let (given, _) = given::<Child>([added()]).when(profile(vec![grandma()])).events();
    let change = UpdateEmergencyProfile {
        allergies: Some(vec![]),
        physician_name: Some(None),
        ..Default::default()
    };
    given.when(change).then([EmergencyProfileUpdated {
        contacts: None,
        allergies: Some(vec![]),
        medical_conditions: None,
        medications: None,
        physician_name: Some(None),
        physician_phone: None,
        instructions: None,
        updated_by: ADA,
    }]);
}

#[test]
fn a_child_is_erased_once_and_is_gone_then() {
    let (with_profile, _) = given::<Child>([added()]).when(profile(vec![grandma()])).events();
    with_profile
        .when(EraseChild {})
        .then([ChildErased { deleted_at: Some(day(1)) }])
        .when(EraseChild {})
        .then_nothing()
        .when(profile(vec![grandma()]))
        .refused("ChildGone");
    let removed = ChildRemoved { deleted_at: day(1) };
    given::<Child>([added(), removed.into()])
        .at(day(2))
        .when(EraseChild {})
        .then([ChildErased { deleted_at: None }]);
    given::<Child>([]).when(EraseChild {}).refused("ChildUnknown");
}
