//! Both directions of a tunnel, from the first byte to the end of both connections.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    End, Traffic, Why,
    ending::{Control, Ending},
    relay::{Away, relay},
    way::{Ended, Way, poll_drop},
};
use crate::socket::Lend;

/// How long the answer to a close frame is waited for, and then the end of the caller's connection.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a caller may take for what is left of an upstream that takes nothing more.
const DELIVERY: Duration = Duration::from_secs(5);

/// How long a tunnel stays with its worker after the relay gave it back: handing it to and fro for each burst costs more than
/// the relay saves.
const REST: Duration = Duration::from_secs(1);

/// A tunnel.
pub(super) struct Pump<C, U> {
    caller: C,
    upstream: U,
    to_caller: Way,
    to_upstream: Way,
    control: Control,
    traffic: Arc<Traffic>,
    /// Whether it may be worth while to ask for a relay.
    relays: bool,
    /// It has come from there, for some reason that may go on: until then, the worker moves what there is.
    rests_until: Option<Instant>,
}

/// What ends the time in which bytes just go through.
enum Event {
    CallerGone(Why),
    UpstreamGone,
    /// It may have sent something before.
    UpstreamDeaf,
    Ours(Ending),
    /// Both connections are closed already.
    Lost,
}

/// Who is at an end.
struct Gone {
    caller: bool,
    upstream: bool,
}

impl<C, U> Pump<C, U>
where
    C: Lend,
    U: Lend,
{
    pub(super) fn new(caller: C, upstream: U, control: Control, traffic: Arc<Traffic>) -> Self {
        Self {
            caller,
            upstream,
            to_caller: Way::default(),
            to_upstream: Way::default(),
            control,
            traffic,
            relays: true,
            rests_until: None,
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
        let event = loop {
            match poll_fn(|context| self.poll_open(context)).await {
                Some(event) => break event,
                None => {
                    if let Some(event) = self.relayed().await {
                        break event;
                    }
                }
            }
        };
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
            Event::Lost => return Why::Stopped.into(),
        };
        let _ = timeout(ANSWER, self.finish()).await;
        end
    }

    /// Ready with an event, or with nothing once nothing is left to be done but to wait, and the relay may do that.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Poll::Ready(ending) = self.control.poll(context) {
            return Poll::Ready(Some(Event::Ours(ending)));
        }
        if let Poll::Ready(ended) = self.poll_to_caller(context) {
            return Poll::Ready(Some(match ended {
                Ended::Source => Event::UpstreamGone,
                Ended::Sink(io::ErrorKind::TimedOut) => Event::CallerGone(Why::Stalled),
                Ended::Sink(_) => Event::CallerGone(Why::Caller),
            }));
        }
        if let Poll::Ready(ended) = self.poll_to_upstream(context) {
            return Poll::Ready(Some(match ended {
                Ended::Source => Event::CallerGone(Why::Caller),
                Ended::Sink(_) => Event::UpstreamDeaf,
            }));
        }
        ready_if(self.may_be_lent()).map(|()| None)
    }

    fn may_be_lent(&self) -> bool {
        let clear = self.relays && self.to_caller.is_clear() && self.to_upstream.is_clear();
        clear && self.rests_until.is_none_or(|until| until <= Instant::now())
    }

    /// Has the relay move bytes, until something else is to be done: what ends the tunnel, or what is for [`Self::poll_open`]
    /// to find.
    async fn relayed(&mut self) -> Option<Event> {
        self.relays = false; // unless it all goes well
        let mut lent = match relay(self.lend()?) {
            Ok(lent) => lent,
            Err(away) => {
                self.take_back(*away);
                return None;
            }
        };
        let control = &mut self.control;
        let (ending, away) = tokio::select! {
            biased;
            ending = poll_fn(|context| control.poll(context)) => {
                lent.call_back();
                (Some(ending), lent.back().await)
            }
            away = lent.back() => (None, away),
        };
        let Some(away) = away else {
            tracing::error!("the thread that moved a tunnel has died, and its connections with it");
            return Some(Event::Lost);
        };
        self.relays = !away.refused;
        self.take_back(*away);
        ending.map(Event::Ours)
    }

    /// What the relay needs, if both connections are mere sockets.
    fn lend(&mut self) -> Option<Box<Away>> {
        let upstream = self.upstream.lend()?;
        let Some(caller) = self.caller.lend() else {
            self.upstream.give_back(upstream);
            return None;
        };
        Some(Box::new(Away {
            caller,
            upstream,
            to_caller: std::mem::take(&mut self.to_caller),
            to_upstream: std::mem::take(&mut self.to_upstream),
            traffic: self.traffic.clone(),
            refused: false,
        }))
    }

    fn take_back(&mut self, away: Away) {
        self.caller.give_back(away.caller);
        self.upstream.give_back(away.upstream);
        (self.to_caller, self.to_upstream) = (away.to_caller, away.to_upstream);
        self.rests_until = Some(Instant::now() + REST);
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
