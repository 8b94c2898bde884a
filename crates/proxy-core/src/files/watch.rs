//! The one thread of a process that looks after changed files.
//!
//! It looks once a second rather than be told: inotify misses what happens below a `subPath` mount, on network file
//! systems and when its queue is full, so one would have to look anyway; and a look costs a few microseconds. A change
//! is in use within two seconds.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

/// Time between two looks.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);

/// Something that changes when its files do.
pub(crate) trait Watched: Send + Sync {
    /// Looks at the files.
    fn look(&self);
}

/// What is watched. The thread runs as long as there is anything.
struct Watch {
    all: Vec<Weak<dyn Watched>>,
    running: bool,
}

static WATCH: Mutex<Watch> = Mutex::new(Watch {
    all: Vec::new(),
    running: false,
});

/// Has `watched` look every second until it is dropped.
///
/// # Errors
/// There is no thread to be had.
pub(crate) fn begin(watched: &Arc<impl Watched + 'static>) -> std::io::Result<()> {
    let mut watch = locked();
    if !watch.running {
        thread::Builder::new().name("files".to_owned()).spawn(run)?;
        watch.running = true;
    }
    let watched: Weak<dyn Watched> = Arc::<_>::downgrade(&(watched.clone() as Arc<dyn Watched>));
    watch.all.push(watched);
    Ok(())
}

fn run() {
    loop {
        thread::sleep(PERIOD);
        let all = {
            let mut watch = locked();
            watch.all.retain(|watched| watched.strong_count() > 0);
            watch.running = !watch.all.is_empty();
            if !watch.running {
                return;
            }
            watch.all.clone()
        };
        // Without the lock: a file system that hangs must not keep anything new from being watched.
        for watched in all.iter().filter_map(Weak::upgrade) {
            // One mistake must not end the watch over everything else.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| watched.look()));
        }
    }
}

fn locked() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}
