//! Request bodies, read whole up to a limit, and only as many at a time as there is room for: a store's memory is bounded
//! by what it holds, and a thousand clients that send a value at the same time must not get around that.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a client may pause within its body. Without a bound a few thousand silent ones would hold all
/// connections for ever.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// How much of bodies there may be at a time, from their first bytes until the write is answered. A larger one takes all.
pub(crate) const ROOM_BYTES: usize = 32 << 20;
/// A body up to this asks for no room: a connection has buffers of that order anyway.
const FREE_BYTES: usize = 8 << 10;
/// What one permit of the room stands for, in bytes.
const PERMIT_BYTES: usize = 1 << 10;

/// One for the process, as its memory is one.
static ROOM: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(ROOM_BYTES / PERMIT_BYTES)));

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client broke off, or broke the framing.
    Broken,
    /// Nothing came for [`STALL`].
    Stalled,
    /// Others took all the room for [`STALL`].
    NoRoom,
}

/// Reads a body of at most `limit` bytes. Stops at the limit, and before the first byte when the client
/// says at once that it will send more. A body that arrived in one piece is not copied.
///
/// A body that needs room keeps it until the returned bytes are dropped.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    read_into(&ROOM, body, limit).await
}

async fn read_into<B>(room: &Arc<Semaphore>, mut body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge);
    }
    // All of it is taken before more is read, so that those who wait for room keep none from each other. Without a
    // length it may become as long as is allowed.
    let most = if body.size_hint().exact().is_some() { announced } else { limit };
    let mut place = if announced > FREE_BYTES { Some(take(room, most).await?) } else { None };
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(data) = next(&mut body).await? {
        if data.len() > limit - first.len() - whole.len() {
            return Err(BodyError::TooLarge);
        }
        if place.is_none() && first.len() + whole.len() + data.len() > FREE_BYTES {
            place = Some(take(room, most).await?);
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.reserve_exact(announced.max(first.len() + data.len()));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    let bytes = if whole.is_empty() { first } else { Bytes::from(whole) };
    Ok(match place {
        Some(place) => Bytes::from_owner(Placed { bytes, _place: place }),
        None => bytes,
    })
}

/// The next piece, which may be empty; `None` at the end.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let Some(frame) = timeout(STALL, body.frame()).await.map_err(|_| BodyError::Stalled)? else {
        return Ok(None);
    };
    // Trailers are not part of the value.
    Ok(Some(frame.map_err(|_| BodyError::Broken)?.into_data().unwrap_or_default()))
}

async fn take(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
    let permits = u32::try_from(bytes.min(ROOM_BYTES).div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
    let taken = timeout(STALL, Arc::clone(room).acquire_many_owned(permits)).await;
    // It is never closed.
    taken.ok().and_then(Result::ok).ok_or(BodyError::NoRoom)
}

/// A body with its place in the room.
struct Placed {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn chunks(chunks: &[&'static str]) -> impl Body<Data = Bytes> + Send + Unpin + 'static {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        StreamBody::new(futures::stream::iter(frames))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_but_not_stand_still() {
        use futures::StreamExt;
        let slow = futures::stream::iter(["a", "b", "c"]).then(async |chunk| {
            tokio::time::sleep(STALL * 9 / 10).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk.as_bytes())))
        });
        assert_eq!(read(StreamBody::new(Box::pin(slow)), 4).await, Ok(Bytes::from("abc")));
        let silent = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        assert_eq!(read(StreamBody::new(silent), 4).await, Err(BodyError::Stalled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_waits_for_room_and_keeps_it_as_long_as_it_is_needed() {
        const LARGE: usize = ROOM_BYTES / 2;
        let room = Arc::new(Semaphore::new(ROOM_BYTES / PERMIT_BYTES));
        let large = || Full::from(vec![7; LARGE]);
        let one = read_into(&room, large(), LARGE).await.unwrap();
        // A body that is refused gives its place back.
        let broken = futures::stream::iter([Ok(Frame::data(Bytes::from(vec![0; LARGE]))), Err("gone")]);
        assert_eq!(read_into(&room, StreamBody::new(broken), LARGE).await, Err(BodyError::Broken));
        let two = read_into(&room, large(), LARGE).await.unwrap();
        assert_eq!(read_into(&room, large(), LARGE).await, Err(BodyError::NoRoom));
        let length_unknown = chunks(&["more than is free"; FREE_BYTES / 16]);
        assert_eq!(read_into(&room, length_unknown, LARGE).await, Err(BodyError::NoRoom));
        let small = vec![7; FREE_BYTES];
        assert_eq!(read_into(&room, Full::from(small.clone()), LARGE).await, Ok(Bytes::from(small)));
        let copy = two.clone();
        drop(two);
        let waits = tokio::spawn({
            let room = Arc::clone(&room);
            async move { read_into(&room, large(), LARGE).await }
        });
        tokio::time::sleep(STALL / 2).await;
        drop(copy);
        assert_eq!(waits.await.unwrap().unwrap().len(), LARGE);
        drop(one);
        // More than all the room there is: alone.
        let huge = vec![7; ROOM_BYTES + 1];
        let held = read_into(&room, Full::from(huge), ROOM_BYTES + 1).await.unwrap();
        assert_eq!((held.len(), room.available_permits()), (ROOM_BYTES + 1, 0));
        drop(held);
        assert_eq!(room.available_permits(), ROOM_BYTES / PERMIT_BYTES);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_not_beyond() {
        for (sent, expected) in [
            (&["ab", "", "cd"][..], Ok("abcd")),
            (&["", "abcd"], Ok("abcd")),
            (&["a", "b", "c", "d"], Ok("abcd")),
            (&["abcde"], Err(BodyError::TooLarge)),
            (&["ab", "cde"], Err(BodyError::TooLarge)),
            (&["abcd", "e"], Err(BodyError::TooLarge)),
            (&[], Ok("")),
        ] {
            assert_eq!(read(chunks(sent), 4).await, expected.map(Bytes::from), "{sent:?}");
        }
        assert_eq!(read(Full::from("abcde"), 4).await, Err(BodyError::TooLarge));
        assert_eq!(read(Full::from("abcd"), 4).await, Ok(Bytes::from("abcd")));
    }
}
