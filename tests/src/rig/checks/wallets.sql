-- samia.user_wallets is what its events make of it.
WITH events AS (
    SELECT aggregate_id, sequence, event_type, recorded_at, payload::jsonb AS said
    FROM stored WHERE aggregate_type = 'samia.wallet'
), opened AS (
    SELECT aggregate_id, (said ->> 'id')::uuid AS id, said ->> 'currency' AS currency,
           (said ->> 'is_frozen')::boolean AS is_frozen, recorded_at
    FROM events WHERE event_type = 'WalletOpened'
), balances AS (
    SELECT DISTINCT ON (aggregate_id) aggregate_id, (said ->> 'balance')::numeric AS balance
    FROM events WHERE said ? 'balance' ORDER BY aggregate_id, sequence DESC
), limits AS (
    SELECT DISTINCT ON (aggregate_id) aggregate_id, (said ->> 'daily_limit')::numeric AS daily_limit,
           (said ->> 'monthly_limit')::numeric AS monthly_limit
    FROM events WHERE event_type IN ('WalletOpened', 'WalletLimitsSet')
    ORDER BY aggregate_id, sequence DESC
), latest AS (
    SELECT aggregate_id, max(recorded_at) AS updated_at FROM events GROUP BY aggregate_id
), replayed AS (
    SELECT opened.id, aggregate_id::uuid AS user_id, balances.balance, opened.currency,
           limits.daily_limit, limits.monthly_limit, opened.is_frozen,
           opened.recorded_at AS created_at, latest.updated_at
    FROM opened JOIN balances USING (aggregate_id) JOIN limits USING (aggregate_id)
    JOIN latest USING (aggregate_id)
), shown AS (
    SELECT id, user_id, balance, currency::text, daily_limit, monthly_limit, is_frozen, created_at,
           updated_at
    FROM samia.user_wallets
), bad AS (
    SELECT user_id FROM (SELECT * FROM replayed EXCEPT ALL SELECT * FROM shown) AS missing
    UNION
    SELECT user_id FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM replayed) AS unfounded
)
SELECT (SELECT count(*) FROM replayed),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(user_id::text, ' '), 200) FROM bad);
