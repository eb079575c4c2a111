//! Hooks of a gRPC service.

use std::fs;
use std::path::Path;

use tower_tus::hooks::GrpcHooks;
use tower_tus::hooks::grpc::Tls;

use super::hooks::or_unlimited;
use crate::error::StartError;
use crate::flags::GrpcFlags;

/// Makes the hooks, if the flags name a service.
pub(super) fn hooks(flags: &GrpcFlags) -> Result<Option<GrpcHooks>, StartError> {
    let Some(address) = flags.address() else {
        return Ok(None);
    };
    if flags.hooks_grpc_server_tls_certificate.is_some() && !flags.hooks_grpc_secure {
        tracing::warn!("hooks are called without TLS because -hooks-grpc-secure is not set");
    }
    let hooks = match flags.hooks_grpc_secure {
        true => GrpcHooks::secure(address, &tls(flags)?),
        false => GrpcHooks::new(address),
    };
    let hooks =
        hooks.map_err(|error| StartError::unusable(format!("-hooks-grpc={address}"), error))?;
    let hooks = hooks
        .attempts(flags.hooks_grpc_retry)
        .backoff(flags.hooks_grpc_backoff)
        .timeout(or_unlimited(flags.hooks_grpc_timeout))
        .forward_headers(flags.hooks_grpc_forward_headers.0.iter().cloned());
    Ok(Some(hooks))
}

fn tls(flags: &GrpcFlags) -> Result<Tls, StartError> {
    let lacks = |text: &str| Err(StartError::Flags(text.to_owned()));
    let Some(certificate) = &flags.hooks_grpc_server_tls_certificate else {
        return lacks("-hooks-grpc-secure needs -hooks-grpc-server-tls-certificate");
    };
    let tls = Tls::new(read(certificate)?);
    let certificate = flags.hooks_grpc_client_tls_certificate.as_deref();
    match (certificate, flags.hooks_grpc_client_tls_key.as_deref()) {
        (None, None) => Ok(tls),
        (Some(certificate), Some(key)) => Ok(tls.identity(read(certificate)?, read(key)?)),
        _ => lacks(
            "-hooks-grpc-client-tls-certificate and \
             -hooks-grpc-client-tls-key need each other",
        ),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    let unusable = |error| StartError::unusable(format!("cannot read {}", path.display()), error);
    fs::read(path).map_err(unusable)
}
