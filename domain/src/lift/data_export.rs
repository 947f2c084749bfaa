//! An export of all data of one child, or of one organisation: asked for, then delivered by the
//! export worker. The archive itself lies outside the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Moment, commands, events, refusals};

/// Asks for all data of a child. (lift.command.RequestChildExport)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestChildExport {
    /// The child.
    pub child_id: Uuid,
}

/// Asks for all data of an organisation. (lift.command.RequestOrganisationExport)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestOrganisationExport {
    /// The organisation.
    pub org_id: Uuid,
}

/// Says that the archive is there. (lift.command.CompleteDataExport)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteDataExport {
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits: which archive it is.
    pub archive_sha256: String,
    /// Size of the archive in bytes.
    pub archive_bytes: u64,
}

/// Asks for an export whose organisation is known. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestExport {
    /// The organisation whose data it is.
    pub org_id: Uuid,
    /// The one child; none for the whole organisation.
    pub child_id: Option<Uuid>,
}

commands! {
    /// What may be asked of an export.
    pub enum Command { RequestExport, CompleteDataExport }
}

/// An export was asked for. Writes nothing. (lift.event.DataExportRequested)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataExportRequested {
    /// The organisation whose data it is.
    pub org_id: Uuid,
    /// The one child; null for the whole organisation.
    pub child_id: Option<Uuid>,
    /// Who asked.
    pub requested_by: Uuid,
}

/// The archive is there. Writes nothing. (lift.event.DataExportCompleted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataExportCompleted {
    /// SHA-256 of the archive, in hexadecimal digits.
    pub archive_sha256: String,
    /// Size of the archive in bytes.
    pub archive_bytes: u64,
}

events! {
    /// What happens to an export.
    pub enum Event { DataExportRequested, DataExportCompleted }
}

refusals! {
    /// What an export refuses.
    pub enum Refusal {
        /// An export is asked for under an id of its own.
        ExportAlreadyRequested => "this export is asked for already";
        /// Only what was asked for is delivered.
        ExportNotRequested => "nobody asked for this export";
        /// An export is delivered once.
        ExportAlreadyCompleted => "this export was delivered already, as another archive";
        /// The archive is not told apart from others.
        ArchiveHashMalformed => "an archive's SHA-256 has 64 lower-case hexadecimal digits", at "archive_sha256";
    }
}

/// An export's subject, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum DataExport {
    /// Nobody asked.
    #[default]
    Unasked,
    /// Asked for.
    Requested(Scope),
    /// Delivered, as this archive.
    Completed(Scope, String),
}

/// Whose data an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The organisation.
    pub org_id: Uuid,
    /// The one child; none for the whole organisation.
    pub child_id: Option<Uuid>,
}

impl DataExport {
    /// Whose data it holds, once it is asked for.
    #[must_use]
    pub const fn scope(&self) -> Option<Scope> {
        match self {
            Self::Unasked => None,
            Self::Requested(scope) | Self::Completed(scope, _) => Some(*scope),
        }
    }
}

impl Decider for DataExport {
    const TYPE: &'static str = "lift.data_export";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Self::Unasked, Command::RequestExport(RequestExport { org_id, child_id })) => {
                let requested_by = moment.actor;
                Ok(vec![DataExportRequested { org_id, child_id, requested_by }.into()])
            }
            (Self::Requested(_) | Self::Completed(..), Command::RequestExport(_)) => {
                Err(Refusal::ExportAlreadyRequested)
            }
            (Self::Unasked, Command::CompleteDataExport(_)) => Err(Refusal::ExportNotRequested),
            (Self::Requested(_), Command::CompleteDataExport(done)) => completed(done),
            (Self::Completed(_, archive), Command::CompleteDataExport(done)) => {
                if *archive == done.archive_sha256 {
                    Ok(vec![])
                } else {
                    Err(Refusal::ExportAlreadyCompleted)
                }
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::DataExportRequested(DataExportRequested { org_id, child_id, .. }) => {
                *self = Self::Requested(Scope { org_id: *org_id, child_id: *child_id });
            }
            Event::DataExportCompleted(completed) => {
                if let Some(scope) = self.scope() {
                    *self = Self::Completed(scope, completed.archive_sha256.clone());
                }
            }
        }
    }
}

fn completed(done: CompleteDataExport) -> Result<Vec<Event>, Refusal> {
    let CompleteDataExport { archive_sha256, archive_bytes } = done;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if archive_sha256.len() != 64 || !archive_sha256.bytes().all(is_digit) {
        return Err(Refusal::ArchiveHashMalformed);
    }
    Ok(vec![DataExportCompleted { archive_sha256, archive_bytes }.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, given};

    const SCHOOL: Uuid = Uuid::from_u128(0x5c);
    const CLEO: Uuid = Uuid::from_u128(0xc1e0);

    fn requested() -> DataExportRequested {
        DataExportRequested { org_id: SCHOOL, child_id: Some(CLEO), requested_by: ADA }
    }

    fn complete(digits: &str) -> CompleteDataExport {
        CompleteDataExport { archive_sha256: digits.repeat(32), archive_bytes: 512 }
    }

    #[test]
    fn an_export_is_asked_for_once_and_delivered_once() {
        let archive_sha256 = "0a".repeat(32);
        let given = given::<DataExport>([])
            .when(complete("0a"))
            .refused("ExportNotRequested")
            .when(RequestExport { org_id: SCHOOL, child_id: Some(CLEO) })
            .then([requested()])
            .when(RequestExport { org_id: SCHOOL, child_id: None })
            .refused("ExportAlreadyRequested")
            .when(complete("0A"))
            .refused("ArchiveHashMalformed")
            .when(complete("0a"))
            .then([DataExportCompleted { archive_sha256, archive_bytes: 512 }])
            .when(complete("0a"))
            .then_nothing()
            .when(complete("0b"))
            .refused("ExportAlreadyCompleted");
        assert_eq!(given.state.scope(), Some(Scope { org_id: SCHOOL, child_id: Some(CLEO) }));
    }
}
