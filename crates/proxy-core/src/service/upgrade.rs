//! `Upgrade: websocket`: who may have a tunnel gets one, and anybody else a plain answer, with which the connection ends.
//!
//! actix hands such a request over with the connection itself, and knows nothing of it from then on but that it is there.
//! So what it does for other requests is done here: the caller who leaves is noticed, and an answer is written.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

use actix_codec::{Framed, FramedParts};
use actix_http::{
    ConnectionType, HttpMessage as _, Request, Response,
    h1::{Codec, Message},
};
use actix_web::body::{BodySize, MessageBody};
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    time::timeout,
};

use super::{
    guard,
    layer::{REQUEST_ID, Tracked, Worker},
    listener::LINGER,
    progress::Busy,
    stream::Timed,
};
use crate::{
    error::ProxyError,
    site::no_upgrade,
    telemetry::{Record, RequestId},
    tunnel::{Upgrade, handshake::Asked},
};

/// The caller's connection, as actix has it.
type Caller = Framed<Timed, Codec>;
/// What is written to it.
type Answer = Message<(Response<()>, BodySize)>;

/// One request that asks for another protocol, to the end of its connection.
pub(super) async fn serve(worker: Rc<Worker>, request: Request, mut caller: Caller) -> Result<(), Infallible> {
    let busy = Busy::begin(request.conn_data(), request.headers(), || false);
    let record = Record::start(
        &worker.audit,
        RequestId::of(&request),
        request.method(),
        request.peer_addr(),
    );
    let decided = Box::pin(decide(&worker, &request, &record, busy.as_ref())); // large, and soon over
    match unless_gone(&mut caller, decided).await {
        None => {}
        Some(Upgrade::Answered(mut response)) => {
            response
                .headers_mut()
                .insert(REQUEST_ID, record.request_id().to_header_value());
            let head = response.head_mut();
            head.no_chunking(true); // the codec has read to the connection's end, and would write so too
            head.set_connection_type(ConnectionType::Close);
            record.status(response.status().as_u16());
            let response = response.map_body(|_, body| Tracked::new(body, record, busy));
            Box::pin(answer(caller, response.into())).await;
        }
        Some(Upgrade::Accepted(tunnel)) => {
            let FramedParts {
                mut io,
                read_buf,
                write_buf,
                ..
            } = caller.into_parts();
            io.open(read_buf);
            let log = record.tunnel();
            drop((request, record, busy)); // a tunnel keeps nothing of the request
            Box::pin(tunnel.run(io, write_buf, worker.state.drain(), log)).await;
        }
    }
    Ok(())
}

/// A tunnel, or what is said instead.
async fn decide(worker: &Worker, request: &Request, record: &Record, busy: Option<&Busy>) -> Upgrade {
    let asked = match busy.map_or(Ok(()), Busy::check_line_ends) {
        Ok(()) => ask(worker, request, record).await,
        Err(error) => Err(error),
    };
    asked.unwrap_or_else(|error| Upgrade::Answered(worker.tell(&error, request.uri().path(), record)))
}

async fn ask(worker: &Worker, request: &Request, record: &Record) -> Result<Upgrade, ProxyError> {
    let head = request.head();
    guard::check_upgrade(head)?;
    let outside = || ProxyError::NotFound("there is no service at this path".into());
    let site = worker.site_for(head.uri.path()).ok_or_else(outside)?;
    let site = Some(site).filter(|(prefix, _)| {
        let rest = head.uri.path()[prefix.len()..].strip_prefix("/-");
        rest.is_none_or(|page| !page.is_empty() && !page.starts_with('/')) // pages of ours are only read
    });
    let (_, site) = site.ok_or_else(no_upgrade)?;
    Asked::of(head)?;
    if worker.state.ends_tunnels() {
        return Err(ProxyError::NoTunnel {
            reason: "the service is about to stop and opens no more tunnels",
            retry_after: LINGER,
        });
    }
    let upgraded = AssertUnwindSafe(site.upgrade(record, head)).catch_unwind().await;
    upgraded.unwrap_or_else(|_| {
        worker.metrics.panicked();
        Err(ProxyError::Internal {
            detail: "panicked".to_owned(),
        })
    })
}

/// What `future` says, unless the caller leaves before. Meanwhile what is left of an answer before is written; what the
/// caller sends stays with the connection, which takes so much and no more.
async fn unless_gone<T>(caller: &mut Caller, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        let flushed = Pin::new(&mut *caller).flush::<Answer>(context);
        let mut bytes = [0; 4096];
        let mut buffer = ReadBuf::new(&mut bytes);
        // It is nobody's turn to be read: ready is only the end.
        let read = Pin::new(caller.io_mut()).poll_read(context, &mut buffer);
        match (flushed, read) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(_)) => Poll::Ready(None),
            (_, Poll::Pending) => Poll::Pending,
        }
    })
    .await
}

/// Writes a plain answer and ends the connection. An answer that was cut, or whose caller has left, needs no more than to
/// be let go of.
async fn answer(mut caller: Caller, response: Response<Tracked>) {
    if matches!(write(&mut caller, response).await, Ok(true)) {
        let io = caller.io_mut();
        let ended = async {
            poll_fn(|context| Pin::new(&mut *io).poll_shutdown(context)).await?;
            // What lies unread when a connection is closed resets it, and a reset may overtake the answer.
            let mut bytes = [0; 4096];
            while tokio::io::AsyncReadExt::read(&mut *io, &mut bytes).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        let _ = timeout(LINGER, ended).await;
    }
}

/// Whether all of it was written.
async fn write(caller: &mut Caller, response: Response<Tracked>) -> io::Result<bool> {
    let (head, body) = response.into_parts();
    let mut body = pin!(body);
    Pin::new(&mut *caller).write(Answer::Item((head, body.size())))?;
    loop {
        poll_fn(|context| Pin::new(&mut *caller).flush::<Answer>(context)).await?;
        let next = unless_gone(caller, poll_fn(|context| body.as_mut().poll_next(context))).await;
        match next {
            Some(Some(Ok(chunk))) => Pin::new(&mut *caller).write(Answer::Chunk(Some(chunk)))?,
            Some(None) => break,
            Some(Some(Err(_))) | None => return Ok(false),
        }
    }
    Pin::new(&mut *caller).write(Answer::Chunk(None))?;
    poll_fn(|context| Pin::new(&mut *caller).flush::<Answer>(context)).await?;
    Ok(true)
}
