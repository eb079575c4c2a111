use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::keys::Keys;

/// Where credentials come from.
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
