//! What is sent: a credit of 10.00 and a debit of 7.00 in turn, each to a wallet drawn by chance.

use async_nats::Subject;
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Failure,
    ids::Chance,
    wire::{self, PATIENCE, Reply, Wire},
};

/// The subject of a credit.
pub const CREDIT: &str = "samia.cmd.credit_wallet";
/// The subject of a debit.
pub const DEBIT: &str = "samia.cmd.debit_wallet";

/// Draws commands. Bodies are made once and shared.
pub struct Mix {
    bodies: Vec<[Bytes; 2]>,
    turn: usize,
    chance: Chance,
}

impl Mix {
    /// For these wallets.
    pub fn new(wallets: &[Uuid]) -> Self {
        let bodies =
            wallets.iter().map(|wallet| [body(*wallet, "10.00"), body(*wallet, "7.00")]).collect();
        Self { bodies, turn: 1, chance: Chance::new() }
    }

    /// The next command: its id, subject and body.
    pub fn draw(&mut self) -> (Uuid, Subject, Bytes) {
        self.turn ^= 1;
        let wallet = self.chance.below(self.bodies.len());
        let subject = if self.turn == 0 { CREDIT } else { DEBIT };
        let body = self.bodies.get(wallet).map(|two| two[self.turn].clone()).unwrap_or_default();
        (self.chance.command_id(), Subject::from_static(subject), body)
    }

    /// Credits the last wallet once, so that what is amiss is told before anything is measured. Returns
    /// the event's position.
    pub async fn try_one(&self, wire: &mut Wire) -> Result<i64, Failure> {
        wire.forget().await;
        let body = self.bodies.last().map(|two| two[0].clone()).unwrap_or_default();
        let id = Chance::new().command_id();
        wire.sender.send(0, id, Subject::from_static(CREDIT), body).await?;
        let reply = timeout(PATIENCE, wire.replies.next()).await.ok().flatten();
        let reply = reply.ok_or_else(|| Failure::unavailable(format!("{CREDIT}: no answer")))?;
        match wire::read(&reply) {
            Reply::Accepted(position) => Ok(position),
            Reply::Refused(_) | Reply::Failed(_) => {
                let mut failure = wire::told(CREDIT, &reply);
                failure.text.push_str("\nWallets that are not there yet: run it with --prepare.");
                Err(failure)
            }
        }
    }
}

/// The body of a credit or debit.
pub fn body(wallet: Uuid, amount: &str) -> Bytes {
    format!(r#"{{"id":"{wallet}","data":{{"amount":"{amount}"}}}}"#).into()
}

#[cfg(test)]
mod tests {
    use annals_commands::{Catalogue, envelope::Envelope};

    use super::*;

    #[test]
    fn credits_and_debits_take_turns_and_the_border_takes_them() {
        let catalogue = Catalogue::new();
        let wallets = super::super::ids::wallets("x", false, 3, 1);
        let mut mix = Mix::new(&wallets);
        for turn in 0..10 {
            let (id, subject, body) = mix.draw();
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(subject.as_str(), if turn % 2 == 0 { CREDIT } else { DEBIT });
            let envelope = Envelope::read(&body, 1_024).unwrap();
            assert!(wallets.contains(&envelope.id.as_deref().unwrap().parse().unwrap()));
            catalogue.command(&subject).unwrap().parse(envelope.data).unwrap();
        }
    }
}
