//! The settings of a bucket of S3.

mod open;

use std::fmt;
use std::sync::Arc;

use super::SettingsError;
use super::address::{Certificates, Scheme};
use crate::store::object::cloud::credentials::Environment;
use crate::store::object::objects::{Objects, Rules};

/// A bucket of S3, or of a server that behaves like S3.
///
/// Without [`keys`](Self::keys), credentials are found in the order of AWS's SDKs: the
/// variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; a web
/// identity (`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`); the profile `AWS_PROFILE` of
/// the shared files; the container; the EC2 instance.
#[derive(Clone, Debug)]
pub struct S3 {
    bucket: String,
    region: Option<String>,
    endpoint: Option<String>,
    scheme: Scheme,
    certificates: Certificates,
    style: Style,
    encryption: Encryption,
    hashes: Hashes,
    keys: Option<(String, Hidden)>,
    rules: Rules,
    others: Vec<String>,
}

/// Where the name of the bucket is in URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Style {
    /// In the path if there is an endpoint, else in the host if it can be there.
    #[default]
    Either,
    Path,
    Host,
    Accelerated,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Encryption {
    /// As the bucket says.
    #[default]
    OfBucket,
    S3,
    Kms(String),
}

/// Whether signatures contain a hash of the bytes that are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hashes {
    /// Only without TLS, which protects the bytes as well.
    #[default]
    WithoutTls,
    Never,
}

/// A text that is not in debug output.
#[derive(Clone)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl S3 {
    /// Names the bucket.
    #[must_use]
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: None,
            endpoint: None,
            scheme: Scheme::default(),
            certificates: Certificates::default(),
            style: Style::default(),
            encryption: Encryption::default(),
            hashes: Hashes::default(),
            keys: None,
            rules: Rules::S3,
            others: Vec::new(),
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

    /// Allows gates and `pre-create` hooks to choose another bucket for the object of an
    /// upload. It is used with the same settings.
    #[must_use]
    pub fn allow_bucket(mut self, name: impl Into<String>) -> Self {
        self.others.push(name.into());
        self
    }

    /// Sets the region. The default is `AWS_REGION`, `AWS_DEFAULT_REGION` or that of the
    /// profile; with an endpoint, it may be missing.
    #[must_use]
    pub fn region(self, region: impl Into<String>) -> Self {
        Self {
            region: Some(region.into()),
            ..self
        }
    }

    /// Uses a server other than AWS: a URL or a host, which is reached by https.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: Some(endpoint.into()),
            ..self
        }
    }

    /// Sets the access key.
    #[must_use]
    pub fn keys(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            keys: Some((id.into(), Hidden(secret.into()))),
            ..self
        }
    }

    /// Uses http where the endpoint has no scheme.
    #[must_use]
    pub fn without_tls(self) -> Self {
        Self {
            scheme: Scheme::Http,
            ..self
        }
    }

    /// Accepts every certificate of the server.
    #[must_use]
    pub fn accept_any_certificate(self) -> Self {
        Self {
            certificates: Certificates::Any,
            ..self
        }
    }

    /// Puts the name of the bucket into the path of URLs; the default with an endpoint.
    #[must_use]
    pub fn path_style(self) -> Self {
        Self {
            style: Style::Path,
            ..self
        }
    }

    /// Puts the name of the bucket before the host of URLs; the default without an
    /// endpoint.
    #[must_use]
    pub fn virtual_hosts(self) -> Self {
        Self {
            style: Style::Host,
            ..self
        }
    }

    /// Uses AWS's transfer acceleration, which has to be enabled for the bucket.
    #[must_use]
    pub fn accelerate(self) -> Self {
        Self {
            style: Style::Accelerated,
            ..self
        }
    }

    /// Asks for encryption by keys of S3.
    #[must_use]
    pub fn encrypt(self) -> Self {
        Self {
            encryption: Encryption::S3,
            ..self
        }
    }

    /// Asks for encryption by this key of AWS's KMS.
    #[must_use]
    pub fn encrypt_with_kms(self, key: impl Into<String>) -> Self {
        Self {
            encryption: Encryption::Kms(key.into()),
            ..self
        }
    }

    /// Sends no hash of the bytes over http. Over https, none is ever sent.
    #[must_use]
    pub fn without_content_hashes(self) -> Self {
        Self {
            hashes: Hashes::Never,
            ..self
        }
    }

    /// Sets the minimum size of parts in bytes, except for the last one of an upload:
    /// 5 MiB by default.
    #[must_use]
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.rules.min_part = bytes.min(self.rules.max_part);
        self
    }

    /// Sets the maximum size of parts in bytes: 5 GiB by default.
    #[must_use]
    pub fn max_part_size(mut self, bytes: u64) -> Self {
        self.rules.max_part = bytes.max(self.rules.min_part);
        self
    }

    /// Sets the maximum number of parts of an upload: 10,000 by default.
    #[must_use]
    pub fn max_parts(mut self, parts: u32) -> Self {
        self.rules.max_parts = parts.max(1);
        self
    }

    /// Sets the maximum size of an object in bytes: 5 TiB by default.
    #[must_use]
    pub fn max_object_size(mut self, bytes: u64) -> Self {
        self.rules.max_object = bytes;
        self
    }

    /// Gives all parts of an upload but the last one the same size, which Cloudflare R2
    /// requires.
    #[must_use]
    pub fn equal_parts(mut self) -> Self {
        self.rules.equal_parts = true;
        self
    }

    /// Opens the other buckets, without a request, and returns them with their names.
    pub(crate) fn open_others(&self) -> Result<Vec<(String, Arc<dyn Objects>)>, SettingsError> {
        let names = self.others.iter();
        let opened = names.map(|name| Ok((name.clone(), self.clone().bucket(name).open()?)));
        opened.collect()
    }

    /// Opens the bucket, without a request.
    ///
    /// # Errors
    ///
    /// Fails if a setting cannot be used, or if there are no credentials.
    pub(crate) fn open(&self) -> Result<Arc<dyn Objects>, SettingsError> {
        self.open_with(&Environment::of_process())
    }
}
