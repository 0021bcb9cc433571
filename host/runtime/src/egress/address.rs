//! The check of addresses before a connection. Each name is looked up once, and the connection goes
//! to a checked address.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// An error that requests to an address are prohibited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is neither public nor in a network of the operator")]
pub(super) struct ProhibitedAddress;

/// An error that the name of a host cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the name of the host")]
pub(super) struct ResolveError(#[source] io::Error);

/// The addresses that requests may connect to: public ones, and those in the operator's networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    networks: Arc<[IpNet]>,
    /// Names for which the operator configures the addresses.
    hosts: Arc<HashMap<String, Vec<SocketAddr>>>,
}

impl Addresses {
    pub(super) fn new(networks: &[IpNet], hosts: &HashMap<String, Vec<SocketAddr>>) -> Self {
        Self { networks: networks.into(), hosts: Arc::new(hosts.clone()) }
    }

    /// Checks an address. An IPv4-mapped address of IPv6 counts as the address of IPv4.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), ProhibitedAddress> {
        let address = address.to_canonical();
        let is_named = self.networks.iter().any(|network| network.contains(&address));
        if is_named || is_public(address) { Ok(()) } else { Err(ProhibitedAddress) }
    }
}

impl Addresses {
    /// Checks a host as far as possible without a lookup: an address, or a name with configured
    /// addresses.
    pub(super) fn check_host(&self, host: Option<&Host<&str>>) -> Result<(), ProhibitedAddress> {
        match host {
            Some(Host::Ipv4(address)) => self.check((*address).into()),
            Some(Host::Ipv6(address)) => self.check((*address).into()),
            Some(Host::Domain(name)) => {
                self.hosts.get(*name).into_iter().flatten().try_for_each(|known| self.check(known.ip()))
            }
            None => Ok(()),
        }
    }
}

/// Resolves a name if all of its addresses are permitted. A response that mixes public and private
/// addresses is not trusted.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = match addresses.hosts.get(name.as_str()) {
                Some(known) => known.clone(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await.map_err(ResolveError)?.collect(),
            };
            found.iter().try_for_each(|found| addresses.check(found.ip()))?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Returns true if an address is globally reachable by IANA's registries of special-purpose
/// addresses (RFC 6890 and its updates). An address of IPv6 must be global unicast. Ranges that
/// embed an address of IPv4 are not public, since they lead to that address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address)),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

const SPECIAL_V4: [Ipv4Net; 17] = [
    // "This network".
    v4(0, 0, 0, 0, 8),
    // Private.
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    // Carrier-grade NAT.
    v4(100, 64, 0, 0, 10),
    // Loopback.
    v4(127, 0, 0, 0, 8),
    // Link-local, including the metadata services of clouds.
    v4(169, 254, 0, 0, 16),
    // A public address that is an internal service in every network of one cloud.
    v4(168, 63, 129, 16, 32),
    // Protocol assignments, documentation, relays, benchmarking.
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // Multicast and reserved, including broadcast.
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const SPECIAL_V6: [Ipv6Net; 5] = [
    // Protocol assignments, including Teredo.
    v6(0x2001, 0, 0, 23),
    // Documentation.
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x3fff, 0, 0, 20),
    // 6to4.
    v6(0x2002, 0, 0, 16),
    // Direct delegation of reverse names (AS112).
    v6(0x2620, 0x4f, 0x8000, 48),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_permitted(networks: &[&str], address: &str) -> bool {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        Addresses::new(&networks, &HashMap::new()).check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn special_purpose_addresses_are_prohibited() {
        for address in ["1.1.1.1", "140.82.121.4", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a01:4f8::1"] {
            assert!(is_permitted(&[], address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_permitted(&[], address), "{address}");
        }
    }

    #[test]
    fn configured_networks_are_permitted() {
        assert!(is_permitted(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(is_permitted(&["127.0.0.0/8"], "::ffff:127.0.0.1"), "the same address");
        assert!(!is_permitted(&["127.0.0.0/8"], "10.0.0.1"));
        assert!(is_permitted(&["fd00::/8"], "fd00:ec2::254"));
    }

    #[tokio::test]
    async fn private_address_fails_resolution() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Addresses::default().resolve(name()).await.is_err());
        let networks = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        assert!(Addresses::new(&networks, &HashMap::new()).resolve(name()).await.is_ok());
    }

    #[tokio::test]
    async fn configured_host_is_checked_without_lookup() {
        let hosts = HashMap::from([("a.invalid".to_owned(), vec!["127.0.0.1:8443".parse().unwrap()])]);
        let name = || "a.invalid".parse::<Name>().unwrap();
        assert!(Addresses::new(&[], &hosts).resolve(name()).await.is_err());
        let found = Addresses::new(&["127.0.0.0/8".parse().unwrap()], &hosts).resolve(name()).await.unwrap();
        assert_eq!(found.collect::<Vec<_>>(), ["127.0.0.1:8443".parse().unwrap()]);
    }
}
