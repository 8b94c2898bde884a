//! What an upstream can break, and what everybody sees of it: a table with one row for each fault.
//!
//! Each row is a tenant of one jira-proxy: connections, events and counters are its own, so rows run side by side. Of each
//! are checked the caller, the next caller (somebody else) on what is left of the connection, the attempts upstream, the
//! audit event, the log and the counters. `docs/operations/faults.md` tells the same to operators.
//!
//! Who can be reached by a response too many is `reuse`'s matter; what callers break is `front`'s.

mod check;
mod chunks;
mod connections;
mod cut;
mod heads;
mod interim;
mod lengths;
mod page;
mod row;
mod silence;
mod stage;
mod surplus;
mod uploads;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use self::{row::Fault, stage::Stage};

/// Rows that run at the same time: most of them wait.
const AT_ONCE: usize = 12;

/// The table: headings, and the rows below them.
fn table() -> Vec<(&'static str, Vec<Fault>)> {
    vec![
        ("Connections", connections::faults()),
        ("Interim answers", interim::faults()),
        ("Heads", heads::faults()),
        ("Lengths", lengths::faults()),
        ("Chunks", chunks::faults()),
        ("Bodies cut short", cut::faults()),
        ("Silence", silence::faults()),
        ("Surplus", surplus::faults()),
        ("Uploads", uploads::faults()),
    ]
}

#[test]
fn every_fault_of_the_table_is_seen_as_the_table_says() {
    let faults: Vec<Fault> = table().into_iter().flat_map(|(_, faults)| faults).collect();
    let stage = Stage::start(&faults);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(|| stage.check(fault))).is_err() {
                        failed.lock().unwrap().push(fault.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} rows: {failed:?}",
        failed.len(),
        faults.len()
    );
}
