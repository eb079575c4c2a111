//! The syntax of Go's `flag` package, in front of clap's.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use super::go;
use super::table::{Table, flag_of, is_help};

/// Arguments in the form that clap reads.
#[derive(Debug, Default)]
pub(super) struct Separated {
    pub(super) args: Vec<OsString>,
    /// A sentence for each argument that Go would read in another way.
    pub(super) warnings: Vec<String>,
}

/// Lets a boolean flag have a value behind `=`, like in Go.
pub(super) fn go_boolean(arg: Arg) -> Arg {
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

/// Finds flags and values like Go does, and writes them in the form that clap reads:
/// `-name value` becomes `--name=value`, whatever the value begins with.
///
/// The server's flags may stand on both sides of a command, and the flags of a command
/// on both sides of its operands.
pub(super) fn separate(table: &Table, args: impl IntoIterator<Item = OsString>) -> Separated {
    let mut args = args.into_iter().peekable();
    let mut found = Found::new(table);
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let (dash, name) = match (text.strip_prefix("--"), text.strip_prefix('-')) {
            (Some(name), _) => ("", name),
            (None, Some(name)) => ("-", name),
            (None, None) => ("", ""),
        };
        if name.is_empty() {
            match found.operand(arg) {
                More::Flags => continue,
                More::Operands => {
                    found.operands.extend(args);
                    break;
                }
            }
        }
        let value = match Takes::of(found.flag(name)) {
            Takes::Nothing => None,
            Takes::Next => args.next(),
            Takes::Boolean => args.next_if(is_boolean).inspect(|value| {
                let value = value.to_string_lossy();
                found.warnings.push(format!(
                    "-{name} {value} is read as -{name}={value}: \
                     write the value of a boolean flag behind an equals sign"
                ));
            }),
        };
        let mut flag = OsString::from(dash);
        flag.push(&arg);
        if let Some(value) = value {
            flag.push("=");
            flag.push(value);
        }
        found.take(name, flag);
    }
    found.in_order()
}

/// What was found up to some argument.
struct Found<'a> {
    table: &'a Table,
    /// Flags of the server.
    args: Vec<OsString>,
    command: Option<&'a Command>,
    /// Flags of the command.
    own: Vec<OsString>,
    operands: Vec<OsString>,
    warnings: Vec<String>,
}

/// What may follow an operand.
enum More {
    Flags,
    /// Only further ones.
    Operands,
}

impl<'a> Found<'a> {
    const fn new(table: &'a Table) -> Self {
        Self {
            table,
            args: Vec::new(),
            command: None,
            own: Vec::new(),
            operands: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes the name of a command, an operand, or the end of the flags.
    fn operand(&mut self, arg: OsString) -> More {
        if arg == "--" && self.command.is_some() {
            return More::Operands;
        }
        if self.command.is_none() {
            self.command = self.table.command(&arg);
            if self.command.is_some() {
                return More::Flags;
            }
            // clap refuses it.
            self.operands.push(arg);
            return More::Operands;
        }
        self.operands.push(arg);
        More::Flags
    }

    /// The flag with this name, of the command or of the server.
    fn flag(&self, name: &str) -> Option<&Arg> {
        let own = self.command.and_then(|command| flag_of(command, name));
        own.or_else(|| self.table.flag(name))
    }

    /// Takes a flag, with or without its value. Help is about the command, which also
    /// refuses flags that nobody knows.
    fn take(&mut self, name: &str, flag: OsString) {
        let (name, _) = name.split_once('=').unwrap_or((name, ""));
        let of_server = self.table.flag(name);
        let Some(command) = self.command else {
            return self.args.push(flag);
        };
        match of_server {
            Some(of_server) if is_help(of_server) => self.own.push("--help".into()),
            Some(_) if flag_of(command, name).is_none() => self.args.push(flag),
            _ => self.own.push(flag),
        }
    }

    fn in_order(self) -> Separated {
        let (mut args, warnings) = (self.args, self.warnings);
        let Some(command) = self.command else {
            args.extend(self.operands);
            return Separated { args, warnings };
        };
        args.push(command.get_name().into());
        args.extend(self.own);
        if !self.operands.is_empty() {
            args.push("--".into());
            args.extend(self.operands);
        }
        Separated { args, warnings }
    }
}

/// Whether the argument that follows a flag belongs to it.
enum Takes {
    /// It does not: the flag is unknown, has its value behind `=`, or takes none.
    Nothing,
    /// It is the flag's value.
    Next,
    /// It is the flag's value if it can be one. Go would take it for an operand and
    /// ignore all flags that follow, which is never intended.
    Boolean,
}

impl Takes {
    fn of(flag: Option<&Arg>) -> Self {
        match flag {
            Some(arg) if !arg.get_action().takes_values() => Self::Nothing,
            Some(arg) if arg.is_require_equals_set() => Self::Boolean,
            Some(_) => Self::Next,
            None => Self::Nothing,
        }
    }
}

fn is_boolean(arg: &OsString) -> bool {
    arg.to_str().is_some_and(|text| go::boolean(text).is_ok())
}
