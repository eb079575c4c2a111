//! The credentials for Azure: the key of the account, or the first of those that Azure's
//! SDKs try one after the other, and that a server can have.

use object_store::azure::MicrosoftAzureBuilder;
use tower_tus_layers::protocol::BoxError;

use super::environment::Environment;

/// Where credentials come from.
#[derive(PartialEq, Eq)]
pub(in crate::store::object::cloud) enum AzureSource {
    /// The key of the account.
    Key(String),
    /// The secret of an application.
    Secret {
        principal: Principal,
        secret: String,
    },
    /// The file with a token for an application, as in AKS.
    Federated {
        principal: Principal,
        token_file: String,
    },
    /// The managed identity of the machine, or of an app, which has an endpoint of its own.
    Managed {
        client: Option<String>,
        endpoint: Option<String>,
    },
}

/// An application in a directory, and the server that knows both.
#[derive(PartialEq, Eq)]
pub(in crate::store::object::cloud) struct Principal {
    tenant: String,
    client: String,
    authority: Option<String>,
}

type Find = fn(&Environment) -> Result<Option<AzureSource>, BoxError>;

/// What Azure's SDKs try, in their order and by their names.
const CHAIN: [(&str, Find); 3] = [
    ("EnvironmentCredential", of_secret),
    ("WorkloadIdentityCredential", of_token_file),
    ("ManagedIdentityCredential", of_machine),
];

const INSTEAD: &str = "set AZURE_STORAGE_KEY, AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, \
                       or use the managed identity of a machine";

impl AzureSource {
    /// Finds credentials.
    ///
    /// # Errors
    ///
    /// Fails if the first that were found are incomplete or not supported.
    pub(in crate::store::object::cloud) fn find(
        environment: &Environment,
    ) -> Result<Self, BoxError> {
        if let Some(key) = environment.var("AZURE_STORAGE_KEY") {
            return Ok(Self::Key(key));
        }
        let chosen = environment.var("AZURE_TOKEN_CREDENTIALS");
        let chosen = chosen.filter(|chosen| chosen != "prod");
        for (name, find) in CHAIN {
            let is_left_out = chosen
                .as_ref()
                .is_some_and(|chosen| !chosen.eq_ignore_ascii_case(name));
            if !is_left_out && let Some(source) = find(environment)? {
                return Ok(source);
            }
        }
        let chosen = chosen.unwrap_or_default();
        Err(format!(
            "AZURE_TOKEN_CREDENTIALS allows {chosen} alone, which is not set or not supported: \
             {INSTEAD}"
        )
        .into())
    }

    /// Lets a client find the credentials.
    pub(in crate::store::object::cloud) fn set(
        self,
        builder: MicrosoftAzureBuilder,
    ) -> MicrosoftAzureBuilder {
        match self {
            Self::Key(key) => builder.with_access_key(key),
            Self::Secret { principal, secret } => principal.set(builder).with_client_secret(secret),
            Self::Federated {
                principal,
                token_file,
            } => principal.set(builder).with_federated_token_file(token_file),
            Self::Managed { client, endpoint } => {
                let builder = match client {
                    Some(client) => builder.with_client_id(client),
                    None => builder,
                };
                match endpoint {
                    Some(endpoint) => builder.with_msi_endpoint(endpoint),
                    None => builder,
                }
            }
        }
    }
}

impl Principal {
    /// Reads the application for which the variable `name` has a proof.
    fn read(environment: &Environment, name: &str) -> Result<Self, BoxError> {
        let needed = |needed| {
            let missing = || format!("{name} is set, but {needed} is missing");
            environment.var(needed).ok_or_else(missing)
        };
        let (tenant, client) = (needed("AZURE_TENANT_ID")?, needed("AZURE_CLIENT_ID")?);
        // It becomes a part of a URL.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        if !tenant.bytes().all(is_allowed) {
            return Err(format!("AZURE_TENANT_ID cannot be {tenant:?}").into());
        }
        let authority = environment.var("AZURE_AUTHORITY_HOST");
        let authority = authority.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self {
            tenant,
            client,
            authority,
        })
    }

    fn set(self, builder: MicrosoftAzureBuilder) -> MicrosoftAzureBuilder {
        let builder = builder
            .with_tenant_id(self.tenant)
            .with_client_id(self.client);
        match self.authority {
            Some(authority) => builder.with_authority_host(authority),
            None => builder,
        }
    }
}

fn of_secret(environment: &Environment) -> Result<Option<AzureSource>, BoxError> {
    let name = "AZURE_CLIENT_SECRET";
    if let Some(secret) = environment.var(name) {
        let principal = Principal::read(environment, name)?;
        return Ok(Some(AzureSource::Secret { principal, secret }));
    }
    for (name, way) in [
        ("AZURE_CLIENT_CERTIFICATE_PATH", "a certificate"),
        ("AZURE_PASSWORD", "the password of a user"),
    ] {
        if environment.var(name).is_some() {
            let error = format!("{name} is set, but {way} is not supported: {INSTEAD}");
            return Err(error.into());
        }
    }
    Ok(None)
}

fn of_token_file(environment: &Environment) -> Result<Option<AzureSource>, BoxError> {
    let name = "AZURE_FEDERATED_TOKEN_FILE";
    let Some(token_file) = environment.var(name) else {
        return Ok(None);
    };
    let principal = Principal::read(environment, name)?;
    Ok(Some(AzureSource::Federated {
        principal,
        token_file,
    }))
}

fn of_machine(environment: &Environment) -> Result<Option<AzureSource>, BoxError> {
    let is_set = |name| environment.var(name).is_some();
    // An app gets both.
    let of_app = environment
        .var("IDENTITY_ENDPOINT")
        .filter(|_| is_set("IDENTITY_HEADER"));
    let other = match &of_app {
        Some(_) => ("IDENTITY_SERVER_THUMBPRINT", "Service Fabric"),
        None if is_set("MSI_ENDPOINT") => ("MSI_ENDPOINT", "Azure ML or the Cloud Shell"),
        None => ("IMDS_ENDPOINT", "Azure Arc"),
    };
    if let (name, place) = other
        && is_set(name)
    {
        let error = format!(
            "{name} is set, but the managed identity of {place} is not supported: {INSTEAD}"
        );
        return Err(error.into());
    }
    Ok(Some(AzureSource::Managed {
        client: environment.var("AZURE_CLIENT_ID"),
        endpoint: of_app,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 8] = [
        ("AZURE_STORAGE_KEY", "a2V5"),
        ("AZURE_CLIENT_SECRET", "hidden"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
        ("AZURE_TENANT_ID", "tenant.test"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_AUTHORITY_HOST", "https://login.test/"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1/msi"),
        ("IDENTITY_HEADER", "x"),
    ];

    fn find(vars: &[(&str, &str)]) -> Result<AzureSource, String> {
        let found = AzureSource::find(&Environment::of(vars));
        found.map_err(|error| error.to_string())
    }

    fn error(vars: &[(&str, &str)]) -> String {
        find(vars).err().unwrap()
    }

    fn principal() -> Principal {
        Principal {
            tenant: "tenant.test".to_owned(),
            client: "client".to_owned(),
            authority: Some("https://login.test".to_owned()),
        }
    }

    #[test]
    fn a_key_comes_before_a_secret_a_token_and_the_machine() {
        let own = |text: &str| Some(text.to_owned());
        let managed = |client, endpoint| AzureSource::Managed { client, endpoint };
        let secret = AzureSource::Secret {
            principal: principal(),
            secret: "hidden".to_owned(),
        };
        let federated = AzureSource::Federated {
            principal: principal(),
            token_file: "/token".to_owned(),
        };
        let key = AzureSource::Key("a2V5".to_owned());
        for (first, expected) in [
            (0, key),
            (1, secret),
            (2, federated),
            (3, managed(own("client"), own("http://127.0.0.1/msi"))),
            // A header alone is not for us.
            (7, managed(None, None)),
            (8, managed(None, None)),
        ] {
            assert!(find(&ALL[first..]) == Ok(expected), "from {first}");
        }
    }

    #[test]
    fn a_choice_leaves_the_others_out() {
        let choose = |chosen| {
            let chosen = ("AZURE_TOKEN_CREDENTIALS", chosen);
            [&ALL[1..], &[chosen]].concat()
        };
        let secret = find(&choose("prod"));
        assert!(matches!(secret, Ok(AzureSource::Secret { .. })));
        let federated = find(&choose("workloadidentitycredential"));
        assert!(matches!(federated, Ok(AzureSource::Federated { .. })));
        let managed = find(&choose("ManagedIdentityCredential"));
        assert!(matches!(managed, Ok(AzureSource::Managed { .. })));
        for chosen in ["dev", "AzureCLICredential"] {
            let error = error(&choose(chosen));
            assert!(error.contains(&format!("allows {chosen} alone")), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let [secret, token, tenant, client] = [ALL[1], ALL[2], ALL[3], ALL[4]];
        let missing = error(&[secret, client]);
        assert_eq!(
            missing,
            "AZURE_CLIENT_SECRET is set, but AZURE_TENANT_ID is missing"
        );
        let missing = error(&[token, tenant]);
        assert_eq!(
            missing,
            "AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_CLIENT_ID is missing"
        );
    }

    #[test]
    fn what_is_not_supported_says_what_to_set_instead() {
        let endpoint = ("IDENTITY_ENDPOINT", "x");
        let header = ("IDENTITY_HEADER", "x");
        for (vars, name) in [
            (&[][..], "AZURE_CLIENT_CERTIFICATE_PATH"),
            (&[], "AZURE_PASSWORD"),
            (&[endpoint, header], "IDENTITY_SERVER_THUMBPRINT"),
            (&[endpoint], "IMDS_ENDPOINT"),
            (&[], "MSI_ENDPOINT"),
        ] {
            let error = error(&[vars, &[(name, "x")]].concat());
            assert!(error.starts_with(&format!("{name} is set, but")), "{error}");
            assert!(error.contains("set AZURE_STORAGE_KEY"), "{error}");
        }
    }

    #[test]
    fn a_tenant_that_would_change_the_url_is_refused() {
        let vars = [ALL[1], ALL[4], ("AZURE_TENANT_ID", "a/b")];
        assert_eq!(error(&vars), "AZURE_TENANT_ID cannot be \"a/b\"");
    }
}
