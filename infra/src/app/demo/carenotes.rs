//! Write Care Notes: Willow Care with two homes, and Manor Care, which sees nothing of them.

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::{CallError, Demo, address, id};

/// Willow Care.
const WILLOW: Uuid = uuid!("1f000000-0000-7000-8000-000000000001");
/// Manor Care.
const MANOR: Uuid = uuid!("1f000000-0000-7000-8000-000000000002");
/// Willow House.
const HOUSE: Uuid = uuid!("1f000000-0000-7000-8000-000000000011");
/// Willow Lodge.
const LODGE: Uuid = uuid!("1f000000-0000-7000-8000-000000000012");
/// Manor Court.
const COURT: Uuid = uuid!("1f000000-0000-7000-8000-000000000013");
/// Lives in Willow House.
const EDITH: Uuid = uuid!("1f000000-0000-7000-8000-000000000021");
/// Moved from the house to the lodge.
const FRED: Uuid = uuid!("1f000000-0000-7000-8000-000000000022");
/// Stayed in the house for a while.
const ROSE: Uuid = uuid!("1f000000-0000-7000-8000-000000000023");
/// Lives in Manor Court.
const HARRY: Uuid = uuid!("1f000000-0000-7000-8000-000000000024");

/// The n-th paper of the demo.
const fn paper(nth: u128) -> Uuid {
    Uuid::from_u128(0x1f00_0000_0000_7000_8000_0000_0000_1000 + nth)
}

/// First day of everybody's first stay: some weeks before the demo is made.
fn first_day() -> NaiveDate {
    let day = Utc::now().date_naive().checked_sub_days(Days::new(60));
    day.unwrap_or_default()
}

impl Demo {
    /// Two organizations with everything that is written in them.
    ///
    /// The days follow the calendar, so they are taken from what is stored where the demo was made before.
    pub(super) async fn carenotes(&self) -> Result<(), super::DemoError> {
        let stored =
            sqlx::query_scalar("SELECT admission_date FROM carenotes.residents WHERE id = $1")
                .bind(EDITH)
                .fetch_optional(&self.pool)
                .await?;
        let day = |n: u64| {
            let day = stored.unwrap_or_else(first_day).checked_add_days(Days::new(n));
            json!(day.unwrap_or_default())
        };
        self.providers().await?;
        self.residents(day).await?;
        self.plans(day).await?;
        self.records(day).await?;
        Ok(())
    }

    async fn care(&self, who: &str, command: &str, id: Uuid, data: Value) -> Result<(), CallError> {
        self.make(who, &format!("carenotes.cmd.{command}"), id, data).await?;
        Ok(())
    }

    async fn providers(&self) -> Result<(), CallError> {
        for (organization, name, number, tier) in [
            (WILLOW, "Willow Care", "1-101727", "plus"),
            (MANOR, "Manor Care", "1-104466", "basic"),
        ] {
            let data = json!({
                "name": name, "registration_number": number, "subscription_tier": tier,
                "address": { "town": "Leeds", "country": "UK" },
                "contact_details": { "phone": "0113 496 0000" },
            });
            self.care("operator", "register_organization", organization, data).await?;
        }
        for (who, first, last, organization) in
            [("wanda", "Wanda", "Hughes", WILLOW), ("milo", "Milo", "Grant", MANOR)]
        {
            let data = json!({
                "organization_id": organization, "email": address(who), "first_name": first,
                "last_name": last, "role": "admin",
            });
            self.care("operator", "add_staff_member", id(who), data).await?;
        }
        let nia = json!({
            "organization_id": WILLOW, "email": address("nia"), "first_name": "Nia",
            "last_name": "Bell", "role": "nurse",
            "permissions": ["assessments.record", "daily_records.record", "incidents.report"],
        });
        self.care("wanda", "add_staff_member", id("nia"), nia).await?;
        let settings =
            json!({ "settings": { "shift_start": { "early": "07:00", "late": "14:30" } } });
        self.care("wanda", "change_organization_settings", WILLOW, settings).await?;
        let signed_in = json!({ "signed_in_at": "2026-01-12T06:55:00Z" });
        self.care("system", "record_sign_in", id("nia"), signed_in).await?;
        for (who, facility, organization, name, kind, capacity) in [
            ("wanda", HOUSE, WILLOW, "Willow House", "nursing home", 24),
            ("wanda", LODGE, WILLOW, "Willow Lodge", "assisted living", 8),
            ("milo", COURT, MANOR, "Manor Court", "nursing home", 40),
        ] {
            let data = json!({
                "organization_id": organization, "name": name, "type": kind, "capacity": capacity,
            });
            self.care(who, "open_facility", facility, data).await?;
        }
        let registration =
            json!({ "registration_details": { "regulator": "CQC", "rating": "good" } });
        self.care("wanda", "record_facility_registration", HOUSE, registration).await
    }

    async fn residents(&self, day: impl Fn(u64) -> Value) -> Result<(), CallError> {
        for (who, resident, facility, first, last, born, room) in [
            ("wanda", EDITH, HOUSE, "Edith", "May", "1938-04-02", "12"),
            ("wanda", FRED, HOUSE, "Fred", "Ashton", "1941-11-19", "14"),
            ("wanda", ROSE, HOUSE, "Rose", "Clarke", "1945-07-30", "15"),
            ("milo", HARRY, COURT, "Harry", "Pope", "1936-01-08", "3"),
        ] {
            let data = json!({
                "facility_id": facility, "first_name": first, "last_name": last,
                "date_of_birth": born, "room_number": room, "admission_date": day(0),
                "preferences": { "tea": "no sugar" },
            });
            self.care(who, "admit_resident", resident, data).await?;
        }
        let medical =
            json!({ "medical_details": { "allergies": ["penicillin"], "mobility": "frame" } });
        self.care("wanda", "record_medical_details", EDITH, medical).await?;
        let notes = json!({ "encrypted_medical_notes": {
            "version": 1, "key_id": "demo", "nonce": "AAECAwQFBgcICQoL",
            "data": "Q2lwaGVydGV4dCBvZiB0aGUgZGVtbywgd2hpY2ggbm9ib2R5IGNhbiByZWFk",
        } });
        self.care("wanda", "record_medical_notes", EDITH, notes).await?;
        let lodge = json!({ "facility_id": LODGE, "room_number": "2" });
        self.care("wanda", "move_resident", FRED, lodge).await?;
        let left = json!({ "discharge_date": day(20) });
        self.care("wanda", "discharge_resident", ROSE, left).await
    }

    async fn plans(&self, day: impl Fn(u64) -> Value) -> Result<(), CallError> {
        for (nth, who, resident, kind, aim) in [
            (1, "wanda", EDITH, "mobility", "walks to the garden every day"),
            (2, "wanda", FRED, "nutrition", "keeps his weight"),
            (3, "milo", HARRY, "mobility", "climbs the stairs with help"),
        ] {
            let data = json!({
                "resident_id": resident, "type": kind, "start_date": day(1),
                "review_date": day(90), "details": { "aim": aim },
            });
            self.care(who, "draft_care_plan", paper(nth), data).await?;
        }
        self.care("wanda", "activate_care_plan", paper(1), json!({})).await?;
        let revised = json!({ "details": { "aim": "walks to the garden and back" } });
        self.care("wanda", "revise_care_plan", paper(1), revised).await
    }

    async fn records(&self, day: impl Fn(u64) -> Value) -> Result<(), CallError> {
        for (nth, who, resident) in [(11, "nia", EDITH), (12, "milo", HARRY)] {
            let data = json!({
                "resident_id": resident, "type": "falls", "date": day(2),
                "findings": { "risk": "high" }, "recommendations": ["a frame", "a lower bed"],
            });
            self.care(who, "record_assessment", paper(nth), data).await?;
        }
        let shifts = ["early", "late", "night"];
        for (nth, shift) in (0..).zip(shifts.into_iter().cycle()).take(12) {
            let data = json!({
                "resident_id": EDITH, "date": day(3 + nth * 4), "shift": shift,
                "care_delivered": { "washed": true, "walked_minutes": 10 + nth },
                "observations": { "mood": "bright" },
            });
            self.care("nia", "record_daily_care", paper(0x100 + u128::from(nth)), data).await?;
        }
        let harrys = json!({ "resident_id": HARRY, "date": day(3), "shift": "night" });
        self.care("milo", "record_daily_care", paper(0x200), harrys).await?;
        for (nth, who, facility, score) in
            [(21, "wanda", HOUSE, "91.5"), (22, "wanda", LODGE, "78"), (23, "milo", COURT, "84")]
        {
            let data = json!({
                "facility_id": facility, "type": "medication", "date": day(30), "score": score,
                "findings": { "charts": "complete" },
            });
            self.care(who, "conduct_audit", paper(nth), data).await?;
        }
        let plan = json!({ "action_plan": ["count the stock weekly"] });
        self.care("wanda", "update_audit_action_plan", paper(22), plan).await?;
        for (nth, who, facility, resident) in
            [(31, "nia", HOUSE, EDITH), (32, "milo", COURT, HARRY)]
        {
            let data = json!({
                "facility_id": facility, "resident_id": resident, "type": "fall",
                "date": format!("{}T09:30:00Z", day(10).as_str().unwrap_or_default()),
                "details": { "where": "garden", "injured": false },
            });
            self.care(who, "report_incident", paper(nth), data).await?;
        }
        let actions = json!({ "actions_taken": { "called": "GP", "told": "family" } });
        self.care("nia", "record_incident_actions", paper(31), actions).await
    }
}
