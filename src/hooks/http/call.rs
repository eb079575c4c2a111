//! Sends one event, with retries.

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION,
    PROXY_AUTHORIZATION, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::sleep;
use tower_tus_layers::gate::Refused;
use tower_tus_layers::hooks::{Event, Reply};
use tower_tus_layers::protocol::BoxError;

use super::HttpHooks;
use super::target::place;
use crate::hooks::payload;
use crate::http_client::in_full;

const NAME: &str = concat!("tower-tus/", env!("CARGO_PKG_VERSION"));

/// Maximum number of redirects of one attempt.
const MAX_REDIRECTS: usize = 10;

impl HttpHooks {
    pub(super) async fn ask(&self, event: &Event) -> Result<Reply, BoxError> {
        let response = self.send(self.request(event)).await?;
        let (status, kind) = (response.status(), not_json(response.headers()));
        if status.is_redirection() {
            return Err(not_followed(&response).into());
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
            return Err(format!("the response is {kind}, not application/json").into());
        }
        let reply = payload::reply(event.kind, &body);
        reply.map_err(|error| format!("{error}: {}", payload::excerpt(&body)).into())
    }

    fn request(&self, event: &Event) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(payload::request(event)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri().clone();
        *request.headers_mut() = self.headers(event);
        request
    }

    /// Builds the headers. Forwarded headers of the client replace the default
    /// ones.
    fn headers(&self, event: &Event) -> HeaderMap {
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        for name in self.forwarded.iter().filter(|name| may_pass(name)) {
            headers.remove(name);
            for value in event.request.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        let ours = [
            (ACCEPT, Some(HeaderValue::from_static("*/*"))),
            (USER_AGENT, Some(HeaderValue::from_static(NAME))),
            (AUTHORIZATION, self.target.authorization().cloned()),
            (PROXY_AUTHORIZATION, self.proxy_authorization.clone()),
        ];
        for (name, value) in ours {
            if let (http::header::Entry::Vacant(entry), Some(value)) = (headers.entry(name), value)
            {
                entry.insert(value);
            }
        }
        headers
    }

    /// Sends the request until the server answers without a server error.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, BoxError> {
        let mut attempt = 1;
        loop {
            let answer = self.follow(request.clone()).await;
            let is_final = matches!(&answer, Ok(answer) if answer.status().as_u16() < 500);
            if is_final || attempt >= self.attempts {
                return answer;
            }
            attempt += 1;
            sleep(self.backoff).await;
        }
    }

    /// Sends the request once, and follows redirects where allowed.
    async fn follow(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, BoxError> {
        let mut redirects = 0;
        loop {
            let answer = self.client.request(request.clone()).await;
            let answer = answer.map_err(|error| in_full(&error))?;
            let next = redirection(&answer).and_then(|to| self.target.follow(request.uri(), to));
            let Some(next) = next.filter(|_| redirects < MAX_REDIRECTS) else {
                return Ok(answer);
            };
            redirects += 1;
            *request.uri_mut() = next;
        }
    }

    async fn body(&self, mut response: Response<Incoming>) -> Result<Vec<u8>, BoxError> {
        let mut body = Vec::new();
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|error| in_full(&error))?;
            body.extend_from_slice(frame.data_ref().map_or(&[], |chunk| chunk));
            if body.len() as u64 > self.size_limit {
                return Err(format!("the response has more than {} bytes", self.size_limit).into());
            }
        }
        Ok(body)
    }
}

/// Whether a header may be forwarded: it does not frame the client's message.
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

/// Whether a status is a decision of the receiver, rather than a sign that it
/// is missing or overloaded.
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

/// Describes a response that is not JSON, for the log.
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

/// Explains why a redirect is not followed.
fn not_followed(response: &Response<Incoming>) -> String {
    let to = location(response).map_or_else(|| "nowhere".to_owned(), named_location);
    format!(
        "{} to {to} is not followed: only 307 and 308 within one scheme, host and port are, \
         {MAX_REDIRECTS} at most",
        response.status()
    )
}

/// Returns the target of a redirect that keeps the method and the body.
fn redirection(response: &Response<Incoming>) -> Option<&str> {
    let keeps = [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    location(response).filter(|_| keeps.contains(&response.status()))
}

fn location(response: &Response<Incoming>) -> Option<&str> {
    response.headers().get(LOCATION)?.to_str().ok()
}

/// Formats a location for the log, without its secrets.
fn named_location(location: &str) -> String {
    match location.parse::<Uri>() {
        Ok(uri) if uri.host().is_some() && uri.scheme().is_some() => place(&uri),
        _ => {
            let path = location.split(['?', '#']).next().unwrap_or_default();
            payload::excerpt(path.as_bytes())
        }
    }
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
