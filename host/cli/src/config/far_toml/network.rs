//! `[egress]`: networks, and the hosts in them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use far_core::capability::Destination;
use ipnet::IpNet;

/// The prefix length of `::ffff:0:0/96`, the IPv4-mapped IPv6 addresses.
const MAPPED_BITS: u8 = 96;

/// Reasons to refuse a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NetworkError {
    /// The string is not an address with a prefix length.
    #[error("a network has the form 10.20.0.0/16 or fd00::/8")]
    Form,
    /// The address has bits beyond the prefix.
    #[error("has host bits set: the network is {0}")]
    HostBits(IpNet),
    /// The network contains every address, including loopback and cloud metadata services.
    #[error("contains every address: name the networks of the servers")]
    Everything,
    /// The network is IPv4-mapped IPv6. Addresses are compared in their own family.
    #[error("is an IPv4-mapped IPv6 network: write {0}")]
    Mapped(IpNet),
}

/// Parses a network.
pub(super) fn network(text: &str) -> Result<IpNet, NetworkError> {
    let network: IpNet = text.parse().map_err(|_| NetworkError::Form)?;
    if network.prefix_len() == 0 {
        return Err(NetworkError::Everything);
    }
    if let Some(mapped) = of_ipv4(network) {
        return Err(if mapped.prefix_len() == 0 { NetworkError::Everything } else { NetworkError::Mapped(mapped) });
    }
    let meant = network.trunc();
    if meant == network { Ok(network) } else { Err(NetworkError::HostBits(meant)) }
}

/// Returns the IPv4 network of an IPv4-mapped IPv6 network.
fn of_ipv4(network: IpNet) -> Option<IpNet> {
    let IpAddr::V6(address) = network.addr() else { return None };
    let length = network.prefix_len().checked_sub(MAPPED_BITS)?;
    let address = Ipv6Addr::to_ipv4_mapped(&address)?;
    IpNet::new(address.into(), length).ok().map(|network| network.trunc())
}

/// Parses a host in the form of URLs. In another form, the entry would never match.
pub(super) fn host(text: &str) -> Result<String, &'static str> {
    match format!("https://{text}").parse::<Destination>() {
        // A colon means a port or an IPv6 address, which needs no look-up.
        Ok(destination) if destination.origin().ends_with(text) && !text.contains([':', '/', '*']) => {
            Ok(text.to_owned())
        }
        _ => Err("a host is written as in a URL: lower case, no port"),
    }
}

/// Parses an address with an optional port.
pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let address = text.parse::<SocketAddr>().ok();
    let address = address.or_else(|| text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 0)));
    address.ok_or("an address has the form 10.20.0.5 or 10.20.0.5:8443")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_without_host_bits_is_accepted() {
        for text in ["10.0.0.0/8", "10.1.2.3/32", "128.0.0.0/1", "fd00::/8", "::1/128", "2001:db8::/32"] {
            assert_eq!(network(text).map(|network| network.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn invalid_network_is_refused() {
        for (text, meant) in [
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("192.168.1.7/24", "192.168.1.0/24"),
            ("::1/64", "::/64"),
            ("fd00::5/8", "fd00::/8"),
        ] {
            assert_eq!(network(text), Err(NetworkError::HostBits(meant.parse().unwrap())), "{text}");
        }
        assert_eq!(network("10.0.0.1/8").unwrap_err().to_string(), "has host bits set: the network is 10.0.0.0/8");
        assert_eq!(network("::ffff:10.0.0.0/104"), Err(NetworkError::Mapped("10.0.0.0/8".parse().unwrap())));
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/0", "::ffff:0.0.0.0/96"] {
            assert_eq!(network(text), Err(NetworkError::Everything), "{text}");
        }
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "localhost/8", "10.0.0.0/255.0.0.0", " 10.0.0.0/8"] {
            assert_eq!(network(text), Err(NetworkError::Form), "{text}");
        }
    }
}
