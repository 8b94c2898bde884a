//! Starts and stops everything, in the order in which one thing needs the other.
//!
//! Secrets live as long as the process: in memory, and in a temporary directory that only this user can read.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt, web};
use anyhow::Context;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tempfile::TempDir;

use crate::addresses::{Addresses, listen};
use crate::command_line::CommandLine;
use crate::demo_jira::{self, Account, DemoJira};
use crate::issuer::{self, ADA, Issuer, LIFETIME};
use crate::jira_proxy::{BOT, JiraProxy, config_toml, start_jira_proxy};
use crate::page::{self, Page};

pub(crate) struct Playground {
    addresses: Addresses,
    peers: Vec<ServerHandle>,
    jira_proxy: JiraProxy,
    directory: TempDir,
}

/// Every port that is needed, held until its server takes it.
struct Ports {
    page: TcpListener,
    jira_proxy: TcpListener,
    admin: TcpListener,
    demo_jira: TcpListener,
    issuer: TcpListener,
}

impl Playground {
    pub(crate) async fn start(host: IpAddr, chosen: &CommandLine) -> anyhow::Result<Self> {
        let ports = Ports::take(host, chosen)?;
        let directory = private_directory()?;
        let account = Account {
            name: BOT,
            password: random_password()?,
        };
        let password_file = write_private(directory.path(), "password", &account.password)?;
        let issuer = Issuer::new(format!("http://{}", ports.issuer.local_addr()?))?;
        let token = issuer.mint(ADA.name, ADA.groups, LIFETIME)?;
        let token_file = write_private(directory.path(), "token", &token)?;
        let addresses = ports.addresses(token, token_file)?;

        let Ports {
            page,
            jira_proxy,
            admin,
            demo_jira,
            issuer: issuer_port,
        } = ports;
        let jira = DemoJira::new(format!("http://{}", addresses.demo_jira), account);
        let peers = vec![
            serve(demo_jira, jira, demo_jira::configure)?,
            serve(issuer_port, issuer, issuer::configure)?,
            serve(page, Page::new(&addresses), page::configure)?,
        ];
        // jira-proxy binds its own ports, a moment after they are given back.
        drop((jira_proxy, admin));
        let jira_proxy = start_jira_proxy(&config_toml(&addresses, &password_file)).await?;
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

impl Ports {
    fn take(host: IpAddr, chosen: &CommandLine) -> anyhow::Result<Self> {
        Ok(Self {
            jira_proxy: listen(host, chosen.port, 8080)?,
            admin: listen(host, chosen.admin_port, 8090)?,
            page: listen(host, chosen.page_port, 8070)?,
            demo_jira: listen(host, chosen.jira_port, 0)?,
            issuer: listen(host, chosen.issuer_port, 0)?,
        })
    }

    fn addresses(&self, token: String, token_file: PathBuf) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            page: self.page.local_addr()?,
            jira_proxy: self.jira_proxy.local_addr()?,
            admin: self.admin.local_addr()?,
            demo_jira: self.demo_jira.local_addr()?,
            issuer: self.issuer.local_addr()?,
            token,
            token_file,
        })
    }
}

/// One of the demo's own peers, with what its workers share.
fn serve<T: Send + Sync + 'static>(
    listener: TcpListener,
    shared: T,
    configure: fn(&mut web::ServiceConfig),
) -> anyhow::Result<ServerHandle> {
    let shared = web::Data::new(shared);
    let server = HttpServer::new(move || App::new().app_data(shared.clone()).configure(configure))
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    rt::spawn(server);
    Ok(handle)
}

fn private_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("nbgate-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a temporary directory")
}

/// Without a newline at the end: the Python snippet puts the content into a header as it is.
fn write_private(directory: &Path, name: &str, content: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(content.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
