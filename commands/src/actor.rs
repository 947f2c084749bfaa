//! Who asks.

use uuid::Uuid;

/// Whoever a command comes from, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's subject.
    pub id: Uuid,
    /// Person, system or operator.
    pub kind: ActorKind,
    /// The address that the identity provider vouches for, in lower case, if the token has one.
    pub email: Option<String>,
}

/// What kind of actor it is (shared.event.envelope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A signed-in person; rights come from the write side's own state.
    Person,
    /// A service acting as itself (`service_role`): reactions, gateways' and identity callbacks.
    System,
    /// Whoever runs the platform's command line.
    Operator,
}

impl ActorKind {
    /// As stored in an event's metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::System => "system",
            Self::Operator => "operator",
        }
    }
}

impl Actor {
    /// A signed-in person.
    #[must_use]
    pub const fn person(id: Uuid) -> Self {
        Self { id, kind: ActorKind::Person, email: None }
    }

    /// A service acting as itself.
    #[must_use]
    pub const fn system(id: Uuid) -> Self {
        Self { id, kind: ActorKind::System, email: None }
    }

    /// The operator.
    #[must_use]
    pub const fn operator(id: Uuid) -> Self {
        Self { id, kind: ActorKind::Operator, email: None }
    }

    /// Whether a service acts as itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.kind == ActorKind::System
    }

    /// Whether this is the operator.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.kind == ActorKind::Operator
    }

    /// Whether this is that very person.
    #[must_use]
    pub fn is(&self, person: Uuid) -> bool {
        self.kind == ActorKind::Person && self.id == person
    }
}
