//! Flags about TLS.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::go;

/// tusd's flags about TLS.
#[derive(Debug, Args)]
pub(crate) struct TlsFlags {
    /// PEM file with the certificate and its chain; enables HTTPS instead of HTTP
    #[arg(long, default_value = "", hide_default_value = true, value_parser = go::path())]
    tls_certificate: PathBuf,

    /// PEM file with the certificate's key, without a password
    #[arg(long, default_value = "", hide_default_value = true, value_parser = go::path())]
    tls_key: PathBuf,

    /// TLS versions: tls13, tls12 (1.2 and 1.3), or tls12-strong (1.2 with AES-256 only)
    #[arg(long, default_value = "tls12")]
    pub(crate) tls_mode: TlsMode,
}

/// Versions of TLS, with tusd's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsMode {
    Tls13,
    Tls12,
    Tls12Strong,
}

impl TlsFlags {
    /// Whether TLS is on.
    pub(crate) fn are_set(&self) -> bool {
        self.certificate().is_some()
    }

    /// The file of the certificate, if one is named.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        Some(&*self.tls_certificate).filter(|path| !path.as_os_str().is_empty())
    }

    /// The file of the key, if one is named.
    pub(crate) fn key(&self) -> Option<&Path> {
        Some(&*self.tls_key).filter(|path| !path.as_os_str().is_empty())
    }
}
