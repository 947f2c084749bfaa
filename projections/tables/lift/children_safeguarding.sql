-- Not in the document: the only way for a reader to the notes that children.safeguarding_notes
-- withholds (F045). It runs with its owner's rights behind a security barrier, so it carries its
-- own condition on the reader; archived children are left to Account.

CREATE VIEW lift.children_safeguarding WITH (security_barrier = true) AS
SELECT c.id, c.org_id, c.safeguarding_notes
FROM lift.children c
WHERE (SELECT lift.actor_role()) = 'Account'
    OR (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND c.org_id = (SELECT lift.actor_org_id())
        AND c.deleted_at IS NULL
    );
ALTER VIEW lift.children_safeguarding OWNER TO annals_owner;

COMMENT ON VIEW lift.children_safeguarding IS
'Safeguarding notes of children, for staff.

The only way to them: staff of the child''s organisation and Account. It runs with its owner''s
rights and checks the reader itself.';
COMMENT ON COLUMN lift.children_safeguarding.id IS 'The child.';
COMMENT ON COLUMN lift.children_safeguarding.org_id IS 'Organisation of the child.';
COMMENT ON COLUMN lift.children_safeguarding.safeguarding_notes IS
'Notes for staff about the child''s safety.';

REVOKE ALL ON lift.children_safeguarding FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.children_safeguarding TO authenticated;
