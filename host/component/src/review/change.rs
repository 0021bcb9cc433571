//! Changes between two versions of a skill.

/// The effect of a change on the capabilities of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The new version can do more.
    Widening,
    /// The new version can do less.
    Narrowing,
    /// The capabilities are the same.
    Note,
}

impl Direction {
    /// Returns the stable token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Widening => "widening",
            Self::Narrowing => "narrowing",
            Self::Note => "note",
        }
    }
}

/// One difference between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The kind of the difference.
    pub id: ChangeId,
    /// The subject: a secret, an import or the component. Untrusted text: escape it for display.
    pub subject: String,
    /// The difference, in words. Can quote untrusted text: escape it for display.
    pub message: String,
}

/// Defines [`ChangeId`] from a table.
macro_rules! change_ids {
    ($($(#[$meta:meta])* $id:ident: $text:literal, $direction:ident;)*) => {
        /// The kinds of differences. Ids are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ChangeId {
            $($(#[$meta])* $id,)*
        }

        impl ChangeId {
            /// Every id, with its token and its direction.
            pub const TABLE: &[(Self, &'static str, Direction)] = &[$((Self::$id, $text, Direction::$direction)),*];

            /// Returns the stable token.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $text,)*
                }
            }

            /// Returns the direction of such changes.
            pub fn direction(self) -> Direction {
                match self {
                    $(Self::$id => Direction::$direction,)*
                }
            }
        }
    };
}

change_ids! {
    /// The world is now `skill-revealing`.
    RevealGained: "reveal-gained", Widening;
    /// A new import, with an effect.
    NewImport: "new-import", Widening;
    /// A new secret in the declaration.
    NewSecret: "new-secret", Widening;
    /// A new operation on a secret.
    NewOperation: "new-operation", Widening;
    /// A destination of a secret that no destination of the old version covers.
    WiderDestination: "wider-destination", Widening;
    /// A new placement of a secret in requests.
    NewPlacement: "new-placement", Widening;
    /// Other signatures with a secret.
    SigningChanged: "signing-changed", Widening;
    /// The world is no longer `skill-revealing`.
    RevealLost: "reveal-lost", Narrowing;
    /// An import with an effect was removed.
    ImportGone: "import-gone", Narrowing;
    /// A secret was removed from the declaration.
    SecretGone: "secret-gone", Narrowing;
    /// An operation on a secret was removed.
    OperationGone: "operation-gone", Narrowing;
    /// A destination of the old version is no longer covered completely.
    NarrowerDestination: "narrower-destination", Narrowing;
    /// A placement of a secret was removed.
    PlacementGone: "placement-gone", Narrowing;
    /// There is a declaration; the old version has none.
    DeclarationAdded: "declaration-added", Note;
    /// There is no declaration, so the skill gets no secret.
    DeclarationGone: "declaration-gone", Note;
    /// The component has no `run`, or no host would load it.
    NoSkill: "no-skill", Note;
    /// Another name: it may be another skill.
    NameChanged: "name-changed", Note;
    /// Another version.
    VersionChanged: "version-changed", Note;
    /// Another description.
    DescriptionChanged: "description-changed", Note;
    /// Another input schema.
    InputSchemaChanged: "input-schema-changed", Note;
    /// Another reason for a secret.
    ReasonChanged: "reason-changed", Note;
    /// A secret is now optional.
    NowOptional: "now-optional", Note;
    /// A secret is no longer optional.
    NowRequired: "now-required", Note;
    /// A new import, without an effect in this host.
    InertImport: "inert-import", Note;
    /// Other exports.
    ExportsChanged: "exports-changed", Note;
}

impl std::fmt::Display for ChangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
