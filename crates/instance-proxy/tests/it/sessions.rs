//! What VISA is told of notebook sessions, and what of it outlives a process.

use std::{fs, process, thread};

use proxy_testkit::{PATIENCE, RawClient, Script, eventually};
use serde_json::json;

use crate::{
    harness::{Harness, Setup, routes},
    tunnels::{KERNEL, KEY, agrees, ask, closed, open, opens, read_until_hi, told, words},
    visa::Mood,
};

#[test]
fn visa_hears_of_a_session_before_it_begins_and_after_it_has_ended_whatever_its_path_is_called() {
    let harness = Harness::start();
    let token = harness.token("ada");
    for target in [KERNEL, &KERNEL.replace("/jupyter/", "/lab/")] {
        let before = told(&harness).len();
        harness.instance.forget();
        harness.instance.otherwise(agrees(""));
        let (client, _) = open(&harness, target, &token);
        let (word, asked) = told(&harness).pop().unwrap();
        assert_eq!((word.as_str(), told(&harness).len()), ("open", before + 1), "{target}");
        assert_eq!(asked.path, "/api/jupyter/instances/42/notebook/open");
        assert_eq!(asked.token.as_deref(), Some(token.as_str()));
        assert_eq!(asked.body, json!({ "kernelId": "c0ffee-01", "sessionId": "5e55-10" }));
        assert_eq!(harness.instance.request().path(), KERNEL.split('?').next().unwrap());
        drop(client);
        eventually(PATIENCE, || told(&harness).len() == before + 2);
        let (word, asked) = told(&harness).pop().unwrap();
        assert_eq!((word.as_str(), asked.token), ("close", None));
        assert_eq!(asked.body, json!({ "kernelId": "c0ffee-01", "sessionId": "5e55-10" }));
    }
}

#[test]
fn a_page_that_reconnects_keeps_its_session() {
    let harness = Harness::start();
    harness.instance.otherwise(agrees(""));
    let token = harness.token("ada");
    let (old, _) = open(&harness, KERNEL, &token);
    let (new, _) = open(&harness, KERNEL, &token);
    drop(old);
    eventually(PATIENCE, || {
        harness
            .metrics()
            .contains("nbgate_open_tunnels{service=\"instance-proxy\",tenant=\"default\"} 1")
    });
    assert_eq!(words(&harness), ["open", "open"]);
    drop(new);
    eventually(PATIENCE, || words(&harness) == ["open", "open", "close"]);
}

#[test]
fn who_may_not_open_a_session_opens_none_and_closes_nobody_elses() {
    let harness = Harness::start();
    harness.instance.otherwise(agrees(""));
    let token = harness.token("ada");
    let (_owner, _) = open(&harness, KERNEL, &token);
    harness.instance.forget();
    // Known still, by the cache, but not to VISA any more.
    harness.visa.revoke(&token);
    let bearer = format!("Bearer {token}");
    let answer = ask(&harness, KERNEL, &[("Authorization", &bearer)]).read_response();
    answer.assert_problem(401, "invalid_token");
    assert!(harness.instance.requests().is_empty());
    harness.visa.delete("42");
    let answer = ask(&harness, KERNEL, &[("Authorization", &bearer)]).read_response();
    answer.assert_problem(404, "not_found");
    assert_eq!(words(&harness), ["open", "open", "open"], "a refused one is not closed");
}

#[test]
fn an_api_server_that_fails_keeps_nobody_from_their_kernel() {
    let harness = Harness::start();
    harness.instance.otherwise(agrees(""));
    let token = harness.token("ada");
    harness.instance.answer("/x", Script::json(200, &json!({})));
    assert_eq!(harness.get_with(&token, "/visafs/42/x").status, 200, "ada is known now");
    harness.visa.mood(Mood::Says(500, "text/plain", "broken".to_owned()));
    let (client, _) = open(&harness, KERNEL, &token);
    assert_eq!(words(&harness), ["open"]);
    drop(client);
    eventually(PATIENCE, || words(&harness).len() > 2); // told again and again
    harness.visa.mood(Mood::Good);
    eventually(PATIENCE, || {
        let journal = fs::read_to_string(harness.files.path().join("data/default/sessions-0.journal")).unwrap();
        journal.lines().last().is_some_and(|line| line.starts_with("- "))
    });
    let count = words(&harness).len();
    let (client, _) = open(&harness, KERNEL, &token);
    drop(client);
    eventually(PATIENCE, || words(&harness).len() >= count + 2);
    let since = words(&harness).split_off(count);
    assert_eq!(since, ["open", "close"], "what is confirmed is not told again");
}

#[test]
fn no_session_begins_for_a_tunnel_that_there_will_not_be() {
    let harness = Harness::with(Setup {
        tables: "[tenant.tunnels]\nmax_tunnels = 2\nmax_tunnels_per_user = 1\n".to_owned(),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    harness.visa.place("60", "eve", "127.0.0.1", "ACTIVE");
    harness.visa.place("70", "grace", "127.0.0.1", "ACTIVE");
    let bearer = |user: &str| format!("Bearer {}", harness.token(user));
    let kernel = |id: &str| KERNEL.replace("42", id);
    let mut improper = RawClient::connect(harness.address);
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Authorization", &bearer("ada")),
    ];
    improper.send_request("GET", KERNEL, &headers, b"");
    assert_eq!(improper.read_response().status, 400, "no version, no key");
    let (_ada, _) = open(&harness, KERNEL, &harness.token("ada"));
    let answer = ask(&harness, KERNEL, &[("Authorization", &bearer("ada"))]).read_response();
    answer.assert_problem(429, "too_many_requests");
    let (_eve, _) = open(&harness, &kernel("60"), &harness.token("eve"));
    let answer = ask(&harness, &kernel("70"), &[("Authorization", &bearer("grace"))]).read_response();
    assert_eq!(answer.status, 503);
    assert_eq!(words(&harness), ["open", "open"], "ada's first, and eve's");
    assert_eq!(harness.instance.requests().len(), 2);
}

#[test]
fn an_instance_that_does_not_agree_ends_the_session_and_is_heard() {
    let harness = Harness::start();
    harness.instance.otherwise(Script::answer(403, &[], "kernel says no"));
    let bearer = format!("Bearer {}", harness.token("ada"));
    let mut client = ask(&harness, KERNEL, &[("Authorization", &bearer)]);
    let answer = client.read_response();
    assert_eq!((answer.status, answer.text().as_str()), (403, "kernel says no"));
    eventually(PATIENCE, || words(&harness) == ["open", "close"]);
}

#[test]
fn a_drain_tells_both_sides_and_visa() {
    let mut harness = Harness::start();
    harness.instance.otherwise(agrees(""));
    let token = harness.token("ada");
    let mut clients: Vec<_> = (0..5)
        .map(|number| {
            open(
                &harness,
                &KERNEL.replace("c0ffee-01", &format!("c0ffee-{number}")),
                &token,
            )
            .0
        })
        .collect();
    let closing = thread::spawn(move || clients.iter_mut().map(|client| closed(client).0).collect::<Vec<_>>());
    harness.drain();
    assert_eq!(closing.join().unwrap(), [1001; 5]);
    let closes = words(&harness).iter().filter(|word| *word == "close").count();
    assert_eq!(closes, 5, "all of them before the process ends");
}

#[test]
fn every_session_of_a_process_that_was_killed_is_closed_by_the_next() {
    let harness = Harness::start(); // for its stand-ins alone
    harness.instance.otherwise(agrees(""));
    let files = tempfile::TempDir::new().unwrap();
    let path = files.path();
    fs::write(path.join("proxy.conf.json"), routes(harness.instance.address().port())).unwrap();
    let token = harness.token("ada");
    let mut first = Process::start(path, &harness);
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let target = KERNEL.replace("c0ffee-01", &format!("c0ffee-{number}"));
            let mut client = RawClient::connect(first.address);
            let bearer = format!("Bearer {token}");
            let headers = [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", KEY),
                ("Authorization", bearer.as_str()),
            ];
            client.send_request("GET", &target, &headers, b"");
            read_until_hi(&mut client);
            client
        })
        .collect();
    assert_eq!(opens(&harness), 50);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    drop(clients);
    assert_eq!(words(&harness).len(), 50, "nobody was there to close them");
    let _second = Process::start(path, &harness);
    eventually(PATIENCE, || {
        let closes = told(&harness).into_iter().filter(|(word, _)| word == "close");
        let mut kernels: Vec<_> = closes.map(|(_, asked)| asked.body["kernelId"].to_string()).collect();
        kernels.sort();
        kernels.dedup();
        kernels.len() == 50
    });
}

/// The binary itself.
struct Process {
    child: process::Child,
    address: std::net::SocketAddr,
}

impl Process {
    fn start(path: &std::path::Path, harness: &Harness) -> Self {
        let free = || {
            std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
        };
        let (address, admin) = (free(), free());
        let config = format!(
            "server = {{ host = '127.0.0.1', port = {}, admin_host = '127.0.0.1', admin_port = {}, workers = 1 }}\n\
             [[tenant]]\nroutes_file = '{path}/proxy.conf.json'\nupstream = {{ allow_loopback = true }}\n\
             instances = {{ api_host = '127.0.0.1', api_port = {} }}\nsessions = {{ directory = '{path}/data' }}\n",
            address.port(),
            admin.port(),
            harness.visa.address.port(),
            path = path.display(),
        );
        fs::write(path.join("config.toml"), config).unwrap();
        let mut command = process::Command::new(env!("CARGO_BIN_EXE_instance-proxy"));
        let child = command
            .arg("--config")
            .arg(path.join("config.toml"))
            .stdout(process::Stdio::null())
            .spawn();
        let process = Self {
            child: child.unwrap(),
            address,
        };
        eventually(PATIENCE, || std::net::TcpStream::connect(admin).is_ok());
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
