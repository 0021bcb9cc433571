//! Gives an image in a registry another tag: pulls its manifest, and pushes the same under that name.
//!
//! The requests carry a password that this skill never sees: the host puts it there as each leaves, towards this one registry and
//! nowhere else. Who takes this example for another registry names that, here and in `skill.json`.
//!
//! See <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

#![forbid(unsafe_code)]

mod name;

use far_skill::http::{Request, Response};
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const REGISTRY: &str = "https://registry.example.com/v2";
/// The manifests that are taken: OCI's and Docker's, of one platform and of several.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Input {
    /// Who the password is of.
    user: String,
    /// The repository in the registry.
    repository: String,
    /// The image's tag.
    tag: String,
    /// The tag that it gets besides.
    new_tag: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Output {
    /// The manifest's digest, which is now that of both tags.
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
    expect(&pulled, 200, "does not give the manifest")?;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(pulled.body())));
    same(&pulled, &digest)?;
    let media_type = pulled.header("content-type").ok_or("the registry does not say what the manifest is")?;

    let push = Request::put(to).basic(&input.user, &password)?.header("content-type", media_type);
    let pushed = push.body(pulled.body()).send()?;
    expect(&pushed, 201, "does not take the tag")?;
    same(&pushed, &digest)?;
    Ok(Output { digest, media_type: media_type.to_owned() })
}

/// That what the registry names is what it sent, or was sent.
fn same(response: &Response, digest: &str) -> Result<(), far_skill::Error> {
    match response.header("docker-content-digest") {
        Some(named) if named != digest => Err(format!("the registry says {named}, and it is {digest}").into()),
        _ => Ok(()),
    }
}

/// What a registry says of a failure.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

fn expect(response: &Response, status: u16, what: &str) -> Result<(), far_skill::Error> {
    if response.status() == status {
        return Ok(());
    }
    let codes: Vec<_> = response.json::<Refusal>().map_or_else(|_| Vec::new(), |refusal| refusal.errors);
    let codes: Vec<_> = codes.into_iter().map(|problem| problem.code).collect();
    Err(format!("the registry {what}: status {} {}", response.status(), codes.join(", ")).trim_end().into())
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Ended, Host, Use};

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

    fn host(answers: impl IntoIterator<Item = Response>) -> Host {
        let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
        answers.into_iter().fold(host, |host, answer| host.answering(Ok(answer)))
    }

    fn input(repository: &str, new_tag: &str) -> Input {
        let text = |text: &str| text.to_owned();
        Input { user: text("ci"), repository: text(repository), tag: text("1.2"), new_tag: text(new_tag) }
    }

    fn failed(host: &Host) -> String {
        match host.run(tag, input("team/app", "latest")) {
            Err(Ended::Failed(told)) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_manifest_is_pushed_as_it_was_pulled_with_the_password_in_its_place() {
        let host = host([pulled(), Response::new(201, "").with_header("Docker-Content-Digest", digest())]);
        let tagged = Output { digest: digest(), media_type: OCI.to_owned() };
        assert_eq!(host.run(tag, input("team/app", "latest")), Ok(tagged));
        let (sealed, sent) = (Use::sealed(NAME), Use::sent(NAME));
        assert_eq!(host.uses(), [Use::asked(NAME), sealed.clone(), sent.clone(), sealed, sent]);
        let sent = host.sent();
        let said: Vec<_> =
            sent.iter().map(|sent| (sent.method.as_str(), sent.url.as_str(), sent.body.as_slice())).collect();
        let url = |tag: &str| format!("https://registry.example.com/v2/team/app/manifests/{tag}");
        assert_eq!(
            said,
            [("GET", url("1.2").as_str(), &b""[..]), ("PUT", url("latest").as_str(), MANIFEST.as_bytes())]
        );
        assert_eq!(sent[1].headers[1], ("content-type".to_owned(), OCI.to_owned()));
    }

    #[test]
    fn what_the_registry_refuses_is_told() {
        let unknown = Response::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#);
        assert_eq!(failed(&host([unknown])), "the registry does not give the manifest: status 404 MANIFEST_UNKNOWN");
        let told = failed(&host([pulled(), Response::new(503, "")]));
        assert_eq!(told, "the registry does not take the tag: status 503");
    }

    #[test]
    fn a_manifest_that_is_not_what_its_digest_says_is_not_pushed() {
        let other = Response::new(200, MANIFEST).with_header("docker-content-digest", DIGEST);
        let host = host([other]);
        assert!(failed(&host).starts_with("the registry says sha256:f2a5f7f9d3d4f1a4, and it is "));
        assert_eq!(host.sent().len(), 1);
    }

    #[test]
    fn a_name_that_leads_elsewhere_costs_no_use_of_the_password() {
        for (repository, new_tag) in [("../x", "a"), ("a//b", "a"), ("A", "a"), ("a", ""), ("a", "../b"), ("a", "b?c")]
        {
            let host = host([]);
            assert!(
                matches!(host.run(tag, input(repository, new_tag)), Err(Ended::Failed(_))),
                "{repository} {new_tag}"
            );
            assert_eq!(host.uses(), []);
        }
    }
}
