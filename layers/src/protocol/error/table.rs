//! Status, code and message of every kind of error.

use http::StatusCode;

use super::Error;

/// One row for each kind. A [`Rejection`](super::Rejection) has its own.
macro_rules! table {
    (match self { $($kind:pat => $row:expr,)* }) => {
        /// Returns status, code and message.
        pub(super) fn row(&self) -> (u16, &'static str, &str) {
            match self {
                Self::Custom(rejection) => rejection.row(),
                $($kind => $row,)*
            }
        }

        const TABLE: &[(u16, &'static str, &'static str)] = &[$($row),*];
    };
}

impl Error {
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
            Self::AccessDenied => (403, "ERR_ACCESS_DENIED", "access denied"),
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
            Self::UploadFailed => (
                410, // clients create a new upload
                "ERR_UPLOAD_FAILED",
                "upload has failed permanently, create a new upload",
            ),
            Self::UploadExpired => (
                410, // EXP-07
                "ERR_UPLOAD_EXPIRED",
                "upload has expired, create a new upload",
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
            // 500 because clients retry it; likewise the rows below.
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
            // 500 because clients retry it.
            Self::BodyRead(_) => (
                500,
                "ERR_BODY_READ",
                "failed to read the request body",
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

    /// Lists status and code of every kind of error. A
    /// [`Rejection`](super::Rejection) may have any others.
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
}

pub(super) fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).expect("every status in the table is one")
}
