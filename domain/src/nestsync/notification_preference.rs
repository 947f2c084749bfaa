//! What a person wants to hear about a family, by which way, and when not.
//! (nestsync.aggregate.NotificationPreference, stream: `<user id>:<family id>`)

use std::collections::BTreeMap;

use chrono::NaiveTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// The way a notification goes (nestsync.notification_preferences.channel).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By e-mail.
    Email,
    /// On a device.
    Push,
    /// By text message.
    Sms,
}

impl Channel {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Email, Self::Push, Self::Sms];
}

/// What a notification is about (nestsync.notification_preferences.topic).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Something runs low.
    ReorderSuggestion,
    /// An invitation to a family.
    FamilyInvitation,
    /// A child's emergency profile changed.
    EmergencyProfile,
    /// The family's subscription.
    Subscription,
    /// What is new in the application.
    ProductNews,
}

/// Says whether the person wants to hear of a topic by a way, and when not. The command's id is
/// `<user id>:<family id>`. (nestsync.command.SetNotificationPreference)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetNotificationPreference {
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub topic: Topic,
    /// Whether at all.
    pub enabled: bool,
    /// From when on not, by the person's clock; absent stays, null clears.
    #[serde(default, deserialize_with = "text::some")]
    pub quiet_from: Option<Option<NaiveTime>>,
    /// Until when not; before `quiet_from` where the night lies between them.
    #[serde(default, deserialize_with = "text::some")]
    pub quiet_until: Option<Option<NaiveTime>>,
}

/// A preference, with whose and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// What was asked.
    pub asked: SetNotificationPreference,
    /// Who wants it.
    pub user_id: Uuid,
    /// About which family.
    pub family_id: Uuid,
}

commands! {
    /// What may be asked of a person's preferences.
    pub enum Command { Wish }
}

/// A preference was set, for the first time or anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationPreferenceSet {
    /// The preference's id, which stays.
    pub preference_id: Uuid,
    /// Whether it is the first for this way and topic.
    pub first: bool,
    /// Who wants it.
    pub user_id: Uuid,
    /// About which family.
    pub family_id: Uuid,
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub topic: Topic,
    /// Whether at all.
    pub enabled: bool,
    /// From when on not.
    pub quiet_from: Option<NaiveTime>,
    /// Until when not.
    pub quiet_until: Option<NaiveTime>,
}

events! {
    /// What happens to a person's preferences.
    pub enum Event { NotificationPreferenceSet }
    Imported {
        NotificationPreferenceImported from notification_preferences at [user_id, family_id],
    }
}

refusals! {
    /// What is no preference.
    pub enum Refusal {
        /// Quiet time has two ends.
        QuietTimeIncomplete => "quiet time needs two different times, from and until", at "quiet_until";
    }
}

/// Why a notification does not go out (nestsync.rule.notification.preference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// The person does not want it.
    SwitchedOff,
    /// Not at this hour.
    QuietTime,
}

/// What a person said about one topic by one way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    id: Uuid,
    enabled: bool,
    quiet: Option<(NaiveTime, NaiveTime)>,
}

/// A person's preferences about one family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NotificationPreference {
    said: BTreeMap<Channel, BTreeMap<Topic, Said>>,
}

impl NotificationPreference {
    /// Whether, and why, a notification must not go out at this hour of the person's clock. Without a
    /// preference e-mail and push are on, sms is off, and so is product news; emergency profiles know
    /// no quiet time (nestsync.rule.notification.preference).
    #[must_use]
    pub fn forbids(&self, channel: Channel, topic: Topic, at: NaiveTime) -> Option<Forbidden> {
        let said = self.said(channel, topic);
        let enabled = said
            .map_or(channel != Channel::Sms && topic != Topic::ProductNews, |said| said.enabled);
        if !enabled {
            return Some(Forbidden::SwitchedOff);
        }
        let (from, until) = said?.quiet?;
        let quiet = if from < until { from <= at && at < until } else { from <= at || at < until };
        (quiet && topic != Topic::EmergencyProfile).then_some(Forbidden::QuietTime)
    }

    fn said(&self, channel: Channel, topic: Topic) -> Option<&Said> {
        self.said.get(&channel)?.get(&topic)
    }
}

impl Decider for NotificationPreference {
    const TYPE: &'static str = "nestsync.notification_preference";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Command::Wish(Wish { asked, user_id, family_id }) = command;
        let before = self.said(asked.channel, asked.topic);
        let quiet_before = before.and_then(|said| said.quiet).unzip();
        let quiet = match (
            asked.quiet_from.unwrap_or(quiet_before.0),
            asked.quiet_until.unwrap_or(quiet_before.1),
        ) {
            (None, None) => None,
            (Some(from), Some(until)) if from != until => Some((from, until)),
            _ => return Err(Refusal::QuietTimeIncomplete),
        };
        if before.is_some_and(|said| said.enabled == asked.enabled && said.quiet == quiet) {
            return Ok(vec![]);
        }
        let (quiet_from, quiet_until) = quiet.unzip();
        let set = NotificationPreferenceSet {
            preference_id: before.map_or_else(|| moment.new_id(), |said| said.id),
            first: before.is_none(),
            user_id,
            family_id,
            channel: asked.channel,
            topic: asked.topic,
            enabled: asked.enabled,
            quiet_from,
            quiet_until,
        };
        Ok(vec![set.into()])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::NotificationPreferenceSet(set) => {
                let said = Said {
                    id: set.preference_id,
                    enabled: set.enabled,
                    quiet: set.quiet_from.zip(set.quiet_until),
                };
                self.said.entry(set.channel).or_default().insert(set.topic, said);
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl NotificationPreference {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        if let (Some(channel), Some(topic)) = (row.get("channel"), row.get("topic")) {
            let said = Said {
                id: row.or_default("id"),
                enabled: row.or_default("enabled"),
                quiet: row.get("quiet_from").zip(row.get("quiet_until")),
            };
            self.said.entry(channel).or_default().insert(topic, said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, Given, given};

    const FAMILY: Uuid = Uuid::from_u128(0xfa);

    fn time(text: &str) -> NaiveTime {
        text.parse().unwrap()
    }

    fn quiet(channel: Channel, topic: Topic, from: &str, until: &str) -> Wish {
        let (quiet_from, quiet_until) = (Some(Some(time(from))), Some(Some(time(until))));
        let asked =
            SetNotificationPreference { channel, topic, enabled: true, quiet_from, quiet_until };
        Wish { asked, user_id: ADA, family_id: FAMILY }
    }

    fn simply(channel: Channel, topic: Topic, enabled: bool) -> Wish {
        let asked = SetNotificationPreference {
            channel,
            topic,
            enabled,
            quiet_from: None,
            quiet_until: None,
        };
        Wish { asked, user_id: ADA, family_id: FAMILY }
    }

    fn set(
        given: Given<NotificationPreference>,
        wish: Wish,
    ) -> (Given<NotificationPreference>, NotificationPreferenceSet) {
        let (given, events) = given.when(wish).events();
        match events.as_slice() {
            [Event::NotificationPreferenceSet(set)] => (given, set.clone()),
            other => panic!("expected one preference, got {other:?}"),
        }
    }

    #[test]
    fn without_a_preference_sms_and_product_news_are_off_and_the_rest_is_on() {
        let unsaid = NotificationPreference::default();
        let forbids = |channel, topic| unsaid.forbids(channel, topic, time("03:00:00"));
        for channel in [Channel::Email, Channel::Push] {
            assert_eq!(forbids(channel, Topic::ReorderSuggestion), None);
            assert_eq!(forbids(channel, Topic::ProductNews), Some(Forbidden::SwitchedOff));
        }
        assert_eq!(forbids(Channel::Sms, Topic::EmergencyProfile), Some(Forbidden::SwitchedOff));
    }

    #[test]
    fn what_a_person_says_goes_before_the_defaults() {
        let (given, _) = set(given([]), simply(Channel::Sms, Topic::ProductNews, true));
        let (given, _) = set(given, simply(Channel::Email, Topic::Subscription, false));
        let forbids = |channel, topic| given.state.forbids(channel, topic, time("12:00:00"));
        assert_eq!(forbids(Channel::Sms, Topic::ProductNews), None);
        assert_eq!(forbids(Channel::Email, Topic::Subscription), Some(Forbidden::SwitchedOff));
        assert_eq!(forbids(Channel::Push, Topic::Subscription), None);
    }

    #[test]
    fn quiet_time_may_lie_over_midnight_and_is_none_for_emergencies() {
        let (given, _) =
            set(given([]), quiet(Channel::Push, Topic::ReorderSuggestion, "22:00:00", "07:00:00"));
        let (given, _) =
            set(given, quiet(Channel::Push, Topic::EmergencyProfile, "22:00:00", "07:00:00"));
        let (given, _) =
            set(given, quiet(Channel::Email, Topic::Subscription, "12:00:00", "13:00:00"));
        let forbids = |channel, topic, at| given.state.forbids(channel, topic, time(at));
        for (at, quiet) in [
            ("21:59:59", None),
            ("22:00:00", Some(Forbidden::QuietTime)),
            ("00:00:00", Some(Forbidden::QuietTime)),
            ("06:59:59", Some(Forbidden::QuietTime)),
            ("07:00:00", None),
        ] {
            assert_eq!(forbids(Channel::Push, Topic::ReorderSuggestion, at), quiet, "{at}");
            assert_eq!(forbids(Channel::Push, Topic::EmergencyProfile, at), None, "{at}");
        }
        let noon = |at| forbids(Channel::Email, Topic::Subscription, at);
        assert_eq!(noon("12:30:00"), Some(Forbidden::QuietTime));
        assert_eq!((noon("11:59:59"), noon("13:00:00")), (None, None));
    }

    #[test]
    fn a_preference_keeps_its_id_and_setting_it_twice_is_nothing() {
        let wish = simply(Channel::Push, Topic::Subscription, true);
        let (given, first) = set(given([]), wish.clone());
        assert!(first.first);
        let given = given.when(wish).then_nothing();
        let (_, anew) = set(given, simply(Channel::Push, Topic::Subscription, false));
        assert_eq!((anew.first, anew.preference_id), (false, first.preference_id));
    }

    #[test]
    fn quiet_time_stays_where_it_is_not_given_and_null_clears_it() {
        let (given, _) =
            set(given([]), quiet(Channel::Push, Topic::Subscription, "22:00:00", "07:00:00"));
        let (given, off) = set(given, simply(Channel::Push, Topic::Subscription, false));
        assert_eq!(off.quiet_from, Some(time("22:00:00")));
        let mut clear = simply(Channel::Push, Topic::Subscription, false);
        clear.asked.quiet_from = Some(None);
        let given = given.when(clear.clone()).refused("QuietTimeIncomplete");
        clear.asked.quiet_until = Some(None);
        assert_eq!(set(given, clear).1.quiet_until, None);
    }

    #[test]
    fn quiet_time_has_two_different_ends() {
        let mut half = quiet(Channel::Push, Topic::Subscription, "22:00:00", "07:00:00");
        half.asked.quiet_until = None;
        given::<NotificationPreference>([])
            .when(half)
            .refused("QuietTimeIncomplete")
            .when(quiet(Channel::Push, Topic::Subscription, "22:00:00", "22:00:00"))
            .refused("QuietTimeIncomplete");
    }

    #[test]
    fn preferences_survive_a_snapshot() {
        let (given, _) =
            set(given([]), quiet(Channel::Push, Topic::Subscription, "22:00:00", "07:00:00"));
        let json = serde_json::to_value(&given.state).unwrap();
        let read: NotificationPreference = serde_json::from_value(json).unwrap();
        assert_eq!(read, given.state);
    }
}
