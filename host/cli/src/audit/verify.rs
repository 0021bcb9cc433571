//! `far audit verify`.

use far_audit::{LineRange, Soundness, Tail, Torn, Trust, Verdict, verify as check};
use serde_json::json;

use super::args::VerifyArgs;
use crate::escape::escape;
use crate::exit;
use crate::input;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{Answer, Printer};

pub(super) fn verify(args: &VerifyArgs, printer: &Printer) -> Result<u8, Failure> {
    let unreadable = |source| Failure::Read { what: "the audit file", path: args.file.clone(), source };
    let file = input::open(&args.file, "the audit file")?;
    let verdict = check(file, Trust { key: args.key, head: args.head }).map_err(unreadable)?;
    printer.answer(&Verified { args, verdict })
}

/// An audit file's verdict.
struct Verified<'a> {
    args: &'a VerifyArgs,
    verdict: Verdict,
}

impl Answer for Verified<'_> {
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
        match self.verdict.soundness() {
            Soundness::Sound => 0,
            Soundness::Unsigned => exit::UNPROVEN,
            Soundness::Tampered => exit::REFUSED,
        }
    }
}

fn object(args: &VerifyArgs, verdict: &Verdict, code: u8) -> serde_json::Value {
    let range = |lines: &LineRange| json!({ "from": lines.from, "to": lines.to });
    let torn = |torn: &Torn| json!({ "line": torn.at, "bytes": torn.bytes });
    let finding = |finding: &far_audit::Finding| json!({ "line": finding.at, "kind": finding.what.kind(), "message": finding.what.to_string() });
    json!({
        "command": "audit verify",
        "file": args.file.to_string_lossy(),
        "ok": verdict.soundness() == Soundness::Sound,
        "outcome": match verdict.soundness() {
            Soundness::Sound => "sound",
            Soundness::Unsigned => "unsigned",
            Soundness::Tampered => "tampered",
        },
        "exit_code": code,
        "lines": verdict.lines,
        "head": verdict.head,
        "signed_to": verdict.signed,
        "key": verdict.key,
        "key_given": args.key.is_some(),
        "tail": tail_token(verdict),
        "proven_to": match verdict.tail { Tail::ProvenTo(line) => Some(line), _ => None },
        "inherited": verdict.inherited.iter().map(range).collect::<Vec<_>>(),
        "recovered": verdict.recovered.iter().map(torn).collect::<Vec<_>>(),
        "torn": verdict.torn.as_ref().map(torn),
        "findings": verdict.findings.iter().map(finding).collect::<Vec<_>>(),
        "found": verdict.found,
    })
}

fn tail_token(verdict: &Verdict) -> &'static str {
    match verdict.tail {
        Tail::ProvenTo(line) if line == verdict.head.line() => "proven",
        Tail::ProvenTo(_) => "proven-in-part",
        Tail::Refuted => "refuted",
        Tail::Unproven => "unproven",
    }
}

fn table(args: &VerifyArgs, verdict: &Verdict) -> String {
    let state = match verdict.soundness() {
        Soundness::Sound => "sound",
        Soundness::Unsigned => "sound as far as it goes: no checkpoint",
        Soundness::Tampered => "TAMPERED WITH",
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
            format!("line {}: {} bytes of a write that ended early; said so after it", torn.at, torn.bytes),
        );
    }
    if let Some(torn) = verdict.torn {
        row("torn", format!("line {}: {} bytes of a write that ended early, or was cut", torn.at, torn.bytes));
    }
    row("tail", tail(args, verdict));
    for finding in &verdict.findings {
        row("FOUND", format!("line {} {}", finding.at, finding.what));
    }
    let shown = u64::try_from(verdict.findings.len()).unwrap_or(u64::MAX);
    if verdict.found > shown {
        row("FOUND", format!("and {} more", verdict.found - shown));
    }
    text
}

fn signed(args: &VerifyArgs, verdict: &Verdict) -> String {
    let Some(key) = verdict.key.filter(|_| verdict.signed > 0) else {
        return "nothing".to_owned();
    };
    let upto = match verdict.head.line().saturating_sub(verdict.signed) {
        _ if !verdict.is_sound() => "only what is not found wrong".to_owned(),
        0 => "every line".to_owned(),
        after => format!("to line {} of the chain; {after} after it are not", verdict.signed),
    };
    let vouched = if args.key.is_some() { "" } else { ", which only the file itself names: give --key" };
    format!("{upto}, by {key}{vouched}")
}

fn tail(args: &VerifyArgs, verdict: &Verdict) -> String {
    match verdict.tail {
        Tail::Unproven if args.head.is_none() => {
            "unproven: lines may have been cut off; give --head with one that was kept elsewhere".to_owned()
        }
        Tail::Unproven | Tail::Refuted => "refuted: the head that was kept does not agree with the file".to_owned(),
        Tail::ProvenTo(line) if line == verdict.head.line() => "proven by the head that was kept".to_owned(),
        Tail::ProvenTo(line) => {
            let after = verdict.head.line().saturating_sub(line);
            format!("proven to line {line} of the chain by the head that was kept; unproven for the {after} after it")
        }
    }
}
