//! tusd's flags about features that are not built in.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::go;

/// The flags among these that are set and have no effect.
#[derive(Debug)]
pub(crate) struct Unbuilt {
    companions: Vec<&'static str>,
}

/// The heading above these flags in the help.
pub(super) const HEADING: &str = "Not built in";

/// A flag that switches a feature on is refused; one that only configures it is not.
struct Flag {
    name: &'static str,
    default: Value,
    /// The feature, for a flag that is refused.
    asks_for: Option<&'static str>,
}

enum Value {
    Boolean,
    Integer(&'static str),
    Text(&'static str),
}

const FLAGS: [Flag; 6] = {
    use Value::{Boolean, Integer, Text};
    [
        switch("enable-experimental-protocol", Boolean, "the IETF's draft"),
        switch("hooks-plugin", Text(""), "hooks in a Go plugin"),
        switch("expose-pprof", Boolean, "Go's profiler"),
        companion("pprof-path", Text("/debug/pprof/")),
        companion("pprof-block-profile-rate", Integer("0")),
        companion("pprof-mutex-profile-rate", Integer("0")),
    ]
};

const fn switch(name: &'static str, default: Value, asks_for: &'static str) -> Flag {
    Flag {
        name,
        default,
        asks_for: Some(asks_for),
    }
}

const fn companion(name: &'static str, default: Value) -> Flag {
    Flag {
        name,
        default,
        asks_for: None,
    }
}

impl Flag {
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .help_heading(HEADING)
            .help(match self.asks_for {
                Some(asks_for) => format!("Refused: {asks_for}"),
                None => "Without effect".to_owned(),
            });
        match self.default {
            Value::Boolean => arg.action(ArgAction::SetTrue),
            Value::Integer(default) => arg.default_value(default).value_parser(go::integer::<i64>),
            Value::Text(default) => arg.default_value(default),
        }
    }

    /// Whether it is set to anything but its default.
    fn is_set(&self, matches: &ArgMatches) -> bool {
        match self.default {
            Value::Boolean => matches.get_flag(self.name),
            Value::Integer(default) => {
                matches.get_one(self.name).copied() != go::integer::<i64>(default).ok()
            }
            Value::Text(default) => matches.get_one(self.name).map(String::as_str) != Some(default),
        }
    }
}

impl Unbuilt {
    /// Names the flags that have no effect here.
    pub(super) fn warning(&self) -> Option<String> {
        let flags = self.companions.join(", -");
        (!flags.is_empty()).then(|| format!("without effect: -{flags}"))
    }
}

impl FromArgMatches for Unbuilt {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut companions = Vec::new();
        for flag in FLAGS.iter().filter(|flag| flag.is_set(matches)) {
            let name = flag.name;
            let Some(asks_for) = flag.asks_for else {
                companions.push(name);
                continue;
            };
            let message = format!("-{name} asks for {asks_for}, which is not built in");
            return Err(Error::raw(ErrorKind::InvalidValue, message));
        }
        Ok(Self { companions })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Unbuilt {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(Flag::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
