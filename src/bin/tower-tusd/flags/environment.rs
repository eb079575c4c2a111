//! Flags from the environment: `TUS_UPLOAD_DIR` is `-upload-dir`.

use std::ffi::OsString;

use super::table::{PREFIX, Table};

/// What the environment sets.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Flags of the form `--name=value`.
    pub(super) args: Vec<OsString>,
    /// A sentence for each variable that was ignored.
    pub(super) warnings: Vec<String>,
}

/// Variables that the server sets for hooks, and which therefore are no flags.
const OF_HOOKS: [&str; 4] = ["TUS_ID", "TUS_SIZE", "TUS_OFFSET", "TUS_URL"];

impl Environment {
    /// Picks the variables that set a flag.
    pub(super) fn read(
        table: &Table,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut this = Self::default();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            if OF_HOOKS.contains(&variable) {
                continue;
            }
            let Some(name) = table.name_of(variable) else {
                let warning = format!("{variable} is ignored: there is no such flag");
                this.warnings.push(warning);
                continue;
            };
            if value.to_string_lossy().starts_with("tcp://") {
                // Kubernetes sets it for a Service with the name `tus`.
                let warning = format!("{variable} is ignored: it is the address of a service");
                this.warnings.push(warning);
                continue;
            }
            let mut flag = OsString::from(format!("--{name}="));
            flag.push(value);
            this.args.push(flag);
        }
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Environment::read(&Table::new(), variables)
    }

    #[test]
    fn a_variable_sets_a_flag() {
        let environment = read(&[
            ("TUS_UPLOAD_DIR", "/srv/a b"),
            ("HOME", "/"),
            ("TUS_PORT", ""),
        ]);
        assert_eq!(environment.args, ["--upload-dir=/srv/a b", "--port="]);
        assert!(environment.warnings.is_empty());
    }

    #[test]
    fn a_variable_that_sets_no_flag_is_ignored_with_a_warning() {
        let environment = read(&[
            ("TUS_PORT", "tcp://10.0.0.1:8080"),
            ("TUS_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("TUS_HELP", "true"),
        ]);
        assert!(environment.args.is_empty());
        assert_eq!(environment.warnings.len(), 3);
        assert!(environment.warnings[0].starts_with("TUS_PORT "));
    }

    #[test]
    fn a_variable_of_hooks_is_no_flag_and_no_warning() {
        let environment = read(&[("TUS_ID", "a"), ("TUS_SIZE", "1"), ("TUS_URL", "x")]);
        assert!(environment.args.is_empty() && environment.warnings.is_empty());
    }
}
