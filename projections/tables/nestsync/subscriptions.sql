CREATE TABLE nestsync.subscriptions (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    payer_id uuid NOT NULL,
    payment_method_id uuid,
    plan text NOT NULL DEFAULT 'premium',
    billing_interval text NOT NULL,
    price_cents integer NOT NULL,
    currency text NOT NULL DEFAULT 'CAD',
    status text NOT NULL,
    trial_ends_at timestamp with time zone,
    current_period_start timestamp with time zone NOT NULL,
    current_period_end timestamp with time zone NOT NULL,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    cancelled_at timestamp with time zone,
    ended_at timestamp with time zone,
    provider text,
    provider_subscription_id text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
    CONSTRAINT subscriptions_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT subscriptions_payer_id_fkey FOREIGN KEY (payer_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT subscriptions_payment_method_id_fkey FOREIGN KEY (payment_method_id)
        REFERENCES nestsync.payment_methods (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT subscriptions_plan_check CHECK (plan IN ('premium')),
    CONSTRAINT subscriptions_billing_interval_check CHECK (billing_interval IN ('month', 'year')),
    CONSTRAINT subscriptions_status_check
        CHECK (status IN ('trialing', 'active', 'past_due', 'cancelled', 'expired')),
    CONSTRAINT subscriptions_price_cents_check CHECK (price_cents >= 0),
    CONSTRAINT subscriptions_period_check CHECK (current_period_end > current_period_start)
);
ALTER TABLE nestsync.subscriptions OWNER TO annals_owner;

CREATE INDEX idx_subscriptions_payer ON nestsync.subscriptions (payer_id);
CREATE INDEX idx_subscriptions_payment_method ON nestsync.subscriptions (payment_method_id);
CREATE INDEX idx_subscriptions_family ON nestsync.subscriptions (family_id);
CREATE UNIQUE INDEX idx_subscriptions_live ON nestsync.subscriptions (family_id)
    WHERE status IN ('trialing', 'active', 'past_due');

COMMENT ON TABLE nestsync.subscriptions IS
'Premium subscriptions of a family.

At most one trialing, active or past due; one trial per family ever.';
COMMENT ON COLUMN nestsync.subscriptions.id IS 'The subscription. From the event that began it.';
COMMENT ON COLUMN nestsync.subscriptions.family_id IS 'Family that has it.';
COMMENT ON COLUMN nestsync.subscriptions.payer_id IS 'Member who pays.';
COMMENT ON COLUMN nestsync.subscriptions.payment_method_id IS
'Means of payment it is charged to; null during a trial without one.';
COMMENT ON COLUMN nestsync.subscriptions.plan IS 'Plan subscribed to; there is one, premium.';
COMMENT ON COLUMN nestsync.subscriptions.billing_interval IS 'month or year.';
COMMENT ON COLUMN nestsync.subscriptions.price_cents IS
'Price of one interval, in hundredths of the currency.';
COMMENT ON COLUMN nestsync.subscriptions.currency IS
'Currency of the price, as a three-letter code.';
COMMENT ON COLUMN nestsync.subscriptions.status IS
'trialing, active, past_due, cancelled or expired; the last two are final.';
COMMENT ON COLUMN nestsync.subscriptions.trial_ends_at IS 'When the trial ends; null without one.';
COMMENT ON COLUMN nestsync.subscriptions.current_period_start IS
'Start of the period paid for, or of the trial.';
COMMENT ON COLUMN nestsync.subscriptions.current_period_end IS 'End of that period.';
COMMENT ON COLUMN nestsync.subscriptions.cancel_at_period_end IS
'Whether it ends instead of renewing.';
COMMENT ON COLUMN nestsync.subscriptions.cancelled_at IS 'When its end was asked for.';
COMMENT ON COLUMN nestsync.subscriptions.ended_at IS 'When it ended.';
COMMENT ON COLUMN nestsync.subscriptions.provider IS 'Payment provider that charges for it.';
COMMENT ON COLUMN nestsync.subscriptions.provider_subscription_id IS
'Name of the subscription there.';
COMMENT ON COLUMN nestsync.subscriptions.created_at IS 'When it began. Time of its first event.';
COMMENT ON COLUMN nestsync.subscriptions.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.subscriptions FORCE ROW LEVEL SECURITY;

-- policies

-- Members with billing.read read subscriptions.
CREATE POLICY select_member ON nestsync.subscriptions FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.families_where_actor_may('billing.read'))::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.subscriptions FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.subscriptions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.subscriptions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.subscriptions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.subscriptions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.subscriptions TO projector;
