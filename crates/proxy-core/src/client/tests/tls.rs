//! Whom TLS trusts.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::super::{Answer, PlatformClient, PlatformError, tls_config};
use super::support::{capture_log, raw_answer, secret_file};

pub(crate) const ROOT: &str = "-----BEGIN CERTIFICATE-----
MIIBjjCCATOgAwIBAgIUZo6Nrn1XWOdekKXpoJbX4ardOpMwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQbmJnYXRlIHRlc3Qgcm9vdDAgFw0yNjExMjMxNzMxNTJaGA8y
MTI2MTAzMDE3MzE1MlowGzEZMBcGA1UEAwwQbmJnYXRlIHRlc3Qgcm9vdDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABNOhPNWpHy3inCMkwMCBFbW1gX5MxXH8XCAE
u4IiCS6atbIWHcpyXwWDf7qcEobW+sAGeX2JiNLsSEGccU8sRkyjUzBRMB0GA1Ud
DgQWBBQRCFbPooL8cDUowJ85/0Q611HbHjAfBgNVHSMEGDAWgBQRCFbPooL8cDUo
wJ85/0Q611HbHjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCC
UT7Zpd7sAusxipsHNyTznYYiL8UOCS1pT6o1t+fNegIhAK/qs1YRGfRvx56lAGBv
cvYUUkdevabU+P+BiKtsclVn
-----END CERTIFICATE-----
";

/// A certificate of that root for `localhost`, and its key: made for these tests, good for nothing else.
const LEAF: &str = "MIIBrTCCAVOgAwIBAgIUZFyTCfI8lVJ1gPzMcoFmKtkkoIEwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQbmJnYXRlIHRlc3Qgcm9v \
    dDAgFw0yNjExMjMxODExMzdaGA8yMTI2MTAzMDE4MTEzN1owFjEUMBIGA1UEAwwLbmJnYXRlIHRlc3QwWTATBgcqhkjOPQIBBggq \
    hkjOPQMBBwNCAATdafQxGaoCx+Sizn6adog5b37o9HTd42RiMNhyvp5ZR6SoBHFwk7WmlrM7id40pFrxB0ila4pgDF9vTfBIuead \
    o3gwdjAUBgNVHREEDTALgglsb2NhbGhvc3QwCQYDVR0TBAIwADATBgNVHSUEDDAKBggrBgEFBQcDATAdBgNVHQ4EFgQUwRyzmtqD \
    ttD92MXPoLgukAONlHMwHwYDVR0jBBgwFoAUEQhWz6KC/HA1KMCfOf9EOtdR2x4wCgYIKoZIzj0EAwIDSAAwRQIgeGgFH5B5BooR \
    6IQYrLt1V5RAB9lX+B3YD4TCAoOVp+YCIQCwkHdg0/eyBcwhbo8toUnFmz4/xs97QtlyIEazCHX3tA==";
const LEAF_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYYcwJhVySRO/JlQTvA0/XzP3WX3IzcNnOzNPShekr5ChRANCAATd \
    afQxGaoCx+Sizn6adog5b37o9HTd42RiMNhyvp5ZR6SoBHFwk7WmlrM7id40pFrxB0ila4pgDF9vTfBIuead";

fn der(text: &str) -> Vec<u8> {
    STANDARD.decode(text.replace(' ', "")).unwrap()
}

/// A platform that speaks TLS. Whoever offered HTTP/2 would be held to it, and then not understand the answer.
pub(crate) fn platform() -> SocketAddr {
    answering(raw_answer(200, "text/plain", b"yes"), true)
}

/// One that gives this answer, and says that it closes the connection or just does.
pub(crate) fn answering(answer: Vec<u8>, says_so: bool) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let chain = vec![CertificateDer::from(der(LEAF))];
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(der(LEAF_KEY)).into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            // A client that trusts nobody ends the handshake.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(&answer);
                if says_so {
                    stream.conn.send_close_notify();
                }
                let _ = stream.flush();
            }
        }
    });
    address
}

async fn ask(client: &PlatformClient, host: &str) -> Result<Answer, PlatformError> {
    let url = format!("https://{host}:{}/", platform().port());
    client.get(&url.parse().unwrap(), &[]).await
}

#[actix_web::test]
async fn a_platform_with_a_certificate_of_the_extra_authority_is_trusted() {
    let file = secret_file(ROOT);
    let client = PlatformClient::new(tls_config(Some(file.path())).unwrap());
    let answer = ask(&client, "localhost").await.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, b"yes".as_slice()));
}

#[actix_web::test]
async fn a_platform_that_nobody_vouches_for_is_not_asked() {
    let strangers = PlatformClient::new(tls_config(None).unwrap());
    assert!(matches!(
        ask(&strangers, "localhost").await,
        Err(PlatformError::Unreachable(_))
    ));
    // The certificate is for the name, not for the address.
    let file = secret_file(ROOT);
    let client = PlatformClient::new(tls_config(Some(file.path())).unwrap());
    assert!(matches!(
        ask(&client, "127.0.0.1").await,
        Err(PlatformError::Unreachable(_))
    ));
}

#[test]
fn a_ca_file_adds_its_certificates() {
    let file = secret_file(&[ROOT, ROOT].concat());
    assert!(tls_config(Some(file.path())).is_ok());
    for (text, why) in [
        ("", "holds no certificate"),
        ("not a certificate", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ] {
        let file = secret_file(text);
        let error = format!("{:#}", tls_config(Some(file.path())).unwrap_err());
        assert!(error.contains("CA file /") && error.contains(why), "{error}");
    }
    assert!(tls_config(Some("/nowhere/ca.pem".as_ref())).is_err());
}

#[test]
fn tls_speaks_http_1_and_says_when_it_trusts_nobody() {
    let (guard, log) = capture_log();
    let tls = tls_config(None).unwrap();
    drop(guard);
    assert!(tls.alpn_protocols.is_empty());
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.is_empty() || log.contains("no root certificate was found"), "{log}");
}
