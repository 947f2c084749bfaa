-- NaN passes balance >= 0, so it is ruled out by name (F031). References are declared once
-- (F090).

CREATE TABLE samia.user_wallets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    balance numeric(15,2) DEFAULT 0.00,
    currency character varying(3) DEFAULT 'USD',
    daily_limit numeric(15,2) DEFAULT 1000.00,
    monthly_limit numeric(15,2) DEFAULT 10000.00,
    is_frozen boolean DEFAULT false,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT user_wallets_pkey PRIMARY KEY (id),
    CONSTRAINT user_wallets_user_id_key UNIQUE (user_id),
    CONSTRAINT user_wallets_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT user_wallets_balance_check CHECK (balance >= 0),
    CONSTRAINT user_wallets_balance_finite CHECK (balance <> 'NaN')
);
ALTER TABLE samia.user_wallets OWNER TO annals_owner;

-- idx_user_wallets_user is the index of the unique constraint on user_id (F024).

COMMENT ON TABLE samia.user_wallets IS
'Balance, currency, limits and freeze of a user''s wallet.

One row per user, seen by nobody else.';
COMMENT ON COLUMN samia.user_wallets.id IS 'The wallet. From the event that opened it.';
COMMENT ON COLUMN samia.user_wallets.user_id IS 'Person it belongs to.';
COMMENT ON COLUMN samia.user_wallets.balance IS 'Money in it, in its currency; never below zero.';
COMMENT ON COLUMN samia.user_wallets.currency IS 'Currency, as a three-letter code.';
COMMENT ON COLUMN samia.user_wallets.daily_limit IS
'Most that may leave it in a UTC day, in its currency.';
COMMENT ON COLUMN samia.user_wallets.monthly_limit IS
'Most that may leave it in a UTC month, in its currency.';
COMMENT ON COLUMN samia.user_wallets.is_frozen IS
'Whether it is frozen: then only refunds and what was already pending move money.';
COMMENT ON COLUMN samia.user_wallets.created_at IS 'When it was opened. Time of its first event.';
COMMENT ON COLUMN samia.user_wallets.updated_at IS
'When it last changed. Time of the latest event.';

ALTER TABLE samia.user_wallets ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.user_wallets FORCE ROW LEVEL SECURITY;

-- policies

-- Owners read their wallet; nobody else does, not even admins.
CREATE POLICY select_own ON samia.user_wallets FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.user_wallets FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.user_wallets FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.user_wallets FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.user_wallets TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.user_wallets TO projector;
