//! An image tagged in a real registry.

use far_servers::{Authority, Registry, or_skip};
use far_tests::guests;

use super::Example;

const PASSWORD: &str = "registry-canary-5d20c7";

fn example(registry: &Registry) -> Example {
    Example {
        skill: guests::REGISTRY,
        secret: "registry-password",
        value: PASSWORD,
        host: "registry.example.com",
        port: registry.socket().port(),
        input: r#"{"user":"tests","repository":"team/app","tag":"1.2","new-tag":"latest"}"#,
    }
}

#[test]
fn image_is_tagged_with_sealed_password() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::named(&authority, "registry.example.com", PASSWORD)) else { return };
    let digest = registry.push_image("team/app", "1.2").unwrap();
    let example = example(&registry);
    let far = example.run(&authority, "GET,PUT https://registry.example.com/v2/team/app");
    // The comparison masks digests.
    let stdout = r#"{"digest":"sha256:*","media-type":"application/vnd.oci.image.manifest.v1+json"}"#;
    far.stdout(stdout).stderr(example.sent(2)).code(0);
    assert_eq!(registry.tags("team/app").unwrap(), ["1.2", "latest"]);
    assert_eq!(registry.digest("team/app", "latest").unwrap(), digest);
    // Exactly these two requests had the password, which the registry does not log.
    let log = registry.log();
    let registry_host = "http.request.host=registry.example.com";
    let authorized: Vec<_> =
        log.lines().filter(|line| line.contains("authorized request") && line.contains(registry_host)).collect();
    let is = |line: &str, method: &str, tag: &str| {
        line.contains(&format!("http.request.method={method} "))
            && line.contains(&format!("/v2/team/app/manifests/{tag} "))
    };
    assert!(matches!(authorized[..], [get, put] if is(get, "GET", "1.2") && is(put, "PUT", "latest")), "{log}");
    assert!(!log.contains(PASSWORD));
}

#[test]
fn unpermitted_repository_ends_task() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::named(&authority, "registry.example.com", PASSWORD)) else { return };
    registry.push_image("team/app", "1.2").unwrap();
    let example = example(&registry);
    example.run(&authority, "https://registry.example.com/v2/team/other").stderr(example.denied()).code(3);
    assert!(!registry.log().contains("http.request.host=registry.example.com"));
}

#[test]
fn read_only_grant_denies_push() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::named(&authority, "registry.example.com", PASSWORD)) else { return };
    registry.push_image("team/app", "1.2").unwrap();
    let example = example(&registry);
    let stderr = example.denied_after(1);
    example.run(&authority, "GET https://registry.example.com/v2/team/app").stderr(stderr).code(3);
    assert_eq!(registry.tags("team/app").unwrap(), ["1.2"]);
}
