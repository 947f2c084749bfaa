//! An invitation to join an organisation's staff: made once, then accepted, revoked or lapsed.
//!
//! The token travels in the message to the invitee and nowhere else: its SHA-256 is what is sent,
//! stored and compared (F013). Which address it is for is held as a claim while it is pending, so
//! the state needs no trace of the address.

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// What an invitation makes of the invitee. (lift.invitations.role.check)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvitedRole {
    /// One who works with the children.
    Practitioner,
    /// One who administers the organisation.
    GroupContact,
}

impl From<InvitedRole> for Role {
    fn from(role: InvitedRole) -> Self {
        match role {
            InvitedRole::Practitioner => Self::Practitioner,
            InvitedRole::GroupContact => Self::GroupContact,
        }
    }
}

/// How an invitation stands. (lift.invitations.status.check)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// May be accepted.
    #[default]
    Pending,
    /// Was accepted.
    Accepted,
    /// Has lapsed.
    Expired,
    /// Was taken back.
    Revoked,
}

/// How long an invitation holds. (lift.rule.invitation.expiry)
const HOLDS: Duration = Duration::days(7);

/// Invites somebody to an organisation's staff. (lift.command.InviteMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// The organisation.
    pub org_id: Uuid,
    /// The invitee's address.
    pub email: String,
    /// What the invitee becomes.
    pub role: InvitedRole,
    /// SHA-256 of the token's text, 64 lower-case hexadecimal digits. Whoever invites draws the
    /// token, 32 random bytes in a text form, puts it into the message and forgets it.
    pub invitation_token: String,
}

/// Joins the organisation, as the signed-in invitee. (lift.command.AcceptInvitation)
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The token, as it stands in the message.
    pub token: String,
    /// The invitee's name; required from those who have no profile yet.
    #[serde(default)]
    pub name: Option<String>,
    /// Where a picture of the invitee is.
    #[serde(default)]
    pub avatar_url: Option<String>,
}

impl std::fmt::Debug for AcceptInvitation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AcceptInvitation").finish_non_exhaustive()
    }
}

/// Takes an invitation back. (lift.command.RevokeInvitation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInvitation {}

/// Says that an invitation's time has passed. (lift.command.ExpireInvitation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireInvitation {}

/// The invitee, who has shown token and address, joins. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct SettleInvitation {}

commands! {
    /// What may be asked of an invitation.
    pub enum Command { InviteMember, SettleInvitation, RevokeInvitation, ExpireInvitation }
}

/// Somebody is invited. (lift.event.MemberInvited)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberInvited {
    /// The organisation.
    pub org_id: Uuid,
    /// The invitee's address, in lower case.
    pub email: String,
    /// What the invitee becomes.
    pub role: InvitedRole,
    /// Whoever invites.
    pub invited_by: Uuid,
    /// SHA-256 of the token, in hexadecimal digits.
    pub invitation_token: String,
    /// How it stands.
    pub status: InvitationStatus,
    /// Until when it may be accepted.
    pub expires_at: DateTime<Utc>,
}

/// The invitee joined. (lift.event.InvitationAccepted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationAccepted {
    /// When.
    pub accepted_at: DateTime<Utc>,
    /// Who.
    pub accepted_by: Uuid,
}

/// An invitation was taken back. (lift.event.InvitationRevoked)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationRevoked {}

/// An invitation has lapsed. (lift.event.InvitationExpired)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationExpired {}

events! {
    /// What happens to an invitation.
    pub enum Event {
        MemberInvited { email: email },
        InvitationAccepted,
        InvitationRevoked,
        InvitationExpired,
    }
    Imported {
        InvitationImported from invitations at [id] { email: email },
    }
}

refusals! {
    /// What an invitation refuses.
    pub enum Refusal {
        /// lift.rule.invitation.expiry
        InvitationExpired => "this invitation has lapsed", hint "ask for another one";
        /// lift.rule.invitation.transitions
        InvitationNotPending => "this invitation was accepted, revoked or has lapsed already";
        /// lift.rule.invitation.one_pending
        AlreadyInvited => "this address has a pending invitation of the organisation", at "email", hint "revoke it first, or wait for its end";
        /// lift.rule.invitation.token
        TokenMalformed => "a token is given as its SHA-256, in 64 lower-case hexadecimal digits", at "invitation_token";
        /// lift.rule.invitation.token
        TokenUsed => "this token belongs to another invitation", at "invitation_token", hint "draw another token";
        /// The time has not passed yet.
        InvitationNotLapsed => "this invitation may still be accepted";
        /// The invitation is there.
        InvitationAlreadyMade => "this invitation is made already";
        /// Everybody belongs to one organisation at most (lift.rule.profile.role_org).
        AlreadyMember => "you belong to an organisation already, or did";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "email";
    }
}

/// What an invitation offers, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// What it offers; nothing before it is made.
    pub offer: Option<Offer>,
    /// How it stands.
    pub status: InvitationStatus,
}

/// What an invitation offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The organisation.
    pub org_id: Uuid,
    /// What the invitee becomes.
    pub role: InvitedRole,
    /// SHA-256 of the token, in hexadecimal digits.
    pub invitation_token: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl Invitation {
    /// The offer, while it is pending. (lift.rule.invitation.transitions)
    ///
    /// # Errors
    /// [`Refusal::InvitationNotPending`] once it is settled in whatever way.
    pub fn pending(&self) -> Result<&Offer, Refusal> {
        match (&self.offer, self.status) {
            (Some(offer), InvitationStatus::Pending) => Ok(offer),
            _ => Err(Refusal::InvitationNotPending),
        }
    }

    /// The offer, while it may be accepted. (lift.rule.invitation.expiry)
    ///
    /// # Errors
    /// [`Refusal::InvitationExpired`] after its time, also before anybody wrote that down.
    pub fn acceptable(&self, now: DateTime<Utc>) -> Result<&Offer, Refusal> {
        let offer = self.pending()?;
        if now > offer.expires_at { Err(Refusal::InvitationExpired) } else { Ok(offer) }
    }
}

impl Decider for Invitation {
    const TYPE: &'static str = "lift.invitation";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::InviteMember(_) if self.offer.is_some() => Err(Refusal::InvitationAlreadyMade),
            Command::InviteMember(new) => Ok(vec![invited(new, moment)?.into()]),
            Command::SettleInvitation(_) => {
                self.acceptable(moment.now)?;
                let (accepted_at, accepted_by) = (moment.now, moment.actor);
                Ok(vec![InvitationAccepted { accepted_at, accepted_by }.into()])
            }
            Command::RevokeInvitation(_) => {
                self.pending()?;
                Ok(vec![InvitationRevoked {}.into()])
            }
            Command::ExpireInvitation(_) if moment.now < self.pending()?.expires_at => {
                Err(Refusal::InvitationNotLapsed)
            }
            Command::ExpireInvitation(_) => Ok(vec![InvitationExpired {}.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::MemberInvited(invited) => {
                self.status = invited.status;
                self.offer = Some(Offer {
                    org_id: invited.org_id,
                    role: invited.role,
                    invitation_token: invited.invitation_token.clone(),
                    expires_at: invited.expires_at,
                });
            }
            Event::InvitationAccepted(_) => self.status = InvitationStatus::Accepted,
            Event::InvitationRevoked(_) => self.status = InvitationStatus::Revoked,
            Event::InvitationExpired(_) => self.status = InvitationStatus::Expired,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Invitation {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.status = row.or_default("status");
        self.offer = row.get("role").map(|role| Offer {
            org_id: row.or_default("org_id"),
            role,
            invitation_token: row.or_default("invitation_token"),
            expires_at: row.or_default("expires_at"),
        });
    }
}

fn invited(new: InviteMember, moment: &Moment) -> Result<MemberInvited, Refusal> {
    let email = text::normal_email(&new.email);
    if !text::is_email(&email) {
        return Err(Refusal::EmailMalformed);
    }
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if new.invitation_token.len() != 64 || !new.invitation_token.bytes().all(is_digit) {
        return Err(Refusal::TokenMalformed);
    }
    Ok(MemberInvited {
        org_id: new.org_id,
        email,
        role: new.role,
        invited_by: moment.actor,
        invitation_token: new.invitation_token,
        status: InvitationStatus::Pending,
        expires_at: moment.now + HOLDS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        DomainEvent,
        testing::{ADA, BOB, Given, day, given},
    };

    const SCHOOL: Uuid = Uuid::from_u128(0x5c);

    fn invite() -> InviteMember {
        InviteMember {
            org_id: SCHOOL,
            email: " Bob@Example.org ".into(),
            role: InvitedRole::GroupContact,
            invitation_token: "0a".repeat(32),
        }
    }

    fn invited() -> MemberInvited {
        MemberInvited {
            org_id: SCHOOL,
            email: "bob@example.org".into(),
            role: InvitedRole::GroupContact,
            invited_by: ADA,
            invitation_token: "0a".repeat(32),
            status: InvitationStatus::Pending,
            expires_at: day(8),
        }
    }

    fn invitation() -> Given<Invitation> {
        given([invited().into()]).by(BOB)
    }

    #[test]
    fn an_invitation_is_made_once_and_holds_seven_days() {
        given::<Invitation>([])
            .when(invite())
            .then([invited()])
            .when(invite())
            .refused("InvitationAlreadyMade");
    }

    #[test]
    fn an_address_and_a_hashed_token_are_needed() {
        given::<Invitation>([])
            .when(InviteMember { email: "bob".into(), ..invite() })
            .refused("EmailMalformed");
        for bad in [String::new(), "0A".repeat(32), "0a".repeat(31), "zz".repeat(32)] {
            given::<Invitation>([])
                .when(InviteMember { invitation_token: bad, ..invite() })
                .refused("TokenMalformed");
        }
    }

    #[test]
    fn an_invitation_is_accepted_once() {
        invitation()
            .at(day(3))
            .when(SettleInvitation {})
            .then([InvitationAccepted { accepted_at: day(3), accepted_by: BOB }])
            .when(SettleInvitation {})
            .refused("InvitationNotPending");
    }

    #[test]
    fn an_invitation_lapses_whether_or_not_somebody_wrote_it_down() {
        invitation()
            .at(day(8) + Duration::microseconds(1))
            .when(SettleInvitation {})
            .refused("InvitationExpired")
            .when(ExpireInvitation {})
            .then([InvitationExpired {}])
            .when(SettleInvitation {})
            .refused("InvitationNotPending");
        let (_, events) = invitation().at(day(8)).when(SettleInvitation {}).events();
        assert_eq!(events.len(), 1, "on the last moment it holds");
    }

    #[test]
    fn an_invitation_does_not_lapse_before_its_time() {
        invitation()
            .at(day(7))
            .when(ExpireInvitation {})
            .refused("InvitationNotLapsed")
            .at(day(8))
            .when(ExpireInvitation {})
            .then([InvitationExpired {}]);
    }

    #[test]
    fn what_is_settled_is_final() {
        let settled: [Event; 3] = [
            InvitationAccepted { accepted_at: day(2), accepted_by: BOB }.into(),
            InvitationRevoked {}.into(),
            InvitationExpired {}.into(),
        ];
        for settled in settled {
            invitation()
                .and(settled)
                .at(day(9))
                .when(SettleInvitation {})
                .refused("InvitationNotPending")
                .when(RevokeInvitation {})
                .refused("InvitationNotPending")
                .when(ExpireInvitation {})
                .refused("InvitationNotPending");
        }
        invitation()
            .when(RevokeInvitation {})
            .then([InvitationRevoked {}])
            .when(RevokeInvitation {})
            .refused("InvitationNotPending");
    }

    #[test]
    fn a_forgotten_address_leaves_the_same_state() {
        let mut payload = Event::from(invited()).payload_value().unwrap();
        payload["email"] = "1@erased.invalid".into();
        let forgotten = Event::read("MemberInvited", payload).unwrap().unwrap();
        assert_eq!(given::<Invitation>([forgotten]).state, invitation().state);
    }

    #[test]
    fn a_token_is_not_printed() {
        let accept =
            AcceptInvitation { token: "secret".into(), name: Some("Bob".into()), avatar_url: None };
        assert_eq!(format!("{accept:?}"), "AcceptInvitation { .. }");
    }
}
