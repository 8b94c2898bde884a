use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::time::{Instant, advance, pause};

use super::{SIGNED_OUT, Standing, Stays};

const MINUTE: Duration = Duration::from_secs(60);

/// A platform that tells what it was asked, and when.
#[derive(Clone, Default)]
struct Platform {
    good: Rc<RefCell<Vec<&'static str>>>,
    down: Rc<RefCell<bool>>,
    withdrawn: Rc<RefCell<bool>>,
    asked: Rc<RefCell<Vec<String>>>,
}

impl Platform {
    fn accepting(credentials: &[&'static str]) -> Self {
        let platform = Self::default();
        platform.good.borrow_mut().extend(credentials);
        platform
    }

    async fn ask(&self, credential: &str) -> Standing {
        self.asked.borrow_mut().push(credential.to_owned());
        match () {
            () if *self.down.borrow() => Standing::Unknown,
            () if *self.withdrawn.borrow() => Standing::Withdrawn("withdrawn"),
            () if self.good.borrow().contains(&credential) => Standing::Accepted,
            () => Standing::Rejected,
        }
    }
}

async fn seconds(seconds: u64) {
    for _ in 0..seconds * 2 {
        advance(Duration::from_millis(500)).await;
        tokio::task::yield_now().await;
    }
}

/// Begins a stay; what it ended with, and after how many seconds, once it has.
fn stay(
    stays: &std::sync::Arc<Stays>,
    platform: &Platform,
    credential: &str,
) -> Rc<RefCell<Option<(&'static str, u64)>>> {
    stay_since(stays, platform, credential, Instant::now())
}

fn stay_since(
    stays: &std::sync::Arc<Stays>,
    platform: &Platform,
    credential: &str,
    asked: Instant,
) -> Rc<RefCell<Option<(&'static str, u64)>>> {
    let stay = stays.begin("ada", "42", credential, asked);
    let (platform, ended) = (platform.clone(), Rc::default());
    let told: Rc<RefCell<_>> = Rc::clone(&ended);
    let began = Instant::now();
    actix_rt::spawn(async move {
        let reason = stay.over(async |credential| platform.ask(credential).await).await;
        *told.borrow_mut() = Some((reason, began.elapsed().as_secs()));
    });
    ended
}

#[actix_rt::test]
async fn a_renewed_credential_keeps_a_stay_that_its_own_would_end() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["old"]));
    let ended = stay(&stays, &platform, "old");
    seconds(29).await;
    assert!(platform.asked.borrow().is_empty());
    for renewed in ["one", "two", "three"] {
        *platform.good.borrow_mut() = vec![renewed];
        seconds(20).await; // rejected once by then, at most
        stays.note("ada", || "42".to_owned(), renewed);
        seconds(40).await;
    }
    assert_eq!(*ended.borrow(), None, "{:?}", platform.asked.borrow());
    assert_eq!(platform.asked.borrow().last().map(String::as_str), Some("three"));
}

#[actix_rt::test]
async fn whoever_has_no_good_credential_any_more_is_sent_away_within_the_time() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["old"]));
    let ended = stay(&stays, &platform, "old");
    stays.note("eve", || "42".to_owned(), "eves");
    stays.note("ada", || "43".to_owned(), "another things");
    seconds(31).await;
    platform.good.borrow_mut().clear();
    seconds(62).await; // the clock of the test goes in steps
    let (reason, after) = ended.borrow().unwrap();
    assert_eq!(reason, SIGNED_OUT);
    assert!(after <= 93, "{after}");
    assert!(platform.asked.borrow().iter().all(|asked| asked == "old"));
}

#[actix_rt::test]
async fn who_is_let_in_by_what_was_said_a_while_ago_is_asked_about_the_earlier() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["old"]));
    let asked = Instant::now();
    *platform.withdrawn.borrow_mut() = true;
    seconds(20).await;
    let ended = stay_since(&stays, &platform, "old", asked);
    seconds(9).await;
    assert_eq!(*ended.borrow(), None);
    seconds(2).await;
    assert!(ended.borrow().is_some());
    let ended = stay_since(&stays, &platform, "old", asked);
    seconds(1).await;
    assert_eq!(*ended.borrow(), Some(("withdrawn", 0)), "at once, if that is due");
}

#[actix_rt::test]
async fn a_platform_that_does_not_answer_sends_nobody_away() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["old"]));
    let ended = stay(&stays, &platform, "old");
    *platform.down.borrow_mut() = true;
    seconds(600).await;
    assert_eq!(*ended.borrow(), None);
    *platform.down.borrow_mut() = false;
    *platform.withdrawn.borrow_mut() = true;
    seconds(31).await;
    assert_eq!(ended.borrow().unwrap().0, "withdrawn");
}

#[actix_rt::test]
async fn one_of_many_asks_and_all_end() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["old"]));
    let all: Vec<_> = (0..50).map(|_| stay(&stays, &platform, "old")).collect();
    seconds(95).await;
    assert_eq!(platform.asked.borrow().len(), 3);
    *platform.withdrawn.borrow_mut() = true;
    seconds(31).await;
    assert!(all.iter().all(|ended| ended.borrow().is_some()));
    assert!(stays.open.lock().unwrap().is_empty(), "nothing is left of it");
}

#[actix_rt::test]
async fn who_signs_in_again_begins_anew_though_an_end_is_still_on_its_way() {
    pause();
    let (stays, platform) = (Stays::new(MINUTE), Platform::accepting(&["new"]));
    let ending = stays.begin("ada", "42", "old", Instant::now()); // a tunnel that has not closed yet
    let ended = stay(&stays, &platform, "old");
    seconds(65).await;
    assert!(ended.borrow().is_some());
    let again = stay(&stays, &platform, "new");
    drop(ending);
    seconds(65).await;
    assert_eq!(*again.borrow(), None);
    stays.note("ada", || "42".to_owned(), "newer");
    seconds(35).await;
    assert_eq!(
        platform
            .asked
            .borrow()
            .iter()
            .rev()
            .find(|asked| *asked == "newer")
            .map(String::as_str),
        Some("newer")
    );
}

#[tokio::test]
async fn a_stay_says_nothing_of_its_credentials() {
    let stays = Stays::new(MINUTE);
    let stay = stays.begin("ada", "42", "token-of-ada", Instant::now());
    assert!(!stay.state().credentials.is_empty());
    assert!(!format!("{stay:?}").contains("token-of-ada"));
    assert!(!format!("{stays:?}").contains("token-of-ada"));
}
