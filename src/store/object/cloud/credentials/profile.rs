//! A profile in the shared files.

use tower_tus_layers::protocol::BoxError;

use super::environment::Environment;
use super::ini::{self, Section};
use super::keys::Keys;
use super::source::Source;

/// What the shared files say about a profile.
#[derive(Debug)]
pub(super) struct Profile {
    name: String,
    values: Section,
}

impl Profile {
    /// Reads the profile that `AWS_PROFILE` names, or `default`, from both files.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, or if no file has the profile that is named.
    pub(super) fn read(environment: &Environment) -> Result<Self, BoxError> {
        let named = environment.var("AWS_PROFILE");
        let name = named.as_deref().unwrap_or("default").to_owned();
        let config = environment.path("AWS_CONFIG_FILE", ".aws/config");
        let credentials = environment.path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let mut config = ini::parse(&Environment::read(config)?);
        let mut credentials = ini::parse(&Environment::read(credentials)?);
        let sections = [
            config.remove("default").filter(|_| name == "default"),
            config.remove(&format!("profile {name}")),
            credentials.remove(&name),
        ];
        if named.is_some() && sections.iter().all(Option::is_none) {
            let error = format!("AWS_PROFILE names the profile {name}, which no shared file has");
            return Err(error.into());
        }
        // Credentials in their own file count more.
        let values = sections.into_iter().flatten().flatten().collect();
        Ok(Self { name, values })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Returns the credentials of the profile, if it has some.
    ///
    /// # Errors
    ///
    /// Fails if it has them in a way that is not supported.
    pub(super) fn source(&self) -> Result<Option<Source>, BoxError> {
        if self.get("source_profile").is_some() {
            return Err(self.refuse("the role of another profile (source_profile)"));
        }
        if let Some(keys) = self.keys()? {
            return Ok(Some(Source::Keys(keys)));
        }
        if self.get("credential_source").is_some() {
            return Err(self.refuse("a role by credential_source"));
        }
        if let (Some(token_file), Some(role)) =
            (self.get("web_identity_token_file"), self.get("role_arn"))
        {
            return Ok(Some(Source::WebIdentity {
                token_file: token_file.to_owned(),
                role: role.to_owned(),
                session: self.get("role_session_name").map(str::to_owned),
            }));
        }
        let is_sso = |name: &String| name.starts_with("sso_");
        if self.values.keys().any(is_sso) {
            return Err(self.refuse("SSO"));
        }
        if self.get("credential_process").is_some() {
            return Err(self.refuse("a process (credential_process)"));
        }
        Ok(None)
    }

    fn keys(&self) -> Result<Option<Keys>, BoxError> {
        let id = self.get("aws_access_key_id");
        let secret = self.get("aws_secret_access_key");
        let (id, secret) = match (id, secret) {
            (Some(id), Some(secret)) => (id, secret),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(self.lacks("aws_secret_access_key")),
            (None, Some(_)) => return Err(self.lacks("aws_access_key_id")),
        };
        let token = self.get("aws_session_token");
        Keys::new(id, secret, token).map(Some)
    }

    fn lacks(&self, name: &str) -> BoxError {
        format!("the profile {} has no {name}", self.name).into()
    }

    fn refuse(&self, way: &str) -> BoxError {
        let name = &self.name;
        format!(
            "the profile {name} needs {way}, which is not supported: export its keys with \
             `aws configure export-credentials --profile {name} --format env`, or use a web \
             identity, or the role of the container or instance"
        )
        .into()
    }
}
