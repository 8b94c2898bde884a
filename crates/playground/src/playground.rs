//! Starts and stops everything, in the order in which one thing needs the other.
//!
//! Secrets live as long as the process: in memory, and in a temporary directory that only this user can read.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, rt, web};
use anyhow::Context;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tempfile::TempDir;

use crate::account::Account;
use crate::addresses::{Addresses, listen, port_to_take, token_file_name};
use crate::certificates::Certificates;
use crate::command_line::{CommandLine, public};
use crate::demo_efd::{self, DemoEfd};
use crate::demo_instance::{self, DemoInstance};
use crate::demo_jira::{self, DemoJira};
use crate::efd_token::{self, READER, start_efd_token, write_document};
use crate::instance_proxy::{self, start_instance_proxy, write_routes};
use crate::issuer::{self, ADA, GRACE, GUEST, Issuer, LIFETIME};
use crate::jira_proxy::{self, BOT, start_jira_proxy};
use crate::newline::end_json_with_newline;
use crate::page::{self, Page};
use crate::private::{private_directory, write_private};
use crate::service::{Ports, Service, Surroundings};

pub(crate) struct Playground {
    addresses: Addresses,
    peers: Vec<ServerHandle>,
    services: [Service; 3],
    directory: TempDir,
}

/// Where the services' upstreams are, and how they are asked.
struct Upstreams {
    demo_jira: SocketAddr,
    password_file: PathBuf,
    demo_efd: SocketAddr,
    documents: PathBuf,
    demo_instance: SocketAddr,
    routes_file: PathBuf,
}

impl Upstreams {
    /// Writes what the services read. `peers_at` is the demo Jira's, the demo EFD's and the demo instance's.
    fn prepare(
        directory: &Path,
        peers_at: [io::Result<SocketAddr>; 3],
        bot: &Account,
        reader: &Account,
    ) -> anyhow::Result<Self> {
        let [demo_jira, demo_efd, demo_instance] = peers_at;
        let (demo_efd, demo_instance) = (demo_efd?, demo_instance?);
        Ok(Self {
            demo_jira: demo_jira?,
            password_file: write_private(directory, "password", &bot.password)?,
            demo_efd,
            documents: write_document(directory, demo_efd, reader)?,
            demo_instance,
            routes_file: write_routes(directory, demo_instance)?,
        })
    }
}

impl Playground {
    pub(crate) async fn start(host: IpAddr, chosen: &CommandLine) -> anyhow::Result<Self> {
        let [page_port, jira_port, efd_port, instance_port, issuer_port] = listeners(host, chosen)?;
        let peers_at = [&jira_port, &efd_port, &instance_port].map(TcpListener::local_addr);
        let directory = private_directory()?;
        let around = surroundings(host, issuer_port.local_addr()?, chosen, directory.path())?;
        let (bot, reader) = (account(BOT)?, account(READER)?);
        let upstreams = Upstreams::prepare(directory.path(), peers_at, &bot, &reader)?;
        let identities = Issuer::new(format!("http://{}", around.issuer))?;
        let (token, token_file) = write_tokens(directory.path(), &identities)?;
        let jira = DemoJira::new(format!("http://{}", upstreams.demo_jira), bot);
        let mut peers = vec![
            serve(jira_port, jira, demo_jira::configure)?,
            serve(efd_port, DemoEfd::new(reader), demo_efd::configure)?,
            serve(instance_port, DemoInstance::default(), demo_instance::configure)?,
            serve(issuer_port, identities, issuer::configure)?,
        ];
        let services = start_services(&around, chosen, &upstreams).await?;
        let [jira_proxy, efd_token, instance_proxy] = &services;
        // Also where it listens on every address: a container's port leads there from its own machine's loopback.
        let on_host = |address: SocketAddr| SocketAddr::new(host, address.port());
        let addresses = Addresses {
            page: on_host(page_port.local_addr()?),
            jira_proxy: on_host(jira_proxy.public()),
            jira_admin: jira_proxy.admin(),
            efd_token: on_host(efd_token.public()),
            efd_admin: efd_token.admin(),
            instance_proxy: on_host(instance_proxy.public()),
            instance_admin: instance_proxy.admin(),
            demo_jira: upstreams.demo_jira,
            demo_efd: upstreams.demo_efd,
            demo_instance: upstreams.demo_instance,
            issuer: around.issuer,
            token,
            token_file,
            ca_file: around.certificates.map(|certificates| certificates.ca_file),
            beyond_loopback: chosen.beyond_loopback,
        };
        peers.push(serve(page_port, Page::new(&addresses), page::configure)?);
        Ok(Self {
            addresses,
            peers,
            services,
            directory,
        })
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The services first, so that they never meet an upstream that has gone.
    pub(crate) async fn stop(self) {
        for service in self.services {
            service.stop().await;
        }
        for peer in self.peers {
            peer.stop(false).await;
        }
        if let Err(error) = self.directory.close() {
            eprintln!("cannot remove the temporary directory: {error}");
        }
    }
}

/// One of the demo's own peers, with what its workers share.
fn serve<T: Send + Sync + 'static>(
    listener: TcpListener,
    shared: T,
    configure: fn(&mut web::ServiceConfig),
) -> anyhow::Result<ServerHandle> {
    let shared = web::Data::new(shared);
    let app = move || {
        App::new()
            .wrap(from_fn(end_json_with_newline))
            .app_data(shared.clone())
            .configure(configure)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    rt::spawn(server);
    Ok(handle)
}

/// Of the page, the demo Jira, the demo EFD, the demo instance and the issuer.
fn listeners(host: IpAddr, chosen: &CommandLine) -> anyhow::Result<[TcpListener; 5]> {
    Ok([
        listen(public(host, chosen.beyond_loopback), chosen.page_port, 8070)?,
        listen(host, chosen.jira_port, 0)?,
        listen(host, chosen.efd_port, 0)?,
        listen(host, chosen.instance_port, 0)?,
        listen(host, chosen.issuer_port, 0)?,
    ])
}

/// The token of ada and its file; beside it, tokens of others whom something is refused.
fn write_tokens(directory: &Path, issuer: &Issuer) -> anyhow::Result<(String, PathBuf)> {
    for user in [GRACE, GUEST] {
        let token = issuer.mint(&user, LIFETIME)?;
        write_private(directory, &token_file_name(&user), &token)?;
    }
    let token = issuer.mint(&ADA, LIFETIME)?;
    let file = write_private(directory, "token", &token)?;
    Ok((token, file))
}

fn surroundings(
    host: IpAddr,
    issuer: SocketAddr,
    chosen: &CommandLine,
    directory: &Path,
) -> anyhow::Result<Surroundings> {
    let certificates = chosen.tls.then(|| Certificates::make(directory, host)).transpose()?;
    Ok(Surroundings {
        host,
        public: public(host, chosen.beyond_loopback),
        issuer,
        certificates,
    })
}

async fn start_services(
    around: &Surroundings,
    chosen: &CommandLine,
    upstreams: &Upstreams,
) -> anyhow::Result<[Service; 3]> {
    let public = |asked, usual| port_to_take(around.public, asked, usual);
    let admin = |asked, usual| port_to_take(around.host, asked, usual);
    let jira_proxy = start_jira_proxy(&jira_proxy::Wiring {
        around,
        ports: Ports {
            public: public(chosen.port, 8080),
            admin: admin(chosen.admin_port, 8090),
        },
        demo_jira: upstreams.demo_jira,
        password_file: &upstreams.password_file,
    })
    .await?;
    let efd_token = start_efd_token(&efd_token::Wiring {
        around,
        ports: Ports {
            public: public(chosen.efd_token_port, 8082),
            admin: admin(chosen.efd_token_admin_port, 8092),
        },
        documents: &upstreams.documents,
    })
    .await?;
    let instance_proxy = start_instance_proxy(&instance_proxy::Wiring {
        around,
        ports: Ports {
            public: public(chosen.instance_proxy_port, 8084),
            admin: admin(chosen.instance_proxy_admin_port, 8094),
        },
        demo_instance: upstreams.demo_instance,
        routes_file: &upstreams.routes_file,
    })
    .await?;
    Ok([jira_proxy, efd_token, instance_proxy])
}

/// With a password that is another at every start.
fn account(name: &'static str) -> anyhow::Result<Account> {
    let password = random_password()?;
    Ok(Account { name, password })
}

fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
