//! One event, opened, with what it changed.

use annals_commands::Catalogue;
use annals_projections::{Catalogue as Projections, Change};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::rows::{Changed, Rows};
use crate::{
    keys::{Keys, KeysError},
    projector::envelope,
    seal::{self, Opened, SealError},
    store::{Metadata, StoredEvent},
};

/// Why personal fields are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// No keys were used.
    Sealed,
    /// The person was erased.
    Erased,
}

impl Hidden {
    /// As people and programs are told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Erased => "erased",
        }
    }
}

/// The event that led to another.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Cause {
    /// Its place in the log.
    pub position: i64,
    /// Its kind.
    pub event_type: String,
    /// The kind of its stream.
    pub aggregate_type: String,
    /// Its stream.
    pub aggregate_id: String,
}

/// An event, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Its place in the stream.
    pub number: i64,
    /// Its place in the log.
    pub position: i64,
    /// Its own id.
    pub event_id: Uuid,
    /// Its stored kind.
    pub event_type: String,
    /// Version of the payload's form.
    pub event_version: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who, by which command, why; none where it cannot be read.
    pub metadata: Option<Metadata>,
    /// The content as it was stored.
    pub stored: String,
    /// The content in the clear, or with what stands for what is hidden.
    pub payload: Value,
    /// Why personal fields are not shown, and which.
    pub hidden: Option<(Hidden, Vec<&'static str>)>,
    /// What changed.
    pub changes: Vec<Changed>,
    /// What it did to rows.
    pub made: Vec<Change>,
    /// The event that led to it, where one did and it was looked for.
    pub cause: Option<Cause>,
    /// What is wrong with the event: it was altered, or this version does not know it.
    pub trouble: Vec<String>,
}

/// Tells a stream's events, in order from the first.
pub(crate) struct Teller<'a> {
    /// How events are read.
    pub catalogue: &'a Catalogue,
    /// What events do to rows.
    pub projections: &'a Projections,
    /// What opens personal fields; they stay hidden without.
    pub keys: Option<&'a Keys>,
    /// The rows so far.
    pub rows: Rows,
}

impl Teller<'_> {
    /// Tells the next event.
    ///
    /// # Errors
    /// When keys cannot be had. An event that is out of order is told with what is wrong with it.
    pub async fn tell(&mut self, stored: &StoredEvent) -> Result<Told, KeysError> {
        let mut trouble = Vec::new();
        if stored.computed_hash().as_slice() != stored.hash.as_slice() {
            trouble
                .push("its hash does not fit its bytes: it was altered after it was stored".into());
        }
        let metadata = serde_json::from_str::<Metadata>(&stored.metadata);
        let metadata = metadata.map_err(|error| trouble.push(format!("metadata: {error}"))).ok();
        let opened = match self.open(stored, metadata.as_ref()).await {
            Ok(opened) => Some(opened),
            Err(SealError::Keys(error)) => return Err(error),
            Err(error) => {
                trouble.push(error.to_string());
                None
            }
        };
        let payload = match &opened {
            Some(opened) => opened.payload.clone(),
            None => serde_json::from_str(&stored.payload).unwrap_or_default(),
        };
        let hidden = opened.as_ref().and_then(|opened| self.hidden(opened, stored));
        let (changes, made) = self.changes(stored, metadata.as_ref(), opened);
        Ok(Told {
            number: stored.sequence,
            position: stored.position,
            event_id: stored.event_id,
            event_type: stored.event_type.clone(),
            event_version: stored.event_version.clone(),
            recorded_at: stored.recorded_at,
            metadata,
            stored: stored.payload.clone(),
            payload,
            hidden,
            changes,
            made,
            cause: None,
            trouble,
        })
    }

    async fn open(
        &self,
        stored: &StoredEvent,
        metadata: Option<&Metadata>,
    ) -> Result<Opened, SealError> {
        match (self.keys, metadata) {
            (Some(keys), _) => seal::open_stored(keys, self.catalogue, stored).await,
            (None, Some(metadata)) => closed(self.catalogue, stored, metadata),
            (None, None) => Err(SealError::Unreadable("its metadata cannot be read".to_owned())),
        }
    }

    fn hidden(&self, opened: &Opened, stored: &StoredEvent) -> Option<(Hidden, Vec<&'static str>)> {
        let why = match (opened.erased, self.keys) {
            (false, _) => return None,
            (true, Some(_)) => Hidden::Erased,
            (true, None) => Hidden::Sealed,
        };
        let before: Map<String, Value> = serde_json::from_str(&stored.payload).unwrap_or_default();
        let personal = opened.event_type.personal.iter().map(|field| field.name);
        let names = personal.filter(|name| before.get(*name).is_some_and(|it| !it.is_null()));
        Some((why, names.collect()))
    }

    fn changes(
        &mut self,
        stored: &StoredEvent,
        metadata: Option<&Metadata>,
        opened: Option<Opened>,
    ) -> (Vec<Changed>, Vec<Change>) {
        let (Some(metadata), Some(opened)) = (metadata, opened) else { return Default::default() };
        let Value::Object(fields) = opened.payload.clone() else { return Default::default() };
        let envelope = envelope(stored, metadata.clone(), opened.erased);
        // Rows say what was there before; without them the fields are told as they are.
        let changes = self
            .projections
            .context(stored.context())
            .and_then(|context| context.project(&envelope, opened.payload, || Value::Null).ok())
            .unwrap_or_default();
        (self.rows.pass(&fields, &changes, stored.recorded_at), changes)
    }
}

/// An event whose personal fields stay closed: what is read once they are erased stands for them.
fn closed(
    catalogue: &Catalogue,
    stored: &StoredEvent,
    metadata: &Metadata,
) -> Result<Opened, SealError> {
    let kind = catalogue.aggregate(&stored.aggregate_type);
    let event_type = kind.and_then(|kind| kind.event(&stored.event_type)).ok_or_else(|| {
        SealError::Unreadable(format!(
            "{} is no event of {} that this version knows",
            stored.event_type, stored.aggregate_type
        ))
    })?;
    let mut fields: Map<String, Value> = serde_json::from_str(&stored.payload)
        .map_err(|error| SealError::Unreadable(error.to_string()))?;
    let subject = metadata.subjects.first().map_or(&*stored.aggregate_id, |it| &*it.subject);
    let erased = seal::bury_fields(&mut fields, event_type, subject)?;
    Ok(Opened { payload: Value::Object(fields), event_type, erased })
}
