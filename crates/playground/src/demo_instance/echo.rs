//! A WebSocket that says back what it is told.

use actix_codec::{Decoder, Encoder};
use actix_http::Response;
use actix_http::ws::{CloseCode, Codec, Frame, Message, ProtocolError, handshake};
use actix_web::body::{BodyStream, BoxBody};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

/// Bytes that a frame may have, its head included.
const MAX_FRAME: usize = 64 << 10;

/// One caller's connection, after the handshake.
struct Conversation {
    payload: web::Payload,
    codec: Codec,
    /// What has come of a frame that is not whole.
    begun: BytesMut,
    over: bool,
}

pub(super) async fn echo(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let mut agreement = match handshake(request.head()) {
        Ok(agreement) => agreement,
        Err(problem) => {
            let words = BoxBody::new(format!("This is a WebSocket: {problem}.\n"));
            return Response::from(problem).set_body(words).into();
        }
    };
    let conversation = Conversation {
        payload,
        codec: Codec::new().max_size(MAX_FRAME),
        begun: BytesMut::new(),
        over: false,
    };
    let answers = stream::unfold(conversation, async |mut conversation| {
        let answer = conversation.answer().await?;
        Some((Ok::<_, ProtocolError>(answer), conversation))
    });
    agreement
        .body(BodyStream::new(Box::pin(answers)))
        .map_into_boxed_body()
        .into()
}

impl Conversation {
    /// What is to be sent next; `None` at the end.
    async fn answer(&mut self) -> Option<Bytes> {
        let mut answers = BytesMut::new();
        while !self.over && answers.is_empty() {
            match self.codec.decode(&mut self.begun) {
                Ok(Some(frame)) => self.answer_to(frame, &mut answers),
                // The codec would wait for all of it.
                Ok(None) if self.begun.len() > MAX_FRAME => self.give_up(&ProtocolError::Overflow, &mut answers),
                Ok(None) => self.begun.extend_from_slice(&self.payload.next().await?.ok()?),
                Err(problem) => self.give_up(&problem, &mut answers),
            }
        }
        Some(answers.freeze()).filter(|answers| !answers.is_empty())
    }

    fn give_up(&mut self, problem: &ProtocolError, answers: &mut BytesMut) {
        let code = match problem {
            ProtocolError::Overflow => CloseCode::Size,
            _ => CloseCode::Protocol,
        };
        self.answer_to(Frame::Close(Some(code.into())), answers);
    }

    fn answer_to(&mut self, frame: Frame, answers: &mut BytesMut) {
        let message = match frame {
            // What is no text is not said back.
            Frame::Text(text) => text.try_into().map_or(Message::Nop, Message::Text),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Continuation(item) => Message::Continuation(item),
            Frame::Ping(bytes) => Message::Pong(bytes),
            Frame::Pong(_) => Message::Nop,
            Frame::Close(reason) => {
                self.over = true;
                Message::Close(reason)
            }
        };
        self.over |= self.codec.encode(message, answers).is_err();
    }
}
