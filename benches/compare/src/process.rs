//! What a server process costs, from `/proc`.

use std::fs;
use std::time::Duration;

use crate::Result;

/// CPU time, memory and threads of a process and its children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) rss: u64,
    pub(crate) threads: u64,
}

impl Usage {
    /// Reads the usage of a process and its living children (nginx has workers).
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().map(str::parse::<u32>);
        let mut total = Self::of_one(pid)?;
        for child in children {
            let child = Self::of_one(child?)?;
            total.cpu += child.cpu;
            total.rss += child.rss;
            total.threads += child.threads;
        }
        Ok(total)
    }

    fn of_one(pid: u32) -> Result<Self> {
        let read = |name| fs::read_to_string(format!("/proc/{pid}/{name}"));
        let (stat, status) = (read("stat")?, read("status")?);
        let ticks = rustix::param::clock_ticks_per_second();
        let usage = Self::parse(&stat, &status, ticks);
        usage.ok_or_else(|| format!("/proc/{pid} is not as expected").into())
    }

    fn parse(stat: &str, status: &str, ticks_per_second: u64) -> Option<Self> {
        // The name in parentheses may contain anything. utime and stime are the
        // fields 14 and 15, and field 3 is the first one after the name.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let ticks = ticks()? + ticks()?;
        let number = |name: &str| {
            let (_, rest) = status.split_once(name)?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            cpu: Duration::from_micros(ticks * 1_000_000 / ticks_per_second),
            rss: number("\nVmRSS:")? * 1024,
            threads: number("\nThreads:")?,
        })
    }
}

/// Memory and threads over a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    rss: Vec<u64>,
    threads: Vec<u64>,
}

impl Watch {
    pub(crate) fn note(&mut self, usage: &Usage) {
        self.rss.push(usage.rss);
        self.threads.push(usage.threads);
    }

    pub(crate) fn most_rss(&self) -> u64 {
        self.rss.iter().copied().max().unwrap_or_default()
    }

    pub(crate) fn most_threads(&self) -> u64 {
        self.threads.iter().copied().max().unwrap_or_default()
    }

    /// Returns the median of the second half.
    pub(crate) fn steady_threads(&self) -> u64 {
        steady(&self.threads)
    }

    /// Returns the median of the second half, in bytes.
    pub(crate) fn steady_rss(&self) -> u64 {
        steady(&self.rss)
    }
}

fn steady(values: &[u64]) -> u64 {
    let mut half = values[values.len() / 2..].to_vec();
    half.sort_unstable();
    half.get(half.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_although_its_name_has_parentheses_and_spaces() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 9 0 0 0 120 30 7 8 20 0 5 0 99 1 2";
        let status = "Name:\ta\nVmHWM:\t 900 kB\nVmRSS:\t  800 kB\nThreads:\t5\nSigQ:\t0/1\n";
        let usage = Usage {
            cpu: Duration::from_millis(1500),
            rss: 800 * 1024,
            threads: 5,
        };
        assert_eq!(Usage::parse(stat, status, 100), Some(usage));
        assert_eq!(Usage::parse("42 (a) S 1", status, 100), None);
        assert_eq!(Usage::parse(stat, "VmRSS: 800 kB", 100), None);
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss > 1 << 16 && usage.threads >= 1, "{usage:?}");
    }

    #[test]
    fn what_is_steady_is_the_median_of_the_second_half() {
        let mut watch = Watch::default();
        for threads in [1, 1, 300, 7, 9, 8] {
            watch.note(&Usage {
                threads,
                rss: threads * 2,
                ..Usage::default()
            });
        }
        assert_eq!(watch.steady_threads(), 8);
        assert_eq!(watch.steady_rss(), 16);
        assert_eq!((watch.most_threads(), watch.most_rss()), (300, 600));
        assert_eq!(Watch::default().steady_rss(), 0);
    }
}
