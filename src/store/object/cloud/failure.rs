//! Failed requests, and what they say about a call.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use object_store::Error as ClientError;
use serde::Deserialize;

use super::xml;
use crate::store::object::objects::ObjectError;

/// Why a request failed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The server answered with an error.
    Answered(Answer),
    /// The server was not reached, so the request was not sent.
    Unreached(Arc<dyn Error + Send + Sync>),
    /// No answer came, or not the whole of it.
    Unanswered(Arc<dyn Error + Send + Sync>),
}

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The name of the error, or nothing.
    pub(super) code: String,
    pub(super) message: String,
    /// Whether the request depended on the state of the object.
    pub(super) is_conditional: bool,
}

impl Failure {
    pub(super) fn unanswered(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unanswered(Arc::from(error.into()))
    }

    pub(super) fn unreached(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreached(Arc::from(error.into()))
    }

    /// Returns whether the same request may succeed a moment later.
    pub(super) fn is_brief(&self) -> bool {
        match self {
            Self::Answered(answer) => matches!(answer.status.as_u16(), 429 | 500 | 502..=504),
            Self::Unreached(_) | Self::Unanswered(_) => true,
        }
    }

    /// Returns whether the server has not seen the request.
    pub(super) const fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreached(_))
    }
}

impl Answer {
    pub(super) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        is_conditional: bool,
    ) -> Self {
        let Named { code, message } = xml::parse(body).unwrap_or_default();
        // Azure's answers to HEAD have no body.
        let azure = headers.get("x-ms-error-code");
        let azure = azure.and_then(|code| code.to_str().ok());
        Self {
            status,
            code: code.or(azure.map(str::to_owned)).unwrap_or_default(),
            // Azure's other lines name the request.
            message: message.as_deref().map(first_line).unwrap_or_default(),
            is_conditional,
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The body of an error.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    code: Option<String>,
    message: Option<String>,
}

impl From<Failure> for ObjectError {
    fn from(failure: Failure) -> Self {
        let Failure::Answered(answer) = &failure else {
            return Self::Unknown(failure.into());
        };
        let is_conditional = answer.is_conditional;
        match (answer.status.as_u16(), &*answer.code) {
            (404, "NoSuchBucket" | "ContainerNotFound") => Self::Invalid(failure.into()),
            // S3 has nothing that could match.
            (404, code) if is_conditional && code != "NoSuchUpload" => Self::Refused,
            // Azure has removed the blocks, or joined them before.
            (404, _) | (400, "InvalidBlockList") => Self::NotFound,
            (412, _) => Self::Refused,
            (409, "ConditionalRequestConflict" | "OperationAborted") => Self::Busy(failure.into()),
            // Servers that keep objects in files, where a file is no directory.
            (409, "ExistingObjectIsDirectory" | "ObjectParentIsFile") => {
                Self::Invalid(failure.into())
            }
            (409, _) if is_conditional => Self::Refused,
            (429, _) | (503, "ServerBusy" | "SlowDown" | "TooManyRequests") => {
                Self::Busy(failure.into())
            }
            (507, _) => Self::Full(failure.into()),
            (_, code) if code.contains("StorageFull") => Self::Full(failure.into()),
            // The server has not waited for the whole request.
            (408, _) | (400, "RequestTimeout") => Self::Unknown(failure.into()),
            (300..=499 | 501, _) => Self::Invalid(failure.into()),
            _ => Self::Unknown(failure.into()),
        }
    }
}

/// Returns the server's name for the error, or nothing.
pub(super) fn code(error: &ObjectError) -> &str {
    let failure = error.source().and_then(|source| source.downcast_ref());
    match failure {
        Some(Failure::Answered(answer)) => &answer.code,
        Some(Failure::Unreached(_) | Failure::Unanswered(_)) | None => "",
    }
}

/// Finds out why a call of the crate `object_store` failed.
pub(super) fn of_client(error: ClientError) -> ObjectError {
    let mut source: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = source {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone().into();
        }
        source = error.source();
    }
    match error {
        ClientError::NotFound { .. } => ObjectError::NotFound,
        ClientError::InvalidPath { .. }
        | ClientError::NotImplemented { .. }
        | ClientError::NotSupported { .. } => ObjectError::Invalid(error.into()),
        error => ObjectError::Unknown(error.into()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) | Self::Unanswered(error) => error.fmt(f),
            Self::Answered(answer) => {
                write!(f, "the server answered {}", answer.status)?;
                for text in [&answer.code, &answer.message] {
                    if !text.is_empty() {
                        write!(f, ": {text}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreached(error) | Self::Unanswered(error) => error.source(),
            Self::Answered(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(error: &ObjectError) -> &'static str {
        match error {
            ObjectError::NotFound => "not found",
            ObjectError::Refused => "refused",
            ObjectError::Busy(_) => "busy",
            ObjectError::Full(_) => "full",
            ObjectError::Invalid(_) => "invalid",
            ObjectError::Unknown(_) => "unknown",
        }
    }

    fn answered(status: u16, code: &str, is_conditional: bool) -> &'static str {
        name(&ObjectError::from(Failure::Answered(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: String::new(),
            is_conditional,
        })))
    }

    #[test]
    fn each_answer_says_what_it_says_about_a_call() {
        for (status, code, plain, conditional) in [
            (301, "PermanentRedirect", "invalid", "invalid"),
            (400, "InvalidBlockList", "not found", "not found"),
            (400, "InvalidPart", "invalid", "invalid"),
            (400, "RequestTimeout", "unknown", "unknown"),
            (403, "AccessDenied", "invalid", "invalid"),
            (404, "", "not found", "refused"),
            (404, "NoSuchKey", "not found", "refused"),
            (404, "NoSuchUpload", "not found", "not found"),
            (404, "NoSuchBucket", "invalid", "invalid"),
            (404, "ContainerNotFound", "invalid", "invalid"),
            (409, "BlobAlreadyExists", "invalid", "refused"),
            (409, "ConditionalRequestConflict", "busy", "busy"),
            (409, "OperationAborted", "busy", "busy"),
            (409, "ObjectParentIsFile", "invalid", "invalid"),
            (412, "PreconditionFailed", "refused", "refused"),
            (429, "", "busy", "busy"),
            (500, "InternalError", "unknown", "unknown"),
            (500, "XMinioStorageFull", "full", "full"),
            (501, "NotImplemented", "invalid", "invalid"),
            (503, "SlowDown", "busy", "busy"),
            (503, "ServerBusy", "busy", "busy"),
            (503, "", "unknown", "unknown"),
            (507, "", "full", "full"),
        ] {
            assert_eq!(answered(status, code, false), plain, "{status} {code}");
            assert_eq!(answered(status, code, true), conditional, "{status} {code}");
        }
    }

    #[test]
    fn an_error_names_code_and_message() {
        let body = b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
            <Message>No &amp; never\nRequestId:1</Message><RequestId>1</RequestId></Error>";
        let answer = Answer::new(StatusCode::FORBIDDEN, &HeaderMap::new(), body, false);
        let text = Failure::Answered(answer).to_string();
        assert_eq!(
            text,
            "the server answered 403 Forbidden: AccessDenied: No & never"
        );
    }

    #[test]
    fn an_answer_without_a_body_may_name_the_error_in_a_header() {
        let headers = [("x-ms-error-code", "ContainerNotFound")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers = HeaderMap::from_iter(headers);
        let answer = Answer::new(StatusCode::NOT_FOUND, &headers, b"", false);
        assert_eq!(answer.code, "ContainerNotFound");
    }
}
