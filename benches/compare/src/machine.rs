//! The machine of a measurement, so that its figures can be read elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

/// What the figures depend on most.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// Type of the file system with the uploads.
    pub(crate) file_system: String,
    /// Processes that were running or waiting for the disk, over the last minute.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn here(dir: &Path) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpu = field(&read("/proc/cpuinfo"), "model name");
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|kib| kib.split(' ').next()?.parse().ok());
        let load = read("/proc/loadavg");
        Self {
            cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.unwrap_or(0_u64) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(dir).unwrap_or_else(|| "unknown".to_owned()),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// Says it in one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {} cores, {} GiB, Linux {}, {}",
            self.cpu, self.cores, self.memory_gib, self.kernel, self.file_system
        )
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn file_system(dir: &Path) -> Option<String> {
    let output = Command::new("findmnt")
        .args(["--noheadings", "--output", "FSTYPE", "--target"])
        .arg(dir)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // One line for each mount there: the last one covers the others.
    text.split_whitespace().last().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_what_follows_its_colon() {
        let text = "processor\t: 0\nmodel name\t: Some CPU: fast\n";
        assert_eq!(field(text, "model name").unwrap(), "Some CPU: fast");
        assert_eq!(field(text, "cores"), None);
    }

    #[test]
    fn this_machine_has_a_kernel_and_cores() {
        let machine = Machine::here(Path::new("."));
        assert!(
            machine.cores > 0 && !machine.kernel.is_empty(),
            "{machine:?}"
        );
    }
}
