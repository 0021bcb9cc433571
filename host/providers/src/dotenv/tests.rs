use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

mod wiping;

struct Development {
    _dir: TempDir,
    path: PathBuf,
}

impl Development {
    fn with(content: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let development = Self { path: dir.path().join(".env"), _dir: dir };
        development.write(content);
        development
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(&self.path, content).unwrap();
        self.set_mode(0o600);
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn open(&self) -> Result<DotEnv, DotEnvError> {
        DotEnv::open(ProviderId::parse("dotenv").unwrap(), &self.path)
    }
}

/// Returns the current value and version.
async fn current(provider: &DotEnv, name: &str) -> Result<(Vec<u8>, Version), ProviderError> {
    let fetched = provider.get_secret(&Reference::new(name), &VersionSelector::Current).await?;
    assert_eq!(fetched.ttl, None);
    Ok((fetched.value.expose().to_vec(), fetched.version))
}

async fn refresh(provider: &DotEnv, name: &str, known: &Version) -> Result<Option<Vec<u8>>, ProviderError> {
    Ok(match provider.refresh_secret(&Reference::new(name), known).await? {
        RefreshOutcome::Unchanged => None,
        RefreshOutcome::Changed(fetched) => {
            assert_ne!(fetched.version, *known);
            Some(fetched.value.expose().to_vec())
        }
    })
}

#[tokio::test]
async fn values_are_found_by_name() {
    let provider = Development::with("GITHUB_TOKEN=b\nEMPTY=\n").open().unwrap();
    assert_eq!(current(&provider, "github-token").await.unwrap().0, b"b");
    assert_eq!(current(&provider, "empty").await.unwrap().0, b"");
    for other in ["GITHUB_TOKEN", "github_token", "absent", ""] {
        assert_eq!(current(&provider, other).await.err(), Some(ProviderError::NotFound), "{other}");
    }
}

#[tokio::test]
async fn secrets_are_listed_in_order() {
    let provider = Development::with("B=1\nC=2\nA_A=3\n").open().unwrap();
    let listed = provider.list_secrets().await.unwrap();
    assert_eq!(listed, ["a-a", "b", "c"].map(Reference::new));
}

#[tokio::test]
async fn only_current_version_is_readable() {
    let development = Development::with("A=b");
    let provider = development.open().unwrap();
    let (_, version) = current(&provider, "a").await.unwrap();
    let exactly = VersionSelector::Exactly(version.clone());
    let ask = async |name| provider.get_secret(&Reference::new(name), &exactly).await;
    assert_eq!(ask("a").await.unwrap().value.expose(), b"b");
    assert_eq!(ask("absent").await.err(), Some(ProviderError::NotFound));
    development.write("A=c");
    assert_eq!(refresh(&provider, "a", &version).await.unwrap(), Some(b"c".to_vec()));
    assert_eq!(ask("a").await.err(), Some(ProviderError::VersionGone(AbsenceReason::Destroyed)));
}

#[tokio::test]
async fn each_call_rereads_file() {
    let development = Development::with("A=b\nB=c");
    let provider = development.open().unwrap();
    let (_, version) = current(&provider, "a").await.unwrap();
    assert_eq!(refresh(&provider, "a", &version).await, Ok(None));
    development.write("A=d");
    assert_eq!(refresh(&provider, "a", &version).await, Ok(Some(b"d".to_vec())));
    assert_eq!(current(&provider, "a").await.unwrap().0, b"d");
    assert_eq!(current(&provider, "b").await.err(), Some(ProviderError::NotFound));
    assert_eq!(refresh(&provider, "b", &version).await, Err(ProviderError::NotFound));
    development.write("A=e");
    assert_eq!(current(&provider, "a").await.unwrap().0, b"e", "the file was read again");
}

#[tokio::test]
async fn half_written_file_keeps_old_values() {
    let development = Development::with("A='b'\n");
    let provider = development.open().unwrap();
    let (_, version) = current(&provider, "a").await.unwrap();
    for half in ["", "A", "A='c", "B=c\nA=\"c"] {
        development.write(half);
        assert_eq!(refresh(&provider, "a", &version).await, Err(ProviderError::Invalid), "{half:?}");
        assert_eq!(current(&provider, "a").await, Ok((b"b".to_vec(), version.clone())), "{half:?}");
    }
    fs::remove_file(&development.path).unwrap();
    assert_eq!(refresh(&provider, "a", &version).await, Err(ProviderError::Unavailable));
    assert_eq!(current(&provider, "a").await, Ok((b"b".to_vec(), version.clone())));
    development.write("A='c'\n");
    assert_eq!(refresh(&provider, "a", &version).await, Ok(Some(b"c".to_vec())));
}

#[tokio::test]
async fn exposed_file_drops_values() {
    let development = Development::with("A=b");
    let provider = development.open().unwrap();
    let (_, version) = current(&provider, "a").await.unwrap();
    development.set_mode(0o644);
    assert_eq!(refresh(&provider, "a", &version).await, Err(ProviderError::Denied));
    assert_eq!(current(&provider, "a").await, Err(ProviderError::Denied));
    assert_eq!(provider.list_secrets().await, Err(ProviderError::Denied));
    development.set_mode(0o600);
    assert_eq!(current(&provider, "a").await, Ok((b"b".to_vec(), version)));
}

#[test]
fn open_rejects_exposed_file() {
    for mode in [0o644, 0o640] {
        let development = Development::with("A=b");
        development.set_mode(mode);
        assert!(matches!(development.open(), Err(DotEnvError::Exposed { .. })));
    }
    let absent = DotEnv::open(ProviderId::parse("dotenv").unwrap(), Path::new("/absent/.env"));
    assert!(matches!(absent, Err(DotEnvError::Missing { .. })));
}

#[tokio::test]
async fn revoke_and_rotate_are_unsupported() {
    let provider = Development::with("A=b").open().unwrap();
    let (_, version) = current(&provider, "a").await.unwrap();
    assert_eq!(provider.revoke(&Reference::new("a"), &version).await, Err(ProviderError::Unsupported));
    assert_eq!(provider.rotate(&Reference::new("a")).await, Err(ProviderError::Unsupported));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test checks that the variable is absent")]
async fn process_environment_is_unchanged() {
    let development = Development::with("export FAR_DOTENV_TEST=b");
    let provider = development.open().unwrap();
    let (_, version) = current(&provider, "far-dotenv-test").await.unwrap();
    refresh(&provider, "far-dotenv-test", &version).await.unwrap();
    assert_eq!(std::env::var_os("FAR_DOTENV_TEST"), None);
}

#[test]
fn errors_do_not_quote_file() {
    const CANARY: &str = "CANARY";
    let long = "x".repeat(SecretBytes::MAX_LEN);
    let cases: &[(&[u8], Problem)] = &[
        (b"A=CANARY\xff", Problem::NotUtf8),
        (b"A=CANARY\0", Problem::Nul),
        (b"A=CANARY\rCANARY", Problem::CarriageReturn),
        (b"CANARY", Problem::NoAssignment),
        (b"CANARY-CANARY=CANARY", Problem::Key),
        (b"CANARY_=CANARY", Problem::Name(far_core::capability::NameError::Edge)),
        (b"CANARY=CANARY\nCANARY=CANARY", Problem::Duplicate { first: 1 }),
        (b"CANARY=CANARY\nCanary=CANARY", Problem::SameName { first: 1 }),
        (b"CANARY='CANARY", Problem::Unclosed),
        (b"CANARY=\"CANARY", Problem::Unclosed),
        (b"CANARY=\"CANARY\\CANARY\"", Problem::Escape),
        (b"CANARY='CANARY'CANARY", Problem::AfterQuote),
        (&format!("CANARY=CANARY{long}").into_bytes(), Problem::TooLarge),
    ];
    let without_canary = |error: &DotEnvError| {
        let source = error.source().map(|source| format!("{source} {source:?}"));
        let shown = format!("{error} {error:?} {error:#?} {} {source:?}", error.help());
        assert!(!shown.to_uppercase().contains(CANARY), "{shown}");
    };
    for (content, expected) in cases {
        let error = Development::with(content).open().unwrap_err();
        without_canary(&error);
        assert!(matches!(error, DotEnvError::Line { problem, .. } if problem == *expected), "{error}");
    }
    let exposed = Development::with("A=CANARY");
    exposed.set_mode(0o604);
    without_canary(&exposed.open().unwrap_err());
    let size = usize::try_from(DotEnv::MAX_FILE).unwrap();
    without_canary(&Development::with(CANARY.repeat(size)).open().unwrap_err());
}

#[test]
fn debug_has_no_value() {
    let provider = Development::with("CANARY=CANARY").open().unwrap();
    assert!(!format!("{provider:?}").to_uppercase().contains("CANARY"));
}

#[tokio::test]
async fn describe_returns_version_of_value() {
    let development = Development::with("A=one");
    let provider = development.open().unwrap();
    let describe = || async { provider.describe(&Reference::new("a")).await.map(|told| told.version) };
    let (_, version) = current(&provider, "a").await.unwrap();
    assert_eq!(describe().await, Ok(Some(version.clone())));
    development.write("A=two");
    let changed = describe().await.unwrap();
    assert_ne!(changed, Some(version));
    assert_eq!(Some(current(&provider, "a").await.unwrap().1), changed);
    assert_eq!(provider.describe(&Reference::new("b")).await, Err(ProviderError::NotFound));
    development.set_mode(0o644);
    assert_eq!(describe().await, Err(ProviderError::Denied));
}
