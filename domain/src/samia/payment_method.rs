//! A user's means of payment, known by the gateways' tokens alone.
//!
//! The stream has the user's id and holds all of the user's methods, so that one of them is the
//! default (samia.rule.payment_method.default).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{money::Provider, words::Text};
use crate::{Decider, Imported, Moment, commands, events, refusals};

/// How many methods a user may have at once.
pub const MOST_METHODS: usize = 50;

/// What kind of means it is (samia.payment_methods.method_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodType {
    /// A card.
    Card,
    /// A bank account.
    BankAccount,
    /// A digital wallet.
    DigitalWallet,
}

/// Adds a means of payment by its token; the first is the default. (samia.command.AddPaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPaymentMethod {
    /// What kind of means.
    pub method_type: MethodType,
    /// Whose token it is.
    pub provider: Provider,
    /// The gateway's token; never a card's number.
    pub provider_method_id: Text<255>,
    /// How the user calls it.
    #[serde(default)]
    pub display_name: Option<Text<255>>,
    /// The last four digits.
    #[serde(default)]
    pub last_four: Option<Text<4>>,
    /// The brand.
    #[serde(default)]
    pub brand: Option<Text<50>>,
    /// The month in which it expires, 1 to 12.
    #[serde(default)]
    pub expiry_month: Option<i32>,
    /// The year in which it expires, in four digits.
    #[serde(default)]
    pub expiry_year: Option<i32>,
}

/// The gateway has verified a means of payment. (samia.command.VerifyPaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyPaymentMethod {
    /// Which one.
    pub payment_method_id: Uuid,
}

/// Makes a means of payment the default. (samia.command.ChooseDefaultPaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseDefaultPaymentMethod {
    /// Which one.
    pub payment_method_id: Uuid,
}

/// Takes a means of payment out of use; its row stays. (samia.command.RemovePaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePaymentMethod {
    /// Which one.
    pub payment_method_id: Uuid,
}

commands! {
    /// What may be asked of a user's means of payment.
    pub enum Command {
        AddPaymentMethod, VerifyPaymentMethod, ChooseDefaultPaymentMethod, RemovePaymentMethod,
    }
}

/// A means of payment was added. (samia.event.PaymentMethodAdded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodAdded {
    /// Which one.
    pub payment_method_id: Uuid,
    /// What kind of means.
    pub method_type: MethodType,
    /// Whose token it is.
    pub provider: Provider,
    /// The gateway's token.
    pub provider_method_id: Text<255>,
    /// How the user calls it.
    pub display_name: Option<Text<255>>,
    /// The last four digits.
    pub last_four: Option<Text<4>>,
    /// The brand.
    pub brand: Option<Text<50>>,
    /// The month in which it expires.
    pub expiry_month: Option<i32>,
    /// The year in which it expires.
    pub expiry_year: Option<i32>,
    /// Whether it is the default.
    pub is_default: bool,
    /// Always false.
    pub is_verified: bool,
}

/// A means of payment is verified. (samia.event.PaymentMethodVerified)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodVerified {
    /// Which one.
    pub payment_method_id: Uuid,
}

/// Another means of payment is the default. (samia.event.DefaultPaymentMethodChosen)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultPaymentMethodChosen {
    /// Which one.
    pub payment_method_id: Uuid,
    /// Which one was, until now.
    pub instead_of: Option<Uuid>,
}

/// A means of payment is out of use. (samia.event.PaymentMethodRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodRemoved {
    /// Which one.
    pub payment_method_id: Uuid,
}

events! {
    /// What happens to a user's means of payment.
    pub enum Event {
        PaymentMethodAdded {
            provider_method_id: text, display_name: null, last_four: null, brand: null,
            expiry_month: null, expiry_year: null,
        },
        PaymentMethodVerified,
        DefaultPaymentMethodChosen,
        PaymentMethodRemoved,
    }
    Imported {
        PaymentMethodImported from payment_methods at [user_id] {
            provider_method_id: text, display_name: null, last_four: null, brand: null,
            expiry_month: null, expiry_year: null,
        },
    }
}

refusals! {
    /// What a user's means of payment refuse.
    pub enum Refusal {
        /// samia.ops.tokenised-payments
        RawCardRefused => "this looks like a card's number", at "provider_method_id", hint "send the gateway's token";
        /// Not one of the user's, or removed.
        PaymentMethodNotFound => "the user has no means of payment of this id", at "payment_method_id";
        /// It is the month or the year of nothing.
        ExpiryRefused => "a card expires in a month from 1 to 12 of a year in four digits", at "expiry_month";
        /// How many there are at once is bounded.
        TooManyPaymentMethods { most: usize } => "a user has at most {most} means of payment", hint "remove one";
    }
}

/// A user's means of payment that are in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PaymentMethod {
    methods: Vec<Method>,
    default: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Method {
    id: Uuid,
    verified: bool,
}

impl Decider for PaymentMethod {
    const TYPE: &'static str = "samia.payment_method";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AddPaymentMethod(add) => self.add(add, moment),
            Command::VerifyPaymentMethod(VerifyPaymentMethod { payment_method_id }) => {
                let verified = self.method(payment_method_id)?.verified;
                Ok(if verified {
                    vec![]
                } else {
                    vec![PaymentMethodVerified { payment_method_id }.into()]
                })
            }
            Command::ChooseDefaultPaymentMethod(choose) => self.choose(choose.payment_method_id),
            Command::RemovePaymentMethod(RemovePaymentMethod { payment_method_id }) => {
                self.method(payment_method_id)?;
                Ok(vec![PaymentMethodRemoved { payment_method_id }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::PaymentMethodAdded(it) => {
                self.methods.push(Method { id: it.payment_method_id, verified: it.is_verified });
                if it.is_default {
                    self.default = Some(it.payment_method_id);
                }
            }
            Event::PaymentMethodVerified(it) => {
                let found = self.methods.iter_mut().find(|m| m.id == it.payment_method_id);
                if let Some(method) = found {
                    method.verified = true;
                }
            }
            Event::DefaultPaymentMethodChosen(it) => self.default = Some(it.payment_method_id),
            Event::PaymentMethodRemoved(it) => {
                self.methods.retain(|method| method.id != it.payment_method_id);
                self.default = self.default.filter(|default| *default != it.payment_method_id);
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl PaymentMethod {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        if row.has("deleted_at") {
            return;
        }
        let id = row.or_default("id");
        self.methods.push(Method { id, verified: row.or_default("is_verified") });
        if row.or_default("is_default") {
            self.default = Some(id);
        }
    }
}

impl PaymentMethod {
    /// Whether money can move by this method (samia.rule.transaction.method).
    #[must_use]
    pub fn usable(&self, id: Uuid) -> bool {
        self.methods.iter().any(|method| method.id == id && method.verified)
    }

    fn method(&self, id: Uuid) -> Result<&Method, Refusal> {
        self.methods.iter().find(|it| it.id == id).ok_or(Refusal::PaymentMethodNotFound)
    }

    fn add(&self, add: AddPaymentMethod, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if self.methods.len() >= MOST_METHODS {
            return Err(Refusal::TooManyPaymentMethods { most: MOST_METHODS });
        }
        let texts = [Some(&add.provider_method_id), add.display_name.as_ref()];
        if texts.into_iter().flatten().any(|text| looks_like_a_card(text)) {
            return Err(Refusal::RawCardRefused);
        }
        let month = add.expiry_month.is_none_or(|month| (1..=12).contains(&month));
        let year = add.expiry_year.is_none_or(|year| (1000..=9999).contains(&year));
        if !month || !year {
            return Err(Refusal::ExpiryRefused);
        }
        let added = PaymentMethodAdded {
            payment_method_id: moment.new_id(),
            method_type: add.method_type,
            provider: add.provider,
            provider_method_id: add.provider_method_id,
            display_name: add.display_name,
            last_four: add.last_four,
            brand: add.brand,
            expiry_month: add.expiry_month,
            expiry_year: add.expiry_year,
            is_default: self.default.is_none(),
            is_verified: false,
        };
        Ok(vec![added.into()])
    }

    fn choose(&self, id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.method(id)?;
        if self.default == Some(id) {
            return Ok(vec![]);
        }
        let instead_of = self.default;
        Ok(vec![DefaultPaymentMethodChosen { payment_method_id: id, instead_of }.into()])
    }
}

/// Whether a text holds 12 to 19 digits, but for spaces and hyphens nothing else, that pass the check
/// of card numbers (Luhn's).
fn looks_like_a_card(text: &str) -> bool {
    let mut digits = Vec::with_capacity(19);
    for letter in text.chars() {
        match letter.to_digit(10) {
            Some(digit) => digits.push(digit),
            None if letter == ' ' || letter == '-' => {}
            None => return false,
        }
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(nth, digit)| match nth % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    (12..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Given, given};

    fn add(token: &str) -> AddPaymentMethod {
        AddPaymentMethod {
            method_type: MethodType::Card,
            provider: Provider::Stripe,
            provider_method_id: token.parse().unwrap(),
            display_name: None,
            last_four: None,
            brand: None,
            expiry_month: None,
            expiry_year: None,
        }
    }

    fn added(given: Given<PaymentMethod>) -> (Given<PaymentMethod>, PaymentMethodAdded) {
        let (given, mut events) = given.when(add("pm_1")).events();
        let Some(Event::PaymentMethodAdded(added)) = events.pop() else { panic!("{events:?}") };
        (given, added)
    }

    #[test]
    fn the_first_method_is_the_default_and_another_may_be_chosen() {
        let (given, first) = added(given::<PaymentMethod>([]));
        let (given, second) = added(given);
        assert!(first.is_default && !second.is_default && !first.is_verified);
        let (first, second) = (first.payment_method_id, second.payment_method_id);
        given
            .when(ChooseDefaultPaymentMethod { payment_method_id: first })
            .then_nothing()
            .when(ChooseDefaultPaymentMethod { payment_method_id: second })
            .then([DefaultPaymentMethodChosen {
                payment_method_id: second,
                instead_of: Some(first),
            }]);
    }

    #[test]
    fn a_removed_default_leaves_none_until_the_next_is_added() {
        let (given, first) = added(given::<PaymentMethod>([]));
        let payment_method_id = first.payment_method_id;
        let given = given
            .when(RemovePaymentMethod { payment_method_id })
            .then([PaymentMethodRemoved { payment_method_id }])
            .when(RemovePaymentMethod { payment_method_id })
            .refused("PaymentMethodNotFound")
            .when(ChooseDefaultPaymentMethod { payment_method_id })
            .refused("PaymentMethodNotFound");
        assert!(added(given).1.is_default);
    }

    #[test]
    fn only_what_is_verified_and_not_removed_moves_money() {
        let (given, method) = added(given::<PaymentMethod>([]));
        let payment_method_id = method.payment_method_id;
        assert!(!given.state.usable(payment_method_id));
        let given = given
            .when(VerifyPaymentMethod { payment_method_id })
            .then([PaymentMethodVerified { payment_method_id }])
            .when(VerifyPaymentMethod { payment_method_id })
            .then_nothing();
        assert!(given.state.usable(payment_method_id));
        let given = given.when(RemovePaymentMethod { payment_method_id }).events().0;
        assert!(!given.state.usable(payment_method_id));
    }

    #[test]
    fn a_cards_number_is_refused_wherever_it_is_put() {
        for number in ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005"] {
            given::<PaymentMethod>([]).when(add(number)).refused("RawCardRefused");
            let named =
                AddPaymentMethod { display_name: Some(number.parse().unwrap()), ..add("pm_1") };
            given::<PaymentMethod>([]).when(named).refused("RawCardRefused");
        }
        for token in ["4242424242424241", "pm_4242424242424242", "42424242"] {
            given::<PaymentMethod>([]).when(add(token)).events();
        }
    }

    #[test]
    fn a_card_expires_in_a_month_of_a_year() {
        for (month, year) in [(Some(0), None), (Some(13), None), (None, Some(26))] {
            let card = AddPaymentMethod { expiry_month: month, expiry_year: year, ..add("pm_1") };
            given::<PaymentMethod>([]).when(card).refused("ExpiryRefused");
        }
    }

    #[test]
    fn how_many_methods_a_user_has_is_bounded() {
        let mut given = given::<PaymentMethod>([]);
        for _ in 0..MOST_METHODS {
            given = added(given).0;
        }
        given.when(add("pm_1")).refused("TooManyPaymentMethods");
    }
}
