//! What a new version of a skill could do that the old could not, and what else is different.

/// What a change does to what a skill could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// It could do more.
    Widening,
    /// It could do less.
    Narrowing,
    /// Something that a reviewer reads is different.
    Note,
}

impl Direction {
    /// The direction as a stable token.
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
    /// Which kind of difference.
    pub id: ChangeId,
    /// What it is about. Author's text: escape it wherever it is shown.
    pub subject: String,
    /// What is different, in words. May quote the author: escape it too.
    pub message: String,
}

/// Defines the ids from the one table of them.
macro_rules! change_ids {
    ($($(#[$meta:meta])* $id:ident: $text:literal, $direction:ident;)*) => {
        /// The kinds of differences. Ids are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ChangeId {
            $($(#[$meta])* $id,)*
        }

        impl ChangeId {
            /// Every id, with its text and its direction: the table that documents and tests go by.
            pub const TABLE: &[(Self, &'static str, Direction)] = &[$((Self::$id, $text, Direction::$direction)),*];

            /// The id as reports have it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $text,)*
                }
            }

            /// What such changes do to what a skill could do.
            pub fn direction(self) -> Direction {
                match self {
                    $(Self::$id => Direction::$direction,)*
                }
            }
        }
    };
}

change_ids! {
    /// It is of the world `skill-revealing` now.
    RevealGained: "reveal-gained", Widening;
    /// It imports what the old one did not, and can do something with it.
    NewImport: "new-import", Widening;
    /// It declares a secret that the old one did not.
    NewSecret: "new-secret", Widening;
    /// It declares an operation on a secret that the old one did not.
    NewOperation: "new-operation", Widening;
    /// It may send a secret where no destination of the old one reaches.
    WiderDestination: "wider-destination", Widening;
    /// It may put a secret into another part of a request.
    NewPlacement: "new-placement", Widening;
    /// It has other signatures made with a secret.
    SigningChanged: "signing-changed", Widening;
    /// It is of the world `skill-revealing` no longer.
    RevealLost: "reveal-lost", Narrowing;
    /// It imports no longer what the old one could do something with.
    ImportGone: "import-gone", Narrowing;
    /// It declares a secret no longer.
    SecretGone: "secret-gone", Narrowing;
    /// It declares an operation on a secret no longer.
    OperationGone: "operation-gone", Narrowing;
    /// It may send a secret no longer to all that a destination of the old one covered.
    NarrowerDestination: "narrower-destination", Narrowing;
    /// It may put a secret no longer into a part of a request.
    PlacementGone: "placement-gone", Narrowing;
    /// It has a declaration; the old one had none.
    DeclarationAdded: "declaration-added", Note;
    /// It has no declaration, and gets no secret.
    DeclarationGone: "declaration-gone", Note;
    /// It has a `run` no longer, or what no host would load.
    NoSkill: "no-skill", Note;
    /// It has another name: it may be another skill.
    NameChanged: "name-changed", Note;
    /// It has another version.
    VersionChanged: "version-changed", Note;
    /// It has another description.
    DescriptionChanged: "description-changed", Note;
    /// It has another input schema.
    InputSchemaChanged: "input-schema-changed", Note;
    /// Another reason is given for a secret.
    ReasonChanged: "reason-changed", Note;
    /// It can do without a secret now.
    NowOptional: "now-optional", Note;
    /// It cannot do without a secret any more.
    NowRequired: "now-required", Note;
    /// It imports something more that has nothing in it here.
    InertImport: "inert-import", Note;
    /// It exports something else.
    ExportsChanged: "exports-changed", Note;
}

impl std::fmt::Display for ChangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
