//! Letting reactions run over events, in order, on what was remembered before each of them.

use std::collections::HashMap;

use annals_commands::reaction::{
    Cause, Due, Halt, Key, Notice, Reacting, Reactions, Rules, Sending, TimerChange,
};
use sqlx::PgPool;

use super::{memory::Memory, open::Heard, run::RunError};
use crate::keys::Keys;

/// How often a page is looked over for what is missing before its events are taken one by one.
const ROUNDS: usize = 3;

/// What came of one cause.
#[derive(Debug)]
pub struct Turn {
    /// The cause.
    pub cause: Cause,
    /// Its commands, in order.
    pub sendings: Vec<Sending>,
    /// What others are told.
    pub notices: Vec<Notice>,
    /// Its timers, in order.
    pub timers: Vec<TimerChange>,
}

/// What a context's reactions run on.
pub struct Folding<'a> {
    /// The reactions.
    pub reactions: &'a Reactions,
    /// Rules that judge.
    pub rules: &'a Rules,
    /// Where memories are kept.
    pub pool: &'a PgPool,
    /// Opens them.
    pub keys: &'a Keys,
}

impl Folding<'_> {
    /// Reacts to events, each on what the ones before it left.
    pub async fn events(
        &self,
        memory: &mut Memory,
        heard: Vec<Heard>,
    ) -> Result<Vec<Turn>, RunError> {
        self.look_ahead(memory, &heard).await?;
        let mut turns = Vec::with_capacity(heard.len());
        for Heard { cause, event } in heard {
            let run = |reacting: &mut Reacting<'_>| self.reactions.react(event.as_ref(), reacting);
            turns.push(self.one(memory, cause, run).await?);
        }
        Ok(turns)
    }

    /// Reacts to a timer.
    pub async fn timer(
        &self,
        memory: &mut Memory,
        cause: Cause,
        due: &Due,
    ) -> Result<Turn, RunError> {
        let run = |reacting: &mut Reacting<'_>| (self.reactions.due)(due, reacting);
        self.one(memory, cause, run).await
    }

    async fn one(
        &self,
        memory: &mut Memory,
        cause: Cause,
        run: impl Fn(&mut Reacting<'_>) -> Result<(), Halt>,
    ) -> Result<Turn, RunError> {
        let mut missed: Option<Key> = None;
        loop {
            let mut reacting = Reacting::new(&cause, self.rules, memory);
            let key = match run(&mut reacting) {
                Ok(()) => {
                    let Reacting { notes, sendings, notices, timers, .. } = reacting;
                    let (states, sets) = (notes.states, notes.sets);
                    memory.take(states, sets);
                    return Ok(Turn { cause, sendings, notices, timers });
                }
                Err(Halt::Fault(why)) => return Err(RunError::Poison(why)),
                Err(Halt::Missing(key)) => key,
            };
            if missed.as_ref() == Some(&key) {
                return Err(RunError::Poison(format!("{key:?} is asked for again and again")));
            }
            missed = Some(key.clone());
            memory.bring(self.pool, self.keys, vec![key]).await?;
        }
    }

    /// Brings what most of a page will ask for in a few round trips. A guess: what an event asks for
    /// may depend on the one before it.
    async fn look_ahead(&self, memory: &mut Memory, heard: &[Heard]) -> Result<(), RunError> {
        for _ in 0..ROUNDS {
            let mut missing: Vec<Key> = Vec::new();
            for Heard { cause, event } in heard {
                let mut reacting = Reacting::new(cause, self.rules, memory);
                if let Err(Halt::Missing(key)) = self.reactions.react(event.as_ref(), &mut reacting)
                    && !missing.contains(&key)
                {
                    missing.push(key);
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            memory.bring(self.pool, self.keys, missing).await?;
        }
        Ok(())
    }
}

/// Turns that have something to send, those of one stream together and in order.
pub fn lanes(turns: &[Turn]) -> Vec<Vec<&Turn>> {
    let mut lanes: Vec<Vec<&Turn>> = Vec::new();
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    for turn in turns.iter().filter(|it| !it.sendings.is_empty() || !it.notices.is_empty()) {
        let stream = (turn.cause.aggregate_type.as_str(), turn.cause.stream.as_str());
        let nth = *known.entry(stream).or_insert(lanes.len());
        match lanes.get_mut(nth) {
            Some(lane) => lane.push(turn),
            None => lanes.push(vec![turn]),
        }
    }
    lanes
}
