use std::{future::Future, pin::pin, task::Poll};

use futures_util::{future::join_all, poll};

use super::*;
use crate::telemetry::Metrics;

const SHORT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(30);

fn limits(max_in_flight: usize, max_in_flight_per_user: usize, queue: usize, wait: Duration) -> Limits {
    let metrics = Arc::new(Metrics::new("demo", "1.0.0").tenant("rubin"));
    Limits::new(
        Bounds {
            max_in_flight,
            max_in_flight_per_user,
            queue,
            wait,
            tunnels: TunnelBounds::default(),
        },
        metrics,
    )
}

/// What is said without any waiting.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let waker = std::task::Waker::noop();
    match pin!(future).poll(&mut std::task::Context::from_waker(waker)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

impl Limits {
    fn assert_idle(&self) {
        assert_eq!(self.0.users.count(), 0);
        assert_eq!(self.0.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(self.0.places.available_permits(), self.0.bounds.max_in_flight);
        assert_eq!(self.0.metrics.in_flight.get(), 0);
    }
}

#[test]
fn a_free_place_is_taken_at_once_and_given_back() {
    let limits = limits(2, 1, 0, LONG);
    for _ in 0..10 {
        let ada = at_once(limits.enter("ada")).unwrap();
        let eve = at_once(limits.enter("eve")).unwrap();
        assert_eq!(limits.0.metrics.in_flight.get(), 2);
        drop((ada, eve));
        limits.assert_idle();
    }
}

#[test]
fn without_a_queue_the_answer_is_immediate() {
    let limits = limits(2, 1, 0, LONG);
    let _ada = at_once(limits.enter("ada")).unwrap();
    let error = at_once(limits.enter("ada")).unwrap_err();
    assert!(
        matches!(
            error,
            ProxyError::TooManyRequests {
                limit: 1,
                retry_after: LONG
            }
        ),
        "{error:?}"
    );
    let _eve = at_once(limits.enter("eve")).unwrap();
    let error = at_once(limits.enter("joan")).unwrap_err();
    assert!(matches!(error, ProxyError::Busy { retry_after: LONG }), "{error:?}");
}

#[actix_web::test]
async fn waiting_ends_with_a_place_or_at_the_deadline() {
    let limits = limits(1, 1, 4, SHORT);
    let first = limits.enter("ada").await.unwrap();
    assert!(matches!(
        limits.enter("ada").await,
        Err(ProxyError::TooManyRequests { .. })
    ));
    assert!(matches!(limits.enter("eve").await, Err(ProxyError::Busy { .. })));
    let mut ada = pin!(limits.enter("ada"));
    assert!(poll!(&mut ada).is_pending());
    drop(first);
    drop(ada.await.unwrap());
    limits.assert_idle();
}

#[actix_web::test]
async fn a_greedy_user_takes_no_place_and_no_queue_from_polite_ones() {
    let limits = limits(10, 2, 20, LONG);
    let greedy: Vec<_> = (0..2).map(|_| at_once(limits.enter("greedy")).unwrap()).collect();
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(limits.enter("greedy"))).collect();
    let mut refused = 0;
    for request in &mut waiting {
        match poll!(request) {
            Poll::Pending => {}
            Poll::Ready(result) => {
                assert!(matches!(result, Err(ProxyError::TooManyRequests { limit: 2, .. })));
                refused += 1;
            }
        }
    }
    assert_eq!(
        refused, 90,
        "half of the queue is the most that one user's requests may fill"
    );
    let polite: Vec<_> = (0..8)
        .map(|number| at_once(limits.enter(&format!("polite-{number}"))).unwrap())
        .collect();
    // All places are taken now, and the rest of the queue is there for those who are still to come.
    let mut late: Vec<_> = (0..10)
        .map(|number| Box::pin(limits.enter(["joan", "eve"][number % 2])))
        .collect();
    for request in &mut late {
        assert!(poll!(request).is_pending());
    }
    assert!(matches!(at_once(limits.enter("last")), Err(ProxyError::Busy { .. })));
    drop((greedy, waiting, polite, late));
    limits.assert_idle();
}

#[actix_web::test]
async fn a_place_goes_to_whoever_waits_longest_among_the_users() {
    let limits = limits(1, 1, 20, LONG);
    let first = limits.enter("greedy").await.unwrap();
    let mut greedy: Vec<_> = (0..5).map(|_| Box::pin(limits.enter("greedy"))).collect();
    for request in &mut greedy {
        assert!(poll!(request).is_pending());
    }
    let mut polite = Box::pin(limits.enter("polite"));
    assert!(poll!(&mut polite).is_pending());
    drop(first);
    assert!(
        poll!(&mut polite).is_ready(),
        "only one of the greedy ones may stand in line before the polite one"
    );
}

#[actix_web::test]
async fn a_client_that_leaves_while_waiting_leaves_nothing_behind() {
    let limits = limits(1, 1, 4, LONG);
    let first = limits.enter("ada").await.unwrap();
    for user in ["ada", "eve"] {
        let mut gone = Box::pin(limits.enter(user));
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
    }
    // One that was given the place but never polled again.
    let mut chosen = Box::pin(limits.enter("eve"));
    assert!(poll!(&mut chosen).is_pending());
    drop(first);
    drop(chosen);
    limits.assert_idle();
    drop(at_once(limits.enter("joan")).unwrap());
    limits.assert_idle();
}

#[actix_web::test]
async fn a_hundred_thousand_users_leave_no_trace() {
    let limits = limits(95_000, 1, 10_000, LONG);
    let slots: Vec<_> = (0..95_000)
        .map(|number| at_once(limits.enter(&format!("user-{number}"))).unwrap())
        .collect();
    let mut waiting: Vec<_> = (95_000..100_000)
        .map(|number| {
            let limits = limits.clone();
            Box::pin(async move { limits.enter(&format!("user-{number}")).await })
        })
        .collect();
    for request in &mut waiting {
        assert!(poll!(request).is_pending());
    }
    assert_eq!(limits.0.users.count(), 100_000);
    drop(slots);
    for slot in join_all(waiting).await {
        drop(slot.unwrap());
    }
    limits.assert_idle();
}

#[test]
fn workers_share_the_limits() {
    let limits = limits(8, 2, 1_000, LONG);
    let busiest = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (limits, busiest) = (&limits, &busiest);
            scope.spawn(move || {
                actix_web::rt::System::new().block_on(join_all((0..100).map(async |number| {
                    let slot = limits
                        .enter(["ada", "eve", "joan"][(worker + number) % 3])
                        .await
                        .unwrap();
                    busiest.fetch_max(limits.0.metrics.in_flight.get() as usize, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    drop(slot);
                })));
            });
        }
    });
    assert!(
        (1..=6).contains(&busiest.load(Ordering::Relaxed)),
        "three users with two places each"
    );
    limits.assert_idle();
}
