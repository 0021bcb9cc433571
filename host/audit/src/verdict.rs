//! The result of verifying an audit file.

use std::fmt;

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::LineRange;

/// The result of verifying an audit file.
///
/// # Security
///
/// The chain proves that the lines belong together. A signature proves that the writer had
/// the key. Neither detects a truncation, nor the owner of the folder rewriting the file with the
/// key. Only a head that was saved elsewhere detects both, see [`TailStatus`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// The number of lines in the file, incomplete ones included.
    pub lines: u64,
    /// The number and hash of the last line of the chain.
    pub head: Head,
    /// The number of the last valid checkpoint in the chain, or 0. It signs all lines up
    /// to it that have no findings.
    pub signed_to: u64,
    /// The key that verified the signatures: [`TrustAnchors::key`](crate::TrustAnchors::key), or
    /// the key that the file names, if any.
    pub key: Option<PublicKey>,
    /// Torn writes, from a crash or a full disk, that the next line reports: the first hundred.
    pub recovered: Vec<TornWrite>,
    /// Lines that were unsigned when a process opened the file, and that it then signed: the first
    /// hundred ranges.
    pub inherited: Vec<LineRange>,
    /// A torn write at the end of the file: a crash or a truncation.
    pub torn: Option<TornWrite>,
    /// The evidence against a truncation.
    pub tail: TailStatus,
    /// The defects: the first hundred.
    pub findings: Vec<Finding>,
    /// The number of all findings.
    pub finding_count: u64,
}

impl Verdict {
    /// Returns true if there are no findings. The file may still be truncated, see [`TailStatus`],
    /// or unsigned, see [`Verdict::integrity`].
    pub fn is_consistent(&self) -> bool {
        self.finding_count == 0
    }

    /// Returns the integrity of the file, as far as the file itself shows it.
    pub fn integrity(&self) -> Integrity {
        if self.finding_count > 0 {
            Integrity::Tampered
        } else if self.signed_to > 0 || matches!(self.tail, TailStatus::ProvenTo(line) if line == self.head.line) {
            Integrity::Sound
        } else {
            Integrity::Unsigned
        }
    }

    /// Returns the lines after the last checkpoint, if there are any.
    pub fn unsigned_lines(&self) -> Option<LineRange> {
        let lines = LineRange { from: self.signed_to.saturating_add(1), to: self.head.line };
        (lines.from <= lines.to).then_some(lines)
    }
}

/// The integrity of an audit file, as far as the file itself shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// There are no findings, and a checkpoint signs lines or the saved head proves all of them.
    Sound,
    /// There are no findings, but no checkpoint either. Any user may have written or emptied the
    /// file.
    Unsigned,
    /// There are [findings](Verdict::findings).
    Tampered,
}

/// The evidence that a file is not truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailStatus {
    /// There is no saved head: lines may have been removed from the end.
    Unproven,
    /// The saved head matches this line of the chain: no line up to it was changed or removed.
    ProvenTo(u64),
    /// The saved head does not match the file, or the chain up to it has defects.
    Refuted,
}

/// The bytes of an interrupted write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornWrite {
    /// The line of the file where the bytes begin, counted from 1.
    pub line: u64,
    /// The number of bytes.
    pub bytes: u64,
}

/// A defect of an audit file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line of the file that has the defect, counted from 1.
    pub line: u64,
    /// The defect.
    pub defect: Defect,
}

/// The kinds of defects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// This number of lines from here on are neither in the chain nor a reported torn write.
    Unreadable(u64),
    /// The previous hash of the line is not the hash of the previous line.
    BrokenChain,
    /// The lines from the first number to the last are missing.
    MissingLines(u64, u64),
    /// The line with this number is repeated or out of order.
    OutOfOrder(u64),
    /// The checkpoint signs a head other than the previous line's.
    CheckpointMismatch,
    /// The signature of the checkpoint is invalid.
    InvalidSignature,
    /// The line names another key.
    KeyMismatch,
    /// More lines than permitted lack a checkpoint.
    MissingCheckpoint,
    /// The line reports a torn write that does not match the preceding bytes.
    RecoveryMismatch,
    /// The line reports unsigned lines that do not match the preceding lines.
    InheritanceMismatch,
    /// The line with this number does not match the saved head.
    HeadMismatch(u64),
    /// The saved head is of the line with this number, and the file ends before it.
    Truncated(u64),
}

impl Defect {
    /// Returns the stable token of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::BrokenChain => "unchained",
            Self::MissingLines(..) => "missing",
            Self::OutOfOrder(_) => "out-of-order",
            Self::CheckpointMismatch => "wrong-checkpoint",
            Self::InvalidSignature => "wrong-signature",
            Self::KeyMismatch => "other-key",
            Self::MissingCheckpoint => "unsigned",
            Self::RecoveryMismatch => "wrong-recovery",
            Self::InheritanceMismatch => "wrong-inheritance",
            Self::HeadMismatch(_) => "not-as-kept",
            Self::Truncated(_) => "cut",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(1) => f.write_str("is not a line of an audit file"),
            Self::Unreadable(lines) => write!(f, "and the next {} are not lines of an audit file", lines - 1),
            Self::BrokenChain => f.write_str("does not chain to the previous line: one of the two was changed"),
            Self::MissingLines(from, to) if from == to => {
                write!(f, "follows a gap: line {from} of the chain is missing")
            }
            Self::MissingLines(from, to) => write!(f, "follows a gap: lines {from} to {to} of the chain are missing"),
            Self::OutOfOrder(number) => write!(f, "is line {number} of the chain, repeated or out of order"),
            Self::CheckpointMismatch => f.write_str("signs lines other than the preceding ones"),
            Self::InvalidSignature => f.write_str("has an invalid signature"),
            Self::KeyMismatch => f.write_str("names another key"),
            Self::MissingCheckpoint => f.write_str("follows too many unsigned lines"),
            Self::RecoveryMismatch => f.write_str("reports a torn write that does not match the preceding bytes"),
            Self::InheritanceMismatch => f.write_str("reports unsigned lines that do not match the preceding lines"),
            Self::HeadMismatch(number) => write!(f, "is line {number} of the chain, and does not match the saved head"),
            Self::Truncated(number) => {
                write!(f, "is the last line, but the saved head is of line {number} of the chain")
            }
        }
    }
}
