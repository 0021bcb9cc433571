//! Verification of an audit file, line by line, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::{CHECKPOINT_EVERY, LineKind, LineRange, Link, MAX_LINE};
use crate::region::Region;
use crate::verdict::{Defect, Finding, TailStatus, Verdict};

/// The most findings, torn writes and inherited ranges in a verdict.
const FINDINGS_MAX: usize = 100;

/// Trusted values, stored outside the folder of the audit file.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrustAnchors {
    /// The key that signed the file. Without it, the key that the file itself names is used.
    pub key: Option<PublicKey>,
    /// A saved head. Without it, a truncation of the file goes undetected.
    pub head: Option<Head>,
}

/// Verifies an audit file from its first line to its last, in bounded memory.
///
/// # Errors
///
/// Errors of the reader.
pub fn verify(reader: impl Read, trust: TrustAnchors) -> io::Result<Verdict> {
    let mut verifier = Verifier::new(trust);
    verifier.read(reader)?;
    Ok(verifier.finish().verdict)
}

/// The state of a verification after the lines so far.
pub(super) struct Verifier {
    trust: TrustAnchors,
    verdict: Verdict,
    /// True if the next line may have any number and previous hash.
    from_middle: bool,
    /// True once there was a checkpoint, valid or not, or its absence was reported.
    checkpoint_seen: bool,
    /// The number of records since the last valid checkpoint.
    unsigned: u32,
    /// The bytes since the last line of the chain.
    torn: Option<Region>,
    /// True if the last line is `audit.recovered`.
    recovers: bool,
    /// The opening, if the last line is `audit.opened`.
    opening: Option<Opening>,
}

/// An opening of the file by a process.
#[derive(Clone, Copy, Debug)]
struct Opening {
    /// The number of the previous line.
    after: u64,
    /// True if that line is `audit.recovered`, written by this process or an earlier one.
    recovers: bool,
}

/// The results of a [`Verifier`].
pub(super) struct VerifierOutput {
    pub(super) verdict: Verdict,
    pub(super) unsigned: u32,
    /// A torn write at the end of the file.
    pub(super) torn: Option<Region>,
}

impl Verifier {
    pub(super) fn new(trust: TrustAnchors) -> Self {
        let verdict = Verdict {
            lines: 0,
            head: Head::START,
            signed_to: 0,
            key: trust.key,
            recovered: Vec::new(),
            inherited: Vec::new(),
            torn: None,
            tail: if trust.head == Some(Head::START) { TailStatus::ProvenTo(0) } else { TailStatus::Unproven },
            findings: Vec::new(),
            finding_count: 0,
        };
        Self {
            trust,
            verdict,
            from_middle: false,
            checkpoint_seen: false,
            unsigned: 0,
            torn: None,
            recovers: false,
            opening: None,
        }
    }

    /// Returns a verifier for a file that is read from its middle.
    pub(super) fn from_middle(trust: TrustAnchors) -> Self {
        Self { from_middle: true, ..Self::new(trust) }
    }

    /// Verifies all lines of a reader.
    pub(super) fn read(&mut self, reader: impl Read) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(MAX_LINE, reader);
        let mut piece = Vec::new();
        let mut begins = true;
        loop {
            piece.clear();
            let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
            if (&mut reader).take(limit).read_until(b'\n', &mut piece)? == 0 {
                return Ok(());
            }
            let ends = piece.ends_with(b"\n");
            self.verdict.lines += u64::from(begins);
            match Link::parse(&piece) {
                Some(link) if begins && ends => self.verify_link(&link, &piece),
                _ => self.torn.get_or_insert_with(|| Region::new(self.verdict.lines)).add(begins, &piece),
            }
            begins = ends;
        }
    }

    /// Verifies the end of the file.
    pub(super) fn finish(mut self) -> VerifierOutput {
        let torn = self.torn.take().and_then(|region| {
            let torn = region.is_torn();
            if !torn {
                self.report_at(region.torn().line, Defect::Unreadable(region.lines()));
            }
            torn.then_some(region)
        });
        if let (Some(saved), TailStatus::Unproven) = (self.trust.head, self.verdict.tail) {
            self.verdict.tail = TailStatus::Refuted;
            let truncated = saved.line > self.verdict.head.line;
            self.report(if truncated { Defect::Truncated(saved.line) } else { Defect::HeadMismatch(saved.line) });
        }
        self.verdict.torn = torn.as_ref().map(Region::torn);
        VerifierOutput { verdict: self.verdict, unsigned: self.unsigned, torn }
    }

    fn verify_link(&mut self, link: &Link, bytes: &[u8]) {
        let unreadable = self.recover(link);
        self.verify_position(link, unreadable);
        let before = Head { line: link.line.saturating_sub(1), hash: link.prev };
        self.verdict.head = Head::of(link.line, bytes);
        self.compare_with_saved_head();
        let recovers = std::mem::replace(&mut self.recovers, matches!(link.kind, LineKind::Recovery { .. }));
        let opening = self.opening.take();
        match &link.kind {
            // A checkpoint follows each opening, ahead of the first record.
            LineKind::Record if !std::mem::replace(&mut self.checkpoint_seen, true) => {
                self.report(Defect::MissingCheckpoint)
            }
            LineKind::Recovery { .. } => {}
            LineKind::Record => {
                self.unsigned = self.unsigned.saturating_add(1);
                // Reported once for each run of unsigned records.
                if self.unsigned == CHECKPOINT_EVERY + 1 {
                    self.report(Defect::MissingCheckpoint);
                }
            }
            LineKind::Opening { key } => {
                self.opening = Some(Opening { after: before.line, recovers });
                self.compare_key(*key);
            }
            LineKind::Inheritance { from, to } => self.verify_inheritance(LineRange { from: *from, to: *to }, opening),
            LineKind::Checkpoint { key, head, ts, signature } => {
                self.checkpoint_seen = true;
                self.compare_key(*key);
                let trusted = self.verdict.key.unwrap_or(*key);
                if *head != before {
                    self.report(Defect::CheckpointMismatch);
                } else if !trusted.verifies(head, ts, signature) {
                    self.report(Defect::InvalidSignature);
                } else {
                    self.verdict.signed_to = link.line;
                    self.unsigned = 0;
                }
            }
        }
    }

    /// Compares this line with the torn bytes ahead of it. Returns the number of unreadable lines
    /// ahead of it.
    fn recover(&mut self, link: &Link) -> u64 {
        let region = self.torn.take();
        if let LineKind::Recovery { bytes, sha256 } = link.kind {
            match region {
                Some(region) if region.bytes() == bytes && region.sha256() == sha256 => {
                    if self.verdict.recovered.len() < FINDINGS_MAX {
                        self.verdict.recovered.push(region.torn());
                    }
                    return 0;
                }
                _ => self.report(Defect::RecoveryMismatch),
            }
            return region.map_or(0, |region| region.lines());
        }
        let Some(region) = region else { return 0 };
        self.report_at(region.torn().line, Defect::Unreadable(region.lines()));
        region.lines()
    }

    /// Verifies that `lines` are all lines between the last checkpoint and the opening.
    fn verify_inheritance(&mut self, lines: LineRange, opening: Option<Opening>) {
        let is_last = |Opening { after, recovers }: Opening| {
            lines.to == after || (recovers && lines.to.checked_add(1) == Some(after))
        };
        let is_first = lines.from == self.verdict.signed_to.saturating_add(1);
        if !is_first || lines.from > lines.to || !opening.is_some_and(is_last) {
            self.report(Defect::InheritanceMismatch);
        } else if self.verdict.inherited.len() < FINDINGS_MAX {
            self.verdict.inherited.push(lines);
        }
    }

    /// Verifies the number and the previous hash of a line.
    fn verify_position(&mut self, link: &Link, unreadable: u64) {
        if std::mem::take(&mut self.from_middle) {
            return;
        }
        let Head { line, hash } = self.verdict.head;
        let next = line.saturating_add(1);
        // Unreadable lines are not missing.
        if unreadable > 0 && link.line == next.saturating_add(unreadable) {
            return;
        }
        if link.line > next {
            self.report(Defect::MissingLines(next, link.line - 1));
        } else if link.line < next {
            self.report(Defect::OutOfOrder(link.line));
        } else if link.prev != hash {
            self.report(Defect::BrokenChain);
        }
    }

    fn compare_with_saved_head(&mut self) {
        let Some(saved) = self.trust.head.filter(|saved| saved.line == self.verdict.head.line) else { return };
        if self.verdict.tail != TailStatus::Unproven {
            return;
        }
        if saved == self.verdict.head {
            // A head proves only the lines that are chained to it: nothing across a break.
            self.verdict.tail =
                if self.verdict.finding_count == 0 { TailStatus::ProvenTo(saved.line) } else { TailStatus::Refuted };
        } else {
            self.verdict.tail = TailStatus::Refuted;
            self.report(Defect::HeadMismatch(saved.line));
        }
    }

    fn compare_key(&mut self, key: PublicKey) {
        if *self.verdict.key.get_or_insert(key) != key {
            self.report(Defect::KeyMismatch);
        }
    }

    fn report(&mut self, defect: Defect) {
        self.report_at(self.verdict.lines, defect);
    }

    fn report_at(&mut self, line: u64, defect: Defect) {
        self.verdict.finding_count += 1;
        if self.verdict.findings.len() < FINDINGS_MAX {
            self.verdict.findings.push(Finding { line, defect });
        }
    }
}

#[cfg(test)]
mod tests;
