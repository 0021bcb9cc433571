//! What was found out about an audit file.

use std::fmt;

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::LineRange;

/// What was found out about an audit file.
///
/// # Security
///
/// A chain proves that lines belong together, a signature that whoever has the key wrote them, and neither that there
/// were no more: only a head that was kept elsewhere does, see [`Tail`]. Whoever owns the folder has the key too, and can
/// write the file anew: against that, too, only a head that was kept elsewhere helps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// How many lines the file has, whole or not.
    pub lines: u64,
    /// The head: the number that the last line has in the chain, and its hash.
    pub head: Head,
    /// The last checkpoint whose signature is right, by its number in the chain; 0 if there is none. Everything up to it
    /// that is not found wrong is signed.
    pub signed: u64,
    /// The key that the signatures were checked with: the one that was given, or the one that the file names. None if it
    /// names none.
    pub key: Option<PublicKey>,
    /// What was written in part, by a crash or on a full disk, and what the sink then said of it: the first hundred.
    pub recovered: Vec<Torn>,
    /// The lines that a process found unsigned as it opened the file, and then signed: the first
    /// hundred.
    pub inherited: Vec<LineRange>,
    /// What is written in part at the end, with nothing after it yet: a crash, or a cut.
    pub torn: Option<Torn>,
    /// What is known of lines that may have been cut off.
    pub tail: Tail,
    /// What is wrong: the first hundred.
    pub findings: Vec<Finding>,
    /// How many findings there are.
    pub found: u64,
}

impl Verdict {
    /// Returns whether nothing is wrong. Lines may still be missing at the end, see [`Tail`], or
    /// have no signature, see [`Verdict::soundness`].
    pub fn is_sound(&self) -> bool {
        self.found == 0
    }

    /// Returns the soundness that the file itself shows.
    pub fn soundness(&self) -> Soundness {
        if self.found > 0 {
            Soundness::Tampered
        } else if self.signed > 0 || matches!(self.tail, Tail::ProvenTo(line) if line == self.head.line) {
            Soundness::Sound
        } else {
            Soundness::Unsigned
        }
    }

    /// The lines after the last checkpoint; none if it is the last line, or the file is empty.
    pub fn unsigned_lines(&self) -> Option<LineRange> {
        let lines = LineRange { from: self.signed.saturating_add(1), to: self.head.line };
        (lines.from <= lines.to).then_some(lines)
    }
}

/// The soundness of an audit file, as far as the file itself shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing is wrong, and something is signed, or a head that was kept proves all of it.
    Sound,
    /// Nothing is wrong in it, but it has no checkpoint: it may have been emptied, and anybody may
    /// have written it.
    Unsigned,
    /// Something is wrong: see [`Verdict::findings`].
    Tampered,
}

/// What is known of the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: lines may have been cut off.
    Unproven,
    /// The head that was kept is the file's, or comes before it: up to this line, nothing was changed or cut.
    ProvenTo(u64),
    /// The head that was kept does not agree with the file, or not with all that comes before it; the findings say how.
    Refuted,
}

/// Bytes that are no whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The line of the file where they begin, counted from 1.
    pub at: u64,
    /// How many there are.
    pub bytes: u64,
}

/// Something that is wrong, and the line of the file where it shows, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line.
    pub at: u64,
    /// What is wrong.
    pub what: Damage,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// So many lines from here are none of an audit file's, and nothing says that they were written in part.
    Unreadable(u64),
    /// The line was chained to another than the one before it.
    Unchained,
    /// The lines of these numbers, first and last, are missing.
    Missing(u64, u64),
    /// The line of this number comes again, or too late.
    OutOfOrder(u64),
    /// The checkpoint signs another head than that of the lines before it.
    WrongCheckpoint,
    /// The signature is not the key's.
    WrongSignature,
    /// The line names another key.
    OtherKey,
    /// Too many lines have no checkpoint.
    Unsigned,
    /// It says that bytes before it were written in part, and they are not those that are there.
    WrongRecovery,
    /// The line names unsigned lines that are not the ones before it.
    WrongInheritance,
    /// The line of this number is not the one whose head was kept.
    NotAsKept(u64),
    /// The head that was kept is of a line of this number, and the file ends before it.
    Cut(u64),
}

impl Damage {
    /// A stable token.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Unchained => "unchained",
            Self::Missing(..) => "missing",
            Self::OutOfOrder(_) => "out-of-order",
            Self::WrongCheckpoint => "wrong-checkpoint",
            Self::WrongSignature => "wrong-signature",
            Self::OtherKey => "other-key",
            Self::Unsigned => "unsigned",
            Self::WrongRecovery => "wrong-recovery",
            Self::WrongInheritance => "wrong-inheritance",
            Self::NotAsKept(_) => "not-as-kept",
            Self::Cut(_) => "cut",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(1) => f.write_str("is no line of an audit file"),
            Self::Unreadable(lines) => write!(f, "and the {} after it are no lines of an audit file", lines - 1),
            Self::Unchained => f.write_str("does not follow the line before it: one of them was changed"),
            Self::Missing(from, to) if from == to => write!(f, "number {from} of the chain is missing before it"),
            Self::Missing(from, to) => write!(f, "numbers {from} to {to} of the chain are missing before it"),
            Self::OutOfOrder(number) => write!(f, "number {number} of the chain comes again, or too late"),
            Self::WrongCheckpoint => f.write_str("signs other lines than those before it"),
            Self::WrongSignature => f.write_str("has a signature that is not the key's"),
            Self::OtherKey => f.write_str("names another key"),
            Self::Unsigned => f.write_str("has too many lines before it that nothing signs"),
            Self::WrongRecovery => f.write_str("names torn bytes that are not those before it"),
            Self::WrongInheritance => f.write_str("names unsigned lines that are not those before it"),
            Self::NotAsKept(number) => write!(f, "number {number} of the chain, is not the line whose head was kept"),
            Self::Cut(number) => write!(f, "is the last, and the head that was kept is that of number {number}"),
        }
    }
}
