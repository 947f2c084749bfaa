-- A command of several events has all of them or none, whatever its sender knows.
WITH several AS (SELECT * FROM outcomes WHERE expected > 1),
     bad AS (SELECT id FROM several WHERE found NOT IN (0, expected))
SELECT (SELECT count(*) FROM several),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id, ' '), 200) FROM bad);
