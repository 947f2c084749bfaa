-- What policies ask about the actor. Each runs with its owner's rights, so that asking does not come
-- back to the policy that asks (F001); the owner reads through the policy owner_select (F002).
-- Bodies are parsed when they are made, so they follow their tables through a change of schema name.
--
-- Lists are asked for once in a query and looked up in an index; a question about a row, such as
-- those with a uuid as argument, would be asked for each row of a table.

CREATE FUNCTION nestsync.is_system_admin() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM nestsync.users u
        WHERE u.id = auth.uid() AND u.is_system_admin
            AND u.status = 'active' AND u.deleted_at IS NULL
    );
END;
ALTER FUNCTION nestsync.is_system_admin() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.is_system_admin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.is_system_admin() TO authenticated;
COMMENT ON FUNCTION nestsync.is_system_admin() IS
'Whether the actor is active and administers the system.';

CREATE FUNCTION nestsync.families_where_actor_may(code text) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(array_agg(m.family_id), '{}')
    FROM nestsync.family_members m
    JOIN nestsync.users u ON u.id = m.user_id
    JOIN nestsync.families f ON f.id = m.family_id
    WHERE m.user_id = auth.uid() AND m.status = 'active'
        AND u.status = 'active' AND u.deleted_at IS NULL
        AND f.status = 'active' AND f.deleted_at IS NULL
        AND (code IS NULL OR code = ANY (m.permissions));
END;
ALTER FUNCTION nestsync.families_where_actor_may(text) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.families_where_actor_may(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.families_where_actor_may(text) TO authenticated;
COMMENT ON FUNCTION nestsync.families_where_actor_may(text) IS
'Families in which the actor, being active, is an active member and holds a permission.
Archived families are left out. Null for the permission asks for none.';

CREATE FUNCTION nestsync.actor_families() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT nestsync.families_where_actor_may(NULL);
END;
ALTER FUNCTION nestsync.actor_families() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.actor_families() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.actor_families() TO authenticated;
COMMENT ON FUNCTION nestsync.actor_families() IS
'Families in which the actor, being active, is an active member; archived ones are left out.';

CREATE FUNCTION nestsync.is_member(family uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(family = ANY (nestsync.actor_families()), false);
END;
ALTER FUNCTION nestsync.is_member(uuid) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.is_member(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.is_member(uuid) TO authenticated;
COMMENT ON FUNCTION nestsync.is_member(uuid) IS
'Whether the actor is an active member of a family that is not archived.';

CREATE FUNCTION nestsync.may(family uuid, code text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT code IS NOT NULL
        AND coalesce(family = ANY (nestsync.families_where_actor_may(code)), false);
END;
ALTER FUNCTION nestsync.may(uuid, text) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.may(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.may(uuid, text) TO authenticated;
COMMENT ON FUNCTION nestsync.may(uuid, text) IS
'Whether the actor is an active member of a family and holds a permission there.';

CREATE FUNCTION nestsync.first_for_sysadmin() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT '00000000-0000-0000-0000-000000000000'::uuid
    WHERE nestsync.is_system_admin();
END;
ALTER FUNCTION nestsync.first_for_sysadmin() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION nestsync.first_for_sysadmin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nestsync.first_for_sysadmin() TO authenticated;
COMMENT ON FUNCTION nestsync.first_for_sysadmin() IS
'The lowest id there is for system administrators, null for everyone else:
with the highest id it makes a range that holds every row or none.';
