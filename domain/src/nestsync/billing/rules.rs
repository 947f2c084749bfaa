//! How billing decides, and what counts as a price or a card's number.

use super::*;

impl Billing {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        let id = row.or_default("id");
        if row.table() == "payment_methods" {
            if !row.has("deleted_at") {
                self.payment_methods.insert(id);
                self.default = if row.or_default("is_default") { Some(id) } else { self.default };
            }
            return;
        }
        self.trial_used |= row.has("trial_ends_at");
        let status = row.get("status");
        let status = status.filter(|it| !matches!(it, Status::Cancelled | Status::Expired));
        if let (Some(status), Some(billing_interval)) = (status, row.get("billing_interval")) {
            self.live = Some(Live {
                id,
                status,
                payment_method_id: row.get("payment_method_id"),
                billing_interval,
                current_period_end: row.or_default("current_period_end"),
                cancel_at_period_end: row.or_default("cancel_at_period_end"),
            });
        }
    }
}

/// Means of payment.
impl Billing {
    pub(super) fn add(
        &self,
        new: AddPaymentMethod,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let texts = [Some(&new.provider_method_id), Some(&new.provider), new.brand.as_ref()];
        if texts.into_iter().flatten().any(|text| is_card_number(text)) {
            return Err(Refusal::RawCardRefused);
        }
        if !is_filled(&new.provider) || !is_filled(&new.provider_method_id) {
            return Err(Refusal::TokenBlank);
        }
        let is_four_digits =
            |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !new.last_four.as_deref().is_none_or(is_four_digits) {
            return Err(Refusal::LastFourInvalid);
        }
        if !new.expiry_month.is_none_or(|month| (1..=12).contains(&month))
            || !new.expiry_year.is_none_or(|year| (1_000..=9_999).contains(&year))
        {
            return Err(Refusal::ExpiryInvalid);
        }
        let added = PaymentMethodAdded {
            payment_method_id: moment.new_id(),
            user_id: moment.actor,
            method_type: new.method_type,
            provider: new.provider,
            provider_method_id: new.provider_method_id,
            brand: new.brand,
            last_four: new.last_four,
            expiry_month: new.expiry_month,
            expiry_year: new.expiry_year,
            is_default: self.payment_methods.is_empty(),
        };
        Ok(vec![added.into()])
    }

    pub(super) fn choose(&self, payment_method_id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.known(payment_method_id)?;
        if self.default == Some(payment_method_id) {
            return Ok(vec![]);
        }
        let former_payment_method_id = self.default;
        Ok(vec![DefaultPaymentMethodChosen { payment_method_id, former_payment_method_id }.into()])
    }

    pub(super) fn remove(
        &self,
        payment_method_id: Uuid,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.known(payment_method_id)?;
        let live = self.live.as_ref();
        if live.is_some_and(|live| live.payment_method_id == Some(payment_method_id)) {
            return Err(Refusal::PaymentMethodInUse);
        }
        let (is_default, deleted_at) = (false, moment.now);
        Ok(vec![PaymentMethodRemoved { payment_method_id, is_default, deleted_at }.into()])
    }

    pub(super) fn known(&self, payment_method_id: Uuid) -> Result<Uuid, Refusal> {
        if self.payment_methods.contains(&payment_method_id) {
            Ok(payment_method_id)
        } else {
            Err(Refusal::PaymentMethodUnknown)
        }
    }
}

/// The subscription.
impl Billing {
    pub(super) fn live(&self) -> Result<&Live, Refusal> {
        self.live.as_ref().ok_or(Refusal::SubscriptionTransitionRefused)
    }

    pub(super) fn start_trial(
        &self,
        new: StartTrial,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        if self.live.is_some() || self.trial_used {
            return Err(Refusal::SubscriptionExists);
        }
        let ends_at = moment.now + Duration::days(TRIAL_DAYS);
        let started = TrialStarted {
            subscription_id: moment.new_id(),
            payer_id: moment.actor,
            payment_method_id: new.payment_method_id.map(|id| self.known(id)).transpose()?,
            plan: Plan::Premium,
            billing_interval: new.billing_interval,
            price_cents: price(new.price_cents)?,
            currency: currency(new.currency)?,
            status: Status::Trialing,
            trial_ends_at: ends_at,
            current_period_start: moment.now,
            current_period_end: ends_at,
            cancel_at_period_end: false,
        };
        Ok(vec![started.into()])
    }

    pub(super) fn start(
        &self,
        new: StartSubscription,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let trial = match &self.live {
            None => None,
            Some(live) if live.status == Status::Trialing => Some(live),
            Some(_) => return Err(Refusal::SubscriptionExists),
        };
        let started = SubscriptionStarted {
            subscription_id: trial.map_or_else(|| moment.new_id(), |trial| trial.id),
            from_trial: trial.is_some(),
            payer_id: moment.actor,
            payment_method_id: match new.payment_method_id {
                Some(given) => Some(self.known(given)?),
                None => trial.and_then(|trial| trial.payment_method_id).or(self.default),
            },
            plan: Plan::Premium,
            billing_interval: new.billing_interval,
            price_cents: price(new.price_cents)?,
            currency: currency(new.currency)?,
            status: Status::Active,
            current_period_start: moment.now,
            current_period_end: new.billing_interval.after(moment.now)?,
            provider: new.provider,
            provider_subscription_id: new.provider_subscription_id,
        };
        Ok(vec![started.into()])
    }

    pub(super) fn renew(&self, period: &RenewSubscription) -> Result<Vec<Event>, Refusal> {
        let live = self.live()?;
        let start = period.current_period_start.unwrap_or(live.current_period_end);
        let start = start.trunc_subsecs(6);
        let end = match period.current_period_end {
            Some(end) => end.trunc_subsecs(6),
            None => live.billing_interval.after(start)?,
        };
        if end <= start {
            return Err(Refusal::PeriodInvalid);
        }
        let renewed = SubscriptionRenewed {
            subscription_id: live.id,
            status: Status::Active,
            current_period_start: start,
            current_period_end: end,
        };
        Ok(vec![renewed.into()])
    }

    pub(super) fn past_due(&self) -> Result<Vec<Event>, Refusal> {
        let live = self.live()?;
        match live.status {
            Status::Active => {
                let (subscription_id, status) = (live.id, Status::PastDue);
                Ok(vec![SubscriptionPastDue { subscription_id, status }.into()])
            }
            Status::PastDue => Ok(vec![]),
            Status::Trialing | Status::Cancelled | Status::Expired => {
                Err(Refusal::SubscriptionTransitionRefused)
            }
        }
    }

    pub(super) fn cancel(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let live = self.live()?;
        if live.cancel_at_period_end {
            return Ok(vec![]);
        }
        let requested = SubscriptionCancellationRequested {
            subscription_id: live.id,
            cancel_at_period_end: true,
            cancelled_at: Some(moment.now),
        };
        Ok(vec![requested.into()])
    }

    pub(super) fn resume(&self) -> Result<Vec<Event>, Refusal> {
        let live = self.live()?;
        if !live.cancel_at_period_end {
            return Ok(vec![]);
        }
        let resumed = SubscriptionResumed {
            subscription_id: live.id,
            cancel_at_period_end: false,
            cancelled_at: None,
        };
        Ok(vec![resumed.into()])
    }

    pub(super) fn expire(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let live = self.live()?;
        match live.status {
            Status::Trialing | Status::PastDue => {
                let (subscription_id, status) = (live.id, Status::Expired);
                Ok(vec![
                    SubscriptionExpired { subscription_id, status, ended_at: moment.now }.into(),
                ])
            }
            Status::Active | Status::Cancelled | Status::Expired => {
                Err(Refusal::SubscriptionTransitionRefused)
            }
        }
    }

    /// What starts out of a trial keeps what was wished for the trial's end.
    pub(super) fn started(&mut self, started: &SubscriptionStarted) {
        let trial = self.live.take().filter(|_| started.from_trial);
        self.live = Some(Live {
            id: started.subscription_id,
            status: started.status,
            payment_method_id: started.payment_method_id,
            billing_interval: started.billing_interval,
            current_period_end: started.current_period_end,
            cancel_at_period_end: trial.is_some_and(|trial| trial.cancel_at_period_end),
        });
    }
}

pub(super) fn price(cents: u32) -> Result<u32, Refusal> {
    if cents <= LARGEST_PRICE { Ok(cents) } else { Err(Refusal::PriceInvalid) }
}

pub(super) fn currency(code: Option<String>) -> Result<String, Refusal> {
    let code = code.map_or_else(|| "CAD".to_owned(), |code| code.to_ascii_uppercase());
    if code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(Refusal::CurrencyUnknown)
    }
}

/// Whether a text is a card's number: 12 to 19 digits, however spaced, that pass the Luhn check.
pub(super) fn is_card_number(text: &str) -> bool {
    let is_space = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '.' | '_');
    let digits: Option<Vec<u32>> =
        text.chars().filter(|letter| !is_space(letter)).map(|letter| letter.to_digit(10)).collect();
    digits.is_some_and(|digits| (12..=19).contains(&digits.len()) && passes_luhn(&digits))
}

pub(super) fn passes_luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    });
    weighed.sum::<u32>().is_multiple_of(10)
}
