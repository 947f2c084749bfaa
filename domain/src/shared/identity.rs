//! A person known to the identity provider: registered, perhaps renamed, perhaps erased.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decider, Moment, commands, events, refusals, text};

/// The identity provider made an account. (shared.command.RegisterIdentity)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterIdentity {
    /// The address the person signs in with.
    pub email: String,
}

/// The identity provider changed an account's address. (shared.command.ChangeIdentityEmail)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIdentityEmail {
    /// The new address.
    pub email: String,
}

/// On which ground a person's data is erased. (F014)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureGround {
    /// The person, or whoever acts for them, asks for it.
    SubjectRequest,
    /// Consent was withdrawn, and nothing else allows to keep it.
    ConsentWithdrawn,
    /// The time for which it had to be kept is over.
    RetentionEnded,
    /// It should never have been kept.
    UnlawfulProcessing,
    /// A law or a court demands it.
    LegalObligation,
}

/// Forgets a person everywhere: in every context, for good. The person need have no account.
/// (shared.command.EraseSubject)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseSubject {
    /// On which ground.
    pub ground: ErasureGround,
}

/// Forgets a person again whom a restored, older backup brought back. Holds and retention were asked about
/// the first time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatErasure {
    /// On which ground, the first time.
    pub ground: ErasureGround,
}

commands! {
    /// What may be asked of an identity.
    pub enum Command { RegisterIdentity, ChangeIdentityEmail, EraseSubject, RepeatErasure }
}

/// A person became known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityRegistered {
    /// The address, in lower case.
    pub email: String,
}

/// A person's address changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityEmailChanged {
    /// The address, in lower case.
    pub email: String,
}

/// A person was erased: their keys are destroyed, and each context forgets them in its own way.
/// (shared.event.SubjectErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectErased {
    /// On which ground.
    pub ground: ErasureGround,
}

events! {
    /// What happens to an identity.
    pub enum Event {
        IdentityRegistered { email: email },
        IdentityEmailChanged { email: email },
        SubjectErased,
    }
    Imported {
        IdentityImported from users at [id] { email: email },
    }
}

refusals! {
    /// What an identity refuses.
    pub enum Refusal {
        /// The subject has an identity already.
        IdentityAlreadyRegistered => "this subject is registered already";
        /// Nobody has this id.
        UnknownSubject => "no such subject", hint "register the identity first (shared.cmd.register_identity)";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "email";
    }
}

/// Whether the person is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Known to the identity provider, and not erased.
    pub known: bool,
    /// Erased: there is nobody of this id any more, and will never be again.
    #[serde(default)]
    pub erased: bool,
}

impl Decider for Identity {
    const TYPE: &'static str = "shared.identity";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::EraseSubject(_) | Command::RepeatErasure(_) if self.erased => Ok(vec![]),
            Command::EraseSubject(EraseSubject { ground })
            | Command::RepeatErasure(RepeatErasure { ground }) => {
                Ok(vec![SubjectErased { ground }.into()])
            }
            _ if self.erased => Err(Refusal::UnknownSubject),
            Command::RegisterIdentity(_) if self.known => Err(Refusal::IdentityAlreadyRegistered),
            Command::RegisterIdentity(new) => {
                Ok(vec![IdentityRegistered { email: address(&new.email)? }.into()])
            }
            Command::ChangeIdentityEmail(_) if !self.known => Err(Refusal::UnknownSubject),
            Command::ChangeIdentityEmail(new) => {
                Ok(vec![IdentityEmailChanged { email: address(&new.email)? }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::IdentityRegistered(_) => self.known = true,
            Event::IdentityEmailChanged(_) => {}
            Event::SubjectErased(_) => (self.known, self.erased) = (false, true),
            Event::Imported(_) => self.known = true,
        }
    }
}

/// The address as it is stored, if it is one.
fn address(email: &str) -> Result<String, Refusal> {
    let email = text::normal_email(email);
    if text::is_email(&email) { Ok(email) } else { Err(Refusal::EmailMalformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn registered() -> IdentityRegistered {
        IdentityRegistered { email: "ada@example.org".into() }
    }

    #[test]
    fn a_person_is_registered_once() {
        given::<Identity>([])
            .when(RegisterIdentity { email: " Ada@Example.org".into() })
            .then([registered()])
            .when(RegisterIdentity { email: "ada@example.org".into() })
            .refused("IdentityAlreadyRegistered");
    }

    #[test]
    fn a_person_is_erased_once_and_never_comes_back() {
        let ground = ErasureGround::SubjectRequest;
        given::<Identity>([registered().into()])
            .when(EraseSubject { ground })
            .then([SubjectErased { ground }])
            .when(EraseSubject { ground: ErasureGround::RetentionEnded })
            .then_nothing()
            .when(RegisterIdentity { email: "ada@example.org".into() })
            .refused("UnknownSubject");
        given::<Identity>([]).when(EraseSubject { ground }).then([SubjectErased { ground }]);
    }

    #[test]
    fn an_address_must_be_one() {
        given::<Identity>([])
            .when(RegisterIdentity { email: "nobody".into() })
            .refused("EmailMalformed")
            .when(ChangeIdentityEmail { email: "ada@example.org".into() })
            .refused("UnknownSubject");
    }
}
