//! Audit events: one for each request, also when it was denied or the client left.
//!
//! Each worker writes events into a buffer of its own, without a lock and apart from the log, and hands the buffer on when
//! it is full, at the latest after [`LATEST`], and when the worker ends.
//!
//! **Invariant**: an event has no path, no query and no header but the request id; its names are metric labels only where
//! they come from configuration.

mod body;
mod counters;
mod event;
mod record;
mod request_id;
mod tunnel;

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use actix_web::http::Method;
use tokio::{runtime::Handle, sync::Notify};

use self::counters::Counters;
pub(crate) use self::tunnel::TunnelRecord;
pub use self::{
    body::AuditedBody,
    record::{Decision, Record},
    request_id::RequestId,
};
use super::{lines::Lines, metrics::Metrics};

/// A buffer with more than this is handed on at once: about 70 events, so that the writer is seldom woken.
const FULL: usize = 32 * 1024;
/// How long an event may stay in the buffer.
const LATEST: Duration = Duration::from_millis(200);

/// Writes the audit events of one worker. Cheap to clone.
#[derive(Clone)]
pub struct Audit(Rc<Writer>);

struct Writer {
    service: &'static str,
    lines: Lines,
    metrics: Arc<Metrics>,
    counters: RefCell<Counters>,
    buffer: RefCell<Buffer>,
    /// Told when the buffer is no longer empty.
    filling: Rc<Notify>,
    flusher_runs: Cell<bool>,
}

#[derive(Default)]
struct Buffer {
    text: Vec<u8>,
    events: u64,
}

impl Audit {
    /// A writer for this worker: one each, since none of it is shared.
    #[must_use]
    pub fn new(service: &'static str, lines: Lines, metrics: Arc<Metrics>) -> Self {
        Self(Rc::new(Writer {
            service,
            lines,
            metrics,
            counters: RefCell::default(),
            buffer: RefCell::default(),
            filling: Rc::default(),
            flusher_runs: Cell::new(false),
        }))
    }

    /// Hands on what the buffer holds.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// Starts what flushes regularly, on the worker's own runtime. Without a runtime, in a test, nothing does.
    fn start_flusher(&self) {
        if !self.0.flusher_runs.get() && Handle::try_current().is_ok() {
            self.0.flusher_runs.set(true);
            actix_rt::spawn(flush_regularly(Rc::downgrade(&self.0), self.0.filling.clone()));
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Audit")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Appends one event, which `write` writes without a line feed.
    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.events == 0 {
            self.filling.notify_one();
            self.lines.owe();
        }
        write(&mut buffer.text);
        buffer.text.push(b'\n');
        buffer.events += 1;
        let full = buffer.text.len() > FULL;
        drop(buffer);
        if full {
            self.flush();
        }
    }

    fn flush(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.events > 0 {
            self.lines.settle(&buffer.text, buffer.events);
            buffer.text.clear();
            buffer.events = 0;
        }
        self.metrics.audit_lost(self.lines.take_lost());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush();
        // Lets the flusher see that there is nothing left to flush for.
        self.filling.notify_one();
    }
}

async fn flush_regularly(writer: Weak<Writer>, filling: Rc<Notify>) {
    loop {
        filling.notified().await;
        if writer.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(LATEST).await;
        if let Some(writer) = writer.upgrade() {
            writer.flush();
        }
    }
}

/// The method as a label: one of seven, or `other`.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
