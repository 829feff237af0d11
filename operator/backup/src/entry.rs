//! One entry of a log, which tells two pasts of one store apart: a log that went back and on again has the same revisions, and
//! other entries.

use kivi_api::client::Copy;
use kivi_store::{Change, Damage, Effect, ExcerptReader, LogEntry, Record, Remembered};

use crate::{
    Error,
    inspected::{Digester, Inspector},
    server::{Log, Server},
};

/// The digest of the entry that made a revision; `None` where the log has it no more.
pub(crate) async fn at(server: &Server, revision: u64) -> Result<Option<String>, Error> {
    let Some(before) = revision.checked_sub(1) else { return Ok(None) };
    match server.log(before).await? {
        Log::Copy(copy) => first(*copy).await,
        Log::Compacted | Log::Ahead => Ok(None),
    }
}

/// The digest of the first entry of what a server sends; the rest is not read.
pub(crate) async fn first(mut copy: Copy) -> Result<Option<String>, Error> {
    let inspector = Inspector::new(|source| -> Result<_, Damage> {
        let entries = ExcerptReader::new(source)?.read()?.unwrap_or_default();
        Ok(entries.first().map(digest))
    });
    while !inspector.has_ended() {
        let part = copy.next().await;
        match part.map_err(|source| Error::Server { doing: "get an entry of the store's log", source })? {
            Some(part) => inspector.feed(part).await,
            None => break,
        }
    }
    inspector.end().await?.map_err(|damage| Error::Sent(damage.to_string()))
}

/// SHA-256 of all that an entry says, in hexadecimal digits. It is kept in manifests, so it stays as it is.
pub(crate) fn digest(entry: &LogEntry) -> String {
    let LogEntry { sequence, record: Record { written_ms, changes, remembered } } = entry;
    let mut digester = Digester::default();
    for number in [*sequence, *written_ms, changes.len() as u64] {
        digester.add(&number.to_le_bytes());
    }
    for Change { key, effect } in changes {
        text(&mut digester, key);
        match effect {
            Effect::Put { value, media_type, expires_ms } => {
                digester.add(&[0, u8::from(media_type.is_some()), u8::from(expires_ms.is_some())]);
                text(&mut digester, value);
                text(&mut digester, media_type.as_deref().unwrap_or_default().as_bytes());
                digester.add(&expires_ms.unwrap_or_default().to_le_bytes());
            }
            Effect::Delete => digester.add(&[1]),
            Effect::Expire => digester.add(&[2]),
        }
    }
    if let Some(Remembered { id, fingerprint, existed }) = remembered.as_deref() {
        text(&mut digester, id);
        digester.add(fingerprint);
        let existed: Vec<u8> = existed.iter().map(|existed| u8::from(*existed)).collect();
        text(&mut digester, &existed);
    }
    digester.end().sha256
}

/// Bytes of any length, so that what follows is told from them.
fn text(digester: &mut Digester, bytes: &[u8]) {
    digester.add(&(bytes.len() as u64).to_le_bytes());
    digester.add(bytes);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn put(value: &'static str, media_type: Option<&str>) -> LogEntry {
        let effect =
            Effect::Put { value: value.into(), media_type: media_type.map(Into::into), expires_ms: None };
        LogEntry { sequence: 7, record: Record::of(Bytes::from_static(b"k"), 5, effect) }
    }

    #[test]
    fn entries_that_differ_in_anything_have_other_digests_and_these_stay() {
        let entry = put("v", None);
        assert_eq!(digest(&entry), "c3268f525c69f8549813de7961d0f7afda23e2bbae38d72f771477f8c728b4cf");
        let mut others = vec![put("w", None), put("", Some("v")), put("v", Some(""))];
        others.push(LogEntry { sequence: 8, ..entry.clone() });
        others.push(LogEntry { record: Record { written_ms: 6, ..entry.record.clone() }, ..entry.clone() });
        for effect in [Effect::Delete, Effect::Expire] {
            others
                .push(LogEntry { record: Record::of(Bytes::from_static(b"k"), 5, effect), ..entry.clone() });
        }
        let remembered = Remembered { id: "r".into(), fingerprint: [1; 16], existed: [true].into() };
        let record = Record { remembered: Some(Box::new(remembered)), ..entry.record.clone() };
        others.push(LogEntry { record, ..entry.clone() });
        others.push(entry);
        let digests: std::collections::HashSet<_> = others.iter().map(digest).collect();
        assert_eq!(digests.len(), others.len());
    }
}
