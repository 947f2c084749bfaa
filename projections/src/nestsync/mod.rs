//! The read model of the context `nestsync`.

pub mod activity;
pub mod billing;
pub mod child;
pub mod family;
pub mod inventory_item;
pub mod notification;
pub mod notification_preference;
#[cfg(test)]
mod replay;
pub mod tables;
pub mod user;

use annals_domain::nestsync::{
    activity::Activity, billing::Billing, child::Child, family::Family,
    inventory_item::InventoryItem, notification::Notification,
    notification_preference::NotificationPreference, user::User,
};

use crate::catalogue::{Context, projection};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "nestsync",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![
            projection::<User>(user::project),
            projection::<Family>(family::project),
            projection::<Child>(child::project),
            projection::<InventoryItem>(inventory_item::project),
            projection::<Activity>(activity::project),
            projection::<NotificationPreference>(notification_preference::project),
            projection::<Notification>(notification::project),
            projection::<Billing>(billing::project),
        ],
        every: None,
        before: None,
    }
}

/// What the projections' tests share.
#[cfg(test)]
mod scene {
    use annals_domain::{Decider, DomainEvent};
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use crate::{
        change::{Change, Operation},
        recorded::{ActorKind, Envelope},
        row::Row,
        table::Table,
    };

    /// The stream to which it happens.
    pub const ID: &str = "00000000-0000-0000-0000-000000000001";
    /// A family.
    pub const FAMILY: Uuid = Uuid::from_u128(0xfa);
    /// When it is recorded.
    pub const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// What an event does to rows, by way of its stored form; every row fits its table.
    pub fn changes<D: Decider>(id: &str, event: impl Into<D::Event>) -> Vec<Change> {
        let event: D::Event = event.into();
        let envelope = envelope(D::TYPE, id, event.event_type().name);
        let payload = event.payload_value().unwrap();
        let changes = super::context().project(&envelope, payload.clone(), || payload).unwrap();
        changes.iter().for_each(fits);
        changes
    }

    /// What is known of an event of this kind.
    pub fn envelope(aggregate: &str, id: &str, event: &str) -> Envelope {
        Envelope {
            aggregate_type: aggregate.to_owned(),
            aggregate_id: id.to_owned(),
            sequence: 1,
            position: 1,
            event_id: Uuid::nil(),
            event_type: event.to_owned(),
            at: AT,
            occurred_at: None,
            actor: Uuid::nil(),
            actor_kind: ActorKind::Person,
            command: String::new(),
            command_id: String::new(),
            tenant: String::new(),
            erased: false,
        }
    }

    /// The columns of the only row that changes.
    pub fn row(changes: &[Change]) -> &Row {
        match changes {
            [change] => &change.columns,
            other => panic!("expected one change, got {other:?}"),
        }
    }

    /// Each column is the table's, and a new row has all that the table insists on.
    pub fn fits(change: &Change) {
        let columns = columns(change.table);
        for name in change.columns.keys().chain(change.key.keys()) {
            assert!(columns.iter().any(|(column, _)| *column == name), "{name} in {change:?}");
        }
        for (column, required) in columns {
            let given = change.columns.contains_key(column) || change.key.contains_key(column);
            assert!(
                change.operation != Operation::Put || !required || given,
                "{column} is missing in {change:?}"
            );
        }
    }

    /// Names of a table's columns, and whether each must have a value.
    fn columns(table: &Table) -> Vec<(&'static str, bool)> {
        let lines = table.sql.lines().skip(1).map(str::trim);
        let columns = lines.take_while(|line| !line.starts_with("CONSTRAINT"));
        columns
            .filter_map(|line| Some((line.split_once(' ')?.0, line.contains("NOT NULL"))))
            .collect()
    }
}
