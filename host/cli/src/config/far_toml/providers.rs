//! The tables of backends, and references to their secrets.

use std::path::{Path, PathBuf};

use far_core::provider::Reference;
use far_core::{ProviderId, SecretName};
use far_providers::vault::{
    Address, Auth, Engine, Mounts, SERVICE_ACCOUNT_TOKEN, SecretId, VaultConfig, VaultPathError,
};

use crate::config::key::{Form, Key, Keys, NONE, REQUIRED};
use crate::config::reader::{Table, Value, nearest};
use crate::config::terms::text;
use crate::messages::config::ConfigError;

const TYPE: Key = Key::new("type", Form::OneOf(&TYPES), REQUIRED, "The type of the provider.");
const ADDRESS: Key = Key::new(
    "address",
    Form::Text("a URL"),
    REQUIRED,
    "The URL of the server; `http` only for `127.0.0.1` and `[::1]`.",
);
const NAMESPACE: Key =
    Key::new("namespace", Form::Text("a namespace"), NONE, "The namespace of the server, for secrets and logins.");
const CA_FILE: Key = Key::new(
    "ca-file",
    Form::Text("a PEM file"),
    "the authorities of the platform",
    "The authorities of the server's certificate.",
);
const ENGINE: Key = Key::new(
    "engine",
    Form::OneOf(&["kv-v2", "kv-v1"]),
    "`\"kv-v2\"`",
    "The engine of mounts that `mounts` does not name.",
);
const MOUNTS: Key =
    Key::new("mounts", Form::Table, NONE, "The engine of each named mount: `kv-v1`, `kv-v2`, `database` or `pki`.");
const CHILD_POLICIES: Key = Key::new(
    "child-policies",
    Form::List("policies"),
    "those of the provider's token",
    "The policies of the tokens of tasks.",
);
const AUTHENTICATION: Key = Key::new("auth", Form::Table, REQUIRED, "The login.");
const METHOD: Key = Key::new("method", Form::OneOf(&METHODS), REQUIRED, "The login method.");
const MOUNT: Key = Key::new("mount", Form::Text("a path"), "the name of the method", "The mount of the login method.");
const TOKEN_FILE: Key = Key::new("token-file", Form::Text("a file"), REQUIRED, "The file with the token.");
const ROLE_ID: Key = Key::new("role-id", Form::Text("an ID"), REQUIRED, "The ID of the role.");
const SECRET_ID_FILE: Key = Key::new(
    "secret-id-file",
    Form::Text("a file"),
    "required, or `wrapped-secret-id-file`",
    "The file with the secret ID.",
);
const WRAPPED_SECRET_ID_FILE: Key = Key::new(
    "wrapped-secret-id-file",
    Form::Text("a file"),
    "required, or `secret-id-file`",
    "The file with the wrapping token of a secret ID, which is unwrapped once.",
);
const ROLE: Key = Key::new("role", Form::Text("a name"), REQUIRED, "The role of the login.");
const JWT_FILE: Key = Key::new("jwt-file", Form::Text("a file"), REQUIRED, "The file with the JWT.");
const CERT_FILE: Key = Key::new("cert-file", Form::Text("a PEM file"), REQUIRED, "The client's certificate.");
const KEY_FILE: Key = Key::new("key-file", Form::Text("a PEM file"), REQUIRED, "The key of the client's certificate.");
const PATH: Key =
    Key::new("path", Form::Text("a file"), REQUIRED, "The `.env` file, relative to the directory of `far.toml`.");

pub(super) const DOTENV: Keys = Keys::new(&[TYPE, PATH]);
pub(super) const VAULT: Keys =
    Keys::new(&[TYPE, ADDRESS, NAMESPACE, CA_FILE, ENGINE, MOUNTS, CHILD_POLICIES, AUTHENTICATION]);
/// The keys of all methods, for a table without `method`.
const AUTH: Keys = Keys::new(&[
    METHOD,
    MOUNT,
    TOKEN_FILE,
    ROLE_ID,
    SECRET_ID_FILE,
    WRAPPED_SECRET_ID_FILE,
    ROLE,
    JWT_FILE,
    CERT_FILE,
    KEY_FILE,
]);
pub(super) const TOKEN: Keys = Keys::new(&[METHOD, TOKEN_FILE]);
pub(super) const APPROLE: Keys = Keys::new(&[METHOD, MOUNT, ROLE_ID, SECRET_ID_FILE, WRAPPED_SECRET_ID_FILE]);
pub(super) const KUBERNETES: Keys =
    Keys::new(&[METHOD, MOUNT, ROLE, Key { default: "the token of the service account", ..TOKEN_FILE }]);
pub(super) const JWT: Keys = Keys::new(&[METHOD, MOUNT, ROLE, JWT_FILE]);
pub(super) const CERT: Keys =
    Keys::new(&[METHOD, MOUNT, Key { default: "any role that matches", ..ROLE }, CERT_FILE, KEY_FILE]);

/// The supported provider types.
const TYPES: [&str; 2] = ["dotenv", "vault"];
/// The provider types of later versions.
pub(super) const LATER_TYPES: [&str; 3] = ["kubernetes", "aws", "gcp"];
/// The authentication methods.
const METHODS: [&str; 5] = ["token", "approle", "kubernetes", "jwt", "cert"];

/// A backend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProviderConfig {
    /// The name by which the catalog refers to it.
    pub(crate) id: ProviderId,
    /// The type and its settings.
    pub(crate) kind: ProviderKind,
}

/// The type of a backend, and its settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProviderKind {
    /// A `.env` file, for development.
    Dotenv {
        /// The file, relative to the folder of `far.toml`.
        path: PathBuf,
    },
    /// A server with the Vault API.
    Vault(Box<VaultConfig>),
}

/// Reads the table of a backend. Paths are relative to `folder`.
pub(super) fn provider(value: Value<'_>, folder: &Path) -> Result<ProviderKind, ConfigError> {
    let mut table = value.table()?;
    // The type comes first: it determines the known keys.
    let kind = match table.take("type") {
        Some(kind) => kind,
        None => {
            table.only(&VAULT_OR_DOTENV)?;
            table.require("type")?
        }
    };
    let help = "supported types are \"dotenv\" and \"vault\"";
    match &*text(&kind)? {
        "dotenv" => {
            table.only(&DOTENV)?;
            Ok(ProviderKind::Dotenv { path: file(&mut table, "path", folder)? })
        }
        "vault" => {
            table.only(&VAULT)?;
            Ok(ProviderKind::Vault(Box::new(vault(table, folder)?)))
        }
        later if LATER_TYPES.contains(&later) => {
            let message = format!("provider type '{later}' is not supported by this version of far");
            Err(kind.invalid(message, Some(help.to_owned())))
        }
        other => Err(kind.invalid("unknown provider type", Some(near(other, &TYPES).unwrap_or(help.to_owned())))),
    }
}

/// The keys of both types, for a table without `type`.
const VAULT_OR_DOTENV: Keys =
    Keys::new(&[TYPE, PATH, ADDRESS, NAMESPACE, CA_FILE, ENGINE, MOUNTS, CHILD_POLICIES, AUTHENTICATION]);

/// Takes the reference of a secret in its backend.
pub(super) fn reference(
    name: &SecretName,
    table: &mut Table<'_>,
    provider: &ProviderKind,
) -> Result<Reference, ConfigError> {
    let field = table.take("field").map(|value| Ok((text(&value)?, value))).transpose()?;
    let common_name = table.take("common-name").map(|value| Ok((text(&value)?, value))).transpose()?;
    match provider {
        ProviderKind::Dotenv { .. } => {
            if let Some((_, value)) = field {
                let help = "remove the key".to_owned();
                return Err(value.invalid("secrets of this provider type have no fields", Some(help)));
            }
            if let Some((_, value)) = common_name {
                let help = "remove the key".to_owned();
                return Err(value.invalid("secrets of this provider type are not certificates", Some(help)));
            }
            let path = table.take("path").map(|path| text(&path)).transpose()?;
            Ok(path.map_or_else(|| Reference::named(name), |path| Reference::new(&path)))
        }
        ProviderKind::Vault(config) => {
            let path = table.require("path")?;
            let place = text(&path)?;
            let called = |field: Option<&str>| match &common_name {
                None => config.mounts.reference(&place, field),
                Some((name, _)) => config.mounts.certificate(&place, name, field),
            };
            let whole = called(None).map_err(|error| match (error, &common_name) {
                (VaultPathError::CommonName, Some((_, value))) => value.invalid(error, None),
                (VaultPathError::NoCommonName, _) => {
                    path.invalid(error, Some("add a 'common-name' that the role allows".to_owned()))
                }
                _ => path.invalid(error, None),
            })?;
            let Some((name, field)) = field else { return Ok(whole) };
            called(Some(&name)).map_err(|error| field.invalid(error, None))
        }
    }
}

fn vault(mut table: Table<'_>, folder: &Path) -> Result<VaultConfig, ConfigError> {
    let address = table.require("address")?.read(Address::parse)?;
    let auth = auth(table.require("auth")?, folder)?;
    let others = |value| match engine(&value)? {
        engine @ (Engine::KvV1 | Engine::KvV2) => Ok(engine),
        Engine::Database | Engine::Pki => {
            let help = "set the engine of a mount under 'mounts'".to_owned();
            Err(value.invalid("an engine for dynamic secrets cannot be the default", Some(help)))
        }
    };
    let mut mounts = Mounts::all(table.take("engine").map(others).transpose()?.unwrap_or_default());
    if let Some(named) = table.take("mounts") {
        for (name, value) in named.table()?.names() {
            let engine = engine(&value)?;
            mounts = name.read(|path| mounts.clone().with(path, engine))?;
        }
    }
    Ok(VaultConfig {
        address,
        namespace: table.take("namespace").map(|value| namespace(&value)).transpose()?,
        authorities: None,
        ca_file: table.take("ca-file").map(|value| text(&value)).transpose()?.map(|path| folder.join(path)),
        auth,
        mounts,
        child_policies: table
            .take("child-policies")
            .map(|value| value.list(|value| text(&value)))
            .transpose()?
            .unwrap_or_default(),
    })
}

fn engine(value: &Value<'_>) -> Result<Engine, ConfigError> {
    match &*text(value)? {
        "kv-v1" => Ok(Engine::KvV1),
        "kv-v2" => Ok(Engine::KvV2),
        "database" => Ok(Engine::Database),
        "pki" => Ok(Engine::Pki),
        _ => {
            let help = "use \"kv-v2\", \"kv-v1\", \"database\" or \"pki\"".to_owned();
            Err(value.invalid("unknown engine", Some(help)))
        }
    }
}

fn namespace(value: &Value<'_>) -> Result<String, ConfigError> {
    let namespace = text(value)?;
    match namespace.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(namespace),
        false => Err(value.invalid("a namespace consists of visible ASCII characters, such as team/a", None)),
    }
}

fn auth(value: Value<'_>, folder: &Path) -> Result<Auth, ConfigError> {
    let mut table = value.table()?;
    let method = match table.take("method") {
        Some(method) => method,
        None => {
            table.only(&AUTH)?;
            table.require("method")?
        }
    };
    let name = text(&method)?;
    let keys = match &*name {
        "token" => &TOKEN,
        "approle" => &APPROLE,
        "kubernetes" => &KUBERNETES,
        "jwt" => &JWT,
        "cert" => &CERT,
        _ => {
            let help = near(&name, &METHODS).unwrap_or(format!("use one of \"{}\"", METHODS.join("\", \"")));
            return Err(method.invalid("unknown authentication method", Some(help)));
        }
    };
    table.only(keys)?;
    let mount = table.take("mount").map(|value| text(&value)).transpose()?.unwrap_or_else(|| name.clone());
    Ok(match &*name {
        "token" => Auth::Token { file: file(&mut table, "token-file", folder)? },
        "approle" => {
            let role_id = text(&table.require("role-id")?)?;
            Auth::AppRole { mount, role_id, secret_id: secret_id(&mut table, folder)? }
        }
        "kubernetes" => {
            let role = text(&table.require("role")?)?;
            let token_file = table.take("token-file").map(|value| text(&value)).transpose()?;
            let token_file = token_file.map_or_else(|| SERVICE_ACCOUNT_TOKEN.into(), |path| folder.join(path));
            Auth::Kubernetes { mount, role, token_file }
        }
        "jwt" => {
            let role = text(&table.require("role")?)?;
            Auth::Jwt { mount, role, file: file(&mut table, "jwt-file", folder)? }
        }
        _ => Auth::Certificate {
            mount,
            role: table.take("role").map(|value| text(&value)).transpose()?,
            cert_file: file(&mut table, "cert-file", folder)?,
            key_file: file(&mut table, "key-file", folder)?,
        },
    })
}

fn secret_id(table: &mut Table<'_>, folder: &Path) -> Result<SecretId, ConfigError> {
    let Some(wrapped) = table.take("wrapped-secret-id-file") else {
        return Ok(SecretId::File(file(table, "secret-id-file", folder)?));
    };
    if table.take("secret-id-file").is_some() {
        return Err(wrapped.invalid("conflicts with 'secret-id-file'", Some("remove one of the two".to_owned())));
    }
    Ok(SecretId::Wrapped(folder.join(text(&wrapped)?)))
}

fn file(table: &mut Table<'_>, key: &'static str, folder: &Path) -> Result<PathBuf, ConfigError> {
    Ok(folder.join(text(&table.require(key)?)?))
}

fn near(name: &str, candidates: &[&'static str]) -> Option<String> {
    nearest(name, candidates.iter().copied()).map(|near| format!("did you mean \"{near}\"?"))
}

#[cfg(test)]
mod tests;
