//! The tables of secrets that are exchanged for tokens.

use std::path::{Path, PathBuf};

use far_core::provider::Reference;
use far_core::{ProviderId, SecretName};
use far_providers::exchange::{ClientAuth, ClientCredentials, Endpoint, GitHubApp, Kind as ExchangeKind};

use super::kind::SecretKind;
use crate::config::key::{Form, Key, Keys, NONE, REQUIRED};
use crate::config::reader::{Table, Value};
use crate::config::terms::text;
use crate::config::units::{self, Max};
use crate::messages::config::ConfigError;

pub(super) const GITHUB_APP: Keys = Keys::new(&[
    Key::new("app-id", Form::Text("an ID"), REQUIRED, "The ID of the app, or its client ID."),
    Key::new("installation", Form::Integer(MAX_ID.text), REQUIRED, "The ID of the installation."),
    Key::new("api", Form::Text("a URL"), "`https://api.github.com`", "The API of a GitHub Enterprise server."),
    Key::new("repositories", Form::List("names"), "all repositories", "The repositories of the tokens."),
    Key::new(
        "permissions",
        Form::Table,
        "all permissions",
        "The level of each permission of the tokens, such as `issues = \"write\"`.",
    ),
    Key::new(
        "ca-file",
        Form::Text("a PEM file"),
        "the authorities of the platform",
        "The authorities of the server's certificate.",
    ),
]);
pub(super) const OAUTH2: Keys = Keys::new(&[
    Key::new("token-url", Form::Text("a URL"), REQUIRED, "The token endpoint of the issuer."),
    Key::new("client-id", Form::Text("an ID"), REQUIRED, "The ID of the client."),
    Key::new("scope", Form::Text("a scope"), NONE, "The scope of the tokens."),
    Key::new(
        "client-auth",
        Form::OneOf(&["basic", "body"]),
        "`\"basic\"`",
        "The part of the request with the secret of the client.",
    ),
    Key::new(
        "ca-file",
        Form::Text("a PEM file"),
        "the authorities of the platform",
        "The authorities of the issuer's certificate.",
    ),
]);

/// The default API endpoint of GitHub.
const GITHUB: &str = "https://api.github.com";
/// The largest id of an installation.
const MAX_ID: Max<u64> = Max { value: i64::MAX as u64, text: "9223372036854775807" };

/// The exchange of a key for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecipeConfig {
    /// The backend of the key.
    pub(crate) provider: ProviderId,
    /// The reference of the exchanged secret.
    pub(crate) name: Reference,
    /// The reference of the key in the backend.
    pub(crate) key: Reference,
    /// The kind of exchange.
    pub(crate) kind: ExchangeKind,
    /// The PEM file of the issuer's certificate authorities; default: the platform's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// Takes the exchange of a secret, if its kind has one.
pub(super) fn recipe(
    name: &SecretName,
    table: &mut Table<'_>,
    kind: Option<SecretKind>,
    (provider, key): (&ProviderId, &Reference),
    folder: &Path,
) -> Result<Option<RecipeConfig>, ConfigError> {
    let (of, other, other_kind) = match kind {
        Some(SecretKind::GitHubApp) => (Some("github-app"), "oauth2", "oauth2-client-credentials"),
        Some(SecretKind::OAuth2) => (Some("oauth2"), "github-app", "github-app"),
        _ => (None, "github-app", "github-app"),
    };
    let others = [(other, other_kind), ("oauth2", "oauth2-client-credentials")];
    for (table_name, kind) in others.into_iter().filter(|(name, _)| Some(*name) != of) {
        if let Some(value) = table.take(table_name) {
            let help = format!("set kind = \"{kind}\", or remove the table");
            return Err(value.invalid("does not apply to this kind of secret", Some(help)));
        }
    }
    let Some(of) = of else { return Ok(None) };
    let settings = table.require(of)?;
    let (kind, ca_file) = if of == "github-app" { github_app(settings)? } else { oauth2(settings)? };
    Ok(Some(RecipeConfig {
        provider: provider.clone(),
        // This prefix is not a valid path in any backend.
        name: Reference::new(&format!("exchange:{name}")),
        key: key.clone(),
        kind,
        ca_file: ca_file.map(|path| folder.join(path)),
    }))
}

fn github_app(value: Value<'_>) -> Result<(ExchangeKind, Option<String>), ConfigError> {
    let mut table = value.table_of(&GITHUB_APP)?;
    let api = match table.take("api") {
        Some(api) => api.read(Endpoint::parse)?,
        None => Endpoint::parse(GITHUB).map_err(|error| table.invalid(error))?,
    };
    let app = GitHubApp {
        api,
        app_id: text(&table.require("app-id")?)?,
        installation: table.require("installation")?.read_integer(|id| units::count(id, &MAX_ID))?,
        repositories: table.take("repositories").map(texts).transpose()?.unwrap_or_default(),
        permissions: table.take("permissions").map(permissions).transpose()?.unwrap_or_default(),
    };
    Ok((ExchangeKind::GitHubApp(app), table.take("ca-file").map(|value| text(&value)).transpose()?))
}

fn oauth2(value: Value<'_>) -> Result<(ExchangeKind, Option<String>), ConfigError> {
    let mut table = value.table_of(&OAUTH2)?;
    let client = ClientCredentials {
        token_url: table.require("token-url")?.read(Endpoint::parse)?,
        client_id: text(&table.require("client-id")?)?,
        scope: table.take("scope").map(|value| text(&value)).transpose()?,
        auth: table.take("client-auth").map(|value| client_auth(&value)).transpose()?.unwrap_or_default(),
    };
    Ok((ExchangeKind::ClientCredentials(client), table.take("ca-file").map(|value| text(&value)).transpose()?))
}

fn client_auth(value: &Value<'_>) -> Result<ClientAuth, ConfigError> {
    match &*text(value)? {
        "basic" => Ok(ClientAuth::Basic),
        "body" => Ok(ClientAuth::Body),
        _ => Err(value.invalid("invalid value", Some("use \"basic\" or \"body\"".to_owned()))),
    }
}

fn texts(value: Value<'_>) -> Result<Vec<String>, ConfigError> {
    if value.is_empty_list() {
        return Err(value.invalid("empty list", Some("omit the key to include all".to_owned())));
    }
    value.list(|value| text(&value))
}

fn permissions(value: Value<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let empty =
        value.invalid("empty table", Some("omit the key to request all permissions of the installation".to_owned()));
    let table = value.table()?;
    if table.is_empty() {
        return Err(empty);
    }
    table.names().map(|(name, level)| Ok((text(&name)?, text(&level)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::far_toml::tests::{parse, refused};

    fn secret(kind: &str, settings: &str) -> String {
        format!(
            "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.app]\nprovider = 'dev'\npath = 'app-key'\nkind = \
             '{kind}'\ndestinations = ['https://api.github.com']\n{settings}\n"
        )
    }

    #[test]
    fn github_app_is_read() {
        let far = parse(&secret(
            "github-app",
            "github-app = { app-id = '12', installation = 34, repositories = ['r'], permissions = { issues = 'write' }, \
             ca-file = 'ca.pem' }",
        ))
        .unwrap();
        let [recipe] = &far.recipes[..] else { panic!("one recipe") };
        assert_eq!((recipe.key.as_str(), recipe.name.as_str()), ("app-key", "exchange:app"));
        assert_eq!(recipe.ca_file.as_deref(), Some(Path::new("/etc/far/ca.pem")));
        let ExchangeKind::GitHubApp(app) = &recipe.kind else { panic!("another kind") };
        assert_eq!((&app.api, &*app.app_id, app.installation), (&Endpoint::parse(GITHUB).unwrap(), "12", 34));
        assert_eq!(app.permissions, [("issues".to_owned(), "write".to_owned())]);
        let (_, entry) = far.catalog.iter().next().unwrap();
        assert_eq!(entry.reference.as_str(), "exchange:app", "skills never get the key");
    }

    #[test]
    fn oauth2_client_is_read() {
        let far = parse(&secret(
            "oauth2-client-credentials",
            "oauth2 = { token-url = 'https://login.example/token', client-id = 'far', client-auth = 'body' }",
        ))
        .unwrap();
        let ExchangeKind::ClientCredentials(client) = &far.recipes[0].kind else { panic!("another kind") };
        assert_eq!((&*client.client_id, client.auth, &client.scope), ("far", ClientAuth::Body, &None));
    }

    #[test]
    fn invalid_exchange_is_refused() {
        let cases = [
            (secret("github-app", ""), "'secrets.app.github-app' is missing"),
            (secret("github-token", "oauth2 = {}"), "set kind = \"oauth2-client-credentials\", or remove the table"),
            (secret("oauth2-client-credentials", "github-app = {}"), "set kind = \"github-app\", or remove the table"),
            (secret("github-app", "github-app = { app_id = '1' }"), "did you mean 'app-id'?"),
            (secret("github-app", "github-app = { app-id = '1', installation = 0 }"), "must be greater than zero"),
            (
                secret("github-app", "github-app = { app-id = '1', installation = 1, api = 'http://a.example' }"),
                "an endpoint uses https",
            ),
            (
                secret("github-app", "github-app = { app-id = '1', installation = 1, repositories = [] }"),
                "omit the key to include all",
            ),
            (
                secret("github-app", "github-app = { app-id = '1', installation = 1, permissions = {} }"),
                "omit the key to request all permissions of the installation",
            ),
            (
                secret(
                    "oauth2-client-credentials",
                    "oauth2 = { token-url = 'https://a.example', client-id = 'c', client-auth = 'x' }",
                ),
                "use \"basic\" or \"body\"",
            ),
        ];
        for (text, expected) in cases {
            let error = refused(&text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
