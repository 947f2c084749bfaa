-- What policies ask about the actor. Each runs with its owner's rights, so that asking does not come
-- back to the policy that asks (F001); the owner reads through the policy owner_select (F002).
-- Bodies are parsed when they are made, so they follow their tables through a change of schema name.
--
-- Lists are asked for once in a query and looked up in an index; a question about a row, such as
-- those with a uuid as argument, would be asked for each row of a table.

CREATE FUNCTION samia.actor_role() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT u.role
    FROM samia.users u
    WHERE u.id = auth.uid() AND u.is_active AND u.deleted_at IS NULL;
END;
ALTER FUNCTION samia.actor_role() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION samia.actor_role() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION samia.actor_role() TO authenticated;
COMMENT ON FUNCTION samia.actor_role() IS
'Role of the actor; null unless the actor''s account is active.';

CREATE FUNCTION samia.actor_rooms() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(array_agg(r.id), '{}')
    FROM samia.chat_rooms r
    WHERE r.participants @> ARRAY[auth.uid()];
END;
ALTER FUNCTION samia.actor_rooms() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION samia.actor_rooms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION samia.actor_rooms() TO authenticated;
COMMENT ON FUNCTION samia.actor_rooms() IS
'Rooms the actor takes part in.';

CREATE FUNCTION samia.in_room(room uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM samia.chat_rooms r
        WHERE r.id = room AND r.participants @> ARRAY[auth.uid()]
    );
END;
ALTER FUNCTION samia.in_room(uuid) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION samia.in_room(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION samia.in_room(uuid) TO authenticated;
COMMENT ON FUNCTION samia.in_room(uuid) IS
'Whether the actor takes part in a room.';

CREATE FUNCTION samia.first_for_admin() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT '00000000-0000-0000-0000-000000000000'::uuid
    WHERE samia.actor_role() IN ('admin', 'super_admin');
END;
ALTER FUNCTION samia.first_for_admin() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION samia.first_for_admin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION samia.first_for_admin() TO authenticated;
COMMENT ON FUNCTION samia.first_for_admin() IS
'The lowest id there is for admins and super admins, null for everyone else:
with the highest id it makes a range that holds every row or none.';
