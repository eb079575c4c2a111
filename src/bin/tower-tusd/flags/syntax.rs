//! The syntax of Go's `flag` package, in front of clap's.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::go;

/// Arguments as clap reads them.
#[derive(Debug, Default)]
pub(super) struct Separated {
    pub(super) args: Vec<OsString>,
    /// What was read in another way than Go reads it, a sentence each.
    pub(super) warnings: Vec<String>,
}

/// In Go a boolean flag has a value too, though only behind `=`.
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

/// Whether `name` is one of the argument's names.
pub(crate) fn is_named(arg: &Arg, name: &str) -> bool {
    let mut aliases = arg.get_all_aliases().into_iter().flatten();
    arg.get_long() == Some(name) || aliases.any(|alias| alias == name)
}

/// Finds flags and values as Go does, and writes them as clap wants them:
/// `-name value` becomes `--name=value`, whatever the value begins with.
pub(super) fn separate(command: &Command, args: impl IntoIterator<Item = OsString>) -> Separated {
    let mut args = args.into_iter().peekable();
    let mut separated = Separated::default();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let (dash, name) = match (text.strip_prefix("--"), text.strip_prefix('-')) {
            (Some(name), _) => ("", name),
            (None, Some(name)) => ("-", name),
            (None, None) => ("", ""),
        };
        if name.is_empty() {
            // An operand, or the end of all flags: what follows is none, and clap refuses it.
            separated.args.push(arg);
            separated.args.extend(args);
            break;
        }
        let value = match Takes::of(command, name) {
            Takes::Nothing => None,
            Takes::Next => args.next(),
            Takes::Boolean => args.next_if(is_boolean).inspect(|value| {
                let value = value.to_string_lossy();
                separated.warnings.push(format!(
                    "-{name} {value} is taken as -{name}={value}: \
                     the value of a boolean flag stands behind an ="
                ));
            }),
        };
        let mut flag = OsString::from(dash);
        flag.push(&arg);
        if let Some(value) = value {
            flag.push("=");
            flag.push(value);
        }
        separated.args.push(flag);
    }
    separated
}

/// What of the arguments behind a flag belongs to it.
enum Takes {
    /// It is unknown, has its value behind `=`, or none.
    Nothing,
    /// The next one is its value.
    Next,
    /// The next one is its value when it can be. To Go it would be an operand,
    /// and all flags behind it ignored, which nobody means.
    Boolean,
}

impl Takes {
    fn of(command: &Command, name: &str) -> Self {
        let arg = command.get_arguments().find(|arg| is_named(arg, name));
        match arg {
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
