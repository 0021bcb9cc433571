//! The task file of the scheduler: skill, input, grants, egress and limits.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use far_core::SecretName;
use far_core::capability::{Destination, Grant};
use far_core::capability::{Version, VersionRule};
use far_runtime::{Limits, LoadLimits};

use super::key::{Form, Key, Keys, NONE, REQUIRED};
use super::reader::{Table, Value};
use super::source::{Format, Source};
use super::terms;
use super::units::{self, Max};
use crate::messages::config::ConfigError;
use crate::messages::problem::Type;

const ROOT: Keys = Keys::new(&[
    Key::new(
        "skill",
        Form::Text("a file"),
        "required by `far run`",
        "The component, relative to the directory of the task file.",
    ),
    Key::new("input", Form::Any, "`{}`", "The input of the skill, as JSON."),
    Key::new("grants", Form::List("tables"), NONE, "The grants of secrets, one for each secret."),
    Key::new(
        "egress",
        Form::List("destinations"),
        NONE,
        "Destinations of requests without a secret, which `far.toml` must list too.",
    ),
    Key::new("limits", Form::Table, NONE, "The limits of the task."),
]);
const GRANT: Keys = Keys {
    known: &[
        Key::new("secret", Form::Text("a name"), REQUIRED, "The name of the secret."),
        Key::new(
            "operations",
            Form::List("`sign`, `reveal`, `refresh` and `seal`"),
            REQUIRED,
            "The granted operations.",
        ),
        Key::new("destinations", Form::List("destinations"), NONE, "The granted destinations; `seal` requires one."),
        Key::new(
            "placements",
            Form::List("placements"),
            "the `authorization` header",
            "The granted [placements](../guides/requests.md#declare-destinations-and-placements) in requests.",
        ),
        Key::new(
            "signing",
            Form::Table,
            "`{ hmac = true }`",
            "The granted signatures, with the keys of [`far.toml`](far-toml.md#signing).",
        ),
        Key::new(
            "versions",
            Form::Text("`\"current\"`, `\"any\"`; or a list of versions"),
            "`\"current\"`",
            "The versions that the grant covers.",
        ),
        Key::new("max-uses", Form::Integer(MAX_USES.text), "no maximum", "The maximum number of uses."),
        Key::new(
            "expires",
            Form::Duration(MAX_EXPIRY.text),
            "the end of the task",
            "The time after admission at which the grant expires.",
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
pub(crate) const LIMITS: Keys = Keys::new(&[
    Key::new("timeout", Form::Duration(MAX_TIMEOUT.text), "30s", "Time from admission to the end, including waits."),
    Key::new("memory", Form::Size(MAX_SIZE.text), "64MiB", "Linear memory of all modules of the component."),
    Key::new("input", Form::Size(MAX_SIZE.text), "1MiB", "Size of the input."),
    Key::new("output", Form::Size(MAX_SIZE.text), "1MiB", "Size of the output."),
    Key::new("log", Form::Size(MAX_SIZE.text), "256KiB", "Size of the task log."),
    Key::new("host-calls", Form::Integer(MAX_HOST_CALLS.text), "100000", "Number of calls of interfaces of the host."),
    Key::new(
        "records",
        Form::Integer(MAX_RECORDS.text),
        "10000",
        "Number of events of the task, except for ends and violations.",
    ),
    Key::new("requests", Form::Integer(MAX_REQUESTS.text), "100", "Number of HTTP requests."),
    Key::new("request-body", Form::Size(MAX_SIZE.text), "10MiB", "Size of the body of a request."),
    Key::new("response-body", Form::Size(MAX_SIZE.text), "10MiB", "Size of the body of a response."),
    Key::new("load-timeout", Form::Duration(MAX_LOAD_TIMEOUT.text), "60s", "Time of compilation."),
    Key::new("load-memory", Form::Size(MAX_LOAD_MEMORY.text), "1024MiB", "Memory of the compiler."),
]);

/// Every table, with its heading, in the order of the reference.
pub(crate) const TABLES: &[(&str, &Keys)] = &[("The file", &ROOT), ("`[[grants]]`", &GRANT), ("`[limits]`", &LIMITS)];

/// The maximum expiry of a grant.
const MAX_EXPIRY: Max<Duration> = Max { value: Duration::from_secs(30 * 24 * 60 * 60), text: "30d" };
// The bounds are those of the runtime, so that it refuses no limit of an accepted file. A test
// compares each text with its value.
const MAX_TIMEOUT: Max<Duration> = Max { value: Limits::MAX.timeout, text: "24h" };
/// The maximum compile time.
const MAX_LOAD_TIMEOUT: Max<Duration> = Max { value: LoadLimits::TIMEOUT_MAX, text: "1h" };
/// The maximum memory of the compiler.
const MAX_LOAD_MEMORY: Max<u64> = Max { value: LoadLimits::MEMORY_MAX, text: "16384MiB" };
/// The maximum of every size.
const MAX_SIZE: Max<u64> = Max { value: Limits::MAX.memory as u64, text: "1024MiB" };
const MAX_HOST_CALLS: Max<u64> = Max { value: Limits::MAX.host_calls, text: "1000000000000" };
const MAX_RECORDS: Max<u64> = Max { value: Limits::MAX.records, text: "1000000000000" };
const MAX_REQUESTS: Max<u64> = Max { value: Limits::MAX.requests as u64, text: "1000000" };
const MAX_USES: Max<u64> = Max { value: u32::MAX as u64, text: "4294967295" };

/// One task.
#[derive(Debug)]
pub(crate) struct TaskFile {
    /// The path of the component, if set, relative to the folder of the task file.
    pub(crate) skill: Option<PathBuf>,
    /// The input as JSON, if set.
    pub(crate) input: Option<Vec<u8>>,
    /// The grants, one per secret.
    pub(crate) grants: Vec<Grant>,
    /// Destinations of requests without a secret.
    pub(crate) egress: Vec<Destination>,
    /// The limits of the task.
    pub(crate) limits: LimitsConfig,
}

/// The limits that the file sets; sizes in bytes. No limit is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitsConfig {
    /// The timeout of the task.
    pub(crate) timeout: Option<Duration>,
    /// The memory of the component.
    pub(crate) memory: Option<u64>,
    /// The size of the input.
    pub(crate) input: Option<u64>,
    /// The size of the output.
    pub(crate) output: Option<u64>,
    /// The size of the task log.
    pub(crate) log: Option<u64>,
    /// The number of host calls.
    pub(crate) host_calls: Option<u64>,
    /// The number of events recorded for the task.
    pub(crate) records: Option<u64>,
    /// The number of requests.
    pub(crate) requests: Option<u64>,
    /// The size of a request body.
    pub(crate) request_body: Option<u64>,
    /// The size of a response body.
    pub(crate) response_body: Option<u64>,
    /// The timeout of the compiler.
    pub(crate) load_timeout: Option<Duration>,
    /// The memory of the compiler.
    pub(crate) load_memory: Option<u64>,
}

impl TaskFile {
    /// Reads a task file, TOML or JSON by its extension.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the scheduler wrote an invalid file, or the path is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let format = match path.extension().and_then(OsStr::to_str) {
            Some("toml") => Format::Toml,
            Some("json") => Format::Json,
            _ => return Err(ConfigError::Extension { path: path.to_owned() }),
        };
        Self::of(&Source::read(path, format)?)
    }

    pub(super) fn of(source: &Source) -> Result<Self, ConfigError> {
        let mut root = Value::root(source)?.table_of(&ROOT)?;
        let limits = root.take("limits").map(limits).transpose()?.unwrap_or_default();
        Ok(Self {
            skill: root.take("skill").map(|value| skill(&value, source.folder())).transpose()?,
            input: root.take("input").map(|value| input(&value, &limits)).transpose()?,
            grants: root.take("grants").map(grants).transpose()?.unwrap_or_default(),
            egress: root.take("egress").map(terms::destinations).transpose()?.unwrap_or_default(),
            limits,
        })
    }
}

fn skill(value: &Value<'_>, folder: &Path) -> Result<PathBuf, ConfigError> {
    let path = terms::text(value)?;
    if path.starts_with("sha256:") {
        return Err(value.later("use the path of the component instead of its digest"));
    }
    Ok(folder.join(path))
}

fn input(value: &Value<'_>, limits: &LimitsConfig) -> Result<Vec<u8>, ConfigError> {
    let json = value.json()?;
    let limit = limits.input.unwrap_or(Limits::default().input as u64);
    if json.len() as u64 > limit {
        let help = "raise 'input' under [limits], or reduce the input".to_owned();
        return Err(value.invalid(format!("has {} bytes, limit is {limit}", json.len()), Some(help)));
    }
    Ok(json)
}

fn grants(value: Value<'_>) -> Result<Vec<Grant>, ConfigError> {
    let (mut grants, mut names) = (Vec::new(), HashSet::new());
    value.list(|value| {
        let mut table = value.table_of(&GRANT)?;
        let secret = table.require("secret")?;
        let name = secret.read(SecretName::parse)?;
        if !names.insert(name.clone()) {
            return Err(secret.invalid("duplicate grant for this secret", Some("merge the two grants".to_owned())));
        }
        grants.push(grant(name, table)?);
        Ok(())
    })?;
    Ok(grants)
}

fn grant(secret: SecretName, mut table: Table<'_>) -> Result<Grant, ConfigError> {
    let versions = table.take("versions").map(versions).transpose()?.unwrap_or_default();
    let max_uses = table.take("max-uses").map(|value| value.read_integer(uses)).transpose()?;
    let expires =
        table.take("expires").map(|value| value.read(|text| units::duration(text, &MAX_EXPIRY))).transpose()?;
    let only_sealed = terms::only_sealed(&mut table)?;
    let terms = terms::take(&mut table, "the grant", None)?;
    if only_sealed && terms.destinations().is_empty() {
        return Err(table.invalid(terms::ONLY_SEALED_NOWHERE));
    }
    let mut grant = Grant::new(secret, terms).with_versions(versions);
    if let Some(uses) = max_uses {
        grant = grant.with_max_uses(uses);
    }
    if let Some(expires) = expires {
        grant = grant.with_expiry(expires);
    }
    Ok(if only_sealed { grant.only_sealed() } else { grant })
}

fn versions(value: Value<'_>) -> Result<VersionRule, ConfigError> {
    if value.is_list() {
        return value.list(|value| value.read(Version::parse)).map(VersionRule::Listed);
    }
    if !value.is_text() {
        return Err(value.wrong_type(Type::Versions));
    }
    value.read(|text| match text {
        "current" => Ok(VersionRule::Current),
        "any" => Ok(VersionRule::Any),
        _ => Err("must be \"current\", \"any\" or a list of versions"),
    })
}

fn uses(number: i64) -> Result<NonZeroU32, units::UnitError> {
    let number = units::count(number, &MAX_USES)?;
    let number = u32::try_from(number).map_err(|_| units::UnitError::TooMuch(MAX_USES.text))?;
    NonZeroU32::new(number).ok_or(units::UnitError::TooLittle)
}

fn limits(value: Value<'_>) -> Result<LimitsConfig, ConfigError> {
    let mut table = value.table_of(&LIMITS)?;
    let timeout = table.take("timeout").map(|value| value.read(|text| units::duration(text, &MAX_TIMEOUT)));
    let load_timeout =
        table.take("load-timeout").map(|value| value.read(|text| units::duration(text, &MAX_LOAD_TIMEOUT)));
    let host_calls = table.take("host-calls").map(|value| value.read_integer(|n| units::count(n, &MAX_HOST_CALLS)));
    let records = table.take("records").map(|value| value.read_integer(|n| units::count(n, &MAX_RECORDS)));
    let requests = table.take("requests").map(|value| value.read_integer(|n| units::count(n, &MAX_REQUESTS)));
    let load_memory = table.take("load-memory").map(|value| size(&value, &MAX_LOAD_MEMORY)).transpose()?;
    let mut size = |name| table.take(name).map(|value| size(&value, &MAX_SIZE)).transpose();
    Ok(LimitsConfig {
        timeout: timeout.transpose()?,
        memory: size("memory")?,
        input: size("input")?,
        output: size("output")?,
        log: size("log")?,
        request_body: size("request-body")?,
        response_body: size("response-body")?,
        host_calls: host_calls.transpose()?,
        records: records.transpose()?,
        requests: requests.transpose()?,
        load_timeout: load_timeout.transpose()?,
        load_memory,
    })
}

fn size(value: &Value<'_>, most: &Max<u64>) -> Result<u64, ConfigError> {
    if value.is_integer() {
        value.read_integer(|bytes| units::count(bytes, most))
    } else if value.is_text() {
        value.read(|text| units::size(text, most))
    } else {
        Err(value.wrong_type(Type::Size))
    }
}

#[cfg(test)]
mod tests;
