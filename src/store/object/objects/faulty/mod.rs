//! A bucket on whose way a call fails, comes late, or is the last one before a crash: for
//! tests.

mod fault;
#[cfg(test)]
mod tests;
mod write;

use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

pub(crate) use self::fault::Fault;
use self::write::Write;
use super::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Objects, PartNumber,
    Parts, Payload, Properties, Result, Rules, Storage, Tag, When,
};

/// How late a [slow](Fault::Slow) call is: the first look whether it was done comes before
/// it, the second one after it.
const SLOW: Duration = Duration::from_millis(75);

/// A server's way to a bucket, on which one call fails. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    objects: Arc<dyn Objects>,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    names: Vec<&'static str>,
    /// After how many other calls the fault comes.
    plan: Option<(usize, Fault)>,
    /// The call that had it.
    failed: Option<String>,
    from_now_on: Option<Fault>,
    /// What arrives when it is released.
    late: Vec<Write>,
}

impl Faulty {
    pub(crate) fn new(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            calls: Arc::default(),
        }
    }

    /// Lets the call after `others` fail.
    pub(crate) fn fail(&self, others: usize, fault: Fault) {
        let mut calls = self.lock();
        calls.plan = Some((others, fault));
        calls.failed = None;
    }

    /// Returns the call that has failed.
    pub(crate) fn failed(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    /// Returns the names of the calls since the last time.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        mem::take(&mut self.lock().names)
    }

    /// Lets the calls arrive that are late, and returns whether there are any.
    pub(crate) async fn release(&self) -> bool {
        let late = mem::take(&mut self.lock().late);
        let is_any = !late.is_empty();
        for write in late {
            drop(write.send(&*self.objects).await);
        }
        is_any
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().expect("no call panics half-way")
    }

    async fn write(&self, write: Write) -> Result<String> {
        let fault = self.lock().next(write.name(), write.key());
        let objects = Arc::clone(&self.objects);
        match fault {
            None => return write.send(&*objects).await,
            Some(Fault::CrashBefore | Fault::Lost | Fault::LostThenBusy) => {}
            Some(Fault::CrashAfter | Fault::Unanswered) => drop(write.send(&*objects).await),
            Some(Fault::CrashLate | Fault::Late) => self.lock().late.push(write),
            Some(Fault::Slow) => drop(tokio::spawn(async move {
                sleep(SLOW).await;
                drop(write.send(&*objects).await);
            })),
            Some(Fault::Twice) => {
                drop(write.clone().send(&*objects).await);
                return write.send(&*objects).await;
            }
            Some(Fault::Busy) => return busy(),
        }
        unknown()
    }

    async fn read<T>(
        &self,
        name: &'static str,
        key: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fault = self.lock().next(name, key);
        match fault {
            None | Some(Fault::Twice) => call.await,
            Some(Fault::Busy) => busy(),
            Some(_) => unknown(),
        }
    }
}

impl Calls {
    /// Notes a call, and returns what happens to it.
    fn next(&mut self, name: &'static str, key: &str) -> Option<Fault> {
        self.names.push(name);
        if self.from_now_on.is_some() {
            return self.from_now_on;
        }
        let (others, fault) = self.plan?;
        if let Some(less) = others.checked_sub(1) {
            self.plan = Some((less, fault));
            return None;
        }
        self.plan = None;
        self.failed = Some(format!("{name} {key}"));
        self.from_now_on = fault.afterwards();
        Some(fault)
    }
}

fn unknown<T>() -> Result<T> {
    Err(ObjectError::Unknown("the answer was lost".into()))
}

fn busy<T>() -> Result<T> {
    Err(ObjectError::Busy("slow down".into()))
}

#[async_trait]
impl Objects for Faulty {
    fn rules(&self) -> &Rules {
        self.objects.rules()
    }

    fn storage(&self) -> &Storage {
        self.objects.storage()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        self.read("get", key, self.objects.get(key, range)).await
    }

    async fn head(&self, key: &str) -> Result<Found> {
        self.read("head", key, self.objects.head(key)).await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        let write = Write::Put {
            key: key.to_owned(),
            payload,
            when: when.into(),
            properties: properties.clone(),
        };
        self.write(write).await.map(Tag)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let write = Write::Delete {
            key: key.to_owned(),
        };
        self.write(write).await.map(drop)
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        self.read("list", prefix, self.objects.list(prefix, after))
            .await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        let write = Write::Begin {
            key: key.to_owned(),
            properties: properties.clone(),
        };
        self.write(write).await.map(MultipartId)
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        let write = Write::PutPart {
            key: key.to_owned(),
            multipart: multipart.clone(),
            number,
            payload,
        };
        self.write(write).await.map(Tag)
    }

    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        let write = Write::CopyPart {
            key: key.to_owned(),
            multipart: multipart.clone(),
            number,
            source: source.to_owned(),
            range,
        };
        self.write(write).await.map(Tag)
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        let write = Write::Complete {
            key: key.to_owned(),
            multipart: multipart.clone(),
            parts: parts.to_vec(),
            when: when.into(),
        };
        self.write(write).await.map(Tag)
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let write = Write::Abort {
            key: key.to_owned(),
            multipart: multipart.clone(),
        };
        self.write(write).await.map(drop)
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        let parts = self.objects.parts(key, multipart, after);
        self.read("parts", key, parts).await
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        let multiparts = self.objects.multiparts(prefix, after);
        self.read("multiparts", prefix, multiparts).await
    }

    /// This is no call.
    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>> {
        self.objects.presign(key, content, valid).await
    }
}
