//! The public listener over https: handshakes good and bad, whole and cut answers, certificates that change.

mod files;
mod handshakes;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use proxy_testkit::{Answer, Ended, FakeAuthority, Issued, PATIENCE, RawClient, Script, eventually};
use rustls::{
    ClientConfig,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

use crate::harness::{Harness, PREFIX, Setup};

const PATH: &str = "/rest/api/2/field";

/// A jira-proxy that speaks https, and the authority that its callers trust.
struct Stage {
    proxy: Harness,
    authority: FakeAuthority,
    /// The certificate that it started with.
    first: Issued,
    directory: TempDir,
}

impl Stage {
    fn start() -> Self {
        Self::with(Setup::default())
    }

    fn with(setup: Setup) -> Self {
        let (authority, directory) = (FakeAuthority::new(), TempDir::new().unwrap());
        let first = authority.issue();
        let files = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
        fs::write(&files[0], &first.certificate).unwrap();
        fs::write(&files[1], &first.key).unwrap();
        let tls = Some(files);
        let proxy = Harness::with(Setup { tls, ..setup });
        Self {
            proxy,
            authority,
            first,
            directory,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn trust(&self) -> Arc<ClientConfig> {
        self.authority.client(&[&TLS13, &TLS12])
    }

    /// A verified session.
    fn connect(&self) -> RawClient {
        RawClient::connect_over_tls(self.proxy.address, &self.trust()).unwrap()
    }

    fn ask(&self, client: &mut RawClient, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let token = self.proxy.token("ada");
        let headers: Vec<_> = headers.iter().copied().chain([("Authorization", &*token)]).collect();
        client.send_request(method, &format!("{PREFIX}{path}"), &headers, body);
        client.read_response()
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&mut self.connect(), "GET", path, &[], b"")
    }

    /// The head of a request, but for its empty line.
    fn head(&self, version: &str) -> String {
        let token = self.proxy.token("ada");
        format!("GET {PREFIX}{PATH} {version}\r\nHost: x\r\nAuthorization: {token}\r\n")
    }

    /// The value of a metric; 0 without it.
    fn count(&self, metric: &str) -> u32 {
        let metrics = self.proxy.metrics();
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// How many handshakes failed.
    fn failed(&self) -> u32 {
        self.count("nbgate_connections_closed_total{reason=\"tls\"}")
    }
}

#[test]
fn who_verifies_the_certificate_is_served_over_tls_1_2_and_1_3() {
    let stage = Stage::start();
    for version in [&TLS12, &TLS13] {
        for protocols in [vec![], vec![b"h2".to_vec(), b"http/1.1".to_vec()]] {
            let mut tls = (*stage.authority.client(&[version])).clone();
            tls.alpn_protocols = protocols;
            let mut client = RawClient::connect_over_tls(stage.proxy.address, &Arc::new(tls)).unwrap();
            assert_eq!(client.certificate(), Some(&*stage.first.der));
            // One connection serves several requests.
            for _ in 0..2 {
                assert_eq!(stage.ask(&mut client, "GET", PATH, &[], b"").status, 200);
            }
        }
    }
    let requests = stage.proxy.jira.requests();
    assert_eq!(requests.len(), 8);
    assert!(requests.iter().all(|seen| seen.target == PATH));
    let ends = format!(
        "nbgate_certificate_not_after_seconds{{service=\"jira-proxy\"}} {}\n",
        FakeAuthority::END
    );
    assert!(stage.proxy.metrics().contains(&ends));
    // Probes and metrics are where they were, in the clear.
    assert_eq!(RawClient::get(stage.proxy.admin, "/readyz", &[]).status, 200);
}

#[test]
fn bodies_are_whole_both_ways_whatever_their_size() {
    let stage = Stage::with(Setup {
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let mut client = stage.connect();
    for size in [0, 1, 100_000, 5_000_000] {
        let body: Vec<u8> = (0..=255).cycle().take(size).collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        stage
            .proxy
            .jira
            .answer(PATH, Script::raw([head.as_bytes(), &body].concat()));
        let answer = stage.ask(&mut client, "GET", PATH, &[], b"");
        assert!(answer.complete && answer.body == body, "{size}");
        assert_eq!(answer.header("content-length"), Some(&*size.to_string()));

        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks: Vec<u8> = body
            .chunks(50_000)
            .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
            .collect();
        let raw = [head.as_bytes(), &chunks, b"0\r\n\r\n"].concat();
        stage.proxy.jira.answer(PATH, Script::raw(raw));
        let answer = stage.ask(&mut client, "GET", PATH, &[], b"");
        assert!(answer.complete && answer.body == body, "{size} in chunks");
    }
    let json = [("Content-Type", "application/json")];
    let body = format!("{{\"jql\":\"{}\"}}", "x".repeat(100_000));
    let answer = stage.ask(&mut client, "POST", "/rest/api/2/search", &json, body.as_bytes());
    assert_eq!(answer.status, 200);
    let seen = stage.proxy.jira.requests();
    assert!(seen.last().unwrap().body == body.as_bytes());
}

#[test]
fn links_become_https_on_this_machine_too() {
    let stage = Stage::start();
    let body = format!("{{\"self\":\"{}/rest/api/2/issue/1\"}}", stage.proxy.jira.url());
    let json = [("Content-Type", "application/json")];
    stage.proxy.jira.answer(PATH, Script::answer(200, &json, &body));
    let address = stage.proxy.address;
    let expected = format!("{{\"self\":\"https://{address}{PREFIX}/rest/api/2/issue/1\"}}");
    assert_eq!(stage.get(PATH).text(), expected);
}

#[test]
fn a_cut_body_ends_in_a_reset_and_a_whole_one_in_so_many_words() {
    let stage = Stage::start();
    for framing in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Content-Length: 500\r\n\r\nhello",
    ] {
        let script = Script::raw(format!("HTTP/1.1 200 OK\r\n{framing}"));
        let script = script.wait(Duration::from_millis(200)).close();
        stage.proxy.jira.answer(PATH, script);
        for version in ["HTTP/1.0", "HTTP/1.1"] {
            let mut client = stage.connect();
            client.send(stage.head(version) + "\r\n");
            let (bytes, ended) = client.read_to_end();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("hello"), "{version}: {text}");
            assert_eq!(ended, Ended::Reset, "{version}: {text}");
        }
    }
    let script = Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    stage.proxy.jira.answer(PATH, script);
    for (version, connection) in [("HTTP/1.0", ""), ("HTTP/1.1", "Connection: close\r\n")] {
        let mut client = stage.connect();
        client.send(stage.head(version) + connection + "\r\n");
        let (bytes, ended) = client.read_to_end();
        assert!(String::from_utf8_lossy(&bytes).contains("hello"));
        assert_eq!(ended, Ended::Closed, "{version}");
    }
}

#[test]
fn a_client_that_takes_no_bytes_is_cut_off_and_one_that_takes_few_is_not() {
    let stage = Stage::with(Setup {
        server: "write_timeout_seconds = 1",
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let script = Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n");
    stage
        .proxy
        .jira
        .answer(PATH, script.send_times(vec![b'x'; 65_536], 1_600));
    let metric = "nbgate_connections_closed_total{reason=\"write\"}";
    let mut slow = stage.connect();
    slow.send(stage.head("HTTP/1.1") + "\r\n");
    // 400 kB a second, for four times as long as a client is waited for that takes nothing.
    let began = std::time::Instant::now();
    for turn in 0..160 {
        assert!(!slow.read_some(10_000).is_empty(), "cut after {:?}", began.elapsed());
        eventually(PATIENCE, || began.elapsed() > turn * Duration::from_millis(25));
    }
    assert_eq!(stage.count(metric), 0);
    slow.reset();
    let mut stuck = stage.connect();
    stuck.send(stage.head("HTTP/1.1") + "\r\n");
    assert_eq!(stuck.read_some(12), b"HTTP/1.1 200");
    eventually(4 * PATIENCE, || stage.count(metric) == 1);
    eventually(PATIENCE, || stage.proxy.jira.open_connections() == 0);
    assert_eq!(stuck.read_to_end().1, Ended::Reset);
}
