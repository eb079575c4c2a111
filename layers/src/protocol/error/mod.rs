use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use headers::HeaderMapExt;
use http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use self::rejection::Rejection;
use super::Offset;
use super::body::BoxError;
use super::header::TusVersion;

mod of_body;
pub(super) mod rejection;
mod table;

/// An underlying error, which is logged but not sent to the client.
type Source = Arc<dyn StdError + Send + Sync>;

/// The reason why a request was refused or interrupted.
///
/// Codes and messages are those of tusd, so that clients can parse them in the
/// same way. Statuses are those of the protocol, or tusd's where it does not
/// specify one. [`Display`](fmt::Display) prints the message that the client
/// reads. The source is only logged.
///
/// Match on a kind, or create your own error with a [`Rejection`]:
///
/// ```
/// use http::header::RETRY_AFTER;
/// use http::{HeaderValue, Response, StatusCode};
/// use tower_tus_layers::protocol::{Error, Rejection};
///
/// let error: Error = Rejection::new(StatusCode::TOO_MANY_REQUESTS)
///     .with_code("ERR_QUOTA")
///     .with_text("100 uploads a day are enough")
///     .with_header(RETRY_AFTER, HeaderValue::from(3600))
///     .into();
/// assert_eq!(error.text(), "ERR_QUOTA: 100 uploads a day are enough\n");
///
/// let response: Response<()> = error.into_response();
/// assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
/// assert_eq!(response.headers()["retry-after"], "3600");
/// assert!(matches!(response.extensions().get(), Some(Error::Custom(_))));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// `Tus-Resumable` is missing, or names an unsupported version.
    UnsupportedVersion,
    /// The upload or the request body exceeds a limit of the server.
    MaxSizeExceeded,
    /// The body's media type is not `application/offset+octet-stream`.
    InvalidContentType,
    /// `Upload-Length` is missing, malformed, or not allowed here.
    InvalidUploadLength,
    /// `Upload-Length` and `Upload-Defer-Length` were sent together.
    AmbiguousUploadLength,
    /// `Upload-Defer-Length` is not `1`.
    InvalidUploadDeferLength,
    /// `Upload-Metadata` is malformed.
    InvalidMetadata,
    /// `Upload-Metadata` has more bytes or more pairs than the server accepts.
    MetadataTooLarge,
    /// `Upload-Offset` is missing or malformed.
    InvalidOffset,
    /// `Upload-Offset` is not the current offset of the upload.
    MismatchedOffset {
        /// The current offset of the upload, in bytes.
        current: Offset,
    },
    /// The server accepts no requests from web pages of this origin.
    OriginNotAllowed,
    /// The client is not allowed to do this to the upload.
    AccessDenied,
    /// The upload does not exist.
    NotFound,
    /// An upload with this id already exists.
    UploadExists,
    /// The resource does not allow this method.
    MethodNotAllowed {
        /// The allowed methods, as a value of `Allow`.
        allow: HeaderValue,
    },
    /// Another request held the lock of the upload for too long.
    LockTimeout,
    /// The body exceeds the length of the upload.
    SizeExceeded,
    /// The store lacks a capability that the request needs.
    NotImplemented,
    /// `Transfer-Encoding` is not `chunked` alone.
    UnsupportedTransferEncoding,
    /// `Upload-Concat` was sent to a stack without concatenation.
    ConcatenationUnsupported,
    /// `Upload-Concat` is malformed, or names an upload that cannot be a part.
    InvalidConcat,
    /// `Upload-Concat` names more parts than the server accepts.
    TooManyParts,
    /// A part of a final upload is unfinished.
    UploadNotFinished,
    /// A final upload accepts no bytes of its own.
    ModifyFinal,
    /// `Upload-Checksum` is malformed, was announced but is missing, or names
    /// an unsupported algorithm.
    InvalidChecksum,
    /// The store has lost bytes of the upload, which has failed permanently.
    UploadFailed,
    /// The upload has expired.
    UploadExpired,
    /// Too many requests with their checksum in a trailer are in progress.
    TooManyTrailers,
    /// The bytes do not match `Upload-Checksum`.
    ChecksumMismatch,
    /// The upload cannot be downloaded before it is finished.
    IncompleteUpload,
    /// More downloads are in progress than the server allows.
    TooManyDownloads,
    /// A gate rejected the upload, or too many attempts to finish it failed.
    Rejected,
    /// A hook has stopped the upload.
    Stopped,
    /// A hook does not allow the upload to be terminated.
    TerminationRejected,
    /// Too many requests are already waiting for a hook. Nothing was created or
    /// changed.
    HooksBusy,
    /// Another request wants this upload.
    Interrupted,
    /// The server is shutting down.
    Shutdown,
    /// The client disconnected in the middle of the body.
    UnexpectedEof(Option<Source>),
    /// The client's connection was reset in the middle of the body.
    ConnectionReset(Source),
    /// The client sent nothing for too long.
    ReadTimeout,
    /// The body ended with an error of unknown kind, for example one of another
    /// middleware. See [`from_body`](Self::from_body).
    BodyRead(Source),
    /// The storage is full.
    InsufficientStorage(Source),
    /// The store temporarily lacks a resource, such as file descriptors.
    Busy(Source),
    /// The storage is temporarily unavailable, for example because a disk is
    /// not mounted.
    StorageUnavailable(Source),
    /// An internal failure, whose details the client does not see.
    Internal(Source),
    /// An error with a status, code, text or body, and headers of your choice.
    Custom(Rejection),
}

impl Error {
    /// Creates an error that the client did not cause: the client gets a plain
    /// 500, and `source` is logged.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::Internal(source.into().into())
    }

    /// Creates the error of a resource that allows only OPTIONS and these
    /// methods.
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

    /// Returns the code that the client reads, such as `ERR_UPLOAD_NOT_FOUND`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().1
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        table::status(self.row().0)
    }

    /// Returns whether the request was interrupted: its body could not be read
    /// to the end, another request wants the upload, or the server is shutting
    /// down.
    #[must_use]
    pub const fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::UnexpectedEof(_)
                | Self::ConnectionReset(_)
                | Self::ReadTimeout
                | Self::BodyRead(_)
                | Self::Interrupted
                | Self::Shutdown
        )
    }

    /// Returns the code and the message on one line, `CODE: message`, with a
    /// line end. [`Render`](crate::render) writes this by default. For a
    /// rejection with a body, returns that body.
    #[must_use]
    pub fn text(&self) -> String {
        if let Self::Custom(rejection) = self
            && let Some(body) = rejection.body()
        {
            return String::from_utf8_lossy(body).into_owned();
        }
        match self {
            // Like tusd.
            Self::MethodNotAllowed { .. } => format!("{self}\n"),
            _ => format!("{}: {self}\n", self.code()),
        }
    }

    /// Converts the error to a response with its status, its headers, an empty
    /// body, and the error itself in the extensions for outer layers:
    /// [`Render`](crate::render) writes the body, Metrics counts the error, and
    /// Log logs it.
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        *response.headers_mut() = self.headers();
        response.extensions_mut().insert(self);
        response
    }

    /// Returns the headers that belong to the error.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            // CORE-09
            Self::UnsupportedVersion => headers.typed_insert(TusVersion),
            Self::MismatchedOffset { current } => {
                headers.typed_insert(*current);
            }
            Self::MethodNotAllowed { allow } => {
                headers.insert(ALLOW, allow.clone());
            }
            // The end of the body is uncertain. Only HTTP/1 has such requests.
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
            Self::Custom(rejection) => return rejection.response_headers(),
            _ => {}
        }
        headers
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::UnexpectedEof(source) => source.as_ref().map(|source| &**source as _),
            Self::Custom(rejection) => rejection.source(),
            Self::ConnectionReset(source)
            | Self::BodyRead(source)
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
        let response: Response<()> = Error::MismatchedOffset {
            current: Offset::from(7),
        }
        .into_response();
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
    fn an_internal_error_keeps_its_text_from_the_client() {
        let error = Error::internal("/srv/secret: permission denied");
        assert_eq!(error.to_string(), "internal server error");
        assert!(error.source().unwrap().to_string().contains("secret"));
    }
}
