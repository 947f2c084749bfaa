-- Every event that an answer named is stored, under the position and version that were named.
WITH named AS (
    SELECT answers.id, event.event_id, event.nth = cardinality(answers.events) AS is_last,
           answers.position
    FROM answers
    CROSS JOIN LATERAL unnest(answers.events) WITH ORDINALITY AS event (event_id, nth)
    WHERE answers.answer = 'ok'
), bad AS (
    SELECT named.id FROM named LEFT JOIN stored USING (event_id)
    WHERE stored.position IS NULL OR stored.command_id <> named.id
       OR (named.is_last AND stored.position <> named.position)
    UNION
    SELECT answers.id FROM answers JOIN journal USING (id)
    WHERE answers.answer = 'ok'
      AND (cardinality(answers.events) <> journal.expected OR NOT EXISTS (
          SELECT FROM stored
          WHERE stored.command_id = answers.id AND stored.aggregate_id = journal.target::text
            AND stored.sequence = answers.version))
)
SELECT (SELECT count(*) FROM outcomes WHERE accepted),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id, ' '), 200) FROM bad);
