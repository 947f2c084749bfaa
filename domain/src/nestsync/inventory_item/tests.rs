use super::*;
use crate::testing::{ADA, Given, day, given};

const FAMILY: Uuid = Uuid::from_u128(0xfa);
const KIM: Uuid = Uuid::from_u128(0x41);

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn add() -> AddInventoryItem {
    AddInventoryItem {
        family_id: FAMILY,
        child_id: None,
        category: Category::Supply,
        name: "Nappies".into(),
        brand: None,
        size: None,
        unit: None,
        quantity: Some("10".into()),
        reorder_threshold: None,
        reorder_quantity: None,
        expires_on: None,
    }
}

fn added() -> Event {
    InventoryItemAdded {
        family_id: FAMILY,
        child_id: None,
        category: Category::Supply,
        name: "Nappies".into(),
        brand: None,
        size: None,
        unit: "piece".into(),
        quantity: amount("10"),
        reorder_threshold: None,
        reorder_quantity: None,
        expires_on: None,
        created_by: ADA,
    }
    .into()
}

fn item() -> Given<InventoryItem> {
    given([added()])
}

fn usage(quantity: &str) -> Usage {
    asking(LogUsage { quantity: quantity.into(), used_at: None, child_id: None, notes: None })
}

fn asking(asked: LogUsage) -> Usage {
    Usage { asked, timezone: "America/Toronto".into() }
}

fn used(given: Given<InventoryItem>, usage: Usage) -> (Given<InventoryItem>, ItemUsed) {
    let (given, events) = given.when(usage).events();
    match events.as_slice() {
        [Event::ItemUsed(used)] => (given, used.clone()),
        other => panic!("expected one use, got {other:?}"),
    }
}

#[test]
fn an_item_is_added_once_with_the_documented_defaults() {
    given::<InventoryItem>([]).when(add()).then([added()]).when(add()).refused("ItemAlreadyAdded");
    let (empty, _) =
        given::<InventoryItem>([]).when(AddInventoryItem { quantity: None, ..add() }).events();
    assert_eq!(empty.state.quantity, Amount::ZERO);
}

#[test]
fn an_item_has_a_name_and_a_unit() {
    given::<InventoryItem>([])
        .when(AddInventoryItem { name: String::new(), ..add() })
        .refused("NameBlank")
        .when(AddInventoryItem { unit: Some(" ".into()), ..add() })
        .refused("UnitBlank");
}

#[test]
fn quantities_are_finite_with_two_decimals_and_what_moves_is_positive() {
    let adding = |quantity: &str| AddInventoryItem { quantity: Some(quantity.into()), ..add() };
    for text in ["NaN", "1.234", "-1", "10000000000", "1e3", ""] {
        given::<InventoryItem>([]).when(adding(text)).refused("QuantityInvalid");
        item()
            .when(usage(text))
            .refused("QuantityInvalid")
            .when(RestockItem { quantity: text.into() })
            .refused("QuantityInvalid")
            .when(AdjustStock { quantity: text.into() })
            .refused("QuantityInvalid");
    }
    let reorder =
        SetReorderThreshold { reorder_quantity: Some(Some("0".into())), ..Default::default() };
    item()
        .when(usage("0"))
        .refused("QuantityInvalid")
        .when(RestockItem { quantity: "0.00".into() })
        .refused("QuantityInvalid")
        .when(reorder)
        .refused("QuantityInvalid")
        .when(AdjustStock { quantity: "0".into() })
        .then([StockAdjusted { quantity: Amount::ZERO }]);
}

#[test]
fn stock_stays_within_what_its_column_holds() {
    item()
        .when(AdjustStock { quantity: LARGEST.into() })
        .then([StockAdjusted { quantity: LARGEST }])
        .when(RestockItem { quantity: "0.01".into() })
        .refused("QuantityInvalid");
}

#[test]
fn an_item_is_described_anew() {
    let change = UpdateInventoryItem {
        size: Some(Some("4".into())),
        brand: Some(None),
        ..Default::default()
    };
    let updated = InventoryItemUpdated {
        size: Some(Some("4".into())),
        brand: Some(None),
        ..Default::default()
    };
    item()
        .when(change)
        .then([updated])
        .when(UpdateInventoryItem::default())
        .then_nothing()
        .when(UpdateInventoryItem { name: Some(" ".into()), ..Default::default() })
        .refused("NameBlank")
        .when(UpdateInventoryItem { unit: Some(" ".into()), ..Default::default() })
        .refused("UnitBlank");
}

#[test]
fn a_threshold_is_set_kept_and_cleared() {
    let set = |reorder_threshold: Option<&str>| SetReorderThreshold {
        reorder_threshold: Some(reorder_threshold.map(Into::into)),
        reorder_quantity: None,
    };
    let is = |threshold: Option<&str>, quantity: Option<&str>| ReorderThresholdSet {
        reorder_threshold: threshold.map(amount),
        reorder_quantity: quantity.map(amount),
    };
    item()
        .when(set(Some("4")))
        .then([is(Some("4"), None)])
        .when(set(Some("4.00")))
        .then_nothing()
        .when(SetReorderThreshold {
            reorder_threshold: None,
            reorder_quantity: Some(Some("12".into())),
        })
        .then([is(Some("4"), Some("12"))])
        .when(set(None))
        .then([is(None, Some("12"))])
        .when(set(Some("-1")))
        .refused("QuantityInvalid");
}

#[test]
fn events_carry_what_is_left() {
    item()
        .when(RestockItem { quantity: "2.5".into() })
        .then([ItemRestocked { restocked: amount("2.5"), quantity: amount("12.5") }])
        .when(AdjustStock { quantity: "3".into() })
        .then([StockAdjusted { quantity: amount("3") }])
        .when(AdjustStock { quantity: "3.00".into() })
        .then_nothing();
    let (_, used) = used(item(), usage("0.25"));
    assert_eq!((used.quantity, used.quantity_after), (amount("0.25"), amount("9.75")));
}

#[test]
fn no_more_is_used_than_there_is() {
    let (given, last) = used(item(), usage("10"));
    assert_eq!(last.quantity_after, Amount::ZERO);
    given.when(usage("0.01")).refused("NotEnoughStock");
    item().when(usage("10.01")).refused("NotEnoughStock");
}

fn plain(quantity: &str) -> LogUsage {
    usage(quantity).asked
}

#[test]
fn a_use_is_not_in_the_future() {
    let past = asking(LogUsage { used_at: Some(day(1)), ..plain("1") });
    let (given, past) = used(item().at(day(2)), past);
    assert_eq!(past.used_at, day(1));
    given.when(asking(LogUsage { used_at: Some(day(3)), ..plain("1") })).refused("UsedInFuture");
}

#[test]
fn notes_belong_to_the_child_if_one_is_named_and_else_to_whoever_logs() {
    let (given, own) = used(item(), usage("1"));
    assert_eq!((own.subject_id, own.logged_by), (ADA, ADA));
    let (_, childs) = used(given, asking(LogUsage { child_id: Some(KIM), ..plain("1") }));
    assert_eq!((childs.subject_id, childs.child_id), (KIM, Some(KIM)));
}

#[test]
fn voiding_gives_the_quantity_back_once() {
    let (given, used) = used(item(), usage("4"));
    let void = VoidUsageLog { usage_id: used.usage_id };
    let (given, events) = given.when(void.clone()).events();
    let [Event::UsageLogVoided(voided)] = events.as_slice() else {
        panic!("expected one use voided, got {events:?}");
    };
    assert_eq!((voided.usage_id, voided.quantity), (used.usage_id, amount("10")));
    given
        .when(void)
        .refused("UsageAlreadyVoided")
        .when(VoidUsageLog { usage_id: KIM })
        .refused("UsageUnknown");
}

#[test]
fn use_is_added_up_by_the_familys_clock() {
    let new_year: DateTime<Utc> = "2026-01-01T04:30:00Z".parse().unwrap();
    let at_night = |timezone: &str| Usage {
        asked: LogUsage { used_at: Some(new_year), ..plain("2") },
        timezone: timezone.into(),
    };
    let days = |used: &ItemUsed| -> Vec<String> {
        used.usage_analytics.iter().map(|total| total.period_start.to_string()).collect()
    };
    let (given, toronto) = used(item(), at_night("America/Toronto"));
    assert_eq!(days(&toronto), ["2025-12-31", "2025-12-29", "2025-12-01"]);
    let (given, next) = used(given, usage("1"));
    assert_eq!(days(&next), ["2026-01-01", "2025-12-29", "2026-01-01"]);
    let week = &next.usage_analytics[1];
    assert_eq!((week.usage_count, week.total_quantity), (2, amount("3")));
    assert_eq!(week.average_quantity, "1.5000");
    let (_, halifax) = used(given, at_night("America/Halifax"));
    assert_eq!(days(&halifax)[0], "2026-01-01");
    item().when(at_night("Nowhere")).refused("TimezoneUnknown");
}

#[test]
fn a_voided_use_is_out_of_the_sums_on_the_day_it_counted() {
    let (given, first) = used(item(), usage("1"));
    let (given, second) = used(given.at(day(2)), usage("2"));
    let (given, events) = given.when(VoidUsageLog { usage_id: second.usage_id }).events();
    let [Event::UsageLogVoided(voided)] = events.as_slice() else {
        panic!("expected one use voided, got {events:?}");
    };
    let [of_day, _, of_month] = voided.usage_analytics.as_slice() else {
        panic!("expected three sums, got {voided:?}");
    };
    assert_eq!(of_day.period_start.to_string(), "2026-01-02");
    assert_eq!((of_day.usage_count, of_day.last_used_at), (0, None));
    assert_eq!((of_month.usage_count, of_month.last_used_at), (1, Some(first.used_at)));
    let (_, third) = used(given, usage("3"));
    assert_eq!(third.usage_analytics[2].total_quantity, amount("4"));
}

fn low() -> Given<InventoryItem> {
    let set = ReorderThresholdSet { reorder_threshold: Some(amount("12")), reorder_quantity: None };
    item().and(set)
}

fn suggested(given: Given<InventoryItem>) -> (Given<InventoryItem>, ReorderSuggested) {
    let (given, events) = given.when(SuggestReorder {}).events();
    match events.as_slice() {
        [Event::ReorderSuggested(suggested)] => (given, suggested.clone()),
        other => panic!("expected a proposal, got {other:?}"),
    }
}

fn dismissal(suggestion_id: Option<Uuid>) -> Dismissal {
    Dismissal { asked: DismissReorderSuggestion { suggestion_id }, decided_by: Some(ADA) }
}

#[test]
fn reordering_is_proposed_once_when_stock_is_under_the_threshold() {
    item().when(SuggestReorder {}).then_nothing();
    let (given, proposal) = suggested(low());
    assert_eq!(proposal.suggested_quantity, amount("14"));
    assert_eq!(proposal.quantity_at_suggestion, amount("10"));
    assert_eq!(proposal.threshold_at_suggestion, amount("12"));
    given.when(SuggestReorder {}).refused("SuggestionAlreadyOpen");
    let exactly =
        ReorderThresholdSet { reorder_threshold: Some(amount("10")), reorder_quantity: None };
    item().and(exactly).when(SuggestReorder {}).then_nothing();
}

#[test]
fn the_familys_own_reorder_quantity_goes_first_and_none_exceeds_its_column() {
    let set = |threshold, quantity| ReorderThresholdSet {
        reorder_threshold: Some(threshold),
        reorder_quantity: quantity,
    };
    let (_, proposal) = suggested(item().and(set(amount("12"), Some(amount("24")))));
    assert_eq!(proposal.suggested_quantity, amount("24"));
    let (_, proposal) = suggested(item().and(set(LARGEST, None)));
    assert_eq!(proposal.suggested_quantity, LARGEST);
}

#[test]
fn a_proposal_is_accepted_and_then_fulfilled_by_new_stock() {
    let (given, proposal) = suggested(low());
    let suggestion_id = proposal.suggestion_id;
    given
        .when(AcceptReorderSuggestion::default())
        .then([ReorderSuggestionAccepted {
            suggestion_id,
            status: SuggestionStatus::Accepted,
            decided_by: ADA,
            decided_at: day(1),
        }])
        .when(AcceptReorderSuggestion { suggestion_id: Some(suggestion_id) })
        .refused("SuggestionNotOpen")
        .when(dismissal(Some(suggestion_id)))
        .refused("SuggestionNotOpen")
        .when(FulfilReorderSuggestion::default())
        .then_nothing()
        .and(ItemRestocked { restocked: amount("14"), quantity: amount("24") })
        .when(FulfilReorderSuggestion::default())
        .then([ReorderSuggestionFulfilled {
            suggestion_id,
            status: SuggestionStatus::Fulfilled,
            decided_at: day(1),
        }])
        .when(FulfilReorderSuggestion { suggestion_id: Some(suggestion_id) })
        .refused("SuggestionNotOpen")
        .when(FulfilReorderSuggestion::default())
        .then_nothing();
}

#[test]
fn a_dismissed_proposal_makes_room_for_another() {
    let (given, proposal) = suggested(low());
    let suggestion_id = proposal.suggestion_id;
    let given = given
        .when(dismissal(Some(KIM)))
        .refused("SuggestionNotOpen")
        .when(dismissal(None))
        .then([ReorderSuggestionDismissed {
            suggestion_id,
            status: SuggestionStatus::Dismissed,
            decided_by: Some(ADA),
            decided_at: day(1),
        }])
        .when(AcceptReorderSuggestion { suggestion_id: Some(suggestion_id) })
        .refused("SuggestionNotOpen");
    let (_, next) = suggested(given);
    assert_ne!(next.suggestion_id, suggestion_id);
}

#[test]
fn an_open_proposal_and_accepted_ones_are_fulfilled_together() {
    let (given, first) = suggested(low());
    let (given, _) = given.when(AcceptReorderSuggestion::default()).events();
    let (given, second) = suggested(given);
    let restocked = ItemRestocked { restocked: amount("14"), quantity: amount("24") };
    let (given, events) = given.and(restocked).when(FulfilReorderSuggestion::default()).events();
    let fulfilled = |suggestion_id| {
        Event::from(ReorderSuggestionFulfilled {
            suggestion_id,
            status: SuggestionStatus::Fulfilled,
            decided_at: day(1),
        })
    };
    assert_eq!(events, [fulfilled(second.suggestion_id), fulfilled(first.suggestion_id)]);
    assert!(given.state.accepted_suggestions.is_empty());
}

#[test]
fn the_proposal_for_a_removed_item_is_dismissed_but_not_accepted() {
    let (given, proposal) = suggested(low());
    let by_the_system = Dismissal { decided_by: None, ..dismissal(None) };
    given
        .and(InventoryItemRemoved { deleted_at: day(1) })
        .when(AcceptReorderSuggestion::default())
        .refused("ItemGone")
        .when(SuggestReorder {})
        .refused("ItemGone")
        .when(by_the_system)
        .then([ReorderSuggestionDismissed {
            suggestion_id: proposal.suggestion_id,
            status: SuggestionStatus::Dismissed,
            decided_by: None,
            decided_at: day(1),
        }]);
}

#[test]
fn a_removed_item_does_not_change() {
    item()
        .when(RemoveInventoryItem {})
        .then([InventoryItemRemoved { deleted_at: day(1) }])
        .when(RemoveInventoryItem {})
        .then_nothing()
        .when(usage("1"))
        .refused("ItemGone");
    given::<InventoryItem>([]).when(RestockItem { quantity: "1".into() }).refused("ItemUnknown");
}

/// What is in stock is what came in and was counted, less what was used and not voided.
#[test]
fn whatever_is_used_restocked_and_voided_stock_never_falls_below_zero() {
    let mut item = item();
    let mut expected = amount("10").hundredths();
    let mut uses: Vec<ItemUsed> = vec![];
    let mut dice: u64 = 0x5eed;
    for _ in 0..5_000 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (kind, hundredths) = (dice >> 60, i64::try_from((dice >> 33) % 900).unwrap() + 1);
        let quantity = Amount::from_hundredths(hundredths);
        item = match kind {
            0..10 if hundredths > expected => {
                item.when(usage(&quantity.to_string())).refused("NotEnoughStock")
            }
            0..10 => {
                let (next, last) = used(item, usage(&quantity.to_string()));
                uses.push(last);
                expected -= hundredths;
                next
            }
            10..13 => {
                expected += hundredths;
                item.when(RestockItem { quantity: quantity.into() }).events().0
            }
            _ => match uses.pop() {
                Some(last) => {
                    expected += last.quantity.hundredths();
                    item.when(VoidUsageLog { usage_id: last.usage_id }).events().0
                }
                None => item.when(VoidUsageLog { usage_id: KIM }).refused("UsageUnknown"),
            },
        };
        assert!(item.state.quantity >= Amount::ZERO);
        assert_eq!(item.state.quantity.hundredths(), expected);
    }
    let taken = uses.iter().map(|used| used.quantity.hundredths()).sum::<i64>();
    let (_, last) = used(item.and(StockAdjusted { quantity: amount("1") }), usage("1"));
    let month = &last.usage_analytics[2];
    assert_eq!(usize::try_from(month.usage_count), Ok(uses.len() + 1));
    assert_eq!(month.total_quantity.hundredths(), taken + 100);
}
