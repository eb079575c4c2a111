//! Buckets of S3, and of servers that behave like it.

use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};

use super::failure::of_client;
use super::ordinary::path;
use super::own::{Sign, Signed, Unsigned};
use crate::store::object::objects::{ObjectError, Result};

/// Time for a request to reach the server, with clocks that differ.
const VALID: Duration = Duration::from_secs(15 * 60);

#[async_trait]
impl Sign for AmazonS3 {
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Signed> {
        let path = match request.key {
            "" => Path::ROOT,
            key => path(key)?,
        };
        let mut options = SignedUrlOptions::new().with_query(request.query.clone());
        options.signed_headers = request.headers.clone();
        let url = self
            .signed_url_opts(request.method.clone(), &path, VALID, &options)
            .await
            .map_err(of_client)?;
        match url.as_str().parse() {
            Ok(uri) => Ok((uri, request.headers.clone())),
            Err(error) => Err(ObjectError::Invalid(Box::new(error))),
        }
    }
}
