//! A stand-in for VISA's API server: who has which token, whose instance is where, and what it was told of sessions.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// How it misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It does not.
    Good,
    /// Answers this to everything, with this content type.
    Says(u16, &'static str, String),
    /// Takes so long.
    Slow(Duration),
    /// Ends connections.
    Dead,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Value,
}

#[derive(Clone, Debug)]
struct Machine {
    owner: String,
    address: Value,
    state: Value,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    tokens: HashMap<String, String>,
    machines: HashMap<String, Machine>,
    asked: Vec<Asked>,
}

/// The API server.
#[derive(Clone, Debug)]
pub(crate) struct FakeVisa {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeVisa {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Good,
            tokens: HashMap::new(),
            machines: HashMap::new(),
            asked: Vec::new(),
        }));
        let visa = Self {
            address: listener.local_addr().unwrap(),
            state,
        };
        let serving = visa.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream));
            }
        });
        visa
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `token` is `user`'s.
    pub(crate) fn accept(&self, token: &str, user: &str) {
        self.state().tokens.insert(token.to_owned(), user.to_owned());
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.state().tokens.remove(token);
    }

    /// The instance `id` is `owner`'s, and there.
    pub(crate) fn place(&self, id: &str, owner: &str, address: impl Into<Value>, state: &str) {
        let machine = Machine {
            owner: owner.to_owned(),
            address: address.into(),
            state: state.into(),
        };
        self.state().machines.insert(id.to_owned(), machine);
    }

    pub(crate) fn delete(&self, id: &str) {
        self.state().machines.remove(id);
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Every question so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Questions about where an instance is.
    pub(crate) fn lookups(&self) -> usize {
        self.asked().iter().filter(|asked| asked.method == "GET").count()
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut token, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => token = value.strip_prefix("Bearer ").map(ToOwned::to_owned),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let asked = Asked {
            method,
            path,
            token,
            body,
        };
        let mood = self.state().mood.clone();
        let (status, media, text) = match mood {
            Mood::Dead => {
                self.state().asked.push(asked);
                return None;
            }
            Mood::Says(status, media, text) => (status, media, text),
            Mood::Good => self.answer(&asked),
            Mood::Slow(time) => {
                thread::sleep(time);
                self.answer(&asked)
            }
        };
        self.state().asked.push(asked);
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let mut stream = stream;
        stream.write_all((head + &text).as_bytes()).ok()
    }

    fn answer(&self, asked: &Asked) -> (u16, &'static str, String) {
        let say = |status, body: Value| (status, "application/json;charset=UTF-8", body.to_string());
        let missing = || say(404, json!({ "data": null, "errors": ["Instance not found"] }));
        let state = self.state();
        let Some(path) = asked.path.strip_prefix("/api/jupyter/instances/") else {
            return missing();
        };
        let (id, what) = path.split_once('/').unwrap_or((path, ""));
        let Some(machine) = state.machines.get(id) else {
            return missing();
        };
        if what == "notebook/close" {
            return say(200, json!({ "data": null }));
        }
        let Some(user) = asked.token.as_ref().and_then(|token| state.tokens.get(token)) else {
            return say(401, json!({ "data": null, "errors": ["internal words"] }));
        };
        match what {
            _ if *user != machine.owner => missing(),
            "notebook/open" => say(200, json!({ "data": null })),
            _ => say(
                200,
                json!({ "data": {
                    "id": id.parse::<u64>().unwrap_or(7_000), "uid": id, "ipAddress": machine.address, "state": machine.state,
                    "name": "My analysis", "publicAccessToken": "c4n4ry",
                }}),
            ),
        }
    }
}
