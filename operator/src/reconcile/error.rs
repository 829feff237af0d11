//! Why a reconcile ended early, and what that means for the next.

use std::time::Duration;

use kube::core::error_boundary::InvalidObject;
use thiserror::Error;

use crate::answer::{is_absent, is_leaving, retry_after};
use crate::apply::ApplyError;
use crate::dereference::DereferenceError;
use crate::material::MaterialError;
use crate::status::StatusError;
use crate::validate::ValidationError;
use crate::volumes::change::VolumeError;

/// Why a reconcile ended early.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The store cannot be read by this release.
    #[error("the store is malformed: {0}")]
    Malformed(Box<InvalidObject>),
    /// The store cannot be built.
    #[error("the store is invalid: {0}")]
    Invalid(#[from] ValidationError),
    /// Step 1.
    #[error(transparent)]
    Dereference(#[from] DereferenceError),
    /// The volumes: between steps 1 and 2, and instead of step 4.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Between steps 2 and 3.
    #[error(transparent)]
    Material(#[from] MaterialError),
    /// Step 4.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Step 5.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl ReconcileError {
    /// The label of the metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::Invalid(error) => error.reason(),
            Self::Dereference(_) => "DereferenceFailed",
            Self::Volume(_) => "VolumeFailed",
            Self::Material(_) => "MaterialFailed",
            Self::Apply(_) => "ApplyFailed",
            Self::Status(_) => "StatusFailed",
        }
    }

    /// What the API server said, where it was it that said something.
    pub(super) fn cause(&self) -> Option<&kube::Error> {
        match self {
            Self::Dereference(error) => Some(error.cause()),
            Self::Apply(error) => Some(error.cause()),
            Self::Status(error) => Some(error.cause()),
            Self::Volume(error) => Some(error.cause()),
            Self::Malformed(_) | Self::Invalid(_) | Self::Material(_) => None,
        }
    }

    /// Whether the store left in the meantime, or its whole namespace leaves: that nothing can be made or told there
    /// any more is no failure.
    pub(super) fn is_farewell(&self) -> bool {
        match self {
            Self::Status(StatusError::Write { source, .. }) if is_absent(source) => true,
            error => error.cause().is_some_and(is_leaving),
        }
    }

    /// How long the API server asked to be left alone.
    pub(super) fn asked(&self) -> Option<Duration> {
        retry_after(self.cause()?)
    }

    /// Whether only a change of the store, or of what it refers to, can help.
    pub(super) fn waits_for_user(&self) -> bool {
        match self {
            Self::Malformed(_) => true,
            Self::Invalid(error) => !error.must_be_tried_again(),
            Self::Dereference(_) | Self::Volume(_) | Self::Material(_) | Self::Apply(_) | Self::Status(_) => {
                false
            }
        }
    }
}
