//! Which log it is: made at random when a log begins, the same in all of its files, and never another log's. A restored
//! log is another one.

use std::{fmt, str::FromStr};

/// The identity of a log, and so of the store over it. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub [u8; 16]);

/// A text is not the identity of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a store id is 32 hexadecimal digits")]
pub struct NoStoreId;

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

impl FromStr for StoreId {
    type Err = NoStoreId;

    fn from_str(text: &str) -> Result<Self, NoStoreId> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoStoreId);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| NoStoreId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        let id = StoreId(*b"\x00123456789abcde\xff");
        assert_eq!(id.to_string(), "003132333435363738396162636465ff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "00", "+03132333435363738396162636465ff", "003132333435363738396162636465fg"] {
            assert_eq!(text.parse::<StoreId>(), Err(NoStoreId), "{text}");
        }
    }
}
