//! One event, and the attempts to have a reply to it.

use std::error::Error;
use std::fmt::Write;

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, Response, StatusCode};
use tokio::time::sleep;
use tower_tus_layers::gate::Refused;
use tower_tus_layers::hooks::{Event, Reply};
use tower_tus_layers::protocol::BoxError;

use super::{HttpHooks, place};
use crate::hooks::payload;

impl HttpHooks {
    pub(super) async fn ask(&self, event: &Event) -> Result<Reply, BoxError> {
        let response = self.send(self.request(event)).await?;
        let (status, kind) = (response.status(), not_json(response.headers()));
        if status.is_redirection() {
            return Err(self.not_followed(&response).into());
        }
        let body = self.body(response).await?;
        if !status.is_success() {
            let error = format!("{status}: {}", payload::excerpt(&body));
            return Err(match is_decision(status) {
                true => Refused::new(error).into(),
                false => error.into(),
            });
        }
        if let Some(kind) = kind {
            return Err(format!("its answer is {kind}, not application/json").into());
        }
        let reply = payload::reply(event.kind, &body);
        reply.map_err(|error| format!("{error}: {}", payload::excerpt(&body)).into())
    }

    fn request(&self, event: &Event) -> Request {
        let mut request = Request::new(reqwest::Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for name in self.forwarded.iter().filter(|name| may_pass(name)) {
            headers.remove(name);
            for value in event.request.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        *request.body_mut() = Some(payload::request(event).into());
        request
    }

    /// Sends it until there is an answer that is no server error.
    async fn send(&self, request: Request) -> Result<Response, BoxError> {
        let mut attempt = 1;
        loop {
            let request = request.try_clone().expect("its body is in memory");
            let answer = self.client.execute(request).await;
            let is_final = matches!(&answer, Ok(answer) if answer.status().as_u16() < 500);
            if is_final || attempt >= self.attempts {
                return answer.map_err(in_full);
            }
            attempt += 1;
            sleep(self.backoff).await;
        }
    }

    /// Why a redirect ends here.
    fn not_followed(&self, response: &Response) -> String {
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let to = location.and_then(|location| self.url.join(location).ok());
        let to = to.map_or_else(|| "nowhere".to_owned(), |url| place(&url));
        format!(
            "{} to {to} is not followed: only 307 and 308 within one scheme, host and port are, \
             10 at most",
            response.status()
        )
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, BoxError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(in_full)? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.size_limit {
                return Err(format!("its answer has more than {} bytes", self.size_limit).into());
            }
        }
        Ok(body)
    }
}

/// What belongs to a message, and not to the client that has sent it.
fn may_pass(name: &HeaderName) -> bool {
    let own = [
        CONNECTION,
        CONTENT_LENGTH,
        HOST,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    !own.contains(name)
}

/// Whether the receiver itself has said no, rather than that it is not there, or
/// too busy.
fn is_decision(status: StatusCode) -> bool {
    let elsewhere = [
        StatusCode::NOT_FOUND,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !elsewhere.contains(&status)
}

/// What an answer is instead of JSON, for the log.
fn not_json(headers: &HeaderMap) -> Option<String> {
    let Some(kind) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else {
        return Some("without a Content-Type".to_owned());
    };
    let essence = kind.split(|&byte| byte == b';').next().unwrap_or_default();
    let is_json = essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/json");
    (!is_json).then(|| payload::excerpt(kind))
}

/// All that an error knows, less the URL, which may have a secret in it.
fn in_full(error: reqwest::Error) -> BoxError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Nothing fails that is written into memory.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_type() {
        let is_json = |kind: &'static str| {
            let headers = [(CONTENT_TYPE, HeaderValue::from_static(kind))];
            not_json(&HeaderMap::from_iter(headers)).is_none()
        };
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON ; charset=utf-8"));
        assert!(!is_json("application/json2"));
        assert!(!is_json("application/problem+json"));
        assert!(!is_json("text/plain"));
        assert!(!is_json(""));
    }
}
