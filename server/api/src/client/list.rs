//! Lists, page by page.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::range::Query;
use super::{Client, ClientError, KeyRange};
use crate::wire::{self, Entry};
use crate::{key, parameter};

/// Large enough that asking is not what takes the time, small enough to be held.
const PAGE: u64 = 1000;

/// Options of [`Client::list`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Which keys.
    pub range: KeyRange,
    /// The last key first.
    pub reverse: bool,
    /// Without values.
    pub keys_only: bool,
    /// How many keys a page has at most, up to 10,000. Default 1000; the server ends a page of large values early.
    pub page: Option<u64>,
}

/// A list that is being read. All of it shows one revision, whatever is written meanwhile.
#[derive(Debug)]
pub struct List {
    client: Client,
    options: ListOptions,
    next: Next,
    /// Of the last page, what [`List::next`] has not given out.
    rest: VecDeque<Entry>,
    revision: Option<u64>,
}

#[derive(Debug)]
enum Next {
    First,
    Behind(String),
    Nothing,
}

impl List {
    pub(super) fn new(client: Client, options: ListOptions) -> Self {
        Self { client, options, next: Next::First, rest: VecDeque::new(), revision: None }
    }

    /// The next key; `None` behind the last one.
    ///
    /// # Errors
    /// As [`List::next_page`].
    pub async fn next(&mut self) -> Result<Option<Entry>, ClientError> {
        while self.rest.is_empty() {
            match self.next_page().await? {
                Some(page) => self.rest = page.into(),
                None => return Ok(None),
            }
        }
        Ok(self.rest.pop_front())
    }

    /// The next page, which may be empty; `None` behind the last one. After an error, the same page is asked for again.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 410 when so much was written since the first page that the server no longer
    /// knows its revision: begin again. See [`ClientError`] for the rest.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Entry>>, ClientError> {
        let mut query = Query::of(key::PREFIX);
        self.options.range.write(&mut query);
        query.flag(parameter::REVERSE, self.options.reverse);
        query.flag(parameter::KEYS_ONLY, self.options.keys_only);
        query.bytes(parameter::LIMIT, self.options.page.unwrap_or(PAGE).to_string().as_bytes());
        match &self.next {
            Next::First => {}
            Next::Behind(cursor) => query.bytes(parameter::CURSOR, cursor.as_bytes()),
            Next::Nothing => return Ok(None),
        }
        let path = query.into_path();
        let answer = self.client.expect(Method::GET, &path, HeaderMap::new(), Bytes::new()).await?;
        let page: wire::List = self.client.read_json(&Method::GET, &path, answer.body())?;
        self.revision = Some(page.revision);
        self.next = page.cursor.map_or(Next::Nothing, Next::Behind);
        Ok(Some(page.entries))
    }

    /// The revision that the list shows, once there was a page: where a watch goes on.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }
}
