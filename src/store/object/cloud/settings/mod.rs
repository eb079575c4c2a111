//! The settings of each cloud.

mod address;
mod azure;
mod error;
mod gcs;
mod s3;

pub use self::azure::Azure;
pub use self::error::SettingsError;
pub use self::gcs::Gcs;
pub use self::s3::S3;
