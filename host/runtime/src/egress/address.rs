//! Which addresses may be connected to. A name is looked up once, and what was vetted is what is connected to.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// An address that no request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is not public, and the operator does not name it")]
pub(super) struct Prohibited;

/// A host's name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name of the host could not be resolved")]
pub(super) struct Unresolved(#[source] io::Error);

/// The addresses that requests may go to: public ones, and those in networks that the operator names.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    networks: Arc<[IpNet]>,
    /// Names whose address the operator knows.
    hosts: Arc<HashMap<String, Vec<SocketAddr>>>,
}

impl Addresses {
    pub(super) fn new(networks: &[IpNet], hosts: &HashMap<String, Vec<SocketAddr>>) -> Self {
        Self { networks: networks.into(), hosts: Arc::new(hosts.clone()) }
    }

    /// Whether an address may be connected to. An address of IPv4 within one of IPv6 counts as what it is.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Prohibited> {
        let address = address.to_canonical();
        let is_named = self.networks.iter().any(|network| network.contains(&address));
        if is_named || is_public(address) { Ok(()) } else { Err(Prohibited) }
    }
}

impl Addresses {
    /// Checks whether a host may be connected to, as far as that is known without a look-up: for an
    /// address, and for a name whose address the operator knows.
    pub(super) fn check_host(&self, host: Option<&Host<&str>>) -> Result<(), Prohibited> {
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

/// A name's addresses, if every one of them may be connected to: an answer that mixes them is nobody's honest answer.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = match addresses.hosts.get(name.as_str()) {
                Some(known) => known.clone(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await.map_err(Unresolved)?.collect(),
            };
            found.iter().try_for_each(|found| addresses.check(found.ip()))?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the Internet's, by IANA's registries of special-purpose addresses: RFC 6890 and its
/// updates. Of IPv6, what is not global unicast is not public, nor are the ranges that carry an address of IPv4 in them,
/// which lead to wherever that is.
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
    // This network.
    v4(0, 0, 0, 0, 8),
    // Private.
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    // Shared by carriers for their customers.
    v4(100, 64, 0, 0, 10),
    // Loopback.
    v4(127, 0, 0, 0, 8),
    // Link-local, with the metadata services of clouds.
    v4(169, 254, 0, 0, 16),
    // Public by its number, and a cloud's own service in every network of it.
    v4(168, 63, 129, 16, 32),
    // Protocol assignments, documentation, relays, benchmarks.
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // Multicast; reserved, with broadcast.
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const SPECIAL_V6: [Ipv6Net; 5] = [
    // Protocol assignments, with Teredo.
    v6(0x2001, 0, 0, 23),
    // Documentation.
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x3fff, 0, 0, 20),
    // 6to4.
    v6(0x2002, 0, 0, 16),
    // Delegation of reverse names.
    v6(0x2620, 0x4f, 0x8000, 48),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let(networks: &[&str], address: &str) -> bool {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        Addresses::new(&networks, &HashMap::new()).check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_internet_is_public_and_nothing_else() {
        for address in ["1.1.1.1", "140.82.121.4", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a01:4f8::1"] {
            assert!(is_let(&[], address), "{address}");
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
            assert!(!is_let(&[], address), "{address}");
        }
    }

    #[test]
    fn what_the_operator_names_may_be_connected_to() {
        assert!(is_let(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(is_let(&["127.0.0.0/8"], "::ffff:127.0.0.1"), "the same address");
        assert!(!is_let(&["127.0.0.0/8"], "10.0.0.1"));
        assert!(is_let(&["fd00::/8"], "fd00:ec2::254"));
    }

    #[tokio::test]
    async fn an_answer_with_an_address_that_is_not_public_is_none() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Addresses::default().resolve(name()).await.is_err());
        let networks = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        assert!(Addresses::new(&networks, &HashMap::new()).resolve(name()).await.is_ok());
    }

    #[tokio::test]
    async fn a_name_that_the_operator_knows_is_not_looked_up_but_vetted() {
        let hosts = HashMap::from([("a.invalid".to_owned(), vec!["127.0.0.1:8443".parse().unwrap()])]);
        let name = || "a.invalid".parse::<Name>().unwrap();
        assert!(Addresses::new(&[], &hosts).resolve(name()).await.is_err());
        let found = Addresses::new(&["127.0.0.0/8".parse().unwrap()], &hosts).resolve(name()).await.unwrap();
        assert_eq!(found.collect::<Vec<_>>(), ["127.0.0.1:8443".parse().unwrap()]);
    }
}
