-- Each balance that a wallet ever had is kept with the event that made it, and one version is open.
WITH replayed AS (
    SELECT aggregate_id::uuid AS user_id, position, event_id,
           (payload::jsonb ->> 'balance')::numeric AS balance
    FROM stored WHERE aggregate_type = 'samia.wallet' AND payload::jsonb ? 'balance'
), bad AS (
    SELECT replayed.position FROM replayed
    WHERE NOT EXISTS (
        SELECT FROM samia_history.user_wallets AS version
        WHERE version.user_id = replayed.user_id AND version.annals_from = replayed.position
          AND version.balance = replayed.balance)
    UNION ALL
    SELECT count(*) FROM samia_history.user_wallets AS version
    WHERE version.annals_to_at = 'infinity' GROUP BY version.user_id HAVING count(*) <> 1
)
SELECT (SELECT count(*) FROM replayed),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(position::text, ' '), 200) FROM bad);
