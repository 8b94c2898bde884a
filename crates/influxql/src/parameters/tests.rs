use super::{Parameters, credentials};
use crate::read;

fn refused(query: &str, form: &str) -> String {
    Parameters::read(query, form).unwrap_err().to_string()
}

#[test]
fn both_places_are_read_and_written_anew() {
    let parameters = Parameters::read(
        "db=efd&epoch=ns&u=ada&p=x",
        "q=SELECT+%22a%22+FROM+%22t%22%20--%20x&chunked=true",
    )
    .unwrap();
    assert_eq!(parameters.database.as_deref(), Some("efd"));
    let statements = read(&parameters.statements).unwrap();
    let form = parameters.to_form(&statements);
    assert_eq!(form, "db=efd&epoch=ns&chunked=true&q=SELECT+%22a%22+FROM+%22t%22");
}

#[test]
fn what_is_there_twice_is_refused_wherever() {
    for (query, form) in [
        ("q=a&q=a", ""),
        ("q=a", "q=a"),
        ("", "q=a&q=b"),
        ("q=a&db=x&db=x", ""),
        ("db=efd", "q=a&db=efd"),
        ("q=a&%64b=x&d%62=y", ""),
        ("q=a&rp=x&rp=x", ""),
        ("q=a&epoch=s", "epoch=s"),
    ] {
        assert!(refused(query, form).contains("more than once"), "{query} {form}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    for query in [
        "q=a&async=true",
        "q=a&node_id=1",
        "q=a&Q=b",
        "q=a&DB=b",
        "q=a&precision=s",
        "q=a&=",
        "q=a&q%00=b",
    ] {
        assert!(refused(query, "").contains("not known here"), "{query}");
    }
    assert!(refused("q=a&params=%7B%7D", "").contains("bound parameters"));
    assert!(refused("db=efd", "").contains("`q` is missing"));
}

#[test]
fn values_have_their_form() {
    for query in [
        "epoch=x",
        "epoch=",
        "chunked=1",
        "chunked=TRUE",
        "chunk_size=",
        "chunk_size=-1",
        "chunk_size=9999999999",
        "pretty=yes",
    ] {
        assert!(
            refused(&format!("q=a&{query}"), "").contains("not of the form"),
            "{query}"
        );
    }
    for query in [
        "epoch=%C2%B5",
        "epoch=ms",
        "chunked=false",
        "chunk_size=10000",
        "pretty=true",
        "rp=autogen",
        "rp=",
    ] {
        assert!(Parameters::read(&format!("q=a&{query}"), "").is_ok(), "{query}");
    }
}

#[test]
fn what_is_no_utf8_is_refused_and_a_semicolon_parts_nothing() {
    assert!(refused("q=%ff", "").contains("UTF-8"));
    assert!(refused("q=a&%ff=b", "").contains("UTF-8"));
    assert_eq!(Parameters::read("q=a;db=x", "").unwrap().statements, "a;db=x");
}

#[test]
fn a_user_and_password_are_taken_from_the_query_string_once() {
    let found = |query| credentials(query).map_err(|error| error.to_string());
    assert_eq!(found("q=a"), Ok(None));
    assert_eq!(found("u=ada&p=a%2Bb"), Ok(Some(("ada".to_owned(), "a+b".to_owned()))));
    assert_eq!(found("p=x"), Ok(Some((String::new(), "x".to_owned()))));
    assert!(found("p=x&p=y").is_err() && found("u=x&%75=y&p=z").is_err() && found("p=%ff").is_err());
}
