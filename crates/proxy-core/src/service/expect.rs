//! `Expect: 100-continue`: a body is asked for only when the request will be sent on.

use std::rc::Rc;

use actix_http::{ConnectionType, HttpMessage as _, Request, Response, body::BoxBody};
use actix_web::body::MessageBody as _;

use super::{
    guard,
    layer::{REQUEST_ID, Tracked, Worker},
    progress::Busy,
};
use crate::{
    error::ProxyError,
    telemetry::{Record, RequestId},
};

/// Lets a request through that may send its body; refuses it otherwise, with an audit event of its own.
pub(super) async fn decide(worker: Rc<Worker>, request: Request) -> Result<Request, Response<BoxBody>> {
    let busy = Busy::begin(request.conn_data(), request.headers(), || false);
    let record = Record::start(
        &worker.audit,
        RequestId::of(&request),
        request.method(),
        request.peer_addr(),
    );
    let checked = busy.as_ref().map_or(Ok(()), Busy::check_line_ends);
    let previewed = match checked {
        Ok(()) => preview(&worker, &request, &record).await,
        Err(error) => Err(error),
    };
    match previewed {
        Ok(()) => {
            // The request goes on, and its event with it.
            request.extensions_mut().insert(record);
            Ok(request)
        }
        Err(error) => {
            let mut response = worker.tell(&error, request.uri().path(), &record);
            response
                .headers_mut()
                .insert(REQUEST_ID, record.request_id().to_header_value());
            if busy.as_ref().is_some_and(Busy::ends_connection) {
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
            record.status(response.status().as_u16());
            Err(response
                .map_body(|_, body| Tracked::new(body, record, busy).boxed())
                .into())
        }
    }
}

async fn preview(worker: &Worker, request: &Request, record: &Record) -> Result<(), ProxyError> {
    guard::check(request.head())?;
    match worker.site_for(request.uri().path()) {
        Some((_, site)) => site.preview(record, request.head()).await,
        None => Err(ProxyError::NotFound("there is no service at this path".into())),
    }
}
