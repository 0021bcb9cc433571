//! The egress rules of the operator's file.

use std::path::Path;

use far_runtime::Egress;

use crate::authorities::Authorities;
use crate::config::{EgressConfig, read_authorities};
use crate::messages::failure::Failure;

/// Builds the egress rules, and reads the certificate authorities.
pub(crate) fn of(config: &EgressConfig) -> Result<Egress, Failure> {
    let egress = Egress::to(config.destinations.iter().cloned());
    let egress = config.networks.iter().copied().fold(egress, Egress::with_network);
    let egress = config.hosts.iter().fold(egress, |egress, (host, address)| egress.with_host(host, *address));
    if let Some(path) = &config.ca_file {
        return with_authorities(egress, &read_authorities(path)?, path);
    }
    match Authorities::of_environment()? {
        Some(named) => with_authorities(egress, &named.pem, &named.path),
        None => Ok(egress),
    }
}

fn with_authorities(egress: Egress, pem: &[u8], path: &Path) -> Result<Egress, Failure> {
    egress.with_authorities(pem).map_err(|source| Failure::Authorities { path: path.to_owned(), source })
}
