//! What the kernel says of this process: `/proc/self`, read when somebody asks.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::family::Family;
use super::table::{
    PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY, PROCESS_START_TIME,
    PROCESS_THREADS, PROCESS_VIRTUAL_MEMORY, Row,
};

/// Ticks a second in `/proc` (`USER_HZ`): part of the kernel's interface on every machine that Ostia runs on.
const TICKS: f64 = 100.0;

/// Reads `/proc` at each scrape. Where there is none, or a line has another form, the metric is missing.
pub(crate) struct Process {
    descs: Vec<Desc>,
}

impl Process {
    pub(crate) const ROWS: [Row; 7] = [
        PROCESS_CPU,
        PROCESS_OPEN_FDS,
        PROCESS_MAX_FDS,
        PROCESS_RESIDENT_MEMORY,
        PROCESS_VIRTUAL_MEMORY,
        PROCESS_START_TIME,
        PROCESS_THREADS,
    ];

    pub(crate) fn new(descs: Vec<Desc>) -> Self {
        Self { descs }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let (stat, status) = (text("/proc/self/stat"), text("/proc/self/status"));
        // The descriptor of the listing itself does not count.
        let fds = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1));
        let values = [
            cpu_seconds(&stat),
            #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 descriptors")]
            fds.map(|fds| fds as f64),
            max_fds(&text("/proc/self/limits")),
            kilobytes(&status, "VmRSS:"),
            kilobytes(&status, "VmSize:"),
            start_seconds(&stat, &text("/proc/stat")),
            field(&status, "Threads:"),
        ];
        let families = Self::ROWS.into_iter().zip(values).filter_map(|(row, value)| {
            let mut family = Family::of(row);
            family.add(&[], value?);
            family.done()
        });
        families.collect()
    }
}

/// The fields after the name of the program, which may itself hold spaces and brackets (proc(5)): the first is `state`,
/// field 3.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS)
}

fn start_seconds(stat: &str, system: &str) -> Option<f64> {
    Some(field(system, "btime")? + stat_field(stat, 22)? / TICKS)
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    field(status, name).map(|kilobytes| kilobytes * 1024.0)
}

fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        limit => limit.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, field, kilobytes, max_fds, start_seconds};

    const STAT: &str = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 12345 1000 200";

    #[test]
    fn the_files_of_the_kernel_are_read_by_their_fields() {
        assert_eq!(cpu_seconds(STAT), Some(3.0));
        assert_eq!(start_seconds(STAT, "cpu 1 2\nbtime 1800000000\n"), Some(1_800_000_123.45));
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2_097_152.0));
        assert_eq!(field("Threads:\t4\n", "Threads:"), Some(4.0));
        assert_eq!(
            max_fds("Limit  Soft\nMax open files            1024         4096    files\n"),
            Some(1024.0)
        );
        assert_eq!(max_fds("Max open files  unlimited unlimited files\n"), Some(f64::INFINITY));
    }

    #[test]
    fn a_file_of_another_form_gives_nothing() {
        for text in ["", "garbage", "7 (x", ") ) )"] {
            assert_eq!(
                (cpu_seconds(text), field(text, "VmRSS:"), max_fds(text)),
                (None, None, None),
                "{text}"
            );
        }
    }
}
