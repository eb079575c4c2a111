use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};

use super::{Encryption, Hashes, S3, Style};
use crate::store::object::cloud::bucket::Bucket;
use crate::store::object::cloud::connector::{
    Anywhere, Connector, no_retries, retries_of_credentials,
};
use crate::store::object::cloud::credentials::{Environment, Found, Keys, Source, find};
use crate::store::object::cloud::ordinary::Ordinary;
use crate::store::object::cloud::own::Own;
use crate::store::object::cloud::settings::SettingsError;
use crate::store::object::cloud::settings::address::{Address, Certificates, bucket, tls};
use crate::store::object::cloud::tags::TagsAre;
use crate::store::object::objects::{Objects, Storage};

/// Where the name of the bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Host,
}

impl S3 {
    pub(in crate::store::object::cloud) fn open_with(
        &self,
        environment: &Environment,
    ) -> Result<Arc<dyn Objects>, SettingsError> {
        let Found { source, region } = self.credentials(environment)?;
        let region = self.region.clone().or(region);
        let region = region.map(checked).transpose()?;
        let (address, place) = self.address(region.as_deref())?;
        let transport = address.transport(self.certificates)?;
        let builder = self.builder(&address, place, region)?;
        let client = builder
            .clone()
            .with_credentials(provider(&source, builder)?)
            .with_retry(no_retries())
            .with_http_connector(Connector::new(transport.clone()))
            .build()
            .map_err(SettingsError::new)?;
        Ok(Arc::new(Bucket {
            own: Own::new(&self.bucket, client.clone(), transport),
            ordinary: Ordinary::new(client, TagsAre::ETags),
            rules: self.rules.clone(),
            storage: Storage::s3(&self.bucket),
        }))
    }

    fn builder(
        &self,
        address: &Address,
        place: Place,
        region: Option<String>,
    ) -> Result<AmazonS3Builder, SettingsError> {
        let builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(region.unwrap_or_else(|| "us-east-1".to_owned()))
            .with_endpoint(address.url())
            .with_virtual_hosted_style_request(place == Place::Host)
            .with_disable_bulk_delete(true)
            .with_unsigned_payload(address.is_encrypted() || self.hashes == Hashes::Never);
        self.encryption.set(builder)
    }

    fn credentials(&self, environment: &Environment) -> Result<Found, SettingsError> {
        let Some((id, secret)) = &self.keys else {
            return find(environment).map_err(SettingsError::new);
        };
        let keys = Keys::new(id, &secret.0, None).map_err(SettingsError::new)?;
        let (source, region) = (Source::Keys(keys), None);
        Ok(Found { source, region })
    }

    fn address(&self, region: Option<&str>) -> Result<(Address, Place), SettingsError> {
        let bucket = bucket(&self.bucket)?;
        let parse = |text: &str| Address::parse(text, self.scheme);
        match (self.style, &self.endpoint) {
            (Style::Accelerated, Some(_)) => Err(SettingsError::new(
                "transfer acceleration is a feature of AWS: it cannot be used with an endpoint",
            )),
            (Style::Accelerated, None) => {
                let host = format!("{bucket}.s3-accelerate.amazonaws.com");
                Ok((parse(&host)?, Place::Host))
            }
            (Style::Host, Some(endpoint)) => Ok((parse(endpoint)?.below(bucket)?, Place::Host)),
            (Style::Either | Style::Path, Some(endpoint)) => Ok((parse(endpoint)?, Place::Path)),
            (style, None) => {
                let aws = parse(&aws(region)?)?;
                // A certificate covers one level only.
                let in_path = style == Style::Path || bucket.contains('.');
                match in_path {
                    true => Ok((aws, Place::Path)),
                    false => Ok((aws.below(bucket)?, Place::Host)),
                }
            }
        }
    }
}

fn aws(region: Option<&str>) -> Result<String, SettingsError> {
    let Some(region) = region else {
        let error = "the region is missing: set AWS_REGION, or `region` in the profile";
        return Err(SettingsError::new(error));
    };
    let end = match region.starts_with("cn-") {
        true => ".cn",
        false => "",
    };
    Ok(format!("s3.{region}.amazonaws.com{end}"))
}

/// Refuses a region that would change the URL or a header.
fn checked(region: String) -> Result<String, SettingsError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match region.bytes().all(is_allowed) {
        true => Ok(region),
        false => Err(SettingsError::new(format!(
            "{region:?} is not the name of a region"
        ))),
    }
}

fn provider(
    source: &Source,
    builder: AmazonS3Builder,
) -> Result<AwsCredentialProvider, SettingsError> {
    let connector = Connector::new(Anywhere(tls(Certificates::Trusted)?));
    let builder = source
        .set(builder)
        .with_retry(retries_of_credentials())
        .with_http_connector(connector);
    let client = builder.build().map_err(SettingsError::new)?;
    Ok(client.credentials().clone())
}

impl Encryption {
    fn set(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder, SettingsError> {
        match self {
            Self::OfBucket => Ok(builder),
            Self::S3 => {
                let key = "aws_server_side_encryption".parse::<AmazonS3ConfigKey>();
                let key = key.map_err(SettingsError::new)?;
                Ok(builder.with_config(key, "AES256"))
            }
            Self::Kms(key) => Ok(builder.with_sse_kms_encryption(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(settings: &S3) -> String {
        let (address, place) = settings.address(Some("eu-west-1")).unwrap();
        match place {
            Place::Path => format!("{}/{}", address.url(), settings.bucket),
            Place::Host => address.url(),
        }
    }

    #[test]
    fn the_bucket_is_in_the_host_at_aws_and_in_the_path_elsewhere() {
        let s3 = S3::new("b");
        assert_eq!(url(&s3), "https://b.s3.eu-west-1.amazonaws.com");
        let path = s3.clone().path_style();
        assert_eq!(url(&path), "https://s3.eu-west-1.amazonaws.com/b");
        let dots = S3::new("b.c");
        assert_eq!(url(&dots), "https://s3.eu-west-1.amazonaws.com/b.c");
        let elsewhere = s3.endpoint("minio.test:9000");
        assert_eq!(url(&elsewhere), "https://minio.test:9000/b");
        let plain = elsewhere.clone().without_tls();
        assert_eq!(url(&plain), "http://minio.test:9000/b");
        let host = elsewhere.virtual_hosts();
        assert_eq!(url(&host), "https://b.minio.test:9000");
    }

    #[test]
    fn acceleration_is_another_endpoint_of_aws_only() {
        let s3 = S3::new("b").accelerate();
        assert_eq!(url(&s3), "https://b.s3-accelerate.amazonaws.com");
        let error = s3.endpoint("minio.test").address(None).unwrap_err();
        assert!(error.to_string().contains("acceleration"), "{error}");
    }

    #[test]
    fn aws_needs_a_region_and_an_endpoint_needs_none() {
        let error = S3::new("b").address(None).unwrap_err().to_string();
        assert!(error.contains("AWS_REGION"), "{error}");
        assert!(S3::new("b").endpoint("minio.test").address(None).is_ok());
    }

    #[test]
    fn a_secret_is_not_in_debug_output() {
        let s3 = S3::new("b").keys("id", "hidden");
        assert!(!format!("{s3:?}").contains("hidden"));
    }
}
