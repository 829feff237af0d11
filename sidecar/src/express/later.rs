//! An answer of the lane that is waited for.
//!
//! Its load has a deadline that is the client's own, or an earlier one, so no other clock runs for it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use kivi_layers::{
    body::{Guard, GuardedBody},
    cache::{CacheBody, Fetched, NotFetched, is_guessed},
    metrics::{Recorder, Recording},
    shed::Permit,
};
use kivi_process::serve::{Reply, each_of};

use crate::respond::refusal;

/// Gives the answer.
pub(crate) struct Later {
    answer: Pin<Box<dyn Future<Output = Result<Fetched, NotFetched>> + Send>>,
    in_flight: Option<InFlight>,
    serves_store: bool,
}

/// A request under way, to the end of its answer's body.
#[derive(Debug)]
pub(crate) struct InFlight {
    recording: Recording<Arc<Recorder>>,
    _permit: Permit,
}

/// The answer.
#[derive(Debug)]
pub(crate) struct Given {
    answer: Result<Fetched, Response<Full<Bytes>>>,
    in_flight: Option<InFlight>,
    serves_store: bool,
}

impl Later {
    pub(super) fn new(
        answer: Pin<Box<dyn Future<Output = Result<Fetched, NotFetched>> + Send>>,
        in_flight: InFlight,
        serves_store: bool,
    ) -> Self {
        Self { answer, in_flight: Some(in_flight), serves_store }
    }
}

impl InFlight {
    pub(super) fn new(recording: Recording<Arc<Recorder>>, permit: Permit) -> Self {
        Self { recording, _permit: permit }
    }
}

impl Guard for InFlight {
    fn failed(&mut self) {
        Guard::failed(&mut self.recording);
    }
}

impl Future for Later {
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Given> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        let answer = answer.map_err(|NotFetched { error, trail }| refusal(error.as_ref(), &trail));
        let (in_flight, serves_store) = (self.in_flight.take(), self.serves_store);
        let mut given = Given { answer, in_flight, serves_store };
        let status = given.status();
        if let Some(InFlight { recording, .. }) = &mut given.in_flight {
            recording.begins(status);
        }
        Poll::Ready(given)
    }
}

impl Reply for Given {
    type Body = GuardedBody<Either<CacheBody, Full<Bytes>>, InFlight>;

    fn status(&self) -> StatusCode {
        match &self.answer {
            Ok(fetched) => fetched.status(),
            Err(refusal) => refusal.status(),
        }
    }

    fn fields(&self, each: &mut dyn FnMut(&str, &[u8])) {
        match &self.answer {
            Ok(fetched) => {
                each_of(fetched.headers(), each);
                if self.serves_store && is_guessed(fetched.status(), fetched.headers()) {
                    each("cache-control", b"no-cache");
                }
                if let Some(status) = fetched.cache_status() {
                    each("cache-status", status.as_bytes());
                }
            }
            Err(refusal) => each_of(refusal.headers(), each),
        }
    }

    fn into_body(self) -> Self::Body {
        let body = match self.answer {
            Ok(fetched) => Either::Left(fetched.into_body()),
            Err(refusal) => Either::Right(refusal.into_body()),
        };
        GuardedBody::new(body, self.in_flight)
    }
}
