-- Data keys, wrapped. They live apart from the log, with backups of their own that are kept for at
-- most 30 days: a key that is destroyed here is gone everywhere after that (F015).
CREATE TABLE annals_keys.subject_keys (
    subject      text COLLATE "C" NOT NULL,
    number       integer NOT NULL,
    wrapped      bytea,
    kek_id       text COLLATE "C",
    commitment   bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    destruction  bigint,
    CONSTRAINT subject_keys_pkey PRIMARY KEY (subject, number),
    CONSTRAINT subject_keys_number_check CHECK (number >= 1),
    CONSTRAINT subject_keys_live_check CHECK (
        destroyed_at IS NOT NULL
        OR (wrapped IS NOT NULL AND kek_id IS NOT NULL AND commitment IS NOT NULL)
    ),
    CONSTRAINT subject_keys_destroyed_check CHECK (
        (destroyed_at IS NULL AND destruction IS NULL)
        OR (destroyed_at IS NOT NULL AND destruction IS NOT NULL
            AND wrapped IS NULL AND kek_id IS NULL)
    )
);

-- What was destroyed since somebody last asked.
CREATE INDEX subject_keys_destruction ON annals_keys.subject_keys (destruction)
    WHERE destruction IS NOT NULL;
-- What another key-encryption key still wraps.
CREATE INDEX subject_keys_kek ON annals_keys.subject_keys (kek_id, subject, number)
    WHERE kek_id IS NOT NULL;

COMMENT ON TABLE annals_keys.subject_keys IS 'Data keys of persons, wrapped by the key-encryption key; a destroyed key leaves its commitment.';
COMMENT ON COLUMN annals_keys.subject_keys.subject IS 'The person: an id, never a name or an address.';
COMMENT ON COLUMN annals_keys.subject_keys.number IS 'Which of the person''s keys, from 1.';
COMMENT ON COLUMN annals_keys.subject_keys.wrapped IS 'The key, encrypted; null once destroyed.';
COMMENT ON COLUMN annals_keys.subject_keys.kek_id IS 'Which key-encryption key wraps it; null once destroyed.';
COMMENT ON COLUMN annals_keys.subject_keys.commitment IS 'What events name this key by, to show later that this one was destroyed; null for a person who never had one.';
COMMENT ON COLUMN annals_keys.subject_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN annals_keys.subject_keys.destroyed_at IS 'When it was destroyed.';
COMMENT ON COLUMN annals_keys.subject_keys.destruction IS 'Counts destructions, without gaps, in the order in which they were committed.';

-- A row is the fence against a new key for an erased person, and the receipt of the erasure: it stays.
CREATE FUNCTION annals_keys.keep_destroyed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'rows of subject_keys are never removed: destroy the key instead'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.destroyed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a destroyed key stays destroyed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.subject <> OLD.subject OR NEW.number <> OLD.number
        OR NEW.commitment IS DISTINCT FROM OLD.commitment OR NEW.created_at <> OLD.created_at THEN
        RAISE EXCEPTION 'a key is rewrapped or destroyed, and else never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_destroyed BEFORE UPDATE OR DELETE ON annals_keys.subject_keys
    FOR EACH ROW EXECUTE FUNCTION annals_keys.keep_destroyed();
CREATE TRIGGER keep_rows BEFORE TRUNCATE ON annals_keys.subject_keys
    FOR EACH STATEMENT EXECUTE FUNCTION annals_keys.keep_destroyed();
