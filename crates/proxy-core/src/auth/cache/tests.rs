//! Rows of the catalogue: K02, K04, K05, K08 to K12. K03 and K13 are about instances, which no scheme here knows of. There is
//! nothing to flush (K14): the longest an answer lives is a minute.

mod bounds;
mod lifetime;

use std::{
    cell::Cell,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::{
    super::{
        CacheState, Claims, Identity, Outcome,
        tests::support::{identity, told},
    },
    AnswerCache, Failure, key,
};
use crate::{error::Reason, telemetry::Metrics};

const MINUTE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "stands in for an authenticator")]
fn ada(expires: Option<SystemTime>) -> Identity {
    let user = "ada".to_owned();
    let claims = Claims {
        user,
        groups: Vec::new(),
        scopes: Vec::new(),
        kind: "test",
        expires,
        by_cookie: false,
    };
    Identity::proven(claims).unwrap()
}

fn cache(longest: Duration) -> AnswerCache {
    AnswerCache::new("test", longest, &Metrics::new("test", "0"))
}

fn state(outcome: &Outcome) -> CacheState {
    match outcome {
        Outcome::Authenticated(_, state) => *state,
        other => panic!("{}", told(other)),
    }
}

/// How often the platform was asked.
#[derive(Default)]
struct Asked(Cell<usize>);

impl Asked {
    async fn answer(&self, answer: Result<Identity, Failure>) -> Result<Identity, Failure> {
        self.0.set(self.0.get() + 1);
        answer
    }
}

#[test]
fn no_two_credentials_share_a_key() {
    let credentials: &[(&str, &[&[u8]])] = &[
        ("a", &[b"1|23"]),
        ("a", &[b"12|3"]),
        ("a", &[b"1", b"23"]),
        ("a", &[b"12", b"3"]),
        ("a", &[b"123"]),
        ("a", &[b"123", b""]),
        ("a", &[b"", b"123"]),
        ("a1", &[b"23"]),
        ("b", &[b"123"]),
        ("a", &[b"123\0"]),
        ("a", &["é".as_bytes()]),
        ("a", &["e\u{301}".as_bytes()]),
        ("a", &[]),
        ("a", &[b""]),
    ];
    for (index, one) in credentials.iter().enumerate() {
        for other in &credentials[..index] {
            assert_ne!(key(one.0, one.1), key(other.0, other.1), "{one:?} {other:?}");
        }
        assert_eq!(key(one.0, one.1), key(one.0, one.1));
    }
}

#[actix_web::test]
async fn the_second_request_is_answered_from_the_cache() {
    let metrics = Metrics::new("test", "0");
    let (cache, asked) = (AnswerCache::new("test", MINUTE, &metrics), Asked::default());
    let first = cache.outcome(&[b"t"], asked.answer(Ok(ada(None)))).await;
    let second = cache.outcome(&[b"t"], asked.answer(Err(Failure::Unavailable))).await;
    assert_eq!((state(&first), state(&second)), (CacheState::Miss, CacheState::Hit));
    assert_eq!(identity(second).user(), "ada");
    assert_eq!(asked.0.get(), 1);
    let text = metrics.to_text();
    assert!(
        text.contains(r#"nbgate_identity_cache_total{kind="test",result="hit"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"nbgate_identity_cache_total{kind="test",result="miss"} 1"#),
        "{text}"
    );
}

#[actix_web::test]
async fn another_credential_of_the_same_user_is_looked_up() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    for token in [b"a", b"b"] {
        let outcome = cache.outcome(&[token], asked.answer(Ok(ada(None)))).await;
        assert_eq!(state(&outcome), CacheState::Miss);
    }
    assert_eq!(asked.0.get(), 2);
}

#[actix_web::test]
async fn a_thousand_first_requests_at_once_are_one_lookup() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    let lookup = || async {
        tokio::task::yield_now().await;
        asked.answer(Ok(ada(None))).await
    };
    let outcomes = join_all((0..1_000).map(|_| cache.outcome(&[b"t"], lookup()))).await;
    assert!(outcomes.iter().all(|outcome| state(outcome) == CacheState::Miss));
    assert_eq!(asked.0.get(), 1);
}

#[test]
fn workers_on_other_threads_wait_for_the_same_lookup() {
    let (cache, asked) = (Arc::new(cache(MINUTE)), Arc::new(AtomicUsize::new(0)));
    let workers = [(); 4].map(|()| {
        let (cache, asked) = (cache.clone(), asked.clone());
        thread::spawn(move || {
            actix_rt::System::new().block_on(async {
                let lookup = || async {
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok(ada(None))
                };
                join_all((0..250).map(|_| cache.outcome(&[b"t"], lookup()))).await.len()
            })
        })
    });
    assert_eq!(workers.map(|worker| worker.join().unwrap()), [250; 4]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn followers_are_served_when_the_leader_goes_away() {
    let (cache, started, asked) = (Arc::new(cache(MINUTE)), Arc::new(Notify::new()), Asked::default());
    let leader = actix_rt::spawn({
        let (cache, started) = (cache.clone(), started.clone());
        async move {
            let endless = async {
                started.notify_one();
                pending().await
            };
            cache.outcome(&[b"t"], endless).await
        }
    });
    started.notified().await;
    let follow = async {
        // Polled first, the follower waits for the leader when it is gone.
        let follower = cache.outcome(&[b"t"], asked.answer(Ok(ada(None))));
        let abort = async {
            tokio::task::yield_now().await;
            leader.abort();
        };
        futures_util::future::join(follower, abort).await.0
    };
    let outcome = tokio::time::timeout(MINUTE, follow)
        .await
        .expect("nobody waits for ever");
    assert_eq!((identity(outcome).user(), asked.0.get()), ("ada", 1));
}

#[actix_web::test]
async fn a_platform_that_does_not_answer_is_told_to_all_and_never_remembered() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    let lookup = || async {
        tokio::task::yield_now().await;
        asked.answer(Err(Failure::Unavailable)).await
    };
    let outcomes = join_all((0..10).map(|_| cache.outcome(&[b"t"], lookup()))).await;
    assert!(outcomes.iter().all(|outcome| told(outcome) == "unavailable for 5 s"));
    assert_eq!(asked.0.get(), 1);
    let outcome = cache.outcome(&[b"t"], asked.answer(Ok(ada(None)))).await;
    assert_eq!(state(&outcome), CacheState::Miss);
    assert_eq!(asked.0.get(), 2);
}

#[actix_web::test]
async fn a_rejection_is_remembered() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    for _ in 0..2 {
        let outcome = cache.outcome(&[b"t"], asked.answer(Err(Reason::Unknown.into()))).await;
        assert_eq!(told(&outcome), "unknown");
    }
    assert_eq!(asked.0.get(), 1);
}
