-- A command whose sender never learned of its outcome is there whole, or not at all.
WITH unknown AS (SELECT * FROM outcomes WHERE NOT accepted AND NOT refused),
     bad AS (SELECT id FROM unknown WHERE found NOT IN (0, expected))
SELECT (SELECT count(*) FROM unknown),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id, ' '), 200) FROM bad);
