//! Clients that send commands as the README tells them to, and keep a journal of it.
//!
//! No answer, or one that says so, means *not known*: the same command goes out again under the same id.
//! Now and then a client gives up instead, sends what was answered already once more, or uses an id for
//! another body: what comes back of that is journalled too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};
use uuid::Uuid;

use super::{
    Done,
    chance::Chance,
    journal::{Answer, Journal, Line, Sending},
    scene::{Asker, Question, Scene, known},
};

/// How much there is to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients, each with one command under way.
    pub clients: u64,
    /// How long a client rests between two commands.
    pub rest: Duration,
    /// What each wallet begins with, in cents.
    pub funds: i64,
    /// Of a hundred commands, how many go to the hot wallet.
    pub hot: u64,
    /// Of a hundred commands that are not known, how many are given up.
    pub gives_up: u64,
    /// Of a hundred commands that were answered, how many are sent again.
    pub again: u64,
    /// How long a command is sent again before its sender gives up after all.
    pub insists: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            clients: 16,
            rest: Duration::from_millis(5),
            funds: 5_000,
            hot: 35,
            gives_up: 4,
            again: 4,
            insists: Duration::from_secs(120),
        }
    }
}

/// What clients have seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Commands that were sent, each counted once.
    pub commands: AtomicU64,
    /// Of these, accepted.
    pub accepted: AtomicU64,
    /// Refused by a rule.
    pub refused: AtomicU64,
    /// Sendings of which it was not known what became of them.
    pub unknown: AtomicU64,
    /// Commands that were given up while that was so.
    pub gave_up: AtomicU64,
    /// Commands that were sent again though their answer was known.
    pub again: AtomicU64,
}

impl Seen {
    /// All of its counts.
    #[must_use]
    pub const fn all(&self) -> [&AtomicU64; 6] {
        let Self { commands, accepted, refused, unknown, gave_up, again } = self;
        [commands, accepted, refused, unknown, gave_up, again]
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Running {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Done>>,
}

struct Client {
    asker: Asker,
    scene: Arc<Scene>,
    journal: Journal,
    chance: Chance,
    load: Load,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
}

/// What a client knows of a command in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Accepted,
    Refused,
    Nothing,
}

struct Plan {
    subject: &'static str,
    target: Uuid,
    data: Value,
    other: Value,
    events: i32,
    cents: i64,
    by_practitioner: bool,
}

impl Running {
    /// Sets clients to work. First every wallet gets its funds.
    #[must_use]
    pub fn start(load: Load, seed: u64, asker: &Asker, scene: &Scene, journal: &Journal) -> Self {
        let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
        let scene = Arc::new(scene.clone());
        let clients = (0..load.clients)
            .map(|nth| {
                let client = Client {
                    asker: asker.clone(),
                    scene: Arc::clone(&scene),
                    journal: journal.clone(),
                    chance: Chance::of(seed, 0x10ad + nth),
                    load,
                    seen: Arc::clone(&seen),
                    stop: Arc::clone(&stop),
                };
                tokio::spawn(client.work(nth))
            })
            .collect();
        Self { seen, stop, clients }
    }

    /// What clients have seen so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Waits until this many more commands were accepted; says whether that came in time.
    pub async fn goes_on(&self, more: u64, patience: Duration) -> bool {
        let before = self.seen.accepted.load(Ordering::Relaxed);
        let began = Instant::now();
        while self.seen.accepted.load(Ordering::Relaxed) < before + more {
            if began.elapsed() > patience {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Has every client end what it is at, which it insists on knowing.
    ///
    /// # Errors
    /// When the journal could not be written.
    pub async fn stop(self) -> Done<Arc<Seen>> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await??;
        }
        Ok(self.seen)
    }
}

impl Client {
    async fn work(mut self, nth: u64) -> Done {
        let every = usize::try_from(self.load.clients)?;
        let scene = Arc::clone(&self.scene);
        for wallet in scene.wallets.iter().skip(usize::try_from(nth)?).step_by(every) {
            self.carry_out(&money("samia.cmd.credit_wallet", *wallet, self.load.funds)).await?;
        }
        if nth == 0 {
            // Something of every context.
            self.enrol().await?;
        }
        while !self.stop.load(Ordering::Relaxed) {
            self.turn().await?;
            sleep(self.load.rest).await;
        }
        Ok(())
    }

    async fn turn(&mut self) -> Done {
        let cents = i64::try_from(1 + self.chance.below(1_500))?;
        let wallet = self.wallet();
        match self.chance.below(100) {
            0..=2 => self.enrol().await,
            3..=14 => {
                // A transfer: what left the one wallet has to reach the other.
                let to = self.wallet();
                let left = self.carry_out(&money("samia.cmd.debit_wallet", wallet, -cents)).await?;
                if left == Known::Accepted {
                    self.carry_out(&money("samia.cmd.credit_wallet", to, cents)).await?;
                }
                Ok(())
            }
            15..=50 => self.one(money("samia.cmd.credit_wallet", wallet, cents)).await,
            51..=92 => self.one(money("samia.cmd.debit_wallet", wallet, -cents)).await,
            _ => self.one(money("samia.cmd.charge_fee", wallet, -cents)).await,
        }
    }

    async fn one(&mut self, plan: Plan) -> Done {
        self.carry_out(&plan).await.map(drop)
    }

    fn wallet(&mut self) -> Uuid {
        if self.chance.percent(self.load.hot) {
            return self.scene.wallets[0];
        }
        *self.chance.pick(&self.scene.wallets)
    }

    /// Registers a child: three events in three streams, all or none.
    async fn enrol(&mut self) -> Done {
        let child = Uuid::new_v4();
        let plan = Plan {
            subject: "shared.cmd.register_identity",
            target: child,
            data: known(child),
            other: json!({"email": format!("other-{}@example.org", child.simple())}),
            events: 1,
            cents: 0,
            by_practitioner: false,
        };
        if self.carry_out(&plan).await? != Known::Accepted {
            return Ok(());
        }
        let data = |name: &str| json!({"org_id": self.scene.organisation, "first_name": name});
        let plan = Plan {
            subject: "lift.cmd.register_child",
            target: child,
            data: data("Kit"),
            other: data("Kim"),
            events: 3,
            cents: 0,
            by_practitioner: true,
        };
        self.carry_out(&plan).await.map(drop)
    }

    /// Sends a command until its outcome is known, or it is given up.
    async fn carry_out(&mut self, plan: &Plan) -> Done<Known> {
        let question = Question::new(plan.subject, Some(plan.target), &plan.data);
        self.journal
            .add(&Line::Sending(Sending {
                id: question.id,
                command: plan.subject.to_owned(),
                target: plan.target,
                events: plan.events,
                cents: plan.cents,
                body: Uuid::new_v5(&Uuid::NAMESPACE_OID, &question.body).to_string(),
            }))
            .await?;
        self.seen.commands.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let known = loop {
            let answer = self.ask(plan, &question).await;
            self.journal.add(&Line::Answer(answer.clone())).await?;
            match answer.answer.as_str() {
                "ok" => break Known::Accepted,
                "refused" => break Known::Refused,
                _ => {}
            }
            self.seen.unknown.fetch_add(1, Ordering::Relaxed);
            if self.chance.percent(self.load.gives_up) || began.elapsed() > self.load.insists {
                break Known::Nothing;
            }
            sleep(Duration::from_millis(50 + self.chance.below(150))).await;
        };
        match known {
            Known::Accepted => self.seen.accepted.fetch_add(1, Ordering::Relaxed),
            Known::Refused => self.seen.refused.fetch_add(1, Ordering::Relaxed),
            Known::Nothing => {
                let answer = "gave_up".to_owned();
                let gave_up = Answer { id: question.id, answer, ..Answer::default() };
                self.journal.add(&Line::Answer(gave_up)).await?;
                self.seen.gave_up.fetch_add(1, Ordering::Relaxed)
            }
        };
        if known != Known::Nothing && self.chance.percent(self.load.again) {
            self.once_more(plan, &question).await?;
        }
        Ok(known)
    }

    /// Sends what was answered already: the same, or another body under the same id.
    async fn once_more(&mut self, plan: &Plan, question: &Question) -> Done {
        let same = !self.chance.percent(25);
        let mut question = question.clone();
        if !same {
            let other = Question::new(plan.subject, Some(plan.target), &plan.other);
            question.body = other.body;
        }
        let mut answer = self.ask(plan, &question).await;
        if answer.answer == "unknown" {
            return Ok(());
        }
        if !same {
            answer.answer = "reused".to_owned();
        }
        answer.again = true;
        self.seen.again.fetch_add(1, Ordering::Relaxed);
        self.journal.add(&Line::Answer(answer)).await
    }

    async fn ask(&self, plan: &Plan, question: &Question) -> Answer {
        let tokens = &self.scene.tokens;
        let token = if plan.by_practitioner { &tokens.practitioner } else { &tokens.system };
        let id = question.id;
        match self.asker.ask(token, question).await {
            Ok(body) => read(id, &body),
            Err(why) => Answer { id, answer: "unknown".to_owned(), code: why, ..Answer::default() },
        }
    }
}

fn read(id: Uuid, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let duplicate = body["duplicate"] == true;
    if body["ok"] == true {
        let events = body["events"].as_array().into_iter().flatten();
        return Answer {
            id,
            answer: "ok".to_owned(),
            version: body["version"].as_i64().unwrap_or_default(),
            position: body["position"].as_i64().unwrap_or_default(),
            events: events.filter_map(|it| it["id"].as_str()?.parse().ok()).collect(),
            duplicate,
            ..Answer::default()
        };
    }
    // What may be sent again under the same id was not decided, as far as its sender can know.
    let again = body["retryable"] == true;
    let answer = if again { "unknown" } else { "refused" }.to_owned();
    Answer { id, answer, code: text("code"), duplicate, ..Answer::default() }
}

fn money(subject: &'static str, wallet: Uuid, cents: i64) -> Plan {
    let amount = |cents: i64| json!({"amount": format!("{}.{:02}", cents / 100, cents % 100)});
    Plan {
        subject,
        target: wallet,
        data: amount(cents.abs()),
        other: amount(cents.abs() + 1),
        events: 1,
        cents,
        by_practitioner: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_again_is_not_known() {
        let id = Uuid::from_u128(1);
        let answer = read(id, &json!({"ok": false, "code": "internal", "retryable": true}));
        assert_eq!((answer.answer.as_str(), answer.code.as_str()), ("unknown", "internal"));
        let answer = read(id, &json!({"ok": false, "code": "insufficient_funds"}));
        assert_eq!(answer.answer, "refused");
    }
}
