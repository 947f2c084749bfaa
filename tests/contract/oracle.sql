-- What the contract's predicates ask of an actor, told from the rows alone: by other words, in another
-- language and from another side than the services and the policies that they are held against.
CREATE SCHEMA oracle;

CREATE FUNCTION oracle.lift_role(me uuid) RETURNS text LANGUAGE sql AS $$
    SELECT role FROM lift.profiles WHERE id = me AND status = 'active' AND deleted_at IS NULL $$;
CREATE FUNCTION oracle.lift_org(me uuid) RETURNS uuid LANGUAGE sql AS $$
    SELECT org_id FROM lift.profiles WHERE id = me AND status = 'active' AND deleted_at IS NULL $$;
CREATE FUNCTION oracle.lift_child(child text) RETURNS uuid LANGUAGE sql AS $$
    SELECT org_id FROM lift.children WHERE id::text = child AND deleted_at IS NULL $$;
CREATE FUNCTION oracle.lift_staff(me uuid, org uuid) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce(oracle.lift_role(me) IN ('Practitioner', 'GroupContact') AND oracle.lift_org(me) = org, false) $$;

CREATE FUNCTION oracle.care_org(me uuid) RETURNS uuid LANGUAGE sql AS $$
    SELECT organization_id FROM carenotes.users WHERE id = me AND role IS DISTINCT FROM 'removed' $$;
CREATE FUNCTION oracle.care_may(me uuid, code text) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT role = 'admin' OR permissions ? code FROM carenotes.users
                     WHERE id = me AND role IS DISTINCT FROM 'removed'), false) $$;
CREATE FUNCTION oracle.care_facility(facility text) RETURNS uuid LANGUAGE sql AS $$
    SELECT organization_id FROM carenotes.facilities WHERE id::text = facility $$;
CREATE FUNCTION oracle.care_resident(resident text) RETURNS uuid LANGUAGE sql AS $$
    SELECT f.organization_id FROM carenotes.residents AS r JOIN carenotes.facilities AS f ON f.id = r.facility_id
    WHERE r.id::text = resident $$;
-- Whose the thing is that a command is about.
CREATE FUNCTION oracle.care_owner(id text, data jsonb) RETURNS uuid LANGUAGE sql AS $$
    SELECT coalesce(
        oracle.care_facility(id), oracle.care_resident(id),
        (SELECT u.organization_id FROM carenotes.users AS u WHERE u.id::text = care_owner.id),
        (SELECT o.id FROM carenotes.organizations AS o WHERE o.id::text = care_owner.id),
        (SELECT oracle.care_resident(p.resident_id::text) FROM carenotes.care_plans AS p WHERE p.id::text = care_owner.id),
        (SELECT oracle.care_resident(a.resident_id::text) FROM carenotes.assessments AS a WHERE a.id::text = care_owner.id),
        (SELECT oracle.care_resident(d.resident_id::text) FROM carenotes.daily_records AS d WHERE d.id::text = care_owner.id),
        (SELECT oracle.care_facility(a.facility_id::text) FROM carenotes.audits AS a WHERE a.id::text = care_owner.id),
        (SELECT coalesce(oracle.care_facility(i.facility_id::text), oracle.care_resident(i.resident_id::text))
         FROM carenotes.incidents AS i WHERE i.id::text = care_owner.id),
        (data->>'organization_id')::uuid, oracle.care_facility(data->>'facility_id'),
        oracle.care_resident(data->>'resident_id')) $$;
CREATE FUNCTION oracle.care_manages(me uuid, id text, data jsonb, code text) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce(oracle.care_org(me) = oracle.care_owner(id, data) AND oracle.care_may(me, code), false) $$;

CREATE FUNCTION oracle.samia_role(me uuid) RETURNS text LANGUAGE sql AS $$
    SELECT role FROM samia.users WHERE id = me AND is_active AND deleted_at IS NULL $$;
CREATE FUNCTION oracle.samia_admin(me uuid) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce(oracle.samia_role(me) IN ('admin', 'super_admin'), false) $$;
CREATE FUNCTION oracle.samia_rank(role text) RETURNS integer LANGUAGE sql AS $$
    SELECT array_position(ARRAY['client', 'reader', 'monitor', 'admin', 'super_admin'], role) $$;
CREATE FUNCTION oracle.samia_room(me uuid, room text) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT participants @> ARRAY[me] FROM samia.chat_rooms WHERE id::text = room), false) $$;

CREATE FUNCTION oracle.nest_admin(me uuid) RETURNS boolean LANGUAGE sql AS $$
    SELECT coalesce((SELECT is_system_admin AND status = 'active' AND deleted_at IS NULL
                     FROM nestsync.users WHERE id = me), false) $$;
CREATE FUNCTION oracle.nest_active(me uuid) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM nestsync.users WHERE id = me AND status = 'active' AND deleted_at IS NULL) $$;
CREATE FUNCTION oracle.nest_may(me uuid, family uuid, code text) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM nestsync.family_members AS m JOIN nestsync.families AS f ON f.id = m.family_id
                   WHERE m.user_id = me AND m.family_id = family AND m.status = 'active'
                     AND f.status <> 'archived' AND (code IS NULL OR code = ANY (m.permissions)))
           AND oracle.nest_active(me) $$;
CREATE FUNCTION oracle.nest_family(id text, data jsonb) RETURNS uuid LANGUAGE sql AS $$
    SELECT coalesce((data->>'family_id')::uuid,
        (SELECT f.id FROM nestsync.families AS f WHERE f.id::text = nest_family.id),
        (SELECT i.family_id FROM nestsync.inventory_items AS i WHERE i.id::text = nest_family.id),
        (SELECT c.family_id FROM nestsync.children AS c WHERE c.id::text = nest_family.id)) $$;
