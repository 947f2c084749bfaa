//! A command as the outside sees it: its name, its schema, who may send it, what handles it.

use std::{fmt, sync::Arc};

use annals_domain::{Decider, refusal::snake_case, shared::identity::ErasureGround};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::de::DeserializeOwned;

use crate::{
    aggregate::AggregateType,
    shared::subject::may_be_erased,
    work::{Need, Stop, Work},
};

/// Where a command's target comes from when the request names no `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The request must name it.
    Given,
    /// A new id is made.
    New,
    /// It is the actor's own.
    Actor,
}

/// A kind of command.
pub struct CommandType {
    /// As it stands in the subject, for example `acknowledge_alert`.
    pub name: String,
    /// The contract's name, for example `AcknowledgeAlert`.
    pub documented: String,
    /// The aggregate whose `id` and `version` request and reply speak of.
    pub aggregate: AggregateType,
    /// Where the target comes from when the request names none.
    pub target: Target,
    /// Contract ids of the policies that say who may send it.
    pub policies: &'static [&'static str],
    /// JSON Schema (draft-07) of `data`.
    pub schema: Schema,
    parse: Parse,
}

type Parse = Box<dyn Fn(&str) -> Result<Box<dyn Request>, FieldError> + Send + Sync>;

/// Why `data` is not what the command takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the body, for example `/data/quantity`.
    pub pointer: String,
    /// Whether a field is there that the command does not know.
    pub unknown: bool,
    /// What is wrong. Speaks of types and names, never of values.
    pub detail: String,
}

/// A parsed command, ready to be handled as often as it takes.
pub trait Request: Send + Sync {
    /// Authorises the command and lets aggregates decide.
    ///
    /// # Errors
    /// Whatever stands against it.
    fn handle(&self, work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop>;

    /// What it is known to look at before it was handled once: loaded together, which saves the time
    /// of loading one after the other. It may look at more.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
}

struct Parsed<C> {
    data: C,
    handler: fn(&mut Work<'_>, &Arc<str>, &C) -> Result<(), Stop>,
    /// Whether a context forgets somebody, so that holds and retention stand against it.
    erases: bool,
}

impl<C: Send + Sync> Request for Parsed<C> {
    fn handle(&self, work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
        (self.handler)(work, id, &self.data)?;
        // After the handler, which says whether the actor may ask at all. What the system erases was
        // asked about when the person was erased.
        if self.erases && !work.actor.is_system() && !work.appended.is_empty() {
            may_be_erased(work, id, ErasureGround::SubjectRequest)?;
        }
        Ok(())
    }
}

/// Makes a struct of the domain a command: on which aggregate, by which policies, handled how.
#[must_use]
pub fn command<D: Decider, C>(
    target: Target,
    policies: &'static [&'static str],
    handler: fn(&mut Work<'_>, &Arc<str>, &C) -> Result<(), Stop>,
) -> CommandType
where
    C: JsonSchema + DeserializeOwned + Send + Sync + 'static,
{
    let documented = C::schema_name().into_owned();
    // A person's own erasure asks by itself, with its ground.
    let erases = documented.starts_with("Erase") && documented != "EraseSubject";
    CommandType {
        name: snake_case(&documented),
        documented,
        aggregate: AggregateType::of::<D>(),
        target,
        policies,
        schema: schema::<C>(),
        parse: Box::new(move |data| {
            let data = parse::<C>(data)?;
            Ok(Box::new(Parsed { data, handler, erases }))
        }),
    }
}

/// Without references: it stands inside other documents, where they would lead nowhere.
fn schema<C: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<C>()
}

impl CommandType {
    /// The context: first token of the subject.
    #[must_use]
    pub fn context(&self) -> &'static str {
        self.aggregate.context()
    }

    /// The NATS subject, `<context>.cmd.<command>`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}.cmd.{}", self.context(), self.name)
    }

    /// What the command does, in a sentence: the first line of its documentation.
    #[must_use]
    pub fn summary(&self) -> &str {
        let text = self.schema.get("description").and_then(serde_json::Value::as_str);
        text.and_then(|text| text.lines().next()).unwrap_or_default()
    }

    /// Reads `data`.
    ///
    /// # Errors
    /// Where a field is missing, unknown or of another form.
    pub fn parse(&self, data: &str) -> Result<Box<dyn Request>, FieldError> {
        (self.parse)(data)
    }
}

impl fmt::Debug for CommandType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CommandType").field("subject", &self.subject()).finish_non_exhaustive()
    }
}

fn parse<C: DeserializeOwned>(data: &str) -> Result<C, FieldError> {
    let mut reader = serde_json::Deserializer::from_str(data);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = String::from("/data");
        for segment in error.path() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                Segment::Map { key } => {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let said = error.inner().to_string();
        let detail = describe(&said);
        FieldError { pointer, unknown: said.starts_with("unknown field"), detail }
    })
}

/// serde's sentence without the values it quotes, which may be personal, and without its place.
fn describe(said: &str) -> String {
    let said = said.rsplit_once(" at line ").map_or(said, |(before, _)| before);
    match said.split_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid type") => {
            let found = found.trim_start_matches("invalid type: ");
            let found = found.split([' ', '`', '"']).next().unwrap_or_default();
            format!("found {found}, expected {expected}")
        }
        Some((found, expected)) if found.starts_with("invalid") => format!("expected {expected}"),
        Some((found, expected)) if found.starts_with("unknown variant") => {
            format!("not one of the values: expected {expected}")
        }
        _ if said.starts_with("invalid value") || said.starts_with("unknown variant") => {
            "the value does not fit".to_owned()
        }
        _ => said.to_owned(),
    }
}
