use async_trait::async_trait;
use http::header::CONTENT_LENGTH;
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};

use crate::store::object::cloud::failure::of_client;
use crate::store::object::cloud::own::{Sign, Signed, Unsigned, url};
use crate::store::object::objects::Result;

/// Signs requests with the key of an account, or gives them a token.
pub(in crate::store::object::cloud) struct Authorizer {
    /// The URL of the container.
    pub(in crate::store::object::cloud) base: String,
    pub(in crate::store::object::cloud) account: String,
    pub(in crate::store::object::cloud) credentials: AzureCredentialProvider,
}

#[async_trait]
impl Sign for Authorizer {
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Signed> {
        let mut signed = HttpRequest::new(HttpRequestBody::empty());
        *signed.method_mut() = request.method.clone();
        *signed.uri_mut() = url(&self.base, request)?;
        *signed.headers_mut() = request.headers.clone();
        let headers = signed.headers_mut();
        headers.insert(CONTENT_LENGTH, request.len().into());
        let credential = self.credentials.get_credential().await.map_err(of_client)?;
        AzureAuthorizer::new(&credential, &self.account)
            .try_authorize(&mut signed)
            .map_err(of_client)?;
        let (head, _) = signed.into_parts();
        Ok((head.uri, head.headers))
    }
}
