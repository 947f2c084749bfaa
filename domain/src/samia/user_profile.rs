//! A user's profile: what a reader offers, what a client prefers, what an admin may.
//!
//! Its stream has the user's id. The kind of profile follows the user's role
//! (samia.rule.profile.type), which the handler brings along.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    user::{ProfileType, Role},
    words::{Object, Text},
};
use crate::{Amount, Decider, Moment, commands, events, refusals, text};

/// The largest rate that `numeric(10,2)` holds: 99999999.99.
pub const MOST_RATE: Amount = Amount::from_hundredths(9_999_999_999);

/// Gives a user a profile of the kind that goes with its role. (samia.command.CreateUserProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUserProfile {
    /// The kind, if it is to be checked.
    #[serde(default)]
    pub profile_type: Option<ProfileType>,
    /// Languages spoken, as codes; `en` where none are given.
    #[serde(default)]
    pub languages: Option<Vec<String>>,
    /// The user's role; the handler sets it.
    #[serde(skip)]
    pub role: Role,
}

/// Changes what a reader offers; what is left out stays, null clears. (samia.command.UpdateReaderProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateReaderProfile {
    /// What the reader is good at.
    #[serde(default, deserialize_with = "text::some")]
    pub specializations: Option<Option<Vec<String>>>,
    /// Years of practice.
    #[serde(default, deserialize_with = "text::some")]
    pub experience_years: Option<Option<u8>>,
    /// What a reading costs.
    #[serde(default, deserialize_with = "text::some")]
    pub reading_rate: Option<Option<Amount>>,
    /// When the reader can be had.
    #[serde(default, deserialize_with = "text::some")]
    pub availability_schedule: Option<Option<Object>>,
    /// Certificates.
    #[serde(default, deserialize_with = "text::some")]
    pub certifications: Option<Option<Vec<String>>>,
    /// Languages spoken, as codes.
    #[serde(default)]
    pub languages: Option<Vec<String>>,
    /// The user's role; the handler sets it.
    #[serde(skip)]
    pub role: Role,
}

/// Changes what a client brings and prefers; what is left out stays, null clears. (samia.command.UpdateClientProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateClientProfile {
    /// The birth chart.
    #[serde(default, deserialize_with = "text::some")]
    pub birth_chart_data: Option<Option<Object>>,
    /// Readers the client would rather have.
    #[serde(default, deserialize_with = "text::some")]
    pub preferred_readers: Option<Option<Vec<Uuid>>>,
    /// Languages spoken, as codes.
    #[serde(default)]
    pub languages: Option<Vec<String>>,
    /// The user's role; the handler sets it.
    #[serde(skip)]
    pub role: Role,
}

/// Replaces settings of a profile; what is left out stays. (samia.command.ChangeProfileSettings)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfileSettings {
    /// Where else the user is to be found.
    #[serde(default)]
    pub social_links: Option<Object>,
    /// How the user wants to be told.
    #[serde(default)]
    pub notification_preferences: Option<Object>,
    /// Who sees what.
    #[serde(default)]
    pub privacy_settings: Option<Object>,
}

/// Says what an admin may do and where; what is left out stays, null clears. (samia.command.AssignAdminPermissions)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignAdminPermissions {
    /// All permissions from now on.
    #[serde(default, deserialize_with = "text::some")]
    pub admin_permissions: Option<Option<Vec<String>>>,
    /// The department from now on.
    #[serde(default, deserialize_with = "text::some")]
    pub department: Option<Option<Text<100>>>,
}

commands! {
    /// What may be asked of a profile.
    pub enum Command {
        CreateUserProfile, UpdateReaderProfile, UpdateClientProfile, ChangeProfileSettings,
        AssignAdminPermissions,
    }
}

/// A profile was made. (samia.event.UserProfileCreated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserProfileCreated {
    /// The row's own id; the stream's is the user's.
    pub id: Uuid,
    /// The kind of profile.
    pub profile_type: ProfileType,
    /// Languages spoken.
    pub languages: Option<Vec<String>>,
    /// Where else the user is to be found.
    pub social_links: Option<Object>,
    /// How the user wants to be told.
    pub notification_preferences: Option<Object>,
    /// Who sees what.
    pub privacy_settings: Option<Object>,
}

/// What a reader offers changed; what did not is left out. (samia.event.ReaderProfileUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReaderProfileUpdated {
    /// What the reader is good at.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub specializations: Option<Option<Vec<String>>>,
    /// Years of practice.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub experience_years: Option<Option<u8>>,
    /// What a reading costs.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub reading_rate: Option<Option<Amount>>,
    /// When the reader can be had.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub availability_schedule: Option<Option<Object>>,
    /// Certificates.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub certifications: Option<Option<Vec<String>>>,
    /// Languages spoken.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub languages: Option<Option<Vec<String>>>,
}

/// What a client brings and prefers changed; what did not is left out. (samia.event.ClientProfileUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientProfileUpdated {
    /// The birth chart.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub birth_chart_data: Option<Option<Object>>,
    /// Readers the client would rather have.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub preferred_readers: Option<Option<Vec<Uuid>>>,
    /// Languages spoken.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub languages: Option<Option<Vec<String>>>,
}

/// Settings were replaced; what was not is left out. (samia.event.ProfileSettingsChanged)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileSettingsChanged {
    /// Where else the user is to be found.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub social_links: Option<Option<Object>>,
    /// How the user wants to be told.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub notification_preferences: Option<Option<Object>>,
    /// Who sees what.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub privacy_settings: Option<Option<Object>>,
}

/// An admin may do something else from now on. (samia.event.AdminPermissionsAssigned)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdminPermissionsAssigned {
    /// All permissions from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub admin_permissions: Option<Option<Vec<String>>>,
    /// The department from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub department: Option<Option<Text<100>>>,
}

events! {
    /// What happens to a profile.
    pub enum Event {
        UserProfileCreated {
            languages: null, social_links: null, notification_preferences: null,
            privacy_settings: null,
        },
        ReaderProfileUpdated { availability_schedule: null, certifications: null, languages: null },
        ClientProfileUpdated { birth_chart_data: null, preferred_readers: null, languages: null },
        ProfileSettingsChanged {
            social_links: null, notification_preferences: null, privacy_settings: null,
        },
        AdminPermissionsAssigned,
    }
    Imported {
        UserProfileImported from user_profiles at [user_id] {
            availability_schedule: null, certifications: null, languages: null,
            birth_chart_data: null, preferred_readers: null, social_links: null,
            notification_preferences: null, privacy_settings: null,
        },
    }
}

refusals! {
    /// What a profile refuses.
    pub enum Refusal {
        /// samia.rule.profile.one
        ProfileAlreadyExists => "this user has a profile already";
        /// samia.rule.profile.type
        ProfileTypeMismatch => "the user's role has another kind of profile, with other fields";
        /// There is nothing to change.
        ProfileNotFound => "this user has no profile";
        /// What the column holds, and no less than nothing.
        RateRefused { most: Amount } => "a rate lies between 0.00 and {most}", at "reading_rate";
    }
}

/// Whether there is a profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserProfile {
    /// There is one.
    pub exists: bool,
}

impl Decider for UserProfile {
    const TYPE: &'static str = "samia.user_profile";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::CreateUserProfile(_) if self.exists => Err(Refusal::ProfileAlreadyExists),
            Command::CreateUserProfile(new) => create(new, moment),
            _ if !self.exists => Err(Refusal::ProfileNotFound),
            Command::UpdateReaderProfile(update) => update_reader(update),
            Command::UpdateClientProfile(update) => update_client(update),
            Command::ChangeProfileSettings(change) => Ok(change_settings(change)),
            Command::AssignAdminPermissions(assign) => Ok(assign_permissions(assign)),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::UserProfileCreated(_) => self.exists = true,
            Event::ReaderProfileUpdated(_)
            | Event::ClientProfileUpdated(_)
            | Event::ProfileSettingsChanged(_)
            | Event::AdminPermissionsAssigned(_) => {}
            Event::Imported(_) => self.exists = true,
        }
    }
}

fn create(new: CreateUserProfile, moment: &Moment) -> Result<Vec<Event>, Refusal> {
    let profile_type = new.role.profile_type();
    if new.profile_type.is_some_and(|asked| asked != profile_type) {
        return Err(Refusal::ProfileTypeMismatch);
    }
    let created = UserProfileCreated {
        id: moment.new_id(),
        profile_type,
        languages: Some(new.languages.unwrap_or_else(|| vec!["en".to_owned()])),
        social_links: Some(Object::new()),
        notification_preferences: Some(Object::new()),
        privacy_settings: Some(Object::new()),
    };
    Ok(vec![created.into()])
}

fn update_reader(update: UpdateReaderProfile) -> Result<Vec<Event>, Refusal> {
    if update.role.profile_type() != ProfileType::Reader {
        return Err(Refusal::ProfileTypeMismatch);
    }
    let rate = update.reading_rate.flatten().unwrap_or_default();
    if rate < Amount::ZERO || rate > MOST_RATE {
        return Err(Refusal::RateRefused { most: MOST_RATE });
    }
    let updated = ReaderProfileUpdated {
        specializations: update.specializations,
        experience_years: update.experience_years,
        reading_rate: update.reading_rate,
        availability_schedule: update.availability_schedule,
        certifications: update.certifications,
        languages: update.languages.map(Some),
    };
    Ok(if updated == ReaderProfileUpdated::default() { vec![] } else { vec![updated.into()] })
}

fn update_client(update: UpdateClientProfile) -> Result<Vec<Event>, Refusal> {
    if update.role.profile_type() != ProfileType::Client {
        return Err(Refusal::ProfileTypeMismatch);
    }
    let updated = ClientProfileUpdated {
        birth_chart_data: update.birth_chart_data,
        preferred_readers: update.preferred_readers,
        languages: update.languages.map(Some),
    };
    Ok(if updated == ClientProfileUpdated::default() { vec![] } else { vec![updated.into()] })
}

fn change_settings(change: ChangeProfileSettings) -> Vec<Event> {
    let changed = ProfileSettingsChanged {
        social_links: change.social_links.map(Some),
        notification_preferences: change.notification_preferences.map(Some),
        privacy_settings: change.privacy_settings.map(Some),
    };
    if changed == ProfileSettingsChanged::default() { vec![] } else { vec![changed.into()] }
}

fn assign_permissions(assign: AssignAdminPermissions) -> Vec<Event> {
    let AssignAdminPermissions { admin_permissions, department } = assign;
    let assigned = AdminPermissionsAssigned { admin_permissions, department };
    if assigned == AdminPermissionsAssigned::default() { vec![] } else { vec![assigned.into()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Given, given};

    fn profile() -> Given<UserProfile> {
        given::<UserProfile>([]).when(CreateUserProfile::default()).events().0
    }

    #[test]
    fn a_user_has_one_profile_with_documented_defaults() {
        let (given, events) = given::<UserProfile>([]).when(CreateUserProfile::default()).events();
        let [Event::UserProfileCreated(created)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(created.profile_type, ProfileType::Client);
        assert_eq!(created.languages, Some(vec!["en".to_owned()]));
        given.when(CreateUserProfile::default()).refused("ProfileAlreadyExists");
    }

    #[test]
    fn the_kind_of_profile_follows_the_role() {
        let asked = |profile_type, role| CreateUserProfile {
            profile_type: Some(profile_type),
            role,
            ..CreateUserProfile::default()
        };
        given::<UserProfile>([])
            .when(asked(ProfileType::Admin, Role::Client))
            .refused("ProfileTypeMismatch")
            .when(asked(ProfileType::Client, Role::Monitor))
            .refused("ProfileTypeMismatch")
            .when(asked(ProfileType::Admin, Role::Monitor))
            .events();
    }

    #[test]
    fn readers_and_clients_have_fields_of_their_own() {
        let reader = UpdateReaderProfile {
            specializations: Some(Some(vec!["love".to_owned()])),
            role: Role::Reader,
            ..UpdateReaderProfile::default()
        };
        let client =
            UpdateClientProfile { preferred_readers: Some(None), ..UpdateClientProfile::default() };
        let offered = ReaderProfileUpdated {
            specializations: Some(Some(vec!["love".to_owned()])),
            ..ReaderProfileUpdated::default()
        };
        let preferred = ClientProfileUpdated {
            preferred_readers: Some(None),
            ..ClientProfileUpdated::default()
        };
        profile()
            .when(UpdateReaderProfile { role: Role::Client, ..reader.clone() })
            .refused("ProfileTypeMismatch")
            .when(reader)
            .then([offered])
            .when(UpdateClientProfile { role: Role::Reader, ..client.clone() })
            .refused("ProfileTypeMismatch")
            .when(client)
            .then([preferred])
            .when(UpdateClientProfile::default())
            .then_nothing()
            .when(UpdateReaderProfile { role: Role::Reader, ..UpdateReaderProfile::default() })
            .then_nothing();
    }

    #[test]
    fn a_rate_is_not_negative_and_fits_its_column() {
        for rate in ["-0.01", "100000000.00"] {
            let update = UpdateReaderProfile {
                reading_rate: Some(Some(rate.parse().unwrap())),
                role: Role::Reader,
                ..UpdateReaderProfile::default()
            };
            profile().when(update).refused("RateRefused");
        }
    }

    #[test]
    fn settings_and_permissions_left_out_stay() {
        let links = Object::from_iter([("site".to_owned(), "x".into())]);
        let changed = ProfileSettingsChanged {
            social_links: Some(Some(links.clone())),
            ..ProfileSettingsChanged::default()
        };
        let settings =
            ChangeProfileSettings { social_links: Some(links), ..ChangeProfileSettings::default() };
        let assign = AssignAdminPermissions { department: Some(None), admin_permissions: None };
        let assigned = AdminPermissionsAssigned { department: Some(None), admin_permissions: None };
        profile()
            .when(settings)
            .then([changed])
            .when(ChangeProfileSettings::default())
            .then_nothing()
            .when(assign)
            .then([assigned])
            .when(AssignAdminPermissions::default())
            .then_nothing();
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        given::<UserProfile>([]).when(ChangeProfileSettings::default()).refused("ProfileNotFound");
    }
}
