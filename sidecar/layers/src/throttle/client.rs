//! Who owns the bucket of a request.

use std::net::{IpAddr, Ipv6Addr};

use crate::{Peer, auth::Caller};

/// The owner of a bucket, in 16 bytes and a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// First half of the token's SHA-256.
    Token([u8; 16]),
    /// An address; IPv6 by its /64.
    Address(IpAddr),
    /// Everybody, or somebody without an address (a Unix socket).
    Everybody,
}

impl Client {
    pub(super) fn of(caller: Option<&Caller>, peer: Peer) -> Self {
        match (caller, peer.address) {
            (Some(Caller::Token(digest)), _) => {
                let mut half = [0; 16];
                half.copy_from_slice(&digest[..16]);
                Self::Token(half)
            }
            (_, Some(address)) => Self::Address(network(address.ip())),
            (_, None) => Self::Everybody,
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Client {
        Client::of(None, Peer { address: Some(address.parse().unwrap()), tls: false })
    }

    #[test]
    fn a_token_counts_before_an_address() {
        let peer = Peer { address: Some("10.0.0.1:1".parse().unwrap()), tls: false };
        assert_eq!(Client::of(Some(&Caller::Token([7; 32])), peer), Client::Token([7; 16]));
        assert_eq!(Client::of(Some(&Caller::Anonymous), peer), at("10.0.0.1:2"));
    }

    #[test]
    fn one_ipv6_host_is_one_client_and_mapped_ipv4_is_ipv4() {
        assert_eq!(at("[2001:db8::1]:1"), at("[2001:db8::ffff:2]:1"));
        assert_ne!(at("[2001:db8::1]:1"), at("[2001:db8:0:1::1]:1"));
        assert_eq!(at("[::ffff:10.0.0.1]:1"), at("10.0.0.1:1"));
    }
}
