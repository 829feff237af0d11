//! Between steps 2 and 3: makes the secrets that a store lacks. The only step that draws random numbers,
//! so that `build` is a function of its inputs.

use jiff::Timestamp;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use thiserror::Error;

use crate::model::{Certificate, Store, Tokens};
use crate::pki::{self, Issued, PkiError, Wanted};

/// The secrets of a store.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// The certificate, where the operator issues it.
    pub certificate: Option<Issued>,
    /// The bearer token, where the operator makes it.
    pub token: Option<String>,
}

impl std::fmt::Debug for Material {
    /// A token is never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Why a secret could not be made.
#[derive(Debug, Error)]
pub enum MaterialError {
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] PkiError),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] rand::rand_core::OsError),
}

/// Keeps what the store has and may keep, and makes the rest.
///
/// # Errors
/// When the system gives no random numbers, or a certificate cannot be made.
pub fn ensure(store: &Store, now: Timestamp) -> Result<Material, MaterialError> {
    let certificate = match &store.certificate {
        Certificate::Managed(managed) => {
            let names = store.server_names();
            let wanted = Wanted {
                store: store.names.store(),
                names: &names,
                duration: managed.duration,
                renew_before: managed.renew_before,
                authority_duration: managed.authority_duration,
                overlap: managed.overlap,
                roll: managed.roll.as_deref(),
                rotate: managed.rotate.as_deref(),
            };
            Some(pki::ensure(&managed.held, wanted, now)?)
        }
        Certificate::Issuer(_) | Certificate::Provided { .. } | Certificate::Disabled => None,
    };
    let token = match &store.tokens {
        Tokens::Managed { token: Some(token) } => Some(token.clone()),
        Tokens::Managed { token: None } => Some(new_token()?),
        Tokens::Provided { .. } => None,
    };
    Ok(Material { certificate, token })
}

/// 32 random bytes in base64url without padding (RFC 4648, section 5): 43 characters.
fn new_token() -> Result<String, MaterialError> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes
        .chunks(3)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |place| char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_url_safe_and_never_the_same() {
        let (one, two) = (new_token().unwrap(), new_token().unwrap());
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_ne!(one, two);
    }
}
