use std::collections::HashSet;

use super::*;

fn keys(answer: &Value) -> Vec<String> {
    let issues = answer["issues"].as_array().unwrap();
    issues
        .iter()
        .map(|issue| issue["key"].as_str().unwrap().to_owned())
        .collect()
}

/// Every page of the old search, by the first number.
async fn old_pages(jql: &str, page_size: usize) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let start = all.len();
        let query = format!("/rest/api/2/search?jql={jql}&startAt={start}&maxResults={page_size}&fields=summary");
        let page = get(&query).await.json();
        assert_eq!(page["startAt"], start);
        all.extend(keys(&page));
        if all.len() as u64 >= page["total"].as_u64().unwrap() {
            return all;
        }
        assert!(!keys(&page).is_empty(), "a page before the end is empty");
    }
}

/// Every page of the new search, by token.
async fn new_pages(jql: &str, page_size: usize) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let query = format!("/rest/api/3/search/jql?jql={jql}&maxResults={page_size}&fields=summary{token}");
        let page = get(&query).await.json();
        assert!(page.get("total").is_none());
        all.extend(keys(&page));
        match page["nextPageToken"].as_str() {
            Some(next) => token = format!("&nextPageToken={next}"),
            None => {
                assert_eq!(page["isLast"], true);
                return all;
            }
        }
    }
}

#[actix_web::test]
async fn old_and_new_search_find_the_same_300_issues_each_once() {
    let expected = old_pages("ORDER+BY+created+ASC", 100).await;
    assert_eq!(expected.len(), 300);
    assert_eq!(expected.iter().collect::<HashSet<_>>().len(), 300);
    assert_eq!(expected[..3], ["DM-1", "DM-2", "OBS-1"]);
    for page_size in [7, 50, 1000] {
        assert_eq!(
            old_pages("ORDER+BY+created+ASC", page_size).await,
            expected,
            "{page_size}"
        );
        assert_eq!(
            new_pages("ORDER+BY+created+ASC", page_size).await,
            expected,
            "{page_size}"
        );
    }
}

#[actix_web::test]
async fn a_query_selects_what_it_says() {
    let found = old_pages(
        "project=DM+AND+status=%22Done%22+AND+assignee=ada+ORDER+BY+created+DESC",
        100,
    )
    .await;
    assert!((5..100).contains(&found.len()), "{}", found.len());
    assert!(found.iter().all(|key| key.starts_with("DM-")));
    let numbers: Vec<u32> = found.iter().map(|key| key[3..].parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a > b));
    let (done, open) = (
        old_pages("status+=+Done", 100).await,
        old_pages("status+!=+Done", 100).await,
    );
    assert_eq!(done.len() + open.len(), 300);
    assert!(done.len() > 60 && open.len() > 60, "{} are done", done.len());
    assert_eq!(
        old_pages("key+in+(DM-42,+OBS-7)+ORDER+BY+key", 10).await,
        ["OBS-7", "DM-42"]
    );
}

#[actix_web::test]
async fn a_query_that_jira_would_refuse_is_400_with_its_words() {
    let cases = [
        ("colour=red", "Field 'colour' does not exist"),
        (
            "project=NOPE",
            "The value 'NOPE' does not exist for the field 'project'.",
        ),
        ("project", "Expecting operator"),
        ("project=DM+status=Done", "Expecting 'AND' but got 'status'"),
        ("status=%22Done", "has not been completed"),
        ("project=DM+ORDER+BY+votes", "Not able to sort using field 'votes'."),
        ("project+in+(DM", "Expecting a value"),
        ("!", "Field '!' does not exist"),
    ];
    for (jql, message) in cases {
        for path in ["/rest/api/2/search", "/rest/api/2/search/jql"] {
            let answer = get(&format!("{path}?jql={jql}")).await;
            assert_eq!(answer.status, 400, "{jql}");
            let got = answer.json()["errorMessages"][0].as_str().unwrap().to_owned();
            assert!(got.contains(message), "{jql}: {got}");
        }
    }
    assert_eq!(get("/rest/api/2/search?startAt=one").await.status, 400);
}

#[actix_web::test]
async fn a_search_by_body_finds_the_same() {
    let body = json!({ "jql": "project = OBS", "startAt": 10, "maxResults": 5, "fields": ["summary"], "expand": ["changelog"] });
    let posted = post("/rest/api/2/search", body).await.json();
    let got = get("/rest/api/2/search?jql=project=OBS&startAt=10&maxResults=5&fields=summary&expand=changelog")
        .await
        .json();
    assert_eq!(posted, got);
    assert!(posted["issues"][0]["changelog"].is_object());
    assert_eq!(
        post(
            "/rest/api/3/search/approximate-count",
            json!({ "jql": "project = OBS" })
        )
        .await
        .json()["count"],
        100
    );
}

#[actix_web::test]
async fn fields_may_be_repeated_or_separated_by_commas() {
    let commas = get("/rest/api/2/search?fields=summary,status&maxResults=1")
        .await
        .json();
    let repeated = get("/rest/api/2/search?fields=summary&fields=status&maxResults=1")
        .await
        .json();
    assert_eq!(commas, repeated);
    assert_eq!(commas["issues"][0]["fields"].as_object().unwrap().len(), 2);
    let without = get("/rest/api/2/search?fields=*all,-comment&maxResults=1").await.json();
    assert!(without["issues"][0]["fields"].get("comment").is_none());
    assert!(without["issues"][0]["fields"].get("attachment").is_some());
}

#[actix_web::test]
async fn the_new_search_gives_only_ids_when_no_field_is_asked_for() {
    let issue = get("/rest/api/2/search/jql?jql=project=DM").await.json()["issues"][0].clone();
    assert_eq!(issue.as_object().unwrap().keys().collect::<Vec<_>>(), ["id"]);
}

#[actix_web::test]
async fn a_token_of_another_query_is_refused() {
    let token = get("/rest/api/2/search/jql?jql=project=DM").await.json()["nextPageToken"].clone();
    let token = token.as_str().unwrap();
    assert_eq!(
        get(&format!("/rest/api/2/search/jql?jql=project=OBS&nextPageToken={token}"))
            .await
            .status,
        400
    );
    assert_eq!(
        get("/rest/api/2/search/jql?jql=project=OBS&nextPageToken=x")
            .await
            .status,
        400
    );
}

#[actix_web::test]
async fn the_old_search_is_gone_from_version_3() {
    assert_eq!(get("/rest/api/3/search?jql=project=DM").await.status, 410);
    assert_eq!(get("/rest/api/latest/search?jql=project=DM").await.status, 200);
}
