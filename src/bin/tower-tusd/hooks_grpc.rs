//! The flags about hooks that are a gRPC service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http::HeaderName;
use tower_tus::hooks::GrpcHooks;
use tower_tus::hooks::grpc::Tls;

use crate::go;
use crate::hooks::or_for_ever;
use crate::list::{List, list};
use crate::run::StartError;

#[derive(Debug, Args)]
pub(crate) struct GrpcFlags {
    /// Host and port of a gRPC service to ask and to tell about uploads
    #[arg(long, default_value = "", hide_default_value = true)]
    hooks_grpc: String,

    /// How often the service is called until it is there, at most
    #[arg(long, default_value = "3", value_parser = go::integer::<u32>)]
    hooks_grpc_retry: u32,

    /// How long to wait until the service is called again
    #[arg(long, default_value = "1s", value_parser = go::duration)]
    hooks_grpc_backoff: Duration,

    /// How long the service may take to answer, over all calls; 0 is for ever, as with tusd
    #[arg(long, default_value = "1m", value_parser = go::duration)]
    hooks_grpc_timeout: Duration,

    /// Call the service over TLS
    #[arg(long)]
    hooks_grpc_secure: bool,

    /// Certificate of the service, or of who signed it (PEM)
    #[arg(long)]
    hooks_grpc_server_tls_certificate: Option<PathBuf>,

    /// Certificate to show to the service (PEM)
    #[arg(long)]
    hooks_grpc_client_tls_certificate: Option<PathBuf>,

    /// Key of that certificate (PEM)
    #[arg(long)]
    hooks_grpc_client_tls_key: Option<PathBuf>,

    /// Headers of requests that the service gets too, with commas between them
    #[arg(long, default_value = "", hide_default_value = true, value_parser = list::<HeaderName>)]
    hooks_grpc_forward_headers: List<HeaderName>,
}

impl GrpcFlags {
    /// Where the service is, if one is named.
    pub(crate) fn address(&self) -> Option<&str> {
        Some(self.hooks_grpc.as_str()).filter(|address| !address.is_empty())
    }

    /// The hooks, if a service is named.
    pub(crate) fn hooks(&self) -> Result<Option<GrpcHooks>, StartError> {
        let Some(address) = self.address() else {
            return Ok(None);
        };
        if self.hooks_grpc_server_tls_certificate.is_some() && !self.hooks_grpc_secure {
            tracing::warn!("hooks are called without TLS, as -hooks-grpc-secure is not set");
        }
        let hooks = match self.hooks_grpc_secure {
            true => GrpcHooks::secure(address, &self.tls()?),
            false => GrpcHooks::new(address),
        };
        let hooks = hooks.map_err(|error| format!("-hooks-grpc={address}: {error}"))?;
        let names = self.hooks_grpc_forward_headers.0.iter().cloned();
        let hooks = hooks
            .attempts(self.hooks_grpc_retry)
            .backoff(self.hooks_grpc_backoff)
            .timeout(or_for_ever(self.hooks_grpc_timeout))
            .forward_headers(names);
        Ok(Some(hooks))
    }

    fn tls(&self) -> Result<Tls, StartError> {
        let Some(certificate) = &self.hooks_grpc_server_tls_certificate else {
            return Err("-hooks-grpc-secure needs -hooks-grpc-server-tls-certificate".into());
        };
        let tls = Tls::new(read(certificate)?);
        let certificate = self.hooks_grpc_client_tls_certificate.as_deref();
        match (certificate, self.hooks_grpc_client_tls_key.as_deref()) {
            (None, None) => Ok(tls),
            (Some(certificate), Some(key)) => Ok(tls.identity(read(certificate)?, read(key)?)),
            _ => Err("-hooks-grpc-client-tls-certificate and \
                -hooks-grpc-client-tls-key need each other"
                .into()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}
