//! The guards of the host: rules without which an attack succeeds, and the list that they are found by.
//!
//! A guard is wherever the source asks [`Guard::stands`]. It always does, which the compiler knows: in what is built, a
//! guard is the rule itself and nothing else. One build is different: `--cfg far_mutate` lets a test program turn one
//! guard off at its start, to see that an attack then succeeds, and that a test sees it. `cargo xtask attacks --mutate` does
//! so with each. That build must have debug assertions; a release build refuses the setting.
//!
//! `cargo xtask rules` compares this list with the places that use it.

#[cfg(all(far_mutate, not(debug_assertions)))]
compile_error!("guards can be turned off only in a build for tests: take `--cfg far_mutate` away from a release build");

macro_rules! guards {
    ($($(#[doc = $what:literal])+ $name:ident = $id:literal,)+) => {
        /// A rule without which an attack succeeds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Guard {
            $($(#[doc = $what])+ $name,)+
        }

        impl Guard {
            /// Every guard.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The guard's name, for people and for the command line of tests.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }
        }
    };
}

guards! {
    /// A skill gets only what its author declared.
    Declared = "declared",
    /// A task gets only what it was granted.
    Granted = "granted",
    /// A secret that the operator permits to some skills is for no other.
    PermittedSkill = "permitted-skill",
    /// An operation that one of the three lacks is denied.
    Operation = "operation",
    /// A version that the grant excludes is denied.
    Version = "version",
    /// A secret is sent only to where all three say.
    Destination = "destination",
    /// A path is decided on as every server reads it.
    PlainPath = "plain-path",
    /// A wildcard stands for hosts of one owner.
    Wildcard = "wildcard",
    /// A text that a URL parser would change is no URL to decide on.
    SerialisedUrl = "serialised-url",
    /// A URL with a user in it is no URL to decide on.
    Userinfo = "userinfo",
    /// A secret is put only where the grant lets it stand.
    Placement = "placement",
    /// A key signs only what all three say that it is for.
    Signing = "signing",
    /// A key that signs tokens is itself neither sent nor shown.
    SigningKey = "signing-key",
    /// A token says what its rule fixes, and nothing else in its place.
    Claims = "claims",
    /// No claim of a token can be read as another.
    ClaimNames = "claim-names",
    /// A grant ends with its time.
    GrantTime = "grant-time",
    /// A grant, a declared secret and a catalog entry name an operation.
    SomeOperation = "some-operation",
    /// A name is of the one grammar, and is not normalised.
    NameGrammar = "name-grammar",

    /// A violation returns nothing to the guest: it ends the task.
    ViolationEnds = "violation-ends",
    /// After a violation the session answers nothing any more.
    Poison = "poison",
    /// No secret is used outside `run`.
    OutsideRun = "outside-run",
    /// Each use of a handle is checked for what it is.
    EachUse = "each-use",
    /// A grant's uses are counted.
    MaxUses = "max-uses",
    /// What a task fetches for itself is no other's.
    TaskScope = "task-scope",
    /// Two tasks of one id do not run at once.
    RunningId = "running-id",
    /// The end of a task wipes what is its own.
    Teardown = "teardown",
    /// A value ends with its time, whoever holds a handle to it.
    Expiry = "expiry",
    /// A revoked value is used by nobody, whoever holds a handle.
    Revocation = "revocation",
    /// A value answers beyond its time only while its backend is known not to answer.
    Staleness = "staleness",
    /// Time is measured by a clock that nobody can set.
    MonotonicTime = "monotonic-time",
    /// A task has its own share of locked memory, and no more.
    TaskQuota = "task-quota",
    /// What a required sink did not record does not happen.
    AuditGate = "audit-gate",
    /// What leaves a task has no value in it that the task was given.
    Redaction = "redaction",
    /// What a skill returns is redacted like what it writes for people.
    OutputRedaction = "output-redaction",
    /// A value that must not be said fails the task that says it.
    WhenLeaked = "when-leaked",
    /// A value that is too short to be looked for, or one character repeated, is not given to a task.
    WeakValue = "weak-value",
    /// What only begins like a value is none.
    WholeValue = "whole-value",
    /// How much of a stream is held back does not depend on what is in it.
    SameCuts = "same-cuts",
    /// A stand-in is worth nothing to another task than the one that it was made for.
    OwnToken = "own-token",
    /// Text in a placeholder's form that refers to no secret does not leave in a request's head.
    EndedPlaceholder = "ended-placeholder",
    /// The uses of all secrets of a request are taken, or none is.
    WholeRequest = "whole-request",
    /// A use of a secret that did not leave is given back.
    UseReturned = "use-returned",
    /// A request goes only to where the task may send some.
    Egress = "egress",
    /// What must carry one secret does not leave without it.
    OnlySealed = "only-sealed",
    /// An address that is not public is not connected to, unless the operator names it.
    Address = "address",
    /// What answers is the server that was asked, by a certificate of an authority that the operator trusts.
    ServerCertificate = "server-certificate",
    /// No connection is another task's, or was opened with a certificate that the request does not show.
    OwnConnections = "own-connections",
    /// A connection that carried a secret is not used when that is gone.
    DrainedConnections = "drained-connections",
    /// No redirect is followed.
    Redirect = "redirect",
    /// A header that has servers take another method, host or path does not leave.
    StrippedHeaders = "stripped-headers",
    /// What is not one line of a header is none, and is not made one.
    HeaderLine = "header-line",
    /// What a server answers has no value in it that the task was given.
    ResponseRedaction = "response-redaction",
    /// A body in a coding that hides what is in it is no answer.
    ResponseCoding = "response-coding",
    /// A name that only a guest chose is recorded as a hash.
    UnlistedLabel = "unlisted-label",
    /// What a guest says is in no record.
    NoWords = "no-words",

    /// A component has one declaration at most, wherever it is.
    OneDeclaration = "one-declaration",
    /// A declaration is read in one way only: no key twice.
    StrictDeclaration = "strict-declaration",
    /// Components are nested to a bounded depth.
    Nesting = "nesting",
    /// A character that a reader does not see is a finding, and is escaped.
    SeenText = "seen-text",
    /// A component's instances, functions and types are bounded before an engine sees them.
    Shape = "shape",

    /// A compiling process ends with its time.
    LoadTime = "load-time",
    /// A compiling process has a bound on its memory.
    LoadMemory = "load-memory",

    /// A component imports only what the host has, at the very version.
    KnownImport = "known-import",
    /// Where WASI is strict, a component imports neither files nor sockets.
    StrictWasi = "strict-wasi",
    /// A component that could take bytes runs only where it may take some.
    RevealImport = "reveal-import",
    /// WASI gives no network.
    InertNetwork = "inert-network",
    /// A task ends with its time, in the guest's code and in the host's.
    Deadline = "deadline",
    /// A guest that computes lets others run.
    Fairness = "fairness",
    /// A full pool queues.
    Slots = "slots",
    /// Linear memory has a limit.
    Memory = "memory",
    /// Tables have a limit.
    Tables = "tables",
    /// What a guest passes in one call has a limit, before it is copied.
    Argument = "argument",
    /// The input has a limit.
    Input = "input",
    /// The output has a limit.
    Output = "output",
    /// Calls of the host have a limit.
    HostCalls = "host-calls",
    /// Records of the PAL have a limit.
    Records = "records",
    /// The task log has a limit.
    Log = "log",
    /// Handles have a limit.
    Handles = "handles",
    /// A guest that calls out of where none may is reported as what it is.
    CallOut = "call-out",
    /// A panic of the host ends the task that it was for, and nothing else.
    HostPanic = "host-panic",
    /// A slot of the pool is given back to the kernel at once.
    SlotClearing = "slot-clearing",

    /// A compiled component is loaded only if its MAC is right.
    ArtifactMac = "artifact-mac",
    /// What others can write is no artefact of this user's.
    ArtifactOwner = "artifact-owner",

    /// A line of an audit file follows the one before it.
    AuditChain = "audit-chain",
    /// A checkpoint is signed by the file's key.
    AuditSignature = "audit-signature",
    /// A head that was kept is compared with the file.
    AuditHead = "audit-head",
    /// A file that has no checkpoint is not reported as sound.
    AuditCheckpoint = "audit-checkpoint",
    /// Unsigned lines are named before they are signed.
    AuditInherited = "audit-inherited",
}

impl Guard {
    /// Whether the guard is there. Always, but in a build for `cargo xtask attacks --mutate`.
    #[cfg(not(far_mutate))]
    #[inline(always)]
    pub const fn stands(self) -> bool {
        true
    }

    /// Whether the guard is there: not if it is the one that was turned off.
    #[cfg(far_mutate)]
    pub fn stands(self) -> bool {
        mutation::OFF.get() != Some(&self)
    }

    /// Turns this guard off, for the rest of the process; answers whether no other was turned off before.
    #[cfg(far_mutate)]
    pub fn turn_off(self) -> bool {
        mutation::OFF.set(self).is_ok()
    }
}

#[cfg(far_mutate)]
mod mutation {
    use std::sync::OnceLock;

    use super::Guard;

    /// The guard that is off; at most one, and once.
    pub(super) static OFF: OnceLock<Guard> = OnceLock::new();
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn guards_have_names_of_their_own_and_all_stand() {
        let names: HashSet<_> = Guard::ALL.iter().map(|guard| guard.id()).collect();
        assert_eq!(names.len(), Guard::ALL.len());
        assert!(Guard::ALL.iter().all(|guard| guard.stands()));
    }
}
