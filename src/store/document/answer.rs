//! The answer to the finish of an upload, in `.info`.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tower_tus_layers::protocol::ResponseOverride;

use super::{bytes, latin1};

/// A response as hooks write it, with the members of their `HTTPResponse`. Each byte
/// of a header or of the body is one char, since neither has to be UTF-8.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    header: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl From<&ResponseOverride> for Answer {
    fn from(response: &ResponseOverride) -> Self {
        let mut header = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in &response.headers {
            let values = header.entry(name.to_string()).or_default();
            values.push(latin1(value));
        }
        Self {
            status_code: response.status.map(|status| status.as_u16()),
            header,
            body: response.body.as_ref().map(latin1),
        }
    }
}

impl Answer {
    /// Returns the response, without the parts that somebody has edited so that they
    /// are not valid any more.
    pub(super) fn response(&self) -> ResponseOverride {
        let mut response = ResponseOverride::default();
        let status = self.status_code.map(StatusCode::from_u16);
        response.status = status.and_then(Result::ok);
        response.headers = self.headers();
        response.body = self.body.as_deref().and_then(bytes).map(Into::into);
        response
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.header {
            let Ok(name) = HeaderName::try_from(name) else {
                continue;
            };
            let values = values.iter().filter_map(|value| bytes(value));
            for value in values.filter_map(|value| HeaderValue::try_from(value).ok()) {
                headers.append(&name, value);
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, SET_COOKIE};

    use super::*;

    fn read_again(response: &ResponseOverride) -> ResponseOverride {
        let json = serde_json::to_vec(&Answer::from(response)).unwrap();
        let answer: Answer = serde_json::from_slice(&json).unwrap();
        answer.response()
    }

    #[test]
    fn an_answer_is_read_as_it_was_written_whatever_its_bytes() {
        let value = HeaderValue::from_static;
        let every_byte: Vec<u8> = (0..=255).collect();
        for response in [
            ResponseOverride::default().with_status(StatusCode::ACCEPTED),
            ResponseOverride::default().with_body(""),
            ResponseOverride::default().with_body("gr\u{f6}\u{df}e"),
            ResponseOverride::default()
                .with_status(StatusCode::CREATED)
                .with_header(CONTENT_TYPE, value("image/png"))
                .with_header(SET_COOKIE, value("b=2"))
                .with_header(SET_COOKIE, value("a=1"))
                .with_header(
                    "x-name".parse().unwrap(),
                    HeaderValue::from_bytes(b"gr\xf6\xdfe").unwrap(),
                )
                .with_body(every_byte),
        ] {
            assert_eq!(read_again(&response), response);
        }
    }

    #[test]
    fn what_is_not_valid_in_it_is_ignored() {
        let json = r#"{"StatusCode": 99, "Body": "\u4f60", "Other": 1,
            "Header": {"x y": ["a"], "x-a": ["b\n", "c"]}}"#;
        let answer: Answer = serde_json::from_str(json).unwrap();
        let value = HeaderValue::from_static("c");
        let expected = ResponseOverride::default().with_header("x-a".parse().unwrap(), value);
        assert_eq!(answer.response(), expected);
    }
}
