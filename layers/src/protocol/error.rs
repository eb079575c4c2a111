use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use headers::HeaderMapExt;
use http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};

use super::body::BoxError;
use super::header::{TusVersion, UploadOffset};

type Source = Arc<dyn StdError + Send + Sync>;

/// Why a request was refused, or did not come to its end.
///
/// Codes and messages are tusd's, so that what parses its answers parses ours;
/// statuses are the protocol's where it speaks and tusd's where it is silent.
/// What [`Display`](fmt::Display) prints is what the client reads: the source,
/// where there is one, is for the log alone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// `Tus-Resumable` is missing, or names a version that is not spoken here.
    UnsupportedVersion,
    /// The upload would be larger than the server takes.
    MaxSizeExceeded,
    /// The body's media type is not `application/offset+octet-stream`.
    InvalidContentType,
    /// `Upload-Length` is missing, malformed, or not allowed here.
    InvalidUploadLength,
    /// `Upload-Length` and `Upload-Defer-Length` came together.
    AmbiguousUploadLength,
    /// `Upload-Defer-Length` is not `1`.
    InvalidUploadDeferLength,
    /// `Upload-Metadata` is malformed.
    InvalidMetadata,
    /// `Upload-Metadata` has more bytes or more pairs than the server takes.
    MetadataTooLarge,
    /// `Upload-Offset` is missing or malformed.
    InvalidOffset,
    /// `Upload-Offset` is not where the upload stands.
    MismatchedOffset {
        /// Where the upload stands, in bytes.
        current: u64,
    },
    /// No page of this origin may use the server.
    OriginNotAllowed,
    /// No such upload.
    NotFound,
    /// An upload of this id exists already.
    UploadExists,
    /// The method cannot be used on this resource.
    MethodNotAllowed {
        /// The methods that can, as a value of `Allow`.
        allow: HeaderValue,
    },
    /// Another request held the upload for too long.
    LockTimeout,
    /// More bytes came than the upload has room for.
    SizeExceeded,
    /// The store has no such capability.
    NotImplemented,
    /// `Transfer-Encoding` is anything but `chunked` alone.
    UnsupportedTransferEncoding,
    /// `Upload-Concat` came to a stack without concatenation.
    ConcatenationUnsupported,
    /// `Upload-Concat` is malformed, or names what cannot be a part.
    InvalidConcat,
    /// `Upload-Concat` names more parts than the server takes.
    TooManyParts,
    /// A part of a final upload is unfinished.
    UploadNotFinished,
    /// A final upload takes no bytes of its own.
    ModifyFinal,
    /// `Upload-Checksum` is malformed, missing where it was announced, or of an
    /// algorithm that is not known here.
    InvalidChecksum,
    /// Too many requests at once have their checksum in a trailer.
    TooManyTrailers,
    /// The bytes are not those of `Upload-Checksum`.
    ChecksumMismatch,
    /// The upload is unfinished, and is not given out before.
    IncompleteUpload,
    /// More downloads are in progress than the server allows.
    TooManyDownloads,
    /// A gate, or too many failed attempts to finish, rejected the upload.
    Rejected,
    /// A hook has stopped the upload.
    Stopped,
    /// A hook does not let the upload be ended.
    TerminationRejected,
    /// Too many requests wait for a hook already. Nothing was made or changed.
    HooksBusy,
    /// Another request wants this upload.
    Interrupted,
    /// The server is shutting down.
    Shutdown,
    /// The client went away in the middle of the body.
    UnexpectedEof(Option<Source>),
    /// The client's connection was reset in the middle of the body.
    ConnectionReset(Source),
    /// The client did not send for too long.
    ReadTimeout,
    /// The storage is full.
    InsufficientStorage(Source),
    /// The store has no descriptors left, or something else that comes back by itself.
    Busy(Source),
    /// The storage is not there at the moment, as when a disk is not mounted.
    StorageUnavailable(Source),
    /// What the client cannot mend and need not know.
    Internal(Source),
}

/// Status, code and message: the table of all errors, for one of them and as a whole.
macro_rules! table {
    (match self { $($error:pat => $entry:expr,)* }) => {
        const fn entry(&self) -> (u16, &'static str, &'static str) {
            match self { $($error => $entry,)* }
        }

        const TABLE: &[(u16, &'static str, &'static str)] = &[$($entry),*];
    };
}

impl Error {
    /// An error that the client did not cause. The log gets `source`, the client does not.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into().into())
    }

    /// The resource takes OPTIONS and these methods only.
    #[must_use]
    pub fn method_not_allowed<'a>(methods: impl IntoIterator<Item = &'a Method>) -> Self {
        let allow = methods
            .into_iter()
            .fold("OPTIONS".to_owned(), |allow, method| {
                format!("{allow}, {method}")
            });
        let allow = HeaderValue::try_from(allow).expect("methods are visible ASCII");
        Self::MethodNotAllowed { allow }
    }

    /// What a body's error means for the upload.
    ///
    /// An `Error` that a layer put there stays what it is; of all others the
    /// chain of sources tells a reset and a timeout from a plain disconnect.
    pub fn from_body(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        match source.downcast::<Self>() {
            Ok(error) => *error,
            Err(source) => match io_kind(&*source) {
                Some(std::io::ErrorKind::ConnectionReset) => Self::ConnectionReset(source.into()),
                Some(std::io::ErrorKind::TimedOut) => Self::ReadTimeout,
                _ => Self::UnexpectedEof(Some(source.into())),
            },
        }
    }

    table! {
        match self {
            Self::UnsupportedVersion => (
                412, // CORE-08
                "ERR_UNSUPPORTED_VERSION",
                "missing, invalid or unsupported Tus-Resumable header",
            ),
            Self::MaxSizeExceeded => (413, "ERR_MAX_SIZE_EXCEEDED", "maximum size exceeded"),
            Self::InvalidContentType => (
                415, // CORE-24
                "ERR_INVALID_CONTENT_TYPE",
                "missing or invalid Content-Type header",
            ),
            Self::InvalidUploadLength => (
                400,
                "ERR_INVALID_UPLOAD_LENGTH",
                "missing or invalid Upload-Length header",
            ),
            Self::AmbiguousUploadLength => (
                400,
                "ERR_AMBIGUOUS_UPLOAD_LENGTH",
                "provided both Upload-Length and Upload-Defer-Length",
            ),
            Self::InvalidUploadDeferLength => (
                400,
                "ERR_INVALID_UPLOAD_LENGTH_DEFER",
                "invalid Upload-Defer-Length header",
            ),
            Self::InvalidMetadata => (
                400,
                "ERR_INVALID_METADATA",
                "invalid Upload-Metadata header",
            ),
            Self::MetadataTooLarge => (
                431,
                "ERR_METADATA_TOO_LARGE",
                "Upload-Metadata header is too large",
            ),
            Self::InvalidOffset => (
                400,
                "ERR_INVALID_OFFSET",
                "missing or invalid Upload-Offset header",
            ),
            Self::MismatchedOffset { .. } => (409, "ERR_MISMATCHED_OFFSET", "mismatched offset"),
            Self::OriginNotAllowed => (
                403,
                "ERR_ORIGIN_NOT_ALLOWED",
                "request origin is not allowed",
            ),
            Self::NotFound => (404, "ERR_UPLOAD_NOT_FOUND", "upload not found"),
            Self::UploadExists => (409, "ERR_UPLOAD_EXISTS", "upload exists already"),
            Self::MethodNotAllowed { .. } => (405, "ERR_METHOD_NOT_ALLOWED", "method not allowed"),
            Self::LockTimeout => (
                423,
                "ERR_LOCK_TIMEOUT",
                "failed to acquire lock before timeout",
            ),
            Self::SizeExceeded => (413, "ERR_UPLOAD_SIZE_EXCEEDED", "upload's size exceeded"),
            Self::NotImplemented => (501, "ERR_NOT_IMPLEMENTED", "feature not implemented"),
            Self::UnsupportedTransferEncoding => (
                501,
                "ERR_UNSUPPORTED_TRANSFER_ENCODING",
                "the only transfer encoding supported is chunked",
            ),
            Self::ConcatenationUnsupported => (
                400,
                "ERR_CONCATENATION_UNSUPPORTED",
                "Upload-Concat header is not supported by server",
            ),
            Self::InvalidConcat => (400, "ERR_INVALID_CONCAT", "invalid Upload-Concat header"),
            Self::TooManyParts => (
                400,
                "ERR_TOO_MANY_PARTS",
                "Upload-Concat header names too many partial uploads",
            ),
            Self::UploadNotFinished => (
                400, // CUF-01
                "ERR_UPLOAD_NOT_FINISHED",
                "one of the partial uploads is not finished",
            ),
            Self::InvalidChecksum => (
                400, // CHK-03
                "ERR_INVALID_CHECKSUM",
                "missing, invalid or unsupported Upload-Checksum header",
            ),
            Self::ChecksumMismatch => (
                460, // CHK-04
                "ERR_CHECKSUM_MISMATCH",
                "checksum mismatch",
            ),
            Self::IncompleteUpload => (
                400,
                "ERR_INCOMPLETE_UPLOAD",
                "cannot stream non-finished upload",
            ),
            Self::TooManyTrailers => (
                503,
                "ERR_TOO_MANY_TRAILERS",
                "too many uploads with a checksum in a trailer, try again later",
            ),
            Self::TooManyDownloads => (
                503,
                "ERR_TOO_MANY_DOWNLOADS",
                "too many downloads in progress, try again later",
            ),
            Self::ModifyFinal => (
                403, // CAT-10
                "ERR_MODIFY_FINAL",
                "modifying a final upload is not allowed",
            ),
            Self::Rejected => (
                400,
                "ERR_UPLOAD_REJECTED",
                "upload has been rejected by server",
            ),
            Self::Stopped => (
                400,
                "ERR_UPLOAD_STOPPED",
                "upload has been stopped by server",
            ),
            Self::TerminationRejected => (
                400,
                "ERR_UPLOAD_TERMINATION_REJECTED",
                "upload termination has been rejected by server",
            ),
            Self::HooksBusy => (
                503,
                "ERR_HOOKS_BUSY",
                "too many requests wait for a hook, try again later",
            ),
            Self::Interrupted => (
                400,
                "ERR_UPLOAD_INTERRUPTED",
                "upload has been interrupted by another request for this upload resource",
            ),
            Self::Shutdown => (
                503,
                "ERR_SERVER_SHUTDOWN",
                "request has been interrupted because the server is shutting down",
            ),
            Self::UnexpectedEof(_) => (
                400,
                "ERR_UNEXPECTED_EOF",
                "server expected to receive more bytes",
            ),
            // 500 on purpose, as below: clients retry it.
            Self::ConnectionReset(_) => (
                500,
                "ERR_CONNECTION_RESET",
                "TCP connection reset by peer",
            ),
            Self::ReadTimeout => (
                500,
                "ERR_READ_TIMEOUT",
                "timeout while reading request body",
            ),
            Self::InsufficientStorage(_) => (507, "ERR_INSUFFICIENT_STORAGE", "storage is full"),
            Self::Busy(_) => (
                503,
                "ERR_SERVER_BUSY",
                "server is too busy, try again later",
            ),
            Self::StorageUnavailable(_) => (
                503,
                "ERR_STORAGE_UNAVAILABLE",
                "storage is not available at the moment",
            ),
            Self::Internal(_) => (500, "ERR_INTERNAL_SERVER_ERROR", "internal server error"),
        }
    }

    /// Status and code of every error there is.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Error;
    ///
    /// let error = Error::NotFound;
    /// assert!(Error::all_codes().any(|row| row == (error.status(), error.code())));
    /// ```
    pub fn all_codes() -> impl Iterator<Item = (StatusCode, &'static str)> {
        Self::TABLE
            .iter()
            .map(|&(number, code, _)| (status(number), code))
    }

    /// The code that the client reads, such as `ERR_UPLOAD_NOT_FOUND`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.entry().1
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        status(self.entry().0)
    }

    /// Whether the request was cut off: the client went away or was too slow,
    /// another request wants the upload, or the server stops.
    #[must_use]
    pub const fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::UnexpectedEof(_)
                | Self::ConnectionReset(_)
                | Self::ReadTimeout
                | Self::Interrupted
                | Self::Shutdown
        )
    }

    /// What the client reads: the code and the message on one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            // As tusd has it.
            Self::MethodNotAllowed { .. } => format!("{self}\n"),
            _ => format!("{}: {self}\n", self.code()),
        }
    }

    /// The refusal as a response: status, the headers that belong to it, an
    /// empty body, and this error in the extensions for whoever renders it.
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match &self {
            // CORE-09
            Self::UnsupportedVersion => headers.typed_insert(TusVersion),
            Self::MismatchedOffset { current } => {
                headers.typed_insert(UploadOffset::saturating(*current));
            }
            Self::MethodNotAllowed { allow } => {
                headers.insert(ALLOW, allow.clone());
            }
            // Where the body ends is not certain. Only HTTP/1 has such a request.
            Self::UnsupportedTransferEncoding => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::LockTimeout => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Shutdown
            | Self::Busy(_)
            | Self::HooksBusy
            | Self::TooManyDownloads
            | Self::TooManyTrailers
            | Self::StorageUnavailable(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).expect("every status in the table is one")
}

/// The kind of the first I/O error in a chain of sources.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<std::io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().2)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::UnexpectedEof(source) => source.as_ref().map(|source| &**source as _),
            Self::ConnectionReset(source)
            | Self::InsufficientStorage(source)
            | Self::Busy(source)
            | Self::StorageUnavailable(source)
            | Self::Internal(source) => Some(&**source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_refusal_carries_what_the_client_needs_to_go_on() {
        let response: Response<()> = Error::MismatchedOffset { current: 7 }.into_response();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["upload-offset"], "7");

        let response: Response<()> = Error::UnsupportedVersion.into_response();
        assert_eq!(response.headers()["tus-version"], "1.0.0");

        let response: Response<()> = Error::LockTimeout.into_response();
        assert_eq!(response.status(), 423);
        assert_eq!(response.headers()["retry-after"], "1");

        let response: Response<()> = Error::HooksBusy.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");

        let gone = Arc::new(io::Error::other("not mounted"));
        let response: Response<()> = Error::StorageUnavailable(gone).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
    }

    #[test]
    fn what_a_layer_put_into_a_body_stays_what_it_is() {
        assert!(matches!(
            Error::from_body(Error::Interrupted),
            Error::Interrupted
        ));
    }

    #[test]
    fn the_chain_of_sources_tells_how_a_client_went_away() {
        let from = |kind: io::ErrorKind| Error::from_body(io::Error::from(kind)).code();
        assert_eq!(from(io::ErrorKind::ConnectionReset), "ERR_CONNECTION_RESET");
        assert_eq!(from(io::ErrorKind::TimedOut), "ERR_READ_TIMEOUT");
        assert_eq!(from(io::ErrorKind::UnexpectedEof), "ERR_UNEXPECTED_EOF");
    }

    #[test]
    fn an_internal_error_keeps_its_text_from_the_client() {
        let error = Error::internal("/srv/secret: permission denied");
        assert_eq!(error.to_string(), "internal server error");
        assert!(error.source().unwrap().to_string().contains("secret"));
    }
}
