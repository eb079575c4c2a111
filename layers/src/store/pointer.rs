//! Implements [`Store`](super::Store) for pointers to stores.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Cleaner, Concatenator, Handle, Lister, Reader, Store, Terminator};
use crate::protocol::{Error, NewUpload, UploadId};

/// What `async_trait` makes of the asynchronous methods. They are written out, so that a
/// pointer adds no box to each call.
type Opening<'b> = Pin<Box<dyn Future<Output = Result<Box<dyn Handle>, Error>> + Send + 'b>>;

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            #[deny(clippy::missing_trait_methods)]
            impl<T: Store + ?Sized> Store for $pointer<T> {
                fn create<'a, 'b>(&'a self, new: NewUpload) -> Opening<'b>
                where
                    'a: 'b,
                {
                    (**self).create(new)
                }

                fn open<'a, 'i, 'b>(&'a self, id: &'i UploadId) -> Opening<'b>
                where
                    'a: 'b,
                    'i: 'b,
                {
                    (**self).open(id)
                }

                fn needs_finish(&self) -> bool {
                    (**self).needs_finish()
                }

                fn defers_length(&self) -> bool {
                    (**self).defers_length()
                }

                fn terminator(&self) -> Option<&dyn Terminator> {
                    (**self).terminator()
                }

                fn concatenator(&self) -> Option<&dyn Concatenator> {
                    (**self).concatenator()
                }

                fn reader(&self) -> Option<&dyn Reader> {
                    (**self).reader()
                }

                fn lister(&self) -> Option<&dyn Lister> {
                    (**self).lister()
                }

                fn cleaner(&self) -> Option<&dyn Cleaner> {
                    (**self).cleaner()
                }
            }
        )*
    };
}

pointers!(Arc, Box);

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::store::{MemoryStore, conformance};

    #[tokio::test]
    async fn a_store_behind_pointers_passes_the_conformance_suite() {
        let store = MemoryStore::default();
        conformance::run(|| Arc::new(store.clone()) as Arc<dyn Store>).await;
        conformance::run(|| Box::new(store.clone()) as Box<dyn Store>).await;
        // Every capability is still available behind the pointer.
        let store: Box<dyn Store> = Box::new(Arc::new(store));
        assert!(store.defers_length() && store.terminator().is_some());
        assert!(store.concatenator().is_some() && store.reader().is_some());
    }

    #[test]
    fn a_store_that_needs_a_finish_does_so_behind_pointers() {
        #[derive(Debug)]
        struct Finishing;

        #[async_trait]
        impl Store for Finishing {
            async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
                Err(Error::NotFound)
            }

            async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
                Err(Error::NotFound)
            }

            fn needs_finish(&self) -> bool {
                true
            }
        }

        let store: Box<dyn Store> = Box::new(Arc::new(Finishing));
        assert!(store.needs_finish() && !store.defers_length());
    }
}
