//! What a connection and the requests on it know of each other: who is waited for, and whether an answer was cut.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use tokio::time::Instant;

use super::turns::Turns;
use crate::error::ProxyError;

/// Of one connection.
#[derive(Debug)]
pub(super) struct Progress {
    /// Requests between their head and their answer's last byte.
    pub(super) busy: Cell<u32>,
    /// What is waited for, and since when.
    pub(super) waiting: Cell<Option<(Awaited, Instant)>>,
    /// What is being written, or was last, is an answer of ours: without it, it is a refusal of actix's own.
    pub(super) answering: Cell<bool>,
    /// An answer ended before its body did.
    pub(super) cut: Cell<bool>,
    turns: Turns,
    /// Bytes came whose turn it is not yet.
    pub(super) holding: Cell<bool>,
    pub(super) reader: RefCell<Option<Waker>>,
}

/// What a connection without a request in progress is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The rest of a head.
    Head,
    /// A next request, after one with a body, or what is left of that body: actix drops it without telling.
    Next,
}

impl Awaited {
    /// The name in metrics and log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Next => "idle",
        }
    }
}

impl Progress {
    /// Of a connection that was accepted now: its first head is waited for.
    pub(super) fn new() -> Self {
        Self {
            busy: Cell::default(),
            waiting: Cell::new(Some((Awaited::Head, Instant::now()))),
            answering: Cell::default(),
            cut: Cell::default(),
            turns: Turns::default(),
            holding: Cell::default(),
            reader: RefCell::default(),
        }
    }

    /// How many of `bytes` may be handed on: see [`Turns`].
    pub(super) fn take(&self, bytes: &[u8]) -> usize {
        let head = self.turns.expects_head();
        let count = self.turns.take(bytes, self.busy.get() > 0);
        if head && count > 0 {
            self.head_began(); // it may have been held back behind a body
        }
        count
    }

    /// Bytes came, or have their turn now, that may be a head's.
    pub(super) fn head_began(&self) {
        if self.busy.get() == 0 && self.waiting.get().is_none_or(|(awaited, _)| awaited == Awaited::Next) {
            self.waiting.set(Some((Awaited::Head, Instant::now())));
        }
    }

    /// Who reads is told to look again.
    fn wake_reader(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.wake();
        }
    }
}

/// Held by a request from its head to its answer's last byte.
#[derive(Debug)]
pub(super) struct Busy {
    progress: Rc<Progress>,
    has_body: bool,
    /// The answer has a body, and the rest of it is still to come.
    unfinished: bool,
}

impl Busy {
    /// The head of a request is complete. `None` without a connection, in a test.
    /// `again`: it began before, and waited for `100 Continue`.
    pub(super) fn begin(
        progress: Option<&Rc<Progress>>,
        headers: &HeaderMap,
        again: impl FnOnce() -> bool,
    ) -> Option<Self> {
        let progress = progress?;
        progress.busy.set(progress.busy.get() + 1);
        progress.waiting.set(None);
        progress.answering.set(true);
        progress.turns.begin(headers, again);
        if progress.holding.get() {
            progress.wake_reader(); // its body may be there already
        }
        Some(Self {
            progress: progress.clone(),
            has_body: headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING),
            unfinished: false,
        })
    }

    /// Refuses a head whose lines end with LF alone, and all that comes on its connection: what a server in front takes for
    /// a part of one request may be two here (RFC 9112, 2.2 leaves it to us).
    pub(super) fn check_line_ends(&self) -> Result<(), ProxyError> {
        if self.ends_connection() {
            return Err(ProxyError::BadRequest(
                "the lines of the request's head must end with CR LF".into(),
            ));
        }
        Ok(())
    }

    /// Whether nothing on this connection can be believed any more.
    pub(super) fn ends_connection(&self) -> bool {
        self.progress.turns.ended_oddly()
    }

    /// Notes whether a body is still to come. Dropped while one is, the answer was cut.
    pub(super) fn unfinished(&mut self, unfinished: bool) {
        self.unfinished = unfinished;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let progress = &self.progress;
        progress.busy.set(progress.busy.get().saturating_sub(1));
        if self.unfinished {
            progress.cut.set(true);
        }
        let awaited = match self.has_body {
            true => Awaited::Next,
            false if progress.holding.get() => Awaited::Head,
            false => return, // nothing of a next request is there: actix's own keep-alive timer watches
        };
        progress.waiting.set(Some((awaited, Instant::now())));
        // The dispatcher has to wait for the deadline now, and may have what was held back.
        progress.wake_reader();
    }
}
