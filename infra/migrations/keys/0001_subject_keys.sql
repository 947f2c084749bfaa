-- Data keys, wrapped. They live apart from the log, with backups of their own that are kept for at
-- most 30 days: a key that is destroyed here is gone everywhere after that (F015).
CREATE TABLE subject_keys (
    subject      text COLLATE "C" NOT NULL,
    number       integer NOT NULL,
    wrapped      bytea,
    kek_id       text,
    commitment   bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    changed      bigint GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT subject_keys_pkey PRIMARY KEY (subject, number),
    CONSTRAINT subject_keys_destroyed_check CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE INDEX subject_keys_destroyed ON subject_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;
COMMENT ON TABLE subject_keys IS 'Data keys of persons, wrapped by the key-encryption key; a destroyed key leaves its commitment.';
COMMENT ON COLUMN subject_keys.subject IS 'The person: an id, never a name or an address.';
COMMENT ON COLUMN subject_keys.number IS 'Which of the person''s keys, from 1.';
COMMENT ON COLUMN subject_keys.wrapped IS 'The key, encrypted; null once destroyed.';
COMMENT ON COLUMN subject_keys.kek_id IS 'Which key-encryption key wraps it.';
COMMENT ON COLUMN subject_keys.commitment IS 'What events name this key by, to show later that this one was destroyed.';
