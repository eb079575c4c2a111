//! Derives requests from the one that a layer serves.

use headers::HeaderMapExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use super::original::OriginalRequest;
use super::{Context, HandOver, Rollback};
use crate::protocol::header::{UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA};
use crate::protocol::{Interrupt, NewConcat, Offset, Target, UploadId};

/// A request that a layer derives from the one that it serves.
///
/// A derived request inherits the URI, the HTTP version, the extensions of users and
/// the whole [`Context`], and keeps the method and headers that the client sent. It
/// differs in:
///
/// | derived | method | target | removed headers | context |
/// |---|---|---|---|---|
/// | `Creation` | POST | unchanged | those of the body | the hand-over |
/// | `FirstChunk` | PATCH | the new upload | those of the creation; `Upload-Offset` is 0 | the hand-over |
/// | `Head` | HEAD | the given upload, or unchanged | those of the body | |
/// | `Get` | GET | unchanged | those of the body | |
/// | `Final` | POST | unchanged | those of the body | the parts of the final |
/// | `Rollback` | DELETE | the upload | those of the body | roll-back; no interrupt, since it has often fired |
///
/// All but `FirstChunk` have no body, and `Content-Length: 0`.
///
/// The server itself sends `Head` and `Rollback`, too, if no client does: these are
/// [internal](Self::internal), and derived from an empty request.
pub(crate) enum Derived {
    /// Creates the upload of a creation with bytes, and leaves it open there.
    Creation(HandOver),
    /// Appends the bytes of that creation to this upload.
    FirstChunk(UploadId, HandOver),
    /// Queries the offset of an upload, and finishes it if it is complete.
    Head(Option<UploadId>),
    /// Reads the upload.
    Get,
    /// Creates a final.
    #[cfg_attr(not(feature = "concatenation"), allow(dead_code))]
    Final(NewConcat),
    /// Removes an upload.
    Rollback(UploadId, Rollback),
}

impl Derived {
    /// Keeps what the client sent in a request of which several are derived, so that
    /// they share it.
    pub(crate) fn prepare(request: &mut Parts) {
        OriginalRequest::keep(request);
    }

    /// Derives the request from the one that a layer serves.
    pub(crate) fn of(self, mut request: Parts) -> Parts {
        OriginalRequest::keep(&mut request);
        request.method = self.method();
        let context = Context::of_mut(&mut request.extensions);
        match self {
            Self::Creation(place) => context.hand_over = Some(place),
            Self::FirstChunk(id, place) => {
                context.hand_over = Some(place);
                context.target = Some(Target::Upload(id));
                describe_chunk(&mut request.headers);
                return request;
            }
            Self::Head(Some(id)) => context.aim_at(id),
            Self::Final(concat) => context.concat = Some(concat),
            Self::Rollback(id, rollback) => {
                context.aim_at(id);
                context.rollback = Some(rollback);
                context.interrupt = None;
            }
            Self::Head(None) | Self::Get => {}
        }
        leave_body_out(&mut request.headers);
        request
    }

    /// Makes a request of the server itself: there is no client's to derive it from.
    /// It has this URI, and ends early if `interrupt` fires.
    ///
    /// Metrics and Log do not count it among the requests, only what it does; and the
    /// core asks no gate whether a client may do it.
    pub(crate) fn internal(self, uri: Uri, interrupt: Interrupt) -> Parts {
        let (mut request, ()) = Request::new(()).into_parts();
        // Hooks see this method as the one that was sent.
        request.method = self.method();
        request.uri = uri;
        let context = Context::of_mut(&mut request.extensions);
        context.internal = true;
        context.interrupt = Some(interrupt);
        self.of(request)
    }

    const fn method(&self) -> Method {
        match self {
            Self::Creation(_) | Self::Final(_) => Method::POST,
            Self::FirstChunk(..) => Method::PATCH,
            Self::Head(_) => Method::HEAD,
            Self::Get => Method::GET,
            Self::Rollback(..) => Method::DELETE,
        }
    }
}

impl Context {
    /// Sets an upload that a layer has chosen. It may be outside the client's scope,
    /// such as another tenant's final that has waited for the client's part.
    fn aim_at(&mut self, id: UploadId) {
        if !self.may_reach(&id) {
            self.scope = None;
        }
        self.target = Some(Target::Upload(id));
    }
}

/// Turns the headers of a creation into those of its first chunk.
fn describe_chunk(headers: &mut HeaderMap) {
    for header in [
        &UPLOAD_LENGTH,
        &UPLOAD_DEFER_LENGTH,
        &UPLOAD_METADATA,
        &UPLOAD_CONCAT,
    ] {
        headers.remove(header);
    }
    headers.typed_insert(Offset::ZERO);
}

fn leave_body_out(headers: &mut HeaderMap) {
    for header in [&CONTENT_TYPE, &EXPECT, &TRANSFER_ENCODING] {
        headers.remove(header);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scope;

    fn creation() -> Parts {
        let request = Request::post("/files/?x=y")
            .header("Content-Type", "application/offset+octet-stream")
            .header("Content-Length", "5")
            .header("Expect", "100-continue")
            .header("Upload-Length", "5")
            .header("Upload-Metadata", "a")
            .header("Upload-Checksum", "sha1 abc")
            .header("Authorization", "secret")
            .extension("a user's");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let context = Context::of_mut(&mut parts.extensions);
        context.set_interrupt(Interrupt::default());
        context.set_max_size(10);
        parts
    }

    #[test]
    fn each_inherits_what_is_the_clients_and_remembers_what_it_sent() {
        let id: UploadId = "a".parse().unwrap();
        for derived in [
            Derived::Creation(HandOver::default()),
            Derived::FirstChunk(id.clone(), HandOver::default()),
            Derived::Head(None),
            Derived::Get,
            Derived::Rollback(id, Rollback::Always),
        ] {
            let parts = derived.of(creation());
            assert_eq!(parts.uri, "/files/?x=y");
            assert_eq!(parts.headers["authorization"], "secret");
            assert_eq!(parts.extensions.get(), Some(&"a user's"));
            assert_eq!(Context::of(&parts.extensions).max_size(), Some(10));
            let (method, headers) = Context::original(&parts);
            assert_eq!(method, Method::POST);
            assert_eq!(headers["content-length"], "5");
        }
    }

    #[test]
    fn one_without_a_body_says_so() {
        let parts = Derived::Creation(HandOver::default()).of(creation());
        assert_eq!(parts.headers["content-length"], "0");
        for header in ["content-type", "expect"] {
            assert!(!parts.headers.contains_key(header), "{header}");
        }
        assert_eq!(parts.headers["upload-length"], "5");
        assert_eq!(parts.headers["upload-checksum"], "sha1 abc");
    }

    #[test]
    fn the_first_chunk_is_a_patch_of_the_new_upload_at_its_beginning() {
        let id: UploadId = "a".parse().unwrap();
        let parts = Derived::FirstChunk(id.clone(), HandOver::default()).of(creation());
        assert_eq!(parts.method, Method::PATCH);
        assert_eq!(parts.headers["upload-offset"], "0");
        assert_eq!(parts.headers["content-length"], "5");
        for header in ["upload-length", "upload-metadata"] {
            assert!(!parts.headers.contains_key(header), "{header}");
        }
        assert_eq!(Context::target(&parts), Ok(Target::Upload(id)));
    }

    #[test]
    fn what_has_ended_the_others_does_not_end_a_rollback() {
        let id: UploadId = "a".parse().unwrap();
        let parts = Derived::Rollback(id, Rollback::UnlessFinished).of(creation());
        let context = Context::of(&parts.extensions);
        assert!(context.interrupt.is_none());
        assert_eq!(context.rollback(), Some(Rollback::UnlessFinished));
    }

    #[test]
    fn a_layer_reaches_an_upload_outside_the_scope_of_the_client() {
        let id: UploadId = "bob/a".parse().unwrap();
        for derived in [
            Derived::Head(Some(id.clone())),
            Derived::Rollback(id.clone(), Rollback::Always),
        ] {
            let mut creation = creation();
            let scope = Scope::new("alice").unwrap();
            Context::of_mut(&mut creation.extensions).set_scope(scope);
            let parts = derived.of(creation);
            assert_eq!(Context::target(&parts), Ok(Target::Upload(id.clone())));
        }
    }

    #[test]
    fn a_request_of_the_server_itself_reaches_every_upload_and_shows_hooks_its_method() {
        let id: UploadId = "bob/a".parse().unwrap();
        for (derived, method) in [
            (Derived::Head(Some(id.clone())), Method::HEAD),
            (
                Derived::Rollback(id.clone(), Rollback::Expired),
                Method::DELETE,
            ),
        ] {
            let uri = Uri::from_static("/files/bob/a");
            let parts = derived.internal(uri, Interrupt::default());
            assert!(Context::of(&parts.extensions).is_internal());
            assert_eq!(parts.uri, "/files/bob/a");
            assert_eq!(Context::target(&parts), Ok(Target::Upload(id.clone())));
            let (original, headers) = Context::original(&parts);
            assert_eq!((original, headers.len()), (&method, 0));
        }
    }

    #[test]
    fn the_derived_of_a_derived_remembers_the_first() {
        let parts = Derived::Get.of(Derived::Creation(HandOver::default()).of(creation()));
        assert_eq!(Context::original(&parts).0, Method::POST);
    }
}
