//! Tags an image in a registry: pulls its manifest and pushes it under another tag.
//!
//! The requests carry a password that the skill never sees: the host inserts it as a request
//! leaves, for this registry only. To use the example with another registry, change its name here
//! and in `skill.json`.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

#![forbid(unsafe_code)]

mod name;

use far_skill::http::{Request, Response};
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const REGISTRY: &str = "https://registry.example.com/v2";
/// The accepted manifest types: OCI's and Docker's, for one platform and for several.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Input {
    /// The user name for the password.
    user: String,
    /// The repository in the registry.
    repository: String,
    /// The image's tag.
    tag: String,
    /// The additional tag for the image.
    new_tag: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Output {
    /// The manifest's digest, now the same for both tags.
    digest: String,
    /// The manifest's type.
    media_type: String,
}

#[far_skill::skill]
fn tag(input: Input) -> Result<Output, far_skill::Error> {
    let repository = name::repository(&input.repository)?;
    let url = |tag| format!("{REGISTRY}/{repository}/manifests/{tag}");
    let (from, to) = (url(name::tag(&input.tag)?), url(name::tag(&input.new_tag)?));
    let password = secrets::get("registry-password")?;

    let pulled = Request::get(from).basic(&input.user, &password)?.header("accept", MANIFESTS).send()?;
    expect(&pulled, 200, "did not return the manifest")?;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(pulled.body())));
    check_digest(&pulled, &digest)?;
    let media_type = pulled.header("content-type").ok_or("the registry did not name the manifest's type")?;

    let push = Request::put(to).basic(&input.user, &password)?.header("content-type", media_type);
    let pushed = push.body(pulled.body()).send()?;
    expect(&pushed, 201, "did not accept the tag")?;
    check_digest(&pushed, &digest)?;
    Ok(Output { digest, media_type: media_type.to_owned() })
}

/// Checks that the registry reports the digest of the manifest that it sent or received.
fn check_digest(response: &Response, digest: &str) -> Result<(), far_skill::Error> {
    match response.header("docker-content-digest") {
        Some(named) if named != digest => Err(format!("the registry reported {named} for {digest}").into()),
        _ => Ok(()),
    }
}

/// A registry's error response.
#[derive(Deserialize)]
struct ErrorResponse {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

fn expect(response: &Response, status: u16, failure: &str) -> Result<(), far_skill::Error> {
    if response.status() == status {
        return Ok(());
    }
    let codes: Vec<_> = response.json::<ErrorResponse>().map_or_else(|_| Vec::new(), |response| response.errors);
    let codes: Vec<_> = codes.into_iter().map(|problem| problem.code).collect();
    Err(format!("the registry {failure}: status {} {}", response.status(), codes.join(", ")).trim_end().into())
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    const NAME: &str = "registry-password";
    const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
    const MANIFEST: &str = r#"{"schemaVersion":2}"#;
    const DIGEST: &str = "sha256:f2a5f7f9d3d4f1a4";

    fn digest() -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(MANIFEST)))
    }

    fn pulled() -> Response {
        Response::new(200, MANIFEST).with_header("Content-Type", OCI).with_header("Docker-Content-Digest", digest())
    }

    fn host(responses: impl IntoIterator<Item = Response>) -> Host {
        let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
        responses.into_iter().fold(host, |host, response| host.respond_with(Ok(response)))
    }

    fn input(repository: &str, new_tag: &str) -> Input {
        let text = |text: &str| text.to_owned();
        Input { user: text("ci"), repository: text(repository), tag: text("1.2"), new_tag: text(new_tag) }
    }

    fn error(host: &Host) -> String {
        match host.run(tag, input("team/app", "latest")) {
            Err(RunError::Failure(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pulled_manifest_is_pushed_with_password() {
        let host = host([pulled(), Response::new(201, "").with_header("Docker-Content-Digest", digest())]);
        let tagged = Output { digest: digest(), media_type: OCI.to_owned() };
        assert_eq!(host.run(tag, input("team/app", "latest")), Ok(tagged));
        let (sealed, sent) = (Use::seal(NAME), Use::send(NAME));
        assert_eq!(host.uses(), [Use::get(NAME), sealed.clone(), sent.clone(), sealed, sent]);
        let sent = host.sent();
        let requests: Vec<_> =
            sent.iter().map(|sent| (sent.method.as_str(), sent.url.as_str(), sent.body.as_slice())).collect();
        let url = |tag: &str| format!("https://registry.example.com/v2/team/app/manifests/{tag}");
        assert_eq!(
            requests,
            [("GET", url("1.2").as_str(), &b""[..]), ("PUT", url("latest").as_str(), MANIFEST.as_bytes())]
        );
        assert_eq!(sent[1].headers[1], ("content-type".to_owned(), OCI.to_owned()));
    }

    #[test]
    fn registry_error_is_reported() {
        let unknown = Response::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#);
        assert_eq!(error(&host([unknown])), "the registry did not return the manifest: status 404 MANIFEST_UNKNOWN");
        let message = error(&host([pulled(), Response::new(503, "")]));
        assert_eq!(message, "the registry did not accept the tag: status 503");
    }

    #[test]
    fn mismatched_manifest_is_not_pushed() {
        let other = Response::new(200, MANIFEST).with_header("docker-content-digest", DIGEST);
        let host = host([other]);
        assert!(error(&host).starts_with("the registry reported sha256:f2a5f7f9d3d4f1a4 for "));
        assert_eq!(host.sent().len(), 1);
    }

    #[test]
    fn invalid_name_does_not_use_password() {
        for (repository, new_tag) in [("../x", "a"), ("a//b", "a"), ("A", "a"), ("a", ""), ("a", "../b"), ("a", "b?c")]
        {
            let host = host([]);
            assert!(
                matches!(host.run(tag, input(repository, new_tag)), Err(RunError::Failure(_))),
                "{repository} {new_tag}"
            );
            assert_eq!(host.uses(), []);
        }
    }
}
