//! Log events as JSON lines: time, level, target, the event's fields, then those of the spans around it.
//!
//! tracing-subscriber's own JSON layer builds a tree of values for each span and parses it again for each event. Every
//! request opens a span, and few log anything, so here a span costs one string.

use std::{error::Error, fmt, time::SystemTime};

use tracing::{
    Event, Id, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use super::{
    json::{MAX_LINE, Timestamp, append, one_line, shortened},
    lines::Lines,
};

/// Most bytes of one value: at first, and again for a line that is too long.
const LIMITS: [usize; 2] = [4 * 1024, 256];

/// Writes each event that the filter lets through.
#[derive(Debug)]
pub(super) struct JsonLayer {
    lines: Lines,
}

impl JsonLayer {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines }
    }
}

/// The fields of a span as they stand in a line: `,"request_id":"…","method":"GET"`.
struct SpanFields(Vec<u8>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Vec::with_capacity(128);
        attributes.record(&mut Fields {
            line: &mut fields,
            limit: LIMITS[1],
        });
        span.extensions_mut().insert(SpanFields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            values.record(&mut Fields {
                line: fields,
                limit: LIMITS[1],
            });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let write = |limit| line(event, context.event_scope(event), limit);
        let mut text = write(LIMITS[0]);
        if text.len() >= MAX_LINE {
            text = write(LIMITS[1]);
        }
        self.lines.send(&one_line(&text), 1);
    }
}

fn line<S: for<'a> LookupSpan<'a>>(event: &Event<'_>, scope: Option<Scope<'_, S>>, limit: usize) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    let metadata = event.metadata();
    line.extend_from_slice(b"{\"time\":");
    append(&mut line, &Timestamp::of(SystemTime::now()).as_str());
    let mut fields = Fields { line: &mut line, limit };
    fields.put("level", &metadata.level().as_str());
    fields.put("target", &metadata.target());
    event.record(&mut fields);
    for span in scope.into_iter().flat_map(Scope::from_root) {
        if let Some(SpanFields(fields)) = span.extensions().get() {
            line.extend_from_slice(fields);
        }
    }
    line.push(b'}');
    line
}

/// Appends fields to a line, each with the comma before it.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    limit: usize,
}

impl Fields<'_> {
    fn put(&mut self, name: &str, value: &impl serde::Serialize) {
        self.line.push(b',');
        append(self.line, &name);
        self.line.push(b':');
        append(self.line, value);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), &shortened(value, self.limit));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_str(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
