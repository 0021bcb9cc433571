//! The words that the glossary retired, and their replacements.

/// A retired phrase, as words in lower case, and its replacement.
pub(super) struct Retired {
    pub(super) phrase: &'static str,
    pub(super) better: &'static str,
}

const NOUN: &str = "the noun that the clause describes";
const ROLE: &str = "the role: caller, owner, operator, guest, author";

const fn retired(phrase: &'static str, better: &'static str) -> Retired {
    Retired { phrase, better }
}

/// Phrases that are refused in comments, documents and messages.
pub(super) const RETIRED: &[Retired] = &[
    retired("what is", NOUN),
    retired("what was", NOUN),
    retired("what has", NOUN),
    retired("what are", NOUN),
    retired("what were", NOUN),
    retired("what had", NOUN),
    retired("what it", NOUN),
    retired("what they", NOUN),
    retired("what may", NOUN),
    retired("what can", NOUN),
    retired("what must", NOUN),
    retired("what does", NOUN),
    retired("what did", NOUN),
    retired("what a", NOUN),
    retired("who asks", ROLE),
    retired("who asked", ROLE),
    retired("who has", ROLE),
    retired("whoever", ROLE),
    retired("nobody's", "discarded, unowned"),
    retired("somebody", ROLE),
    retired("nobody", "no caller, no task, no user"),
    retired("stand-in", "placeholder"),
    retired("stand-ins", "placeholders"),
    retired("anew", "again; reissue for a lease"),
    retired("ledger", "lease journal"),
    retired("holder", "owner"),
    retired("holders", "owners"),
    retired("absences", "negative cache"),
    retired("beyond its time", "expired, stale"),
    retired("take back", "revoke, release"),
    retired("takes back", "revokes, releases"),
    retired("taken back", "revoked, released"),
    retired("given back", "returned, released"),
    retired("let in", "admitted"),
    retired("let out", "authorized"),
    retired("lets out", "authorizes"),
    retired("is told", "is reported"),
    retired("are told", "are reported"),
    retired("was told", "was reported"),
    retired("is said", "is reported"),
    retired("is none", "is absent, is invalid"),
    retired("goes by", "uses"),
    retired("mend", "fix"),
    retired("mended", "fixed"),
    retired("colour", "color"),
    retired("colours", "colors"),
    retired("artefact", "artifact"),
    retired("artefacts", "artifacts"),
    retired("behaviour", "behavior"),
    retired("licence", "license"),
    retired("licences", "licenses"),
    retired("authorise", "authorize"),
    retired("authorised", "authorized"),
    retired("optimised", "optimized"),
    retired("recognise", "recognize"),
    retired("recognised", "recognized"),
    retired("serialised", "serialized"),
    retired("initialised", "initialized"),
    retired("normalised", "normalized"),
    retired("honour", "honor"),
    retired("honours", "honors"),
    retired("favour", "favor"),
    retired("neighbour", "neighbor"),
    retired("neighbours", "neighbors"),
    retired("centre", "center"),
    retired("defence", "defense"),
];

/// Words with which a doc comment does not begin.
pub(super) const WRONG_STARTS: [&str; 9] =
    ["what", "whether", "who", "whoever", "whose", "how", "why", "where", "that"];

/// The second words of a clause that replaces a noun, after "what".
pub(super) const CLAUSES: [&str; 13] =
    ["is", "was", "has", "are", "were", "had", "it", "they", "may", "can", "must", "does", "did"];
