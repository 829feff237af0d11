//! A place of which one operation fails, or never comes to an end.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use kivi_backup::place::{Bytestream, Folder, Object, Place, PlaceError, Upload};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What befalls an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trip {
    /// The volume is full.
    Full,
    /// It never ends, and is given up with everything around it: the process is killed there.
    Kill,
    /// It is done, and then the same.
    KillBehind,
    /// It is done, and the answer is lost.
    Lost,
    /// It is done, the answer is lost, and it is asked for again.
    Again,
    /// It waits until it is released.
    Hold,
    /// The answer is lost, and only then what was asked for is done.
    Late,
}

/// A folder whose operation of this number, counted from 1, meets with something.
#[derive(Clone)]
pub(crate) struct Faulty {
    folder: Folder,
    fault: Arc<Fault>,
}

struct Fault {
    at: u64,
    trip: Trip,
    count: AtomicU64,
    stopped: Notify,
    released: Notify,
    /// What is created behind its answer.
    late: Mutex<Option<(String, Bytes)>>,
}

impl Faulty {
    pub(crate) fn new(folder: &Folder, at: u64, trip: Trip) -> Self {
        let (count, stopped) = (AtomicU64::new(0), Notify::new());
        let fault = Fault { at, trip, count, stopped, released: Notify::new(), late: Mutex::new(None) };
        Self { folder: folder.clone(), fault: Arc::new(fault) }
    }

    /// Whether the operation ever came.
    pub(crate) fn tripped(&self) -> bool {
        self.fault.count.load(SeqCst) >= self.fault.at
    }

    /// Does what is done late.
    pub(crate) async fn land(&self) {
        let late = self.fault.late.lock().take();
        if let Some((name, bytes)) = late {
            self.folder.create(&name, bytes).await.unwrap();
        }
    }

    /// Comes when the process is killed, or waits.
    pub(crate) async fn stopped(&self) {
        self.fault.stopped.notified().await;
    }

    /// Lets what waits go on.
    pub(crate) fn release(&self) {
        self.fault.released.notify_one();
    }
}

impl Fault {
    /// Whether it befalls the operation that comes next.
    fn is_next(&self) -> bool {
        self.count.load(SeqCst) + 1 == self.at
    }

    async fn step<T>(&self, work: impl Future<Output = Result<T, PlaceError>>) -> Result<T, PlaceError> {
        if self.count.fetch_add(1, SeqCst) + 1 != self.at {
            return work.await;
        }
        match self.trip {
            Trip::Full => {
                return Err(PlaceError::Full { action: "write", url: "file:///full".to_owned() });
            }
            Trip::Lost => {
                work.await?;
                return Err(lost());
            }
            Trip::Late => return Err(lost()),
            // But for what is created, it is the same again.
            Trip::Again => return work.await,
            Trip::Hold => {
                self.stopped.notify_one();
                self.released.notified().await;
                return work.await;
            }
            Trip::Kill => {}
            Trip::KillBehind => drop(work.await),
        }
        self.stopped.notify_one();
        pending().await
    }
}

fn lost() -> PlaceError {
    let (url, answer) = ("file:///lost".to_owned(), "502".to_owned());
    PlaceError::Unavailable { action: "write", url, answer }
}

pub(crate) struct FaultyUpload {
    upload: <Folder as Place>::Upload,
    fault: Arc<Fault>,
}

impl Place for Faulty {
    type Upload = FaultyUpload;

    fn url(&self, name: &str) -> String {
        self.folder.url(name)
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, PlaceError> {
        self.fault.step(self.folder.list(folder)).await
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        self.fault.step(self.folder.read(name)).await
    }

    async fn open(&self, name: &str) -> Result<Option<Bytestream>, PlaceError> {
        self.fault.step(self.folder.open(name)).await
    }

    async fn create(&self, name: &str, bytes: Bytes) -> Result<bool, PlaceError> {
        let fault = &self.fault;
        match fault.trip {
            Trip::Late if fault.is_next() => *fault.late.lock() = Some((name.to_owned(), bytes.clone())),
            Trip::Again if fault.is_next() => drop(self.folder.create(name, bytes.clone()).await?),
            _ => {}
        }
        fault.step(self.folder.create(name, bytes)).await
    }

    async fn begin(&self, name: &str) -> Result<FaultyUpload, PlaceError> {
        let upload = self.fault.step(self.folder.begin(name)).await?;
        Ok(FaultyUpload { upload, fault: Arc::clone(&self.fault) })
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        self.fault.step(self.folder.remove(name)).await
    }
}

impl Upload for FaultyUpload {
    async fn push(&mut self, bytes: Bytes) -> Result<(), PlaceError> {
        self.fault.step(self.upload.push(bytes)).await
    }

    async fn finish(self) -> Result<(), PlaceError> {
        self.fault.step(self.upload.finish()).await
    }

    async fn abandon(self) {
        self.upload.abandon().await;
    }
}
