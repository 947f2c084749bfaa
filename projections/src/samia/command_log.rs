//! Refused commands in the audit log (samia.event.CommandRefused).

use annals_domain::samia::command_log::Event;

use super::{audit, tables::AUDIT_LOGS};
use crate::{change::Change, recorded::Recorded};

/// What a refusal does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let envelope = recorded.envelope;
    match &recorded.event {
        Event::CommandRefused(refused) => {
            let mut metadata = audit::metadata(envelope, &refused.command, &refused.command_id);
            metadata["detail"] = refused.detail.as_str().into();
            let line = audit::line(envelope)
                .with("user_id", refused.user_id)
                .with("resource_type", &refused.resource_type)
                .with("resource_id", refused.resource_id)
                .with("success", false)
                .with("error_message", &refused.code)
                .with("metadata", metadata);
            vec![line]
        }
        Event::Imported(row) => vec![AUDIT_LOGS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{samia::command_log::CommandRefused, testing::ADA};

    use super::*;
    use crate::samia::testing::{NULL, changes, fits, of};

    #[test]
    fn a_refused_command_leaves_a_line_without_success() {
        let refused = CommandRefused {
            command: "debit_wallet".into(),
            command_id: "c-2".into(),
            code: "wallet_frozen".into(),
            detail: "the wallet is frozen".into(),
            resource_type: "wallet".into(),
            resource_id: Some(ADA),
            user_id: None,
        };
        let changes = changes(project, refused);
        let line = of(&changes, "audit_logs");
        fits(line);
        assert_eq!(line.columns["success"], false);
        assert_eq!(line.columns["error_message"], "wallet_frozen");
        assert_eq!(line.columns["user_id"], NULL);
        assert_eq!(line.columns["metadata"]["command_id"], "c-2");
        assert_eq!(line.columns["resource_id"], ADA.to_string());
    }
}
