-- What a good team without an event store would write: two tables and one function, called once for
-- each movement, in its own transaction. Idempotency, sealing, authorisation and history are left out.
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;

CREATE TABLE peer.wallets (
    user_id       uuid PRIMARY KEY,
    balance       numeric(15,2) NOT NULL CHECK (balance >= 0),
    currency      varchar(3) NOT NULL DEFAULT 'USD',
    daily_limit   numeric(15,2),
    monthly_limit numeric(15,2),
    is_frozen     boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE peer.transactions (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id          uuid NOT NULL REFERENCES peer.wallets,
    transaction_type varchar(50) NOT NULL CHECK (transaction_type IN ('deposit', 'withdrawal', 'payment')),
    amount           numeric(15,2) NOT NULL CHECK (amount > 0),
    currency         varchar(3) NOT NULL,
    status           varchar(50) NOT NULL,
    description      text,
    metadata         jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    completed_at     timestamptz
);
CREATE INDEX ON peer.transactions (user_id, created_at);

CREATE FUNCTION peer.spent(wallet uuid, since timestamptz) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(amount), 0) FROM peer.transactions
    WHERE user_id = wallet AND created_at >= since AND transaction_type IN ('withdrawal', 'payment')
$$;

CREATE FUNCTION peer.move(wallet uuid, kind text, moved numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    held peer.wallets%ROWTYPE;
BEGIN
    SELECT * INTO held FROM peer.wallets WHERE user_id = wallet FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'wallet_not_found';
    END IF;
    IF held.is_frozen THEN
        RAISE EXCEPTION 'wallet_frozen';
    END IF;
    IF kind = 'deposit' THEN
        held.balance := held.balance + moved;
    ELSE
        IF held.balance < moved THEN
            RAISE EXCEPTION 'insufficient_funds';
        END IF;
        IF held.daily_limit IS NOT NULL
            AND peer.spent(wallet, date_trunc('day', now(), 'UTC')) + moved > held.daily_limit THEN
            RAISE EXCEPTION 'daily_limit_exceeded';
        END IF;
        IF held.monthly_limit IS NOT NULL
            AND peer.spent(wallet, date_trunc('month', now(), 'UTC')) + moved > held.monthly_limit THEN
            RAISE EXCEPTION 'monthly_limit_exceeded';
        END IF;
        held.balance := held.balance - moved;
    END IF;
    UPDATE peer.wallets SET balance = held.balance, updated_at = now() WHERE user_id = wallet;
    INSERT INTO peer.transactions (user_id, transaction_type, amount, currency, status, completed_at)
    VALUES (wallet, kind, moved, held.currency, 'completed', now());
    RETURN held.balance::text;
END
$$;
