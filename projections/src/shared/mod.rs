//! The identity provider's accounts, where `auth.users` is ours.

use annals_domain::{
    Tombstone,
    shared::{
        identity::{Event, Identity},
        subject::DataSubject,
    },
};

use crate::{
    catalogue::{Context, projection},
    change::Change,
    recorded::Recorded,
    table::Table,
};

/// Known accounts. Made by the migrator only where no `auth` schema exists; where Supabase owns it,
/// nothing in it is touched.
pub static USERS: Table = Table::new(
    "auth",
    "users",
    &["id"],
    "CREATE TABLE auth.users (
        id uuid NOT NULL,
        email text,
        created_at timestamp with time zone
    );",
)
.in_a_foreign_schema();

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "shared",
        tables: &[],
        functions: "",
        views: &[],
        // What is noted of a person's data is told from the log, and stands in no table.
        projections: vec![projection::<Identity>(project), projection::<DataSubject>(|_| vec![])],
        every: None,
        before: None,
    }
}

fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::IdentityRegistered(registered) => {
            vec![USERS.put(recorded.id, registered).with("created_at", recorded.at)]
        }
        Event::IdentityEmailChanged(changed) => vec![USERS.patch(recorded.id, changed)],
        // Of somebody who never had an account there is no row.
        Event::SubjectErased(_) => {
            let email = Tombstone::Email.value(recorded.id);
            vec![USERS.patch_where("id", recorded.id).with("email", email)]
        }
        Event::Imported(row) => {
            let column = |name: &str| row.row.get(name).cloned();
            let row = USERS.put(recorded.id, ()).with("email", column("email"));
            vec![row.with("created_at", column("created_at"))]
        }
    }
}
