//! Who there is and what they have, before the load begins.

use std::{path::Path, time::Duration};

use annals_infra::auth::dev::{DevIssuer, Ticket};
use async_nats::{Client, HeaderMap, Request};
use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Done;
use crate::token;

/// How long one sending is waited for.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Commands of the set-up that are under way at once.
const AT_ONCE: usize = 16;
/// How often a command of the set-up is sent.
const TRIES: usize = 100;

const SYSTEM: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0001);
const OPERATOR: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0002);
const ADMIN: Uuid = Uuid::from_u128(0x0c00_0000_0000_7000_8000_0000_0001_0001);
const ACCOUNT: Uuid = Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0001_0001);
const PRACTITIONER: Uuid = Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0001_0002);
/// The first of the wallets' owners.
const OWNER: u128 = 0x0c00_0000_0000_7000_8000_0000_0002_0000;

/// Those who send commands under load.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// A service that acts as itself: moves money, knows identities.
    pub system: String,
    /// Registers children.
    pub practitioner: String,
}

/// What the load is about.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Wallets, by their owners; the first is the hot one.
    pub wallets: Vec<Uuid>,
    /// Where children are registered: any number of them.
    pub organisation: Uuid,
    /// Who asks.
    pub tokens: Tokens,
}

/// Sends commands.
#[derive(Debug, Clone)]
pub struct Asker(pub Client);

/// A command as it goes over the wire, the same each time it is sent.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its id.
    pub id: Uuid,
    /// Its subject.
    pub subject: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

impl Question {
    /// A new command.
    #[must_use]
    pub fn new(subject: &'static str, target: Option<Uuid>, data: &Value) -> Self {
        let body = match target {
            Some(target) => json!({"id": target, "data": data}),
            None => json!({"data": data}),
        };
        Self { id: Uuid::now_v7(), subject, body: body.to_string().into_bytes() }
    }
}

impl Asker {
    /// Sends a command once.
    ///
    /// # Errors
    /// When no answer came, or none that can be read: then it is not known what became of it.
    pub async fn ask(&self, token: &str, question: &Question) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", question.id.to_string());
        headers.insert("Authorization", format!("Bearer {token}"));
        let request = Request::new()
            .headers(headers)
            .payload(question.body.clone().into())
            .timeout(Some(PATIENCE));
        let answer = self.0.send_request(question.subject, request).await;
        let answer = answer.map_err(|error| error.kind().to_string())?;
        serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())
    }

    /// Sends a command until it is accepted.
    async fn insist(
        &self,
        token: &str,
        subject: &'static str,
        target: Option<Uuid>,
        data: Value,
    ) -> Done<Value> {
        let question = Question::new(subject, target, &data);
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.ask(token, &question).await {
                Ok(body) if body["ok"] == true => return Ok(body),
                Ok(body) if body["retryable"] != true => {
                    return Err(format!("{subject}: {body}").into());
                }
                Ok(body) => last = body.to_string(),
                Err(why) => last = why,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{subject}: {last}").into())
    }
}

impl Scene {
    /// Makes everything, over NATS, on an empty database that is being served.
    ///
    /// # Errors
    /// When something is refused, or nobody answers.
    pub async fn make(asker: &Asker, issuer: &DevIssuer, wallets: usize) -> Done<Self> {
        let tokens = tokens(issuer);
        let system = tokens.system.as_str();
        for person in [ADMIN, ACCOUNT, PRACTITIONER] {
            asker
                .insist(system, "shared.cmd.register_identity", Some(person), known(person))
                .await?;
        }
        register(asker, issuer, ADMIN).await?;
        let operator = signed(issuer, Ticket::operator(OPERATOR));
        let role = json!({"role": "super_admin"});
        asker.insist(&operator, "samia.cmd.change_user_role", Some(ADMIN), role).await?;
        let admin = person(issuer, ADMIN);
        let owners: Vec<Uuid> =
            (0..wallets as u128).map(|nth| Uuid::from_u128(OWNER + nth)).collect();
        stream::iter(&owners)
            .map(|owner| open_wallet(asker, issuer, system, &admin, *owner))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let profile = json!({"email": token::address(ACCOUNT), "name": "Ava", "role": "Account"});
        asker.insist(&operator, "lift.cmd.create_profile", Some(ACCOUNT), profile).await?;
        let account = person(issuer, ACCOUNT);
        let data = json!({"name": "Oakfield", "type": "school-primary", "max_children": null});
        let made = asker.insist(&account, "lift.cmd.register_organisation", None, data).await?;
        let organisation: Uuid = made["id"].as_str().unwrap_or_default().parse()?;
        let profile = json!({
            "email": token::address(PRACTITIONER), "name": "Staff", "role": "Practitioner",
            "org_id": organisation,
        });
        asker.insist(&account, "lift.cmd.create_profile", Some(PRACTITIONER), profile).await?;
        Ok(Self { wallets: owners, organisation, tokens })
    }
}

async fn open_wallet(
    asker: &Asker,
    issuer: &DevIssuer,
    system: &str,
    admin: &str,
    owner: Uuid,
) -> Done {
    asker.insist(system, "shared.cmd.register_identity", Some(owner), known(owner)).await?;
    register(asker, issuer, owner).await?;
    asker.insist(system, "samia.cmd.open_wallet", Some(owner), json!({})).await?;
    let limits = json!({"daily_limit": null, "monthly_limit": null});
    asker.insist(admin, "samia.cmd.set_wallet_limits", Some(owner), limits).await?;
    Ok(())
}

async fn register(asker: &Asker, issuer: &DevIssuer, who: Uuid) -> Done {
    let data = json!({"email": token::address(who), "full_name": "Somebody"});
    asker.insist(&person(issuer, who), "samia.cmd.register_user", None, data).await.map(drop)
}

/// What the identity provider says of a person.
#[must_use]
pub fn known(person: Uuid) -> Value {
    json!({"email": token::address(person)})
}

/// Those who send commands under load, with tokens for a day.
#[must_use]
pub fn tokens(issuer: &DevIssuer) -> Tokens {
    Tokens {
        system: signed(issuer, Ticket::system(SYSTEM)),
        practitioner: person(issuer, PRACTITIONER),
    }
}

/// The issuer whose key lies in a folder.
///
/// # Errors
/// When its files cannot be written.
pub fn issuer(folder: &Path) -> Done<DevIssuer> {
    Ok(DevIssuer::open(folder)?)
}

fn person(issuer: &DevIssuer, who: Uuid) -> String {
    signed(issuer, Ticket::person(who).email(&token::address(who)))
}

fn signed(issuer: &DevIssuer, ticket: Ticket) -> String {
    issuer.token(&ticket.lasting(Duration::from_secs(86_400)), Utc::now())
}
