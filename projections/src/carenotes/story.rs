//! A story in which everything happens that can happen in a care home, what each of it writes, and
//! what is left of it once people are erased.

use std::collections::{BTreeMap, BTreeSet};

use annals_domain::{
    DomainEvent,
    carenotes::{
        assessment::{self, Assessment, AssessmentAmended, AssessmentRecorded},
        audit::{self, Audit, AuditActionPlanUpdated, AuditConducted},
        care_plan::{
            self, CarePlan, CarePlanActivated, CarePlanClosed, CarePlanDrafted,
            CarePlanReviewScheduled, CarePlanRevised,
        },
        daily_record::{self, DailyCareRecorded, DailyRecord, DailyRecordAmended, Shift},
        facility::{
            self, Facility, FacilityCapacityChanged, FacilityDetailsUpdated, FacilityOpened,
            FacilityPlaceFreed, FacilityPlaceTaken, FacilityRegistrationRecorded,
        },
        incident::{self, Incident, IncidentActionsRecorded, IncidentAmended, IncidentReported},
        organization::{
            self, Organization, OrganizationDetailsUpdated, OrganizationRegistered,
            OrganizationSettingsChanged, SubscriptionTierChanged,
        },
        resident::{
            self, MedicalDetailsRecorded, MedicalNotesRecorded, Resident, ResidentAdmitted,
            ResidentDetailsUpdated, ResidentDied, ResidentDischarged, ResidentErased,
            ResidentMoved, ResidentPreferencesRecorded, ResidentReadmitted,
        },
        staff_member::{
            self, StaffMember, StaffMemberAdded, StaffMemberErased, StaffMemberRemoved,
            StaffMemberSignedIn, StaffMemberUpdated, StaffPermissionsChanged, StaffRoleAssigned,
            StaffSettingsChanged,
        },
    },
    testing::day,
    text::Text,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{context, tables::TABLES};
use crate::stories::{Told, columns, rows, told};

const WILLOW: Uuid = Uuid::from_u128(0x3111);
const HOUSE: Uuid = Uuid::from_u128(0xb01);
const NIA: Uuid = Uuid::from_u128(0x41a);
const EDITH: Uuid = Uuid::from_u128(0xed1);
const PLAN: Uuid = Uuid::from_u128(0xca4e);
const PAPER: Uuid = Uuid::from_u128(0xa1);

fn text<const MAX: usize>(text: &str) -> Option<Text<MAX>> {
    text.parse().ok()
}

/// Something that says who somebody is.
fn secret() -> Option<Value> {
    Some(json!({"secret": true}))
}

/// All of it, but for the erasures.
fn life() -> Vec<Told> {
    [home(), staff(), stay(), plan(), papers()].into_iter().flatten().collect()
}

fn home() -> Vec<Told> {
    vec![
        told::<Organization>(
            WILLOW,
            OrganizationRegistered {
                name: "Willow Care".parse().unwrap(),
                registration_number: None,
                address: None,
                contact_details: secret(),
                settings: None,
                subscription_tier: None,
            },
        ),
        told::<Organization>(
            WILLOW,
            OrganizationDetailsUpdated {
                name: text("Willow"),
                registration_number: Some(text("1-1")),
                address: Some(None),
                contact_details: Some(secret()),
            },
        ),
        told::<Organization>(WILLOW, OrganizationSettingsChanged { settings: None }),
        told::<Organization>(WILLOW, SubscriptionTierChanged { subscription_tier: text("plus") }),
        told::<Facility>(
            HOUSE,
            FacilityOpened {
                organization_id: WILLOW,
                name: "House".parse().unwrap(),
                r#type: text("nursing"),
                capacity: Some(20),
                address: None,
                contact_details: secret(),
                registration_details: None,
            },
        ),
        told::<Facility>(
            HOUSE,
            FacilityDetailsUpdated {
                name: text("Willow House"),
                r#type: Some(None),
                address: Some(None),
                contact_details: Some(secret()),
            },
        ),
        told::<Facility>(HOUSE, FacilityCapacityChanged { capacity: None }),
        told::<Facility>(HOUSE, FacilityRegistrationRecorded { registration_details: None }),
    ]
}

fn staff() -> Vec<Told> {
    let removed = || text("removed");
    vec![
        told::<StaffMember>(
            NIA,
            StaffMemberAdded {
                organization_id: WILLOW,
                email: "secret@willow.example".parse().unwrap(),
                first_name: text("Secret"),
                last_name: None,
                role: text("nurse"),
                permissions: [].into(),
                settings: secret(),
            },
        ),
        told::<StaffMember>(
            NIA,
            StaffMemberUpdated {
                email: text("secret@home.example"),
                first_name: Some(text("Secret")),
                last_name: Some(text("Secret")),
            },
        ),
        told::<StaffMember>(NIA, StaffRoleAssigned { role: text("carer") }),
        told::<StaffMember>(NIA, StaffPermissionsChanged { permissions: [].into() }),
        told::<StaffMember>(NIA, StaffSettingsChanged { settings: secret() }),
        told::<StaffMember>(NIA, StaffMemberSignedIn { last_login: day(1) }),
        told::<StaffMember>(NIA, StaffMemberRemoved { role: removed(), permissions: [].into() }),
    ]
}

fn stay() -> Vec<Told> {
    let date = day(1).date_naive();
    vec![
        told::<Facility>(HOUSE, FacilityPlaceTaken { resident_id: EDITH, residents_in_care: 1 }),
        told::<Resident>(
            EDITH,
            ResidentAdmitted {
                facility_id: HOUSE,
                first_name: text("Secret"),
                last_name: text("Secret"),
                date_of_birth: Some(date),
                nhs_number: text("9434765919"),
                room_number: text("12"),
                admission_date: date,
                status: resident::Status::Admitted,
                medical_details: secret(),
                contact_details: secret(),
                preferences: secret(),
            },
        ),
        told::<Resident>(
            EDITH,
            ResidentDetailsUpdated {
                first_name: Some(text("Secret")),
                last_name: Some(None),
                date_of_birth: Some(Some(date)),
                nhs_number: Some(text("9434765870")),
                contact_details: Some(secret()),
            },
        ),
        told::<Resident>(
            EDITH,
            ResidentMoved { facility_id: HOUSE, room_number: text("7"), moved_on: date },
        ),
        told::<Resident>(EDITH, MedicalDetailsRecorded { medical_details: secret() }),
        told::<Resident>(
            EDITH,
            MedicalNotesRecorded { encrypted_medical_notes: Some("\\x00".into()) },
        ),
        told::<Resident>(EDITH, ResidentPreferencesRecorded { preferences: secret() }),
        told::<Facility>(HOUSE, FacilityPlaceFreed { resident_id: EDITH, residents_in_care: 0 }),
        told::<Resident>(
            EDITH,
            ResidentDischarged { status: resident::Status::Discharged, discharge_date: date },
        ),
        told::<Resident>(
            EDITH,
            ResidentReadmitted {
                status: resident::Status::Admitted,
                facility_id: HOUSE,
                room_number: text("8"),
                admission_date: date,
                discharge_date: None,
            },
        ),
        told::<Resident>(
            EDITH,
            ResidentDied { status: resident::Status::Deceased, discharge_date: date },
        ),
    ]
}

fn plan() -> Vec<Told> {
    let date = day(1).date_naive();
    vec![
        told::<CarePlan>(
            PLAN,
            CarePlanDrafted {
                resident_id: EDITH,
                r#type: None,
                status: care_plan::Status::Draft,
                start_date: None,
                review_date: None,
                details: secret(),
                created_by: NIA,
                updated_by: NIA,
            },
        ),
        told::<CarePlan>(
            PLAN,
            CarePlanActivated {
                status: care_plan::Status::Active,
                start_date: date,
                updated_by: NIA,
            },
        ),
        told::<CarePlan>(
            PLAN,
            CarePlanRevised {
                resident_id: EDITH,
                r#type: Some(text("falls")),
                details: Some(secret()),
                updated_by: NIA,
            },
        ),
        told::<CarePlan>(
            PLAN,
            CarePlanReviewScheduled { review_date: Some(date), updated_by: NIA },
        ),
        told::<CarePlan>(
            PLAN,
            CarePlanClosed { status: care_plan::Status::Closed, updated_by: None },
        ),
    ]
}

fn papers() -> Vec<Told> {
    let date = day(1).date_naive();
    let resident_id = EDITH;
    let (findings, recommendations) = (secret(), secret());
    let (care_delivered, observations) = (secret(), secret());
    vec![
        told::<Assessment>(
            PAPER,
            AssessmentRecorded {
                resident_id,
                r#type: None,
                date,
                findings: findings.clone(),
                recommendations: None,
                created_by: NIA,
            },
        ),
        told::<Assessment>(
            PAPER,
            AssessmentAmended {
                resident_id,
                r#type: Some(None),
                findings: Some(findings),
                recommendations: Some(recommendations),
            },
        ),
        told::<DailyRecord>(
            PAPER,
            DailyCareRecorded {
                resident_id,
                date,
                shift: Some(Shift::Early),
                care_delivered: care_delivered.clone(),
                observations: None,
                created_by: NIA,
            },
        ),
        told::<DailyRecord>(
            PAPER,
            DailyRecordAmended {
                resident_id,
                date,
                shift: Some(Some(Shift::Late)),
                care_delivered: Some(care_delivered),
                observations: Some(observations),
            },
        ),
        told::<Audit>(
            PAPER,
            AuditConducted {
                facility_id: HOUSE,
                r#type: None,
                date,
                auditor: NIA,
                findings: None,
                score: None,
                action_plan: None,
            },
        ),
        told::<Audit>(PAPER, AuditActionPlanUpdated { action_plan: Some(json!(["tidy up"])) }),
        told::<Incident>(
            PAPER,
            IncidentReported {
                facility_id: Some(HOUSE),
                resident_id: Some(EDITH),
                r#type: None,
                date: day(1),
                details: secret(),
                actions_taken: secret(),
                reported_by: NIA,
            },
        ),
        told::<Incident>(
            PAPER,
            IncidentActionsRecorded { resident_id: Some(EDITH), actions_taken: secret() },
        ),
        told::<Incident>(
            PAPER,
            IncidentAmended {
                resident_id: Some(EDITH),
                r#type: Some(text("fall")),
                date: Some(day(1)),
                details: Some(secret()),
            },
        ),
    ]
}

fn erasures() -> Vec<Told> {
    vec![
        told::<Resident>(EDITH, ResidentErased {}),
        told::<StaffMember>(
            NIA,
            StaffMemberErased { role: text("removed"), permissions: [].into() },
        ),
    ]
}

/// What each event changes besides `updated_at`, as the contract lists it; rows that begin are in the
/// test.
const CHANGES: [(&str, &str); 33] = [
    (
        "OrganizationDetailsUpdated",
        "organizations: address contact_details name registration_number",
    ),
    ("OrganizationSettingsChanged", "organizations: settings"),
    ("SubscriptionTierChanged", "organizations: subscription_tier"),
    ("FacilityDetailsUpdated", "facilities: address contact_details name type"),
    ("FacilityCapacityChanged", "facilities: capacity"),
    ("FacilityRegistrationRecorded", "facilities: registration_details"),
    ("FacilityPlaceTaken", ""),
    ("FacilityPlaceFreed", ""),
    ("StaffMemberUpdated", "users: email first_name last_name"),
    ("StaffRoleAssigned", "users: role"),
    ("StaffPermissionsChanged", "users: permissions"),
    ("StaffSettingsChanged", "users: settings"),
    ("StaffMemberSignedIn", "users: last_login"),
    ("StaffMemberRemoved", "users: permissions role"),
    ("StaffMemberErased", "users: email first_name last_login last_name permissions role settings"),
    (
        "ResidentDetailsUpdated",
        "residents: contact_details date_of_birth first_name last_name nhs_number",
    ),
    ("ResidentMoved", "residents: facility_id room_number"),
    ("MedicalDetailsRecorded", "residents: medical_details"),
    ("MedicalNotesRecorded", "residents: encrypted_medical_notes"),
    ("ResidentPreferencesRecorded", "residents: preferences"),
    ("ResidentDischarged", "residents: discharge_date status"),
    ("ResidentDied", "residents: discharge_date status"),
    (
        "ResidentReadmitted",
        "residents: admission_date discharge_date facility_id room_number status",
    ),
    (
        "ResidentErased",
        "residents: contact_details date_of_birth encrypted_medical_notes first_name last_name \
         medical_details nhs_number preferences room_number; care_plans: details; assessments: \
         findings recommendations; daily_records: care_delivered observations; incidents: \
         actions_taken details",
    ),
    ("CarePlanActivated", "care_plans: start_date status updated_by"),
    ("CarePlanRevised", "care_plans: details type updated_by"),
    ("CarePlanReviewScheduled", "care_plans: review_date updated_by"),
    ("CarePlanClosed", "care_plans: status updated_by"),
    ("AssessmentAmended", "assessments: findings recommendations type"),
    ("DailyRecordAmended", "daily_records: care_delivered observations shift"),
    ("AuditActionPlanUpdated", "audits: action_plan"),
    ("IncidentActionsRecorded", "incidents: actions_taken"),
    ("IncidentAmended", "incidents: date details type"),
];

/// What the events of a story change, in the words of [`CHANGES`].
fn changes() -> BTreeMap<&'static str, String> {
    let context = context();
    life()
        .into_iter()
        .chain(erasures())
        .filter_map(|told| {
            let changes = told.changes(&context, &[]);
            if changes.iter().any(|change| change.operation == crate::Operation::Put) {
                return None;
            }
            let tables: Vec<String> = changes
                .iter()
                .map(|change| {
                    let mut columns: Vec<&str> =
                        change.columns.keys().filter(|name| *name != "updated_at").collect();
                    columns.sort_unstable();
                    format!("{}: {}", change.table.name, columns.join(" "))
                })
                .collect();
            Some((told.event.name, tables.join("; ")))
        })
        .collect()
}

#[test]
fn every_event_changes_what_the_contract_says() {
    let documented = CHANGES.map(|(name, changes)| (name, changes.to_owned()));
    let documented = BTreeMap::from(documented);
    assert_eq!(changes(), documented);
}

#[test]
fn everything_that_can_happen_is_told() {
    let known = [
        organization::Event::TYPES,
        facility::Event::TYPES,
        staff_member::Event::TYPES,
        resident::Event::TYPES,
        care_plan::Event::TYPES,
        assessment::Event::TYPES,
        daily_record::Event::TYPES,
        audit::Event::TYPES,
        incident::Event::TYPES,
    ];
    // Rows that are taken over happen to nobody; the import's own tests put each of them.
    let known = known.into_iter().flatten().map(|event| event.name);
    let known: BTreeSet<&str> = known.filter(|name| !name.ends_with("Imported")).collect();
    let story: BTreeSet<&str> =
        life().iter().chain(&erasures()).map(|told| told.event.name).collect();
    assert_eq!(story, known);
    assert_eq!(known.len(), 42);
}

#[test]
fn every_change_carries_its_time_but_for_a_sign_in() {
    let context = context();
    for told in life().iter().chain(&erasures()) {
        for change in told.changes(&context, &[]) {
            let timed = change.columns.contains_key("updated_at");
            assert_eq!(timed, told.event.name != "StaffMemberSignedIn", "{}", told.event.name);
        }
    }
}

#[test]
fn every_table_of_an_event_is_written_whole() {
    let rows = rows(&context(), &life(), &[]);
    for table in TABLES.iter().filter(|table| table.name != "schema_versions") {
        let row = rows.iter().find(|((name, _), _)| *name == table.name);
        let (_, row) = row.unwrap_or_else(|| panic!("no row of {}", table.name));
        let written: BTreeSet<&str> = row.keys().collect();
        assert_eq!(written, columns(table), "{}", table.name);
    }
}

#[test]
fn no_credential_gets_into_a_row() {
    for ((table, _), row) in rows(&context(), &life(), &[]) {
        if table == "users" {
            assert_eq!(row["password_hash"], Value::Null);
        }
    }
}

#[test]
fn a_replay_without_the_keys_leaves_what_the_erasures_left() {
    let context = context();
    let story: Vec<Told> = life().into_iter().chain(erasures()).collect();
    let live = rows(&context, &story, &[]);
    assert_eq!(rows(&context, &story, &[EDITH, NIA]), live);
    let left: Vec<_> = live
        .iter()
        .filter(|((table, _), _)| !["organizations", "facilities"].contains(table))
        .map(|(_, row)| json!(row).to_string().to_lowercase())
        .collect();
    assert!(left.iter().all(|row| !row.contains("secret")), "{left:#?}");
}

#[test]
fn an_organization_whose_key_is_gone_keeps_its_rows_without_contacts() {
    let rows = rows(&context(), &life(), &[WILLOW, HOUSE]);
    for ((table, _), row) in rows {
        if ["organizations", "facilities"].contains(&table) {
            assert_eq!(row["contact_details"], Value::Null, "{table}");
        }
    }
}
