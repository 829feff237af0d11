use proptest::prelude::*;

use super::*;

/// Bytes of a test's unit of length, more than a chunk weighs at least.
const UNIT: usize = 100;
const LIMIT: u64 = 10 * UNIT as u64;

fn ready() -> (Machine<&'static str>, SeatId) {
    let (mut machine, seat) = Machine::new(LIMIT);
    machine.ready("head");
    (machine, seat)
}

fn chunk(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length * UNIT])
}

fn is_chunk(next: &(Next, bool)) -> bool {
    matches!(next.0, Next::Chunk(_))
}

#[test]
fn a_reader_gets_the_chunks_then_the_end() {
    let (mut machine, seat) = ready();
    assert!(matches!(machine.next(seat).0, Next::Pending));
    machine.push(chunk(3));
    assert!(is_chunk(&machine.next(seat)));
    assert!(matches!(machine.next(seat).0, Next::Pending));
    machine.seal(None);
    assert!(machine.is_at_end(seat));
    assert!(matches!(machine.next(seat).0, Next::End(None)));
}

#[test]
fn a_load_for_the_store_goes_on_without_readers_as_long_as_it_fits() {
    let mut machine = Machine::kept(LIMIT);
    let seat = machine.sit().unwrap();
    assert_eq!(machine.rise(seat), Left::Running);
    machine.ready("head");
    machine.push(chunk(3));
    assert!(matches!(machine.phase(), Phase::Ready("head")));
    assert_eq!(machine.push(chunk(8)), Pushed::Overflowed);
    assert_eq!(machine.push(chunk(1)), Pushed::Ended);

    let mut machine = Machine::kept(LIMIT);
    let seat = machine.sit().unwrap();
    machine.ready("head");
    machine.push(chunk(11));
    assert_eq!(machine.rise(seat), Left::Nobody, "too large for the store");
}

#[test]
fn seats_are_as_many_as_there_were_readers_at_once() {
    let (mut machine, _leader) = ready();
    for _ in 0..10_000 {
        let seats = [(); 3].map(|()| machine.sit().unwrap());
        assert!(seats.iter().all(|seat| seat.index() < 4));
        for seat in seats {
            machine.rise(seat);
        }
    }
}

#[test]
fn an_end_is_final() {
    let (mut machine, seat) = ready();
    assert!(machine.fail(FillFailed::Died));
    assert!(!machine.fail(FillFailed::TooSlow));
    machine.seal(None);
    assert_eq!(machine.push(chunk(1)), Pushed::Ended);
    assert!(matches!(machine.next(seat).0, Next::Failed(FillFailed::Died)));
    assert!(machine.sit().is_none());

    let (mut machine, _) = ready();
    machine.seal(None);
    assert!(!machine.fail(FillFailed::Died));
    assert!(matches!(machine.phase(), Phase::Sealed("head")));
}

#[test]
fn the_last_to_leave_a_load_ends_it_and_a_sealed_one_goes_on() {
    let (mut machine, seat) = ready();
    let other = machine.sit().unwrap();
    assert_eq!(machine.rise(seat), Left::Running);
    assert_eq!(machine.rise(other), Left::Nobody);
    assert!(machine.sit().is_none());

    let (mut machine, seat) = ready();
    machine.seal(None);
    assert_eq!(machine.rise(seat), Left::Running);
    assert!(machine.sit().is_some());
}

#[test]
fn an_answer_for_one_request_takes_no_new_reader() {
    let (mut machine, _) = Machine::<()>::new(LIMIT);
    assert!(machine.unshared());
    assert!(machine.sit().is_none());
    assert!(!machine.unshared());
}

#[test]
fn a_body_over_the_limit_becomes_a_window_of_what_the_slowest_has_not_read() {
    let (mut machine, slow) = ready();
    let fast = machine.sit().unwrap();
    assert_eq!(machine.push(chunk(6)), Pushed::Held);
    assert!(is_chunk(&machine.next(fast)));
    assert_eq!(machine.push(chunk(6)), Pushed::Overflowed);
    assert!(machine.is_full() && machine.sit().is_none());
    assert!(is_chunk(&machine.next(fast)));
    assert!(machine.is_full(), "the slow one has read nothing");
    let (next, room) = machine.next(slow);
    assert!(matches!(next, Next::Chunk(_)) && room);
    assert!(!machine.is_full());
    machine.seal(None);
    assert!(machine.whole().is_none());
    assert!(is_chunk(&machine.next(slow)));
    assert!(matches!(machine.next(slow).0, Next::End(None)));
}

#[test]
fn the_slowest_can_be_cut_off_and_the_others_go_on() {
    let (mut machine, slow) = ready();
    let fast = machine.sit().unwrap();
    machine.push(chunk(11));
    assert!(is_chunk(&machine.next(fast)));
    assert!(machine.cut_slowest());
    assert!(!machine.is_full());
    assert!(matches!(machine.next(slow).0, Next::Failed(FillFailed::TooSlow)));
    machine.push(chunk(1));
    assert!(is_chunk(&machine.next(fast)));
    assert_eq!(machine.rise(slow), Left::Running);
    assert_eq!(machine.rise(fast), Left::Nobody);
}

#[test]
fn a_body_in_crumbs_is_held_within_the_limit_too() {
    let (mut machine, seat) = ready();
    for _ in 0..1000 {
        assert_eq!(machine.push(Bytes::new()), Pushed::Held);
    }
    assert!(machine.chunks.is_empty(), "nothing to hold");
    let crumb = || Bytes::from_static(b"x");
    let held = std::iter::repeat_with(|| machine.push(crumb())).take_while(|pushed| *pushed == Pushed::Held);
    assert_eq!(held.count() as u64, LIMIT / LEAST_WEIGHT as u64);
    assert!(machine.is_full());
    assert!(is_chunk(&machine.next(seat)) && is_chunk(&machine.next(seat)));
    assert!(!machine.is_full());
    let mut rest = 0;
    while is_chunk(&machine.next(seat)) {
        rest += 1;
    }
    assert_eq!((machine.held, rest + 2), (0, machine.received()));
}

#[test]
fn a_load_does_not_go_on_for_one_that_is_cut_off() {
    let (mut machine, slow) = ready();
    let fast = machine.sit().unwrap();
    machine.push(chunk(11));
    assert!(is_chunk(&machine.next(fast)));
    assert!(machine.cut_slowest());
    assert_eq!(machine.rise(fast), Left::Nobody);
    assert!(matches!(machine.next(slow).0, Next::Failed(FillFailed::TooSlow)));
    assert_eq!(machine.rise(slow), Left::Running);
}

#[test]
fn cutting_off_everybody_ends_the_flight() {
    let (mut machine, _) = ready();
    machine.push(chunk(11));
    assert!(!machine.cut_slowest());
    assert!(matches!(machine.phase(), Phase::Failed(FillFailed::TooSlow)));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Sit,
    Rise(usize),
    Read(usize),
    Push(usize),
    Cut,
    Seal,
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Sit),
        2 => any::<usize>().prop_map(Step::Rise),
        8 => any::<usize>().prop_map(Step::Read),
        8 => (UNIT..6 * UNIT).prop_map(Step::Push),
        1 => Just(Step::Cut),
        1 => Just(Step::Seal),
        1 => Just(Step::Fail),
    ]
}

proptest! {
    /// Whatever happens, a reader reads a prefix of the body; it sees an end only at the body's own; and
    /// no more is held than the limit and one chunk, when the loader stops while it is full.
    #[test]
    fn readers_read_prefixes_and_memory_is_bounded(steps in prop::collection::vec(step(), 0..300)) {
        let (mut machine, leader) = ready();
        let mut readers = vec![(leader, 0_usize)];
        let mut body = Vec::new();
        let mut sealed = false;
        for step in steps {
            match step {
                Step::Sit => readers.extend(machine.sit().map(|seat| (seat, 0))),
                Step::Rise(index) if !readers.is_empty() => {
                    let (seat, _) = readers.swap_remove(index % readers.len());
                    let was_loading = machine.is_loading();
                    let left = machine.rise(seat);
                    prop_assert_eq!(
                        left == Left::Nobody,
                        was_loading && matches!(machine.phase(), Phase::Failed(FillFailed::Abandoned)),
                    );
                }
                Step::Read(index) if !readers.is_empty() => {
                    let index = index % readers.len();
                    let (seat, read) = &mut readers[index];
                    match machine.next(*seat).0 {
                        Next::Chunk(chunk) => {
                            prop_assert_eq!(&chunk[..], &body[*read..*read + chunk.len()]);
                            *read += chunk.len();
                        }
                        Next::End(_) => prop_assert!(sealed && *read == body.len()),
                        Next::Failed(_) | Next::Pending => {}
                    }
                }
                Step::Push(length) if !machine.is_full() => {
                    let start = body.len();
                    let chunk: Vec<u8> = (start..start + length).map(|byte| byte.to_le_bytes()[0]).collect();
                    if machine.push(Bytes::from(chunk.clone())) != Pushed::Ended {
                        body.extend(chunk);
                    }
                    prop_assert!(machine.held < LIMIT + 6 * UNIT as u64);
                }
                Step::Cut if machine.is_full() => drop(machine.cut_slowest()),
                Step::Seal => {
                    machine.seal(None);
                    sealed |= matches!(machine.phase(), Phase::Sealed(_));
                }
                Step::Fail => drop(machine.fail(FillFailed::Died)),
                _ => {}
            }
            let held: u64 = machine.chunks.iter().map(|chunk| chunk.len() as u64).sum();
            prop_assert_eq!(held, machine.held);
        }
    }
}
