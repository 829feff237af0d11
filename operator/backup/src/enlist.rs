//! The last step of a backup: its manifest is written, which makes it one, and read again.

use bytes::Bytes;

use crate::{
    Error,
    history::backup,
    layout,
    manifest::{self, Manifest},
    place::Place,
};

/// What there is now under a backup's name.
pub(crate) enum Enlisted {
    /// It.
    Own(Manifest),
    /// Another backup, which was there before.
    Other(Manifest),
    /// Nothing, and nothing comes any more: its data is of no use.
    Refused(Error),
    /// Nobody can tell; it may be there, or come to be there yet, so its data has to stay.
    Unclear(Error),
}

/// Writes a manifest unless there is one of this name.
///
/// What the place answers to that is not enough to go by. An answer that is lost, and asked for again, says that somebody else
/// has written it; a failure may come behind the write; and not every server heeds the condition that it is not there yet.
/// So it is read again whatever came of it.
pub(crate) async fn enlist(place: &impl Place, manifest: Manifest) -> Enlisted {
    let object = layout::manifest(&manifest.name);
    let created = place.create(&object, Bytes::from(manifest::write(&manifest))).await;
    match (backup(place, &manifest.name).await, created) {
        (Ok(Some(there)), _) if there.snapshot == manifest.snapshot => Enlisted::Own(manifest),
        (Ok(Some(there)), _) => Enlisted::Other(there),
        (Err(Error::Place(_)), Ok(true)) => Enlisted::Own(manifest),
        (Ok(None), Err(error)) if error.is_refusal() => Enlisted::Refused(error.into()),
        (_, Err(error)) => Enlisted::Unclear(error.into()),
        (Err(error), Ok(_)) => Enlisted::Unclear(error),
        (Ok(None), Ok(_)) => Enlisted::Unclear(Error::Vanished { object: place.url(&object) }),
    }
}

/// Finds that the data of a backup is there.
///
/// # Errors
/// [`Error::Vanished`] when it is not.
pub(crate) async fn find_data(place: &impl Place, manifest: &Manifest) -> Result<(), Error> {
    let folder = layout::folder(&manifest.name);
    let data = format!("{folder}/{}", manifest.snapshot);
    let objects = place.list(&format!("{folder}/")).await?;
    if objects.iter().any(|object| object.name == data) {
        return Ok(());
    }
    Err(Error::Vanished { object: place.url(&data) })
}
