use std::fmt;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use tower_tus_layers::protocol::BoxError;

use super::environment::Environment;
use super::profile::Profile;

/// Where credentials come from, and the region that was found with them.
#[derive(Debug)]
pub(in crate::store::object::cloud) struct Found {
    pub(in crate::store::object::cloud) source: Source,
    pub(in crate::store::object::cloud) region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::object::cloud) enum Source {
    Keys(Keys),
    /// The file with a token for a role, as in EKS.
    WebIdentity {
        token_file: String,
        role: String,
        session: Option<String>,
    },
    /// The container's agent, as in ECS.
    Container {
        uri: String,
    },
    /// The container's agent, as in EKS.
    Pod {
        uri: String,
        token_file: String,
    },
    /// The metadata of an EC2 instance.
    Instance,
}

/// Finds credentials.
///
/// # Errors
///
/// Fails if some were found that are incomplete or not supported, or if the instance may
/// not be asked.
pub(in crate::store::object::cloud) fn find(environment: &Environment) -> Result<Found, BoxError> {
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let region = region.iter().find_map(|name| environment.var(name));
    if let Some(source) = of_variables(environment)? {
        // The shared files may have the region still.
        let of_profile = || Some(Profile::read(environment).ok()?.get("region")?.to_owned());
        let region = region.or_else(of_profile);
        return Ok(Found { source, region });
    }
    let profile = Profile::read(environment)?;
    let region = region.or_else(|| profile.get("region").map(str::to_owned));
    let source = match profile.source()? {
        Some(source) => source,
        None => of_machine(environment)?,
    };
    Ok(Found { source, region })
}

fn of_variables(environment: &Environment) -> Result<Option<Source>, BoxError> {
    let var = |name| environment.var(name);
    match (var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let token = var("AWS_SESSION_TOKEN");
            let keys = Keys::new(&id, &secret, token.as_deref())?;
            return Ok(Some(Source::Keys(keys)));
        }
        (Some(_), None) => {
            return Err("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is missing".into());
        }
        (None, Some(_)) => {
            return Err("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is missing".into());
        }
        (None, None) => {}
    }
    let Some(token_file) = var("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        return Ok(None);
    };
    let Some(role) = var("AWS_ROLE_ARN") else {
        return Err("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is missing".into());
    };
    Ok(Some(Source::WebIdentity {
        token_file,
        role,
        session: var("AWS_ROLE_SESSION_NAME"),
    }))
}

fn of_machine(environment: &Environment) -> Result<Source, BoxError> {
    let var = |name| environment.var(name);
    if let Some(uri) = var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Ok(Source::Container { uri });
    }
    if let Some(uri) = var("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        let Some(token_file) = var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") else {
            return Err(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set, but the token's file is missing: set \
                 AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
                    .into(),
            );
        };
        return Ok(Source::Pod { uri, token_file });
    }
    let disabled = var("AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(
            "no credentials: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and \
             AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are not set, the shared files have no keys, \
             and AWS_EC2_METADATA_DISABLED forbids to ask the instance"
                .into(),
        );
    }
    Ok(Source::Instance)
}

impl Source {
    /// Lets a client find the credentials.
    pub(in crate::store::object::cloud) fn set(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        use AmazonS3ConfigKey as Key;
        let values = match self {
            Self::Keys(keys) => {
                let token = keys.token.clone();
                let token = token.map(|token| (Key::Token, token));
                let mut values = vec![
                    (Key::AccessKeyId, keys.id.clone()),
                    (Key::SecretAccessKey, keys.secret.clone()),
                ];
                values.extend(token);
                values
            }
            Self::WebIdentity {
                token_file,
                role,
                session,
            } => {
                let session = session.clone().map(|name| (Key::RoleSessionName, name));
                let mut values = vec![
                    (Key::WebIdentityTokenFile, token_file.clone()),
                    (Key::RoleArn, role.clone()),
                ];
                values.extend(session);
                values
            }
            Self::Container { uri } => vec![(Key::ContainerCredentialsRelativeUri, uri.clone())],
            Self::Pod { uri, token_file } => vec![
                (Key::ContainerCredentialsFullUri, uri.clone()),
                (Key::ContainerAuthorizationTokenFile, token_file.clone()),
            ],
            Self::Instance => Vec::new(),
        };
        values.into_iter().fold(builder, |builder, (key, value)| {
            builder.with_config(key, value)
        })
    }
}

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::store::object::cloud) struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Keys {
    /// # Errors
    ///
    /// Fails if one cannot be in a header.
    pub(in crate::store::object::cloud) fn new(
        id: &str,
        secret: &str,
        token: Option<&str>,
    ) -> Result<Self, BoxError> {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        for (name, text) in [("access key", Some(id)), ("session token", token)] {
            if !text.is_none_or(is_plain) {
                return Err(format!("the {name} has characters that none can have").into());
            }
        }
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: token.map(str::to_owned),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn found(vars: &[(&str, &str)]) -> Found {
        find(&Environment::of(vars)).unwrap()
    }

    fn error(vars: &[(&str, &str)]) -> String {
        find(&Environment::of(vars)).unwrap_err().to_string()
    }

    fn keys(id: &str) -> Source {
        Source::Keys(Keys::new(id, "secret", None).unwrap())
    }

    fn home(credentials: &str, config: &str) -> TempDir {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
        fs::write(home.path().join(".aws/config"), config).unwrap();
        home
    }

    const FILE: &str = "[default]\naws_access_key_id=FILE\naws_secret_access_key=secret\n\
                        [other]\naws_access_key_id=OTHER\naws_secret_access_key=secret\n";

    #[test]
    fn variables_come_before_web_identity_files_container_and_instance() {
        let home = home(FILE, "[default]\nregion=of-file\n");
        let home = home.path().to_str().unwrap();
        let all = [
            ("AWS_ACCESS_KEY_ID", "VAR"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_ROLE_ARN", "arn:role"),
            ("HOME", home),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2"),
        ];
        let first = found(&all);
        assert_eq!(first.source, keys("VAR"));
        assert_eq!(first.region.as_deref(), Some("of-file"));
        assert!(matches!(
            found(&all[2..]).source,
            Source::WebIdentity { .. }
        ));
        assert_eq!(found(&all[4..]).source, keys("FILE"));
        assert!(matches!(found(&all[5..]).source, Source::Container { .. }));
        assert_eq!(found(&[]).source, Source::Instance);
    }

    #[test]
    fn a_profile_has_keys_and_a_region_in_either_file() {
        let home = home(FILE, "[profile other]\nregion = eu-north-1\n");
        let home = home.path().to_str().unwrap();
        let other = found(&[("HOME", home), ("AWS_PROFILE", "other")]);
        assert_eq!(other.source, keys("OTHER"));
        assert_eq!(other.region.as_deref(), Some("eu-north-1"));
        let region = found(&[
            ("HOME", home),
            ("AWS_PROFILE", "other"),
            ("AWS_REGION", "x"),
        ]);
        assert_eq!(region.region.as_deref(), Some("x"));
        let error = error(&[("HOME", home), ("AWS_PROFILE", "third")]);
        assert!(error.contains("third"), "{error}");
    }

    #[test]
    fn variables_name_other_files() {
        let home = home("", FILE);
        let config = home.path().join(".aws/config");
        let vars = [("AWS_SHARED_CREDENTIALS_FILE", config.to_str().unwrap())];
        assert_eq!(found(&vars).source, keys("FILE"));
    }

    #[test]
    fn a_profile_that_needs_more_says_what_to_do_instead() {
        for (config, found) in [
            ("sso_session = x", "SSO"),
            ("credential_process = /bin/x", "credential_process"),
            ("role_arn = x\nsource_profile = y", "source_profile"),
            ("role_arn = x\ncredential_source = y", "credential_source"),
        ] {
            let home = home("", &format!("[default]\n{config}\n"));
            let error = error(&[("HOME", home.path().to_str().unwrap())]);
            assert!(error.contains("the profile default"), "{error}");
            assert!(error.contains(found), "{error}");
            assert!(
                error.contains("aws configure export-credentials"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_profile_may_have_a_web_identity() {
        let home = home(
            "",
            "[default]\nrole_arn = arn:r\nweb_identity_token_file = /t\n",
        );
        let source = found(&[("HOME", home.path().to_str().unwrap())]).source;
        let (token_file, role) = ("/t".to_owned(), "arn:r".to_owned());
        let session = None;
        let expected = Source::WebIdentity {
            token_file,
            role,
            session,
        };
        assert_eq!(source, expected);
    }

    #[test]
    fn half_of_a_key_is_an_error_that_names_the_other_half() {
        let half = error(&[("AWS_ACCESS_KEY_ID", "x")]);
        assert!(half.contains("AWS_SECRET_ACCESS_KEY is missing"), "{half}");
        let half = error(&[("AWS_SECRET_ACCESS_KEY", "x")]);
        assert!(half.contains("AWS_ACCESS_KEY_ID is missing"), "{half}");
        let home = home("[default]\naws_access_key_id=x\n", "");
        let half = error(&[("HOME", home.path().to_str().unwrap())]);
        assert!(half.contains("has no aws_secret_access_key"), "{half}");
    }

    #[test]
    fn without_the_instance_there_are_no_credentials() {
        let error = error(&[("AWS_EC2_METADATA_DISABLED", "true")]);
        assert!(error.starts_with("no credentials"), "{error}");
    }

    #[test]
    fn a_key_that_cannot_be_in_a_header_is_refused() {
        let broken = [
            ("AWS_ACCESS_KEY_ID", "A\nB"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ];
        let error = error(&broken);
        assert!(error.starts_with("the access key has"), "{error}");
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let keys = Keys::new("AKIA", "hidden", Some("hidden")).unwrap();
        assert!(!format!("{keys:?}").contains("hidden"));
    }
}
