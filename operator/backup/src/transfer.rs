//! What a server sends, as an object: streamed to the destination, looked at on the way, and read again.

use std::io;

use kivi_api::client::Copy;
use kivi_store::Damage;

use crate::{
    Error,
    inspected::{Digested, Digester, Fed, Inspector, inspect},
    place::{Place, Upload},
};

/// Streams what comes to an object, while `read` reads it to its end. There is an object only if that finds it whole.
pub(crate) async fn send<T: Send + 'static>(
    place: &impl Place,
    mut copy: Copy,
    object: &str,
    read: fn(Fed) -> Result<T, Damage>,
) -> Result<(T, Digested), Error> {
    let mut upload = place.begin(object).await?;
    let (inspector, mut digester) = (Inspector::new(read), Digester::default());
    let sent = loop {
        let part = match copy.next().await {
            Ok(Some(part)) => part,
            Ok(None) => break Ok(()),
            Err(source) => break Err(Error::Server { doing: "get all that the server has to send", source }),
        };
        digester.add(&part);
        inspector.feed(part.clone()).await;
        if let Err(error) = upload.push(part).await {
            break Err(error.into());
        }
    };
    let read = match sent {
        Ok(()) => inspector.end().await?.map_err(|damage| Error::Sent(damage.to_string())),
        Err(error) => {
            // What the reader says of a half is no news.
            drop(inspector.break_off(io::Error::other("it breaks off")).await?);
            Err(error)
        }
    };
    match read {
        Ok(read) => {
            upload.finish().await?;
            Ok((read, digester.end()))
        }
        Err(error) => {
            upload.abandon().await;
            Err(error)
        }
    }
}

/// Reads what was written: a destination that loses or changes something is to be known now, not when it is needed.
pub(crate) async fn read_again<T: Send + 'static>(
    place: &impl Place,
    object: &str,
    written: &Digested,
    read: fn(Fed) -> Result<T, Damage>,
) -> Result<(), Error> {
    let parts = place.open(object).await?;
    let parts = parts.ok_or_else(|| Error::Vanished { object: place.url(object) })?;
    let (read, digested) = inspect(parts, read).await?;
    let reason = match read {
        Err(damage) => damage.to_string(),
        Ok(_) if digested != *written => "its digest is another one".to_owned(),
        Ok(_) => return Ok(()),
    };
    Err(Error::NotKept { object: place.url(object), reason })
}

/// Removes an object that is of no use. What stays is removed by a later run.
pub(crate) async fn discard(place: &impl Place, object: &str) {
    if let Err(error) = place.remove(object).await {
        tracing::warn!(%error, "Could not remove what is of no use.");
    }
}
