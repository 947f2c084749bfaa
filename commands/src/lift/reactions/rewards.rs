//! Stickers for sessions, and what they unlock in the garden.

use annals_domain::lift::{
    garden::{self, Garden, GrantGardenItem, UnlockCondition, UnlockGardenItem},
    sticker_book::{self, AwardSticker, StickerBook},
    wellbeing_session::SessionType,
};
use uuid::Uuid;

use super::{MILESTONE, OfChild, STARTER, STICKER, UNLOCK};
use crate::reaction::{Halt, Reacting};

/// A sticker for the session, perhaps one for a milestone, and what is unlocked by now
/// (lift.reaction.sticker-for-session, lift.reaction.sticker-for-milestone).
pub fn for_session(
    session: Uuid,
    kind: Option<SessionType>,
    child_id: Uuid,
    child: &OfChild,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    if let Some(kind) = kind {
        award(STICKER, child_id, kind_of(kind), Some(session), "session_completed", reacting)?;
    }
    if reacting.rules.lift.milestones.contains(&child.completed) {
        let kind = format!("milestone_{}", child.completed);
        award(MILESTONE, child_id, kind, None, "milestone", reacting)?;
    }
    unlock(child_id, child, reacting)
}

fn kind_of(kind: SessionType) -> String {
    match kind {
        SessionType::DailyCheckin => "daily_checkin",
        SessionType::WeeklyReview => "weekly_review",
        SessionType::MonthlyAssessment => "monthly_assessment",
    }
    .to_owned()
}

fn award(
    reaction: &'static str,
    child_id: Uuid,
    sticker_type: String,
    session_id: Option<Uuid>,
    earned_for: &str,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let names = &reacting.rules.lift.sticker_names;
    let sticker_name = match names.get(&sticker_type) {
        Some(name) => name.clone(),
        None => match sticker_type.strip_prefix("milestone_") {
            Some(count) => format!("{count} check-ins"),
            None => sticker_type.replace('_', " "),
        },
    };
    let sticker = AwardSticker {
        child_id,
        sticker_type,
        sticker_name,
        sticker_description: None,
        earned_for: earned_for.to_owned(),
        session_id,
    };
    reacting.send::<StickerBook, _>(reaction, child_id, &sticker)
}

/// What a sticker leads to.
pub fn sticker(event: &sticker_book::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match event {
        sticker_book::Event::StickerAwarded(awarded) => {
            let child =
                reacting.amend(awarded.child_id, |child: &mut OfChild| child.stickers += 1)?;
            unlock(awarded.child_id, &child, reacting)
        }
        sticker_book::Event::Imported(_) => {
            let child_id = reacting.cause.id_of_stream()?;
            reacting.amend(child_id, |child: &mut OfChild| child.stickers += 1).map(drop)
        }
    }
}

/// What a garden's events change of what is remembered.
pub fn garden(event: &garden::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match event {
        garden::Event::GardenItemGranted(item) => {
            if let Some(condition) = item.unlock_condition.filter(|_| !item.is_unlocked) {
                let child = reacting.amend(item.child_id, |child: &mut OfChild| {
                    child.locked.insert(item.id, condition);
                })?;
                // What it waits for may have come before it did.
                unlock(item.child_id, &child, reacting)?;
            }
        }
        garden::Event::GardenItemUnlocked(item) => {
            reacting.amend(item.child_id, |child: &mut OfChild| {
                child.locked.remove(&item.id);
            })?;
        }
        garden::Event::Imported(row) => {
            let locked = !row.or_default::<bool>("is_unlocked");
            let condition = row.get::<UnlockCondition>("unlock_condition").filter(|_| locked);
            if let Some((id, condition)) = row.get::<Uuid>("id").zip(condition) {
                let child_id = reacting.cause.id_of_stream()?;
                reacting.amend(child_id, |child: &mut OfChild| {
                    child.locked.insert(id, condition);
                })?;
            }
        }
        garden::Event::GardenItemPlaced(_)
        | garden::Event::GardenItemMoved(_)
        | garden::Event::GardenItemStyled(_)
        | garden::Event::GardenItemRemoved(_) => {}
    }
    Ok(())
}

/// Unlocks items whose condition holds now (lift.reaction.garden-unlock). One that was asked for
/// already is unlocked already, and nothing happens.
fn unlock(child_id: Uuid, child: &OfChild, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    for (item_id, condition) in &child.locked {
        if condition.holds(child.stickers, child.completed) {
            let unlock = UnlockGardenItem { item_id: *item_id };
            reacting.send_as::<Garden, _>(UNLOCK, child_id, &item_id.to_string(), &unlock)?;
        }
    }
    Ok(())
}

/// What a new child finds in its garden (lift.reaction.starter-garden).
pub fn starter(child_id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    for item in reacting.rules.lift.starter_garden.clone() {
        let name = item.item_name.clone();
        let grant = GrantGardenItem {
            child_id,
            item_type: item.item_type,
            item_name: item.item_name,
            item_category: item.item_category,
            position_x: None,
            position_y: None,
            size_scale: None,
            rotation: None,
            color_scheme: None,
            is_unlocked: None,
            unlock_condition: item.unlock_condition,
        };
        reacting.send_as::<Garden, _>(STARTER, child_id, &name, &grant)?;
    }
    Ok(())
}
