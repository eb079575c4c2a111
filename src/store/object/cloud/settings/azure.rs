use std::fmt;
use std::sync::Arc;

use object_store::azure::{AzureCredentialProvider, MicrosoftAzureBuilder};
use tower_tus_layers::protocol::BoxError;

use super::SettingsError;
use super::address::{Address, Certificates, Scheme, bucket, tls};
use crate::store::object::cloud::azure::{Authorizer, Container, ContainerAccess};
use crate::store::object::cloud::connector::{
    Anywhere, Connector, no_retries, retries_of_credentials,
};
use crate::store::object::cloud::credentials::{AzureSource, Environment};
use crate::store::object::cloud::ordinary::Ordinary;
use crate::store::object::cloud::own::Own;
use crate::store::object::cloud::tags::TagsAre;
use crate::store::object::objects::{Objects, Storage};

/// A container of Azure's Blob Storage.
///
/// The account and its key are those of [`account`](Self::account), by default of the
/// variables `AZURE_STORAGE_ACCOUNT` and `AZURE_STORAGE_KEY`. Without a key, tokens are
/// asked for as Azure's SDKs do it: with the secret of an application
/// (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`), with the file of a
/// workload identity (`AZURE_FEDERATED_TOKEN_FILE`), or by the managed identity of the
/// machine.
#[derive(Clone)]
pub struct Azure {
    container: String,
    endpoint: Option<String>,
    account: Option<(String, String)>,
}

impl Azure {
    /// Names the container.
    #[must_use]
    pub fn new(container: impl Into<String>) -> Self {
        Self {
            container: container.into(),
            endpoint: None,
            account: None,
        }
    }

    /// Names another container, with the same settings.
    #[must_use]
    pub fn container(self, container: impl Into<String>) -> Self {
        Self {
            container: container.into(),
            ..self
        }
    }

    /// Sets the account and its key, in base64.
    #[must_use]
    pub fn account(self, name: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            account: Some((name.into(), key.into())),
            ..self
        }
    }

    /// Sets the server; the default is `https://ACCOUNT.blob.core.windows.net`.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: Some(endpoint.into()),
            ..self
        }
    }

    /// Makes the container, unless it exists: then its access stays as it is.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used or is missing, if the container cannot be listed,
    /// or if it can neither be found nor made.
    pub async fn create_container(&self, access: ContainerAccess) -> Result<(), BoxError> {
        let container = self.container_with(&Environment::of_process())?;
        Ok(container.create(access).await?)
    }

    /// Opens the container, without a request.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used or is missing.
    pub(crate) fn open(&self) -> Result<Arc<dyn Objects>, SettingsError> {
        self.open_with(&Environment::of_process())
    }

    pub(in crate::store::object::cloud) fn open_with(
        &self,
        environment: &Environment,
    ) -> Result<Arc<dyn Objects>, SettingsError> {
        Ok(Arc::new(self.container_with(environment)?))
    }

    fn container_with(&self, environment: &Environment) -> Result<Container, SettingsError> {
        let container = bucket(&self.container)?;
        let (account, source) = self.found(environment)?;
        let default = || format!("https://{account}.blob.core.windows.net");
        let endpoint = self.endpoint.clone().unwrap_or_else(default);
        let address = Address::parse(&endpoint, Scheme::Https)?;
        let transport = address.transport(Certificates::Trusted)?;
        let builder = MicrosoftAzureBuilder::new()
            .with_container_name(container)
            .with_account(&account)
            .with_endpoint(address.url());
        let credentials = provider(source, builder.clone())?;
        let client = builder
            .with_credentials(credentials.clone())
            .with_retry(no_retries())
            .with_http_connector(Connector::new(transport.clone()))
            .build()
            .map_err(SettingsError::new)?;
        let authorizer = Authorizer {
            base: format!("{}/{container}", address.url()),
            account,
            credentials,
        };
        let own = Own::new(container, authorizer, transport);
        let ordinary = Ordinary::new(client, TagsAre::ETags);
        let storage = Storage::azure(container);
        Ok(Container::new(ordinary, own, storage))
    }

    fn found(&self, environment: &Environment) -> Result<(String, AzureSource), SettingsError> {
        if let Some((account, key)) = &self.account {
            return Ok((bucket(account)?.to_owned(), AzureSource::Key(key.clone())));
        }
        let missing = || SettingsError::new("AZURE_STORAGE_ACCOUNT is missing");
        let account = environment.var("AZURE_STORAGE_ACCOUNT");
        let account = bucket(&account.ok_or_else(missing)?)?.to_owned();
        let source = AzureSource::find(environment).map_err(SettingsError::new)?;
        Ok((account, source))
    }
}

fn provider(
    source: AzureSource,
    builder: MicrosoftAzureBuilder,
) -> Result<AzureCredentialProvider, SettingsError> {
    let anywhere = Anywhere(tls(Certificates::Trusted)?);
    let builder = source
        .set(builder)
        .with_retry(retries_of_credentials())
        .with_http_connector(Connector::new(anywhere));
    let client = builder.build().map_err(SettingsError::new)?;
    Ok(client.credentials().clone())
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map(|(name, _)| name);
        f.debug_struct("Azure")
            .field("container", &self.container)
            .field("endpoint", &self.endpoint)
            .field("account", &account)
            .finish_non_exhaustive()
    }
}
