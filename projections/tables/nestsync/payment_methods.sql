-- Tokens, brand, last four digits and expiry only (F139).

CREATE TABLE nestsync.payment_methods (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL,
    method_type text NOT NULL,
    provider text NOT NULL,
    provider_method_id text NOT NULL,
    brand text,
    last_four text,
    expiry_month integer,
    expiry_year integer,
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    CONSTRAINT payment_methods_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT payment_methods_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT payment_methods_method_type_check
        CHECK (method_type IN ('card', 'bank_account', 'digital_wallet')),
    CONSTRAINT payment_methods_expiry_month_check CHECK (expiry_month BETWEEN 1 AND 12),
    CONSTRAINT payment_methods_last_four_check CHECK (last_four ~ '^[0-9]{4}$')
);
ALTER TABLE nestsync.payment_methods OWNER TO annals_owner;

CREATE INDEX idx_payment_methods_family ON nestsync.payment_methods (family_id);
CREATE INDEX idx_payment_methods_user ON nestsync.payment_methods (user_id);
CREATE UNIQUE INDEX idx_payment_methods_default ON nestsync.payment_methods (family_id)
    WHERE is_default AND deleted_at IS NULL;

COMMENT ON TABLE nestsync.payment_methods IS
'Means of payment of a family''s members.

Tokens of the payment provider only; a card number is never taken.';
COMMENT ON COLUMN nestsync.payment_methods.id IS
'The means of payment. From the event that added it.';
COMMENT ON COLUMN nestsync.payment_methods.family_id IS 'Family it pays for.';
COMMENT ON COLUMN nestsync.payment_methods.user_id IS 'Member it belongs to.';
COMMENT ON COLUMN nestsync.payment_methods.method_type IS 'card, bank_account or digital_wallet.';
COMMENT ON COLUMN nestsync.payment_methods.provider IS 'Payment provider that holds it.';
COMMENT ON COLUMN nestsync.payment_methods.provider_method_id IS
'Token by which the provider knows it.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN nestsync.payment_methods.brand IS
'Brand of the card or name of the bank.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.payment_methods.last_four IS
'Last four digits.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.payment_methods.expiry_month IS
'Month of expiry, from 1 to 12.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.payment_methods.expiry_year IS
'Year of expiry, four digits.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.payment_methods.is_default IS
'Whether it is the family''s first choice; at most one is.';
COMMENT ON COLUMN nestsync.payment_methods.created_at IS
'When it was added. Time of its first event.';
COMMENT ON COLUMN nestsync.payment_methods.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN nestsync.payment_methods.deleted_at IS
'When it was removed; null while it can be used.';

ALTER TABLE nestsync.payment_methods ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.payment_methods FORCE ROW LEVEL SECURITY;

-- policies

-- A member reads the own means of payment, with billing.manage the family's, but for removed
-- ones.
CREATE POLICY select_member ON nestsync.payment_methods FOR SELECT TO authenticated
    USING (
        deleted_at IS NULL AND (
            (user_id = (SELECT auth.uid())
                AND family_id = ANY ((SELECT nestsync.actor_families())::uuid[]))
            OR family_id = ANY ((SELECT nestsync.families_where_actor_may('billing.manage'))::uuid[])
        )
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.payment_methods FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.payment_methods FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.payment_methods FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.payment_methods FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.payment_methods TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.payment_methods TO projector;
