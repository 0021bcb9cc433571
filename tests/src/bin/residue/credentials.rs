//! The credentials of providers for a Vault server.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use far_core::memory::SecretBytes;
use far_core::provider::SecretProvider;
use far_needle::{MaskedValue, Needle};
use far_providers::vault::{Address, Auth, Mounts, SecretId, Vault, VaultConfig};

use crate::host::secret;
use crate::remote::Remote;

/// The credentials of providers, named by the login method, which is also the name of the fetched
/// secret. The other process creates the TLS key.
pub(crate) struct Credentials {
    /// A token in a file, used without a login.
    pub(crate) token: Arc<Needle>,
    pub(crate) secret_id: Arc<Needle>,
    pub(crate) jwt: Arc<Needle>,
    pub(crate) service_account: Arc<Needle>,
}

impl Credentials {
    pub(crate) fn random() -> Self {
        Self { token: secret(), secret_id: secret(), jwt: secret(), service_account: secret() }
    }
}

/// Returns a provider for the token and one for each login method.
pub(crate) fn providers(
    remote: &Remote,
    folder: &Path,
    credentials: &Credentials,
) -> Vec<(&'static str, Arc<dyn SecretProvider>)> {
    let authority = written(folder, "ca.pem", remote.address.authority.as_bytes());
    let file = |name: &str, value: &MaskedValue| written(folder, name, locked(value).expose());
    let certificate = file("identity.pem", &remote.login.pem);
    let role = || "far".to_owned();
    let token = Auth::Token { file: file("token", credentials.token.value()) };
    let secret_id = SecretId::File(file("secret-id", credentials.secret_id.value()));
    let approle = Auth::AppRole { mount: "approle".to_owned(), role_id: role(), secret_id };
    let jwt = Auth::Jwt { mount: "jwt".to_owned(), role: role(), file: file("jwt", credentials.jwt.value()) };
    let token_file = file("service-account", credentials.service_account.value());
    let kubernetes = Auth::Kubernetes { mount: "kubernetes".to_owned(), role: role(), token_file };
    let (cert_file, key_file) = (certificate.clone(), certificate);
    let certificate = Auth::Certificate { mount: "cert".to_owned(), role: None, cert_file, key_file };
    let open = |(name, auth, origin): (&'static str, Auth, &str)| {
        let config = VaultConfig {
            address: Address::parse(origin).unwrap(),
            namespace: None,
            ca_file: Some(authority.clone()),
            authorities: None,
            auth,
            mounts: Mounts::default(),
            child_policies: Vec::new(),
        };
        let vault = Vault::open(name.parse().unwrap(), config, Vec::new()).unwrap();
        (name, Arc::new(vault) as Arc<dyn SecretProvider>)
    };
    let (all, mutual) = (&remote.address.open, &remote.address.mutual);
    [
        ("vault", token, all.as_str()),
        ("approle", approle, all),
        ("jwt", jwt, all),
        ("kubernetes", kubernetes, all),
        ("certificate", certificate, mutual),
    ]
    .map(open)
    .into()
}

/// Returns the value in locked memory.
pub(crate) fn locked(value: &MaskedValue) -> SecretBytes {
    SecretBytes::new(value.len(), |place| value.write_to(place)).unwrap()
}

fn written(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(content).unwrap();
    path
}
