//! The load: its own task, or driven by its leader until that has its headers; with its own deadline, whoever of its
//! readers is still there.
//!
//! Whatever way it ends (an answer, an error, a panic, being dropped with the runtime), its flight ends
//! too: that is in `Drop`, not at the end of the happy path.

mod stream;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header, response::Parts};
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceExt};
use tracing::debug;

use super::{
    CacheBody, FillFailed,
    account::Variant,
    exchanged::Exchanged,
    flight::Flight,
    freshness::Arrival,
    head::{Head, content_length},
    machine::Pushed,
    question::Question,
    stale,
    stored::Stored,
    table::Table,
    validation::without_content,
    verdict::{self, Sharing, Unshared, Verdict},
};
use crate::{runtime::timeout_at, timeout::Deadline};

/// A load and the flight that it feeds.
#[derive(Debug)]
pub(super) struct Fill {
    table: Arc<Table>,
    flight: Arc<Flight>,
    /// The load that has to be answered first.
    before: Option<Arc<Flight>>,
    /// The stored answer in the place of which the load's comes.
    replaces: Option<Variant>,
    /// What the load asks beside the answer itself.
    question: Option<Question>,
    /// The stored answer, where the load's shows that it is outdated.
    outdated: Option<Variant>,
    /// The stored answer turned out to be current.
    validated: bool,
    /// The answer is a failure, and what is stored outlasts it.
    spares: bool,
    ended: bool,
}

impl Fill {
    /// `replaces`: the stored answer in the place of which the load's comes.
    pub(super) fn new(
        table: Arc<Table>,
        flight: Arc<Flight>,
        before: Option<Arc<Flight>>,
        replaces: Option<Variant>,
    ) -> Self {
        Self {
            table,
            flight,
            before,
            replaces,
            question: None,
            outdated: None,
            validated: false,
            spares: false,
            ended: false,
        }
    }

    /// The flight that it feeds.
    pub(super) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Whether it is one exchange: it waits for no other load, and takes the place of nothing that is stored.
    pub(super) fn is_plain(&self) -> bool {
        self.before.is_none() && self.replaces.is_none()
    }

    /// Loads what a plain one is to load by `exchange`.
    pub(super) async fn run_by<R, E>(mut self, exchange: impl Future<Output = Result<Exchanged<R>, E>>)
    where
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
        E: Into<BoxError>,
    {
        self.flight.depart();
        let departure = Instant::now();
        let limit = self.table.policy().load_timeout;
        let deadline = departure + limit;
        match timeout_at(deadline, exchange).await {
            Ok(Ok(Exchanged::Whole(response))) => self.feed_whole(response, departure.elapsed()),
            // Apart, so that the many that come whole have no room for what few come to.
            Ok(Ok(Exchanged::Streamed(response))) => {
                Box::pin(self.feed(response, departure.elapsed(), deadline)).await;
            }
            Ok(Err(error)) => self.fail(&FillFailed::no_answer(error)),
            Err(_) => self.fail(&FillFailed::TimedOut { limit }),
        }
    }

    /// Gives the flight an answer that is there as a whole and took `delay`.
    fn feed_whole(mut self, response: Response<Bytes>, delay: Duration) {
        let Some((response, sharing)) = self.accept(response.map(Full::new), delay) else { return };
        let (parts, body) = response.into_parts();
        let head = self.begin(parts, sharing);
        let taken = self.take(body.into_inner().unwrap_or_default()).and_then(|_| self.seal(head, None));
        self.end(taken);
    }

    /// Loads `request` from `inner`.
    pub(super) async fn run<S, B, R>(mut self, inner: S, mut request: Request<B>)
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        S::Error: Into<BoxError>,
        B: Default,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if let Some(before) = self.before.take() {
            before.answered().await;
        }
        self.flight.depart();
        let departure = Instant::now();
        let deadline = departure + self.table.policy().load_timeout;
        // The leader's deadline is the leader's: others may have come later and may wait longer.
        request.extensions_mut().insert(Deadline(deadline));
        let stored = self.replaces.as_ref().map(|variant| &variant.stored);
        let keeps = !self.table.policy().ttl.is_zero();
        self.question = Question::of(stored, &self.flight.request, keeps);
        let plain = self.question.as_ref().map(|question| {
            let plain = without_content(&request);
            question.ask(&self.flight.request, request.headers_mut());
            (inner.clone(), plain)
        });
        let mut response = match self.ask(inner, request, deadline).await {
            Ok(response) => response,
            Err(why) => return self.fail(&why),
        };
        if let Some((inner, plain)) = plain.filter(|_| response.status() == StatusCode::NOT_MODIFIED) {
            let delay = departure.elapsed();
            match self.question.take() {
                Some(Question::Stored(validation)) => {
                    if let Some(current) = validation.confirmed(response.headers_mut()) {
                        self.validated = true;
                        return self.feed(current, delay, deadline).await;
                    }
                }
                Some(Question::Leader) if !self.would_keep(&response, delay) => {
                    self.question = Some(Question::Leader);
                    return self.feed(response, delay, deadline).await;
                }
                _ => {}
            }
            response = match self.ask(inner, plain, deadline).await {
                Ok(response) => response,
                Err(why) => return self.fail(&why),
            };
        }
        self.feed(response, departure.elapsed(), deadline).await;
    }

    /// Whether the answer that a 304 stands for would be stored: the 304 has its directives (RFC 9110, 15.4.5).
    fn would_keep<R: Body>(&self, not_modified: &Response<R>, delay: Duration) -> bool {
        match self.judge_as(StatusCode::OK, not_modified, delay) {
            Verdict::Shared(sharing) => sharing.lifetime.is_some(),
            Verdict::Unshared(_) => false,
        }
    }

    async fn ask<S, B, R>(
        &self,
        inner: S,
        request: Request<B>,
        deadline: Instant,
    ) -> Result<Response<R>, FillFailed>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
    {
        let limit = self.table.policy().load_timeout;
        match timeout_at(deadline, inner.oneshot(request)).await {
            Ok(outcome) => outcome.map_err(FillFailed::no_answer),
            Err(_) => Err(FillFailed::TimedOut { limit }),
        }
    }

    /// Gives the flight an answer that took `delay`.
    async fn feed<R>(mut self, response: Response<R>, delay: Duration, deadline: Instant)
    where
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if let Some((response, sharing)) = self.accept(response, delay) {
            let streamed = self.stream(response, sharing, deadline).await;
            self.end(streamed);
        }
    }

    /// Judges an answer. `None`: it is for the leader only, who has it.
    fn accept<R>(&mut self, response: Response<R>, delay: Duration) -> Option<(Response<R>, Sharing)>
    where
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let status = response.status();
        self.spares = stale::is_failure(status) && self.table.rest(&self.flight);
        let is_outdated = |variant: &Variant| variant.stored.is_outdated_by(status, response.headers());
        self.outdated = self.replaces.take().filter(is_outdated);
        match self.judge(&response, delay) {
            Verdict::Unshared(why) => {
                self.hand_over(why, response);
                None
            }
            Verdict::Shared(mut sharing) => {
                sharing.lifetime = sharing.lifetime.filter(|_| !self.spares);
                Some((response, sharing))
            }
        }
    }

    /// The answer is fed, or why not to its end.
    fn end(&mut self, fed: Result<Arc<Head>, FillFailed>) {
        match fed {
            Ok(head) => self.keep(&head),
            Err(why) => self.fail(&why),
        }
    }

    fn judge<R: Body>(&self, response: &Response<R>, delay: Duration) -> Verdict {
        let status = response.status();
        if status != StatusCode::NOT_MODIFIED || !matches!(self.question, Some(Question::Leader)) {
            return self.judge_as(status, response, delay);
        }
        match self.judge_as(StatusCode::OK, response, delay) {
            Verdict::Shared(sharing) => Verdict::Shared(sharing.of_conditions()),
            unshared @ Verdict::Unshared(_) => unshared,
        }
    }

    fn judge_as<R: Body>(&self, status: StatusCode, response: &Response<R>, delay: Duration) -> Verdict {
        let length = content_length(response.headers()).or_else(|| response.body().size_hint().exact());
        verdict::judge(
            &self.table.policy(),
            self.flight.request.contains_key(header::AUTHORIZATION),
            status,
            response.headers(),
            length,
            Arrival { now: SystemTime::now(), delay },
        )
    }

    fn hand_over<R>(&mut self, why: Unshared, response: Response<R>)
    where
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        self.ended = true;
        self.unshare(why);
        self.flight.hand_over(why, response.map(CacheBody::own));
    }

    fn unshare(&self, why: Unshared) {
        self.remove_outdated();
        if why.is_remembered() && !self.spares {
            self.table.remember_unshared(&self.flight);
        } else {
            self.table.detach(&self.flight);
        }
    }

    /// Removes what is stored where the answer, which is not stored, shows that it is outdated, fresh or not.
    fn remove_outdated(&self) {
        if let Some(variant) = &self.outdated {
            self.table.remove(variant);
        }
    }

    /// Gives the flight the head of an answer that is shared.
    fn begin(&self, parts: Parts, sharing: Sharing) -> Arc<Head> {
        if !sharing.late_joins {
            self.displace();
        }
        let head = Arc::new(Head::new(parts, sharing, &self.flight.request, self.validated));
        self.flight.ready(Arc::clone(&head));
        head
    }

    /// Gives it a part of the body. True: with that the body is too long to be held.
    fn take(&self, chunk: Bytes) -> Result<bool, FillFailed> {
        match self.flight.push(chunk) {
            Pushed::Held => Ok(false),
            Pushed::Overflowed => {
                self.unshare(Unshared::TooLarge);
                Ok(true)
            }
            Pushed::Ended => Err(FillFailed::Abandoned),
        }
    }

    /// Tells it that this was all of the body.
    fn seal(&self, head: Arc<Head>, trailers: Option<HeaderMap>) -> Result<Arc<Head>, FillFailed> {
        let received = self.flight.received();
        match head.length {
            Some(declared) if declared != received => Err(FillFailed::WrongLength { declared, received }),
            _ => {
                self.flight.seal(trailers);
                Ok(head)
            }
        }
    }

    /// The body is complete: stores the answer, where it is to be stored.
    fn keep(&mut self, head: &Head) {
        self.ended = true;
        let stored = self
            .flight
            .whole()
            .and_then(|(chunks, trailers)| Stored::new(&self.flight, head, &chunks, trailers));
        match stored {
            Some(stored) => self.table.store(&self.flight, stored),
            None => self.displace(),
        }
    }

    /// Detaches the flight, whose answer is not stored. What was stored before it goes, unless the answer
    /// is a failure.
    fn displace(&self) {
        self.remove_outdated();
        if self.spares {
            self.table.detach(&self.flight);
        } else {
            self.table.supersede(&self.flight);
        }
    }

    /// Ends the flight without an answer. First in the table, so that who comes now finds the failure
    /// rather than a key without a flight.
    fn fail(&mut self, why: &FillFailed) {
        self.ended = true;
        if matches!(why, FillFailed::Abandoned | FillFailed::TooSlow) {
            self.table.detach(&self.flight);
        } else {
            self.table.remember_failure(&self.flight, why);
        }
        if self.flight.fail(why.clone()) {
            self.table.metrics.fill_failed.inc();
            debug!(error = %why, "A load failed.");
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        if !self.ended {
            self.fail(&FillFailed::Died);
        }
    }
}
