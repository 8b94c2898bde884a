use tokio::net::TcpListener;

use super::*;

#[actix_web::test]
async fn the_system_looks_for_peers_that_are_gone_without_a_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    watch_for_death(&stream);
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    #[cfg(target_os = "linux")]
    {
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(DEAD));
        let silence = socket.tcp_keepalive_interval().unwrap() * socket.tcp_keepalive_retries().unwrap();
        assert_eq!(socket.tcp_keepalive_time().unwrap() + silence, DEAD);
    }
}
