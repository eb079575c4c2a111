use std::fmt::Write;

use http::Method;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use serde::Deserialize;

use super::Own;
use super::request::Unsigned;
use crate::store::object::cloud::xml;
use crate::store::object::objects::{MultipartId, PartNumber, Result, Tag, When};

#[derive(Deserialize)]
struct Completed {
    #[serde(rename = "ETag")]
    etag: String,
}

impl Own {
    /// Joins parts, whose numbers may leave some out. Returns the `ETag` of the object,
    /// and its generation if the store has such.
    pub(in crate::store::object::cloud) async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<(String, Option<String>)> {
        let request = Unsigned::new(Method::POST, key)
            .query("uploadId", &multipart.0)
            .body(body(parts));
        let request = match when {
            When::Always => request,
            When::Absent => request.header(IF_NONE_MATCH, "*")?,
            When::Match(tag) => request.header(IF_MATCH, &tag.0)?,
        };
        let answer = self.ask_for_all(request).await?;
        let generation = answer.headers().get("x-goog-generation");
        let generation = generation.and_then(|value| value.to_str().ok());
        let generation = generation.map(str::to_owned);
        let completed: Completed = answer.into_body();
        Ok((completed.etag, generation))
    }
}

fn body(parts: &[(PartNumber, Tag)]) -> String {
    let mut body = "<CompleteMultipartUpload>".to_owned();
    for (number, tag) in parts {
        let tag = xml::escape(&tag.0);
        // Writing to a `String` never fails.
        let _ = write!(
            body,
            "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        );
    }
    body + "</CompleteMultipartUpload>"
}
