-- However often a command is sent, its answer is the same; another body under its id is turned away.
WITH final AS (SELECT * FROM answers WHERE answer IN ('ok', 'refused')),
bad AS (
    SELECT id || ' has several' AS what FROM final GROUP BY id
    HAVING count(DISTINCT (answer, code, version, position, events)) > 1
    UNION
    SELECT id || ' is not called a duplicate' FROM final WHERE again AND NOT duplicate
    UNION
    SELECT id || ' under another body: ' || code FROM answers
    WHERE answer = 'reused' AND code <> 'command_id_reused'
)
SELECT (SELECT count(*) FROM answers WHERE again),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(what, '; '), 300) FROM bad);
