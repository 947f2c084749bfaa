-- No command led to more events than once, and those of one command stand together.
WITH bad AS (SELECT id FROM outcomes WHERE found > expected OR refusals > 1 OR NOT together)
SELECT (SELECT count(*) FROM outcomes WHERE found + refusals > 0),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id, ' '), 200) FROM bad);
