//! The public listener: one application per worker.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_http::{HttpService, error::DispatchError};
use actix_rt::net::TcpStream;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{App, dev::AppConfig, middleware::from_fn, web};
use tracing_actix_web::TracingLogger;

use super::{
    Clients, Service, expect,
    layer::{self, Worker},
    lifecycle::State,
    socket::Socket,
    stream::{Limits, Timed},
    tls::Handshakes,
    upgrade,
};
use crate::{
    config::sections::ServerConfig,
    error::ProxyError,
    pages,
    telemetry::{Audit, Metrics, RequestSpan},
};

/// How long a connection that is being closed is read, so that the client gets our last answer.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// What the dispatcher gathers before it writes. A caller who reads slowly holds that much and a chunk on top, in a buffer
/// that grows by doubling.
const WRITE_BUFFER: usize = 16 * 1024;
/// What the system takes of an answer before it can be sent. Left to itself it takes megabytes for a client that reads
/// slowly, and tells nothing until a third of them is gone: that client would be cut off as one that takes no byte.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;
/// How often a worker says that it is not stuck.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Starts serving `service` on `listener`.
pub(super) fn serve(service: Arc<Service>, listener: TcpListener, state: Arc<State>) -> io::Result<Server> {
    let builder = ServerBuilder::default()
        .disable_signals()
        .shutdown_timeout(service.server.drain_deadline_seconds);
    let builder = match service.server.workers {
        0 => builder,
        workers => builder.workers(workers),
    };
    let address = listener.local_addr()?;
    let signal = builder.graceful_shutdown_signal();
    let builder = builder.listen("public", listener, move || {
        connections(&service, &state, address, signal.clone())
    })?;
    Ok(builder.run())
}

/// What one worker does with its connections.
fn connections(
    service: &Arc<Service>,
    state: &Arc<State>,
    address: SocketAddr,
    signal: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<> {
    let clients = Clients::new(&service.tls);
    let worker = Rc::new(worker(service, &clients, state));
    keep_beating(&worker);
    let limits = limits(&service.server);
    let accept = accept(
        limits,
        service.metrics.clone(),
        handshakes(service, limits, &signal).map(Rc::new),
    );
    let (expecting, upgrading) = (worker.clone(), worker.clone());
    let http = HttpService::build()
        .graceful_shutdown_signal(move || {
            let signal = signal.clone();
            async move { signal.notified().await }
        })
        .keep_alive(limits.keep_alive)
        .client_request_timeout(Duration::ZERO) // `Timed` watches every head, the first too
        .client_disconnect_timeout(LINGER)
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(WRITE_BUFFER)
        .local_addr(address)
        .on_connect_ext(|io: &Timed, data| {
            data.insert(io.progress().clone());
        })
        .expect(fn_service(move |request| expect::decide(expecting.clone(), request)))
        .upgrade(fn_service(move |(request, caller)| {
            Box::pin(upgrade::serve(upgrading.clone(), request, caller)) // few connections are as large
        }))
        .h1(map_config(application(service, worker, clients).into_factory(), |_| {
            AppConfig::default()
        }));
    accept.and_then(http)
}

/// Gives a connection its deadlines, after its handshake where there is a certificate. Each is a task of its own: no
/// handshake keeps others waiting.
fn accept(
    limits: Limits,
    metrics: Arc<Metrics>,
    handshakes: Option<Rc<Handshakes>>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (Timed, Option<SocketAddr>), Error = DispatchError, InitError = ()>
{
    fn_service(move |io: TcpStream| {
        let peer = io.peer_addr().ok();
        let _ = io.set_nodelay(true); // without it, 100 kB answers come in steps of 40 ms
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT);
        let (metrics, handshakes) = (metrics.clone(), handshakes.clone());
        async move {
            let socket = match handshakes {
                None => Socket::Plain(io),
                // In a box: without TLS, no connection pays for the size of a handshake.
                Some(handshakes) => Box::pin(handshakes.begin(io))
                    .await
                    .ok_or_else(|| DispatchError::Io(io::ErrorKind::ConnectionAborted.into()))?,
            };
            Ok((Timed::new(socket, limits, metrics), peer))
        }
    })
}

/// Where there is a certificate.
fn handshakes(service: &Service, limits: Limits, signal: &GracefulShutdownSignal) -> Option<Handshakes> {
    let certificate = service.certificate.clone()?;
    Some(Handshakes {
        certificate,
        limit: limits.head,
        drain: signal.clone(),
        metrics: service.metrics.clone(),
    })
}

fn limits(server: &ServerConfig) -> Limits {
    Limits {
        head: Duration::from_secs(server.head_timeout_seconds),
        keep_alive: Duration::from_secs(server.keep_alive_seconds),
        write: Duration::from_secs(server.write_timeout_seconds),
    }
}

/// Ticks on the worker's own runtime for as long as the worker is there: a worker that is stuck does not.
fn keep_beating(worker: &Rc<Worker>) {
    let (heartbeat, worker) = (worker.state.heartbeat(), Rc::downgrade(worker));
    actix_rt::spawn(async move {
        while let Some(worker) = worker.upgrade() {
            heartbeat.store(worker.state.seconds(), Ordering::Relaxed);
            drop(worker);
            tokio::time::sleep(HEARTBEAT).await;
        }
    });
}

fn worker(service: &Service, clients: &Clients, state: &Arc<State>) -> Worker {
    Worker {
        about: service.about,
        audit: Audit::new(service.about.name, service.lines.clone(), service.metrics.clone()),
        metrics: service.metrics.clone(),
        state: state.clone(),
        sites: service
            .sites
            .iter()
            .map(|(prefix, build)| (prefix.clone(), build(clients)))
            .collect(),
        docs_base_url: service.server.docs_base_url.as_ref().map(ToString::to_string),
    }
}

/// Layers run from the last `wrap` to the first: checks, id and audit come first, as the span needs the id.
fn application(
    service: &Service,
    worker: Rc<Worker>,
    clients: Clients,
) -> App<
    impl ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<layer::Tracked>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let around = worker.clone();
    App::new()
        .app_data(web::Data::from(Arc::new(service.about)))
        .configure(|config| {
            for add in &service.routes {
                add(config, &clients);
            }
            for (prefix, site) in &worker.sites {
                pages::mount(config, prefix, site, &service.about, &worker.metrics);
            }
            pages::mount_root(config);
        })
        .default_service(web::to(|| async {
            Err::<&str, _>(ProxyError::NotFound("there is no service at this path".into()))
        }))
        .wrap(TracingLogger::<RequestSpan>::new())
        .wrap(from_fn(move |request, next| {
            layer::around(around.clone(), request, next)
        }))
}
