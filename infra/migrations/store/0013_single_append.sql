-- The same append, with less work where somebody waits for it: one command of one event, which is what a quiet system
-- is asked for, needs no arrays taken apart.
SET LOCAL ROLE annals_owner;

-- Appends a batch: events of many commands to many streams, all or nothing, in one round trip.
--
-- `expected` is the position the caller believes to be the last. If it is, nobody else wrote since,
-- and all that was decided on still holds. If not, the versions of all streams that were looked at
-- (`guard_*`) are compared with the log.
--
-- Refuses with SQLSTATE AN001 (a stream moved on; DETAIL lists them), AN002 (the caller's clock is
-- behind the log's; DETAIL is the log's time), 23505 on commands_pkey (a command id is known already). Returns the
-- position before the batch's first event.
CREATE OR REPLACE FUNCTION annals.append(
    expected bigint,
    event_aggregate_type text[], event_aggregate_id text[], event_sequence bigint[],
    event_type text[], event_version text[], event_payload text[], event_metadata text[],
    event_id uuid[], event_recorded_at timestamptz[], event_hash bytea[],
    command_key uuid[], command_fingerprint bytea[], command_first integer[],
    command_events integer[], command_target integer[], command_outcome text[],
    release_field text[], release_owner text[],
    take_field text[], take_hash bytea[], take_owner text[],
    guard_type text[], guard_id text[], guard_version bigint[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    base bigint;
    count bigint := coalesce(array_length(event_id, 1), 0);
    stale json;
BEGIN
    IF count > 0 THEN
        UPDATE annals.head AS head
        SET position = head.position + count, recorded_at = event_recorded_at[count]
        WHERE head.recorded_at <= event_recorded_at[1]
        RETURNING head.position - count INTO base;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the clock is behind the log'
                USING ERRCODE = 'AN002',
                      DETAIL = (SELECT to_json(head.recorded_at) #>> '{}' FROM annals.head AS head);
        END IF;
    ELSE
        SELECT head.position INTO base FROM annals.head AS head FOR UPDATE;
    END IF;
    IF base <> expected THEN
        SELECT json_agg(json_build_array(guard.kind, guard.id)) INTO stale
        FROM unnest(guard_type, guard_id, guard_version) AS guard (kind, id, version)
        WHERE guard.version <> coalesce((
            SELECT max(event.sequence) FROM annals.events AS event
            WHERE event.aggregate_type = guard.kind AND event.aggregate_id = guard.id), 0);
        IF stale IS NOT NULL THEN
            RAISE EXCEPTION 'a stream moved on' USING ERRCODE = 'AN001', DETAIL = stale::text;
        END IF;
    END IF;

    IF count = 1 AND array_length(command_key, 1) = 1 THEN
        INSERT INTO annals.commands (key, fingerprint, position, events, target, outcome, recorded_at)
        VALUES (command_key[1], command_fingerprint[1], base + command_first[1], command_events[1],
                command_target[1], command_outcome[1]::json, event_recorded_at[1]);
        INSERT INTO annals.events (position, aggregate_type, aggregate_id, sequence, event_type,
                                   event_version, payload, metadata, event_id, recorded_at, hash)
        VALUES (base + 1, event_aggregate_type[1], event_aggregate_id[1], event_sequence[1],
                event_type[1], event_version[1], event_payload[1]::json, event_metadata[1]::json,
                event_id[1], event_recorded_at[1], event_hash[1]);
    ELSE
        INSERT INTO annals.commands (key, fingerprint, position, events, target, outcome, recorded_at)
        SELECT given.key, given.fingerprint, base + given.first, given.events, given.target,
               given.outcome::json, coalesce(event_recorded_at[1], clock_timestamp())
        FROM unnest(command_key, command_fingerprint, command_first, command_events, command_target,
                    command_outcome)
            AS given (key, fingerprint, first, events, target, outcome);

        IF count > 0 THEN
            INSERT INTO annals.events (position, aggregate_type, aggregate_id, sequence, event_type,
                                       event_version, payload, metadata, event_id, recorded_at, hash)
            SELECT base + given.nth, given.kind, given.id, given.sequence, given.event_type,
                   given.event_version, given.payload::json, given.metadata::json, given.event_id,
                   given.recorded_at, given.hash
            FROM unnest(event_aggregate_type, event_aggregate_id, event_sequence, event_type,
                        event_version, event_payload, event_metadata, event_id, event_recorded_at,
                        event_hash)
                WITH ORDINALITY AS given (kind, id, sequence, event_type, event_version, payload,
                                          metadata, event_id, recorded_at, hash, nth);
        END IF;
    END IF;

    IF coalesce(array_length(release_field, 1), 0) > 0 THEN
        DELETE FROM annals.claims AS claim
        USING unnest(release_field, release_owner) AS given (field, owner)
        WHERE claim.field = given.field AND claim.owner = given.owner;
    END IF;
    IF coalesce(array_length(take_field, 1), 0) > 0 THEN
        INSERT INTO annals.claims (field, hash, owner)
        SELECT given.field, given.hash, given.owner
        FROM unnest(take_field, take_hash, take_owner) AS given (field, hash, owner);
    END IF;

    RETURN base;
END
$$;

RESET ROLE;
