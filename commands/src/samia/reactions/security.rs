//! What looks like an attack is reported; what is critical freezes a wallet.

use annals_domain::samia::{
    command_log,
    security_event::{self, DetectionMethod, ReportSecurityEvent, SecurityEvent, Severity},
    user::SignInFailed,
    user_profile,
    wallet::{FreezeWallet, Wallet},
    words::Text,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FREEZE, PRIVILEGE, REFUSED, SIGN_IN};
use crate::reaction::{Halt, Memory, Reacting};

/// Times of what happened again and again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Times {
    of_late: Vec<DateTime<Utc>>,
}

impl Memory for Times {
    const KIND: &'static str = "times";
}

impl Times {
    /// Notes one more, and says whether that makes as many as are worth a report; then it counts anew.
    fn reaches(&mut self, most: u32, at: DateTime<Utc>, minutes: u32) -> bool {
        let since = at - Duration::minutes(minutes.into());
        self.of_late.retain(|earlier| *earlier > since);
        self.of_late.push(at);
        let reached = self.of_late.len() >= usize::try_from(most).unwrap_or(usize::MAX);
        if reached {
            self.of_late.clear();
        }
        reached
    }
}

fn again(
    what: &str,
    who: &str,
    (most, minutes): (u32, u32),
    reacting: &mut Reacting<'_>,
) -> Result<bool, Halt> {
    let at = reacting.cause.at;
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{what} {who}").as_bytes());
    let mut reached = false;
    reacting.amend(id, |times: &mut Times| reached = times.reaches(most, at, minutes))?;
    Ok(reached)
}

/// Repeated failures for a user, for an e-mail address, or from a network address
/// (samia.reaction.sign-in-failures).
pub fn sign_in(failed: &SignInFailed, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let rules = &reacting.rules.samia;
    let limit = (rules.sign_in_failures, rules.sign_in_minutes);
    let whose = [
        ("user", failed.user_id.map(|user| user.to_string())),
        ("email", failed.email.as_ref().map(|email| email.to_string().to_lowercase())),
        ("address", failed.ip_address.map(|address| address.to_string())),
    ];
    let mut reached = None;
    for (what, who) in whose {
        if let Some(who) = who
            && again(what, &who, limit, reacting)?
        {
            reached = reached.or(Some(what));
        }
    }
    let Some(what) = reached else { return Ok(()) };
    let what = match what {
        "user" => "for one user",
        "email" => "for one e-mail address",
        _ => "from one network address",
    };
    let (most, minutes) = limit;
    let report = ReportSecurityEvent {
        ip_address: failed.ip_address,
        user_agent: failed.user_agent.clone(),
        ..incident(
            "login_failure",
            Severity::Medium,
            failed.user_id,
            format!("{most} failed sign-ins {what} within {minutes} minutes"),
        )?
    };
    send(SIGN_IN, &report, reacting)
}

/// A role or an admin's permissions changed (samia.reaction.privilege-change).
pub fn privileges(user: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let text = "the user's role or permissions were changed".to_owned();
    let report = incident("privilege_change", Severity::High, Some(user), text)?;
    send(PRIVILEGE, &report, reacting)
}

/// What a profile's events lead to.
pub fn profile(event: &user_profile::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match event {
        user_profile::Event::AdminPermissionsAssigned(_) => {
            privileges(reacting.cause.id_of_stream()?, reacting)
        }
        user_profile::Event::UserProfileCreated(_)
        | user_profile::Event::ReaderProfileUpdated(_)
        | user_profile::Event::ClientProfileUpdated(_)
        | user_profile::Event::ProfileSettingsChanged(_)
        | user_profile::Event::Imported(_) => Ok(()),
    }
}

/// A wallet that is tried again and again (samia.reaction.refused-wallet-commands).
pub fn refused(event: &command_log::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    const CODES: [&str; 3] = ["wallet_frozen", "daily_limit_exceeded", "monthly_limit_exceeded"];
    let refused = match event {
        command_log::Event::CommandRefused(refused) => refused,
        command_log::Event::Imported(_) => return Ok(()),
    };
    if !CODES.contains(&refused.code.as_str()) {
        return Ok(());
    }
    let Some(wallet) = refused.resource_id else { return Ok(()) };
    let rules = &reacting.rules.samia;
    let limit = (rules.refused_wallet_commands, rules.refused_wallet_minutes);
    if !again("wallet", &wallet.to_string(), limit, reacting)? {
        return Ok(());
    }
    let (most, minutes) = limit;
    let text = format!("{most} refused wallet commands within {minutes} minutes");
    let report = incident("suspicious_activity", Severity::Medium, Some(wallet), text)?;
    send(REFUSED, &report, reacting)
}

/// A critical incident about a user freezes the wallet (samia.reaction.critical-freeze).
pub fn reported(event: &security_event::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match event {
        security_event::Event::SecurityEventReported(it) if it.severity == Severity::Critical => {
            match it.user_id {
                Some(user) => reacting.send::<Wallet, _>(FREEZE, user, &FreezeWallet {}),
                None => Ok(()),
            }
        }
        security_event::Event::SecurityEventReported(_)
        | security_event::Event::SecurityEventAssigned(_)
        | security_event::Event::SecurityEventResolved(_)
        | security_event::Event::SecurityEventDismissed(_)
        | security_event::Event::Imported(_) => Ok(()),
    }
}

fn incident(
    event_type: &str,
    severity: Severity,
    user_id: Option<Uuid>,
    description: String,
) -> Result<ReportSecurityEvent, Halt> {
    Ok(ReportSecurityEvent {
        user_id,
        event_type: Text::new(event_type)
            .map_err(|_| Halt::Fault("the kind of incident".to_owned()))?,
        severity,
        description,
        ip_address: None,
        user_agent: None,
        geolocation: None,
        detection_method: Some(DetectionMethod::Automated),
        confidence_score: None,
    })
}

fn send(
    reaction: &'static str,
    report: &ReportSecurityEvent,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let id = reacting.new_id(reaction);
    reacting.send::<SecurityEvent, _>(reaction, id, report)
}
