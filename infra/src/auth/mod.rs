//! Who asks: tokens as Supabase issues them, verified.
//!
//! [`Verifier`] turns the text after `Bearer ` into an [`Actor`](annals_commands::Actor), or says that
//! the token is not to be believed, and to nobody why. What is believed:
//!
//! - Which keys there are, and the one algorithm of each, says the configuration ([`AuthConfig`]). A
//!   token's header says only which of them it claims to be signed by.
//! - A key vouches for the issuer that it is configured for and for no other.
//! - `iss`, `aud`, `sub`, `exp`, `role` and one of `iat` and `nbf` have to be there and be of the right
//!   type; nothing in header or claims may stand twice.
//! - `role` is `authenticated` for a person and `service_role` for a service acting as itself (which
//!   needs a `sub` like everybody else: Supabase's old service keys have none and are refused). A person
//!   with `app_metadata.annals` = `operator` is the operator. `user_metadata` is never looked at: users
//!   write it themselves.
//!
//! Keys come from JWKS files and addresses, read again in the background ([`KeySource`]), or are a
//! shared secret. [`dev`] issues tokens for `annals dev` and tests.
//!
//! To add an algorithm: a variant of `Material` in `key.rs`, with its JWK form and its check, and a
//! token of it among the good ones in `tests`.

mod cache;
mod claims;
mod config;
pub mod dev;
mod error;
mod fetch;
mod json;
mod key;
mod refresh;
mod ring;
#[cfg(test)]
mod tests;
mod token;
mod verifier;

pub use config::{AuthConfig, Issuer, KeySource, MAX_LEEWAY, MAX_TOKEN, SharedSecret};
pub use error::{AuthError, TokenError};
pub(crate) use fetch::Fetcher;
pub use verifier::{Verified, Verifier};
