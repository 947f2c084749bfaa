//! Who reports visits.

use std::sync::Arc;

use annals_domain::samia::visit::{RecordVisit, Visit};
use uuid::Uuid;

use super::{owner, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a visit, and by whom. The target is the user; the stream is the user's web
/// session, under a name that does not give the session away.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["samia.policy.user_analytics.record.own"];
    vec![command::<Visit, RecordVisit>(Target::Actor, OWN, record)]
}

fn record(work: &mut Work<'_>, id: &Arc<str>, command: &RecordVisit) -> Result<(), Stop> {
    let user = uuid(id)?;
    owner(work, user)?;
    work.tenant(id);
    work.decide::<Visit>(Uuid::new_v5(&user, command.session_id.as_bytes()), command.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::samia::testing::{ADMIN, CLIENT, OTHER, world};

    #[test]
    fn a_web_client_reports_its_own_users_visit() {
        let mut world = world();
        let record = "samia.cmd.record_visit";
        let visit = json!({"session_id": "w1", "page_views": 2});
        world.as_person(ADMIN).send(record, CLIENT, visit.clone()).denied();
        world.as_system().send(record, CLIENT, visit.clone()).denied();
        let first = world
            .as_person(CLIENT)
            .send(record, CLIENT, visit.clone())
            .accepted(&["VisitRecorded"]);
        let second = world.send(record, CLIENT, visit.clone()).accepted(&["VisitRecorded"]);
        assert_eq!((&first[0].stream, second[0].sequence), (&second[0].stream, 2));
        let other = world.as_person(OTHER).send(record, OTHER, visit).accepted(&["VisitRecorded"]);
        assert_ne!(other[0].stream, first[0].stream);
        assert!(!format!("{:?}", first[0].stream).contains("w1"));
        world.send(record, OTHER, json!({"session_id": "server"})).refused("session_reserved");
    }
}
