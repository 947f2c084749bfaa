-- A wallet's row holds what its commands moved: those that were accepted, and those unknown ones that are
-- in the log. Amounts are the journal's, not the events'.
WITH sums AS (
    SELECT target, sum(cents) FILTER (WHERE accepted OR (NOT refused AND found > 0)) AS cents
    FROM outcomes WHERE cents <> 0 GROUP BY target
), bad AS (
    SELECT target FROM sums LEFT JOIN samia.user_wallets AS wallet ON wallet.user_id = sums.target
    WHERE wallet.balance * 100 IS DISTINCT FROM coalesce(sums.cents, 0)::numeric
)
SELECT (SELECT count(*) FROM sums),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(target::text, ' '), 200) FROM bad);
