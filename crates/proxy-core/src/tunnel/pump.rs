//! Both directions of a tunnel, from the first byte to the end of both connections.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout, timeout_at},
};

use super::{
    End, Traffic, Why,
    ending::{Control, Ending},
    way::{Ended, Way, poll_drop},
};

/// How long the answer to a close frame is waited for, and then the end of the caller's connection.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a caller may take for what is left of an upstream that takes nothing more.
const DELIVERY: Duration = Duration::from_secs(5);

/// A tunnel.
pub(super) struct Pump<C, U> {
    caller: C,
    upstream: U,
    to_caller: Way,
    to_upstream: Way,
    control: Control,
    traffic: Rc<Traffic>,
}

/// What ends the time in which bytes just go through.
enum Event {
    CallerGone(Why),
    UpstreamGone,
    /// It may have sent something before.
    UpstreamDeaf,
    Ours(Ending),
}

/// Who is at an end.
struct Gone {
    caller: bool,
    upstream: bool,
}

impl<C, U> Pump<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(caller: C, upstream: U, control: Control, traffic: Rc<Traffic>) -> Self {
        Self {
            caller,
            upstream,
            to_caller: Way::default(),
            to_upstream: Way::default(),
            control,
            traffic,
        }
    }

    /// First writes `head` to the caller, and `early`, which the upstream has sent already.
    pub(super) fn beginning(mut self, head: BytesMut, early: &[u8]) -> Self {
        self.to_caller.begin(head);
        self.to_caller.was_read(early, &self.traffic.to_caller);
        self
    }

    /// Moves bytes until it is over, and closes both connections.
    pub(super) async fn run(mut self) -> End {
        let event = poll_fn(|context| self.poll_open(context)).await;
        let end = match event {
            Event::CallerGone(why) => End { why, close: None },
            Event::UpstreamGone => Why::Upstream.into(),
            Event::UpstreamDeaf => {
                let _ = timeout(DELIVERY, poll_fn(|context| self.poll_to_caller(context))).await;
                Why::Upstream.into()
            }
            Event::Ours(ending) => {
                self.close(&ending).await;
                End {
                    why: ending.why,
                    close: Some(ending.close),
                }
            }
        };
        let _ = timeout(ANSWER, self.finish()).await;
        end
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(ending) = self.control.poll(context) {
            return Poll::Ready(Event::Ours(ending));
        }
        if let Poll::Ready(ended) = self.poll_to_caller(context) {
            return Poll::Ready(match ended {
                Ended::Source => Event::UpstreamGone,
                Ended::Sink(io::ErrorKind::TimedOut) => Event::CallerGone(Why::Stalled),
                Ended::Sink(_) => Event::CallerGone(Why::Caller),
            });
        }
        self.poll_to_upstream(context).map(|ended| match ended {
            Ended::Source => Event::CallerGone(Why::Caller),
            Ended::Sink(_) => Event::UpstreamDeaf,
        })
    }

    fn poll_to_caller(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let moved = &self.traffic.to_caller;
        self.to_caller
            .poll(&mut self.upstream, &mut self.caller, moved, context)
    }

    fn poll_to_upstream(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let moved = &self.traffic.to_upstream;
        self.to_upstream
            .poll(&mut self.caller, &mut self.upstream, moved, context)
    }

    /// Tells both sides, each at the end of its frame, and waits for what they say to it.
    async fn close(&mut self, ending: &Ending) {
        self.to_caller.cut(ending.close.to_frame(None));
        self.to_upstream.cut(ending.close.to_frame(Some(mask())));
        let cut_by = ending.cut_by.max(Instant::now() + ANSWER);
        let _ = timeout_at(cut_by, poll_fn(|context| self.poll_cut(context))).await;
        let _ = timeout(ANSWER, poll_fn(|context| self.poll_answers(context))).await;
    }

    /// Ready once each side has its close frame, or one of them is gone: a frame of its ends no more.
    fn poll_cut(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let gone = self.poll_gone(context);
        ready_if(gone.caller || gone.upstream || (self.to_caller.is_over() && self.to_upstream.is_over()))
    }

    /// Ready once each side has sent a close frame, or the caller is gone.
    fn poll_answers(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let gone = self.poll_gone(context);
        let upstream = gone.upstream || self.to_caller.heard_close();
        ready_if(gone.caller || (upstream && self.to_upstream.heard_close()))
    }

    /// Moves what can be moved.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Gone {
        let (down, up) = (self.poll_to_caller(context), self.poll_to_upstream(context));
        let source = |poll: &Poll<Ended>| matches!(poll, Poll::Ready(Ended::Source));
        let sink = |poll: &Poll<Ended>| matches!(poll, Poll::Ready(Ended::Sink(_)));
        Gone {
            caller: sink(&down) || source(&up),
            upstream: source(&down) || sink(&up),
        }
    }

    /// Ends both connections; the caller's is read until he ends it too: what lies unread when a connection is closed
    /// resets it, and a reset may overtake what was sent last.
    async fn finish(&mut self) {
        let (caller, upstream) = (&mut self.caller, &mut self.upstream);
        // Who is gone already need not be told.
        let _ = poll_fn(|context| Pin::new(&mut *upstream).poll_shutdown(context)).await;
        let _ = poll_fn(|context| Pin::new(&mut *caller).poll_shutdown(context)).await;
        poll_fn(|context| poll_drop(caller, context)).await;
    }
}

impl From<Why> for End {
    fn from(why: Why) -> Self {
        Self { why, close: None }
    }
}

fn ready_if(ready: bool) -> Poll<()> {
    if ready { Poll::Ready(()) } else { Poll::Pending }
}

/// What a close frame towards an upstream is masked with (RFC 6455, 5.3). There is nothing in it that a mask could hide.
fn mask() -> [u8; 4] {
    let mut mask = [0; 4];
    // Without randomness the mask is of zeros, which is one too.
    let _ = aws_lc_rs::rand::fill(&mut mask);
    mask
}

#[cfg(test)]
mod tests;
