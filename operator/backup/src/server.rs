//! The server whose store is backed up, as its clients reach it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use http::StatusCode;
use kivi_api::{Client, ClientError, client::Copy};
use kivi_store::StoreId;

use crate::Error;

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its URL.
    pub url: String,
    /// A PEM file of the authority that vouches for it; needed for `https://`.
    pub ca: Option<PathBuf>,
    /// A folder of tokens, of which the first by its name is sent.
    pub tokens_dir: Option<PathBuf>,
}

impl Server {
    /// A client with the token and the authority that are there now: both are renewed from time to time.
    fn client(&self) -> Result<Client, Error> {
        let mut builder = Client::builder(&self.url);
        if let Some(file) = &self.ca {
            builder = builder.ca_pem(fs::read(file).map_err(unread(file))?);
        }
        if let Some(folder) = &self.tokens_dir {
            builder = builder.token(&token(folder)?);
        }
        builder.build().map_err(|source| Error::Server { doing: "reach the server", source })
    }

    /// Everything at one revision.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn snapshot(&self) -> Result<Copy, Error> {
        let asked = self.client()?.snapshot().await;
        asked.map_err(|source| Error::Server { doing: "get a snapshot of the store", source })
    }

    /// What the log says behind a revision.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn log(&self, after: u64) -> Result<Log, Error> {
        match self.client()?.log(after).await {
            Ok(copy) => Ok(Log::Copy(Box::new(copy))),
            Err(error) if error.status() == Some(StatusCode::GONE) => Ok(Log::Compacted),
            // There is nothing else in the request that could be wrong.
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) => Ok(Log::Ahead),
            Err(source) => Err(Error::Server { doing: "get the store's log", source }),
        }
    }
}

/// What a server says to who asks for its log behind a revision.
#[derive(Debug)]
pub enum Log {
    /// What follows.
    Copy(Box<Copy>),
    /// What follows was compacted away.
    Compacted,
    /// The store has not come so far.
    Ahead,
}

/// Which store a copy is of.
///
/// # Errors
/// When that is no store id.
pub fn store_id(copy: &Copy) -> Result<StoreId, Error> {
    copy.store_id.parse().map_err(|_| {
        let source = ClientError::Answer { field: "Kivi-Store-Id" };
        Error::Server { doing: "tell which store it is", source }
    })
}

fn token(folder: &Path) -> Result<String, Error> {
    let entries = fs::read_dir(folder).map_err(unread(folder))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unread(folder))?.path();
        // Kubernetes keeps what it mounts in folders whose names begin with dots.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let first = files.first().ok_or_else(|| Error::NoToken { path: folder.display().to_string() })?;
    fs::read_to_string(first).map_err(unread(first))
}

fn unread(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::Credentials { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_is_sent_and_a_folder_without_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("..data")).unwrap();
        let none = token(folder.path()).unwrap_err().to_string();
        assert!(none.starts_with("there is no token in "), "{none}");
        for (name, text) in [("b", "second"), ("a", "first"), (".hidden", "none")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(token(folder.path()).unwrap(), "first");
    }
}
