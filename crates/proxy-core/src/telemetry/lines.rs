//! Where log lines and audit events go: standard output, written by a thread of its own.
//!
//! **Invariant**: whoever has a line to write never waits. A pipe that nobody reads or a full disk costs lines, which are
//! counted; it costs no request its time and the service no more than [`CAPACITY`] bytes.

use std::{
    fs::File,
    io::{self, Write},
    mem,
    os::fd::AsFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

use super::json;

/// Bytes that may wait to be written: 16 full buffers of audit events.
const CAPACITY: usize = 16 * 32 * 1024;
/// What the writer keeps of its memory while there is little to do.
const KEPT: usize = 32 * 1024;
/// Pause before a descriptor that does not block is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Takes finished lines from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lines(Arc<Sink>);

#[derive(Debug)]
enum Sink {
    Thread(Arc<Queue>),
    Memory(Arc<Mutex<Vec<u8>>>),
    Discard,
}

impl Lines {
    /// Lines for standard output. Without it (closed, or no thread to be had) every line counts as lost.
    #[must_use]
    pub fn stdout() -> Self {
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Self::to(File::from(descriptor)),
            Err(_) => Self::to(Closed),
        }
    }

    /// Lines for `out`, which may block as long as it likes.
    pub(super) fn to(out: impl Write + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        let writer = queue.clone();
        // Without the thread the queue fills up, and what comes then is counted as lost.
        let _ = thread::Builder::new()
            .name("lines".into())
            .spawn(move || write_batches(&writer, out));
        Self(Arc::new(Sink::Thread(queue)))
    }

    /// Lines for a test to look at.
    #[must_use]
    pub fn memory() -> (Self, Captured) {
        let text = Arc::new(Mutex::new(Vec::new()));
        (Self(Arc::new(Sink::Memory(text.clone()))), Captured(text))
    }

    /// Lines for nobody.
    #[must_use]
    pub fn discard() -> Self {
        Self(Arc::new(Sink::Discard))
    }

    /// Hands over a batch of whole lines, each with its line feed. If there is no room, all of it is lost.
    pub fn send(&self, batch: &[u8], lines: u64) {
        match &*self.0 {
            Sink::Thread(queue) => queue.push(locked(&queue.state), batch, lines),
            Sink::Memory(text) => locked(text).extend_from_slice(batch),
            Sink::Discard => {}
        }
    }

    /// Announces a batch, so that [`Lines::flush`] waits for it.
    pub(super) fn owe(&self) {
        if let Sink::Thread(queue) = &*self.0 {
            locked(&queue.state).owed += 1;
        }
    }

    /// Hands over a batch that was announced.
    pub(super) fn settle(&self, batch: &[u8], lines: u64) {
        if let Sink::Thread(queue) = &*self.0 {
            let mut state = locked(&queue.state);
            state.owed -= 1;
            queue.push(state, batch, lines);
        } else {
            self.send(batch, lines);
        }
    }

    /// How many lines were lost since this was last asked.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        match &*self.0 {
            Sink::Thread(queue) => queue.lost.swap(0, Ordering::Relaxed),
            Sink::Memory(_) | Sink::Discard => 0,
        }
    }

    /// Waits until all is written, what workers still have in their buffers included, but no longer than `at_most`: for
    /// the end of the process.
    pub fn flush(&self, at_most: Duration) {
        if let Sink::Thread(queue) = &*self.0 {
            let unfinished = |state: &mut State| state.owed > 0 || state.writing || !state.waiting.is_empty();
            let _ = queue
                .changed
                .wait_timeout_while(locked(&queue.state), at_most, unfinished);
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Self::Thread(queue) = self {
            locked(&queue.state).closed = true;
            queue.changed.notify_all();
        }
    }
}

/// What [`Lines::memory`] took.
#[derive(Clone, Debug)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// The lines so far, without their line feeds.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&locked(&self.0))
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// Batches that were announced and are still to come.
    owed: u64,
    writing: bool,
    closed: bool,
}

impl Queue {
    fn push(&self, mut state: MutexGuard<'_, State>, batch: &[u8], lines: u64) {
        if state.waiting.len() + batch.len() > CAPACITY {
            self.lost.fetch_add(lines, Ordering::Relaxed);
            return;
        }
        let idle = state.waiting.is_empty();
        state.waiting.extend_from_slice(batch);
        drop(state);
        if idle {
            self.changed.notify_all();
        }
    }

    /// Swaps the empty `batch` for what waits; false when nothing will ever come again.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = locked(&self.state);
        state.writing = false;
        self.changed.notify_all();
        state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, batch);
        state.writing = !batch.is_empty();
        state.writing
    }
}

fn write_batches(queue: &Queue, mut out: impl Write) {
    let mut batch = Vec::new();
    let mut mid_line = false;
    while queue.take(&mut batch) {
        if mid_line {
            // What a full disk cut off must not run into the next line.
            batch.insert(0, b'\n');
        }
        let written = write_some(&mut out, &batch);
        let unwritten = &batch[written.max(usize::from(mid_line))..];
        let lost = unwritten.iter().filter(|byte| **byte == b'\n').count();
        mid_line = batch[..written].last().map_or(mid_line, |last| *last != b'\n');
        queue.lost.fetch_add(lost as u64, Ordering::Relaxed);
        batch.clear();
        batch.shrink_to(KEPT);
    }
}

/// Writes until all is out or `out` fails, and says how much it took.
fn write_some(out: &mut impl Write, batch: &[u8]) -> usize {
    let mut written = 0;
    while written < batch.len() {
        match out.write(&batch[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    written
}

/// A standard output that is not there.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic elsewhere does not stop the log.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects what tracing-subscriber writes of one event, and sends it as one line.
#[derive(Debug)]
pub struct LogLine {
    lines: Lines,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.lines.send(&json::one_line(&self.text), 1);
        }
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = LogLine;

    fn make_writer(&self) -> Self::Writer {
        LogLine {
            lines: self.clone(),
            text: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
