//! `far audit verify`.

use far_audit::{Integrity, LineRange, TailStatus, TornWrite, TrustAnchors, Verdict, verify as check};
use serde_json::json;

use super::args::VerifyArgs;
use crate::escape::escape;
use crate::exit;
use crate::input;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{CommandOutput, Printer};

pub(super) fn verify(args: &VerifyArgs, printer: &Printer) -> Result<u8, Failure> {
    let unreadable = |source| Failure::Read { what: "the audit file", path: args.file.clone(), source };
    let file = input::open(&args.file, "the audit file")?;
    let verdict = check(file, TrustAnchors { key: args.key, head: args.head }).map_err(unreadable)?;
    printer.output(&VerifyOutput { args, verdict })
}

/// The verdict on an audit file.
struct VerifyOutput<'a> {
    args: &'a VerifyArgs,
    verdict: Verdict,
}

impl CommandOutput for VerifyOutput<'_> {
    fn text(&self) -> String {
        table(self.args, &self.verdict)
    }

    fn problems(&self) -> Vec<Explanation> {
        Vec::new()
    }

    fn object(&self) -> serde_json::Value {
        object(self.args, &self.verdict, self.code())
    }

    fn code(&self) -> u8 {
        match self.verdict.integrity() {
            Integrity::Sound => 0,
            Integrity::Unsigned => exit::UNSIGNED,
            Integrity::Tampered => exit::REFUSED,
        }
    }
}

fn object(args: &VerifyArgs, verdict: &Verdict, code: u8) -> serde_json::Value {
    let range = |lines: &LineRange| json!({ "from": lines.from, "to": lines.to });
    let torn = |torn: &TornWrite| json!({ "line": torn.line, "bytes": torn.bytes });
    let finding = |finding: &far_audit::Finding| json!({ "line": finding.line, "kind": finding.defect.kind(), "message": finding.defect.to_string() });
    json!({
        "command": "audit verify",
        "file": args.file.to_string_lossy(),
        "ok": verdict.integrity() == Integrity::Sound,
        "outcome": match verdict.integrity() {
            Integrity::Sound => "sound",
            Integrity::Unsigned => "unsigned",
            Integrity::Tampered => "tampered",
        },
        "exit_code": code,
        "lines": verdict.lines,
        "head": verdict.head,
        "signed_to": verdict.signed_to,
        "key": verdict.key,
        "key_given": args.key.is_some(),
        "tail": tail_token(verdict),
        "proven_to": match verdict.tail { TailStatus::ProvenTo(line) => Some(line), _ => None },
        "inherited": verdict.inherited.iter().map(range).collect::<Vec<_>>(),
        "recovered": verdict.recovered.iter().map(torn).collect::<Vec<_>>(),
        "torn": verdict.torn.as_ref().map(torn),
        "findings": verdict.findings.iter().map(finding).collect::<Vec<_>>(),
        "found": verdict.finding_count,
    })
}

fn tail_token(verdict: &Verdict) -> &'static str {
    match verdict.tail {
        TailStatus::ProvenTo(line) if line == verdict.head.line() => "proven",
        TailStatus::ProvenTo(_) => "proven-in-part",
        TailStatus::Refuted => "refuted",
        TailStatus::Unproven => "unproven",
    }
}

fn table(args: &VerifyArgs, verdict: &Verdict) -> String {
    let state = match verdict.integrity() {
        Integrity::Sound => "sound",
        Integrity::Unsigned => "sound, but unsigned: no checkpoint",
        Integrity::Tampered => "TAMPERED WITH",
    };
    let mut text = format!("{}: {state}\n", escape(&args.file.to_string_lossy()));
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    row("lines", verdict.lines.to_string());
    row("head", verdict.head.to_string());
    row("signed", signed(args, verdict));
    for lines in &verdict.inherited {
        let LineRange { from, to } = lines;
        row("inherited", format!("lines {from} to {to} of the chain: not signed by the process that wrote them"));
    }
    for torn in &verdict.recovered {
        row(
            "recovered",
            format!("line {}: {} bytes of an interrupted write, reported by the next record", torn.line, torn.bytes),
        );
    }
    if let Some(torn) = verdict.torn {
        row("torn", format!("line {}: {} bytes of an interrupted or truncated write", torn.line, torn.bytes));
    }
    row("tail", tail(args, verdict));
    for finding in &verdict.findings {
        row("FOUND", format!("line {} {}", finding.line, finding.defect));
    }
    let shown = u64::try_from(verdict.findings.len()).unwrap_or(u64::MAX);
    if verdict.finding_count > shown {
        row("FOUND", format!("and {} more", verdict.finding_count - shown));
    }
    text
}

fn signed(args: &VerifyArgs, verdict: &Verdict) -> String {
    let Some(key) = verdict.key.filter(|_| verdict.signed_to > 0) else {
        return "no lines".to_owned();
    };
    let upto = match verdict.head.line().saturating_sub(verdict.signed_to) {
        _ if !verdict.is_consistent() => "only lines without findings".to_owned(),
        0 => "all lines".to_owned(),
        after => format!("up to line {} of the chain; the {after} after it are unsigned", verdict.signed_to),
    };
    let vouched = if args.key.is_some() { "" } else { " (named only by the file itself: pass --key)" };
    format!("{upto}, by {key}{vouched}")
}

fn tail(args: &VerifyArgs, verdict: &Verdict) -> String {
    match verdict.tail {
        TailStatus::Unproven if args.head.is_none() => {
            "unproven: lines may have been removed from the end; pass --head with a saved head".to_owned()
        }
        TailStatus::Unproven | TailStatus::Refuted => "refuted: the saved head does not match the file".to_owned(),
        TailStatus::ProvenTo(line) if line == verdict.head.line() => "proven by the saved head".to_owned(),
        TailStatus::ProvenTo(line) => {
            let after = verdict.head.line().saturating_sub(line);
            format!("proven up to line {line} of the chain by the saved head; the {after} after it are unproven")
        }
    }
}
