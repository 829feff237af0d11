//! The bounds that a request meets, out of the settings: so long, so many in flight, so many a second. They can be replaced
//! while requests pass.

use std::{num::NonZeroU32, time::Duration};

use kivi_layers::{
    shed::ShedLayer,
    throttle::{By, OnExcess, Rate, ThrottleLayer},
    timeout::TimeoutLayer,
};
use kivi_settings::{self as settings, SidecarSettings, ThrottleSettings};

use crate::peer::peer;

/// The bounds; a clone is the same ones.
#[derive(Debug, Clone)]
pub struct Gates {
    pub(crate) timeout: TimeoutLayer,
    pub(crate) shed: ShedLayer,
    pub(crate) throttle: ThrottleLayer,
}

impl Gates {
    /// As `sidecar.timeouts.request`, `sidecar.maxInFlight` and `sidecar.throttle` say.
    pub fn new(settings: &SidecarSettings) -> Self {
        Self {
            timeout: TimeoutLayer::new(settings.timeouts.request.get()),
            shed: ShedLayer::new(places(settings.max_in_flight)),
            throttle: throttle(&settings.throttle),
        }
    }

    pub(crate) fn set_timeout(&self, time: Duration) {
        self.timeout.set_limit(time);
    }

    pub(crate) fn set_max_in_flight(&self, number: i32) {
        self.shed.set_limit(places(number));
    }

    pub(crate) fn set_throttle(&self, settings: &ThrottleSettings) {
        self.throttle.replace(&throttle(settings));
    }
}

fn places(number: i32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn throttle(settings: &ThrottleSettings) -> ThrottleLayer {
    let number = |value: Option<i32>| NonZeroU32::new(u32::try_from(value?).ok()?);
    let Some(per_second) = number(settings.rate) else {
        return ThrottleLayer::unlimited();
    };
    let rate = Rate::new(per_second, number(settings.burst).unwrap_or(per_second));
    let by = match settings.by {
        settings::ThrottleBy::Client => By::Client,
        settings::ThrottleBy::Store => By::Store,
    };
    let on_excess = match settings.on_excess {
        settings::OnExcess::Reject => OnExcess::Reject,
        settings::OnExcess::Delay => OnExcess::Delay,
    };
    ThrottleLayer::new(rate, by, on_excess, peer)
}
