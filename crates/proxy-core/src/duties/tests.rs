use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tempfile::TempDir;

use tokio::time::pause;

use super::{ADOPTION, Duties, Ending, Unconfirmed, duty::REFUSALS};
use crate::{
    client::tls_config,
    journal::Journal,
    service::{Background as _, Clients},
    telemetry::Metrics,
};

/// What a platform was told.
#[derive(Clone, Default)]
struct Platform {
    told: Arc<Mutex<Vec<String>>>,
    down: Arc<AtomicBool>,
    refuses: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

#[async_trait(?Send)]
impl Ending for Platform {
    async fn end(&self, _clients: &Clients, duty: &str) -> Result<(), Unconfirmed> {
        tokio::task::yield_now().await;
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(Unconfirmed::NotNow("it is down".to_owned()));
        }
        if self.refuses.load(Ordering::Relaxed) {
            return Err(Unconfirmed::Refused("it will not".to_owned()));
        }
        self.told.lock().unwrap().push(duty.to_owned());
        Ok(())
    }
}

fn begun(directory: &Path, platform: &Platform) -> Arc<Duties> {
    begun_with(directory, platform, &Metrics::new("test", "0"))
}

fn begun_with(directory: &Path, platform: &Platform, metrics: &Arc<Metrics>) -> Arc<Duties> {
    let duties = Duties::new(directory.to_owned(), "test", metrics, Box::new(platform.clone()));
    duties.start().unwrap();
    let (running, clients) = (duties.clone(), Clients::new(&tls_config(None).unwrap()));
    actix_rt::spawn(async move { running.run(&clients).await });
    duties
}

/// How many duties a crash would leave to the next process.
fn journal(directory: &Path) -> usize {
    let copy = TempDir::new().unwrap();
    fs::copy(directory.join("test-0.journal"), copy.path().join("test-0.journal")).unwrap();
    let (_, left) = Journal::open(copy.path(), "test", &Metrics::new("test", "0")).unwrap();
    left.len()
}

impl Platform {
    fn told(&self) -> Vec<String> {
        let mut told = self.told.lock().unwrap().clone();
        told.sort();
        told
    }
}

#[actix_rt::test]
async fn a_duty_ends_after_its_last_holder() {
    let (files, platform) = (TempDir::new().unwrap(), Platform::default());
    let duties = begun(files.path(), &platform);
    let (one, other) = (duties.begin("a").await, duties.begin("a").await);
    let refused = duties.begin("refused").await;
    drop(one);
    refused.discard();
    duties.finished().await;
    assert!(platform.told().is_empty());
    drop(other);
    duties.finished().await;
    assert_eq!(platform.told(), ["a"]);
    drop(duties.begin("a").await);
    duties.finished().await;
    assert_eq!(platform.told(), ["a", "a"]);
}

#[actix_rt::test]
async fn who_was_refused_does_not_end_what_another_has_begun() {
    let (files, platform) = (TempDir::new().unwrap(), Platform::default());
    let duties = begun(files.path(), &platform);
    let owner = duties.begin("a").await;
    duties.begin("a").await.discard();
    tokio::task::yield_now().await;
    assert!(platform.told().is_empty());
    drop(owner);
    duties.finished().await;
    assert_eq!(platform.told(), ["a"]);
}

#[actix_rt::test]
async fn what_a_dead_process_has_left_is_ended_at_the_next_start_however_long_the_platform_is_down() {
    let (files, platform) = (TempDir::new().unwrap(), Platform::default());
    platform.down.store(true, Ordering::Relaxed);
    let duties = begun(files.path(), &platform);
    for number in 0..50 {
        std::mem::forget(duties.begin(&format!("{number:02}")).await); // nobody drops anything in a process that is killed
    }
    drop(duties.begin("tried").await);
    // The lock is as good as gone: the next process finds the same files.
    let copy = TempDir::new().unwrap();
    fs::copy(files.path().join("test-0.journal"), copy.path().join("test-0.journal")).unwrap();
    let next = begun(copy.path(), &platform);
    tokio::task::yield_now().await;
    assert!(platform.told().is_empty());
    platform.down.store(false, Ordering::Relaxed);
    next.finished().await;
    let told = platform.told();
    assert!((0..50).all(|number| told.contains(&format!("{number:02}"))), "{told:?}");
    assert!(told.contains(&"tried".to_owned()));
}

#[actix_rt::test]
async fn a_platform_that_refuses_is_told_no_more_in_the_end_and_one_that_is_down_is_told_for_ever() {
    pause();
    let (files, platform, metrics) = (TempDir::new().unwrap(), Platform::default(), Metrics::new("test", "0"));
    let duties = begun_with(files.path(), &platform, &metrics);
    platform.down.store(true, Ordering::Relaxed);
    drop(duties.begin("a").await);
    while platform.asked.load(Ordering::Relaxed) < 10 * REFUSALS {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(journal(files.path()), 1, "nothing is lost by an outage");
    platform.down.store(false, Ordering::Relaxed);
    platform.refuses.store(true, Ordering::Relaxed);
    platform.asked.store(0, Ordering::Relaxed);
    duties.finished().await;
    assert_eq!(platform.asked.load(Ordering::Relaxed), REFUSALS);
    assert_eq!(journal(files.path()), 0);
    let text = metrics.to_text();
    assert!(text.contains(r#"nbgate_endings_total{outcome="given_up"} 1"#), "{text}");
}

#[actix_rt::test]
async fn what_a_process_leaves_that_dies_after_the_start_of_another_is_ended_by_that_one_within_a_minute() {
    pause();
    let (files, platform) = (TempDir::new().unwrap(), Platform::default());
    let living = begun(files.path(), &platform);
    let (dying, _) = Journal::open(files.path(), "test", &Metrics::new("test", "0")).unwrap();
    for duty in ["left", "shared"] {
        dying.add(duty);
    }
    let held = living.begin("shared").await;
    tokio::time::sleep(2 * ADOPTION).await;
    assert!(platform.told().is_empty(), "it is alive");
    drop(dying);
    tokio::time::sleep(ADOPTION + Duration::from_secs(1)).await;
    assert_eq!(platform.told(), ["left"]);
    drop(held);
    living.finished().await;
    assert_eq!(platform.told(), ["left", "shared"]);
}
