//! A person's account: registered by that person, kept, perhaps deactivated for a while, closed; with
//! or without system administration. Holds no credential. (nestsync.aggregate.User, stream: user id)

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{calendar, is_filled};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// Whether an account is in use (nestsync.users.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Out of use until it is reactivated.
    Deactivated,
    /// Closed for good.
    Deleted,
}

/// Registers the own account. (nestsync.command.RegisterUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// The address to write to; nobody else's account may have it.
    pub email: String,
    /// The name others see.
    pub display_name: String,
    /// A telephone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// Language and region, a BCP 47 tag; `en-CA` if absent.
    #[serde(default)]
    pub locale: Option<String>,
    /// Time zone, an IANA name; `America/Toronto` if absent.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// Changes an account; what is absent stays. (nestsync.command.UpdateUserAccount)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUserAccount {
    /// Another address.
    #[serde(default)]
    pub email: Option<String>,
    /// Another name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Another telephone number; null removes it.
    #[serde(default, deserialize_with = "text::some")]
    pub phone: Option<Option<String>>,
    /// Another language and region.
    #[serde(default)]
    pub locale: Option<String>,
    /// Another time zone.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// Notes that the person signed in. (nestsync.command.RecordSignIn)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSignIn {
    /// When; now, if absent.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// Takes an account out of use. (nestsync.command.DeactivateUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeactivateUser {}

/// Puts a deactivated account back into use. (nestsync.command.ReactivateUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateUser {}

/// Closes an account for good. (nestsync.command.DeleteUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {}

/// Makes a person a system administrator. (nestsync.command.GrantSystemAdministration)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantSystemAdministration {}

/// Takes system administration back. (nestsync.command.RevokeSystemAdministration)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSystemAdministration {}

/// Erases what is known of a person here. (nestsync.command.EraseUser)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseUser {}

commands! {
    /// What may be asked of an account.
    pub enum Command {
        RegisterUser,
        UpdateUserAccount,
        RecordSignIn,
        DeactivateUser,
        ReactivateUser,
        DeleteUser,
        GrantSystemAdministration,
        RevokeSystemAdministration,
        EraseUser,
    }
}

/// A person registered an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The address, in lower case.
    pub email: String,
    /// The name others see.
    pub display_name: String,
    /// A telephone number.
    pub phone: Option<String>,
    /// Language and region.
    pub locale: String,
    /// Time zone.
    pub timezone: String,
    /// Nobody starts as an administrator.
    pub is_system_admin: bool,
    /// In use from the start.
    pub status: Status,
}

/// An account changed; only what changed is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserAccountUpdated {
    /// The address, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A telephone number, or null where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub phone: Option<Option<String>>,
    /// Language and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// The person signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserSignedIn {
    /// When.
    pub last_sign_in_at: DateTime<Utc>,
}

/// An account was taken out of use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeactivated {
    /// Deactivated.
    pub status: Status,
}

/// An account was put back into use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserReactivated {
    /// Active.
    pub status: Status,
}

/// An account was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// Deleted.
    pub status: Status,
    /// When.
    pub deleted_at: DateTime<Utc>,
}

/// A person became a system administrator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemAdministrationGranted {
    /// True.
    pub is_system_admin: bool,
}

/// A person is a system administrator no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemAdministrationRevoked {
    /// False.
    pub is_system_admin: bool,
}

/// What was known of a person is erased: in the account, memberships, means of payment and
/// notifications; activity and preferences are gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {
    /// Deleted.
    pub status: Status,
    /// When the account was closed, where it was not closed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
}

events! {
    /// What happens to an account.
    pub enum Event {
        UserRegistered { email: email, display_name: text, phone: null },
        UserAccountUpdated { email: email, display_name: text, phone: null },
        UserSignedIn,
        UserDeactivated,
        UserReactivated,
        UserDeleted,
        SystemAdministrationGranted,
        SystemAdministrationRevoked,
        UserErased,
    }
    Imported {
        UserImported from users at [id] { email: email, display_name: text, phone: null },
    }
}

refusals! {
    /// What an account refuses, of its person and to its person.
    pub enum Refusal {
        /// nestsync.rule.actor.active
        ActorNotActive => "the actor's account is not active";
        /// nestsync.rule.override.reason
        ReasonRequired => "an administrator's command outside the own families carries a reason",
            hint "give the reason with the command";
        /// nestsync.rule.user.email_unique
        EmailTaken => "another account has this address", at "email";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "email";
        /// A name must say something.
        DisplayNameBlank => "a name is needed", at "display_name";
        /// A time zone has an IANA name.
        TimezoneUnknown => "no such time zone; give an IANA name such as America/Toronto", at "timezone";
        /// The person has an account already.
        UserAlreadyRegistered => "this person is registered already";
        /// There is no such account.
        UserUnknown => "no such user", hint "register first (nestsync.cmd.register_user)";
        /// Closed accounts stay closed.
        UserClosed => "this account is closed";
        /// Administration goes to accounts in use only.
        UserNotActive => "this account is not active";
    }
}

/// What decisions need to know of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Nothing before it is registered.
    pub status: Option<Status>,
    /// Whether the person is a system administrator.
    pub is_system_admin: bool,
    /// Time zone, an IANA name.
    pub timezone: String,
    /// Whether what was known of the person is erased.
    pub erased: bool,
}

impl User {
    /// Whether the account is in use.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == Some(Status::Active)
    }

    /// Only people with an active account act (nestsync.rule.actor.active).
    ///
    /// # Errors
    /// [`Refusal::ActorNotActive`].
    pub fn may_act(&self) -> Result<(), Refusal> {
        if self.is_active() { Ok(()) } else { Err(Refusal::ActorNotActive) }
    }

    fn open(&self) -> Result<Status, Refusal> {
        match self.status {
            None => Err(Refusal::UserUnknown),
            Some(Status::Deleted) => Err(Refusal::UserClosed),
            Some(status) => Ok(status),
        }
    }
}

impl Decider for User {
    const TYPE: &'static str = "nestsync.user";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::RegisterUser(new) => self.register(new),
            Command::UpdateUserAccount(change) => self.update(change),
            Command::RecordSignIn(RecordSignIn { signed_in_at }) => {
                self.open()?;
                let last_sign_in_at = signed_in_at.unwrap_or(moment.now);
                Ok(vec![UserSignedIn { last_sign_in_at }.into()])
            }
            Command::DeactivateUser(_) => match self.open()? {
                Status::Deactivated => Ok(vec![]),
                _ => Ok(vec![UserDeactivated { status: Status::Deactivated }.into()]),
            },
            Command::ReactivateUser(_) => match self.open()? {
                Status::Active => Ok(vec![]),
                _ => Ok(vec![UserReactivated { status: Status::Active }.into()]),
            },
            Command::DeleteUser(_) => match self.status {
                None => Err(Refusal::UserUnknown),
                Some(Status::Deleted) => Ok(vec![]),
                Some(Status::Active | Status::Deactivated) => {
                    Ok(vec![UserDeleted { status: Status::Deleted, deleted_at: moment.now }.into()])
                }
            },
            Command::GrantSystemAdministration(_) => match self.open()? {
                Status::Active if self.is_system_admin => Ok(vec![]),
                Status::Active => {
                    Ok(vec![SystemAdministrationGranted { is_system_admin: true }.into()])
                }
                Status::Deactivated | Status::Deleted => Err(Refusal::UserNotActive),
            },
            Command::RevokeSystemAdministration(_) => match self.status {
                None => Err(Refusal::UserUnknown),
                Some(_) if !self.is_system_admin => Ok(vec![]),
                Some(_) => Ok(vec![SystemAdministrationRevoked { is_system_admin: false }.into()]),
            },
            Command::EraseUser(_) => self.erase(moment),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::UserRegistered(registered) => {
                self.status = Some(registered.status);
                self.is_system_admin = registered.is_system_admin;
                self.timezone.clone_from(&registered.timezone);
            }
            Event::UserAccountUpdated(updated) => {
                if let Some(timezone) = &updated.timezone {
                    self.timezone.clone_from(timezone);
                }
            }
            Event::UserSignedIn(_) => {}
            Event::UserErased(UserErased { status, .. }) => {
                self.status = Some(*status);
                self.erased = true;
            }
            Event::UserDeactivated(UserDeactivated { status })
            | Event::UserReactivated(UserReactivated { status })
            | Event::UserDeleted(UserDeleted { status, .. }) => self.status = Some(*status),
            Event::SystemAdministrationGranted(SystemAdministrationGranted { is_system_admin })
            | Event::SystemAdministrationRevoked(SystemAdministrationRevoked { is_system_admin }) =>
            {
                self.is_system_admin = *is_system_admin;
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl User {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.status = row.get("status");
        self.is_system_admin = row.or_default("is_system_admin");
        self.timezone = row.or_default("timezone");
    }
}

impl User {
    fn register(&self, new: RegisterUser) -> Result<Vec<Event>, Refusal> {
        if self.status.is_some() {
            return Err(Refusal::UserAlreadyRegistered);
        }
        let registered = UserRegistered {
            email: address(&new.email)?,
            display_name: name(new.display_name)?,
            phone: new.phone,
            locale: new.locale.unwrap_or_else(|| "en-CA".to_owned()),
            timezone: timezone(new.timezone.unwrap_or_else(|| "America/Toronto".to_owned()))?,
            is_system_admin: false,
            status: Status::Active,
        };
        Ok(vec![registered.into()])
    }

    fn update(&self, change: UpdateUserAccount) -> Result<Vec<Event>, Refusal> {
        self.open()?;
        let updated = UserAccountUpdated {
            email: change.email.map(|email| address(&email)).transpose()?,
            display_name: change.display_name.map(name).transpose()?,
            phone: change.phone,
            locale: change.locale,
            timezone: change.timezone.map(timezone).transpose()?,
        };
        if updated == UserAccountUpdated::default() {
            return Ok(vec![]);
        }
        Ok(vec![updated.into()])
    }

    fn erase(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let deleted_at = match self.status {
            None => return Err(Refusal::UserUnknown),
            Some(_) if self.erased => return Ok(vec![]),
            Some(Status::Deleted) => None,
            Some(Status::Active | Status::Deactivated) => Some(moment.now),
        };
        Ok(vec![UserErased { status: Status::Deleted, deleted_at }.into()])
    }
}

/// The address as it is stored and compared, if it is one.
///
/// # Errors
/// [`Refusal::EmailMalformed`].
pub fn address(email: &str) -> Result<String, Refusal> {
    let email = text::normal_email(email);
    if text::is_email(&email) { Ok(email) } else { Err(Refusal::EmailMalformed) }
}

fn name(name: String) -> Result<String, Refusal> {
    if is_filled(&name) { Ok(name) } else { Err(Refusal::DisplayNameBlank) }
}

fn timezone(name: String) -> Result<String, Refusal> {
    if calendar::zone(&name).is_some() { Ok(name) } else { Err(Refusal::TimezoneUnknown) }
}

#[cfg(test)]
mod tests;
