//! Implements [`Gate`](super::Gate) for pointers to gates.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;

use super::Gate;
use crate::protocol::{Action, Error, NewUpload, ResponseOverride, Upload};

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            #[deny(clippy::missing_trait_methods)]
            #[async_trait]
            impl<T: Gate + ?Sized> Gate for $pointer<T> {
                async fn creating(
                    &self,
                    request: &Parts,
                    upload: &mut NewUpload,
                ) -> Result<(), Error> {
                    (**self).creating(request, upload).await
                }

                async fn created(&self, request: &Parts, upload: &Upload) {
                    (**self).created(request, upload).await;
                }

                async fn opened(
                    &self,
                    request: &Parts,
                    upload: &Upload,
                    action: Action,
                ) -> Result<(), Error> {
                    (**self).opened(request, upload, action).await
                }

                async fn complete(&self, request: &Parts, upload: &Upload) -> Result<(), Error> {
                    (**self).complete(request, upload).await
                }

                fn answer(&self, request: &Parts, upload: &Upload) -> ResponseOverride {
                    (**self).answer(request, upload)
                }

                fn may_announce(&self) -> bool {
                    (**self).may_announce()
                }

                fn decides_completion(&self) -> bool {
                    (**self).decides_completion()
                }
            }
        )*
    };
}

pointers!(Arc, Box);

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::protocol::Metadata;

    #[derive(Debug)]
    struct Closed;

    #[async_trait]
    impl Gate for Closed {
        async fn creating(&self, _: &Parts, _: &mut NewUpload) -> Result<(), Error> {
            Err(Error::Rejected)
        }

        async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
            Err(Error::NotFound)
        }

        async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
            Err(Error::Interrupted)
        }

        fn answer(&self, _: &Parts, _: &Upload) -> ResponseOverride {
            ResponseOverride::default().with_body("closed")
        }

        fn may_announce(&self) -> bool {
            false
        }

        fn decides_completion(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn a_gate_behind_pointers_decides_as_it_does_itself() {
        let gate: Box<dyn Gate> = Box::new(Arc::new(Closed) as Arc<dyn Gate>);
        let (parts, ()) = Request::new(()).into_parts();
        let mut new = NewUpload::new(None, Metadata::EMPTY);
        let creating = Gate::creating(&gate, &parts, &mut new).await;
        assert!(matches!(creating, Err(Error::Rejected)));
        let upload = Upload::from(new);
        let opened = Gate::opened(&gate, &parts, &upload, Action::Read).await;
        assert!(matches!(opened, Err(Error::NotFound)));
        let complete = Gate::complete(&gate, &parts, &upload).await;
        assert!(matches!(complete, Err(Error::Interrupted)));
        let answer = Gate::answer(&gate, &parts, &upload);
        assert_eq!(answer.body.unwrap(), "closed");
        assert!(Gate::decides_completion(&gate) && !Gate::may_announce(&gate));
    }
}
