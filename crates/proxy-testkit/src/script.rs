//! What a fake upstream does with one request: a list of steps, the forbidden included.

use std::time::Duration;

use serde_json::Value;

/// Steps that a fake upstream takes once it has a request's head. What they do not read of the body is read at the end,
/// and the connection is kept for the next request unless a step ends it.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    ReadBody,
    Answer(Response),
    Send(Vec<u8>),
    Repeat(Vec<u8>, u64),
    Drip(Vec<u8>, Duration),
    Wait(Duration),
    Echo,
    Hang,
    HalfClose,
    Close,
    Reset,
}

/// A well-formed answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// As bytes; without a body where HTTP forbids one.
    pub(crate) fn to_bytes(&self, method: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if !bodiless {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        let mut bytes = (head + "\r\n").into_bytes();
        if !bodiless && method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

impl Script {
    /// Nothing yet: the head has been read, nothing has been sent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the body and answers with JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::answer(status, &[("Content-Type", "application/json")], body.to_string())
    }

    /// Reads the body and answers; `Content-Length` is added, and to HEAD the body is left out.
    #[must_use]
    pub fn answer(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let response = Response {
            status,
            fields,
            body: body.as_ref().to_vec(),
        };
        Self::new().read_body().step(Step::Answer(response))
    }

    /// Reads the body and sends these bytes: a whole answer, or whatever else.
    #[must_use]
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::new().read_body().send(bytes)
    }

    /// Reads the rest of the request.
    #[must_use]
    pub fn read_body(self) -> Self {
        self.step(Step::ReadBody)
    }

    /// Sends bytes.
    #[must_use]
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends the same bytes many times over: a large body without the memory.
    #[must_use]
    pub fn send_times(self, bytes: impl AsRef<[u8]>, times: u64) -> Self {
        self.step(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    /// Sends bytes one by one, with a pause before each.
    #[must_use]
    pub fn drip(self, bytes: impl AsRef<[u8]>, pause: Duration) -> Self {
        self.step(Step::Drip(bytes.as_ref().to_vec(), pause))
    }

    /// Does nothing for a while.
    #[must_use]
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Sends back whatever comes from here on, until the peer ends: the far end of a tunnel.
    #[must_use]
    pub fn echo(self) -> Self {
        self.step(Step::Echo)
    }

    /// Does nothing until the peer leaves or the fake is dropped.
    #[must_use]
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Sends nothing more (FIN), but keeps reading until the peer ends.
    #[must_use]
    pub fn half_close(self) -> Self {
        self.step(Step::HalfClose)
    }

    /// Closes the connection (FIN).
    #[must_use]
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Resets the connection (RST).
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}
