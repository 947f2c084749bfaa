-- Documented as a materialised view, which row security cannot guard; it is a table that its
-- projector keeps (F133).

CREATE TABLE nestsync.usage_analytics (
    family_id uuid NOT NULL,
    item_id uuid NOT NULL,
    period text NOT NULL,
    period_start date NOT NULL,
    usage_count integer NOT NULL DEFAULT 0,
    total_quantity numeric(14,2) NOT NULL DEFAULT 0,
    average_quantity numeric(14,4) NOT NULL DEFAULT 0,
    last_used_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT usage_analytics_pkey PRIMARY KEY (family_id, item_id, period, period_start),
    CONSTRAINT usage_analytics_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_analytics_item_id_fkey FOREIGN KEY (item_id)
        REFERENCES nestsync.inventory_items (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT usage_analytics_period_check CHECK (period IN ('day', 'week', 'month'))
);
ALTER TABLE nestsync.usage_analytics OWNER TO annals_owner;

CREATE INDEX idx_usage_analytics_item_period ON nestsync.usage_analytics
    (item_id, period, period_start);

COMMENT ON TABLE nestsync.usage_analytics IS
'Use of each item by day, week and month.

Kept up to date with each use; voided uses are taken out again. Periods follow the family''s time
zone.';
COMMENT ON COLUMN nestsync.usage_analytics.family_id IS 'Family of the item.';
COMMENT ON COLUMN nestsync.usage_analytics.item_id IS 'Item used.';
COMMENT ON COLUMN nestsync.usage_analytics.period IS 'Length of the period: day, week or month.';
COMMENT ON COLUMN nestsync.usage_analytics.period_start IS
'First day of the period; a week starts on Monday.';
COMMENT ON COLUMN nestsync.usage_analytics.usage_count IS 'Number of uses.';
COMMENT ON COLUMN nestsync.usage_analytics.total_quantity IS
'How much was used altogether, in the item''s units.';
COMMENT ON COLUMN nestsync.usage_analytics.average_quantity IS
'How much was used at a time on average, in the item''s units.';
COMMENT ON COLUMN nestsync.usage_analytics.last_used_at IS 'When it was last used in the period.';
COMMENT ON COLUMN nestsync.usage_analytics.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.usage_analytics ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.usage_analytics FORCE ROW LEVEL SECURITY;

-- policies

-- Members with analytics.read read the figures.
CREATE POLICY select_member ON nestsync.usage_analytics FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.families_where_actor_may('analytics.read'))::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.usage_analytics FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.usage_analytics FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.usage_analytics FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.usage_analytics FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.usage_analytics TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.usage_analytics TO projector;
