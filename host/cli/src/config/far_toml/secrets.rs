//! The tables of secrets, and of tools whose skills share secrets.

use std::path::Path;
use std::time::Duration;

use far_core::capability::{CatalogEntry, LeakPolicy, Scope};
use far_core::{ProviderId, SecretName, SkillDigest, ToolName};

use super::exchange::{self, RecipeConfig};
use super::kind::SecretKind;
use super::lifetime;
use super::providers::{ProviderConfig, reference};
use crate::config::key::{Form, Key, Keys, NONE, REQUIRED};
use crate::config::reader::{Table, Value, join, nearest};
use crate::config::terms;
use crate::config::units::{self, Max};
use crate::messages::config::ConfigError;

pub(super) const SECRET: Keys = Keys {
    known: &[
        Key::new("provider", Form::Text("a name"), REQUIRED, "The name of the provider."),
        Key::new("kind", Form::Text("a [kind](#kinds)"), NONE, "The kind of the secret, which sets other defaults."),
        Key::new(
            "path",
            Form::Text("a path"),
            "the name of the table",
            "The name of the secret in the provider; `vault` requires it.",
        ),
        Key::new("field", Form::Text("a name"), "all fields, as a JSON object", "`vault` only: the field to read."),
        Key::new("common-name", Form::Text("a name"), NONE, "`vault` only: the common name of a certificate."),
        Key::new("github-app", Form::Table, NONE, "The exchange of the key of a GitHub App for tokens."),
        Key::new("oauth2", Form::Table, NONE, "The exchange of the secret of an OAuth 2.0 client for tokens."),
        Key::new(
            "scope",
            Form::OneOf(&["task", "skill", "agent", "node"]),
            "`\"task\"`, or that of `kind`",
            "The tasks that share a fetched value.",
        ),
        Key::new("tool", Form::Text("a name"), NONE, "The tool whose skills share the value."),
        Key::new(
            "operations",
            Form::List("`sign`, `reveal`, `refresh` and `seal`"),
            "required, or that of `kind`",
            "The permitted operations.",
        ),
        Key::new("destinations", Form::List("destinations"), NONE, "The permitted destinations; `seal` requires one."),
        Key::new(
            "placements",
            Form::List("placements"),
            "the `authorization` header",
            "The permitted [placements](../guides/requests.md#declare-destinations-and-placements) in requests.",
        ),
        Key::new("signing", Form::Table, "`{ hmac = true }`", "The permitted signatures."),
        Key::new("ttl", Form::Duration(MAX_TTL.text), "1h", "The lifetime of a cached value."),
        Key::new(
            "stale",
            Form::Duration(lifetime::MAX_STALE.text),
            NONE,
            "The time beyond `ttl` in which the cached value is used while the backend does not answer.",
        ),
        Key::new("rotate", Form::Table, "no rotation", "The rotation of the secret by its age."),
        Key::new(
            "skills",
            Form::List("digests, such as `sha256:…`"),
            "all skills",
            "The skills that may use the secret.",
        ),
        Key::new(
            "when-leaked",
            Form::OneOf(&["replace", "fail", "ignore"]),
            "`\"replace\"`",
            "The [leak policy](../security/redaction.md#leak-policy).",
        ),
        Key::new(
            "only-sealed",
            Form::Boolean,
            "`false`",
            "Refuses requests to the destinations' hosts without the secret.",
        ),
    ],
    later: &["requests"],
};

pub(super) const TOOL: Keys =
    Keys::new(&[Key::new("skills", Form::List("digests"), REQUIRED, "The skills that share a value.")]);

/// The maximum TTL of a cached value.
const MAX_TTL: Max<Duration> = Max { value: Duration::from_secs(30 * 24 * 60 * 60), text: "30d" };

/// The default of `signing` is HMAC, with which a skill would assemble tokens itself.
const IDENTITY_USE_MISSING: &str =
    "an agent identity signs tokens or is a client certificate: set 'signing' or 'placements'";

/// The context of a secret's table.
pub(super) struct SecretContext<'a> {
    pub(super) providers: &'a [ProviderConfig],
    pub(super) tools: &'a [Tool],
    /// The folder of the file.
    pub(super) folder: &'a Path,
}

/// A set of skills that share secrets.
pub(super) struct Tool {
    name: ToolName,
    skills: Vec<SkillDigest>,
}

/// Reads the tools.
pub(super) fn tools(value: Value<'_>) -> Result<Vec<Tool>, ConfigError> {
    let tool = |(name, value): (Value<'_>, Value<'_>)| {
        let name = name.read(ToolName::parse)?;
        Ok(Tool { name, skills: skills(value.table_of(&TOOL)?.require("skills")?)? })
    };
    value.table()?.names().map(tool).collect()
}

/// Reads the table of a secret, and its key exchange, if any.
pub(super) fn entry(
    name: &SecretName,
    value: Value<'_>,
    context: &SecretContext<'_>,
) -> Result<(CatalogEntry, Option<RecipeConfig>), ConfigError> {
    let mut table = value.table_of(&SECRET)?;
    let provider = find_provider(&table.require("provider")?, context.providers)?;
    let reference = reference(name, &mut table, &provider.kind)?;
    let kind = table.take("kind").map(|value| SecretKind::read(&value)).transpose()?;
    let recipe = exchange::recipe(name, &mut table, kind, (&provider.id, &reference), context.folder)?;
    let (scope, tool_skills) = scope(&mut table, kind, context.tools)?;
    let skills = match (table.take("skills"), tool_skills) {
        (Some(value), Some(_)) => {
            let help = "remove the key: the skills of the tool may use the secret".to_owned();
            return Err(value.invalid("conflicts with 'tool'", Some(help)));
        }
        (Some(value), None) => Some(skills(value)?),
        (None, tool_skills) => tool_skills,
    };
    let ttl = table.take("ttl").map(|value| value.read(|text| units::duration(text, &MAX_TTL))).transpose()?;
    let (stale, rotation) = (lifetime::stale(&mut table)?, lifetime::rotation(&mut table)?);
    let when_leaked = table.take("when-leaked").map(|value| when_leaked(&value)).transpose()?.unwrap_or_default();
    if kind == Some(SecretKind::AgentIdentity) && !table.has("signing") && !table.has("placements") {
        return Err(table.invalid(IDENTITY_USE_MISSING));
    }
    let only_sealed = terms::only_sealed(&mut table)?;
    let terms = terms::take(&mut table, "the secret", kind.map(SecretKind::operations))?;
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

/// Takes the scope, or the default of the kind. For a tool, also returns its skills.
fn scope(
    table: &mut Table<'_>,
    kind: Option<SecretKind>,
    tools: &[Tool],
) -> Result<(Scope, Option<Vec<SkillDigest>>), ConfigError> {
    let scope = table.take("scope").map(|value| Ok((terms::text(&value)?, value))).transpose()?;
    let tool = table.take("tool");
    match (scope, tool) {
        (None, None) => Ok((kind.map(SecretKind::scope).unwrap_or_default(), None)),
        (Some((text, value)), None) => match &*text {
            "task" => Ok((Scope::Task, None)),
            "skill" => Ok((Scope::Skill, None)),
            "agent" => Ok((Scope::Agent, None)),
            "node" => Ok((Scope::Node, None)),
            "tool" => Err(value.invalid("scope 'tool' needs a tool", Some("set 'tool' to one of [tools]".to_owned()))),
            _ => Err(value.invalid("a scope is one of 'task', 'skill', 'tool', 'agent', 'node'", None)),
        },
        (Some((text, value)), Some(_)) if text != "tool" => {
            let help = "remove one of the two".to_owned();
            Err(value.invalid("conflicts with 'tool'", Some(help)))
        }
        (_, Some(value)) => {
            let name = value.read(ToolName::parse)?;
            let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
                let help = match nearest(name.as_str(), tools.iter().map(|tool| tool.name.as_str())) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("add the table [{}]", join("tools", name.as_str())),
                };
                return Err(value.invalid("unknown tool", Some(help)));
            };
            Ok((Scope::Tool(name), Some(tool.skills.clone())))
        }
    }
}

fn find_provider<'p>(value: &Value<'_>, providers: &'p [ProviderConfig]) -> Result<&'p ProviderConfig, ConfigError> {
    let id = value.read(ProviderId::parse)?;
    if let Some(provider) = providers.iter().find(|provider| provider.id == id) {
        return Ok(provider);
    }
    let help = match nearest(id.as_str(), providers.iter().map(|provider| provider.id.as_str())) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("add the table [{}]", join("providers", id.as_str())),
    };
    Err(value.invalid("unknown provider", Some(help)))
}

fn when_leaked(value: &Value<'_>) -> Result<LeakPolicy, ConfigError> {
    let text = terms::text(value)?;
    let chosen = LeakPolicy::ALL.into_iter().find(|choice| choice.as_str() == &*text);
    chosen.ok_or_else(|| {
        let help = match nearest(&text, LeakPolicy::ALL.map(LeakPolicy::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "use \"replace\", \"fail\" or \"ignore\"".to_owned(),
        };
        value.invalid("invalid value", Some(help))
    })
}

fn skills(value: Value<'_>) -> Result<Vec<SkillDigest>, ConfigError> {
    if value.is_empty_list() {
        let help = "omit 'skills' to permit every skill".to_owned();
        return Err(value.invalid("an empty list permits no skill", Some(help)));
    }
    value.list(|value| value.read(str::parse::<SkillDigest>))
}
