CREATE TABLE nestsync.usage_logs (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    item_id uuid NOT NULL,
    child_id uuid,
    quantity numeric(12,2) NOT NULL,
    quantity_after numeric(12,2) NOT NULL,
    used_at timestamp with time zone NOT NULL,
    logged_by uuid NOT NULL,
    notes text,
    voided_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT usage_logs_pkey PRIMARY KEY (id),
    CONSTRAINT usage_logs_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_logs_item_id_fkey FOREIGN KEY (item_id)
        REFERENCES nestsync.inventory_items (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_logs_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES nestsync.children (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_logs_logged_by_fkey FOREIGN KEY (logged_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_logs_quantity_check CHECK (quantity > 0 AND quantity <> 'NaN')
);
ALTER TABLE nestsync.usage_logs OWNER TO annals_owner;

CREATE INDEX idx_usage_logs_item_used ON nestsync.usage_logs (item_id, used_at DESC);
CREATE INDEX idx_usage_logs_family_used ON nestsync.usage_logs (family_id, used_at DESC);
CREATE INDEX idx_usage_logs_child ON nestsync.usage_logs (child_id);
CREATE INDEX idx_usage_logs_logged_by ON nestsync.usage_logs (logged_by);

COMMENT ON TABLE nestsync.usage_logs IS
'Uses of an item, one by one.

A use entered by mistake is voided, not deleted.';
COMMENT ON COLUMN nestsync.usage_logs.id IS 'The use. From the event that logged it.';
COMMENT ON COLUMN nestsync.usage_logs.family_id IS 'Family of the item.';
COMMENT ON COLUMN nestsync.usage_logs.item_id IS 'Item used.';
COMMENT ON COLUMN nestsync.usage_logs.child_id IS 'Child it was used for, if known.';
COMMENT ON COLUMN nestsync.usage_logs.quantity IS 'How much was used, in the item''s units.';
COMMENT ON COLUMN nestsync.usage_logs.quantity_after IS 'How much was left after it.';
COMMENT ON COLUMN nestsync.usage_logs.used_at IS 'When it was used; never in the future.';
COMMENT ON COLUMN nestsync.usage_logs.logged_by IS 'Member who logged it.';
COMMENT ON COLUMN nestsync.usage_logs.notes IS
'Remarks of whoever logged it.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.usage_logs.voided_at IS
'When it was declared a mistake; null while it counts.';
COMMENT ON COLUMN nestsync.usage_logs.created_at IS 'When it was logged. Time of its first event.';
COMMENT ON COLUMN nestsync.usage_logs.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.usage_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.usage_logs FORCE ROW LEVEL SECURITY;

-- policies

-- Members with inventory.read read the use of items.
CREATE POLICY select_member ON nestsync.usage_logs FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.families_where_actor_may('inventory.read'))::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.usage_logs FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.usage_logs FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.usage_logs FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.usage_logs FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.usage_logs TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.usage_logs TO projector;
