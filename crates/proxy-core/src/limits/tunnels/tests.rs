use super::*;
use crate::{
    limits::{Bounds, Limits},
    telemetry::Metrics,
};

fn limits(max: usize, max_per_user: usize) -> Limits {
    let bounds = Bounds {
        max_in_flight: 10,
        max_in_flight_per_user: 10,
        queue: 0,
        wait: Duration::ZERO,
        tunnels: TunnelBounds {
            max,
            max_per_user,
            ..TunnelBounds::default()
        },
    };
    Limits::new(bounds, Arc::new(Metrics::new("demo", "1.0.0").tenant("rubin")))
}

/// A tunnel of this user, whose request is over.
async fn tunnel(limits: &Limits, user: &str) -> Result<TunnelPlace, ProxyError> {
    limits.enter(user).await.unwrap().tunnel()
}

#[actix_web::test]
async fn each_user_has_so_many_and_all_have_so_many_and_places_come_back() {
    let limits = limits(3, 2);
    for _ in 0..3 {
        let ada = [
            tunnel(&limits, "ada").await.unwrap(),
            tunnel(&limits, "ada").await.unwrap(),
        ];
        let one_more = tunnel(&limits, "ada").await.unwrap_err();
        assert!(matches!(one_more, ProxyError::TooManyTunnels { limit: 2, .. }));
        let eve = tunnel(&limits, "eve").await.unwrap();
        let full = tunnel(&limits, "eve").await.unwrap_err();
        assert!(matches!(full, ProxyError::NoTunnel { .. }));
        assert_eq!(limits.0.metrics.open_tunnels.get(), 3);
        assert_eq!(limits.0.users.count(), 2, "a tunnel keeps its user's entry");
        drop((ada, eve));
        assert_eq!(limits.0.metrics.open_tunnels.get(), 0);
        assert_eq!(
            (limits.0.users.count(), limits.0.tunnels.load(Ordering::Relaxed)),
            (0, 0)
        );
    }
}

#[actix_web::test]
async fn a_service_without_tunnels_has_no_place_for_one() {
    let limits = limits(0, 0);
    assert!(tunnel(&limits, "ada").await.is_err());
    assert_eq!(limits.0.users.count(), 0);
}
