//! What members may do: ten codes, and the four roles that start with bundles of them (F129).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A permission code of a family's member (nestsync.family_members.permissions).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Permission {
    /// See the family's children.
    #[serde(rename = "children.read")]
    ChildrenRead,
    /// Add, change, remove and erase children.
    #[serde(rename = "children.write")]
    ChildrenWrite,
    /// See emergency profiles.
    #[serde(rename = "emergency.read")]
    EmergencyRead,
    /// Write emergency profiles.
    #[serde(rename = "emergency.write")]
    EmergencyWrite,
    /// See stock, its use, and suggestions.
    #[serde(rename = "inventory.read")]
    InventoryRead,
    /// Keep the stock, log its use, decide on suggestions.
    #[serde(rename = "inventory.write")]
    InventoryWrite,
    /// See the family's activity and the aggregates of use.
    #[serde(rename = "analytics.read")]
    AnalyticsRead,
    /// Invite, change and remove members.
    #[serde(rename = "members.manage")]
    MembersManage,
    /// See the subscription.
    #[serde(rename = "billing.read")]
    BillingRead,
    /// Manage means of payment and the subscription.
    #[serde(rename = "billing.manage")]
    BillingManage,
}

/// A set of permission codes, in the documented order.
pub type Permissions = BTreeSet<Permission>;

/// Every code there is: what an owner holds.
#[must_use]
pub fn all() -> Permissions {
    use Permission::{
        AnalyticsRead, BillingManage, BillingRead, ChildrenRead, ChildrenWrite, EmergencyRead,
        EmergencyWrite, InventoryRead, InventoryWrite, MembersManage,
    };
    Permissions::from([
        ChildrenRead,
        ChildrenWrite,
        EmergencyRead,
        EmergencyWrite,
        InventoryRead,
        InventoryWrite,
        AnalyticsRead,
        MembersManage,
        BillingRead,
        BillingManage,
    ])
}

/// What a member is in the family (nestsync.family_members.role).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Always holds every code; exactly one in a family.
    Owner,
    /// Starts with every code but `billing.manage`.
    Parent,
    /// Starts with reading children, emergency profiles and stock, and with keeping the stock.
    Caregiver,
    /// Starts with reading children and stock.
    Viewer,
}

impl Role {
    /// The codes a member of this role starts with.
    #[must_use]
    pub fn bundle(self) -> Permissions {
        use Permission::{
            BillingManage, ChildrenRead, EmergencyRead, InventoryRead, InventoryWrite,
        };
        match self {
            Self::Owner => all(),
            Self::Parent => all().into_iter().filter(|code| *code != BillingManage).collect(),
            Self::Caregiver => [ChildrenRead, EmergencyRead, InventoryRead, InventoryWrite].into(),
            Self::Viewer => [ChildrenRead, InventoryRead].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_documented() {
        let written = serde_json::to_value(all()).unwrap();
        assert_eq!(
            written,
            serde_json::json!([
                "children.read",
                "children.write",
                "emergency.read",
                "emergency.write",
                "inventory.read",
                "inventory.write",
                "analytics.read",
                "members.manage",
                "billing.read",
                "billing.manage"
            ])
        );
    }

    #[test]
    fn a_role_starts_with_its_bundle() {
        assert_eq!(Role::Owner.bundle().len(), 10);
        assert_eq!(Role::Parent.bundle().len(), 9);
        assert!(!Role::Parent.bundle().contains(&Permission::BillingManage));
        assert_eq!(Role::Caregiver.bundle().len(), 4);
        assert!(Role::Caregiver.bundle().contains(&Permission::InventoryWrite));
        assert_eq!(Role::Viewer.bundle().len(), 2);
        assert!(!Role::Viewer.bundle().contains(&Permission::InventoryWrite));
    }
}
