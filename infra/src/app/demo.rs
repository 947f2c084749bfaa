//! The demo's data, through ordinary commands. Running it again changes nothing: every command has
//! an id of its own, made of what it is.

mod carenotes;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::Client;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::{Uuid, uuid};

use super::{
    client::{CallError, Caller},
    people::{PEOPLE, named},
};

/// How long a new user's wallet is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Oakfield School.
pub const OAKFIELD: Uuid = uuid!("1b000000-0000-7000-8000-000000000001");
/// Riverside Clinic.
pub const RIVERSIDE: Uuid = uuid!("1b000000-0000-7000-8000-000000000002");
/// The Nest family.
pub const NESTS: Uuid = uuid!("1d000000-0000-7000-8000-000000000001");
/// Another family.
pub const OTTOS: Uuid = uuid!("1d000000-0000-7000-8000-000000000002");
/// The Nest family's child.
pub const MIA: Uuid = uuid!("1d000000-0000-7000-8000-000000000011");
/// The Nest family's overnight diapers.
pub const DIAPERS: Uuid = uuid!("1d000000-0000-7000-8000-000000000021");

/// Sends the demo's commands.
#[derive(Debug, Clone)]
pub struct Demo {
    callers: HashMap<&'static str, Caller>,
    pool: PgPool,
}

/// Why the demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A command was not accepted.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Rows cannot be read.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// Nobody reacts.
    #[error("a new user got no wallet: does a reactor work? `annals status` says")]
    NoWallet,
}

impl Demo {
    /// With a token for everybody.
    #[must_use]
    pub fn new(client: &Client, tokens: &HashMap<String, String>, pool: PgPool) -> Self {
        let callers = PEOPLE
            .iter()
            .filter_map(|person| {
                let token = tokens.get(person.name)?.clone();
                Some((person.name, Caller::new(client.clone(), token)))
            })
            .collect();
        Self { callers, pool }
    }

    /// Somebody's caller.
    ///
    /// # Errors
    /// When there is no token for them.
    pub fn caller(&self, name: &str) -> Result<&Caller, CallError> {
        self.callers.get(name).ok_or_else(|| CallError::NoAnswer {
            subject: name.to_owned(),
            why: "there is no token for this person; run `annals dev` again".to_owned(),
        })
    }

    /// Sends a command that makes part of the demo, once and for all.
    async fn make(
        &self,
        who: &str,
        subject: &str,
        id: Uuid,
        data: Value,
    ) -> Result<Value, CallError> {
        let name = format!("{who} {subject} {id} {data}");
        let command_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        self.caller(who)?.send(&command_id, subject, Some(&id.to_string()), data).await
    }

    /// Brings everything and everybody of the demo into being.
    ///
    /// # Errors
    /// When a command is not accepted.
    pub async fn seed(&self) -> Result<(), DemoError> {
        for person in PEOPLE {
            if let Some(email) = person.email {
                let data = json!({ "email": email });
                self.make("system", "shared.cmd.register_identity", person.id, data).await?;
            }
        }
        self.lift().await?;
        self.samia().await?;
        self.restorative().await?;
        self.carenotes().await?;
        self.nestsync().await
    }

    async fn lift(&self) -> Result<(), CallError> {
        let profile = "lift.cmd.create_profile";
        let ava = json!({ "email": "ava@lift.example", "name": "Ava Lind", "role": "Account" });
        self.make("operator", profile, id("ava"), ava).await?;
        for (org, name, kind) in [
            (OAKFIELD, "Oakfield School", "school-primary"),
            (RIVERSIDE, "Riverside Clinic", "clinic-private"),
        ] {
            let data = json!({ "name": name, "type": kind, "city": "Leeds", "country": "UK" });
            self.make("ava", "lift.cmd.register_organisation", org, data).await?;
        }
        for (who, name, role, org) in [
            ("gina", "Gina Marsh", "GroupContact", OAKFIELD),
            ("paul", "Paul Reyes", "Practitioner", OAKFIELD),
            ("remy", "Remy Okafor", "Practitioner", RIVERSIDE),
        ] {
            let data = json!({ "email": address(who), "name": name, "role": role, "org_id": org });
            self.make("ava", profile, id(who), data).await?;
        }
        let kit = json!({
            "org_id": OAKFIELD, "first_name": "Kit", "year_group": "Year 4", "class_name": "4B",
            "primary_practitioner_id": id("paul"),
        });
        self.make("paul", "lift.cmd.register_child", id("kit"), kit).await?;
        let consent = json!({ "consent_type": "written", "consent_date": "2026-01-12T09:00:00Z" });
        self.make("gina", "lift.cmd.record_consent", id("kit"), consent).await?;
        Ok(())
    }

    async fn samia(&self) -> Result<(), DemoError> {
        for (who, name) in [("sam", "Sam Adler"), ("clara", "Clara Voss"), ("dora", "Dora Kim")] {
            let data = json!({ "email": address(who), "full_name": name });
            self.make(who, "samia.cmd.register_user", id(who), data).await?;
        }
        let role = json!({ "role": "super_admin" });
        self.make("operator", "samia.cmd.change_user_role", id("sam"), role).await?;
        for who in ["clara", "dora"] {
            self.wallet_of(id(who)).await?;
            let gift = json!({ "amount": "50.00", "description": "Welcome credit" });
            self.make("sam", "samia.cmd.credit_wallet", id(who), gift).await?;
        }
        Ok(())
    }

    /// Waits for the wallet that a new user gets by itself.
    async fn wallet_of(&self, user: Uuid) -> Result<(), DemoError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let there: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM samia.user_wallets WHERE user_id = $1)",
            )
            .bind(user)
            .fetch_one(&self.pool)
            .await?;
            if there {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(DemoError::NoWallet);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Two people with a record each; a record is a tenant of its own.
    async fn restorative(&self) -> Result<(), CallError> {
        for (who, introduction, narrative) in [
            (
                "ruth",
                "I am Ruth. I repair bicycles, and I am learning to repair more than that.",
                "Last winter I broke a neighbour's trust. We met, I listened, and we agreed on what I \
                 would put right, one thing a week.",
            ),
            (
                "abel",
                "I am Abel, father of two, back in this town for a year.",
                "For a long time I told this story as if it had happened to me. It is the story of \
                 what I did, and of whom I owe what.",
            ),
        ] {
            let first = json!({ "introduction": introduction });
            self.make(who, "restorative.cmd.create_restorative_record", id(who), first).await?;
            let more = json!({ "narrative": narrative });
            self.make(who, "restorative.cmd.revise_restorative_record", id(who), more).await?;
        }
        Ok(())
    }

    async fn nestsync(&self) -> Result<(), DemoError> {
        for (who, name) in [
            ("nora", "Nora Nest"),
            ("carl", "Carl Nest"),
            ("vic", "Vic Nest"),
            ("otto", "Otto Berg"),
        ] {
            let data = json!({ "email": address(who), "display_name": name });
            self.make(who, "nestsync.cmd.register_user", id(who), data).await?;
        }
        for (who, family, name, shown) in
            [("nora", NESTS, "The Nests", "Nora"), ("otto", OTTOS, "The Bergs", "Otto")]
        {
            let data = json!({ "name": name, "display_name": shown });
            self.make(who, "nestsync.cmd.create_family", family, data).await?;
        }
        for (who, name, role) in [("carl", "Carl", "caregiver"), ("vic", "Vic", "viewer")] {
            self.join(who, name, role).await?;
        }
        let mia = json!({ "family_id": NESTS, "first_name": "Mia", "clothing_size": "98" });
        self.make("nora", "nestsync.cmd.add_child", MIA, mia).await?;
        let diapers = json!({
            "family_id": NESTS, "child_id": MIA, "category": "supply", "name": "Overnight diapers",
            "size": "4", "unit": "piece", "quantity": "36", "reorder_threshold": "12",
        });
        self.make("nora", "nestsync.cmd.add_inventory_item", DIAPERS, diapers).await?;
        Ok(())
    }

    /// Invites somebody into the Nest family, who accepts.
    async fn join(&self, who: &str, shown: &str, role: &str) -> Result<(), DemoError> {
        let invitation =
            json!({ "display_name": shown, "invited_email": address(who), "role": role });
        self.make("nora", "nestsync.cmd.invite_family_member", NESTS, invitation).await?;
        // The member's id is made by the decision; it is the row's.
        let member: Uuid = sqlx::query_scalar(
            "SELECT id FROM nestsync.family_members WHERE family_id = $1 AND invited_email = $2",
        )
        .bind(NESTS)
        .bind(address(who))
        .fetch_one(&self.pool)
        .await?;
        let accept = json!({ "member_id": member });
        self.make(who, "nestsync.cmd.accept_family_invitation", NESTS, accept).await?;
        Ok(())
    }
}

/// Somebody's id.
fn id(name: &str) -> Uuid {
    named(name).map_or(Uuid::nil(), |person| person.id)
}

/// Somebody's address.
fn address(name: &str) -> &'static str {
    named(name).and_then(|person| person.email).unwrap_or_default()
}
