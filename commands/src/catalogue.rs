//! Everything that can be asked, and every aggregate it is asked of.

use std::collections::{BTreeMap, HashMap};

use annals_domain::Refused;

use crate::{
    aggregate::AggregateType,
    carenotes,
    command::CommandType,
    lift, nestsync,
    reaction::Reactions,
    restorative, samia, shared,
    work::{Stop, Stream, Work},
};

/// A bounded context: its commands and its aggregates.
#[derive(Debug)]
pub struct Context {
    /// Its name: schema, first token of subjects, prefix of aggregates' names.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Its kinds of aggregate.
    pub aggregates: Vec<AggregateType>,
    /// Its kinds of command.
    pub commands: Vec<CommandType>,
    /// What the context records of a refusal, in the same transaction as the kept outcome.
    pub on_refused: Option<OnRefused>,
    /// In which region the data lies that a command is about; none where that is not said.
    pub region_of: Option<RegionOf>,
    /// What its events lead to besides rows.
    pub reactions: Option<Reactions>,
}

/// Records a refusal: appends to the [`Work`] what the context keeps of it.
pub type OnRefused = fn(&mut Work<'_>, &Refusal<'_>) -> Result<(), Stop>;

/// Says in which region the data lies that a command is about, once it was handled: looks at the tenant
/// and at what was addressed.
pub type RegionOf = fn(&mut Work<'_>, &Stream) -> Result<Option<String>, Stop>;

impl Context {
    /// That the data a command is about lies in this region, where the context says where it lies.
    ///
    /// # Errors
    /// [`Stop::Foreign`] where it lies elsewhere; [`Stop::Missing`] while that is not in memory.
    pub fn resident(&self, work: &mut Work<'_>, target: &Stream, region: &str) -> Result<(), Stop> {
        let Some(region_of) = self.region_of else { return Ok(()) };
        match region_of(work, target)? {
            Some(other) if other != region => Err(Stop::Foreign { region: other }),
            Some(_) | None => Ok(()),
        }
    }
}

/// A business rule stood against a command.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// The command's name, for example `debit_wallet`.
    pub command: &'a str,
    /// The sender's id of the command.
    pub command_id: &'a str,
    /// What was addressed.
    pub target: &'a Stream,
    /// What stood against it.
    pub refused: &'a Refused,
}

/// All contexts.
#[derive(Debug)]
pub struct Catalogue {
    contexts: Vec<Context>,
    commands: HashMap<String, (usize, usize)>,
    aggregates: BTreeMap<&'static str, AggregateType>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// Every context there is.
    #[must_use]
    pub fn new() -> Self {
        let contexts = vec![
            shared::context(),
            restorative::context(),
            lift::context(),
            carenotes::context(),
            samia::context(),
            nestsync::context(),
        ];
        let mut commands = HashMap::new();
        let mut aggregates = BTreeMap::new();
        for (at, context) in contexts.iter().enumerate() {
            for (nth, command) in context.commands.iter().enumerate() {
                commands.insert(command.subject(), (at, nth));
            }
            for aggregate in &context.aggregates {
                aggregates.insert(aggregate.name, *aggregate);
            }
        }
        Self { contexts, commands, aggregates }
    }

    /// The contexts, in the order in which people are shown them.
    #[must_use]
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The contexts themselves.
    #[must_use]
    pub fn into_contexts(self) -> Vec<Context> {
        self.contexts
    }

    /// The context of this name.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name == name)
    }

    /// The command of a NATS subject, `<context>.cmd.<command>`.
    #[must_use]
    pub fn command(&self, subject: &str) -> Option<&CommandType> {
        let (context, nth) = self.commands.get(subject)?;
        self.contexts.get(*context)?.commands.get(*nth)
    }

    /// The kind of aggregate of a stored name, `<context>.<aggregate>`.
    #[must_use]
    pub fn aggregate(&self, name: &str) -> Option<&AggregateType> {
        self.aggregates.get(name)
    }

    /// Every kind of aggregate.
    pub fn aggregates(&self) -> impl Iterator<Item = &AggregateType> {
        self.aggregates.values()
    }
}
