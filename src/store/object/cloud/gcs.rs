//! Buckets of Google Cloud Storage.

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use object_store::gcp::GcpCredentialProvider;

use super::failure::of_client;
use super::own::{Sign, Signed, Unsigned, url};
use crate::store::object::objects::{ObjectError, Result, Rules};

/// The documentation promises neither conditions of completions nor copies of parts, and
/// objects have no tags.
pub(super) const RULES: Rules = Rules {
    conditional_complete: false,
    copies_parts: false,
    max_metadata: 8 << 10,
    max_tags: 0,
    ..Rules::S3
};

/// Signs requests with a token, for which no private key is needed.
pub(super) struct Bearer {
    /// The URL of the bucket.
    pub(super) base: String,
    pub(super) credentials: GcpCredentialProvider,
}

#[async_trait]
impl Sign for Bearer {
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Signed> {
        let uri: Uri = url(&self.base, request)?;
        let credential = self.credentials.get_credential().await.map_err(of_client)?;
        let token = HeaderValue::from_str(&format!("Bearer {}", credential.bearer));
        let mut token = token.map_err(|error| ObjectError::Invalid(error.into()))?;
        token.set_sensitive(true);
        let mut headers = request.headers.clone();
        headers.insert(AUTHORIZATION, token);
        Ok((uri, headers))
    }
}
