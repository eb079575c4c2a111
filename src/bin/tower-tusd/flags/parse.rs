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
        flags.warnings.extend(flags.storage_warning());
        flags.warnings.extend(flags.quota_warning());
        flags.warnings.extend(flags.uploads.warning());
        flags.warnings.extend(flags.expiration.warning());
        Ok(flags)
    }

    /// Why two flags exclude each other.
    fn conflict(&self) -> Option<String> {
        let conflict = self.location.conflict();
        let conflict = conflict.or_else(|| self.quota.conflict());
        let conflict = conflict.or_else(|| self.s3.conflict(self.log.verbose));
        let conflict = conflict.or_else(|| self.storage_conflict());
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
    let mut lines = text.lines().map(str::trim);
    let line = lines.next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = line.replace("subcommand", "command");
    match line.ends_with(':') {
        // A list follows.
        true => format!("{line} {}", lines.next().unwrap_or_default()),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Command;

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

    fn refused(args: &[&str]) -> String {
        match Flags::parse(args.iter().map(OsString::from), []) {
            Err(ParseError::Invalid(line)) => line,
            other => panic!("{args:?} was read: {other:?}"),
        }
    }

    #[test]
    fn a_command_has_the_flags_of_the_server_on_both_sides() {
        for args in [
            &["-upload-dir", "a", "-lenient", "ls", "-json", "-limit", "5"][..],
            &["-lenient", "ls", "-limit=5", "-upload-dir=a", "--json"],
            &["ls", "--json", "-dir", "a", "-limit", "5", "--lenient"],
        ] {
            let flags = parse(args, &[]);
            let Some(Command::Ls(own)) = &flags.command else {
                panic!("{args:?}: {:?}", flags.command);
            };
            assert!(own.json && own.limit == 5, "{args:?}");
            assert!(flags.uploads.lenient, "{args:?}");
            assert_eq!(flags.files.upload_dir.to_str(), Some("a"), "{args:?}");
        }
        let flags = parse(&["ls", "-limit=0x10"], &[("TUS_UPLOAD_DIR", "b")]);
        assert_eq!(flags.files.upload_dir.to_str(), Some("b"));
        assert!(parse(&["-upload-dir", "ls"], &[]).command.is_none());
    }

    #[test]
    fn operands_may_stand_before_flags_and_begin_with_a_dash_behind_two() {
        let ids = |args: &[&str]| -> Vec<String> {
            match parse(args, &[]).command {
                Some(Command::Rm(own)) => own.ids.iter().map(ToString::to_string).collect(),
                other => panic!("{other:?}"),
            }
        };
        let expected: Vec<String> = vec!["a".to_owned(), "b/c".to_owned()];
        assert_eq!(ids(&["rm", "a", "-upload-dir", "x", "b/c"]), expected);
        assert_eq!(ids(&["rm", "a", "--", "b/c"]), expected);
        assert_eq!(ids(&["-lenient", "rm", "--", "-a"]), ["-a"]);
    }

    #[test]
    fn a_command_refuses_what_it_does_not_know() {
        for (args, expected) in [
            (&["ls", "-dry-run"][..], "'--dry-run'"),
            (&["-json", "ls"], "'--json'"),
            (&["sweep", "a"], "'a'"),
            (&["show"], "<ID>"),
            (&["rm", "../a"], "not an upload id"),
            (&["ls", "-limit", "-1"], "out of range"),
            (&["verify", "-older-than", "24"], "needs a unit"),
            (&["lst"], "'lst'"),
        ] {
            let line = refused(args);
            assert!(line.contains(expected), "{args:?}: {line}");
            assert!(!line.contains('\n'), "{args:?}: {line}");
        }
    }

    #[test]
    fn each_command_has_its_own_help() {
        for (args, expected) in [
            (&["ls", "-help"][..], "--unfinished"),
            (&["ls", "-h", "-json"], "--unfinished"),
            (&["-lenient", "sweep", "--help"], "--dry-run"),
            (&["rm", "a", "-help"], "tower-tusd rm"),
            (&["-help"], "verify"),
        ] {
            match Flags::parse(args.iter().map(OsString::from), []) {
                Err(ParseError::Help(help)) => assert!(help.contains(expected), "{help}"),
                other => panic!("{args:?}: {other:?}"),
            }
        }
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
