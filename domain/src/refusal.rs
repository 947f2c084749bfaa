//! How an aggregate says no.

/// A business rule that stands against a command. Implemented by [`refusals!`](crate::refusals).
pub trait Refusal: std::fmt::Debug + PartialEq + Send + 'static {
    /// All that this aggregate refuses: the contract's names, in the order in which they are declared.
    const NAMES: &'static [&'static str];
    /// The contract's name of the refusal (`rejects_with`), for example `InsufficientFunds`.
    fn name(&self) -> &'static str;
    /// A sentence for the caller: what stands against it. Never holds personal data.
    fn detail(&self) -> String;
    /// The command's field that is at fault, if one is.
    fn field(&self) -> Option<&'static str>;
    /// What the caller can do about it, if anything.
    fn hint(&self) -> Option<&'static str>;

    /// The refusal as data.
    fn refused(&self) -> Refused {
        Refused {
            code: snake_case(self.name()),
            detail: self.detail(),
            field: self.field(),
            hint: self.hint(),
        }
    }
}

/// What an aggregate refuses that refuses nothing.
impl Refusal for std::convert::Infallible {
    const NAMES: &'static [&'static str] = &[];

    fn name(&self) -> &'static str {
        match *self {}
    }

    fn detail(&self) -> String {
        match *self {}
    }

    fn field(&self) -> Option<&'static str> {
        match *self {}
    }

    fn hint(&self) -> Option<&'static str> {
        match *self {}
    }
}

/// A refusal as data: what is stored with the command's id and what the caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The contract's `rejects_with` in snake case, for example `insufficient_funds`.
    pub code: String,
    /// What stands against the command.
    pub detail: String,
    /// The command's field that is at fault.
    pub field: Option<&'static str>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// `InsufficientFunds` → `insufficient_funds`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() {
            if at > 0 {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        } else {
            snake.push(letter);
        }
    }
    snake
}

/// Declares what an aggregate refuses: variants under the contract's `rejects_with` names, each with
/// its sentence (the variant's fields can be named in it), and, where it helps, the command's field
/// at fault (`at` its name, or `of` the variant's field that holds it) and a hint.
///
/// ```ignore
/// refusals! {
///     /// What a wallet refuses.
///     pub enum Refusal {
///         /// samia.rule.wallet.funds
///         InsufficientFunds { balance: Amount } => "the balance is {balance}", at "amount";
///         /// samia.rule.wallet.frozen
///         WalletFrozen => "the wallet is frozen", hint "an admin can unfreeze it";
///     }
/// }
/// ```
#[macro_export]
macro_rules! refusals {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$vmeta:meta])* $variant:ident $({ $($field:ident : $type:ty),* $(,)? })?
            => $text:literal $(, at $pointer:literal)? $(, of $at:ident)? $(, hint $hint:literal)?;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $($(#[$vmeta])* $variant $({ $(#[allow(missing_docs, reason = "named in the sentence")] $field: $type),* })?,)*
        }
        impl $crate::refusal::Refusal for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($variant)),*];
            fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($variant),)* }
            }
            fn detail(&self) -> String {
                match self { $(Self::$variant $({ $($field),* })? => format!($text),)* }
            }
            #[allow(unused_variables, reason = "a few refusals name the field themselves")]
            fn field(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant $({ $($field),* })? => $crate::refusals!(@opt $($pointer)? $($at)?),)*
                }
            }
            fn hint(&self) -> Option<&'static str> {
                match self { $(Self::$variant { .. } => $crate::refusals!(@opt $($hint)?),)* }
            }
        }
    };
    (@opt) => { None };
    (@opt $value:literal) => { Some($value) };
    (@opt $value:ident) => { Some(*$value) };
}
