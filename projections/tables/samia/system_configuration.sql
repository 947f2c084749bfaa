-- A sensitive key holds the name of a secret, never the secret (F122). Values listed in comments
-- are checks (F113).

CREATE TABLE samia.system_configuration (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    config_key character varying(255) NOT NULL,
    config_value text,
    value_type character varying(50) DEFAULT 'string',
    description text,
    is_sensitive boolean DEFAULT false,
    required_role character varying(50) DEFAULT 'super_admin',
    validation_rules jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    updated_by uuid,
    CONSTRAINT system_configuration_pkey PRIMARY KEY (id),
    CONSTRAINT system_configuration_config_key_key UNIQUE (config_key),
    CONSTRAINT system_configuration_updated_by_fkey FOREIGN KEY (updated_by)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT system_configuration_value_type_check
        CHECK (value_type IN ('string', 'number', 'boolean', 'json')),
    CONSTRAINT system_configuration_required_role_check
        CHECK (required_role IN ('client', 'reader', 'admin', 'monitor', 'super_admin'))
);
ALTER TABLE samia.system_configuration OWNER TO annals_owner;

-- idx_system_config_key is the index of the unique constraint on config_key (F024).

COMMENT ON TABLE samia.system_configuration IS
'Settings of the service by key.

Read and kept by super admins alone, whatever required_role says.';
COMMENT ON COLUMN samia.system_configuration.id IS
'The setting. From the event that first made it.';
COMMENT ON COLUMN samia.system_configuration.config_key IS 'Name of the setting, unique.';
COMMENT ON COLUMN samia.system_configuration.config_value IS
'Its value; for a sensitive one the name of a secret, never the secret.';
COMMENT ON COLUMN samia.system_configuration.value_type IS
'Type of the value: string, number, boolean or json.';
COMMENT ON COLUMN samia.system_configuration.description IS 'What it is for.';
COMMENT ON COLUMN samia.system_configuration.is_sensitive IS 'Whether the value names a secret.';
COMMENT ON COLUMN samia.system_configuration.required_role IS
'Role it is meant for; stored, and never widens who may read it.';
COMMENT ON COLUMN samia.system_configuration.validation_rules IS 'What a value must satisfy.';
COMMENT ON COLUMN samia.system_configuration.created_at IS
'When it was first set. Time of its first event.';
COMMENT ON COLUMN samia.system_configuration.updated_at IS
'When it last changed. Time of the latest event.';
COMMENT ON COLUMN samia.system_configuration.updated_by IS 'Super admin who last set it.';

ALTER TABLE samia.system_configuration ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.system_configuration FORCE ROW LEVEL SECURITY;

-- policies

-- Super admins read the configuration, whatever required_role says.
CREATE POLICY select_super_admin ON samia.system_configuration FOR SELECT TO authenticated
    USING ((SELECT samia.actor_role()) = 'super_admin');

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.system_configuration FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.system_configuration FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.system_configuration FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.system_configuration TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.system_configuration TO projector;
