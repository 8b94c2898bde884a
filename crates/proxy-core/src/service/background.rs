//! Work beside requests, on the thread that starts the service: begun before the first request, given time after the last.

use std::time::Duration;

use async_trait::async_trait;

use super::{Clients, Service};

/// Longest time that is given after the drain: what is not done by then has to be done after the next start.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Something that goes on beside requests.
#[async_trait(?Send)]
pub trait Background: Send + Sync + 'static {
    /// Before anything is bound.
    ///
    /// # Errors
    /// What stops the start.
    fn start(&self) -> anyhow::Result<()>;

    /// Runs for as long as the service does.
    async fn run(&self, clients: &Clients);

    /// When nothing is left to do; asked after the last request.
    async fn finished(&self);
}

impl Service {
    pub(super) fn start_background(&self) -> anyhow::Result<()> {
        self.background.iter().try_for_each(|work| work.start())
    }

    pub(super) fn run_background(&self) {
        for work in self.background.clone() {
            let clients = Clients::new(&self.tls);
            actix_rt::spawn(async move { work.run(&clients).await });
        }
    }

    pub(super) async fn finish_background(&self) {
        let all = futures_util::future::join_all(self.background.iter().map(|work| work.finished()));
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("work beside requests is not finished: it goes on after the next start");
        }
    }
}
