-- Values listed in comments are checks (F113). started_at is when the call became active (F101).

CREATE TABLE samia.video_call_sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    room_id uuid,
    initiator_id uuid NOT NULL,
    participants uuid[] NOT NULL,
    call_type character varying(50) DEFAULT 'video',
    status character varying(50) DEFAULT 'initiated',
    duration_seconds integer,
    quality_rating integer,
    connection_quality jsonb,
    server_region character varying(50),
    ice_servers_used jsonb,
    started_at timestamp with time zone DEFAULT now(),
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    CONSTRAINT video_call_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT video_call_sessions_room_id_fkey FOREIGN KEY (room_id)
        REFERENCES samia.chat_rooms (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT video_call_sessions_initiator_id_fkey FOREIGN KEY (initiator_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT video_call_sessions_quality_rating_check CHECK (quality_rating BETWEEN 1 AND 5),
    CONSTRAINT video_call_sessions_call_type_check
        CHECK (call_type IN ('video', 'audio', 'screen_share')),
    CONSTRAINT video_call_sessions_status_check
        CHECK (status IN ('initiated', 'ringing', 'active', 'ended', 'failed'))
);
ALTER TABLE samia.video_call_sessions OWNER TO annals_owner;

CREATE INDEX idx_video_calls_initiator ON samia.video_call_sessions (initiator_id);
CREATE INDEX idx_video_calls_participants ON samia.video_call_sessions USING gin (participants);
CREATE INDEX idx_video_calls_status ON samia.video_call_sessions (status);

COMMENT ON TABLE samia.video_call_sessions IS
'Calls with participants, state and quality.

Seen by whoever started it and by its participants.';
COMMENT ON COLUMN samia.video_call_sessions.id IS 'The call. From the event that began it.';
COMMENT ON COLUMN samia.video_call_sessions.room_id IS 'Room it is held in.';
COMMENT ON COLUMN samia.video_call_sessions.initiator_id IS 'Person who called.';
COMMENT ON COLUMN samia.video_call_sessions.participants IS 'People called, the caller included.';
COMMENT ON COLUMN samia.video_call_sessions.call_type IS 'video, audio or screen_share.';
COMMENT ON COLUMN samia.video_call_sessions.status IS
'initiated, ringing, active, then ended or failed.';
COMMENT ON COLUMN samia.video_call_sessions.duration_seconds IS
'Whole seconds from becoming active to the end.';
COMMENT ON COLUMN samia.video_call_sessions.quality_rating IS
'Rating by a participant, from 1 (worst) to 5 (best); the last one stands.';
COMMENT ON COLUMN samia.video_call_sessions.connection_quality IS 'Measurements of the connection.';
COMMENT ON COLUMN samia.video_call_sessions.server_region IS
'Region of the server that carried it.';
COMMENT ON COLUMN samia.video_call_sessions.ice_servers_used IS 'Servers that helped to connect.';
COMMENT ON COLUMN samia.video_call_sessions.started_at IS 'When it became active; null before.';
COMMENT ON COLUMN samia.video_call_sessions.ended_at IS 'When it ended or failed.';
COMMENT ON COLUMN samia.video_call_sessions.created_at IS
'When it was begun. Time of its first event.';

ALTER TABLE samia.video_call_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.video_call_sessions FORCE ROW LEVEL SECURITY;

-- policies

-- Caller and participants read a call.
CREATE POLICY select_party ON samia.video_call_sessions FOR SELECT TO authenticated
    USING (initiator_id = (SELECT auth.uid()) OR participants @> ARRAY[(SELECT auth.uid())]);

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.video_call_sessions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.video_call_sessions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.video_call_sessions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.video_call_sessions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.video_call_sessions TO projector;
