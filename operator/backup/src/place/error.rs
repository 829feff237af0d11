//! Why a place does not do what it is asked for: each a sentence with the way out.

use std::{io, path::Path};

use thiserror::Error;

/// Why a place did not do it.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// The volume is full.
    #[error("cannot {action} {url}: the volume is full; free space, keep fewer backups, or grow it")]
    Full {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
    },
    /// A file or folder.
    #[error("cannot {action} {url}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// What the system said.
        source: io::Error,
    },
    /// A variable of the environment is missing.
    #[error("{url} needs credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoCredentials {
        /// The place.
        url: String,
    },
    /// A variable of the environment cannot be used.
    #[error("cannot use the environment's {variable}: {reason}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The credentials are refused.
    #[error(
        "cannot {action} {url}: the server refuses the credentials ({code}); check AWS_ACCESS_KEY_ID and its secret"
    )]
    Credentials {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// The server's word for it.
        code: String,
    },
    /// The credentials are good, and not for this.
    #[error(
        "cannot {action} {url}: the access key may not do that ({code}); let it list, read, write and delete objects there"
    )]
    Denied {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// The server's word for it.
        code: String,
    },
    /// There is no such bucket.
    #[error("cannot {action} {url}: there is no bucket `{bucket}`; make it, or name another one")]
    NoBucket {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// The bucket.
        bucket: String,
    },
    /// The server answers with an error of its own, also when it is asked again.
    #[error(
        "cannot {action} {url}: the server answers {answer}, also when it is asked again; try again later"
    )]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// Its answer.
        answer: String,
    },
    /// The server can't be reached, does not answer in time, or breaks off.
    #[error(
        "cannot {action} {url}: {reason}; check AWS_ENDPOINT_URL, and that the server is reached from here"
    )]
    Unreachable {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server's certificate will not do.
    #[error("cannot {action} {url}: the server's certificate {reason}")]
    Untrusted {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// Anything else that the server says.
    #[error("cannot {action} {url}: {reason}")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// To which object.
        url: String,
        /// What it says.
        reason: String,
    },
}

impl PlaceError {
    /// Whether the place has said that it did not do it, and won't. Of what fails in another way it may have been done.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Credentials { .. } | Self::Denied { .. } | Self::NoBucket { .. }
        )
    }

    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let url = format!("file://{}", path.display());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { action, url },
            _ => Self::Io { action, url, source },
        }
    }
}
