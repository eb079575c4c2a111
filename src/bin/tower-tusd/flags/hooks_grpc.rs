//! Flags about hooks of a gRPC service.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::HeaderName;

use super::go;
use super::list::{List, list};

/// tusd's flags about a gRPC service, and a time-out.
#[derive(Debug, Args)]
#[cfg_attr(
    not(feature = "hooks-grpc"),
    allow(dead_code, reason = "refused as a whole")
)]
pub(crate) struct GrpcFlags {
    /// Host and port of the gRPC service that receives hooks
    #[arg(long, default_value = "", hide_default_value = true)]
    hooks_grpc: String,

    /// Maximum number of attempts to reach the gRPC service
    #[arg(long, default_value = "3", value_parser = go::integer::<u32>)]
    pub(crate) hooks_grpc_retry: u32,

    /// Pause between two attempts
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    pub(crate) hooks_grpc_backoff: Duration,

    /// Maximum time for an answer, all attempts included; 0 means unlimited, like in tusd
    #[arg(long, default_value = "1m", value_parser = go::duration)]
    pub(crate) hooks_grpc_timeout: Duration,

    /// Calls the gRPC service over TLS
    #[arg(long)]
    pub(crate) hooks_grpc_secure: bool,

    /// PEM file with the certificate of the gRPC service, or of its issuer
    #[arg(long)]
    pub(crate) hooks_grpc_server_tls_certificate: Option<PathBuf>,

    /// PEM file with the certificate to present to the gRPC service
    #[arg(long)]
    pub(crate) hooks_grpc_client_tls_certificate: Option<PathBuf>,

    /// PEM file with the key of that certificate
    #[arg(long)]
    pub(crate) hooks_grpc_client_tls_key: Option<PathBuf>,

    /// Request headers to send to the gRPC service as well, separated by commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    pub(crate) hooks_grpc_forward_headers: List<HeaderName>,
}

impl GrpcFlags {
    /// The address of the service, if one is named.
    pub(crate) fn address(&self) -> Option<&str> {
        Some(self.hooks_grpc.as_str()).filter(|address| !address.is_empty())
    }
}
