//! The border: what a request's body and headers must look like before anything else sees them.
//!
//! A body is `{"id"?, "expected_version"?, "occurred_at"?, "reason"?, "data"?: {…}}` and nothing more.
//! It is read in one pass over its bytes ([`scan`]), which follows no nesting on the call stack and
//! allocates nothing for a body of ordinary size. What passes can be stored: no key stands twice in
//! an object, no text holds U+0000 or half a surrogate pair, every number survives a double.
//!
//! To add a field to the body: a variant of [`scan::Field`], its name there, and its reading in
//! [`Envelope::read`].

mod headers;
mod ids;
mod keys;
mod scan;
#[cfg(test)]
mod tests;
mod unreadable;

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Utc};

pub use headers::{RequestHeaders, TraceContext};
pub use ids::{aggregate_id, is_command_id};
pub use unreadable::{Fault, Unreadable};

use scan::Field;

/// How many bytes a body may have unless the service says otherwise.
pub const MAX_BODY: usize = 256 * 1024;
/// How many levels of objects and arrays a body may have, the body itself included.
pub const MAX_DEPTH: usize = 32;
/// The largest magnitude of a number: 2⁵³ − 1, up to which a double is exact (RFC 7493). Larger
/// numbers and exact decimals travel as strings.
pub const MAX_NUMBER: f64 = 9_007_199_254_740_991.0;
/// How many characters a reason may have.
pub const MAX_REASON: usize = 1000;

/// The body of a request. All but `data` may also be `null`, which is the same as leaving it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The aggregate's id, in the form in which it is stored (see [`aggregate_id`]).
    pub id: Option<Cow<'a, str>>,
    /// The version that the aggregate must have; 0 where it must not exist yet.
    pub expected_version: Option<u64>,
    /// When it happened, if not now (late entry); in whole microseconds.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Why, for overrides that have to say so; trimmed, never blank.
    pub reason: Option<String>,
    /// JSON text of the command's own fields, an object.
    pub data: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads a body of at most `max` bytes.
    ///
    /// # Errors
    /// The first thing that keeps the body from being taken, and where it stands.
    pub fn read(body: &'a [u8], max: usize) -> Result<Self, Unreadable> {
        if body.len() > max.min(u32::MAX as usize) {
            return Err(Fault::TooLarge { limit: max }.anywhere());
        }
        let text = str::from_utf8(body)
            .map_err(|error| Fault::NotUtf8.anywhere().byte(error.valid_up_to()))?;
        let fields = scan::scan(text)?;
        Ok(Self {
            id: optional(fields.get(Field::Id)).map(id).transpose()?,
            expected_version: optional(fields.get(Field::ExpectedVersion))
                .map(expected_version)
                .transpose()?,
            occurred_at: optional(fields.get(Field::OccurredAt)).map(occurred_at).transpose()?,
            reason: optional(fields.get(Field::Reason)).map(reason).transpose()?,
            data: fields.get(Field::Data).map_or(Ok("{}"), data)?,
        })
    }
}

/// A field's JSON text, unless it is null.
fn optional(json: Option<&str>) -> Option<&str> {
    json.filter(|json| *json != "null")
}

/// The text of a JSON string that the scan has passed, or nothing where the value is no string.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let raw = json.strip_prefix('"')?.strip_suffix('"')?;
    if raw.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(raw))
    }
}

fn id(json: &str) -> Result<Cow<'_, str>, Unreadable> {
    let id = string(json).and_then(aggregate_id);
    id.ok_or_else(|| Fault::InvalidId.at("/id"))
}

fn expected_version(json: &str) -> Result<u64, Unreadable> {
    json.parse().map_err(|_| Fault::InvalidVersion.at("/expected_version"))
}

fn occurred_at(json: &str) -> Result<DateTime<Utc>, Unreadable> {
    string(json)
        .and_then(|text| DateTime::parse_from_rfc3339(&text).ok())
        .and_then(|time| DateTime::from_timestamp_micros(time.timestamp_micros()))
        .filter(|time| annals_domain::time::is_kept(time.year()))
        .ok_or_else(|| Fault::InvalidTime.at("/occurred_at"))
}

fn reason(json: &str) -> Result<String, Unreadable> {
    let text = string(json).ok_or_else(|| Fault::InvalidReason.at("/reason"))?;
    let text = text.trim();
    if text.is_empty() || text.chars().nth(MAX_REASON).is_some() {
        return Err(Fault::InvalidReason.at("/reason"));
    }
    Ok(text.to_owned())
}

fn data(json: &str) -> Result<&str, Unreadable> {
    if json.starts_with('{') { Ok(json) } else { Err(Fault::DataNotAnObject.at("/data")) }
}
