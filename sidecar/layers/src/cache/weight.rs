//! What stored answers take of the heap, allocation by allocation.
//!
//! Counted is what is asked of the allocator, and what it takes beside. A part that several answers share
//! (the resource of a listing's many entries) is counted for each of them: never too little.

use http::{HeaderMap, HeaderName};

/// What the allocator takes beside: eight bytes, and what rounding up to sixteen adds (glibc).
const ALLOCATION: usize = 16;
/// The counts beside a value that is shared.
const COUNTS: usize = 16;
/// What `bytes` keeps of a buffer that several share.
const SHARED_BUFFER: usize = 24;
/// A header in a [`HeaderMap`]: its name and value, and each further value.
const HEADER: usize = 104;
const FURTHER_VALUE: usize = 72;
/// A place in a [`HeaderMap`]'s index.
const INDEX: usize = 4;

/// A piece of memory.
pub(super) const fn allocation(bytes: usize) -> usize {
    bytes + ALLOCATION
}

/// A shared value.
pub(super) const fn shared(bytes: usize) -> usize {
    allocation(COUNTS + bytes)
}

/// A buffer that several share.
pub(super) const fn buffer(bytes: usize) -> usize {
    allocation(bytes) + allocation(SHARED_BUFFER)
}

/// Headers, without their values.
pub(super) fn headers(headers: &HeaderMap) -> usize {
    let places = headers.capacity();
    if places == 0 {
        return 0;
    }
    let indices = (places + places / 3).next_power_of_two();
    let further = match headers.len() - headers.keys_len() {
        0 => 0,
        further => allocation(further.next_power_of_two().max(4) * FURTHER_VALUE),
    };
    let names: usize = headers.keys().map(name).sum();
    allocation(places * HEADER) + allocation(indices * INDEX) + further + names
}

/// Headers, without their values, in a place of their own.
pub(super) fn boxed_headers(map: &HeaderMap) -> usize {
    allocation(size_of::<HeaderMap>()) + headers(map)
}

/// A header's name. A copy of a name that the standards have is at the same address: it takes nothing.
pub(super) fn name(name: &HeaderName) -> usize {
    let address = |name: &HeaderName| name.as_str().as_ptr();
    match HeaderName::from_bytes(name.as_str().as_bytes()) {
        Ok(copy) if address(&copy) == address(name) => 0,
        _ => buffer(name.as_str().len()),
    }
}
