//! One direction of a tunnel: what is read is written, and nothing is read before that is done.
//!
//! **Invariant**: a direction on which nothing moves holds no memory beyond itself. What is read goes into a buffer that all
//! tunnels of a worker share; only what the other end does not take at once is copied.

use std::{
    cell::RefCell,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Count, frames::Frames};

/// Most bytes that are read at once, and so kept of one direction when the other end takes none.
pub(super) const AT_ONCE: usize = 32 * 1024;
/// Most pieces that one direction moves before the other has its turn: a caller must be able to say stop to what floods him.
pub(super) const IN_A_ROW: usize = 16;

thread_local! {
    /// A worker is one thread, and a tunnel that is polled is done with it when the next one is.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; AT_ONCE]);
}

/// What has come of one direction.
#[derive(Default)]
pub(super) struct Way {
    frames: Frames,
    /// Read and not yet written.
    pending: BytesMut,
    /// Written, and perhaps kept back by the sink.
    unflushed: bool,
    stage: Stage,
}

#[derive(Default)]
enum Stage {
    #[default]
    Relaying,
    /// Ends with this close frame as soon as a frame ends.
    Cutting(Vec<u8>),
    /// Nothing more is written: what comes is looked at for a close frame, and dropped.
    Cut,
}

impl fmt::Debug for Way {
    /// What people say to each other is nobody's to read.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pending.len();
        formatter
            .debug_struct("Way")
            .field("pending", &pending)
            .finish_non_exhaustive()
    }
}

/// Which of the two ends is at its end.
#[derive(Debug)]
pub(super) enum Ended {
    Source,
    Sink(io::ErrorKind),
}

impl Way {
    /// Writes `bytes` first, which are not a part of the stream.
    pub(super) fn begin(&mut self, bytes: BytesMut) {
        self.pending = bytes;
    }

    /// What was read before, by somebody else.
    pub(super) fn was_read(&mut self, bytes: &[u8], moved: &Count) {
        self.frames.advance(bytes);
        self.pending.extend_from_slice(bytes);
        moved.add(bytes.len());
    }

    /// From the next boundary on nothing is written but `close`; not even that if the source has sent such a frame itself.
    pub(super) fn cut(&mut self, close: Vec<u8>) {
        self.stage = Stage::Cutting(close);
        if self.frames.at_boundary() {
            self.insert();
        }
    }

    /// Whether it was cut, and the sink has all of it.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Cut) && self.pending.is_empty() && !self.unflushed
    }

    /// Whether the source has sent a close frame.
    pub(super) fn heard_close(&self) -> bool {
        self.frames.closed()
    }

    /// Whether all that came is written, and more would be, too.
    pub(super) fn is_clear(&self) -> bool {
        matches!(self.stage, Stage::Relaying) && self.pending.is_empty() && !self.unflushed
    }

    /// Of a direction that was clear: `came` was read, and as much of it written, by somebody else.
    pub(super) fn went(&mut self, came: &[u8], written: usize, moved: &Count) {
        self.frames.advance(came);
        moved.add(came.len());
        self.pending.extend_from_slice(&came[written..]);
    }

    #[cfg(test)]
    pub(super) fn at_boundary(&self) -> bool {
        self.frames.at_boundary()
    }

    #[cfg(test)]
    pub(super) fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Moves what can be moved; ready once one of the ends is at its end, and the sink has what came before.
    pub(super) fn poll<R, W>(
        &mut self,
        source: &mut R,
        sink: &mut W,
        moved: &Count,
        context: &mut Context<'_>,
    ) -> Poll<Ended>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..IN_A_ROW {
            if let Err(error) = ready!(self.poll_flush(sink, context)) {
                return Poll::Ready(Ended::Sink(error.kind()));
            }
            if let Some(ended) = ready!(self.poll_piece(source, sink, moved, context)) {
                return Poll::Ready(ended);
            }
        }
        context.waker().wake_by_ref(); // there may be more
        Poll::Pending
    }

    /// Reads once, and hands it on.
    fn poll_piece<R, W>(
        &mut self,
        source: &mut R,
        sink: &mut W,
        moved: &Count,
        context: &mut Context<'_>,
    ) -> Poll<Option<Ended>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match ready!(Pin::new(source).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    Poll::Ready(self.pass(buffer.filled(), sink, moved, context).err())
                }
                Ok(()) | Err(_) => Poll::Ready(Some(Ended::Source)),
            }
        })
    }

    /// Hands on what was read, as far as it has to be.
    fn pass<W: AsyncWrite + Unpin>(
        &mut self,
        came: &[u8],
        sink: &mut W,
        moved: &Count,
        context: &mut Context<'_>,
    ) -> Result<(), Ended> {
        let count = match &self.stage {
            Stage::Relaying => {
                self.frames.advance(came);
                came.len()
            }
            Stage::Cutting(_) => self.frames.next_boundary(came).unwrap_or(came.len()),
            Stage::Cut => {
                self.frames.advance(came);
                return Ok(());
            }
        };
        moved.add(count);
        self.write(&came[..count], sink, context)?;
        if matches!(self.stage, Stage::Cutting(_)) && self.frames.at_boundary() {
            self.insert();
            self.frames.advance(&came[count..]);
        }
        Ok(())
    }

    /// At a boundary.
    fn insert(&mut self) {
        if let Stage::Cutting(close) = std::mem::replace(&mut self.stage, Stage::Cut)
            && !self.frames.closed()
        {
            self.pending.extend_from_slice(&close);
        }
    }

    /// Writes what the sink takes at once, and keeps the rest.
    fn write<W: AsyncWrite + Unpin>(
        &mut self,
        bytes: &[u8],
        sink: &mut W,
        context: &mut Context<'_>,
    ) -> Result<(), Ended> {
        let count = match Pin::new(sink).poll_write(context, bytes) {
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Err(Ended::Sink(error.kind())),
            Poll::Pending => 0,
        };
        self.unflushed = true;
        self.pending.extend_from_slice(&bytes[count..]);
        Ok(())
    }

    /// Writes what is pending, and has the sink let go of what it keeps back.
    fn poll_flush<W: AsyncWrite + Unpin>(&mut self, sink: &mut W, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let count = ready!(Pin::new(&mut *sink).poll_write(context, &self.pending))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.pending.advance(count);
            if self.pending.is_empty() {
                self.pending = BytesMut::new(); // lets go of what a burst took
            }
        }
        if self.unflushed {
            ready!(Pin::new(sink).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads and drops until `source` is at its end.
pub(super) fn poll_drop<R: AsyncRead + Unpin>(source: &mut R, context: &mut Context<'_>) -> Poll<()> {
    SCRATCH.with_borrow_mut(|scratch| {
        loop {
            let mut buffer = ReadBuf::new(scratch);
            let read = ready!(Pin::new(&mut *source).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    })
}

#[cfg(test)]
mod tests;
