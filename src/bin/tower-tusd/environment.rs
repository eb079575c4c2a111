//! Flags from the environment: `TUS_UPLOAD_DIR` is `-upload-dir`.

use std::ffi::OsString;

use clap::CommandFactory;

use crate::flags::{Flags, is_named};

/// What the environment says.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Each as `--name=value`.
    pub(crate) flags: Vec<OsString>,
    /// What of it was not taken, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// What hooks are told in the environment, and so is never a flag.
const OF_HOOKS: [&str; 4] = ["TUS_ID", "TUS_SIZE", "TUS_OFFSET", "TUS_URL"];

impl Environment {
    /// Picks the variables that are flags.
    pub(crate) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let command = Flags::command();
        let mut this = Self::default();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str().filter(|name| name.starts_with("TUS_")) else {
                continue;
            };
            if OF_HOOKS.contains(&variable) {
                continue;
            }
            let name = variable["TUS_".len()..]
                .to_ascii_lowercase()
                .replace('_', "-");
            let mut known = command
                .get_arguments()
                .filter(|arg| arg.get_long() != Some("help"));
            if !known.any(|arg| is_named(arg, &name)) {
                let warning = format!("{variable} is the name of no flag");
                this.warnings.push(warning);
            } else if value.to_string_lossy().starts_with("tcp://") {
                // As Kubernetes does beside a Service that is named `tus`.
                let warning = format!("{variable} is the address of a service, and no flag");
                this.warnings.push(warning);
            } else {
                let mut flag = OsString::from(format!("--{name}="));
                flag.push(value);
                this.flags.push(flag);
            }
        }
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment::read(variables.map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn a_variable_is_a_flag() {
        let environment = read(&[
            ("TUS_UPLOAD_DIR", "/srv/a b"),
            ("HOME", "/"),
            ("TUS_PORT", ""),
        ]);
        assert_eq!(environment.flags, ["--upload-dir=/srv/a b", "--port="]);
        assert!(environment.warnings.is_empty());
    }

    #[test]
    fn what_is_no_flag_is_named_and_left_alone() {
        let environment = read(&[
            ("TUS_PORT", "tcp://10.0.0.1:8080"),
            ("TUS_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("TUS_HELP", "true"),
        ]);
        assert!(environment.flags.is_empty());
        assert_eq!(environment.warnings.len(), 3);
        assert!(environment.warnings[0].starts_with("TUS_PORT "));
    }

    #[test]
    fn what_hooks_are_told_is_no_flag_and_no_warning() {
        let environment = read(&[("TUS_ID", "a"), ("TUS_SIZE", "1"), ("TUS_URL", "x")]);
        assert!(environment.flags.is_empty() && environment.warnings.is_empty());
    }
}
