-- updated_at is added (F065). Events carry is_unlocked and placed_at, so a locked item is not
-- born placed, whatever the defaults say (F059).

CREATE TABLE lift.garden_items (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    child_id uuid NOT NULL,
    item_type text NOT NULL,
    item_name text NOT NULL,
    item_category text,
    position_x integer DEFAULT 0,
    position_y integer DEFAULT 0,
    size_scale numeric DEFAULT 1.0,
    rotation integer DEFAULT 0,
    color_scheme text,
    is_unlocked boolean DEFAULT true,
    unlock_condition text,
    earned_at timestamp with time zone,
    placed_at timestamp with time zone DEFAULT now(),
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT garden_items_pkey PRIMARY KEY (id),
    CONSTRAINT garden_items_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES lift.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT garden_items_item_type_check
        CHECK (item_type IN ('flower', 'tree', 'decoration', 'character'))
);
ALTER TABLE lift.garden_items OWNER TO annals_owner;

COMMENT ON TABLE lift.garden_items IS
'What stands, or may come to stand, in a child''s digital garden.

Granted and unlocked by the system, placed and styled by the child.';
COMMENT ON COLUMN lift.garden_items.id IS 'The item. From the event that granted it.';
COMMENT ON COLUMN lift.garden_items.child_id IS 'Child whose garden it is.';
COMMENT ON COLUMN lift.garden_items.item_type IS 'flower, tree, decoration or character.';
COMMENT ON COLUMN lift.garden_items.item_name IS 'Name of the item in the catalogue.';
COMMENT ON COLUMN lift.garden_items.item_category IS
'Group of the catalogue that the item is from.';
COMMENT ON COLUMN lift.garden_items.position_x IS
'Horizontal place in the garden, in its grid''s units.';
COMMENT ON COLUMN lift.garden_items.position_y IS
'Vertical place in the garden, in its grid''s units.';
COMMENT ON COLUMN lift.garden_items.size_scale IS
'Size as a factor of the drawn size; 1.0 is as drawn.';
COMMENT ON COLUMN lift.garden_items.rotation IS 'Turn in degrees.';
COMMENT ON COLUMN lift.garden_items.color_scheme IS 'Name of the colours the child chose.';
COMMENT ON COLUMN lift.garden_items.is_unlocked IS 'Whether the child may place the item.';
COMMENT ON COLUMN lift.garden_items.unlock_condition IS
'What unlocks it: stickers>=N or sessions>=N; null when it was never locked.';
COMMENT ON COLUMN lift.garden_items.earned_at IS 'When the item was unlocked.';
COMMENT ON COLUMN lift.garden_items.placed_at IS
'When the child put the item into the garden; null while it is not there.';
COMMENT ON COLUMN lift.garden_items.created_at IS
'When the item was granted. Time of its first event.';
COMMENT ON COLUMN lift.garden_items.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE lift.garden_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.garden_items FORCE ROW LEVEL SECURITY;

-- policies

-- A child reads what is its own.
CREATE POLICY select_own ON lift.garden_items FOR SELECT TO authenticated
    USING (child_id = (SELECT auth.uid()));

-- Staff read what belongs to the children of their organisation.
CREATE POLICY select_staff ON lift.garden_items FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND child_id = ANY ((SELECT lift.actor_children())::uuid[])
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.garden_items FOR SELECT TO authenticated
    USING (
        child_id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.garden_items FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.garden_items FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.garden_items FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.garden_items TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.garden_items TO projector;
