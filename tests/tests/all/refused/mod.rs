//! What bad input gets: a typed refusal, and nothing else. Nothing is stored, and the service goes on.

mod body;
mod headers;
mod ids;
mod limits;
mod replies;
mod rules;
mod tenants;
mod tokens;

use annals_tests::{
    Question, World,
    samia::{CLARA, wallet},
};
use serde_json::json;

/// The command that is spoilt in these tests.
const DEBIT: &str = "samia.cmd.debit_wallet";

/// A world with a wallet, and how much had happened in it.
struct Guarded {
    world: World,
    events: i64,
}

impl Guarded {
    async fn start() -> Self {
        Self::over(World::start().await).await
    }

    /// Over a world that is served otherwise.
    async fn over(world: World) -> Self {
        wallet(&world, "10.00").await;
        let events = world.events().await;
        Self { world, events }
    }

    /// A debit that would be accepted as it is.
    fn debit(&self) -> Question {
        self.world.as_system().ask(DEBIT, CLARA, json!({"amount": "1.00"}))
    }

    /// Nothing was stored since, and commands are still taken.
    async fn unharmed(&self) {
        assert_eq!(self.world.events().await, self.events, "something was stored");
        let kept = self.world.number("SELECT position FROM annals.head").await;
        assert_eq!(kept, self.events);
        self.debit().send().await.accepted(&["WalletDebited"]);
    }
}
