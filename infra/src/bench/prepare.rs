//! Bringing the wallets into being, through ordinary commands. Command ids are made of what the
//! command is for, so that a second run changes nothing.

use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Failure, ids, mix,
    signer::Signer,
    wire::{Job, Wire},
};

/// How many commands are under way at once.
const IN_FLIGHT: usize = 256;
/// What each wallet is given to begin with; later credits are as small as those that are measured.
const FIRST: &str = "100000.00";
/// How often it is told how far it is.
const TELL: Duration = Duration::from_secs(5);

/// What is brought into being, and in whose name.
pub struct Preparation<'a> {
    /// The wallets: the ids of their owners.
    pub wallets: &'a [Uuid],
    /// Where the ids come from.
    pub seed: &'a str,
    /// How many credits each wallet is given.
    pub earlier: u32,
    /// The token of an admin.
    pub admin: String,
    /// Signs for the owners.
    pub signer: Signer,
}

impl Preparation<'_> {
    /// Brings everything into being. Each step needs the one before.
    pub async fn run(&self, wire: &mut Wire) -> Result<(), Failure> {
        let all = self.wallets;
        self.step(wire, "identities", all.iter().map(|id| self.identity(*id))).await?;
        self.step(wire, "users", all.iter().map(|id| self.user(*id))).await?;
        self.step(wire, "wallets", all.iter().map(|id| self.wallet(*id))).await?;
        self.step(wire, "limits lifted", all.iter().map(|id| self.limits(*id))).await?;
        // Round by round, so that no wallet has its credits all at once.
        let credits =
            (0..self.earlier).flat_map(|nth| all.iter().map(move |id| self.credit(*id, nth)));
        self.step(wire, "credits", credits).await
    }

    async fn step(
        &self,
        wire: &mut Wire,
        what: &str,
        jobs: impl Iterator<Item = Job>,
    ) -> Result<(), Failure> {
        let mut told = Instant::now();
        let mut done = 0;
        wire.send_all(jobs, IN_FLIGHT, |count| {
            done = count;
            if told.elapsed() >= TELL {
                told = Instant::now();
                eprintln!("annals: {count} {what}");
            }
        })
        .await?;
        eprintln!("annals: {done} {what} are there");
        Ok(())
    }

    fn job(&self, token: Option<String>, subject: &'static str, id: Uuid, data: &Value) -> Job {
        let body = json!({ "id": id, "data": data }).to_string();
        Job {
            subject: Subject::from_static(subject),
            command_id: ids::found_again(self.seed, &format!("{subject} {id}")),
            token,
            body: body.into(),
        }
    }

    fn address(&self, id: Uuid) -> String {
        format!("{}@bench.example", id.simple())
    }

    fn identity(&self, id: Uuid) -> Job {
        let data = json!({ "email": self.address(id) });
        self.job(None, "shared.cmd.register_identity", id, &data)
    }

    fn user(&self, id: Uuid) -> Job {
        let data = json!({ "email": self.address(id), "full_name": "Bench" });
        self.job(Some(self.signer.token(id)), "samia.cmd.register_user", id, &data)
    }

    fn wallet(&self, id: Uuid) -> Job {
        self.job(None, "samia.cmd.open_wallet", id, &json!({}))
    }

    fn limits(&self, id: Uuid) -> Job {
        let data = json!({ "daily_limit": null, "monthly_limit": null });
        self.job(Some(self.admin.clone()), "samia.cmd.set_wallet_limits", id, &data)
    }

    fn credit(&self, id: Uuid, nth: u32) -> Job {
        let body: Bytes = mix::body(id, if nth == 0 { FIRST } else { "10.00" });
        Job {
            subject: Subject::from_static(mix::CREDIT),
            command_id: ids::found_again(self.seed, &format!("credit {nth} {id}")),
            token: None,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_commands::{Catalogue, envelope::Envelope};
    use aws_lc_rs::hmac;

    use super::*;

    #[test]
    fn the_border_takes_every_step_and_a_second_run_repeats_the_first() {
        let catalogue = Catalogue::new();
        let wallets = ids::wallets("x", false, 1, 1);
        let preparation = || Preparation {
            wallets: &wallets,
            seed: "x",
            earlier: 2,
            admin: "admin".to_owned(),
            signer: Signer::Secret {
                key: Box::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])),
                issuer: "here".to_owned(),
                audience: "authenticated".to_owned(),
            },
        };
        let steps = |it: &Preparation<'_>| {
            let id = wallets[0];
            [it.identity(id), it.user(id), it.wallet(id), it.limits(id), it.credit(id, 0)]
        };
        let (first, second) = (steps(&preparation()), steps(&preparation()));
        for (job, again) in first.iter().zip(&second) {
            assert_eq!((job.command_id, &job.body), (again.command_id, &again.body));
            let envelope = Envelope::read(&job.body, 1_024).unwrap();
            let command = catalogue.command(&job.subject).unwrap();
            command.parse(envelope.data).unwrap();
        }
        let (one, two) = (preparation().credit(wallets[0], 0), preparation().credit(wallets[0], 1));
        assert_ne!(one.command_id, two.command_id);
    }
}
