//! What the kernel holds a process to, and those that it starts: set by the stepping stone
//! ([`crate::shim`]), so a [`Spawner`](crate::Spawner) without one leaves it out.

use std::ffi::OsString;

use rustix::process::Resource;

/// Resources by the names that `ulimit` and systemd have for them.
const RESOURCES: [(&str, Resource); 7] = [
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
];

/// Limits of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Resources, soft and hard limit alike; lower than what we have ourselves.
    pub(crate) resources: Vec<(Resource, u64)>,
    /// Rights that its files do not get.
    pub(crate) umask: Option<u32>,
}

impl Limits {
    /// Writes the limits as arguments of the stepping stone.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let resources = self.resources.iter().filter_map(|(resource, value)| {
            let (name, _) = RESOURCES.iter().find(|(_, it)| it == resource)?;
            Some(format!("rlimit={name}:{value}").into())
        });
        let umask = self.umask.map(|bits| format!("umask={bits:o}").into());
        resources.chain(umask).collect()
    }
}

/// Returns the resource of a name.
pub(crate) fn resource(name: &str) -> Option<Resource> {
    let found = RESOURCES.iter().find(|(it, _)| *it == name)?;
    Some(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_out() {
        let limits = Limits {
            resources: vec![(Resource::Nofile, 64), (Resource::Cpu, 3600)],
            umask: Some(0o027),
        };
        assert_eq!(
            limits.arguments(),
            ["rlimit=nofile:64", "rlimit=cpu:3600", "umask=27"]
        );
        assert!(Limits::default().arguments().is_empty());
        for (name, found) in RESOURCES {
            assert_eq!(resource(name), Some(found));
        }
    }
}
