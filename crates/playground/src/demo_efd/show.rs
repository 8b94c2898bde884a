//! Carries out a `SHOW`, and checks which database a statement is about.  (pure)

use super::answer::{Outcome, Series, Value};
use super::statement::{List, Source};
use super::topics::TOPICS;

const DATABASE: &str = "efd";
const POLICY: &str = "autogen";

/// `database` is the one that the request names.
pub(super) fn show(list: &List, source: &Source, database: Option<&str>) -> Outcome {
    if let List::Databases = list {
        return Ok(vec![series(Some("databases"), &["name"], vec![vec![text(DATABASE)]])]);
    }
    check(source, database)?;
    let named = |name: &str| source.measurement.as_deref().is_none_or(|wanted| wanted == name);
    Ok(match list {
        List::Databases | List::TagKeys => Vec::new(),
        List::Measurements => {
            let names = TOPICS.iter().map(|topic| vec![text(topic.name)]).collect();
            vec![series(Some("measurements"), &["name"], names)]
        }
        List::RetentionPolicies => {
            let columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"];
            let row = vec![
                text(POLICY),
                text("48h0m0s"),
                text("24h0m0s"),
                Value::Integer(1),
                Value::Flag(true),
            ];
            vec![series(None, &columns, vec![row])]
        }
        List::FieldKeys => {
            let topics = TOPICS.iter().filter(|topic| named(topic.name));
            let fields = topics.map(|topic| {
                let rows = topic
                    .fields
                    .iter()
                    .map(|field| vec![text(field.name), text(field.kind())]);
                series(Some(topic.name), &["fieldKey", "fieldType"], rows.collect())
            });
            fields.collect()
        }
    })
}

/// That the statement is about the one database with its one policy.
pub(super) fn check(source: &Source, database: Option<&str>) -> Result<(), String> {
    match source.database.as_deref().or(database) {
        None | Some("") => Err("database name required".to_owned()),
        Some(name) if name != DATABASE => Err(format!("database not found: {name}")),
        Some(_) => match source.policy.as_deref() {
            Some(name) if name != POLICY => Err(format!("retention policy not found: {name}")),
            _ => Ok(()),
        },
    }
}

fn series(name: Option<&'static str>, columns: &[&str], rows: Vec<Vec<Value>>) -> Series {
    let columns = columns.iter().map(ToString::to_string).collect();
    Series { name, columns, rows }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
