//! The scenarios, and how one is run.

use shuttle::{Config, Runner, scheduler::Scheduler};

use crate::{flights, writes};

/// What is run, and under how many schedules of each of the three kinds.
pub(crate) const ALL: &[(&str, fn(), usize)] = &[
    ("one_load_for_all_who_ask", flights::one_load_for_all_who_ask, 300),
    ("readers_leave_at_any_time", flights::readers_leave_at_any_time, 300),
    ("nobody_left_cancels_the_load", flights::nobody_left_cancels_the_load, 300),
    ("the_load_dies_at_any_time", flights::the_load_dies_at_any_time, 300),
    ("the_upstream_breaks_off", flights::the_upstream_breaks_off, 300),
    ("a_body_passes_through_a_window", flights::a_body_passes_through_a_window, 300),
    ("an_answer_for_one_request", flights::an_answer_for_one_request, 300),
    ("a_vary_learned_late", flights::a_vary_learned_late, 300),
    ("memory_is_accounted_for", flights::memory_is_accounted_for, 300),
    ("a_key_is_written", writes::a_key_is_written, 400),
    ("a_kept_key_is_written", writes::a_kept_key_is_written, 400),
    ("a_stale_key_is_written", writes::a_stale_key_is_written, 400),
    ("a_stale_listing_is_written", writes::a_stale_listing_is_written, 400),
    ("a_listing_is_written", writes::a_listing_is_written, 700),
    ("a_post_writes_any_key", writes::a_post_writes_any_key, 700),
    ("clients_and_loads_die", writes::clients_and_loads_die, 600),
];

/// Runs a scenario under the schedules of a scheduler.
pub(crate) fn run(scheduler: impl Scheduler + 'static, scenario: fn()) {
    let mut config = Config::new();
    // Unoptimised futures are large.
    config.stack_size = 512 << 10;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scenario);
}
