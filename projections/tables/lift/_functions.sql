-- What policies ask about the actor. Each runs with its owner's rights, so that asking does not come
-- back to the policy that asks (F001); the owner reads through the policy owner_select (F002).
-- Bodies are parsed when they are made, so they follow their tables through a change of schema name.
--
-- Lists are asked for once in a query and looked up in an index; a question about a row, such as
-- those with a uuid as argument, would be asked for each row of a table.

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
'Role of the actor; null unless the actor''s profile is active.';

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
'Organisation of the actor; null unless the actor''s profile is active and has one.';

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
'Children of the actor''s organisation, but for archived ones.';

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

CREATE FUNCTION lift.first_for_account() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT '00000000-0000-0000-0000-000000000000'::uuid
    WHERE lift.actor_role() = 'Account';
END;
ALTER FUNCTION lift.first_for_account() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION lift.first_for_account() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lift.first_for_account() TO authenticated;
COMMENT ON FUNCTION lift.first_for_account() IS
'The lowest id there is for Account, null for everyone else:
with the highest id it makes a range that holds every row or none.';
