use std::path::PathBuf;
use std::sync::Arc;

use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};

use super::SettingsError;
use super::address::{Address, Certificates, Scheme, bucket, tls};
use crate::store::object::cloud::bucket::Bucket;
use crate::store::object::cloud::connector::{
    Anywhere, Connector, no_retries, retries_of_credentials,
};
use crate::store::object::cloud::credentials::Environment;
use crate::store::object::cloud::gcs::{Bearer, RULES};
use crate::store::object::cloud::ordinary::Ordinary;
use crate::store::object::cloud::own::Own;
use crate::store::object::cloud::tags::TagsAre;
use crate::store::object::objects::{Objects, Storage};

/// A bucket of Google Cloud Storage.
///
/// Credentials come from the [file](Self::service_account_file) of a service account, by
/// default the one that `GCS_SERVICE_ACCOUNT_FILE` or `GOOGLE_APPLICATION_CREDENTIALS`
/// names; else from the file that gcloud has written; else from the metadata server.
#[derive(Clone, Debug)]
pub struct Gcs {
    bucket: String,
    endpoint: String,
    service_account_file: Option<PathBuf>,
}

impl Gcs {
    /// Names the bucket.
    #[must_use]
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            endpoint: "https://storage.googleapis.com".to_owned(),
            service_account_file: None,
        }
    }

    /// Names another bucket, with the same settings.
    #[must_use]
    pub fn bucket(self, bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            ..self
        }
    }

    /// Uses a server other than Google's: a URL or a host, which is reached by https.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            ..self
        }
    }

    /// Sets the JSON file with the key of a service account.
    #[must_use]
    pub fn service_account_file(self, path: impl Into<PathBuf>) -> Self {
        Self {
            service_account_file: Some(path.into()),
            ..self
        }
    }

    /// Opens the bucket, without a request.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used, or a file with credentials cannot be read.
    pub(crate) fn open(&self) -> Result<Arc<dyn Objects>, SettingsError> {
        self.open_with(&Environment::of_process())
    }

    pub(in crate::store::object::cloud) fn open_with(
        &self,
        environment: &Environment,
    ) -> Result<Arc<dyn Objects>, SettingsError> {
        let bucket = bucket(&self.bucket)?;
        let address = Address::parse(&self.endpoint, Scheme::Https)?;
        let transport = address.transport(Certificates::Trusted)?;
        let builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_base_url(&address.url());
        let found = self.found(environment, builder.clone())?;
        let credentials = found.credentials().clone();
        let client = builder
            .with_credentials(credentials.clone())
            .with_signing_credentials(found.signing_credentials().clone())
            .with_retry(no_retries())
            .with_http_connector(Connector::new(transport.clone()))
            .build()
            .map_err(SettingsError::new)?;
        let base = format!("{}/{bucket}", address.url());
        let bearer = Bearer { base, credentials };
        Ok(Arc::new(Bucket {
            ordinary: Ordinary::new(client, TagsAre::Generations),
            own: Own::new(bucket, bearer, transport),
            rules: RULES,
            storage: Storage::gcs(bucket),
        }))
    }

    /// Returns a client that has found credentials, and asks other servers for them.
    fn found(
        &self,
        environment: &Environment,
        builder: GoogleCloudStorageBuilder,
    ) -> Result<GoogleCloudStorage, SettingsError> {
        let anywhere = Anywhere(tls(Certificates::Trusted)?);
        self.credentials(environment, builder)
            .with_retry(retries_of_credentials())
            .with_http_connector(Connector::new(anywhere))
            .build()
            .map_err(SettingsError::new)
    }

    fn credentials(
        &self,
        environment: &Environment,
        builder: GoogleCloudStorageBuilder,
    ) -> GoogleCloudStorageBuilder {
        let set = self.service_account_file.as_ref();
        let set = set.map(|path| path.to_string_lossy().into_owned());
        if let Some(path) = set.or_else(|| environment.var("GCS_SERVICE_ACCOUNT_FILE")) {
            return builder.with_service_account_path(path);
        }
        match environment.var("GOOGLE_APPLICATION_CREDENTIALS") {
            Some(path) => builder.with_application_credentials(path),
            None => builder,
        }
    }
}
