//! Hooks in other programs: executables, HTTP servers, and gRPC services.
//!
//! Each sends events in tusd's JSON, or in the messages of [`grpc`], and reads the
//! replies, so that hooks written for tusd keep working. To run closures in the same
//! program, use [`Callbacks`](tower_tus_layers::hooks::Callbacks).
//!
//! An event in JSON, here on several lines:
//!
//! ```json
//! {
//!   "Type": "post-finish",
//!   "Event": {
//!     "Upload": {
//!       "ID": "24e533e02ec3bc40c387f1a0e460e216", "Size": 11, "SizeIsDeferred": false, "Offset": 11,
//!       "MetaData": {"filename": "a.txt"},
//!       "IsPartial": false, "IsFinal": false, "PartialUploads": null,
//!       "Storage": {"InfoPath": "/srv/24e5....info", "Path": "/srv/24e5...", "Type": "filestore"}
//!     },
//!     "HTTPRequest": {
//!       "Method": "PATCH", "URI": "/files/24e533e02ec3bc40c387f1a0e460e216",
//!       "RemoteAddr": "192.0.2.1:52000",
//!       "Header": {"Host": ["tus.example"], "Tus-Resumable": ["1.0.0"]}
//!     }
//!   }
//! }
//! ```
//!
//! Before an upload is created, its `ID` is empty and its `Storage` is null.
//!
//! A reply may have any of these members. One that is absent, null, 0 or empty
//! changes nothing, except that an empty `MetaData` removes all metadata:
//!
//! ```json
//! {
//!   "HTTPResponse": {"StatusCode": 402, "Body": "no\n", "Header": {"Content-Type": "text/plain"}},
//!   "RejectUpload": true,
//!   "RejectTermination": true,
//!   "StopUpload": true,
//!   "ChangeFileInfo": {"ID": "a/b", "MetaData": {"filename": "b.txt"}, "Storage": {"Path": "/mnt/b"}}
//! }
//! ```
//!
//! | member | applies to |
//! |---|---|
//! | `RejectUpload`, `ChangeFileInfo` | `pre-create` |
//! | `RejectTermination` | `pre-terminate` |
//! | `StopUpload` | `post-receive` |
//! | `HTTPResponse` | all of these, and `pre-finish` |
//!
//! Stopping an upload removes it, unless it is finished when the reply arrives.
//!
//! A reply that cannot be carried out fails the hook: the client gets a plain
//! 500, nothing is created, and one `HookInvocationError` line in the log names
//! the hook, the value and the rule. This applies to a status outside 200 to
//! 599, an invalid header, and names that break these rules:
//!
//! - `ID`: one or more segments, separated by `/`, each of 1 to 240 of the
//!   characters `A-Z a-z 0-9 - . _ ~ % ! $ ' ( ) * + , ; = : @`. Spaces and
//!   non-ASCII letters are refused: ids are not percent-encoded. A segment
//!   cannot be `.` or `..`, nor end in `.info`, `.lock`, `.stop`, `.chunk`,
//!   `.new` or `.part`.
//! - `Storage.Path`: any path, also outside the upload directory, with spaces
//!   and non-ASCII letters. It must not end in one of the endings above, in
//!   upper or lower case. A relative path must not pass through a directory
//!   with such a name either.
//! - `Storage.Key`, for object stores, where `Storage.Path` means the same: segments
//!   that are not empty, separated by `/`, at most 1,024 bytes, under the rules of
//!   `Storage.Path` for endings. The key is used as it is, without a prefix.
//!
//! For object stores, `Storage` may also name the `Bucket`, one of those that the
//! server allows, and properties of the object. The file store refuses all of these:
//!
//! ```json
//! {"ChangeFileInfo": {"Storage": {
//!   "Key": "alice/report.pdf", "Bucket": "reports",
//!   "ContentType": "application/pdf", "ContentDisposition": "attachment",
//!   "CacheControl": "private", "StorageClass": "STANDARD_IA",
//!   "Metadata": {"author": "alice"}, "Tags": {"project": "tus"}
//! }}}
//! ```
//!
//! In gRPC, where values are texts, write `Tags.project` instead.
//!
//! An unknown member, such as `RejectUplod`, fails a deciding hook
//! (`pre-create`, `pre-finish`, `pre-terminate`). Any other hook ignores it and
//! logs a line. The case of member names does not matter.
//!
//! # When the response to a creation is lost
//!
//! A client that did not receive the response to its creation repeats the
//! request. If the hook chooses the same id again, the client gets `409
//! ERR_UPLOAD_EXISTS`: an upload is never replaced. A hook that derives ids
//! from the request can recognize the upload by the `ID` of an earlier
//! `post-create`, and let the client continue by rejecting the repeated
//! creation with the lost response:
//!
//! ```json
//! {
//!   "RejectUpload": true,
//!   "HTTPResponse": {"StatusCode": 201, "Header": {"Location": "/files/alice/report"}}
//! }
//! ```
//!
//! The client then continues at that URL: tus-js-client requests the offset
//! with HEAD when its first PATCH fails with 409. The hook must make sure that
//! the upload belongs to the same user and has the length that the client
//! announces. Alternatively, use a fresh id: leave `ID` out, or add a random
//! part to it.
//!
//! # When the response to the last PATCH is lost
//!
//! The `HTTPResponse` of `pre-finish` is stored with the record that the upload is
//! finished, unless it has more than 64 KiB. A client that repeats its last PATCH,
//! with an empty body at the end, gets the same response again, and HEAD returns
//! the headers that do not belong to the protocol or describe the body. The hook
//! is not called again.
//!
//! # When a hook fails to finish an upload
//!
//! After a `pre-finish` hook fails, the next HEAD or PATCH calls it again, and
//! the upload cannot be downloaded until the hook succeeds. Only a decision of
//! the hook itself counts towards `-hooks-finish-attempts`: an exit code from 1
//! to 125, a response with a 4xx status other than 404, 407, 408, 425 and 429,
//! or the gRPC codes `FAILED_PRECONDITION`, `INVALID_ARGUMENT` and
//! `PERMISSION_DENIED`. A timeout, a signal, a failed connection or any other
//! error is retried without limit.

#[cfg(feature = "_fuzzing")]
pub(crate) mod fuzzing;
#[cfg(feature = "hooks-grpc")]
pub mod grpc;
#[cfg(feature = "hooks-http")]
mod http;
// Some features use only part of this module.
#[cfg_attr(
    not(all(feature = "hooks-http", feature = "hooks-process")),
    allow(dead_code, unused_imports)
)]
mod payload;
#[cfg(all(unix, feature = "hooks-process"))]
mod process;
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
mod turns;

#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
use tower_tus_layers::{
    gate::Refused,
    protocol::{BoxError, Error},
};

#[cfg(feature = "hooks-grpc")]
pub use self::grpc::GrpcHooks;
#[cfg(feature = "hooks-http")]
pub use self::http::{HttpHooks, HttpHooksError};
#[cfg(all(unix, feature = "hooks-process"))]
pub use self::process::ProcessHooks;

/// Adds the name of the hook to an error, for the log. A response for the
/// client is left unchanged.
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
fn named(hook: impl std::fmt::Display, error: BoxError) -> BoxError {
    if error.is::<Error>() {
        return error;
    }
    let text = format!("{hook}: {error}");
    match error.is::<Refused>() {
        true => Refused::new(text).into(),
        false => text.into(),
    }
}
