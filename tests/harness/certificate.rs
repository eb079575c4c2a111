//! A certificate for `localhost` and its key, as files.

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

pub(crate) struct Certificate(TempDir);

impl Certificate {
    pub(crate) fn make() -> Self {
        let directory = TempDir::new().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("certificate"), cert.pem()).unwrap();
        std::fs::write(directory.path().join("key"), signing_key.serialize_pem()).unwrap();
        Self(directory)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> String {
        self.path("certificate")
    }

    pub(crate) fn key(&self) -> String {
        self.path("key")
    }

    fn path(&self, name: &str) -> String {
        self.directory().join(name).to_str().unwrap().to_owned()
    }

    /// Returns the flags of a server that uses the certificate.
    pub(crate) fn flags(&self) -> [String; 2] {
        [
            format!("-tls-certificate={}", self.file()),
            format!("-tls-key={}", self.key()),
        ]
    }
}
