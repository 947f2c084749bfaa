-- The document leaves this table unguarded (F066), and open to caches and scratch data, which are
-- no facts and live elsewhere (F067).

CREATE TABLE lift.kv_store_a1855b25 (
    key text NOT NULL,
    value jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT kv_store_a1855b25_pkey PRIMARY KEY (key)
);
ALTER TABLE lift.kv_store_a1855b25 OWNER TO annals_owner;

COMMENT ON TABLE lift.kv_store_a1855b25 IS
'Settings and feature flags of the platform, by key.

Set by Account, who alone reads them. Caches and scratch data stay out of it.';
COMMENT ON COLUMN lift.kv_store_a1855b25.key IS 'Name of the setting.';
COMMENT ON COLUMN lift.kv_store_a1855b25.value IS 'Its value.';
COMMENT ON COLUMN lift.kv_store_a1855b25.created_at IS
'When the setting was first made. Time of its first event.';
COMMENT ON COLUMN lift.kv_store_a1855b25.updated_at IS
'When the value last changed. Time of the latest event.';

ALTER TABLE lift.kv_store_a1855b25 ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.kv_store_a1855b25 FORCE ROW LEVEL SECURITY;

-- policies

-- Account reads every row.
CREATE POLICY select_account ON lift.kv_store_a1855b25 FOR SELECT TO authenticated
    USING ((SELECT lift.actor_role()) = 'Account');

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.kv_store_a1855b25 FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.kv_store_a1855b25 FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.kv_store_a1855b25 FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.kv_store_a1855b25 TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.kv_store_a1855b25 TO projector;
