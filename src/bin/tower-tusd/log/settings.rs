//! The lines of the start, in the words that scripts know from tusd.

use std::path::{Path, PathBuf};

use tower_tus::layers::hooks::HookKind;

use super::Log;
use crate::flags::{Flags, HookFlags, Place, QuotaFlags};

impl Log {
    /// Prints the settings, and where to upload to unless that is a unix socket.
    pub(crate) fn settings(&self, flags: &Flags, port: Option<u16>, extensions: &str) {
        self.start_line(format_args!("{}", storage(flags)));
        let maximum = size(flags.max_size());
        self.start_line(format_args!("Using {maximum} as maximum size."));
        self.quota(&flags.quota);
        self.hooks(&flags.hooks);
        self.start_line(format_args!("Supported tus extensions: {extensions}"));
        let (host, socket) = (&flags.listen.host, flags.listen.unix_sock.display());
        match port {
            Some(port) => {
                self.start_line(format_args!("Using {host}:{port} as address to listen."));
            }
            None => {
                self.start_line(format_args!("Using {socket} as socket to listen."));
            }
        }
        let path = flags.location.base_path.as_str();
        self.start_line(format_args!("Using {path} as the base path."));
        if flags.metrics.expose_metrics {
            let path = &flags.metrics.metrics_path;
            self.start_line(format_args!("Using {path} as the metrics path."));
        }
        if let Some(port) = port {
            let scheme = if flags.listen.tls.are_set() {
                "https"
            } else {
                "http"
            };
            self.start_line(format_args!(
                "You can now upload files to: {scheme}://{host}:{port}{path}"
            ));
        }
    }

    fn quota(&self, flags: &QuotaFlags) {
        if flags.store_size > 0 {
            let all = size(flags.store_size);
            self.start_line(format_args!(
                "Using {all} as maximum size of all uploads together."
            ));
        }
        if flags.store_size_per_owner > 0 {
            let (all, key) = (size(flags.store_size_per_owner), &flags.owner_key);
            self.start_line(format_args!(
                "Using {all} as maximum size of all uploads with the same '{key}' in their metadata."
            ));
        }
    }

    fn hooks(&self, flags: &HookFlags) {
        if !flags.hooks_dir.is_empty() {
            let dir = absolute(Path::new(&flags.hooks_dir));
            self.start_line(format_args!("Using '{}' for hooks", dir.display()));
        } else if !flags.http.hooks_http.is_empty() {
            let url = &flags.http.hooks_http;
            self.start_line(format_args!("Using '{url}' as the endpoint for hooks"));
        } else if let Some(address) = flags.grpc.address() {
            self.start_line(format_args!(
                "Using '{address}' as the endpoint for gRPC hooks"
            ));
        } else {
            return;
        }
        let kinds = HookKind::ALL.iter().copied();
        let kinds = kinds.filter(|&kind| flags.hooks_enabled_events.contains(kind));
        let kinds: Vec<_> = kinds.map(HookKind::as_str).collect();
        self.start_line(format_args!("Enabled hook events: {}", kinds.join(", ")));
    }
}

fn storage(flags: &Flags) -> String {
    match flags.place() {
        Place::Directory => {
            let dir = absolute(&flags.files.upload_dir);
            format!("Using '{}' as directory storage.", dir.display())
        }
        Place::S3 => {
            let (bucket, endpoint) = (&flags.s3.s3_bucket, &flags.s3.s3_endpoint);
            match (&**endpoint, flags.s3.s3_transfer_acceleration) {
                ("", false) => format!("Using 's3://{bucket}' as S3 bucket for storage."),
                ("", true) => format!(
                    "Using 's3://{bucket}' as S3 bucket for storage with AWS S3 Transfer Acceleration enabled."
                ),
                _ => format!("Using '{endpoint}/{bucket}' as S3 endpoint and bucket for storage."),
            }
        }
        Place::Gcs => {
            let bucket = &flags.gcs.gcs_bucket;
            format!("Using 'gcs://{bucket}' as GCS bucket for storage.")
        }
        Place::Azure => {
            let container = &flags.azure.azure_storage;
            format!("Using '{container}' as Azure container for storage.")
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn size(bytes: u64) -> String {
    match bytes {
        0 => "unlimited".to_owned(),
        bytes => format!("{:.2}MB", bytes as f64 / f64::from(1 << 20)),
    }
}
