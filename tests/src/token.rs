//! Tokens, as the identity provider would issue them.

use std::sync::Arc;

use annals_infra::auth::{self, Verifier};
use uuid::Uuid;

/// Who somebody is, as a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A signed-in person.
    Person(Uuid),
    /// A service acting as itself.
    System,
    /// Whoever runs the platform.
    Operator,
}

/// The subject of the service's token.
pub const SYSTEM: Uuid = Uuid::from_u128(0x5e47_1ce0_0000_7000_8000_0000_0000_0001);
/// The subject of the operator's token.
pub const OPERATOR: Uuid = Uuid::from_u128(0x09e4_a704_0000_7000_8000_0000_0000_0002);

/// The secret that tokens of the tests are signed with.
pub const SECRET: &[u8] = b"a secret of tests, which nothing else is signed with";

/// The address that the identity provider vouches for.
#[must_use]
pub fn address(person: Uuid) -> String {
    format!("{}@example.org", person.simple())
}

/// A token that the tests' services believe.
#[must_use]
pub fn token(who: Who) -> String {
    match who {
        Who::Person(id) => auth::mint(SECRET, id, "authenticated", false, Some(&address(id))),
        Who::System => auth::mint(SECRET, SYSTEM, "service_role", false, None),
        Who::Operator => auth::mint(SECRET, OPERATOR, "authenticated", true, None),
    }
}

/// What the tests' services verify tokens with.
#[must_use]
pub fn verifier() -> Arc<Verifier> {
    Verifier::secret(SECRET)
}
