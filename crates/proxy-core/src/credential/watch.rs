//! The one thread of a process that looks after changed files.
//!
//! It looks once a second rather than be told: inotify misses what happens below a `subPath` mount, on network file
//! systems and when its queue is full, so one would have to look anyway; and a look costs a few microseconds. A change
//! is in use within two seconds.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

/// Time between two looks.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// Something that changes when its files do.
pub(super) trait Watched: Send + Sync {
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
pub(super) fn begin(watched: &Arc<impl Watched + 'static>) -> std::io::Result<()> {
    let mut watch = locked();
    if !watch.running {
        thread::Builder::new().name("credentials".to_owned()).spawn(run)?;
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
        // Without the lock: a file system that hangs must not keep a new credential from being watched.
        all.iter().filter_map(Weak::upgrade).for_each(|watched| watched.look());
    }
}

fn locked() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}
