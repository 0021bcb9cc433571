//! A fake of GitHub for an App: it verifies tokens signed by the App's key and issues installation
//! tokens.
//!
//! The messages have the shape of GitHub's REST API: "Create an installation access token for an
//! app", "Create an issue", "Create a pull request".

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::server::Answer;

/// The App's private key (RFC 7515, A.2).
pub const KEY: &str = include_str!("../../host/core/src/jwt/keys/rsa-pkcs1.pem");
/// The installation token.
pub const TOKEN: &str = "ghs-installation-canary-91c0d4-77ab3e";
/// The App's id.
const APP: &str = "12345";

/// Returns the issuer of installation tokens, which serves only the App.
pub fn issuer() -> Answer {
    Arc::new(|request: &str| {
        let shown = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or_default();
        if !is_signed_by_app(shown) {
            return answer("401 Unauthorized", &json!({ "message": "A JSON web token could not be decoded" }));
        }
        if !request.starts_with("POST /app/installations/678/access_tokens HTTP/1.1\r\n") {
            return answer("404 Not Found", &json!({ "message": "Not Found" }));
        }
        let expires_at = jiff::Timestamp::now() + std::time::Duration::from_secs(3600);
        answer(
            "201 Created",
            &json!({
                "token": TOKEN,
                "expires_at": expires_at.to_string(),
                "permissions": { "issues": "write", "pull_requests": "write" },
                "repository_selection": "selected",
            }),
        )
    })
}

/// Returns the API, which requires the token. Unlike GitHub, it echoes the token.
pub fn api() -> Answer {
    Arc::new(|request: &str| {
        if !request.contains(&format!("authorization: Bearer {TOKEN}\r\n")) {
            return answer("401 Unauthorized", &json!({ "message": "Bad credentials" }));
        }
        let made = |number: u64| json!({ "number": number, "html_url": format!("https://github.com/?{TOKEN}") });
        match request.split_once("\r\n\r\n") {
            Some((head, _)) if head.starts_with("POST /repos/t/far/issues HTTP/1.1\r\n") => {
                answer("201 Created", &made(7))
            }
            Some((head, body)) if head.starts_with("POST /repos/t/far/pulls HTTP/1.1\r\n") && is_pull(body) => {
                answer("201 Created", &made(8))
            }
            _ => answer("422 Unprocessable Entity", &json!({ "message": "Validation Failed" })),
        }
    })
}

fn is_pull(body: &str) -> bool {
    let pull: Value = serde_json::from_str(body).unwrap_or_default();
    ["title", "head", "base"].iter().all(|member| pull[*member].is_string()) && pull["body"] == "Closes #7."
}

/// Reports whether a token is signed by the App's key and has a lifetime that GitHub accepts.
fn is_signed_by_app(jwt: &str) -> bool {
    let PrivateKeyDer::Pkcs1(key) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap() else { return false };
    let key = RsaKeyPair::from_der(key.secret_pkcs1_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
    let Some((signed, signature)) = jwt.rsplit_once('.') else { return false };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let json = |part: Option<&str>| -> Value {
        serde_json::from_slice(&decoded(part.unwrap_or_default())).unwrap_or_default()
    };
    let mut parts = signed.split('.');
    let (header, claims) = (json(parts.next()), json(parts.next()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let time = |claim: &str| claims[claim].as_u64().unwrap_or_default();
    public.verify(signed.as_bytes(), &decoded(signature)).is_ok()
        && header["alg"] == "RS256"
        && claims["iss"] == APP
        && time("iat") <= now
        && (now..=now + 600).contains(&time("exp"))
}

fn answer(status: &str, body: &Value) -> Vec<Vec<u8>> {
    let body = body.to_string();
    vec![format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()]
}

/// Returns a `far.toml` for the API and the issuer at these ports, whose authority is in `ca.pem`.
pub fn config(api: u16, issuer: u16) -> String {
    format!(
        "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\nhosts = {{ 'api.github.com' = '127.0.0.1:{api}' }}\n\
         [providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.github-app]\nprovider = 'dev'\nkind = 'github-app'\n\
         destinations = ['https://api.github.com/repos/t']\ngithub-app = {{ app-id = '{APP}', installation = 678, api = \
         'https://localhost:{issuer}', ca-file = 'ca.pem' }}\n"
    )
}

/// Returns the `.env` with the App's key.
pub fn env(key: &str) -> String {
    format!("GITHUB_APP=\"{key}\"\n")
}
