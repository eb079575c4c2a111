//! From the environment and the command line to [`Flags`].

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Error, FromArgMatches};

use super::Flags;
use super::environment::Environment;
use super::overlap::overlap;
use super::syntax::separate;
use super::table::Table;

/// Why there are no flags.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// The help was asked for.
    Help(String),
    /// Describes the first mistake in one line.
    Invalid(String),
}

impl Flags {
    /// Reads the environment's `variables`, and then the arguments that follow the
    /// program's name: the last one that sets a flag wins.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = OsString>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ParseError> {
        let mut table = Table::new();
        let environment = Environment::read(&table, variables);
        let mut all = environment.args;
        // Parsed alone first, so that an error can say where it comes from.
        if let Err(error) = table.parse(&all) {
            let message = format!("{}, from the environment", first_line(&error));
            return Err(table.error(error.kind(), message).into());
        }
        let separated = separate(&table, args);
        all.extend(separated.args);
        let mut flags = Self::from_arg_matches(&table.parse(&all)?)?;
        if let Some(conflict) = flags.conflict() {
            return Err(table.error(ErrorKind::ArgumentConflict, conflict).into());
        }
        flags.warnings = environment.warnings;
        flags.warnings.extend(separated.warnings);
        flags.warnings.extend(flags.unbuilt.warning());
        flags.warnings.extend(flags.cors.warning());
        flags.warnings.extend(flags.uploads.warning());
        flags.warnings.extend(flags.expiration.warning());
        Ok(flags)
    }

    /// Why two flags exclude each other.
    fn conflict(&self) -> Option<String> {
        let conflict = self.location.conflict().or_else(|| self.quota.conflict());
        if let Some(conflict) = conflict {
            return Some(conflict.to_owned());
        }
        let (base, metrics) = (self.location.base_path.as_str(), &self.metrics.metrics_path);
        let overlap = self.metrics.expose_metrics && overlap(base, metrics);
        overlap.then(|| {
            format!(
                "-metrics-path {metrics} and -base-path {base} overlap: one would hide the other"
            )
        })
    }
}

impl From<Error> for ParseError {
    fn from(error: Error) -> Self {
        match error.use_stderr() {
            true => Self::Invalid(format!("{}; -help lists the flags", first_line(&error))),
            false => Self::Help(error.to_string().trim_end().to_owned()),
        }
    }
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], variables: &[(&str, &str)]) -> Flags {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Flags::parse(args.iter().map(OsString::from), variables).unwrap()
    }

    #[test]
    fn the_last_of_two_names_for_one_time_wins() {
        let seconds = |args, variables| {
            let flags = parse(args, variables);
            flags.listen.network_timeout().as_secs()
        };
        assert_eq!(seconds(&[], &[]), 60);
        assert_eq!(seconds(&["-timeout=30_000"], &[]), 30);
        assert_eq!(seconds(&["-timeout=0"], &[]), 0);
        assert_eq!(seconds(&["-timeout=30000", "-network-timeout=5s"], &[]), 5);
        let spaced = ["-network-timeout", "5s", "-timeout", "1000"];
        assert_eq!(seconds(&spaced, &[]), 1);
        let variable = [("TUS_TIMEOUT", "1000")];
        assert_eq!(seconds(&["-network-timeout=5s"], &variable), 5);
        let variable = [("TUS_NETWORK_TIMEOUT", "5s")];
        assert_eq!(seconds(&["-timeout=1000"], &variable), 1);
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
    fn an_argument_after_a_boolean_is_its_value_only_when_it_can_be() {
        let flags = parse(&["-verbose", "-lenient", "T", "-port", "1"], &[]);
        assert!(flags.log.verbose && flags.uploads.lenient);
        assert_eq!((flags.listen.port, flags.warnings.len()), (1, 1));
        let flags = parse(&["--lenient=false", "-behind-proxy"], &[]);
        assert!(!flags.uploads.lenient && flags.location.behind_proxy);
        assert!(flags.warnings.is_empty());
    }
}
