-- Deleted messages are hidden (F007). The type listed in a comment is a check (F113).

CREATE TABLE samia.chat_messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_id uuid,
    sender_id uuid NOT NULL,
    content text NOT NULL,
    message_type character varying(50) DEFAULT 'text',
    is_encrypted boolean DEFAULT false,
    file_url text,
    file_name character varying(255),
    file_size integer,
    file_type character varying(100),
    reply_to_id uuid,
    is_edited boolean DEFAULT false,
    edited_at timestamp with time zone,
    delivered_at timestamp with time zone,
    read_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT chat_messages_pkey PRIMARY KEY (id),
    CONSTRAINT chat_messages_room_id_fkey FOREIGN KEY (room_id)
        REFERENCES samia.chat_rooms (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT chat_messages_sender_id_fkey FOREIGN KEY (sender_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT chat_messages_reply_to_id_fkey FOREIGN KEY (reply_to_id)
        REFERENCES samia.chat_messages (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT chat_messages_message_type_check
        CHECK (message_type IN ('text', 'image', 'file', 'system'))
);
ALTER TABLE samia.chat_messages OWNER TO annals_owner;

CREATE INDEX idx_chat_messages_room ON samia.chat_messages (room_id);
CREATE INDEX idx_chat_messages_sender ON samia.chat_messages (sender_id);
CREATE INDEX idx_chat_messages_created ON samia.chat_messages (created_at);
CREATE INDEX idx_chat_messages_type ON samia.chat_messages (message_type);
CREATE INDEX idx_chat_messages_room_created ON samia.chat_messages (room_id, created_at);

COMMENT ON TABLE samia.chat_messages IS
'Messages of a room.

Seen by the room''s participants until deleted.';
COMMENT ON COLUMN samia.chat_messages.id IS 'The message. From the event that sent it.';
COMMENT ON COLUMN samia.chat_messages.room_id IS 'Room it was sent to.';
COMMENT ON COLUMN samia.chat_messages.sender_id IS 'Person who sent it.';
COMMENT ON COLUMN samia.chat_messages.content IS
'What it says; ciphertext in an encrypted room.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN samia.chat_messages.message_type IS 'text, image, file or system.';
COMMENT ON COLUMN samia.chat_messages.is_encrypted IS
'Whether content is ciphertext; as in its room, but for system messages.';
COMMENT ON COLUMN samia.chat_messages.file_url IS
'Address of the file sent with it.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.chat_messages.file_name IS
'Name of that file.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.chat_messages.file_size IS 'Size of that file, in bytes.';
COMMENT ON COLUMN samia.chat_messages.file_type IS 'Media type of that file.';
COMMENT ON COLUMN samia.chat_messages.reply_to_id IS 'Message of the same room it answers.';
COMMENT ON COLUMN samia.chat_messages.is_edited IS 'Whether it was changed after sending.';
COMMENT ON COLUMN samia.chat_messages.edited_at IS 'When it was last changed.';
COMMENT ON COLUMN samia.chat_messages.delivered_at IS
'When the last of the other participants had received it.';
COMMENT ON COLUMN samia.chat_messages.read_at IS
'When the last of the other participants had read it.';
COMMENT ON COLUMN samia.chat_messages.created_at IS 'When it was sent. Time of its first event.';
COMMENT ON COLUMN samia.chat_messages.deleted_at IS
'When it was deleted; its content is erased with it.';

ALTER TABLE samia.chat_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.chat_messages FORCE ROW LEVEL SECURITY;

-- policies

-- Participants read the messages of their rooms, but for deleted ones: those of
-- samia.in_room(room_id).
CREATE POLICY select_participant ON samia.chat_messages FOR SELECT TO authenticated
    USING (room_id = ANY ((SELECT samia.actor_rooms())::uuid[]) AND deleted_at IS NULL);

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.chat_messages FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.chat_messages FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.chat_messages FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.chat_messages TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.chat_messages TO projector;
