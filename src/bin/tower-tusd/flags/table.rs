//! The one table of names: each flag with its environment variable and its help.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, Error};

use super::Flags;
use super::commands::OWN_FLAGS;
use super::syntax::go_boolean;

/// What every environment variable of a flag begins with.
pub(super) const PREFIX: &str = "TUS_";

/// All flags, by their names on the command line and in the environment.
pub(super) struct Table(Command);

impl Table {
    pub(super) fn new() -> Self {
        let command = Flags::command().no_binary_name(true);
        let command = command.mut_args(go_boolean).mut_args(show_variable);
        Self(command.mut_subcommands(in_style))
    }

    /// The flag with this name on the command line.
    pub(super) fn flag(&self, name: &str) -> Option<&Arg> {
        flag_of(&self.0, name)
    }

    /// The command with this name, if it is one.
    pub(super) fn command(&self, name: &OsStr) -> Option<&Command> {
        self.0.find_subcommand(name)
    }

    /// The name of the flag that an environment variable sets, if it sets one.
    pub(super) fn name_of(&self, variable: &str) -> Option<&str> {
        let mut args = self.0.get_arguments().filter(|arg| has_variable(arg));
        args.find_map(|arg| names(arg).find(|name| self::variable(name) == variable))
    }

    /// Parses arguments of the form `--name=value`.
    pub(super) fn parse(&mut self, args: &[OsString]) -> Result<ArgMatches, Error> {
        self.0.try_get_matches_from_mut(args)
    }

    pub(super) fn error(&mut self, kind: ErrorKind, message: impl Display) -> Error {
        self.0.error(kind, message)
    }
}

/// The flag with this name among those of a command.
pub(super) fn flag_of<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| has_name(arg, name))
}

/// The environment variable of a flag: `TUS_UPLOAD_DIR` for `upload-dir`.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Whether an environment variable sets the flag: help is asked for, not set.
fn has_variable(arg: &Arg) -> bool {
    !is_help(arg)
}

/// Gives a command booleans like Go's, and its help.
fn in_style(command: Command) -> Command {
    let operands = match command.get_positionals().next() {
        Some(_) => " ID...",
        None => "",
    };
    let usage = format!("tower-tusd {} [flags]{operands}", command.get_name());
    let command = command.mut_args(go_boolean).override_usage(usage);
    let command = command.after_help(OWN_FLAGS).arg(help());
    command.args_override_self(true)
}

fn help() -> Arg {
    let help = Arg::new("help").long("help").action(ArgAction::Help);
    help.help("Prints this help and exits")
}

pub(super) fn is_help(arg: &Arg) -> bool {
    arg.get_long() == Some("help")
}

fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    let aliases = arg.get_all_aliases().into_iter().flatten();
    arg.get_long().into_iter().chain(aliases)
}

fn has_name(arg: &Arg, name: &str) -> bool {
    names(arg).any(|known| known == name)
}

/// Adds the environment variable to the help of a flag.
fn show_variable(arg: Arg) -> Arg {
    let Some(name) = arg.get_long().filter(|_| has_variable(&arg)) else {
        return arg;
    };
    let variable = variable(name);
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help} [env: {variable}]"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_flag_is_found_by_its_name_and_by_its_variable() {
        let table = Table::new();
        for (name, variable) in [
            ("upload-dir", "TUS_UPLOAD_DIR"),
            ("dir", "TUS_DIR"),
            ("enable-h2c", "TUS_ENABLE_H2C"),
            ("s3-bucket", "TUS_S3_BUCKET"),
        ] {
            assert!(table.flag(name).is_some(), "{name}");
            assert_eq!(table.name_of(variable), Some(name), "{variable}");
        }
        assert!(table.flag("help").is_some());
        for variable in ["TUS_HELP", "TUS_H", "TUS_upload_dir", "TUS_NONE", "PORT"] {
            assert_eq!(table.name_of(variable), None, "{variable}");
        }
    }

    #[test]
    fn the_help_of_each_flag_names_its_variable() {
        let help = Table::new().0.render_help().to_string();
        for arg in Table::new().0.get_arguments() {
            let name = arg.get_long().unwrap();
            let shown = help.contains(&format!("[env: {}]", variable(name)));
            assert_eq!(shown, name != "help", "{name}");
        }
    }

    /// The flags in the first column of a table in `docs/flags.md`, each with
    /// what the second column says about its default.
    fn documented() -> BTreeMap<String, String> {
        let page = include_str!("../../../../docs/flags.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `-"));
        let mut flags = BTreeMap::new();
        for row in rows {
            let columns: Vec<_> = row.split(" | ").collect();
            let names: Vec<_> = columns[0].split("`, `-").collect();
            let defaults: Vec<_> = columns[1].split(", ").collect();
            for (place, name) in names.iter().enumerate() {
                let default = match names.len() == defaults.len() {
                    true => defaults[place],
                    false => columns[1],
                };
                let default = default.trim().trim_matches('`').to_owned();
                let name = name.trim_end_matches('`').to_owned();
                assert!(flags.insert(name, default).is_none(), "{row}");
            }
        }
        flags
    }

    #[test]
    fn the_page_of_flags_has_each_flag_and_its_default() {
        let mut documented = documented();
        let table = Table::new();
        for arg in table.0.get_arguments() {
            let name = arg.get_long().unwrap();
            if arg.get_help_heading() == Some(super::super::unbuilt::HEADING) {
                continue;
            }
            let page = documented.remove(name);
            let page = page.unwrap_or_else(|| panic!("-{name} is not in docs/flags.md"));
            let defaults = arg.get_default_values().iter();
            let default: Vec<_> = defaults.map(|value| value.to_str().unwrap()).collect();
            // Words where the value would say nothing to a reader.
            let default = match (name, &*default.join(" ")) {
                ("checksum-algorithms" | "hooks-enabled-events", _) => continue,
                (_, "false") => String::new(),
                (_, default) => default.to_owned(),
            };
            if !default.is_empty() {
                assert_eq!(page, default, "-{name}");
            }
        }
        assert!(documented.is_empty(), "no such flags: {documented:?}");
    }
}
