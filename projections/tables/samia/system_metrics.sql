-- The document leaves this table unguarded (F088). The levels listed in a comment are a check
-- (F113).

CREATE TABLE samia.system_metrics (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    metric_name character varying(100) NOT NULL,
    metric_value numeric(15,4) NOT NULL,
    metric_unit character varying(50),
    dimensions jsonb DEFAULT '{}',
    aggregation_level character varying(50) DEFAULT 'hourly',
    "timestamp" timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    CONSTRAINT system_metrics_pkey PRIMARY KEY (id),
    CONSTRAINT system_metrics_aggregation_level_check
        CHECK (aggregation_level IN ('minute', 'hourly', 'daily'))
);
ALTER TABLE samia.system_metrics OWNER TO annals_owner;

CREATE INDEX idx_system_metrics_name_time ON samia.system_metrics (metric_name, "timestamp");
CREATE INDEX idx_system_metrics_timestamp ON samia.system_metrics ("timestamp");

COMMENT ON TABLE samia.system_metrics IS
'Measurements of the service.

One row per measurement. Seen by monitors and admins.';
COMMENT ON COLUMN samia.system_metrics.id IS 'The measurement. From the event that recorded it.';
COMMENT ON COLUMN samia.system_metrics.metric_name IS 'What was measured.';
COMMENT ON COLUMN samia.system_metrics.metric_value IS 'The value, in its unit.';
COMMENT ON COLUMN samia.system_metrics.metric_unit IS 'Unit of the value.';
COMMENT ON COLUMN samia.system_metrics.dimensions IS 'Where and of what it was measured, by name.';
COMMENT ON COLUMN samia.system_metrics.aggregation_level IS
'Time the value covers: minute, hourly or daily.';
COMMENT ON COLUMN samia.system_metrics."timestamp" IS 'When it was measured.';
COMMENT ON COLUMN samia.system_metrics.created_at IS 'When it was recorded. Time of the event.';

ALTER TABLE samia.system_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.system_metrics FORCE ROW LEVEL SECURITY;

-- policies

-- Monitors and admins read every row.
CREATE POLICY select_ops ON samia.system_metrics FOR SELECT TO authenticated
    USING ((SELECT samia.actor_role()) IN ('monitor', 'admin', 'super_admin'));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.system_metrics FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.system_metrics FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.system_metrics FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.system_metrics TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.system_metrics TO projector;
