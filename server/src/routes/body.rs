//! Request bodies, read whole up to a limit.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How long a client may pause within its body. Without a bound a few thousand silent ones would hold all
/// connections for ever.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client broke off, or broke the framing.
    Broken,
    /// Nothing came for [`STALL`].
    Stalled,
}

/// Reads a body of at most `limit` bytes. Stops at the limit, and before the first byte when the client
/// says at once that it will send more. A body that arrived in one piece is not copied.
pub(crate) async fn read<B>(mut body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge);
    }
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(frame) = timeout(STALL, body.frame()).await.map_err(|_| BodyError::Stalled)? {
        // Trailers are not part of the value.
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if data.len() > limit - first.len() - whole.len() {
            return Err(BodyError::TooLarge);
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
    Ok(if whole.is_empty() { first } else { Bytes::from(whole) })
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
