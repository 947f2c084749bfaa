CREATE TABLE nestsync.reorder_suggestions (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    item_id uuid NOT NULL,
    suggested_quantity numeric(12,2) NOT NULL,
    quantity_at_suggestion numeric(12,2) NOT NULL,
    threshold_at_suggestion numeric(12,2) NOT NULL,
    status text NOT NULL DEFAULT 'open',
    decided_by uuid,
    decided_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT reorder_suggestions_pkey PRIMARY KEY (id),
    CONSTRAINT reorder_suggestions_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reorder_suggestions_item_id_fkey FOREIGN KEY (item_id)
        REFERENCES nestsync.inventory_items (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reorder_suggestions_decided_by_fkey FOREIGN KEY (decided_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reorder_suggestions_status_check
        CHECK (status IN ('open', 'accepted', 'dismissed', 'fulfilled')),
    CONSTRAINT reorder_suggestions_suggested_quantity_check
        CHECK (suggested_quantity > 0 AND suggested_quantity <> 'NaN')
);
ALTER TABLE nestsync.reorder_suggestions OWNER TO annals_owner;

CREATE INDEX idx_reorder_suggestions_family_status ON nestsync.reorder_suggestions
    (family_id, status);
CREATE INDEX idx_reorder_suggestions_decided_by ON nestsync.reorder_suggestions (decided_by);
CREATE UNIQUE INDEX idx_reorder_suggestions_open ON nestsync.reorder_suggestions (item_id)
    WHERE status = 'open';
CREATE INDEX idx_reorder_suggestions_item ON nestsync.reorder_suggestions (item_id);

COMMENT ON TABLE nestsync.reorder_suggestions IS
'Proposals to reorder an item, and what became of them.

Made by the system when stock falls below the threshold; at most one open per item.';
COMMENT ON COLUMN nestsync.reorder_suggestions.id IS 'The suggestion. From the event that made it.';
COMMENT ON COLUMN nestsync.reorder_suggestions.family_id IS 'Family of the item.';
COMMENT ON COLUMN nestsync.reorder_suggestions.item_id IS 'Item to reorder.';
COMMENT ON COLUMN nestsync.reorder_suggestions.suggested_quantity IS
'How much to reorder, in the item''s units.';
COMMENT ON COLUMN nestsync.reorder_suggestions.quantity_at_suggestion IS
'How much was in stock when it was made.';
COMMENT ON COLUMN nestsync.reorder_suggestions.threshold_at_suggestion IS
'Threshold in force when it was made.';
COMMENT ON COLUMN nestsync.reorder_suggestions.status IS
'open, accepted, dismissed or fulfilled; the last two are final.';
COMMENT ON COLUMN nestsync.reorder_suggestions.decided_by IS
'Member who accepted or dismissed it; null when the system did.';
COMMENT ON COLUMN nestsync.reorder_suggestions.decided_at IS 'When it was last decided upon.';
COMMENT ON COLUMN nestsync.reorder_suggestions.created_at IS
'When it was made. Time of its first event.';
COMMENT ON COLUMN nestsync.reorder_suggestions.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.reorder_suggestions ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.reorder_suggestions FORCE ROW LEVEL SECURITY;

-- policies

-- Members with inventory.read read suggestions.
CREATE POLICY select_member ON nestsync.reorder_suggestions FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.families_where_actor_may('inventory.read'))::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.reorder_suggestions FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.reorder_suggestions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.reorder_suggestions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.reorder_suggestions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.reorder_suggestions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.reorder_suggestions TO projector;
