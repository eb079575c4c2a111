//! The command line: tusd's flags, in the syntax of Go's `flag` package. Each is
//! taken from the environment too, as `TUS_` and its name in capitals.

mod files;
mod location;
mod logging;
mod syntax;
mod unbuilt;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Error, FromArgMatches, Parser};
use http::uri::PathAndQuery;
use tower_tus::layers::checksum::Algorithms;
use tower_tus::layers::route::BasePath;

use self::files::FileFlags;
use self::location::LocationFlags;
use self::syntax::{go_boolean, separate};
use self::unbuilt::Unbuilt;
use crate::cors::CorsFlags;
use crate::environment::Environment;
use crate::go;
use crate::hooks::HookFlags;
use crate::listen::Host;
use crate::tls::TlsFlags;

pub(crate) use self::logging::{LogFlags, LogFormat};
pub(crate) use self::syntax::is_named;

/// A tus server: resumable uploads over HTTP.
///
/// Each flag is taken from the environment too: -upload-dir is TUS_UPLOAD_DIR.
#[derive(Debug, Parser)]
#[command(
    name = "tower-tusd",
    disable_help_flag = true,
    args_override_self = true
)]
pub(crate) struct Flags {
    /// Host to listen on; 0.0.0.0 is IPv4 and IPv6 at once
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) host: Host,

    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value = "8080", value_parser = go::integer::<u16>)]
    pub(crate) port: u16,

    /// Unix socket to listen on instead; it is removed at the end
    #[arg(long, default_value = "", value_parser = go::path())]
    pub(crate) unix_sock: PathBuf,

    /// Speak HTTP/2 without TLS too [default: true unless there is TLS]
    #[arg(long, value_parser = go::boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) enable_h2c: Option<bool>,

    #[command(flatten)]
    pub(crate) tls: TlsFlags,

    /// Path of the upload URLs
    #[arg(long, default_value = "/files/", value_parser = base_path)]
    pub(crate) base_path: BasePath,

    /// Believe a proxy about the URL: Forwarded, X-Forwarded-Host, -Proto, -Port, -Prefix
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    #[command(flatten)]
    pub(crate) location: LocationFlags,

    /// Most bytes that an upload may have; 0 is any number
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) max_size: u64,

    /// Maximum number of open connections, beyond which new ones wait; 0 means a third of all files that may be open
    #[arg(long, default_value = "0", value_parser = go::integer::<usize>)]
    pub(crate) max_connections: usize,

    /// Maximum size of Upload-Metadata in bytes; 0 means unlimited
    #[arg(long, default_value = "65536", value_parser = go::integer::<u64>)]
    pub(crate) max_metadata_size: u64,

    /// Maximum number of pairs in Upload-Metadata; 0 means unlimited
    #[arg(long, default_value = "1000", value_parser = go::integer::<u64>)]
    pub(crate) max_metadata_pairs: u64,

    /// End no upload at a client's word
    #[arg(long)]
    pub(crate) disable_termination: bool,

    /// Algorithms of checksums that are verified; none switches checksums off
    #[arg(long, default_value_t)]
    pub(crate) checksum_algorithms: Algorithms,

    /// Those of them that a trailer may name, all of which then run; none refuses
    /// trailers [default: sha1,sha256,crc32,crc32c]
    #[arg(long)]
    pub(crate) checksum_trailer_algorithms: Option<Algorithms>,

    /// Give out no upload
    #[arg(long)]
    pub(crate) disable_download: bool,

    /// Give out no upload before it is finished
    #[arg(long)]
    pub(crate) download_only_finished: bool,

    /// Make no upload of other uploads
    #[arg(long)]
    pub(crate) disable_concatenation: bool,

    /// Maximum number of partial uploads that a final one may name, repeats included; 0 means unlimited
    #[arg(long, default_value = "1000", value_parser = go::integer::<usize>)]
    pub(crate) max_concat_parts: usize,

    /// Make uploads also of uploads that are still sent
    #[arg(long)]
    pub(crate) concatenation_unfinished: bool,

    /// Accept what tusd does and the protocol does not: HEAD without a version,
    /// malformed metadata, bodies of another type, finals of uploads that are not partial
    #[arg(long)]
    pub(crate) lenient: bool,

    #[command(flatten)]
    pub(crate) cors: CorsFlags,

    #[command(flatten)]
    pub(crate) files: FileFlags,

    #[command(flatten)]
    pub(crate) hooks: HookFlags,

    /// How long a client may send nothing, or take nothing, while it is waited for; 0 is for ever
    #[arg(long, default_value = "60s", value_parser = go::duration, overrides_with = "timeout")]
    pub(crate) network_timeout: Duration,

    /// As -network-timeout, in milliseconds, as early tusd had it
    #[arg(long, value_parser = go::milliseconds, overrides_with = "network_timeout")]
    timeout: Option<Duration>,

    /// How long a request waits for another one on the same upload
    #[arg(long, default_value = "20s", value_parser = go::duration)]
    pub(crate) acquire_lock_timeout: Duration,

    /// Without effect: a request whose client has gone runs to its end here, however long that takes
    #[arg(long = "request-completion-timeout", default_value = "10s", value_parser = go::duration)]
    _request_completion_timeout: Duration,

    /// How long running requests may take to end at a shutdown
    #[arg(long, default_value = "10s", value_parser = go::duration)]
    pub(crate) shutdown_timeout: Duration,

    /// Show metrics for Prometheus
    #[arg(long, default_value = "true")]
    pub(crate) expose_metrics: bool,

    /// Path of the metrics
    #[arg(long, default_value = "/metrics", value_parser = path)]
    pub(crate) metrics_path: String,

    #[command(flatten)]
    pub(crate) log: LogFlags,

    #[command(flatten)]
    unbuilt: Unbuilt,

    /// Print the version and exit
    #[arg(long)]
    pub(crate) version: bool,

    /// Print this help and exit
    #[arg(long, alias = "h", action = ArgAction::Help)]
    help: (),

    /// What of all this is not as it was said, a sentence each.
    #[arg(skip)]
    pub(crate) warnings: Vec<String>,
}

impl Flags {
    /// Reads the environment, and then the arguments that follow the program's
    /// name: the last one that is set wins.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = OsString>,
        environment: Environment,
    ) -> Result<Self, Error> {
        let mut command = Self::command().no_binary_name(true).mut_args(go_boolean);
        let mut all = environment.flags;
        if let Err(error) = command.try_get_matches_from_mut(&all) {
            let message = format!("{}, from the environment", first_line(&error));
            return Err(command.error(error.kind(), message));
        }
        let separated = separate(&command, args);
        all.extend(separated.args);
        let mut flags = Self::from_arg_matches(&command.try_get_matches_from_mut(all)?)?;
        if let Some(conflict) = flags.conflict() {
            return Err(command.error(ErrorKind::ArgumentConflict, conflict));
        }
        flags.network_timeout = flags.timeout.unwrap_or(flags.network_timeout);
        flags.warnings = environment.warnings;
        flags.warnings.extend(separated.warnings);
        flags.warnings.extend(flags.unbuilt.warning());
        flags.warnings.extend(flags.cors.warning());
        flags.warnings.extend(flags.trailer_warning());
        Ok(flags)
    }

    /// Why two flags cannot stand together.
    fn conflict(&self) -> Option<String> {
        if let Some(conflict) = self.location.conflict() {
            return Some(conflict.to_owned());
        }
        let (base, metrics) = (self.base_path.as_str(), &self.metrics_path);
        let overlap = self.expose_metrics && overlap(base, metrics);
        overlap.then(|| {
            format!(
                "-metrics-path {metrics} and -base-path {base} overlap: one would hide the other"
            )
        })
    }

    /// What is told of algorithms for trailers that headers may not name.
    fn trailer_warning(&self) -> Option<String> {
        let named = self.checksum_trailer_algorithms.as_ref()?.to_string();
        let unknown =
            |name: &&str| !name.is_empty() && self.checksum_algorithms.get(name).is_none();
        let unknown: Vec<_> = named.split(',').filter(unknown).collect();
        (!unknown.is_empty()).then(|| {
            let unknown = unknown.join(",");
            format!("-checksum-trailer-algorithms: {unknown} is not in -checksum-algorithms and is ignored")
        })
    }
}

/// Whether one of the two paths is inside the other one.
///
/// Below the base path `/` is everything, and there a page of metrics hides no
/// more than the one upload of its name, which [`Page`](crate::metrics::Page) keeps from
/// being made. At `/` it hides no more than the greeting.
fn overlap(base: &str, metrics: &str) -> bool {
    let (base, metrics) = (base.trim_end_matches('/'), metrics.trim_end_matches('/'));
    let inside = |path: &str, of: &str| {
        let rest = path.strip_prefix(of);
        !of.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    base == metrics || inside(base, metrics) || inside(metrics, base)
}

/// What an error says, less how it goes on.
pub(crate) fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// A path as it stands in a URL; tusd takes whole URLs as well, which would be lost in here.
fn base_path(text: &str) -> Result<BasePath, &'static str> {
    let base = BasePath::new(text);
    match base.as_str().parse::<PathAndQuery>() {
        Ok(parsed) if parsed.path() == base.as_str() && !text.contains("://") => Ok(base),
        _ => Err("not the path of a URL"),
    }
}

/// A path that a request can have.
fn path(text: &str) -> Result<String, &'static str> {
    match text.parse::<PathAndQuery>() {
        Ok(parsed) if parsed.path() == text && text.starts_with('/') => Ok(text.to_owned()),
        _ => Err("not the path of a URL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], environment: &[&str]) -> Flags {
        let environment = Environment {
            flags: environment.iter().map(OsString::from).collect(),
            ..Environment::default()
        };
        Flags::parse(args.iter().map(OsString::from), environment).unwrap()
    }

    #[test]
    fn of_two_names_of_one_time_the_last_one_wins() {
        let seconds = |args, environment| parse(args, environment).network_timeout.as_secs();
        assert_eq!(seconds(&[], &[]), 60);
        assert_eq!(seconds(&["-timeout=30_000"], &[]), 30);
        assert_eq!(seconds(&["-timeout=0"], &[]), 0);
        assert_eq!(seconds(&["-timeout=30000", "-network-timeout=5s"], &[]), 5);
        assert_eq!(
            seconds(&["-network-timeout", "5s", "-timeout", "1000"], &[]),
            1
        );
        assert_eq!(seconds(&["-network-timeout=5s"], &["--timeout=1000"]), 5);
        assert_eq!(seconds(&["-timeout=1000"], &["--network-timeout=5s"]), 1);
    }

    #[test]
    fn paths_overlap_when_one_is_inside_the_other() {
        for (base, metrics, overlaps) in [
            ("/files/", "/metrics", false),
            ("/files/", "/files", true),
            ("/files/", "/files/", true),
            ("/files/", "/files/metrics", true),
            ("/files/", "/filesystem", false),
            ("/a/files/", "/a", true),
            ("/a/files/", "/a/metrics", false),
            ("/files/", "/", false),
            ("/", "/metrics", false),
            ("/", "/", true),
        ] {
            assert_eq!(overlap(base, metrics), overlaps, "{base} {metrics}");
        }
    }

    #[test]
    fn an_algorithm_for_trailers_alone_is_warned_of() {
        let warnings = |args| parse(args, &[]).warnings;
        assert!(warnings(&["-checksum-trailer-algorithms=md5"]).is_empty());
        assert!(warnings(&["-checksum-trailer-algorithms="]).is_empty());
        assert!(warnings(&["-checksum-algorithms=md5"]).is_empty());
        let args = [
            "-checksum-algorithms=sha1",
            "-checksum-trailer-algorithms=md5,sha1",
        ];
        let warnings = warnings(&args);
        assert!(warnings[0].contains("md5 is not in"), "{warnings:?}");
    }

    #[test]
    fn what_follows_a_boolean_is_its_value_only_when_it_can_be() {
        let flags = parse(&["-verbose", "-lenient", "T", "-port", "1"], &[]);
        assert!(flags.log.verbose && flags.lenient);
        assert_eq!((flags.port, flags.warnings.len()), (1, 1));
        let flags = parse(&["--lenient=false", "-behind-proxy"], &[]);
        assert!(!flags.lenient && flags.behind_proxy && flags.warnings.is_empty());
    }
}
