//! The output of a check, for people and programs.

use std::collections::BTreeMap;
use std::path::Path;

use far_core::broker::RepeatRecording;
use far_core::capability::{Destination, Placement};
use far_runtime::Wasi;
use serde_json::{Value, json};

use super::overview::{Backend, BackendState, Overview, PermittedSecret};
use crate::config::EgressConfig;
use crate::duration::milliseconds;
use crate::escape::escape;
use crate::messages::explanation::Explanation;
use crate::output::printer::CommandOutput;
use crate::table::table;
use crate::terms::{destinations, lifetime_text, operations, operations_text, placements, rotation, signing};

/// The results of a check, with the path of the configuration.
pub(super) struct CheckOutput<'a> {
    /// `None` without a configuration.
    pub(super) config: Option<&'a Path>,
    pub(super) overview: Overview,
}

impl CommandOutput for CheckOutput<'_> {
    /// Returns tables.
    fn text(&self) -> String {
        let Self { config, overview } = self;
        let mut text = match config {
            Some(path) => format!("{}: valid\n", escape(&path.to_string_lossy())),
            None => "no configuration: a task may use every granted secret of the .env file\n".to_owned(),
        };
        let agent = overview.agent_id.as_ref().map_or("local", |id| id.as_str());
        let swap = if overview.swap_allowed { "allowed" } else { "refused" };
        let repeats = if overview.repeats == RepeatRecording::Counted { ", repeated handles counted" } else { "" };
        text.push_str(&format!("agent {agent}, wasi {}, swap {swap}{repeats}\n", wasi(overview.wasi)));
        text.push_str(&egress(&overview.egress, overview.authorities.as_deref()));
        text.push('\n');
        let providers: Vec<_> = overview.providers.iter().map(provider_row).collect();
        text.push_str(&table(["PROVIDER", "STATE"], &providers));
        if config.is_some() {
            let secrets: Vec<_> = overview.secrets.iter().map(secret_row).collect();
            let header =
                ["SECRET", "PROVIDER", "FOUND", "OPERATIONS", "SCOPE", "TTL", "WHEN LEAKED", "SKILLS", "DESTINATIONS"];
            text.push('\n');
            text.push_str(&table(header, &secrets));
        } else if let Some(names) = names(overview) {
            text.push('\n');
            text.push_str(&table(["SECRET"], &names));
        }
        text
    }

    fn problems(&self) -> Vec<Explanation> {
        self.overview.explanations().into_iter().map(|(_, explanation)| explanation).collect()
    }

    /// Returns one JSON object.
    fn object(&self) -> Value {
        let Self { config, overview } = self;
        let code = self.code();
        let problem = |(about, explanation)| json!({ "about": about, "error": explanation });
        json!({
            "command": "check",
            "config": config.map(Path::to_string_lossy),
            "ok": code == 0,
            "exit_code": code,
            "agent_id": overview.agent_id,
            "wasi": wasi(overview.wasi),
            "repeats": if overview.repeats == RepeatRecording::Counted { "counted" } else { "each" },
            "swap": if overview.swap_allowed { "allowed" } else { "refused" },
            "egress": {
                "destinations": overview.egress.destinations.iter().map(Destination::as_str).collect::<Vec<_>>(),
                "networks": overview.egress.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "hosts": overview.egress.hosts.iter().map(|(host, at)| (host.clone(), at.to_string())).collect::<BTreeMap<_, _>>(),
                "authorities": overview.authorities,
                "ca_file": overview.egress.ca_file.as_deref().map(Path::to_string_lossy),
            },
            "providers": overview.providers.iter().map(provider_object).collect::<Vec<_>>(),
            "secrets": overview.secrets.iter().map(secret_object).collect::<Vec<_>>(),
            "problems": overview.explanations().into_iter().map(problem).collect::<Vec<_>>(),
        })
    }

    fn code(&self) -> u8 {
        self.overview.code()
    }
}

/// Returns the names of grantable secrets, for a check without a configuration.
fn names(overview: &Overview) -> Option<Vec<[String; 1]>> {
    let BackendState::Listing(references) = &overview.providers.first()?.state else { return None };
    let mut names: Vec<_> = references.iter().map(|reference| [escape(reference.as_str())]).collect();
    names.sort();
    Some(names)
}

/// Formats the egress configuration. Empty for the default without authorities.
fn egress(config: &EgressConfig, authorities: Option<&str>) -> String {
    let platform = authorities.map_or("the platform".into(), escape);
    if config == &EgressConfig::default() {
        return authorities.map(|_| format!("certificate authorities: {platform}\n")).unwrap_or_default();
    }
    let listed = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(" ") };
    format!(
        "requests without a secret: {}\nadditional networks: {}\nstatic host addresses: {}\ncertificate authorities: {}\n",
        listed(config.destinations.iter().map(|one| escape(one.as_str())).collect()),
        listed(config.networks.iter().map(ToString::to_string).collect()),
        listed(config.hosts.iter().map(|(host, at)| format!("{} at {at}", escape(host))).collect()),
        config.ca_file.as_ref().map_or(platform, |path| escape(&path.to_string_lossy())),
    )
}

fn wasi(wasi: Wasi) -> &'static str {
    match wasi {
        Wasi::Strict => "strict",
        _ => "inert",
    }
}

fn provider_row(backend: &Backend) -> [String; 2] {
    let state = match &backend.state {
        BackendState::Listing(references) if references.len() == 1 => "reachable, has 1 secret".to_owned(),
        BackendState::Listing(references) => format!("reachable, has {} secrets", references.len()),
        BackendState::Unlistable(error) => format!("reachable, cannot list secrets: {error}"),
        BackendState::OpenFailed(_) => "cannot be opened".to_owned(),
        BackendState::Unreachable(error) => format!("unreachable: {error}"),
    };
    [backend.id.to_string(), state]
}

fn provider_object(backend: &Backend) -> Value {
    let (state, count) = match &backend.state {
        BackendState::Listing(references) => ("reached", Some(references.len())),
        BackendState::Unlistable(_) => ("reached", None),
        BackendState::OpenFailed(_) => ("refused", None),
        BackendState::Unreachable(_) => ("unreached", None),
    };
    json!({ "id": backend.id, "state": state, "secrets": count })
}

fn secret_row(secret: &PermittedSecret) -> [String; 9] {
    let entry = &secret.entry;
    let there = match secret.present {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "unknown",
    };
    let skills = match entry.skills.as_deref() {
        None => "every skill".to_owned(),
        Some([skill]) => skill.to_string(),
        Some(skills) => format!("{} skills", skills.len()),
    };
    let mut sent: Vec<_> = destinations(&entry.terms).into_iter().map(escape).collect();
    if !sent.is_empty() && entry.terms.placements() != [Placement::Authorization] {
        sent.push(format!("in {}", placements(&entry.terms).join(",")));
    }
    if entry.only_sealed {
        sent.push("(only-sealed)".to_owned());
    }
    [
        secret.name.to_string(),
        entry.provider.to_string(),
        there.to_owned(),
        escape(&operations_text(&entry.terms)),
        entry.scope.as_str().to_owned(),
        lifetime_text(entry),
        entry.when_leaked.as_str().to_owned(),
        skills,
        if sent.is_empty() { "-".to_owned() } else { sent.join(" ") },
    ]
}

fn secret_object(secret: &PermittedSecret) -> Value {
    let entry = &secret.entry;
    json!({
        "name": secret.name,
        "provider": entry.provider,
        "reference": secret.reference.as_str(),
        "present": secret.present,
        "operations": operations(&entry.terms),
        "destinations": destinations(&entry.terms),
        "placements": placements(&entry.terms),
        "signing": signing(&entry.terms),
        "scope": entry.scope.as_str(),
        "ttl_ms": milliseconds(entry.ttl),
        "stale_ms": milliseconds(entry.stale),
        "rotate": rotation(entry),
        "only_sealed": entry.only_sealed,
        "when_leaked": entry.when_leaked.as_str(),
        "skills": entry.skills.as_ref().map(|skills| skills.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}
