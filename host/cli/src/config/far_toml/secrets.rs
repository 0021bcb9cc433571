//! The tables of secrets, and of the tools whose skills share some.

use std::path::Path;
use std::time::Duration;

use far_core::capability::{CatalogEntry, Scope, WhenLeaked};
use far_core::{ProviderId, SecretName, SkillDigest, ToolName};

use super::exchange::{self, RecipeConfig};
use super::kind::Kind;
use super::life;
use super::providers::{ProviderConfig, reference};
use crate::config::reader::{Keys, Table, Value, join, nearest};
use crate::config::terms;
use crate::config::units::{self, Max};
use crate::messages::config::ConfigError;

pub(super) const SECRET: Keys = Keys {
    known: &[
        "provider",
        "kind",
        "path",
        "field",
        "common-name",
        "github-app",
        "oauth2",
        "scope",
        "tool",
        "operations",
        "destinations",
        "placements",
        "signing",
        "ttl",
        "stale",
        "rotate",
        "skills",
        "when-leaked",
        "only-sealed",
    ],
    later: &["requests"],
};

const TOOL: Keys = Keys { known: &["skills"], later: &[] };

/// The longest that a fetched value may be kept.
const MAX_TTL: Max<Duration> = Max { value: Duration::from_secs(30 * 24 * 60 * 60), text: "30d" };

/// HMAC, which is meant where nothing is said, would have a skill sign tokens by hand.
const SAY_HOW: &str =
    "an agent's identity signs tokens, or is a client certificate: say which, by 'signing' or 'placements'";

/// What a secret's table is read in the light of.
pub(super) struct Around<'a> {
    pub(super) providers: &'a [ProviderConfig],
    pub(super) tools: &'a [Tool],
    /// Where the file is.
    pub(super) folder: &'a Path,
}

/// A set of skills that share what they need.
pub(super) struct Tool {
    name: ToolName,
    skills: Vec<SkillDigest>,
}

/// Reads the sets of skills.
pub(super) fn tools(value: Value<'_>) -> Result<Vec<Tool>, ConfigError> {
    let tool = |(name, value): (Value<'_>, Value<'_>)| {
        let name = name.read(ToolName::parse)?;
        Ok(Tool { name, skills: skills(value.table_of(&TOOL)?.require("skills")?)? })
    };
    value.table()?.names().map(tool).collect()
}

/// Reads one secret's table; and how the secret is made of a key, if it is.
pub(super) fn entry(
    name: &SecretName,
    value: Value<'_>,
    around: &Around<'_>,
) -> Result<(CatalogEntry, Option<RecipeConfig>), ConfigError> {
    let mut table = value.table_of(&SECRET)?;
    let provider = configured(&table.require("provider")?, around.providers)?;
    let reference = reference(name, &mut table, &provider.kind)?;
    let kind = table.take("kind").map(|value| Kind::read(&value)).transpose()?;
    let recipe = exchange::recipe(name, &mut table, kind, (&provider.id, &reference), around.folder)?;
    let (scope, own) = shared(&mut table, kind, around.tools)?;
    let skills = match (table.take("skills"), own) {
        (Some(value), Some(_)) => {
            let help = "take it out: the tool's skills are those that may use the secret".to_owned();
            return Err(value.invalid("the secret is a tool's", Some(help)));
        }
        (Some(value), None) => Some(skills(value)?),
        (None, own) => own,
    };
    let ttl = table.take("ttl").map(|value| value.read(|text| units::duration(text, &MAX_TTL))).transpose()?;
    let (stale, rotation) = (life::stale(&mut table)?, life::rotation(&mut table)?);
    let when_leaked = table.take("when-leaked").map(|value| when_leaked(&value)).transpose()?.unwrap_or_default();
    if kind == Some(Kind::AgentIdentity) && !table.has("signing") && !table.has("placements") {
        return Err(table.invalid(SAY_HOW));
    }
    let only_sealed = terms::only_sealed(&mut table)?;
    let terms = terms::take(&mut table, "the secret", kind.map(Kind::operations))?;
    if only_sealed && terms.destinations().is_empty() {
        return Err(table.invalid(terms::ONLY_SEALED_NOWHERE));
    }
    let entry =
        CatalogEntry::new(provider.id.clone(), recipe.as_ref().map_or(reference, |recipe| recipe.name.clone()), terms)
            .with_scope(scope)
            .with_ttl(ttl.unwrap_or(CatalogEntry::DEFAULT_TTL))
            .with_stale(stale)
            .with_rotation(rotation)
            .with_skills(skills)
            .with_when_leaked(when_leaked)
            .with_only_sealed(only_sealed);
    Ok((entry, recipe))
}

/// Takes who shares a value: as the file says, or as is usual for the kind. Of a tool's, which skills these are.
fn shared(
    table: &mut Table<'_>,
    kind: Option<Kind>,
    tools: &[Tool],
) -> Result<(Scope, Option<Vec<SkillDigest>>), ConfigError> {
    let said = table.take("scope").map(|value| Ok((terms::text(&value)?, value))).transpose()?;
    let tool = table.take("tool");
    match (said, tool) {
        (None, None) => Ok((kind.map(Kind::scope).unwrap_or_default(), None)),
        (Some((text, value)), None) => match &*text {
            "task" => Ok((Scope::Task, None)),
            "skill" => Ok((Scope::Skill, None)),
            "agent" => Ok((Scope::Agent, None)),
            "node" => Ok((Scope::Node, None)),
            "tool" => Err(value.invalid("no tool is named", Some("name one of [tools] by 'tool'".to_owned()))),
            _ => Err(value.invalid("a scope is one of 'task', 'skill', 'tool', 'agent', 'node'", None)),
        },
        (Some((text, value)), Some(_)) if text != "tool" => {
            let help = "leave one of the two out".to_owned();
            Err(value.invalid("the secret is a tool's, and this is another scope", Some(help)))
        }
        (_, Some(value)) => {
            let name = value.read(ToolName::parse)?;
            let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
                let help = match nearest(name.as_str(), tools.iter().map(|tool| tool.name.as_str())) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("add the table [{}]", join("tools", name.as_str())),
                };
                return Err(value.invalid("no tool of this name is configured", Some(help)));
            };
            Ok((Scope::Tool(name), Some(tool.skills.clone())))
        }
    }
}

fn configured<'p>(value: &Value<'_>, providers: &'p [ProviderConfig]) -> Result<&'p ProviderConfig, ConfigError> {
    let id = value.read(ProviderId::parse)?;
    if let Some(provider) = providers.iter().find(|provider| provider.id == id) {
        return Ok(provider);
    }
    let help = match nearest(id.as_str(), providers.iter().map(|provider| provider.id.as_str())) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("add the table [{}]", join("providers", id.as_str())),
    };
    Err(value.invalid("no provider of this name is configured", Some(help)))
}

fn when_leaked(value: &Value<'_>) -> Result<WhenLeaked, ConfigError> {
    let text = terms::text(value)?;
    let chosen = WhenLeaked::ALL.into_iter().find(|choice| choice.as_str() == &*text);
    chosen.ok_or_else(|| {
        let help = match nearest(&text, WhenLeaked::ALL.map(WhenLeaked::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "it is \"replace\", \"fail\" or \"ignore\"".to_owned(),
        };
        value.invalid("not a way to deal with a value that a skill says", Some(help))
    })
}

fn skills(value: Value<'_>) -> Result<Vec<SkillDigest>, ConfigError> {
    if value.is_empty_list() {
        let help = "leave 'skills' out to mean every skill".to_owned();
        return Err(value.invalid("no skill may use the secret", Some(help)));
    }
    value.list(|value| value.read(str::parse::<SkillDigest>))
}
