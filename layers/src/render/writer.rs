//! Writes the text of a typed error.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Response};

use crate::protocol::{Body, Error, ResponseOverride, TEXT_PLAIN, write_own_body};

/// How to write the body of an error.
#[derive(Clone, Default)]
pub(super) enum Writer {
    #[default]
    Plain,
    Custom(Arc<dyn Fn(&Error, &mut Response<Body>) + Send + Sync>),
}

impl Writer {
    /// Applies the override of an inner layer, and writes an error.
    pub(super) fn finish(&self, method: &Method, response: &mut Response<Body>) {
        if let Some(change) = response.extensions_mut().remove::<ResponseOverride>() {
            change.carry_out(response, method);
        }
        let Some(error) = response.extensions().get::<Error>() else {
            return;
        };
        log(error);
        // Over HTTP/2 a body in the response to HEAD would be a protocol error.
        if *method == Method::HEAD || write_own_body(response, method) {
            return;
        }
        self.write(response);
    }

    fn write(&self, response: &mut Response<Body>) {
        let Some(error) = response.extensions().get::<Error>() else {
            return;
        };
        match self {
            Self::Plain => {
                *response.body_mut() = Bytes::from(error.text()).into();
                let headers = response.headers_mut();
                headers.entry(CONTENT_TYPE).or_insert(TEXT_PLAIN);
            }
            Self::Custom(write) => write(&error.clone(), response),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Custom(_) => "Custom",
        })
    }
}

/// Logs what the client does not see.
fn log(error: &Error) {
    match error {
        Error::Internal(source) | Error::InsufficientStorage(source) => {
            tracing::error!(error = %source, "InternalServerError");
        }
        Error::Busy(source) => tracing::warn!(error = %source, "ServerBusy"),
        // At info, because any client can cause it.
        Error::BodyRead(source) => {
            tracing::info!(error = chain(&**source), "UnknownBodyError");
        }
        Error::Custom(rejection) => log_rejection(error, rejection.code()),
        _ => {}
    }
}

fn log_rejection(error: &Error, code: &str) {
    let Some(source) = error.source() else {
        return;
    };
    match source.downcast_ref::<Error>() {
        // A hook has changed the response to this error.
        Some(changed) => log(changed),
        None if error.status().is_server_error() => {
            tracing::error!(code, error = chain(source), "RequestFailed");
        }
        None => tracing::info!(code, error = chain(source), "RequestRejected"),
    }
}

/// Joins an error and its sources, except those that it already mentions.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        next = source.source();
    }
    text
}
