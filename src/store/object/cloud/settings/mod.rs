//! The settings of each cloud.

mod address;
mod error;
mod s3;

pub use self::error::SettingsError;
pub use self::s3::S3;
