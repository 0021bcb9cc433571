//! Checks an audit file, line by line, in memory that does not grow with it.

use std::io::{self, BufRead, BufReader, Read};

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::{CHECKPOINT_EVERY, Kind, LineRange, Link, MAX_LINE};
use crate::region::Region;
use crate::verdict::{Damage, Finding, Tail, Verdict};

/// How many findings, and how many torn lines, are kept; the others are counted.
const KEPT: usize = 100;

/// What an audit file is checked against, from elsewhere than its own folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust {
    /// The key that signed it. Without it, signatures are checked with the key that the file itself names.
    pub key: Option<PublicKey>,
    /// A head that was kept. Without it, nothing is known of lines that were cut off at the end.
    pub head: Option<Head>,
}

/// Checks an audit file from its first line to its last. Memory is bounded, whatever the file is.
///
/// # Errors
///
/// Reading failed.
pub fn verify(reader: impl Read, trust: Trust) -> io::Result<Verdict> {
    let mut verifier = Verifier::new(trust);
    verifier.read(reader)?;
    Ok(verifier.finish().verdict)
}

/// Takes lines one after the other.
pub(super) struct Verifier {
    trust: Trust,
    verdict: Verdict,
    /// Whether the next line begins the chain wherever it says.
    anywhere: bool,
    /// Whether there was a checkpoint, right or wrong; or a record without one, which was said.
    signs: bool,
    /// How many lines there are since the last checkpoint that is right.
    unsigned: u32,
    /// Bytes since the last whole line that are none.
    torn: Option<Region>,
    /// True if the last line names recovered bytes.
    recovers: bool,
    /// The opening of the file, if the last line says that it was opened.
    opening: Option<Opening>,
}

/// A process opened the file.
#[derive(Clone, Copy, Debug)]
struct Opening {
    /// The number of the line before.
    after: u64,
    /// True if that line names recovered bytes: this process wrote it, or the one before.
    recovers: bool,
}

/// What is known in the end.
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) unsigned: u32,
    /// What is torn at the end.
    pub(super) torn: Option<Region>,
}

impl Verifier {
    pub(super) fn new(trust: Trust) -> Self {
        let verdict = Verdict {
            lines: 0,
            head: Head::START,
            signed: 0,
            key: trust.key,
            recovered: Vec::new(),
            inherited: Vec::new(),
            torn: None,
            tail: if trust.head == Some(Head::START) { Tail::ProvenTo(0) } else { Tail::Unproven },
            findings: Vec::new(),
            found: 0,
        };
        Self { trust, verdict, anywhere: false, signs: false, unsigned: 0, torn: None, recovers: false, opening: None }
    }

    /// Begins with whatever line comes first, for a file that is read from its middle.
    pub(super) fn anywhere(trust: Trust) -> Self {
        Self { anywhere: true, ..Self::new(trust) }
    }

    /// Takes everything that there is to read.
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
                Some(link) if begins && ends => self.link(&link, &piece),
                _ => self.torn.get_or_insert_with(|| Region::new(self.verdict.lines)).add(begins, &piece),
            }
            begins = ends;
        }
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Ended {
        let torn = self.torn.take().and_then(|region| {
            let torn = region.is_torn();
            if !torn {
                self.find_at(region.torn().at, Damage::Unreadable(region.lines()));
            }
            torn.then_some(region)
        });
        if let (Some(kept), Tail::Unproven) = (self.trust.head, self.verdict.tail) {
            self.verdict.tail = Tail::Refuted;
            let damage =
                if kept.line > self.verdict.head.line { Damage::Cut(kept.line) } else { Damage::NotAsKept(kept.line) };
            self.find(damage);
        }
        self.verdict.torn = torn.as_ref().map(Region::torn);
        Ended { verdict: self.verdict, unsigned: self.unsigned, torn }
    }

    fn link(&mut self, link: &Link, bytes: &[u8]) {
        let unreadable = self.recover(link);
        self.place(link, unreadable);
        let before = Head { line: link.line.saturating_sub(1), hash: link.prev };
        self.verdict.head = Head::of(link.line, bytes);
        self.compare_with_kept();
        let recovers = std::mem::replace(&mut self.recovers, matches!(link.kind, Kind::Recovered { .. }));
        let opening = self.opening.take();
        match &link.kind {
            // A sink signs as it opens the file, before the first record.
            Kind::Record if !std::mem::replace(&mut self.signs, true) => self.find(Damage::Unsigned),
            Kind::Recovered { .. } => {}
            Kind::Record => {
                self.unsigned = self.unsigned.saturating_add(1);
                // Once for each run of them.
                if self.unsigned == CHECKPOINT_EVERY + 1 {
                    self.find(Damage::Unsigned);
                }
            }
            Kind::Opened { key } => {
                self.opening = Some(Opening { after: before.line, recovers });
                self.names(*key);
            }
            Kind::Inherited { from, to } => self.inherit(LineRange { from: *from, to: *to }, opening),
            Kind::Checkpoint { key, head, ts, signature } => {
                self.signs = true;
                self.names(*key);
                let trusted = self.verdict.key.unwrap_or(*key);
                if *head != before {
                    self.find(Damage::WrongCheckpoint);
                } else if !trusted.verifies(head, ts, signature) {
                    self.find(Damage::WrongSignature);
                } else {
                    self.verdict.signed = link.line;
                    self.unsigned = 0;
                }
            }
        }
    }

    /// What this line says of torn bytes before it. Answers with the number of lines before it that are unreadable.
    fn recover(&mut self, link: &Link) -> u64 {
        let region = self.torn.take();
        if let Kind::Recovered { bytes, sha256 } = link.kind {
            match region {
                Some(region) if region.bytes() == bytes && region.sha256() == sha256 => {
                    if self.verdict.recovered.len() < KEPT {
                        self.verdict.recovered.push(region.torn());
                    }
                    return 0;
                }
                _ => self.find(Damage::WrongRecovery),
            }
            return region.map_or(0, |region| region.lines());
        }
        let Some(region) = region else { return 0 };
        self.find_at(region.torn().at, Damage::Unreadable(region.lines()));
        region.lines()
    }

    /// Checks the lines that are named as unsigned: all since the last checkpoint, up to the
    /// opening that names them.
    fn inherit(&mut self, lines: LineRange, opening: Option<Opening>) {
        let is_last = |Opening { after, recovers }: Opening| {
            lines.to == after || (recovers && lines.to.checked_add(1) == Some(after))
        };
        let is_first = lines.from == self.verdict.signed.saturating_add(1);
        if !is_first || lines.from > lines.to || !opening.is_some_and(is_last) {
            self.find(Damage::WrongInheritance);
        } else if self.verdict.inherited.len() < KEPT {
            self.verdict.inherited.push(lines);
        }
    }

    /// Whether this line comes after the one before it. In any case, the next one is to come after this one.
    fn place(&mut self, link: &Link, unreadable: u64) {
        if std::mem::take(&mut self.anywhere) {
            return;
        }
        let Head { line, hash } = self.verdict.head;
        let next = line.saturating_add(1);
        // What stands there and cannot be read is not missing.
        if unreadable > 0 && link.line == next.saturating_add(unreadable) {
            return;
        }
        if link.line > next {
            self.find(Damage::Missing(next, link.line - 1));
        } else if link.line < next {
            self.find(Damage::OutOfOrder(link.line));
        } else if link.prev != hash {
            self.find(Damage::Unchained);
        }
    }

    fn compare_with_kept(&mut self) {
        let Some(kept) = self.trust.head.filter(|kept| kept.line == self.verdict.head.line) else { return };
        if self.verdict.tail != Tail::Unproven {
            return;
        }
        if kept == self.verdict.head {
            // A head vouches for what is chained to it: not across a break.
            self.verdict.tail = if self.verdict.found == 0 { Tail::ProvenTo(kept.line) } else { Tail::Refuted };
        } else {
            self.verdict.tail = Tail::Refuted;
            self.find(Damage::NotAsKept(kept.line));
        }
    }

    fn names(&mut self, key: PublicKey) {
        if *self.verdict.key.get_or_insert(key) != key {
            self.find(Damage::OtherKey);
        }
    }

    fn find(&mut self, what: Damage) {
        self.find_at(self.verdict.lines, what);
    }

    fn find_at(&mut self, at: u64, what: Damage) {
        self.verdict.found += 1;
        if self.verdict.findings.len() < KEPT {
            self.verdict.findings.push(Finding { at, what });
        }
    }
}

#[cfg(test)]
mod tests;
