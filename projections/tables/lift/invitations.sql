-- updated_at is added (F065). The token column holds the token's SHA-256 (F013).

CREATE TABLE lift.invitations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    invited_by uuid NOT NULL,
    invitation_token text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    expires_at timestamp with time zone NOT NULL DEFAULT now() + interval '7 days',
    accepted_at timestamp with time zone,
    accepted_by uuid,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT invitations_pkey PRIMARY KEY (id),
    CONSTRAINT invitations_invitation_token_key UNIQUE (invitation_token),
    CONSTRAINT invitations_org_id_fkey FOREIGN KEY (org_id)
        REFERENCES lift.organisations (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by)
        REFERENCES lift.profiles (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT invitations_accepted_by_fkey FOREIGN KEY (accepted_by)
        REFERENCES lift.profiles (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT invitations_role_check CHECK (role IN ('Practitioner', 'GroupContact')),
    CONSTRAINT invitations_status_check
        CHECK (status IN ('pending', 'accepted', 'expired', 'revoked'))
);
ALTER TABLE lift.invitations OWNER TO annals_owner;

-- idx_invitations_token is the index of the unique constraint on invitation_token (F024).
CREATE INDEX idx_invitations_email_status ON lift.invitations (email, status);

COMMENT ON TABLE lift.invitations IS
'Offers to join an organisation as Practitioner or GroupContact.

Open for seven days; accepted with the token and the invited address together.';
COMMENT ON COLUMN lift.invitations.id IS 'The invitation. From the event that made it.';
COMMENT ON COLUMN lift.invitations.org_id IS 'Organisation that invites.';
COMMENT ON COLUMN lift.invitations.email IS
'Address invited, lower case.

Personal data: a placeholder under .invalid after erasure.';
COMMENT ON COLUMN lift.invitations.role IS 'Role on offer: Practitioner or GroupContact.';
COMMENT ON COLUMN lift.invitations.invited_by IS 'GroupContact or Account who invited.';
COMMENT ON COLUMN lift.invitations.invitation_token IS
'SHA-256 of the token, in lower-case hexadecimal. The token itself is nowhere but in the message.';
COMMENT ON COLUMN lift.invitations.status IS 'pending, then accepted, expired or revoked for good.';
COMMENT ON COLUMN lift.invitations.expires_at IS
'After this moment the invitation cannot be accepted.';
COMMENT ON COLUMN lift.invitations.accepted_at IS 'When it was accepted.';
COMMENT ON COLUMN lift.invitations.accepted_by IS 'Person who accepted.';
COMMENT ON COLUMN lift.invitations.created_at IS 'When it was made. Time of its first event.';
COMMENT ON COLUMN lift.invitations.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE lift.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.invitations FORCE ROW LEVEL SECURITY;

-- policies

-- A GroupContact reads the invitations of the own organisation.
CREATE POLICY select_group_contact ON lift.invitations FOR SELECT TO authenticated
    USING ((SELECT lift.actor_role()) = 'GroupContact' AND org_id = (SELECT lift.actor_org_id()));

-- Account reads every row.
CREATE POLICY select_account ON lift.invitations FOR SELECT TO authenticated
    USING ((SELECT lift.actor_role()) = 'Account');

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.invitations FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.invitations FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.invitations FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.invitations TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.invitations TO projector;
