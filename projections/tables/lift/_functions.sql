-- What policies ask about the actor. Each runs with its owner's rights, so that asking does not come
-- back to the policy that asks (F001); the owner reads through the policy owner_select (F002).
-- Bodies are parsed when they are made, so they follow their tables through a change of schema name.

-- The actor's role; null unless the actor's profile is active.
CREATE FUNCTION lift.actor_role() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT p.role
    FROM lift.profiles p
    WHERE p.id = auth.uid() AND p.status = 'active' AND p.deleted_at IS NULL;
END;
ALTER FUNCTION lift.actor_role() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION lift.actor_role() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lift.actor_role() TO authenticated;
COMMENT ON FUNCTION lift.actor_role() IS
'The actor''s role; null unless the actor''s profile is active.';

-- The actor's organisation; null unless the actor's profile is active and has one.
CREATE FUNCTION lift.actor_org_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT p.org_id
    FROM lift.profiles p
    WHERE p.id = auth.uid() AND p.status = 'active' AND p.deleted_at IS NULL;
END;
ALTER FUNCTION lift.actor_org_id() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION lift.actor_org_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lift.actor_org_id() TO authenticated;
COMMENT ON FUNCTION lift.actor_org_id() IS
'The actor''s organisation; null unless the actor''s profile is active and has one.';

-- The children of the actor's organisation, but for archived ones.
CREATE FUNCTION lift.actor_children() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(array_agg(c.id), '{}')
    FROM lift.children c
    WHERE c.org_id = lift.actor_org_id() AND c.deleted_at IS NULL;
END;
ALTER FUNCTION lift.actor_children() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION lift.actor_children() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lift.actor_children() TO authenticated;
COMMENT ON FUNCTION lift.actor_children() IS
'The children of the actor''s organisation, but for archived ones.';

-- Whether a child is of the actor's organisation and not archived.
CREATE FUNCTION lift.child_in_actor_org(child uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM lift.children c
        WHERE c.id = child AND c.org_id = lift.actor_org_id() AND c.deleted_at IS NULL
    );
END;
ALTER FUNCTION lift.child_in_actor_org(uuid) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION lift.child_in_actor_org(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lift.child_in_actor_org(uuid) TO authenticated;
COMMENT ON FUNCTION lift.child_in_actor_org(uuid) IS
'Whether a child is of the actor''s organisation and not archived.';
