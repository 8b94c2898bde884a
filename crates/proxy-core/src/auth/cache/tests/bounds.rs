//! What a flood of credentials can do: neither to the platform nor to those who are known. Rows of the catalogue: K10.

use std::{
    future::pending,
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::{
    super::{
        super::{CacheState, tests::support::told},
        AnswerCache, ENTRIES, Failure, NoAnswer,
        pools::{LOOKUPS, PATIENCE},
    },
    Asked, MINUTE, ada, cache, state,
};
use crate::error::Reason;

/// Starts lookups that never end; as many as there are tokens.
async fn endless(cache: &Rc<AnswerCache>, tokens: usize) -> Vec<actix_rt::task::JoinHandle<()>> {
    let started = Rc::new(Asked::default());
    let tasks: Vec<_> = (0..tokens)
        .map(|token| {
            let (cache, started) = (cache.clone(), started.clone());
            actix_rt::spawn(async move {
                let lookup = async {
                    started.0.set(started.0.get() + 1);
                    pending().await
                };
                cache.outcome(&[b"slow", &token.to_be_bytes()], lookup).await;
            })
        })
        .collect();
    let start = Instant::now();
    while started.0.get() < tokens {
        assert!(start.elapsed() < MINUTE);
        tokio::task::yield_now().await;
    }
    tasks
}

#[actix_web::test]
async fn one_lookup_too_many_is_told_to_come_back_and_known_callers_notice_nothing() {
    let (cache, asked) = (Rc::new(cache(MINUTE)), Asked::default());
    cache.outcome(&[b"good"], async { Ok(ada(None)) }).await;
    cache.outcome(&[b"bad"], async { Err(Reason::Unknown.into()) }).await;
    let slow = endless(&cache, LOOKUPS).await;
    let start = Instant::now();
    let outcomes = join_all((0..10).map(|_| cache.outcome(&[b"new"], asked.answer(Ok(ada(None)))))).await;
    assert!(outcomes.iter().all(|outcome| told(outcome) == "unavailable for 5 s"));
    assert_eq!(asked.0.get(), 0, "the platform is not asked");
    assert!(start.elapsed() >= PATIENCE, "it waits, for a while");
    let start = Instant::now();
    for _ in 0..100 {
        let known = cache.outcome(&[b"good"], asked.answer(Err(Failure::Unavailable))).await;
        assert_eq!(state(&known), CacheState::Hit);
        let known = cache.outcome(&[b"bad"], asked.answer(Err(Failure::Unavailable))).await;
        assert_eq!(told(&known), "unknown");
    }
    assert!(start.elapsed() < PATIENCE);
    // A caller who goes away leaves the place to the next.
    slow[0].abort();
    let outcome = cache.outcome(&[b"new"], asked.answer(Ok(ada(None)))).await;
    assert_eq!((state(&outcome), asked.0.get()), (CacheState::Miss, 1));
}

#[actix_web::test]
async fn a_flood_of_made_up_tokens_keeps_no_good_one_from_being_asked_about_again() {
    let (cache, asked) = (Rc::new(cache(MINUTE)), Asked::default());
    cache.outcome(&[b"good"], asked.answer(Ok(ada(None)))).await;
    let _flood = endless(&cache, LOOKUPS).await;
    let start = Instant::now();
    for _ in 0..10 * LOOKUPS {
        let again = cache.ask_again(&[b"good"], asked.answer(Ok(ada(None)))).await;
        assert!(again.is_ok());
        cache.forget(&[b"good"]).await;
        let outcome = cache.outcome(&[b"good"], asked.answer(Ok(ada(None)))).await;
        assert_eq!(state(&outcome), CacheState::Miss);
    }
    assert!(start.elapsed() < PATIENCE);
    let refused = cache
        .ask_again(&[b"good"], asked.answer(Err(Reason::Unknown.into())))
        .await;
    assert!(matches!(refused, Err(NoAnswer::Rejected(_))));
    let more = cache.ask_again(&[b"good"], asked.answer(Ok(ada(None)))).await;
    assert_eq!(more.err(), Some(NoAnswer::Unavailable), "it is like all others now");
}

#[actix_web::test]
async fn lookups_that_end_leave_their_places() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    let tokens: Vec<[u8; 4]> = (0..1_000_u32).map(u32::to_be_bytes).collect();
    let asked = &asked;
    let outcomes = tokens.iter().enumerate().map(|(index, token)| {
        let lookup = async move {
            tokio::task::yield_now().await;
            let answers = [Ok(ada(None)), Err(Reason::Unknown.into()), Err(Failure::Unavailable)];
            asked.answer(answers[index % 3].clone()).await
        };
        let cache = &cache;
        async move { cache.outcome(&[token], lookup).await }
    });
    join_all(outcomes).await;
    assert_eq!(asked.0.get(), 1_000);
    let pools = cache.pools.as_ref().unwrap();
    assert_eq!(pools.others.available_permits(), LOOKUPS);
    assert_eq!(pools.known.available_permits(), LOOKUPS);
}

#[actix_web::test]
async fn who_decides_without_asking_is_not_bounded() {
    let cache = Rc::new(cache(MINUTE).unbounded());
    let _slow = endless(&cache, 10 * LOOKUPS).await;
    let start = Instant::now();
    let outcome = cache.outcome(&[b"new"], async { Ok(ada(None)) }).await;
    assert_eq!(state(&outcome), CacheState::Miss);
    assert!(start.elapsed() < PATIENCE);
}

#[actix_web::test]
async fn a_thousand_rejections_at_once_are_one_lookup() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    let lookup = || async {
        tokio::task::yield_now().await;
        asked.answer(Err(Reason::Unknown.into())).await
    };
    let outcomes = join_all((0..1_000).map(|_| cache.outcome(&[b"t"], lookup()))).await;
    assert!(outcomes.iter().all(|outcome| told(outcome) == "unknown"));
    assert_eq!(asked.0.get(), 1);
}

#[actix_web::test]
async fn a_flood_of_bad_tokens_leaves_room_for_good_ones() {
    let cache = cache(MINUTE);
    let flood = async |from: u32| {
        for token in from..from + 15_000 {
            let lookup = async { Err(Reason::Unknown.into()) };
            cache.outcome(&[b"bad", &token.to_be_bytes()], lookup).await;
        }
        cache.rejected.run_pending_tasks().await;
        cache.proven.run_pending_tasks().await;
    };
    flood(0).await;
    for token in 0..100_u32 {
        cache.outcome(&[&token.to_be_bytes()], async { Ok(ada(None)) }).await;
    }
    flood(15_000).await;
    for token in 0..100_u32 {
        let outcome = cache.outcome(&[&token.to_be_bytes()], async { Ok(ada(None)) }).await;
        assert_eq!(state(&outcome), CacheState::Hit);
    }
}

#[actix_web::test]
async fn a_hundred_thousand_tokens_leave_ten_thousand_entries() {
    let cache = cache(Duration::from_secs(60));
    for token in 0..100_000_u32 {
        let answer = if token % 2 == 0 {
            Ok(ada(None))
        } else {
            Err(Reason::Unknown.into())
        };
        cache.outcome(&[&token.to_be_bytes()], async { answer }).await;
    }
    cache.proven.run_pending_tasks().await;
    cache.rejected.run_pending_tasks().await;
    for entries in [cache.proven.entry_count(), cache.rejected.entry_count()] {
        assert!((1..=ENTRIES).contains(&entries), "{entries}");
    }
}
