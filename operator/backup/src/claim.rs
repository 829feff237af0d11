//! Whose a destination is. The first store that writes there claims it; no other one ever writes there unnoticed.

use bytes::Bytes;
use kivi_store::StoreId;

use crate::{
    Error, layout,
    manifest::{self, Claim, FORMAT},
    place::Place,
};

/// Claims a place for a store, or finds that it is its own.
///
/// # Errors
/// [`Error::Foreign`] when it is another store's.
pub async fn claim(place: &impl Place, store_id: StoreId) -> Result<(), Error> {
    if let Some(owner) = owner(place).await? {
        return compare(place, store_id, owner);
    }
    let bytes = manifest::write(&Claim { format: FORMAT, store_id });
    place.create(layout::CLAIM, Bytes::from(bytes)).await?;
    // Read again whatever came of it: another store may have been faster, and not every server heeds the condition that it
    // is not there yet.
    match owner(place).await? {
        Some(owner) => compare(place, store_id, owner),
        None => Err(Error::Vanished { object: place.url(layout::CLAIM) }),
    }
}

/// Whose a place is; `None`: nobody's so far.
///
/// # Errors
/// When that can't be read.
pub async fn owner(place: &impl Place) -> Result<Option<StoreId>, Error> {
    let Some(bytes) = place.read(layout::CLAIM).await? else { return Ok(None) };
    let read = manifest::read(&bytes).map(|claim: Claim| Some(claim.store_id));
    read.map_err(|reason| Error::Unreadable { object: place.url(layout::CLAIM), reason })
}

fn compare(place: &impl Place, store_id: StoreId, owner: StoreId) -> Result<(), Error> {
    if owner == store_id {
        return Ok(());
    }
    Err(Error::Foreign { destination: place.url(""), owner, store_id })
}
