//! The one thread of a process that looks after changed files, and when a change counts.
//!
//! It looks once a second rather than be told: inotify misses what happens below a `subPath` mount, on network file
//! systems and when its queue is full, so one would have to look anyway; and a look costs a few microseconds. A change
//! is in use within two seconds.

use std::{
    path::PathBuf,
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

/// What was seen at the last look.
#[derive(Debug)]
pub(crate) struct Last<T> {
    places: Vec<PathBuf>,
    seen: Option<Result<T, String>>,
    told: Option<String>,
}

impl<T: PartialEq> Last<T> {
    /// The files lie at `places`; nothing was seen change yet.
    pub(crate) fn new(places: Vec<PathBuf>) -> Self {
        Self {
            places,
            seen: None,
            told: None,
        }
    }

    /// Whether what is found now counts at once: it lies elsewhere than before, or looks the same twice. What is written in
    /// place may have been met while it was being written.
    pub(crate) fn settled(&mut self, found: Result<(T, Vec<PathBuf>), String>) -> (Result<T, String>, bool) {
        let (now, moved) = match found {
            Ok((content, places)) => {
                let moved = places != self.places;
                self.places = places;
                (Ok(content), moved)
            }
            Err(what) => (Err(what), false),
        };
        let same = self.seen.as_ref() == Some(&now);
        (now, moved || same)
    }

    /// Notes what was found.
    pub(crate) fn note(&mut self, found: Result<T, String>) {
        self.seen = Some(found);
    }

    /// All is well: the next complaint is a new one.
    pub(crate) fn well(&mut self) {
        self.told = None;
    }

    /// Whether this complaint is another than the last.
    pub(crate) fn is_news(&mut self, what: &str) -> bool {
        let news = self.told.as_deref() != Some(what);
        if news {
            self.told = Some(what.to_owned());
        }
        news
    }
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
