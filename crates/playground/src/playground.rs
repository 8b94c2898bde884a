//! Starts and stops everything, in the order in which one thing needs the other.
//!
//! Secrets live as long as the process: in memory, and in a temporary directory that only this user can read.

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, rt, web};
use anyhow::Context;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tempfile::TempDir;

use crate::addresses::{Addresses, listen, port_to_take};
use crate::certificates::Certificates;
use crate::command_line::CommandLine;
use crate::demo_jira::{self, Account, DemoJira};
use crate::issuer::{self, ADA, Issuer, LIFETIME};
use crate::jira_proxy::{BOT, JiraProxy, Wiring, start_jira_proxy};
use crate::newline::end_json_with_newline;
use crate::page::{self, Page};
use crate::private::{private_directory, write_private};

pub(crate) struct Playground {
    addresses: Addresses,
    peers: Vec<ServerHandle>,
    jira_proxy: JiraProxy,
    directory: TempDir,
}

impl Playground {
    pub(crate) async fn start(host: IpAddr, chosen: &CommandLine) -> anyhow::Result<Self> {
        let page_port = listen(host, chosen.page_port, 8070)?;
        let jira_port = listen(host, chosen.jira_port, 0)?;
        let issuer_port = listen(host, chosen.issuer_port, 0)?;
        let (demo_jira, issuer) = (jira_port.local_addr()?, issuer_port.local_addr()?);
        let directory = private_directory()?;
        let certificates = chosen
            .tls
            .then(|| Certificates::make(directory.path(), host))
            .transpose()?;
        let (account, password_file) = account(directory.path())?;
        let identities = Issuer::new(format!("http://{issuer}"))?;
        let token = identities.mint(ADA.name, ADA.groups, LIFETIME)?;
        let token_file = write_private(directory.path(), "token", &token)?;

        let jira = DemoJira::new(format!("http://{demo_jira}"), account);
        let mut peers = vec![
            serve(jira_port, jira, demo_jira::configure)?,
            serve(issuer_port, identities, issuer::configure)?,
        ];
        let jira_proxy = start_jira_proxy(&Wiring {
            host,
            port: port_to_take(host, chosen.port, 8080),
            admin_port: port_to_take(host, chosen.admin_port, 8090),
            demo_jira,
            issuer,
            password_file: &password_file,
            certificates: certificates.as_ref(),
        })
        .await?;
        let addresses = Addresses {
            page: page_port.local_addr()?,
            jira_proxy: jira_proxy.public(),
            admin: jira_proxy.admin(),
            demo_jira,
            issuer,
            token,
            token_file,
            ca_file: certificates.map(|certificates| certificates.ca_file),
        };
        peers.push(serve(page_port, Page::new(&addresses), page::configure)?);
        Ok(Self {
            addresses,
            peers,
            jira_proxy,
            directory,
        })
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// jira-proxy first, so that it never meets an upstream that has gone.
    pub(crate) async fn stop(self) {
        self.jira_proxy.stop().await;
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

/// The demo Jira's bot, and the file with its password.
fn account(directory: &Path) -> anyhow::Result<(Account, PathBuf)> {
    let password = random_password()?;
    let file = write_private(directory, "password", &password)?;
    Ok((Account { name: BOT, password }, file))
}

fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
