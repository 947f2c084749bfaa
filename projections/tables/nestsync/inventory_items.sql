CREATE TABLE nestsync.inventory_items (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    child_id uuid,
    category text NOT NULL,
    name text NOT NULL,
    brand text,
    size text,
    unit text NOT NULL DEFAULT 'piece',
    quantity numeric(12,2) NOT NULL DEFAULT 0,
    reorder_threshold numeric(12,2),
    reorder_quantity numeric(12,2),
    expires_on date,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT inventory_items_pkey PRIMARY KEY (id),
    CONSTRAINT inventory_items_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT inventory_items_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES nestsync.children (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT inventory_items_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT inventory_items_category_check CHECK (category IN ('clothing', 'supply')),
    CONSTRAINT inventory_items_quantity_check CHECK (quantity >= 0 AND quantity <> 'NaN'),
    CONSTRAINT inventory_items_reorder_threshold_check
        CHECK (reorder_threshold >= 0 AND reorder_threshold <> 'NaN'),
    CONSTRAINT inventory_items_reorder_quantity_check
        CHECK (reorder_quantity > 0 AND reorder_quantity <> 'NaN')
);
ALTER TABLE nestsync.inventory_items OWNER TO annals_owner;

CREATE INDEX idx_inventory_items_family_category ON nestsync.inventory_items (family_id, category);
CREATE INDEX idx_inventory_items_child ON nestsync.inventory_items (child_id);
CREATE INDEX idx_inventory_items_created_by ON nestsync.inventory_items (created_by);
CREATE INDEX idx_inventory_items_low_stock ON nestsync.inventory_items (family_id)
    WHERE deleted_at IS NULL AND quantity < reorder_threshold;

COMMENT ON TABLE nestsync.inventory_items IS
'Clothing and supplies in stock, with the threshold for reordering.

Quantities come with the event; use, restocking and adjustment move them.';
COMMENT ON COLUMN nestsync.inventory_items.id IS 'The item. From the event that added it.';
COMMENT ON COLUMN nestsync.inventory_items.family_id IS 'Family it belongs to.';
COMMENT ON COLUMN nestsync.inventory_items.child_id IS 'Child it is meant for; null if for anyone.';
COMMENT ON COLUMN nestsync.inventory_items.category IS 'clothing or supply.';
COMMENT ON COLUMN nestsync.inventory_items.name IS 'What it is.';
COMMENT ON COLUMN nestsync.inventory_items.brand IS 'Maker.';
COMMENT ON COLUMN nestsync.inventory_items.size IS 'Size, as printed on it.';
COMMENT ON COLUMN nestsync.inventory_items.unit IS 'What quantity counts, such as piece or pack.';
COMMENT ON COLUMN nestsync.inventory_items.quantity IS
'How much is in stock, in units; never below zero.';
COMMENT ON COLUMN nestsync.inventory_items.reorder_threshold IS
'Below this quantity a reorder is suggested; null for never.';
COMMENT ON COLUMN nestsync.inventory_items.reorder_quantity IS
'How much to reorder; null lets the suggestion work it out.';
COMMENT ON COLUMN nestsync.inventory_items.expires_on IS 'Last day of use.';
COMMENT ON COLUMN nestsync.inventory_items.created_by IS 'Member who added the item.';
COMMENT ON COLUMN nestsync.inventory_items.created_at IS
'When it was added. Time of its first event.';
COMMENT ON COLUMN nestsync.inventory_items.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN nestsync.inventory_items.deleted_at IS
'When the item was removed; null while in stock.';

ALTER TABLE nestsync.inventory_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.inventory_items FORCE ROW LEVEL SECURITY;

-- policies

-- Members with inventory.read read the stock, but for removed items.
CREATE POLICY select_member ON nestsync.inventory_items FOR SELECT TO authenticated
    USING (
        family_id = ANY ((SELECT nestsync.families_where_actor_may('inventory.read'))::uuid[])
        AND deleted_at IS NULL
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.inventory_items FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.inventory_items FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.inventory_items FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.inventory_items FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.inventory_items TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.inventory_items TO projector;
