-- The document speaks of permissions without naming any; the ten codes are designed (F129). A
-- person may belong to several families (F128).

CREATE TABLE nestsync.family_members (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid,
    display_name text NOT NULL,
    role text NOT NULL,
    permissions text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'invited',
    invited_email text,
    invited_by uuid,
    invited_at timestamp with time zone,
    invitation_expires_at timestamp with time zone,
    joined_at timestamp with time zone,
    ended_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT family_members_pkey PRIMARY KEY (id),
    CONSTRAINT family_members_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT family_members_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT family_members_invited_by_fkey FOREIGN KEY (invited_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT family_members_role_check CHECK (role IN ('owner', 'parent', 'caregiver', 'viewer')),
    CONSTRAINT family_members_status_check
        CHECK (status IN ('invited', 'active', 'removed', 'left', 'expired')),
    CONSTRAINT family_members_permissions_check CHECK (permissions <@ ARRAY[
        'children.read', 'children.write', 'emergency.read', 'emergency.write',
        'inventory.read', 'inventory.write', 'analytics.read', 'members.manage', 'billing.read',
        'billing.manage'
    ])
);
ALTER TABLE nestsync.family_members OWNER TO annals_owner;

CREATE INDEX idx_family_members_family_status ON nestsync.family_members (family_id, status);
CREATE INDEX idx_family_members_user ON nestsync.family_members (user_id);
CREATE INDEX idx_family_members_invited_by ON nestsync.family_members (invited_by);
CREATE UNIQUE INDEX idx_family_members_active ON nestsync.family_members (family_id, user_id)
    WHERE status = 'active';

COMMENT ON TABLE nestsync.family_members IS
'Who belongs to which family, from invitation to leaving.

A person may belong to several families, and to each at most once at a time.';
COMMENT ON COLUMN nestsync.family_members.id IS 'The membership. From the event that began it.';
COMMENT ON COLUMN nestsync.family_members.family_id IS 'Family belonged to.';
COMMENT ON COLUMN nestsync.family_members.user_id IS
'Person who belongs to it; null while only an address is invited.';
COMMENT ON COLUMN nestsync.family_members.display_name IS
'Name by which the other members know the person.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN nestsync.family_members.role IS
'owner, parent, caregiver or viewer; decides the permissions to begin with.';
COMMENT ON COLUMN nestsync.family_members.permissions IS
'Codes of what the member may see and do. Only codes the giver holds can be given.';
COMMENT ON COLUMN nestsync.family_members.status IS
'invited, then active, removed or expired; from active to removed or left.';
COMMENT ON COLUMN nestsync.family_members.invited_email IS
'Address that was invited, lower case.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.family_members.invited_by IS 'Member who invited.';
COMMENT ON COLUMN nestsync.family_members.invited_at IS 'When the invitation was made.';
COMMENT ON COLUMN nestsync.family_members.invitation_expires_at IS
'After this moment the invitation cannot be accepted.';
COMMENT ON COLUMN nestsync.family_members.joined_at IS 'When the person became a member.';
COMMENT ON COLUMN nestsync.family_members.ended_at IS
'When the membership or the invitation ended.';
COMMENT ON COLUMN nestsync.family_members.created_at IS
'When the row was made. Time of its first event.';
COMMENT ON COLUMN nestsync.family_members.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.family_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.family_members FORCE ROW LEVEL SECURITY;

-- policies

-- Active members read who else belongs to their family.
CREATE POLICY select_member ON nestsync.family_members FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.actor_families())::uuid[]));

-- A person reads the own memberships, invitations included.
CREATE POLICY select_own ON nestsync.family_members FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.family_members FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.family_members FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.family_members FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.family_members FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.family_members TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.family_members TO projector;
