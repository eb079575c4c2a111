//! The command line: tusd's flags, in the syntax of Go's `flag` package. Each is
//! taken from the environment too, as `TUS_` and its name in capitals.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches, Parser, ValueEnum};
use http::uri::PathAndQuery;
use tower_tus::layers::route::BasePath;
use tower_tus::store::file::Durability;

use crate::cors::CorsFlags;
use crate::environment::Environment;
use crate::go;
use crate::hooks_grpc::GrpcFlags;
use crate::listen::Host;

/// A tus server: resumable uploads over HTTP.
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

    /// Path of the upload URLs
    #[arg(long, default_value = "/files/", value_parser = base_path)]
    pub(crate) base_path: BasePath,

    /// Believe a proxy about the URL: Forwarded, X-Forwarded-Host, -Proto, -Port, -Prefix
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    /// Most bytes that an upload may have; 0 is any number
    #[arg(long, default_value = "0", value_parser = go::integer::<u64>)]
    pub(crate) max_size: u64,

    /// End no upload at a client's word
    #[arg(long)]
    pub(crate) disable_termination: bool,

    #[command(flatten)]
    pub(crate) cors: CorsFlags,

    /// Directory to store uploads in
    #[arg(long, default_value = "./data")]
    pub(crate) upload_dir: PathBuf,

    /// What a power cut may take: none, finish or offset
    #[arg(long, default_value_t)]
    pub(crate) durability: Durability,

    #[command(flatten)]
    pub(crate) hooks_grpc: GrpcFlags,

    /// How long a client may send nothing while it is waited for; 0 is for ever
    #[arg(long, default_value = "60s", value_parser = go::duration)]
    pub(crate) network_timeout: Duration,

    /// How long a request waits for another one on the same upload
    #[arg(long, default_value = "20s", value_parser = go::duration)]
    pub(crate) acquire_lock_timeout: Duration,

    /// How often a request looks whether another process waits for its upload; tusd's is 5s
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    pub(crate) filelock_holder_poll_interval: Duration,

    /// How often a request looks whether another process has let go of its upload; tusd's is 2s
    #[arg(long, default_value = "200ms", value_parser = go::duration)]
    pub(crate) filelock_acquirer_poll_interval: Duration,

    /// How long running requests may take to end at a shutdown
    #[arg(long, default_value = "10s", value_parser = go::duration)]
    pub(crate) shutdown_timeout: Duration,

    /// Show metrics for Prometheus
    #[arg(long, default_value = "true")]
    pub(crate) expose_metrics: bool,

    /// Path of the metrics
    #[arg(long, default_value = "/metrics", value_parser = path)]
    pub(crate) metrics_path: String,

    /// Form of the log lines
    #[arg(long, default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Print the version and exit
    #[arg(long)]
    pub(crate) version: bool,

    /// Print this help and exit
    #[arg(long, alias = "h", action = ArgAction::Help)]
    help: (),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
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
        all.extend(separate(&command, args));
        Self::from_arg_matches(&command.try_get_matches_from_mut(all)?)
    }
}

/// What an error says, less how it goes on.
pub(crate) fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// In Go a boolean flag has a value too, though only behind `=`.
fn go_boolean(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    let arg = match arg.get_default_values() {
        [] => arg.default_value("false"),
        _ => arg,
    };
    arg.action(ArgAction::Set)
        .value_parser(go::boolean)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .hide_possible_values(true)
}

/// Finds flags and values as Go does, and writes them as clap wants them:
/// `-name value` becomes `--name=value`, whatever the value begins with.
fn separate(command: &Command, args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut separated = Vec::new();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let (dash, name) = match (text.strip_prefix("--"), text.strip_prefix('-')) {
            (Some(name), _) => ("", name),
            (None, Some(name)) => ("-", name),
            (None, None) => ("", ""),
        };
        if name.is_empty() {
            // An operand, or the end of all flags: what follows is none, and clap refuses it.
            separated.push(arg);
            separated.extend(args);
            break;
        }
        let mut flag = OsString::from(dash);
        flag.push(&arg);
        if takes_next(command, name)
            && let Some(value) = args.next()
        {
            flag.push("=");
            flag.push(value);
        }
        separated.push(flag);
    }
    separated
}

/// Whether the value of a flag is the next argument. In `name=value` it is not.
fn takes_next(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|arg| {
        arg.get_long() == Some(name)
            && arg.get_action().takes_values()
            && !arg.is_require_equals_set()
    })
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
