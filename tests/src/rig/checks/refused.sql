-- What was refused changed nothing; the refusal itself is kept, once.
WITH bad AS (
    SELECT id FROM outcomes
    WHERE refused AND (found > 0 OR (command LIKE 'samia.%' AND refusals <> 1))
)
SELECT (SELECT count(*) FROM outcomes WHERE refused),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id, ' '), 200) FROM bad);
