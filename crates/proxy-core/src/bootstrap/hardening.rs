//! What keeps secrets within the process: no core files, and no debugger of the same user.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Hardens the process. What could not be done is no reason not to serve, and is told.
pub(super) fn harden() -> Vec<String> {
    let mut concerns = Vec::new();
    if let Err(error) = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    ) {
        concerns.push(format!(
            "core files cannot be switched off ({error}): one would hold secrets"
        ));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        concerns.push(format!(
            "the process cannot be kept from debuggers ({error}): they would see secrets"
        ));
    }
    concerns
}

#[cfg(test)]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn a_hardened_process_leaves_no_core_file() {
        assert!(super::harden().is_empty());
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
