//! A user: an account with a role, from registration to deletion, under the subject's own id.

use std::net::IpAddr;

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// What a user may do in the service (samia.users.role.check), lowest rank first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks for readings, pays, chats.
    #[default]
    Client,
    /// Gives the readings assigned to it.
    Reader,
    /// Watches metrics and handles security events.
    Monitor,
    /// Runs the service.
    Admin,
    /// Runs the service, its configuration and its roles.
    SuperAdmin,
}

impl Role {
    /// Admin or super admin.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::SuperAdmin)
    }

    /// The kind of profile that goes with the role (samia.rule.profile.type).
    #[must_use]
    pub const fn profile_type(self) -> ProfileType {
        match self {
            Self::Client => ProfileType::Client,
            Self::Reader => ProfileType::Reader,
            Self::Monitor | Self::Admin | Self::SuperAdmin => ProfileType::Admin,
        }
    }
}

/// The kind of a user's profile (samia.user_profiles.profile_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// A client's.
    #[default]
    Client,
    /// A reader's.
    Reader,
    /// That of monitors, admins and super admins.
    Admin,
}

/// A person known to the identity provider becomes a user, as client. (samia.command.RegisterUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// The address; no other user may have it.
    pub email: Text<255>,
    /// How the user is called.
    pub full_name: Text<255>,
    /// A telephone number.
    #[serde(default)]
    pub phone_number: Option<Text<20>>,
    /// The day of birth.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date_of_birth: Option<NaiveDate>,
    /// Name of the time zone; `UTC` where none is given.
    #[serde(default)]
    pub timezone: Option<Text<50>>,
    /// Where the picture lies.
    #[serde(default)]
    pub profile_image_url: Option<String>,
    /// A few words about the user.
    #[serde(default)]
    pub bio: Option<String>,
    /// What the user prefers.
    #[serde(default)]
    pub preferences: Option<Object>,
}

/// The identity provider has verified the address. (samia.command.VerifyEmail)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {}

/// Changes an account's details; what is left out stays, null clears. (samia.command.UpdateUserDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUserDetails {
    /// Another address; no other user may have it.
    #[serde(default)]
    pub email: Option<Text<255>>,
    /// Another name.
    #[serde(default)]
    pub full_name: Option<Text<255>>,
    /// Another telephone number.
    #[serde(default, deserialize_with = "text::some")]
    pub phone_number: Option<Option<Text<20>>>,
    /// Another day of birth.
    #[serde(default, deserialize_with = "crate::time::some_dated")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// Another time zone.
    #[serde(default, deserialize_with = "text::some")]
    pub timezone: Option<Option<Text<50>>>,
    /// Another picture.
    #[serde(default, deserialize_with = "text::some")]
    pub profile_image_url: Option<Option<String>>,
    /// Other words.
    #[serde(default, deserialize_with = "text::some")]
    pub bio: Option<Option<String>>,
}

/// Replaces what the user prefers. (samia.command.ChangeUserPreferences)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUserPreferences {
    /// All preferences from now on.
    pub preferences: Object,
}

/// Replaces what the service notes about the user. (samia.command.SetUserMetadata)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUserMetadata {
    /// All metadata from now on.
    pub metadata: Object,
}

/// Gives the user another role. (samia.command.ChangeUserRole)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUserRole {
    /// The role from now on.
    pub role: Role,
}

/// Takes a user's rights away until reactivation. (samia.command.DeactivateUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeactivateUser {}

/// Gives a deactivated user's rights back. (samia.command.ReactivateUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateUser {}

/// The identity provider saw the user sign in. (samia.command.RecordSignIn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSignIn {}

/// The identity provider turned a sign-in away; the target is the user, where it is known whose
/// account was tried. (samia.command.RecordSignInFailure)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSignInFailure {
    /// The address that was tried.
    #[serde(default)]
    pub email: Option<Text<255>>,
    /// Where it came from.
    #[serde(default)]
    pub ip_address: Option<IpAddr>,
    /// The program it came from.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The target as an id; the handler sets it.
    #[serde(skip)]
    pub user_id: Option<Uuid>,
}

/// Closes the account; the row and its address stay until erasure. (samia.command.DeleteUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {}

/// Takes the person out of the account and of all that is kept of it. (samia.command.EraseUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseUser {
    /// Whose account it is; the handler sets it.
    #[serde(skip)]
    pub user_id: Uuid,
}

commands! {
    /// What may be asked of a user's account.
    pub enum Command {
        RegisterUser, VerifyEmail, UpdateUserDetails, ChangeUserPreferences, SetUserMetadata,
        ChangeUserRole, DeactivateUser, ReactivateUser, RecordSignIn, RecordSignInFailure, DeleteUser,
        EraseUser,
    }
}

/// A person became a user. (samia.event.UserRegistered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The address, in lower case.
    pub email: Text<255>,
    /// How the user is called.
    pub full_name: Text<255>,
    /// The first role.
    pub role: Role,
    /// Whether the user has rights.
    pub is_active: bool,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// A telephone number.
    pub phone_number: Option<Text<20>>,
    /// The day of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// Name of the time zone.
    pub timezone: Option<Text<50>>,
    /// Where the picture lies.
    pub profile_image_url: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// How often the user signed in.
    pub login_count: i32,
    /// What the service notes about the user.
    pub metadata: Option<Object>,
    /// What the user prefers.
    pub preferences: Option<Object>,
}

/// The address is verified. (samia.event.EmailVerified)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmailVerified {
    /// Always true.
    pub email_verified: bool,
}

/// Details changed; what did not is left out. (samia.event.UserDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDetailsUpdated {
    /// The address from now on, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<255>>,
    /// The name from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Text<255>>,
    /// The telephone number from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<Option<Text<20>>>,
    /// The day of birth from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// The time zone from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Option<Text<50>>>,
    /// The picture from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub profile_image_url: Option<Option<String>>,
    /// The words from now on.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub bio: Option<Option<String>>,
}

/// Preferences changed. (samia.event.UserPreferencesChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserPreferencesChanged {
    /// All preferences from now on.
    pub preferences: Option<Object>,
}

/// Metadata changed. (samia.event.UserMetadataSet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserMetadataSet {
    /// All metadata from now on.
    pub metadata: Option<Object>,
}

/// The role changed, and with it the kind of the profile. (samia.event.UserRoleChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRoleChanged {
    /// The role from now on.
    pub role: Role,
    /// What the profile is from now on, if there is one.
    pub profile_type: ProfileType,
}

/// The user has no rights any more. (samia.event.UserDeactivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeactivated {
    /// Always false.
    pub is_active: bool,
}

/// The user has its rights again. (samia.event.UserReactivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserReactivated {
    /// Always true.
    pub is_active: bool,
}

/// The user signed in. (samia.event.UserSignedIn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserSignedIn {
    /// How often, this time included.
    pub login_count: i32,
}

/// A sign-in was turned away. (samia.event.SignInFailed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignInFailed {
    /// Whose account was tried, if it is a user's.
    pub user_id: Option<Uuid>,
    /// The address that was tried.
    pub email: Option<Text<255>>,
    /// Where it came from.
    pub ip_address: Option<IpAddr>,
    /// The program it came from.
    pub user_agent: Option<String>,
}

/// The account was closed. (samia.event.UserDeleted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// Always false.
    pub is_active: bool,
}

/// The person is gone from the account; ids, times, money and authorship stay. (samia.event.UserErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {
    /// What stands in place of the address.
    pub email: Text<255>,
    /// What stands in place of the name.
    pub full_name: Text<255>,
    /// Always false.
    pub is_active: bool,
}

events! {
    /// What happens to a user's account.
    pub enum Event {
        UserRegistered {
            email: email, full_name: text, phone_number: null, date_of_birth: null, timezone: null,
            profile_image_url: null, bio: null, metadata: null, preferences: null,
        },
        EmailVerified,
        UserDetailsUpdated {
            email: email, full_name: text, phone_number: null, date_of_birth: null, timezone: null,
            profile_image_url: null, bio: null,
        },
        UserPreferencesChanged { preferences: null },
        UserMetadataSet { metadata: null },
        UserRoleChanged,
        UserDeactivated,
        UserReactivated,
        UserSignedIn,
        SignInFailed { email: null, ip_address: null, user_agent: null },
        UserDeleted,
        UserErased,
    }
    Imported {
        UserImported from users at [id] {
            email: email, full_name: text, phone_number: null, date_of_birth: null, timezone: null,
            profile_image_url: null, bio: null, metadata: null, preferences: null,
        },
    }
}

refusals! {
    /// What a user's account refuses.
    pub enum Refusal {
        /// samia.rule.actor.active
        ActorNotActive => "the account that asks is deactivated or deleted", hint "an admin can reactivate it";
        /// samia.rule.user.identity
        UnknownSubject => "no such subject", hint "register the identity first (shared.cmd.register_identity)";
        /// samia.rule.user.email_unique
        EmailTaken => "another account has this address", at "email";
        /// samia.rule.user.email_format
        EmailMalformed => "this is not an e-mail address", at "email";
        /// There is an account already.
        UserAlreadyRegistered => "this subject is registered already";
        /// The account is closed for good.
        UserDeletedAlready => "the account is deleted";
        /// No living person was born then.
        BirthDateRefused => "a day of birth lies between 1900 and today", at "date_of_birth";
    }
}

/// Where an account stands, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The person is a user.
    pub registered: bool,
    /// What the user may do while active.
    pub role: Role,
    /// Neither deactivated nor deleted.
    pub active: bool,
    /// The account is closed.
    pub deleted: bool,
    /// The person is gone from it.
    pub erased: bool,
    verified: bool,
    sign_ins: i32,
}

impl Decider for User {
    const TYPE: &'static str = "samia.user";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::RegisterUser(new) => self.register(new, moment),
            Command::RecordSignInFailure(failure) => Ok(vec![self.failed(failure).into()]),
            _ if !self.registered => Err(Refusal::UnknownSubject),
            Command::EraseUser(_) if self.erased => Ok(vec![]),
            Command::EraseUser(EraseUser { user_id }) => Ok(vec![erased(user_id).into()]),
            Command::RecordSignIn(_) => {
                Ok(vec![UserSignedIn { login_count: self.sign_ins.saturating_add(1) }.into()])
            }
            Command::DeleteUser(_) if self.deleted => Ok(vec![]),
            Command::DeleteUser(_) => Ok(vec![UserDeleted { is_active: false }.into()]),
            _ if self.deleted => Err(Refusal::UserDeletedAlready),
            Command::VerifyEmail(_) if self.verified => Ok(vec![]),
            Command::VerifyEmail(_) => Ok(vec![EmailVerified { email_verified: true }.into()]),
            Command::UpdateUserDetails(details) => update(details, moment),
            Command::ChangeUserPreferences(ChangeUserPreferences { preferences }) => {
                Ok(vec![UserPreferencesChanged { preferences: Some(preferences) }.into()])
            }
            Command::SetUserMetadata(SetUserMetadata { metadata }) => {
                Ok(vec![UserMetadataSet { metadata: Some(metadata) }.into()])
            }
            Command::ChangeUserRole(ChangeUserRole { role }) if role == self.role => Ok(vec![]),
            Command::ChangeUserRole(ChangeUserRole { role }) => {
                Ok(vec![UserRoleChanged { role, profile_type: role.profile_type() }.into()])
            }
            Command::DeactivateUser(_) if !self.active => Ok(vec![]),
            Command::DeactivateUser(_) => Ok(vec![UserDeactivated { is_active: false }.into()]),
            Command::ReactivateUser(_) if self.active => Ok(vec![]),
            Command::ReactivateUser(_) => Ok(vec![UserReactivated { is_active: true }.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::UserRegistered(registered) => {
                self.registered = true;
                self.active = registered.is_active;
                self.role = registered.role;
            }
            Event::EmailVerified(_) => self.verified = true,
            Event::UserRoleChanged(changed) => self.role = changed.role,
            Event::UserDeactivated(_) => self.active = false,
            Event::UserReactivated(_) => self.active = true,
            Event::UserSignedIn(signed_in) => self.sign_ins = signed_in.login_count,
            Event::UserDeleted(_) => {
                self.active = false;
                self.deleted = true;
            }
            Event::UserErased(_) => {
                self.active = false;
                self.deleted = true;
                self.erased = true;
            }
            Event::UserDetailsUpdated(_)
            | Event::UserPreferencesChanged(_)
            | Event::UserMetadataSet(_)
            | Event::SignInFailed(_) => {}
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl User {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.registered = true;
        self.role = row.or_default("role");
        self.deleted = row.has("deleted_at");
        self.active = row.or_default("is_active") && !self.deleted;
        self.verified = row.or_default("email_verified");
        self.sign_ins = row.or_default("login_count");
    }
}

impl User {
    fn register(&self, new: RegisterUser, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if self.registered {
            return Err(Refusal::UserAlreadyRegistered);
        }
        let registered = UserRegistered {
            email: address(&new.email)?,
            full_name: new.full_name,
            role: Role::Client,
            is_active: true,
            email_verified: false,
            phone_number: new.phone_number,
            date_of_birth: new.date_of_birth.map(|day| birth(day, moment)).transpose()?,
            timezone: new.timezone.or_else(|| Text::new("UTC").ok()),
            profile_image_url: new.profile_image_url,
            bio: new.bio,
            login_count: 0,
            metadata: Some(Object::new()),
            preferences: Some(new.preferences.unwrap_or_default()),
        };
        Ok(vec![registered.into()])
    }

    fn failed(&self, failure: RecordSignInFailure) -> SignInFailed {
        SignInFailed {
            user_id: failure.user_id.filter(|_| self.registered),
            email: failure.email,
            ip_address: failure.ip_address,
            user_agent: failure.user_agent,
        }
    }
}

/// The tombstones of columns that may not be null (shared.erasure.tombstones).
fn erased(user_id: Uuid) -> UserErased {
    UserErased {
        email: Text::new(format!("{user_id}@erased.invalid")).unwrap_or_default(),
        full_name: Text::new("erased").unwrap_or_default(),
        is_active: false,
    }
}

fn update(details: UpdateUserDetails, moment: &Moment) -> Result<Vec<Event>, Refusal> {
    if details == UpdateUserDetails::default() {
        return Ok(vec![]);
    }
    let born = details.date_of_birth.map(|day| day.map(|day| birth(day, moment)).transpose());
    let updated = UserDetailsUpdated {
        email: details.email.as_deref().map(address).transpose()?,
        full_name: details.full_name,
        phone_number: details.phone_number,
        date_of_birth: born.transpose()?,
        timezone: details.timezone,
        profile_image_url: details.profile_image_url,
        bio: details.bio,
    };
    Ok(vec![updated.into()])
}

/// The address as it is stored, if it is one.
fn address(email: &str) -> Result<Text<255>, Refusal> {
    let email = text::normal_email(email);
    if !text::is_email(&email) {
        return Err(Refusal::EmailMalformed);
    }
    Text::new(email).map_err(|_| Refusal::EmailMalformed)
}

/// The day, if somebody who lives may have been born on it.
fn birth(day: NaiveDate, moment: &Moment) -> Result<NaiveDate, Refusal> {
    let plausible = day.year() >= 1900 && day <= moment.now.date_naive();
    if plausible { Ok(day) } else { Err(Refusal::BirthDateRefused) }
}

#[cfg(test)]
mod tests;
