-- The document gives two indexes one name; the second has a name of its own (F089). Policies use
-- @>, which the index on participants can answer (F097).

CREATE TABLE samia.chat_rooms (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_type character varying(50) NOT NULL,
    name character varying(255),
    description text,
    participants uuid[] NOT NULL,
    max_participants integer DEFAULT 2,
    is_encrypted boolean DEFAULT true,
    is_active boolean DEFAULT true,
    auto_delete_after_hours integer,
    reading_session_id uuid,
    metadata jsonb DEFAULT '{}',
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    last_activity timestamp with time zone DEFAULT now(),
    CONSTRAINT chat_rooms_pkey PRIMARY KEY (id),
    CONSTRAINT chat_rooms_reading_session_id_fkey FOREIGN KEY (reading_session_id)
        REFERENCES samia.reading_sessions (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT chat_rooms_room_type_check
        CHECK (room_type IN ('direct', 'reading', 'group', 'support'))
);
ALTER TABLE samia.chat_rooms OWNER TO annals_owner;

CREATE INDEX idx_chat_rooms_participants ON samia.chat_rooms USING gin (participants);
CREATE INDEX idx_chat_rooms_type ON samia.chat_rooms (room_type);
CREATE INDEX idx_chat_rooms_active ON samia.chat_rooms (is_active);
CREATE INDEX idx_chat_rooms_active_id ON samia.chat_rooms (id)
    WHERE is_active = true;

COMMENT ON TABLE samia.chat_rooms IS
'Rooms for conversation, with participants and settings.

Seen by its participants.';
COMMENT ON COLUMN samia.chat_rooms.id IS 'The room. From the event that opened it.';
COMMENT ON COLUMN samia.chat_rooms.room_type IS 'direct, reading, group or support.';
COMMENT ON COLUMN samia.chat_rooms.name IS
'Name of the room.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.chat_rooms.description IS
'What the room is for.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.chat_rooms.participants IS 'People in the room.';
COMMENT ON COLUMN samia.chat_rooms.max_participants IS 'How many people it takes.';
COMMENT ON COLUMN samia.chat_rooms.is_encrypted IS
'Whether messages are ciphertext made by the clients.';
COMMENT ON COLUMN samia.chat_rooms.is_active IS
'Whether it is open; nothing is said in a closed room.';
COMMENT ON COLUMN samia.chat_rooms.auto_delete_after_hours IS
'Hours after which a message is deleted; null for never.';
COMMENT ON COLUMN samia.chat_rooms.reading_session_id IS 'Reading it was opened for, if one.';
COMMENT ON COLUMN samia.chat_rooms.metadata IS 'Further settings, by name.';
COMMENT ON COLUMN samia.chat_rooms.created_at IS 'When it was opened. Time of its first event.';
COMMENT ON COLUMN samia.chat_rooms.updated_at IS
'When its settings last changed. Time of the latest event.';
COMMENT ON COLUMN samia.chat_rooms.last_activity IS 'When something last happened in it.';

ALTER TABLE samia.chat_rooms ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.chat_rooms FORCE ROW LEVEL SECURITY;

-- policies

-- Participants read their rooms.
CREATE POLICY select_participant ON samia.chat_rooms FOR SELECT TO authenticated
    USING (participants @> ARRAY[(SELECT auth.uid())]);

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.chat_rooms FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.chat_rooms FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.chat_rooms FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.chat_rooms TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.chat_rooms TO projector;
