//! Who may use the API where the server itself is reached by clients.
//!
//! Behind a sidecar on a Unix socket or on loopback the sidecar decides, and the server lets pass all.

use std::sync::Arc;

use kivi_api::is_guarded;
use kivi_layers::auth::{Anonymous, AuthLayer, Verifier};
use kivi_process::tokens::Tokens;
use kivi_settings as settings;

/// The tokens that are valid now.
#[derive(Debug, Clone)]
pub(crate) struct ValidTokens(Arc<Tokens>);

impl Verifier for ValidTokens {
    fn accepts(&self, token: &[u8]) -> bool {
        self.0.accepts(token)
    }
}

/// The rule that the server enforces.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    tokens: Arc<Tokens>,
    anonymous: Anonymous,
    /// Whether some paths are answered to nobody without a token, whatever `anonymous` says.
    guards: bool,
}

impl Access {
    /// Everybody may do everything: somebody in front of the server decides.
    pub(crate) fn open() -> Self {
        Self { tokens: Tokens::none(), anonymous: Anonymous::ReadWrite, guards: false }
    }

    /// These tokens are valid, and without one a request may do what `anonymous` says.
    pub(crate) fn by_tokens(tokens: Arc<Tokens>, anonymous: settings::Anonymous) -> Self {
        let anonymous = match anonymous {
            settings::Anonymous::None => Anonymous::None,
            settings::Anonymous::Read => Anonymous::Read,
            settings::Anonymous::ReadWrite => Anonymous::ReadWrite,
        };
        Self { tokens, anonymous, guards: true }
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.anonymous == Anonymous::ReadWrite
    }

    pub(crate) fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens)
    }

    pub(crate) fn layer(&self) -> AuthLayer<ValidTokens> {
        let layer = AuthLayer::new(ValidTokens(self.tokens()), self.anonymous);
        if self.guards { layer.guarding(is_guarded) } else { layer }
    }
}
