//! What an event is: a struct whose fields are named after the columns it fills.

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::import::RowType;

/// The content of one kind of event. Implemented by [`events!`](crate::events).
pub trait EventData:
    Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static
{
    /// What is known of this kind of event before any happens.
    const TYPE: EventType;
}

/// The events of one aggregate. Implemented by [`events!`](crate::events).
pub trait DomainEvent: Clone + Send + Sync + PartialEq + std::fmt::Debug + 'static {
    /// The aggregate's kinds of event, in the order in which they are declared.
    const TYPES: &'static [EventType];
    /// The documented tables whose rows the aggregate can be taken over from.
    const ROWS: &'static [RowType];

    /// The kind of this event.
    fn event_type(&self) -> &'static EventType;

    /// The payload as JSON text, without the kind's name.
    ///
    /// # Errors
    /// When a field cannot be written as JSON, which no declared event's can.
    fn payload(&self) -> serde_json::Result<String>;

    /// The payload as a JSON value.
    ///
    /// # Errors
    /// As for [`payload`](Self::payload).
    fn payload_value(&self) -> serde_json::Result<Value>;

    /// Reads an event back. `Ok(None)` means that this aggregate has no event of that name.
    ///
    /// # Errors
    /// When the payload is not one of that kind and version.
    fn read(name: &str, payload: Value) -> serde_json::Result<Option<Self>>;

    /// The column of an imported row that the aggregate needed and could not read.
    fn misread(&self) -> Option<&'static str>;
}

/// What is known of a kind of event: its stored name, form, and whose personal data it holds.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// Stored and documented name, for example `AlertRaised`.
    pub name: &'static str,
    /// Version of the payload's form.
    pub version: u16,
    /// Whose personal data the payload holds.
    pub subject: Subject,
    /// The fields that are sealed under the subject's key.
    pub personal: &'static [PersonalField],
    /// JSON Schema of the payload.
    pub schema: fn() -> Schema,
}

/// Whose key seals the personal fields of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The stream's id is the person's id.
    Stream,
    /// The payload's field of this name holds the person's id.
    Field(&'static str),
}

/// A personal field and what stands in its place once its subject is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalField {
    /// Name of the payload's field; a column of the same name.
    pub name: &'static str,
    /// What is read when the key is gone.
    pub tombstone: Tombstone,
}

/// What an erased field reads as (shared.erasure.tombstones).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tombstone {
    /// A nullable column: null.
    Null,
    /// A text that may not be null: `erased`.
    Text,
    /// An e-mail address that may not be null: `<subject>@erased.invalid`.
    Email,
    /// A JSON object that may not be null: `{}`.
    Object,
    /// A list that may not be null: `[]`.
    List,
}

impl Tombstone {
    /// The value to read instead of the erased one.
    #[must_use]
    pub fn value(self, subject: &str) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text => Value::from("erased"),
            Self::Email => Value::from(format!("{subject}@erased.invalid")),
            Self::Object => Value::Object(serde_json::Map::new()),
            Self::List => Value::Array(Vec::new()),
        }
    }
}

/// Declares an aggregate's events: one struct each, under its documented name, and the enum over all.
///
/// Personal fields stand in braces with their tombstone (`null`, `text`, `email`, `object`, `list`);
/// `of field` names the payload's field with the subject's id, where it is not the stream's id.
///
/// A second block, `Imported`, lists the documented tables whose rows the aggregate owns: the event a
/// row becomes, the table, the columns that make the stream's id, and, in the same way as above, its
/// personal columns and whose they are. It adds the variant `Imported` to the enum.
///
/// ```ignore
/// events! {
///     /// What happens to an alert.
///     pub enum Event {
///         AlertRaised of child_id { title: text, trigger_data: null },
///         AlertAcknowledged,
///     }
///     Imported {
///         AlertImported from alerts at [id] of [child_id] { title: text, trigger_data: null },
///     }
/// }
/// ```
#[macro_export]
macro_rules! events {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($event:ident $(v $version:literal)? $(of $subject:ident)? $({ $($field:ident : $tomb:ident),* $(,)? })?),* $(,)?
    } $($imported:ident {
        $($row:ident from $table:ident at [$($key:ident),+] $(of [$($owner:ident),+])?
            $({ $($column:ident : $gone:ident),* $(,)? })?),* $(,)?
    })?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $(#[allow(missing_docs, reason = "documented on the struct")] $event($event),)*
            $(/// A row that was there before the log was.
            $imported($crate::import::Imported),)?
        }
        $(
            impl From<$event> for $name {
                fn from(event: $event) -> Self { Self::$event(event) }
            }
            impl $crate::event::EventData for $event {
                const TYPE: $crate::event::EventType = $crate::event::EventType {
                    name: stringify!($event),
                    version: $crate::events!(@version $($version)?),
                    subject: $crate::events!(@subject $($subject)?),
                    personal: &[$($($crate::event::PersonalField {
                        name: stringify!($field),
                        tombstone: $crate::events!(@tomb $tomb),
                    }),*)?],
                    schema: || schemars::schema_for!($event),
                };
            }
        )*
        impl $crate::event::DomainEvent for $name {
            const TYPES: &'static [$crate::event::EventType] = &[
                $(<$event as $crate::event::EventData>::TYPE,)*
                $($($crate::events!(@row $row $table [$($key),+] [$($($owner),+)?]
                    { $($($column: $gone),*)? }).event,)*)?
            ];
            const ROWS: &'static [$crate::import::RowType] = &[
                $($($crate::events!(@row $row $table [$($key),+] [$($($owner),+)?]
                    { $($($column: $gone),*)? }),)*)?
            ];

            fn event_type(&self) -> &'static $crate::event::EventType {
                match self {
                    $(Self::$event(_) => const { &<$event as $crate::event::EventData>::TYPE },)*
                    $(Self::$imported(row) => &row.of.event,)?
                }
            }

            fn payload(&self) -> serde_json::Result<String> {
                match self {
                    $(Self::$event(data) => serde_json::to_string(data),)*
                    $(Self::$imported(row) => serde_json::to_string(&row.row),)?
                }
            }

            fn payload_value(&self) -> serde_json::Result<serde_json::Value> {
                match self {
                    $(Self::$event(data) => serde_json::to_value(data),)*
                    $(Self::$imported(row) => serde_json::to_value(&row.row),)?
                }
            }

            fn read(name: &str, payload: serde_json::Value) -> serde_json::Result<Option<Self>> {
                $(if name == stringify!($event) {
                    return serde_json::from_value::<$event>(payload).map(|data| Some(Self::$event(data)));
                })*
                $(if let Some(of) = Self::ROWS.iter().find(|row| row.event.name == name) {
                    let row = serde_json::from_value(payload)?;
                    return Ok(Some(Self::$imported($crate::import::Imported::new(of, row))));
                })?
                #[allow(unreachable_code, reason = "not where rows can be imported")]
                {
                    let _ = payload;
                    Ok(None)
                }
            }

            fn misread(&self) -> Option<&'static str> {
                match self {
                    $(Self::$imported(row) => row.misread(),)?
                    #[allow(unreachable_patterns, reason = "there may be no events but rows")]
                    _ => None,
                }
            }
        }
    };
    (@row $row:ident $table:ident [$($key:ident),+] [$($owner:ident),*]
        { $($column:ident : $gone:ident),* }) => {
        $crate::import::RowType {
            table: stringify!($table),
            stream: &[$(stringify!($key)),+],
            subject: &[$(stringify!($owner)),*],
            event: $crate::event::EventType {
                name: stringify!($row),
                version: $crate::FIRST_VERSION,
                subject: $crate::events!(@owner $($owner)*),
                personal: &[$($crate::event::PersonalField {
                    name: stringify!($column),
                    tombstone: $crate::events!(@tomb $gone),
                }),*],
                schema: $crate::import::schema,
            },
        }
    };
    (@owner) => { $crate::event::Subject::Stream };
    (@owner $($owner:ident)+) => { $crate::event::Subject::Field($crate::import::SUBJECT) };
    (@version) => { $crate::FIRST_VERSION };
    (@version $version:literal) => { $version };
    (@subject) => { $crate::event::Subject::Stream };
    (@subject $field:ident) => { $crate::event::Subject::Field(stringify!($field)) };
    (@tomb null) => { $crate::event::Tombstone::Null };
    (@tomb text) => { $crate::event::Tombstone::Text };
    (@tomb email) => { $crate::event::Tombstone::Email };
    (@tomb object) => { $crate::event::Tombstone::Object };
    (@tomb list) => { $crate::event::Tombstone::List };
}
