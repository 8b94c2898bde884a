//! How long an answer is believed. Rows of the catalogue: K06, K07, K11, J35.

use std::time::{Duration, Instant, SystemTime};

use super::{
    super::{
        super::{CacheState, Identity, tests::support::told},
        AnswerCache, Failure, is_over, key, lifetime,
    },
    Asked, MINUTE, ada, cache, state,
};
use crate::error::Reason;

#[test]
fn an_answer_lives_as_long_as_configured_and_never_longer_than_the_token() {
    let now = SystemTime::now();
    let in_seconds = |seconds| Some(now + Duration::from_secs(seconds));
    for (expires, longest, seconds) in [
        (None, 60, 60),
        (None, 1, 1),
        (in_seconds(3_600), 60, 60),
        (in_seconds(60), 60, 60),
        (in_seconds(59), 60, 59),
        (in_seconds(1), 60, 1),
        (in_seconds(0), 60, 0),
        (now.checked_sub(MINUTE), 60, 0),
    ] {
        assert_eq!(
            lifetime(&ada(expires), Duration::from_secs(longest), now),
            Duration::from_secs(seconds),
            "{expires:?}"
        );
    }
    for (longest, seconds) in [(60, 5), (5, 5), (1, 1)] {
        let policy = cache(Duration::from_secs(longest)).rejected.policy();
        assert_eq!(policy.time_to_live(), Some(Duration::from_secs(seconds)));
        assert_eq!(policy.time_to_idle(), None, "asking again does not make it live longer");
    }
}

/// J35: the wall clock may end an answer early, if the machine has slept, and never makes it live longer.
#[test]
fn an_answer_is_over_with_its_token_by_the_wall_clock_too() {
    let now = SystemTime::now();
    for (expires, over) in [
        (None, false),
        (Some(now), true),
        (Some(now + MINUTE), false),
        (now.checked_sub(MINUTE), true),
    ] {
        assert_eq!(is_over(&ada(expires), || now), over);
    }
}

#[actix_web::test]
async fn an_entry_that_has_outlived_its_token_while_the_machine_slept_is_not_used() {
    let mut cache = cache(MINUTE);
    cache.proven = moka::future::Cache::new(1);
    let over = SystemTime::now().checked_sub(Duration::from_secs(1));
    cache.proven.insert(key("test", &[b"t"]), ada(over)).await;
    let asked = Asked::default();
    let outcome = cache.outcome(&[b"t"], asked.answer(Err(Reason::Expired.into()))).await;
    assert_eq!((told(&outcome).as_str(), asked.0.get()), ("the token has expired", 1));
}

/// Asks until the platform is asked again; how long that took.
async fn remembered_for(cache: &AnswerCache, answer: impl Fn() -> Result<Identity, Failure>) -> Duration {
    let (asked, start) = (Asked::default(), Instant::now());
    while asked.0.get() < 2 {
        assert!(start.elapsed() < MINUTE, "the answer never dies");
        cache.outcome(&[b"t"], asked.answer(answer())).await;
        tokio::task::yield_now().await;
    }
    start.elapsed()
}

#[actix_web::test]
async fn after_its_time_the_platform_is_asked_again() {
    let longest = Duration::from_millis(150);
    let taken = remembered_for(&cache(longest), || Ok(ada(None))).await;
    assert!(taken >= longest, "{taken:?}");
    let taken = remembered_for(&cache(longest), || Err(Reason::Unknown.into())).await;
    assert!(taken >= longest, "{taken:?}");
}

#[actix_web::test]
async fn an_entry_dies_with_its_token() {
    let end = SystemTime::now() + Duration::from_millis(150);
    remembered_for(&cache(MINUTE), || Ok(ada(Some(end)))).await;
    assert!(SystemTime::now() >= end);
}

#[actix_web::test]
async fn a_token_that_is_over_is_not_remembered_at_all() {
    let (cache, asked) = (cache(MINUTE), Asked::default());
    for _ in 0..3 {
        // Within the leeway, a token that is over may still be good.
        let over = SystemTime::now().checked_sub(Duration::from_secs(10));
        let outcome = cache.outcome(&[b"t"], asked.answer(Ok(ada(over)))).await;
        assert_eq!(state(&outcome), CacheState::Miss);
    }
    assert_eq!(asked.0.get(), 3);
}

#[actix_rt::test]
async fn what_is_asked_again_takes_the_old_answers_place_unless_nobody_answers() {
    let cache = cache(MINUTE);
    let asked = Asked::default();
    let credential: &[&[u8]] = &[b"t"];
    let known = async |cache: &AnswerCache| {
        let lookup = asked.answer(Err(Failure::Unavailable));
        cache
            .answer(credential, lookup)
            .await
            .map(|(identity, _)| identity.user().to_owned())
    };
    cache.ask_again(credential, asked.answer(Ok(ada(None)))).await.unwrap();
    assert_eq!(known(&cache).await.unwrap(), "ada");
    cache
        .ask_again(credential, asked.answer(Err(Failure::Unavailable)))
        .await
        .unwrap_err();
    assert_eq!(known(&cache).await.unwrap(), "ada");
    cache
        .ask_again(credential, asked.answer(Err(Reason::Unknown.into())))
        .await
        .unwrap_err();
    assert!(matches!(known(&cache).await, Err(Failure::Rejected(Reason::Unknown))));
    cache.ask_again(credential, asked.answer(Ok(ada(None)))).await.unwrap();
    assert_eq!(known(&cache).await.unwrap(), "ada", "a rejection does not outlive it");
    cache.forget(credential).await;
    assert!(matches!(known(&cache).await, Err(Failure::Unavailable)));
}
