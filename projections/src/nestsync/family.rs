//! What happens to families and their members, as rows of `families` and `family_members`.

use annals_domain::nestsync::{
    family::{Event, FamilyMemberJoined, FamilyOwnershipTransferred},
    permission::Role,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::tables::{FAMILIES, FAMILY_MEMBERS};
use crate::{change::Change, recorded::Recorded, table::imported};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::FamilyCreated(created) => {
            vec![FAMILIES.put(id, created).with("created_at", at).with("updated_at", at)]
        }
        Event::FamilyRenamed(renamed) => {
            vec![FAMILIES.patch(id, renamed).with("updated_at", at)]
        }
        Event::FamilyOwnershipTransferred(transferred) => handed_over(id, at, transferred),
        Event::FamilyArchived(archived) => {
            vec![FAMILIES.patch(id, archived).with("updated_at", at)]
        }
        Event::FamilyMemberInvited(invited) => vec![
            FAMILY_MEMBERS
                .put(invited.member_id, invited)
                .without("member_id")
                .without("subject_id")
                .with("family_id", id)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::FamilyMemberJoined(joined) => vec![joins(id, at, joined)],
        Event::FamilyInvitationDeclined(declined) => changes(declined.member_id, declined, at),
        Event::FamilyInvitationExpired(expired) => changes(expired.member_id, expired, at),
        Event::FamilyMemberRoleChanged(changed) => changes(changed.member_id, changed, at),
        Event::FamilyMemberPermissionsChanged(changed) => changes(changed.member_id, changed, at),
        Event::FamilyMemberRemoved(removed) => changes(removed.member_id, removed, at),
        Event::FamilyMemberLeft(left) => changes(left.member_id, left, at),
        // No documented table shows exports; they are read from the log.
        Event::FamilyExportRequested(_) | Event::FamilyExportCompleted(_) => vec![],
        Event::Imported(row) => imported([&FAMILIES, &FAMILY_MEMBERS], row),
    }
}

/// A membership changes as its event says.
fn changes(member_id: Uuid, event: &impl Serialize, at: DateTime<Utc>) -> Vec<Change> {
    vec![FAMILY_MEMBERS.patch(member_id, event).without("member_id").with("updated_at", at)]
}

/// The founder's membership begins with joining; everybody else's began with an invitation, which
/// already says role and permissions.
fn joins(family_id: &str, at: DateTime<Utc>, joined: &FamilyMemberJoined) -> Change {
    match joined.role {
        Role::Owner => FAMILY_MEMBERS
            .put(joined.member_id, joined)
            .without("member_id")
            .with("family_id", family_id)
            .with("created_at", at)
            .with("updated_at", at),
        Role::Parent | Role::Caregiver | Role::Viewer => FAMILY_MEMBERS
            .patch(joined.member_id, joined)
            .only(&["user_id", "display_name", "status", "joined_at"])
            .with("updated_at", at),
    }
}

/// Both owners' memberships change with the family.
fn handed_over(
    family_id: &str,
    at: DateTime<Utc>,
    transferred: &FamilyOwnershipTransferred,
) -> Vec<Change> {
    let (new, former) = (
        json!({"role": transferred.role, "permissions": transferred.permissions}),
        json!({"role": transferred.former_role, "permissions": transferred.former_permissions}),
    );
    vec![
        FAMILIES.patch(family_id, transferred).only(&["owner_id"]).with("updated_at", at),
        FAMILY_MEMBERS.patch(transferred.member_id, new).with("updated_at", at),
        FAMILY_MEMBERS.patch(transferred.former_member_id, former).with("updated_at", at),
    ]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::{
            family::{
                Family, FamilyArchived, FamilyCreated, FamilyExportRequested,
                FamilyInvitationDeclined, FamilyInvitationExpired, FamilyMemberInvited,
                FamilyMemberLeft, FamilyMemberPermissionsChanged, FamilyMemberRemoved,
                FamilyMemberRoleChanged, FamilyRenamed, MemberStatus, Status,
            },
            permission,
        },
        testing::{ADA, BOB, day},
    };

    use super::{
        super::scene::{AT, ID, changes, row},
        *,
    };

    const MEMBER: Uuid = Uuid::from_u128(7);
    const FORMER: Uuid = Uuid::from_u128(8);

    fn joined(role: Role, display_name: Option<&str>) -> FamilyMemberJoined {
        FamilyMemberJoined {
            member_id: MEMBER,
            user_id: ADA,
            display_name: display_name.map(str::to_owned),
            role,
            permissions: role.bundle(),
            status: MemberStatus::Active,
            joined_at: day(2),
        }
    }

    #[test]
    fn a_family_is_a_row() {
        let created = FamilyCreated {
            name: "Us".into(),
            owner_id: ADA,
            country: "CA".into(),
            data_region: "ca-central-1".into(),
            timezone: "America/Toronto".into(),
            status: Status::Active,
        };
        let expected = json!({
            "name": "Us", "owner_id": ADA, "country": "CA", "data_region": "ca-central-1",
            "timezone": "America/Toronto", "status": "active", "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<Family>(ID, created), [FAMILIES.put(ID, expected)]);
        let renamed = changes::<Family>(ID, FamilyRenamed { name: "We".into() });
        assert_eq!(renamed, [FAMILIES.patch(ID, json!({"name": "We", "updated_at": AT}))]);
        let archived = FamilyArchived { status: Status::Archived, deleted_at: day(2) };
        let expected = json!({"status": "archived", "deleted_at": day(2), "updated_at": AT});
        assert_eq!(changes::<Family>(ID, archived), [FAMILIES.patch(ID, expected)]);
    }

    #[test]
    fn an_invitation_begins_a_membership_and_joining_goes_on_with_it() {
        let invited = FamilyMemberInvited {
            member_id: MEMBER,
            subject_id: MEMBER,
            user_id: None,
            display_name: "Eve".into(),
            role: Role::Viewer,
            permissions: Role::Viewer.bundle(),
            status: MemberStatus::Invited,
            invited_email: Some("eve@example.org".into()),
            invited_by: ADA,
            invited_at: day(1),
            invitation_expires_at: day(8),
        };
        let expected = json!({
            "family_id": ID, "user_id": null, "display_name": "Eve", "role": "viewer",
            "permissions": ["children.read", "inventory.read"], "status": "invited",
            "invited_email": "eve@example.org", "invited_by": ADA, "invited_at": day(1),
            "invitation_expires_at": day(8), "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<Family>(ID, invited), [FAMILY_MEMBERS.put(MEMBER, expected)]);

        let expected =
            json!({"user_id": ADA, "status": "active", "joined_at": day(2), "updated_at": AT});
        assert_eq!(
            changes::<Family>(ID, joined(Role::Viewer, None)),
            [FAMILY_MEMBERS.patch(MEMBER, expected)]
        );
        let renamed = changes::<Family>(ID, joined(Role::Parent, Some("Eva")));
        assert_eq!(row(&renamed).get("display_name"), Some(&json!("Eva")));
    }

    #[test]
    fn the_founders_membership_begins_with_joining() {
        let expected = json!({
            "family_id": ID, "user_id": ADA, "display_name": "Ada", "role": "owner",
            "permissions": permission::all(), "status": "active", "joined_at": day(2),
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(
            changes::<Family>(ID, joined(Role::Owner, Some("Ada"))),
            [FAMILY_MEMBERS.put(MEMBER, expected)]
        );
    }

    #[test]
    fn handing_over_changes_the_family_and_both_memberships() {
        let transferred = FamilyOwnershipTransferred {
            owner_id: BOB,
            member_id: MEMBER,
            role: Role::Owner,
            permissions: permission::all(),
            former_member_id: FORMER,
            former_role: Role::Parent,
            former_permissions: Role::Parent.bundle(),
        };
        let member =
            |role: Role| json!({"role": role, "permissions": role.bundle(), "updated_at": AT});
        assert_eq!(
            changes::<Family>(ID, transferred),
            [
                FAMILIES.patch(ID, json!({"owner_id": BOB, "updated_at": AT})),
                FAMILY_MEMBERS.patch(MEMBER, member(Role::Owner)),
                FAMILY_MEMBERS.patch(FORMER, member(Role::Parent)),
            ]
        );
    }

    #[test]
    fn a_membership_changes_and_ends() {
        let (member_id, ended_at) = (MEMBER, day(2));
        let ends = |status: &str| {
            let end = json!({"status": status, "ended_at": ended_at, "updated_at": AT});
            [FAMILY_MEMBERS.patch(MEMBER, end)]
        };
        let (removed, expired) = (MemberStatus::Removed, MemberStatus::Expired);
        let declined = FamilyInvitationDeclined { member_id, status: removed, ended_at };
        assert_eq!(changes::<Family>(ID, declined), ends("removed"));
        let lapsed = FamilyInvitationExpired { member_id, status: expired, ended_at };
        assert_eq!(changes::<Family>(ID, lapsed), ends("expired"));
        let taken_out = FamilyMemberRemoved { member_id, status: removed, ended_at };
        assert_eq!(changes::<Family>(ID, taken_out), ends("removed"));
        let left = FamilyMemberLeft { member_id, status: MemberStatus::Left, ended_at };
        assert_eq!(changes::<Family>(ID, left), ends("left"));
        let permissions = Role::Viewer.bundle();
        let changed =
            FamilyMemberPermissionsChanged { member_id, permissions: permissions.clone() };
        let expected = json!({"permissions": permissions, "updated_at": AT});
        assert_eq!(changes::<Family>(ID, changed), [FAMILY_MEMBERS.patch(MEMBER, expected)]);
        let changed = FamilyMemberRoleChanged {
            member_id,
            role: Role::Viewer,
            permissions: Default::default(),
        };
        let expected = json!({"role": "viewer", "permissions": [], "updated_at": AT});
        assert_eq!(changes::<Family>(ID, changed), [FAMILY_MEMBERS.patch(MEMBER, expected)]);
    }

    #[test]
    fn an_export_is_in_no_table() {
        let requested =
            FamilyExportRequested { export_id: MEMBER, requested_by: ADA, requested_at: day(1) };
        assert_eq!(changes::<Family>(ID, requested), []);
    }
}
