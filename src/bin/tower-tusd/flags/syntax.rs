//! The syntax of Go's `flag` package, in front of clap's.

use std::ffi::OsString;

use clap::{Arg, ArgAction};

use super::go;
use super::table::Table;

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
pub(super) fn separate(table: &Table, args: impl IntoIterator<Item = OsString>) -> Separated {
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
            // An operand, or the end of the flags: clap refuses what follows.
            separated.args.push(arg);
            separated.args.extend(args);
            break;
        }
        let value = match Takes::of(table, name) {
            Takes::Nothing => None,
            Takes::Next => args.next(),
            Takes::Boolean => args.next_if(is_boolean).inspect(|value| {
                let value = value.to_string_lossy();
                separated.warnings.push(format!(
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
        separated.args.push(flag);
    }
    separated
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
    fn of(table: &Table, name: &str) -> Self {
        match table.flag(name) {
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
