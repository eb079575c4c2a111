//! Hooks of other programs: executables, servers behind a URL, and gRPC services.
//!
//! Each tells them every event as tusd does, in JSON or in the messages of
//! [`grpc`], and takes their replies, so that hooks written for tusd go on. A program of its own has
//! [`Callbacks`](tower_tus_layers::hook::Callbacks) instead.
//!
//! An event reads so, in one line:
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
//! Before an upload is made its `ID` is empty and its `Storage` null.
//!
//! A reply may have any of these members; what is absent, null, 0 or empty
//! changes nothing, but an empty `MetaData` is none:
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
//! | member | counts at |
//! |---|---|
//! | `RejectUpload`, `ChangeFileInfo` | `pre-create` |
//! | `RejectTermination` | `pre-terminate` |
//! | `StopUpload` | `post-receive` |
//! | `HTTPResponse` | these, and `pre-finish` |
//!
//! `Storage.Path` may lie outside the store's directory: it is the operator's
//! word, not a client's. An id is never that of an upload that is there: the client
//! gets a 409, and that upload is left alone. A reply that cannot be carried out
//! (a status outside 200 to 599, a header or an id that is none) fails the hook.
//!
//! A member that is not listed here, such as `RejectUplod`, fails a hook that is
//! asked (`pre-create`, `pre-finish`, `pre-terminate`). From any other hook it is
//! ignored, with a line in the log. Case does not matter.

#[cfg(feature = "hooks-grpc")]
pub mod grpc;
#[cfg(feature = "hooks-http")]
mod http;
// Some of them need its meaning without the JSON, or its JSON without the id.
#[cfg_attr(
    not(all(feature = "hooks-http", feature = "hooks-process")),
    allow(dead_code, unused_imports)
)]
mod payload;
#[cfg(feature = "hooks-process")]
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
use tower_tus_layers::protocol::{BoxError, Error};

#[cfg(feature = "hooks-grpc")]
pub use self::grpc::GrpcHooks;
#[cfg(feature = "hooks-http")]
pub use self::http::{HttpHooks, HttpHooksError};
#[cfg(feature = "hooks-process")]
pub use self::process::ProcessHooks;

/// The error with the hook that it comes from, for the log. An answer to the client
/// stays what it is.
#[cfg(any(
    feature = "hooks-grpc",
    feature = "hooks-http",
    feature = "hooks-process"
))]
fn named(hook: impl std::fmt::Display, error: BoxError) -> BoxError {
    match error.is::<Error>() {
        true => error,
        false => format!("{hook}: {error}").into(),
    }
}
