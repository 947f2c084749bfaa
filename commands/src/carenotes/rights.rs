//! Every command against everybody: who may send it, as the contract's policies say.

use annals_domain::carenotes::{organization::Organization, permission::Permission};
use serde_json::{Value, json};
use uuid::Uuid;

use super::home::{
    AUDIT, BOSS, EDITH, EDITHS_ASSESSMENT, EDITHS_DAY, EDITHS_PLAN, FRED, GONE, HOUSE, INCIDENT,
    MANOR_BOSS, NEW, NEWER, NURSE, WILLOW, home, manager,
};
use crate::{testing::World, work::Stop};

/// Who may send a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Operator,
    System,
    Administrator,
    Itself,
    Holds(Permission),
    HoldsOrSystem(Permission),
    OperatorOrSystem,
}

/// Everybody who could try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Operator,
    System,
    Person(Uuid),
}

impl Who {
    fn includes(self, sender: Sender) -> bool {
        let holds = |code| [Sender::Person(BOSS), Sender::Person(manager(code))].contains(&sender);
        match self {
            Self::Operator => sender == Sender::Operator,
            Self::System => sender == Sender::System,
            Self::OperatorOrSystem => [Sender::Operator, Sender::System].contains(&sender),
            Self::Administrator => sender == Sender::Person(BOSS),
            Self::Itself => sender == Sender::Person(NURSE),
            Self::Holds(code) => holds(code),
            Self::HoldsOrSystem(code) => holds(code) || sender == Sender::System,
        }
    }
}

/// A command that is accepted of whoever may send it: its name, whom or what it is sent to, what it
/// says.
type Case = (&'static str, Uuid, Value, Who);

fn cases() -> Vec<Case> {
    use Permission::{
        AssessmentsRecord, AuditsConduct, CarePlansManage, DailyRecordsRecord, FacilitiesManage,
        IncidentsReport, ResidentsManage, UsersManage,
    };
    use Who::{Administrator, Holds, HoldsOrSystem, Itself, Operator, OperatorOrSystem, System};
    let sealed = json!({"version": 1, "key_id": "e", "nonce": "AAECAwQFBgcICQoL",
                        "data": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg=="});
    let staff = json!({"organization_id": WILLOW, "email": "new@willow.example"});
    vec![
        ("register_organization", NEW, json!({"name": "Birch"}), Operator),
        ("update_organization_details", WILLOW, json!({"name": "Willow"}), Administrator),
        ("change_organization_settings", WILLOW, json!({"settings": {}}), Administrator),
        ("change_subscription_tier", WILLOW, json!({"subscription_tier": "plus"}), Operator),
        (
            "open_facility",
            NEW,
            json!({"organization_id": WILLOW, "name": "Barn"}),
            Holds(FacilitiesManage),
        ),
        ("update_facility_details", HOUSE, json!({"name": "House"}), Holds(FacilitiesManage)),
        ("change_facility_capacity", HOUSE, json!({"capacity": 9}), Holds(FacilitiesManage)),
        (
            "record_facility_registration",
            HOUSE,
            json!({"registration_details": {}}),
            Holds(FacilitiesManage),
        ),
        ("add_staff_member", NEW, staff, Holds(UsersManage)),
        ("update_staff_member", NURSE, json!({"first_name": "Nia"}), Holds(UsersManage)),
        ("assign_staff_role", NURSE, json!({"role": "carer"}), Holds(UsersManage)),
        (
            "change_staff_permissions",
            NURSE,
            json!({"permissions": ["audits.conduct"]}),
            Holds(UsersManage),
        ),
        ("change_own_settings", NURSE, json!({"settings": {}}), Itself),
        ("record_sign_in", NURSE, json!({}), System),
        ("remove_staff_member", NURSE, json!({}), Holds(UsersManage)),
        ("erase_staff_member", NURSE, json!({}), OperatorOrSystem),
        ("admit_resident", NEW, json!({"facility_id": HOUSE}), Holds(ResidentsManage)),
        ("update_resident_details", EDITH, json!({"last_name": "May"}), Holds(ResidentsManage)),
        ("move_resident", EDITH, json!({"room_number": "3"}), Holds(ResidentsManage)),
        ("record_medical_details", EDITH, json!({"medical_details": {}}), Holds(ResidentsManage)),
        (
            "record_medical_notes",
            EDITH,
            json!({"encrypted_medical_notes": sealed}),
            Holds(ResidentsManage),
        ),
        ("record_resident_preferences", EDITH, json!({"preferences": {}}), Holds(ResidentsManage)),
        ("discharge_resident", EDITH, json!({}), Holds(ResidentsManage)),
        ("record_resident_death", EDITH, json!({}), Holds(ResidentsManage)),
        ("readmit_resident", FRED, json!({}), Holds(ResidentsManage)),
        ("erase_resident", EDITH, json!({}), HoldsOrSystem(ResidentsManage)),
        ("draft_care_plan", NEW, json!({"resident_id": EDITH}), Holds(CarePlansManage)),
        ("activate_care_plan", EDITHS_PLAN, json!({}), Holds(CarePlansManage)),
        ("revise_care_plan", EDITHS_PLAN, json!({"details": {}}), Holds(CarePlansManage)),
        (
            "schedule_care_plan_review",
            EDITHS_PLAN,
            json!({"review_date": "2026-06-01"}),
            Holds(CarePlansManage),
        ),
        ("close_care_plan", EDITHS_PLAN, json!({}), HoldsOrSystem(CarePlansManage)),
        ("record_assessment", NEW, json!({"resident_id": EDITH}), Holds(AssessmentsRecord)),
        ("amend_assessment", EDITHS_ASSESSMENT, json!({"findings": []}), Holds(AssessmentsRecord)),
        (
            "record_daily_care",
            NEW,
            json!({"resident_id": EDITH, "date": "2026-01-01"}),
            Holds(DailyRecordsRecord),
        ),
        ("amend_daily_record", EDITHS_DAY, json!({"shift": "late"}), Holds(DailyRecordsRecord)),
        ("conduct_audit", NEW, json!({"facility_id": HOUSE}), Holds(AuditsConduct)),
        ("update_audit_action_plan", AUDIT, json!({"action_plan": []}), Holds(AuditsConduct)),
        ("report_incident", NEW, json!({"facility_id": HOUSE}), Holds(IncidentsReport)),
        ("record_incident_actions", INCIDENT, json!({"actions_taken": {}}), Holds(IncidentsReport)),
        ("amend_incident", INCIDENT, json!({"details": {}}), Holds(IncidentsReport)),
    ]
}

fn everybody() -> Vec<Sender> {
    let people = [BOSS, NURSE, GONE, MANOR_BOSS, NEWER];
    let people = people.into_iter().chain(Permission::ALL.map(manager)).map(Sender::Person);
    [Sender::Operator, Sender::System].into_iter().chain(people).collect()
}

/// The world in which a case is accepted.
fn ready(command: &str) -> World {
    let mut world = home();
    if command == "readmit_resident" {
        let left = world.as_person(BOSS).send("carenotes.cmd.discharge_resident", FRED, json!({}));
        left.accepted(&["FacilityPlaceFreed", "ResidentDischarged"]);
    }
    world
}

fn as_sender(world: &mut World, sender: Sender) -> &mut World {
    match sender {
        Sender::Operator => world.as_operator(),
        Sender::System => world.as_system(),
        Sender::Person(id) => world.as_person(id),
    }
}

#[test]
fn every_command_is_accepted_of_whoever_may_and_of_nobody_else() {
    for (command, id, data, who) in cases() {
        let subject = format!("carenotes.cmd.{command}");
        let mut world = ready(command);
        for sender in everybody() {
            if who.includes(sender) {
                let sent = as_sender(&mut ready(command), sender).send(&subject, id, data.clone());
                let events = sent.0.unwrap_or_else(|stop| panic!("{sender:?} {command}: {stop:?}"));
                assert!(!events.is_empty(), "{sender:?} {command}");
                continue;
            }
            let stop = as_sender(&mut world, sender).send(&subject, id, data.clone()).0.err();
            let stop = stop.unwrap_or_else(|| panic!("{sender:?} may {command}"));
            let expected = match (&stop, sender) {
                (Stop::Denied(_), _) => true,
                // Whoever was removed is told so, wherever being on the staff is asked for.
                (Stop::Refused(refused), Sender::Person(GONE)) => {
                    refused.code == "actor_not_active"
                }
                // Another organization's administrator may, but not with what is Willow's.
                (Stop::Refused(refused), Sender::Person(MANOR_BOSS)) => {
                    refused.code == "wrong_organization"
                }
                _ => false,
            };
            assert!(expected, "{sender:?} {command}: {stop:?}");
        }
    }
}

#[test]
fn the_cases_are_all_the_commands_there_are() {
    let mut cases: Vec<String> = cases().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut commands: Vec<String> =
        super::context().commands.into_iter().map(|command| command.name).collect();
    cases.sort();
    commands.sort();
    assert_eq!(cases, commands);
    assert_eq!(commands.len(), 40);
}

#[test]
fn nothing_is_asked_of_what_is_not_there() {
    let mut world = home();
    let begins = |id| id == NEW;
    for (command, id, data, _) in cases().into_iter().filter(|(_, id, ..)| !begins(*id)) {
        for sender in [Sender::Person(BOSS), Sender::System, Sender::Operator] {
            let nowhere = Uuid::from_u128(id.as_u128() | (1 << 100));
            let subject = format!("carenotes.cmd.{command}");
            as_sender(&mut world, sender).send(&subject, nowhere, data.clone()).unknown();
        }
    }
}

#[test]
fn a_provider_that_is_taken_on_is_named_as_the_tenant() {
    let mut world = home();
    let sent = world.as_operator().send(
        "carenotes.cmd.register_organization",
        NEW,
        json!({"name": "Birch", "subscription_tier": "plus"}),
    );
    sent.accepted(&["OrganizationRegistered"]);
    let again = world.send("carenotes.cmd.register_organization", NEW, json!({"name": "Birch"}));
    let is = <Organization as annals_domain::Decider>::TYPE;
    assert!(matches!(again.0, Err(Stop::Exists { kind }) if kind == is), "{again:?}");
}
