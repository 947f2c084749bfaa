-- lift.children is what its events make of it, with a profile each; numbers are 1 … n, given out once.
WITH replayed AS (
    SELECT aggregate_id::uuid AS id, (payload::jsonb ->> 'org_id')::uuid AS org_id,
           (payload::jsonb ->> 'display_id')::integer AS display_id, recorded_at AS created_at
    FROM stored WHERE event_type = 'ChildRegistered'
), shown AS (
    SELECT child.id, child.org_id, child.display_id, child.created_at
    FROM lift.children AS child JOIN lift.profiles AS profile ON profile.id = child.id
), numbered AS (
    SELECT id, display_id, row_number() OVER (PARTITION BY org_id ORDER BY display_id) AS nth
    FROM replayed
), bad AS (
    SELECT id FROM (SELECT * FROM replayed EXCEPT ALL SELECT * FROM shown) AS missing
    UNION
    SELECT id FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM replayed) AS unfounded
    UNION
    SELECT id FROM numbered WHERE display_id <> nth
    UNION
    SELECT child.id FROM lift.children AS child
    WHERE NOT EXISTS (SELECT FROM replayed WHERE replayed.id = child.id)
)
SELECT (SELECT count(*) FROM replayed),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id::text, ' '), 200) FROM bad);
