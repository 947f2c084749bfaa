//! Pages of the log as a verification reads them: straight from binary `COPY`, hashed as they come.
//!
//! What is compared are bytes, so nothing is decoded that need not be: a row's fields are hashed where
//! they lie, and what is kept of an event is some hundred bytes.

use std::hash::{BuildHasher, RandomState};

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::{PgPool, postgres::PgPoolCopyExt};

use super::{tree::Hash, verify::VerifyError};
use crate::store::leaf_bytes;

/// What stands before the first row: a signature, flags, and the length of an extension.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Fields of a row.
const FIELDS: usize = 11;
/// Microseconds from 1970 to 2000, where Postgres counts times from.
const EPOCH: i64 = 946_684_800_000_000;

/// An event that was read and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hashed {
    /// Its place in the log.
    pub position: u64,
    /// The hash that its bytes have.
    pub computed: Hash,
    /// The hash that stands beside it; nothing where that is none.
    pub stored: Option<Hash>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Its aggregate, told apart from others through a hash, which is enough to see sequences go on.
    pub stream: u64,
    /// Its place in its aggregate's stream.
    pub sequence: i64,
}

/// The events in `(after, until]`, in order.
///
/// # Errors
/// When Postgres does not answer, or answers what cannot be read.
pub(super) async fn page(
    pool: PgPool,
    (after, until): (u64, u64),
    streams: RandomState,
) -> Result<Vec<Hashed>, VerifyError> {
    let statement = format!(
        "COPY (SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                      payload, metadata, event_id, recorded_at, hash
               FROM annals.events WHERE position > {after} AND position <= {until}
               ORDER BY position) TO STDOUT (FORMAT binary)"
    );
    let mut rows = pool.copy_out_raw(&statement).await?;
    let mut reader = Reader::new(streams);
    while let Some(bytes) = rows.try_next().await? {
        reader.take(&bytes)?;
    }
    reader.end()
}

/// Reads rows from bytes that may be cut anywhere.
struct Reader {
    streams: RandomState,
    /// Whether the signature was passed.
    begun: bool,
    /// Whether the trailer was.
    ended: bool,
    /// Bytes that no whole row was made of yet.
    rest: Vec<u8>,
    /// What a hash is made of.
    scratch: Vec<u8>,
    events: Vec<Hashed>,
}

impl Reader {
    const fn new(streams: RandomState) -> Self {
        Self {
            streams,
            begun: false,
            ended: false,
            rest: Vec::new(),
            scratch: Vec::new(),
            events: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        if self.rest.is_empty() {
            let passed = self.read(bytes)?;
            self.rest.extend_from_slice(bytes.get(passed..).unwrap_or_default());
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let passed = self.read(&rest)?;
        rest.drain(..passed);
        self.rest = rest;
        Ok(())
    }

    /// Reads as many whole rows as there are; how many bytes they were.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, VerifyError> {
        let mut cursor = Cursor { bytes, at: 0 };
        if !self.begun {
            if !cursor.begin()? {
                return Ok(0);
            }
            self.begun = true;
        }
        let mut passed = cursor.at;
        while !self.ended {
            match cursor.row()? {
                Row::Cut => break,
                Row::Last => self.ended = true,
                Row::Fields(fields) => {
                    let event = hashed(&fields, &self.streams, &mut self.scratch)?;
                    self.events.push(event);
                }
            }
            passed = cursor.at;
        }
        Ok(passed)
    }

    fn end(self) -> Result<Vec<Hashed>, VerifyError> {
        if self.ended && self.rest.is_empty() { Ok(self.events) } else { Err(VerifyError::Rows) }
    }
}

/// A row, as far as it is there.
enum Row<'a> {
    /// Not all of it.
    Cut,
    /// The trailer.
    Last,
    /// All of it; a field that is null is empty, which no field of an event is.
    Fields([&'a [u8]; FIELDS]),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.next(N)?.try_into().ok()
    }

    /// Passes what stands before the first row; whether it is all there.
    fn begin(&mut self) -> Result<bool, VerifyError> {
        let Some(signature) = self.next(SIGNATURE.len()) else { return Ok(false) };
        let (Some(_flags), Some(length)) = (self.array::<4>(), self.array::<4>()) else {
            return Ok(false);
        };
        if signature != SIGNATURE {
            return Err(VerifyError::Rows);
        }
        Ok(self.next(u32::from_be_bytes(length) as usize).is_some())
    }

    fn row(&mut self) -> Result<Row<'a>, VerifyError> {
        let Some(count) = self.array().map(i16::from_be_bytes) else { return Ok(Row::Cut) };
        match usize::try_from(count) {
            Ok(FIELDS) => {}
            Err(_) => return Ok(Row::Last),
            Ok(_) => return Err(VerifyError::Rows),
        }
        let mut fields = [&[] as &[u8]; FIELDS];
        for field in &mut fields {
            let Some(length) = self.array().map(i32::from_be_bytes) else { return Ok(Row::Cut) };
            let Ok(length) = usize::try_from(length) else { continue };
            let Some(value) = self.next(length) else { return Ok(Row::Cut) };
            *field = value;
        }
        Ok(Row::Fields(fields))
    }
}

fn hashed(
    fields: &[&[u8]; FIELDS],
    streams: &RandomState,
    scratch: &mut Vec<u8>,
) -> Result<Hashed, VerifyError> {
    let [position, kind, id, sequence, name, version, payload, metadata, event_id, at, hash] =
        *fields;
    let number = |bytes: &[u8]| bytes.try_into().map(i64::from_be_bytes).unwrap_or_default();
    let at = number(at).saturating_add(EPOCH);
    let sequence = number(sequence);
    scratch.clear();
    leaf_bytes(
        scratch,
        [kind, id, name, version, metadata, payload],
        sequence,
        event_id.try_into().unwrap_or_default(),
        at,
    );
    let mut context = Context::new(&SHA256);
    context.update(scratch);
    Ok(Hashed {
        position: u64::try_from(number(position)).map_err(|_| VerifyError::Rows)?,
        computed: context.finish().as_ref().try_into().map_err(|_| VerifyError::Rows)?,
        stored: hash.try_into().ok(),
        recorded_at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
        stream: streams.hash_one((kind, id)),
        sequence,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::StoredEvent;

    fn event(position: i64) -> StoredEvent {
        let mut event = StoredEvent {
            position,
            aggregate_type: "lift.alert".to_owned(),
            aggregate_id: Uuid::from_u128(7).to_string(),
            sequence: position + 2,
            event_type: "AlertRaised".to_owned(),
            event_version: "1".to_owned(),
            payload: r#"{"mood":"größer"}"#.to_owned(),
            metadata: r#"{"actor":1}"#.to_owned(),
            event_id: Uuid::from_u128(9),
            recorded_at: "2026-11-21T10:20:30.123456Z".parse().unwrap(),
            hash: Vec::new(),
        };
        event.hash = event.computed_hash().to_vec();
        event
    }

    /// What Postgres sends for these events.
    fn copied(events: &[StoredEvent]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[0; 8]);
        for it in events {
            bytes.extend_from_slice(&11_i16.to_be_bytes());
            let at = it.recorded_at.timestamp_micros() - EPOCH;
            for field in [
                it.position.to_be_bytes().as_slice(),
                it.aggregate_type.as_bytes(),
                it.aggregate_id.as_bytes(),
                it.sequence.to_be_bytes().as_slice(),
                it.event_type.as_bytes(),
                it.event_version.as_bytes(),
                it.payload.as_bytes(),
                it.metadata.as_bytes(),
                it.event_id.as_bytes(),
                at.to_be_bytes().as_slice(),
                &it.hash,
            ] {
                bytes.extend_from_slice(&i32::try_from(field.len()).unwrap().to_be_bytes());
                bytes.extend_from_slice(field);
            }
        }
        bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8], cut: usize) -> Result<Vec<Hashed>, VerifyError> {
        let mut reader = Reader::new(RandomState::new());
        for part in bytes.chunks(cut) {
            reader.take(part)?;
        }
        reader.end()
    }

    #[test]
    fn wherever_bytes_are_cut_the_events_are_those_that_were_stored() {
        let events = [event(1), event(2), event(3)];
        let bytes = copied(&events);
        for cut in 1..=bytes.len() {
            let seen = read(&bytes, cut).unwrap();
            assert_eq!(seen.len(), events.len());
            for (seen, event) in seen.iter().zip(&events) {
                assert_eq!(seen.computed, event.computed_hash());
                assert_eq!(seen.stored, Some(seen.computed));
                assert_eq!(i64::try_from(seen.position).unwrap(), event.position);
                assert_eq!((seen.sequence, seen.recorded_at), (event.sequence, event.recorded_at));
            }
            assert_eq!(seen[0].stream, seen[1].stream);
        }
        assert_eq!(read(&copied(&[]), 64).unwrap(), []);
    }

    #[test]
    fn rows_that_end_early_are_no_shorter_log() {
        let bytes = copied(&[event(1), event(2)]);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end], 4_096).is_err(), "{end} of {}", bytes.len());
        }
        assert!(read(b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0\xff\xff", 64).is_err());
    }
}
