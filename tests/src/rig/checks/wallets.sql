-- samia.user_wallets is what its events make of it.
WITH events AS (
    SELECT *, payload::jsonb AS said FROM stored WHERE aggregate_type = 'samia.wallet'
), opened AS (
    SELECT aggregate_id, (said ->> 'id')::uuid AS id, said ->> 'currency' AS currency,
           (said ->> 'is_frozen')::boolean AS is_frozen, recorded_at
    FROM events WHERE event_type = 'WalletOpened'
), replayed AS (
    SELECT opened.id, opened.aggregate_id::uuid AS user_id, (
               SELECT (said ->> 'balance')::numeric FROM events
               WHERE events.aggregate_id = opened.aggregate_id AND said ? 'balance'
               ORDER BY sequence DESC LIMIT 1) AS balance,
           opened.currency, (limits.said ->> 'daily_limit')::numeric AS daily_limit,
           (limits.said ->> 'monthly_limit')::numeric AS monthly_limit, opened.is_frozen,
           opened.recorded_at AS created_at, (
               SELECT max(recorded_at) FROM events
               WHERE events.aggregate_id = opened.aggregate_id) AS updated_at
    FROM opened
    CROSS JOIN LATERAL (
        SELECT said FROM events
        WHERE events.aggregate_id = opened.aggregate_id
          AND event_type IN ('WalletOpened', 'WalletLimitsSet')
        ORDER BY sequence DESC LIMIT 1
    ) AS limits
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
