//! What the machine and this process use, as the operating system tells.

use std::collections::BTreeSet;

use bson::{Document, doc};
use sysinfo::{DiskRefreshKind, Disks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How many disks an event names at most.
const DISKS_MAX: usize = 32;

/// The machine, with what it was asked last: shares of a core are those since then.
#[derive(Debug, Default)]
pub(super) struct Machine {
    system: System,
    disks: Disks,
}

impl Machine {
    pub(super) fn measure(&mut self) -> Document {
        let pid = std::process::id();
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let process = [Pid::from_u32(pid)];
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&process), true, kind);
        self.disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        let [process] = process.map(|pid| self.system.process(pid));
        doc! {
            "pid": i64::from(pid),
            "host": System::host_name(),
            "cpu": {
                "cores": i64::try_from(self.system.cpus().len()).unwrap_or(i64::MAX),
                "percent": f64::from(self.system.global_cpu_usage()),
            },
            "memory": {
                "total": bytes(self.system.total_memory()),
                "available": bytes(self.system.available_memory()),
            },
            "process": {
                "memory": process.map(|process| bytes(process.memory())),
                "cpu_percent": process.map(|process| f64::from(process.cpu_usage())),
            },
            "disks": self.disks(),
        }
    }

    /// A disk that is mounted in several places counts once.
    fn disks(&self) -> Vec<Document> {
        let mut seen = BTreeSet::new();
        let disks = self.disks.list().iter().filter(|disk| seen.insert(disk.name()));
        let shown = disks.map(|disk| {
            let mount = disk.mount_point().to_string_lossy().into_owned();
            doc! { "mount": mount, "total": bytes(disk.total_space()), "available": bytes(disk.available_space()) }
        });
        shown.take(DISKS_MAX).collect()
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_names_what_there_is() {
        let measured = Machine::default().measure();
        let number = |part: &str, field: &str| {
            measured.get_document(part).ok().and_then(|part| part.get_i64(field).ok()).unwrap_or_default()
        };
        assert_eq!(measured.get_i64("pid").ok(), Some(i64::from(std::process::id())));
        assert!(number("cpu", "cores") > 0, "{measured}");
        assert!(number("memory", "total") > number("memory", "available"), "{measured}");
        assert!(number("process", "memory") > 0, "{measured}");
    }
}
