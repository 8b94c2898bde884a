//! A platform that a test scripts, and what is seen of it: its questions, the log.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::Value;

use super::super::PlatformClient;

/// What a platform was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Question {
    /// The one value of a header; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(found, _)| found == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }
}

/// A platform on loopback: each connection is read to the end of one request, and gets the bytes that the test says.
pub(crate) struct FakePlatform {
    address: SocketAddr,
    questions: Arc<Mutex<Vec<Question>>>,
    stopped: Arc<AtomicBool>,
}

impl FakePlatform {
    pub(crate) fn start(answer: impl Fn(&Question) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", answer).expect("loopback has a free port")
    }

    pub(crate) fn listen(
        address: &str,
        answer: impl Fn(&Question) -> Vec<u8> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (questions, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (noted, stop, answer) = (questions.clone(), stopped.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (noted, answer) = (noted.clone(), answer.clone());
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let question = read_question(&stream);
                    noted.lock().unwrap().push(question.clone());
                    // The client may have given up.
                    let _ = stream.write_all(&answer(&question));
                });
            }
        });
        Ok(Self {
            address,
            questions,
            stopped,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn read_question(stream: &TcpStream) -> Question {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let lines = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty()));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        })
        .collect();
    let mut question = Question {
        method,
        path,
        headers,
        body: String::new(),
    };
    let length = question.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_string(&mut question.body).unwrap();
    question
}

/// An answer as platforms give it.
pub(crate) fn json_answer(status: u16, body: &Value) -> Vec<u8> {
    raw_answer(status, "application/json", body.to_string().as_bytes())
}

pub(crate) fn raw_answer(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} So\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A client that trusts nobody: every platform of a test is on loopback.
pub(crate) fn client() -> PlatformClient {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    PlatformClient::new(Arc::new(
        tls.with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    ))
}

/// A file with a secret in it.
pub(crate) fn secret_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// What is logged on this thread, at every level, until the guard is dropped.
pub(crate) fn capture_log() -> (tracing::subscriber::DefaultGuard, Arc<Mutex<Vec<u8>>>) {
    // With one subscriber alone, whoever first logs a line on a thread without it switches that line off for all threads.
    static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
    ANOTHER.get_or_init(|| {
        let silent = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        tracing::Dispatch::new(silent.with_writer(std::io::sink).finish())
    });
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || LogWriter(writer.clone()))
        .finish();
    (tracing::subscriber::set_default(subscriber), log)
}

struct LogWriter(Arc<Mutex<Vec<u8>>>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
