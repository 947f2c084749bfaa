use annals_domain::{
    Amount,
    nestsync::{
        billing::{
            BillingInterval, Plan, Status as Paid, SubscriptionCancellationRequested,
            SubscriptionCancelled, SubscriptionExpired, SubscriptionPastDue, SubscriptionRenewed,
            SubscriptionStarted, TrialStarted,
        },
        child::{ChildAdded, Contact, EmergencyProfileCreated, EmergencyProfileUpdated},
        family::{
            FamilyCreated, FamilyInvitationDeclined, FamilyMemberInvited, FamilyMemberJoined,
            FamilyMemberLeft, MemberStatus, Status as FamilyStatus,
        },
        inventory_item::{
            Category, InventoryItemAdded, InventoryItemRemoved, ItemRestocked, ItemUsed,
            ReorderSuggested, ReorderSuggestionAccepted, ReorderSuggestionFulfilled,
            ReorderThresholdSet, StockAdjusted, SuggestionStatus,
        },
        notification::{NotificationQueued, Status as Sent},
        notification_preference::{Channel, NotificationPreferenceSet, Topic},
        permission::Role,
        user::{Status as Account, UserDeleted, UserRegistered},
    },
    shared::identity::{ErasureGround, SubjectErased},
    testing::{ADA, BOB, day},
};
use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::reaction::testing::{Reacted, Told};

const VERA: Uuid = Uuid::from_u128(0xe5a);
const FAMILY: Uuid = Uuid::from_u128(0xfa);
const ITEM: Uuid = Uuid::from_u128(0x17);
const KIM: Uuid = Uuid::from_u128(0x1c);
const SUGGEST: &str = "nestsync.cmd.suggest_reorder";
const FULFIL: &str = "nestsync.cmd.fulfil_reorder_suggestion";
const QUEUE: &str = "nestsync.cmd.queue_notification";
const SUPPRESSES: &str = "nestsync.cmd.suppress_notification";

fn told() -> Told {
    Told::new("nestsync")
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn added(told: &mut Told, quantity: &str, threshold: Option<&str>) {
    let item = InventoryItemAdded {
        family_id: FAMILY,
        child_id: None,
        category: Category::Supply,
        name: "Diapers".into(),
        brand: None,
        size: None,
        unit: "piece".into(),
        quantity: amount(quantity),
        reorder_threshold: threshold.map(amount),
        reorder_quantity: None,
        expires_on: None,
        created_by: ADA,
    };
    told.hears::<InventoryItem>(ITEM, item).sends_nothing();
}

fn uses(told: &mut Told, quantity: &str, left: &str, at: DateTime<Utc>) -> Reacted {
    let used = ItemUsed {
        usage_id: Uuid::from_u128(u128::from(at.timestamp_micros().unsigned_abs())),
        subject_id: ADA,
        family_id: FAMILY,
        child_id: None,
        quantity: amount(quantity),
        quantity_after: amount(left),
        used_at: at,
        logged_by: ADA,
        notes: None,
        usage_analytics: vec![],
    };
    told.at(at).hears::<InventoryItem>(ITEM, used)
}

fn suggested(told: &mut Told, nth: u128) -> Reacted {
    let suggested = ReorderSuggested {
        suggestion_id: Uuid::from_u128(nth),
        family_id: FAMILY,
        suggested_quantity: amount("20.00"),
        quantity_at_suggestion: amount("7.00"),
        threshold_at_suggestion: amount("10.00"),
        status: SuggestionStatus::Open,
    };
    told.hears::<InventoryItem>(ITEM, suggested)
}

/// Ada owns the family, Bob is a parent, Vera only looks.
fn family(told: &mut Told) {
    let created = FamilyCreated {
        name: "Us".into(),
        owner_id: ADA,
        country: "CA".into(),
        data_region: "ca-central-1".into(),
        timezone: "America/Toronto".into(),
        status: FamilyStatus::Active,
    };
    told.hears::<Family>(FAMILY, created).sends_nothing();
    for (person, role) in [(ADA, Role::Owner), (BOB, Role::Parent), (VERA, Role::Viewer)] {
        let registered = UserRegistered {
            email: "x@example.org".into(),
            display_name: "X".into(),
            phone: None,
            locale: "en-CA".into(),
            timezone: "America/Toronto".into(),
            is_system_admin: false,
            status: Account::Active,
        };
        told.hears::<User>(person, registered).sends_nothing();
        told.hears::<Family>(FAMILY, joined(person, role)).sends_nothing();
    }
}

fn member(person: Uuid) -> Uuid {
    Uuid::from_u128(!person.as_u128())
}

fn joined(person: Uuid, role: Role) -> FamilyMemberJoined {
    FamilyMemberJoined {
        member_id: member(person),
        user_id: person,
        display_name: None,
        role,
        permissions: role.bundle(),
        status: MemberStatus::Active,
        joined_at: day(1),
    }
}

/// Whom, and by which ways, notifications were queued for.
fn queued(reacted: &Reacted) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    reacted
        .sendings
        .iter()
        .filter(|it| it.subject == QUEUE)
        .map(|it| (text(&it.data["user_id"]), text(&it.data["channel"])))
        .collect()
}

fn to_all_ways(people: &[Uuid]) -> Vec<(String, String)> {
    let ways = |person: &Uuid| {
        let person = person.to_string();
        ["email", "push", "sms"].map(move |way| (person.clone(), way.to_owned()))
    };
    people.iter().flat_map(ways).collect()
}

#[test]
fn stock_that_falls_under_its_threshold_is_to_be_reordered_once() {
    let mut told = told();
    added(&mut told, "12.00", Some("10.00"));
    uses(&mut told, "2.00", "10.00", day(1)).sends_nothing();
    uses(&mut told, "1.00", "9.00", day(2)).sends(&[(SUGGEST, json!({}))]);
    suggested(&mut told, 1);
    uses(&mut told, "1.00", "8.00", day(3)).sends_nothing();
    let adjusted = StockAdjusted { quantity: amount("3.00") };
    told.hears::<InventoryItem>(ITEM, adjusted).sends_nothing();
}

#[test]
fn a_threshold_above_the_stock_and_an_adjustment_below_it_count_too() {
    let mut told = told();
    added(&mut told, "12.00", None);
    uses(&mut told, "1.00", "11.00", day(1)).sends_nothing();
    let set = |threshold: &str| ReorderThresholdSet {
        reorder_threshold: Some(amount(threshold)),
        reorder_quantity: None,
    };
    told.hears::<InventoryItem>(ITEM, set("5.00")).sends_nothing();
    told.hears::<InventoryItem>(ITEM, set("20.00")).sends(&[(SUGGEST, json!({}))]);
    let mut other = self::told();
    added(&mut other, "12.00", Some("5.00"));
    let adjusted = StockAdjusted { quantity: amount("4.99") };
    other.hears::<InventoryItem>(ITEM, adjusted).sends(&[(SUGGEST, json!({}))]);
}

#[test]
fn new_stock_fulfils_open_and_accepted_proposals_when_it_is_enough() {
    let mut told = told();
    added(&mut told, "9.00", Some("10.00"));
    suggested(&mut told, 1);
    let accepted = ReorderSuggestionAccepted {
        suggestion_id: Uuid::from_u128(1),
        status: SuggestionStatus::Accepted,
        decided_by: ADA,
        decided_at: day(1),
    };
    told.hears::<InventoryItem>(ITEM, accepted).sends_nothing();
    suggested(&mut told, 2);
    let restocked =
        |quantity: &str| ItemRestocked { restocked: amount("1.00"), quantity: amount(quantity) };
    told.hears::<InventoryItem>(ITEM, restocked("9.99")).sends_nothing();
    let enough = told.hears::<InventoryItem>(ITEM, restocked("10.00"));
    enough.sends(&[
        (FULFIL, json!({"suggestion_id": Uuid::from_u128(2)})),
        (FULFIL, json!({"suggestion_id": Uuid::from_u128(1)})),
    ]);
    for nth in [1, 2] {
        let fulfilled = ReorderSuggestionFulfilled {
            suggestion_id: Uuid::from_u128(nth),
            status: SuggestionStatus::Fulfilled,
            decided_at: day(1),
        };
        told.hears::<InventoryItem>(ITEM, fulfilled).sends_nothing();
    }
    told.hears::<InventoryItem>(ITEM, restocked("30.00")).sends_nothing();
}

#[test]
fn with_an_item_goes_its_open_proposal() {
    let mut told = told();
    added(&mut told, "9.00", Some("10.00"));
    suggested(&mut told, 1);
    let dismiss = "nestsync.cmd.dismiss_reorder_suggestion";
    let removed = told.hears::<InventoryItem>(ITEM, InventoryItemRemoved { deleted_at: day(2) });
    removed.sends(&[(dismiss, json!({"suggestion_id": Uuid::from_u128(1)}))]);
}

#[test]
fn whoever_keeps_the_stock_hears_of_a_proposal_and_how_fast_it_goes() {
    let mut told = told();
    family(&mut told);
    added(&mut told, "63.00", Some("10.00"));
    for nth in 1..=28 {
        let left = format!("{}.00", 63 - 2 * nth);
        let used = uses(&mut told, "2.00", &left, day(1) + Duration::days(nth));
        assert_eq!(used.sendings.len(), usize::from(nth >= 27), "{nth}");
    }
    let reacted = suggested(&mut told, 1);
    let mut told_of_it = queued(&reacted);
    told_of_it.sort_unstable();
    let mut keepers = to_all_ways(&[ADA, BOB]);
    keepers.sort_unstable();
    assert_eq!(told_of_it, keepers);
    let [notice] = &reacted.notices[..] else { panic!("{reacted:?}") };
    assert_eq!(notice.data["used_per_day"], "2.00");
    assert_eq!(notice.data["days_left"], 3);
    assert_eq!(notice.data["suggested_quantity"], "20.00");
}

#[test]
fn emergency_profiles_concern_everybody_who_may_see_them() {
    let mut told = told();
    family(&mut told);
    let child = ChildAdded {
        family_id: FAMILY,
        first_name: "Kim".into(),
        last_name: None,
        date_of_birth: None,
        clothing_size: None,
        shoe_size: None,
        notes: None,
        created_by: ADA,
    };
    told.hears::<Child>(KIM, child).sends_nothing();
    let contact = Contact { name: "Ann".into(), phone: "1".into(), relationship: None };
    let created = EmergencyProfileCreated {
        profile_id: KIM,
        family_id: FAMILY,
        contacts: vec![contact],
        allergies: vec![],
        medical_conditions: vec![],
        medications: vec![],
        physician_name: None,
        physician_phone: None,
        instructions: None,
        updated_by: ADA,
    };
    let updated = EmergencyProfileUpdated {
        contacts: None,
        allergies: None,
        medical_conditions: None,
        medications: None,
        physician_name: None,
        physician_phone: None,
        instructions: None,
        updated_by: ADA,
    };
    for reacted in [told.hears::<Child>(KIM, created), told.hears::<Child>(KIM, updated)] {
        let mut people: Vec<String> = queued(&reacted).into_iter().map(|(who, _)| who).collect();
        people.dedup();
        assert!(people.contains(&ADA.to_string()) && people.contains(&BOB.to_string()));
        assert!(reacted.sendings.iter().all(|it| it.data["topic"] == "emergency_profile"));
    }
}

fn queue(told: &mut Told, channel: Channel, topic: Topic, at: DateTime<Utc>) -> Reacted {
    let queued = NotificationQueued {
        family_id: FAMILY,
        user_id: ADA,
        channel,
        topic,
        resource_type: None,
        resource_id: None,
        status: Sent::Queued,
        queued_at: at,
    };
    told.hears::<Notification>(Uuid::from_u128(0x40), queued)
}

#[test]
fn what_the_recipient_does_not_want_is_suppressed_and_the_rest_is_due() {
    let mut told = told();
    family(&mut told);
    let topic = Topic::Subscription;
    let sms = queue(&mut told, Channel::Sms, topic, day(1));
    sms.sends(&[(SUPPRESSES, json!({"failure_reason": "switched off by the recipient"}))]);
    let push = queue(&mut told, Channel::Push, topic, day(1));
    push.sends_nothing();
    assert_eq!(push.notices[0].name, "notification_due");
    let time = |text: &str| text.parse::<NaiveTime>().unwrap();
    let quiet = NotificationPreferenceSet {
        preference_id: ADA,
        first: true,
        user_id: ADA,
        family_id: FAMILY,
        channel: Channel::Push,
        topic,
        enabled: true,
        quiet_from: Some(time("06:00:00")),
        quiet_until: Some(time("08:00:00")),
    };
    let key = format!("{ADA}:{FAMILY}");
    told.hears::<NotificationPreference>(key, quiet).sends_nothing();
    // Noon in UTC is seven in the morning in Toronto.
    let at_seven = queue(&mut told, Channel::Push, topic, day(1));
    at_seven.sends(&[(SUPPRESSES, json!({"failure_reason": "in the recipient's quiet time"}))]);
    queue(&mut told, Channel::Push, topic, day(1) + Duration::hours(2)).sends_nothing();
    queue(&mut told, Channel::Email, topic, day(1)).sends_nothing();
}

fn invited(told: &mut Told, user_id: Option<Uuid>) -> Reacted {
    let invited = FamilyMemberInvited {
        member_id: Uuid::from_u128(0x99),
        subject_id: Uuid::from_u128(0x99),
        user_id,
        display_name: "Eve".into(),
        role: Role::Viewer,
        permissions: Role::Viewer.bundle(),
        status: MemberStatus::Invited,
        invited_email: Some("eve@example.org".into()),
        invited_by: ADA,
        invited_at: day(1),
        invitation_expires_at: day(8),
    };
    told.hears::<Family>(FAMILY, invited)
}

#[test]
fn an_invitation_is_told_and_lapses_unless_it_is_answered() {
    let mut told = told();
    family(&mut told);
    let stranger = invited(&mut told, None);
    stranger.sends_nothing();
    assert!(!stranger.notices[0].data.to_string().contains("example.org"));
    let key = format!("{FAMILY}:{}", Uuid::from_u128(0x99));
    assert_eq!(told.timer(EXPIRY, &key), Some(day(8)));
    let lapsed = told.due(EXPIRY, &key);
    let member_id = Uuid::from_u128(0x99);
    let expire = "nestsync.cmd.expire_family_invitation";
    lapsed.sends(&[(expire, json!({"member_id": member_id}))]);
    let user = invited(&mut told, Some(VERA));
    assert_eq!(queued(&user), to_all_ways(&[VERA]));
    let declined =
        FamilyInvitationDeclined { member_id, status: MemberStatus::Removed, ended_at: day(2) };
    told.hears::<Family>(FAMILY, declined).sends_nothing();
    assert_eq!(told.timer(EXPIRY, &key), None);
}

#[test]
fn whoever_deletes_the_account_leaves_every_family() {
    let mut told = told();
    family(&mut told);
    let deleted = || UserDeleted { status: Account::Deleted, deleted_at: day(2) };
    let left =
        FamilyMemberLeft { member_id: member(VERA), status: MemberStatus::Left, ended_at: day(2) };
    told.hears::<Family>(FAMILY, left).sends_nothing();
    told.hears::<User>(VERA, deleted()).sends_nothing();
    let remove = "nestsync.cmd.remove_family_member";
    let gone = told.hears::<User>(BOB, deleted());
    gone.sends(&[(remove, json!({"member_id": member(BOB)}))]);
    assert_eq!(gone.targets(), [FAMILY.to_string()]);
}

fn trial(told: &mut Told) {
    let trial = TrialStarted {
        subscription_id: FAMILY,
        payer_id: ADA,
        payment_method_id: None,
        plan: Plan::Premium,
        billing_interval: BillingInterval::Month,
        price_cents: 999,
        currency: "CAD".into(),
        status: Paid::Trialing,
        trial_ends_at: day(15),
        current_period_start: day(1),
        current_period_end: day(15),
        cancel_at_period_end: false,
    };
    told.hears::<Billing>(FAMILY, trial).sends_nothing();
}

fn started(told: &mut Told) {
    let started = SubscriptionStarted {
        subscription_id: FAMILY,
        from_trial: true,
        payer_id: ADA,
        payment_method_id: None,
        plan: Plan::Premium,
        billing_interval: BillingInterval::Month,
        price_cents: 999,
        currency: "CAD".into(),
        status: Paid::Active,
        current_period_start: day(1),
        current_period_end: day(20),
        provider: None,
        provider_subscription_id: None,
    };
    told.hears::<Billing>(FAMILY, started).sends_nothing();
}

#[test]
fn a_trial_that_nobody_pays_for_expires() {
    let mut told = told();
    family(&mut told);
    trial(&mut told);
    assert_eq!(told.timer(PERIOD, FAMILY), Some(day(15)));
    told.due(PERIOD, FAMILY).sends(&[("nestsync.cmd.expire_subscription", json!({}))]);
}

#[test]
fn a_period_that_nobody_renews_is_past_due_and_then_expires() {
    let mut told = told();
    family(&mut told);
    trial(&mut told);
    started(&mut told);
    told.due(PERIOD, FAMILY).sends(&[("nestsync.cmd.mark_subscription_past_due", json!({}))]);
    told.at(day(20));
    let status = Paid::PastDue;
    let due = SubscriptionPastDue { subscription_id: FAMILY, status };
    // Only the owner holds billing.manage.
    assert_eq!(queued(&told.hears::<Billing>(FAMILY, due)), to_all_ways(&[ADA]));
    assert_eq!(told.timer(PERIOD, FAMILY), Some(day(20) + Duration::days(14)));
    told.due(PERIOD, FAMILY).sends(&[("nestsync.cmd.expire_subscription", json!({}))]);
    let expired =
        SubscriptionExpired { subscription_id: FAMILY, status: Paid::Expired, ended_at: day(25) };
    assert_eq!(queued(&told.hears::<Billing>(FAMILY, expired)).len(), 3);
    assert_eq!(told.timer(PERIOD, FAMILY), None);
}

#[test]
fn a_renewal_moves_the_end_and_a_cancelled_subscription_ends_there() {
    let mut told = told();
    family(&mut told);
    started(&mut told);
    let renewed = SubscriptionRenewed {
        subscription_id: FAMILY,
        status: Paid::Active,
        current_period_start: day(20),
        current_period_end: day(25),
    };
    told.hears::<Billing>(FAMILY, renewed).sends_nothing();
    assert_eq!(told.timer(PERIOD, FAMILY), Some(day(25)));
    let asked = SubscriptionCancellationRequested {
        subscription_id: FAMILY,
        cancel_at_period_end: true,
        cancelled_at: Some(day(21)),
    };
    told.hears::<Billing>(FAMILY, asked).sends_nothing();
    told.due(PERIOD, FAMILY).sends(&[("nestsync.cmd.end_subscription", json!({}))]);
    let ended = SubscriptionCancelled {
        subscription_id: FAMILY,
        status: Paid::Cancelled,
        ended_at: day(25),
    };
    assert_eq!(queued(&told.hears::<Billing>(FAMILY, ended)), to_all_ways(&[ADA]));
}

#[test]
fn whoever_is_erased_as_a_person_is_erased_as_a_user() {
    let erased = || SubjectErased { ground: ErasureGround::ConsentWithdrawn };
    let mut told = told();
    family(&mut told);
    told.hears::<Identity>(VERA, erased()).sends(&[("nestsync.cmd.erase_user", json!({}))]);
    told.hears::<Identity>(KIM, erased()).sends_nothing();
}
