use chrono::Duration;

use super::*;
use crate::testing::{ADA, BOB, Given, day, given};

fn asked() -> RequestReading {
    RequestReading {
        spread_id: Uuid::from_u128(5),
        reader_id: None,
        question: Some("Will it?".into()),
        session_type: SessionType::Standard,
        card_count: 2,
    }
}

fn pending() -> Given<Reading> {
    given::<Reading>([]).when(asked()).events().0
}

fn active() -> Given<Reading> {
    pending().when(StartReading {}).events().0
}

fn drawn(cards: &[(u128, i32)]) -> DrawCards {
    let card = |(card, position): &(u128, i32)| DrawnCard {
        card_id: Uuid::from_u128(*card),
        position: *position,
        orientation: Orientation::Upright,
    };
    DrawCards { cards_drawn: cards.iter().map(card).collect() }
}

fn said() -> RecordAiInterpretation {
    RecordAiInterpretation {
        ai_interpretation: Object::new(),
        ai_model_version: "m-1".parse().unwrap(),
    }
}

fn completed() -> Given<Reading> {
    let given = active().when(drawn(&[(1, 1), (2, 2)])).events().0.when(said()).events().0;
    given.when(CompleteReading::default()).events().0
}

#[test]
fn a_client_asks_once_for_a_reading() {
    let (given, events) = given::<Reading>([]).when(asked()).events();
    let [Event::ReadingRequested(requested)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((requested.client_id, requested.status), (ADA, Status::Pending));
    given.when(asked()).refused("ReadingAlreadyRequested");
}

#[test]
fn nothing_happens_to_a_reading_nobody_asked_for() {
    given::<Reading>([]).when(StartReading {}).refused("ReadingNotFound");
}

#[test]
fn a_reader_is_assigned_before_it_begins_and_is_not_the_client() {
    pending()
        .when(AssignReader { reader_id: ADA })
        .refused("NotAReader")
        .when(AssignReader { reader_id: BOB })
        .then([ReaderAssigned { client_id: ADA, reader_id: BOB }])
        .when(AssignReader { reader_id: BOB })
        .then_nothing()
        .when(StartReading {})
        .events()
        .0
        .when(AssignReader { reader_id: ADA })
        .refused("ReadingTransitionRefused");
}

#[test]
fn a_reading_goes_from_pending_to_active_to_completed() {
    pending()
        .when(CompleteReading::default())
        .refused("ReadingTransitionRefused")
        .when(said())
        .refused("ReadingTransitionRefused")
        .when(RecordReaderInterpretation::default())
        .refused("ReadingTransitionRefused");
    active().when(StartReading {}).refused("ReadingTransitionRefused");
    completed()
        .when(StartReading {})
        .refused("ReadingTransitionRefused")
        .when(CancelReading {})
        .refused("ReadingTransitionRefused")
        .when(CompleteReading::default())
        .refused("ReadingTransitionRefused");
}

#[test]
fn what_is_pending_or_active_can_be_cancelled_for_good() {
    let cancelled = ReadingCancelled { client_id: ADA, status: Status::Cancelled };
    for given in [pending(), active()] {
        given
            .when(CancelReading {})
            .then([cancelled.clone()])
            .when(CancelReading {})
            .refused("ReadingTransitionRefused")
            .when(StartReading {})
            .refused("ReadingTransitionRefused");
    }
}

#[test]
fn as_many_distinct_cards_are_drawn_as_the_spread_has_positions_and_once() {
    let two = drawn(&[(1, 1), (2, 2)]);
    pending().when(two.clone()).refused("CardsMismatch");
    for wrong in [
        &[][..],
        &[(1, 1)],
        &[(1, 1), (1, 2)],
        &[(1, 1), (2, 1)],
        &[(1, 0), (2, 1)],
        &[(1, 1), (2, 3)],
        &[(1, 1), (2, 2), (3, 3)],
    ] {
        active().when(drawn(wrong)).refused("CardsMismatch");
    }
    active().when(two.clone()).events().0.when(two).refused("CardsMismatch");
}

#[test]
fn completion_needs_cards_and_an_interpretation_and_counts_whole_minutes() {
    active().when(said()).events().0.when(CompleteReading::default()).refused("ReadingIncomplete");
    let notes = RecordReaderInterpretation {
        reader_notes: Some(Some("hm".into())),
        reader_interpretation: None,
    };
    let words = RecordReaderInterpretation {
        reader_notes: None,
        reader_interpretation: Some("yes".into()),
    };
    let given = active().when(drawn(&[(1, 1), (2, 2)])).events().0.when(notes).events().0;
    let given = given.when(CompleteReading::default()).refused("ReadingIncomplete");
    let complete = CompleteReading { client_counts: true, client_has_profile: true };
    let completed = ReadingCompleted {
        counts_for: Some(ADA),
        in_profile: true,
        status: Status::Completed,
        duration_minutes: 25,
    };
    given
        .when(words)
        .events()
        .0
        .at(day(1) + Duration::seconds(25 * 60 + 59))
        .when(complete)
        .then([completed]);
}

#[test]
fn nobody_is_counted_who_is_no_longer_there() {
    let given = active().when(drawn(&[(1, 1), (2, 2)])).events().0.when(said()).events().0;
    let gone = CompleteReading { client_counts: false, client_has_profile: true };
    let (_, events) = given.when(gone).events();
    let [Event::ReadingCompleted(completed)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((completed.counts_for, completed.in_profile), (None, false));
}

#[test]
fn a_client_rates_from_one_to_five_once_after_completion() {
    let rate = |satisfaction_rating| RateReading { satisfaction_rating, client_feedback: None };
    active().when(rate(5)).refused("RatingRefused");
    completed()
        .when(rate(0))
        .refused("RatingRefused")
        .when(rate(6))
        .refused("RatingRefused")
        .when(rate(5))
        .events()
        .0
        .when(rate(5))
        .refused("RatingRefused");
}
