//! Things to try: commands with the answer they must get, so that the page promises nothing that is not so.  (pure)

mod efd;
mod instance;

use crate::addresses::Addresses;
use crate::banner::{in_shell, token_in_shell};

pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) tries: Vec<Try>,
}

pub(crate) struct Try {
    pub(crate) title: &'static str,
    pub(crate) command: String,
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    pub(crate) outcome: &'static str,
}

/// A service, and how curl is told to trust it.
struct Asked {
    url: String,
    trust: &'static str,
}

/// The line that the other commands need first.
pub(crate) fn preparation(addresses: &Addresses) -> String {
    let authority = addresses.ca_file.as_deref().map(in_shell);
    let authority = authority.map_or_else(String::new, |file| format!(" CA={file}"));
    format!("export TOKEN={}{authority}", token_in_shell(addresses))
}

pub(crate) fn groups(addresses: &Addresses) -> [Group; 9] {
    let [jira, efd, instances] = [addresses.jira(), addresses.efd(), addresses.instances()].map(|url| Asked {
        url,
        trust: addresses.ca_file.as_ref().map_or("", |_| " --cacert \"$CA\""),
    });
    [
        reading(&jira),
        asking(&jira),
        refused(&jira),
        misbehaving(&jira),
        efd::querying(&efd),
        efd::refused(&efd),
        instance::reaching(&instances),
        instance::refused(&instances, addresses),
        behind(addresses),
    ]
}

fn reading(jira: &Asked) -> Group {
    let Asked { url, trust } = jira;
    let tries = vec![
        get(
            "Read an issue",
            jira,
            "/rest/api/2/issue/DM-42?expand=changelog",
            200,
            "Its links lead to jira-proxy, although Jira wrote its own address into them.",
        ),
        get(
            "Page through a search",
            jira,
            "/rest/api/2/search?jql=project=DM+ORDER+BY+created+ASC&startAt=100&maxResults=50&fields=summary,status",
            200,
            "DM-101 to DM-150, of 200 issues. Move startAt on until total is reached.",
        ),
        get(
            "Page through the newer search",
            jira,
            "/rest/api/2/search/jql?jql=project=OBS&fields=summary",
            200,
            "The first 50 and a nextPageToken: add it to the query for the next 50. Without fields there are only ids.",
        ),
        Try {
            title: "Fetch an attachment",
            command: format!(
                "curl -O{trust} -H \"Authorization: Bearer $TOKEN\" '{url}/secure/attachment/20061/star-field.png'"
            ),
            status: 200,
            outcome: "A picture, byte for byte as Jira has it: star-field.png.",
        },
    ];
    Group {
        title: "Read Jira",
        tries,
    }
}

fn asking(jira: &Asked) -> Group {
    let tries = vec![
        get(
            "Who am I?",
            jira,
            "/-/me",
            200,
            "The identity that the token proves: user, groups, scopes, end.",
        ),
        get(
            "Why would that be refused?",
            jira,
            "/-/why?method=GET&path=/rest/api/2/user",
            200,
            "The rule that decides, told before anything is sent.",
        ),
    ];
    Group {
        title: "Ask jira-proxy",
        tries,
    }
}

fn refused(jira: &Asked) -> Group {
    let Asked { url, trust } = jira;
    let mut write = get(
        "Write",
        jira,
        "/rest/api/2/issue",
        405,
        "Reading is allowed here, writing is not: Jira never sees it.",
    );
    write.command = write.command.replacen("curl -i", "curl -i -X POST -d '{}'", 1);
    let tries = vec![
        write,
        get(
            "Leave the published paths",
            jira,
            "/rest/auth/1/session",
            404,
            "What is not published does not exist.",
        ),
        get(
            "Look up a person",
            jira,
            "/rest/api/2/user?username=ada",
            403,
            "Personal data is refused by a named rule.",
        ),
        Try {
            title: "Come without a token",
            command: format!("curl -i{trust} '{url}/rest/api/2/issue/DM-42'"),
            status: 401,
            outcome: "The answer says which kind of token is wanted, and a hint says what to do.",
        },
    ];
    Group {
        title: "Be refused by jira-proxy",
        tries,
    }
}

fn misbehaving(jira: &Asked) -> Group {
    let mut slow = get(
        "Slow",
        jira,
        "/rest/api/2/demo/slow",
        200,
        "Ten pieces in three seconds, each passed on as it comes.",
    );
    slow.command = slow.command.replacen("curl -i", "curl -i -N", 1);
    let tries = vec![
        slow,
        get(
            "Broken off",
            jira,
            "/rest/api/2/demo/broken",
            200,
            "Jira cuts the connection in the middle, and so does jira-proxy. curl says so: half an answer never looks whole.",
        ),
        get(
            "Failed",
            jira,
            "/rest/api/2/demo/error",
            500,
            "Jira's own error comes through as it is.",
        ),
    ];
    Group {
        title: "See Jira misbehave",
        tries,
    }
}

fn behind(addresses: &Addresses) -> Group {
    let Addresses {
        demo_jira,
        demo_efd,
        demo_instance,
        issuer,
        jira_admin,
        ..
    } = addresses;
    let tries = vec![
        Try {
            title: "What Jira saw",
            command: format!("curl 'http://{demo_jira}/demo/seen'"),
            status: 200,
            outcome: "Every request came from demo-bot, none with your token, and writes is 0.",
        },
        Try {
            title: "What the EFD saw",
            command: format!("curl 'http://{demo_efd}/demo/seen'"),
            status: 200,
            outcome: "Every query came from efdreader, none with your token or a lease, and writes is 0.",
        },
        Try {
            title: "What the instance saw",
            command: format!("curl 'http://{demo_instance}/demo/seen'"),
            status: 200,
            outcome: "Every request came without your token, by Authorization or by cookie. What you upload counts as a write.",
        },
        Try {
            title: "Be somebody else, for a minute",
            command: format!("curl -d grant_type=password -d username=grace -d lifetime=60 'http://{issuer}/token'"),
            status: 200,
            outcome: "A token of grace that ends after 60 seconds: put it into TOKEN, and ask again who you are. There is no password: \
                      this issuer is a demo.",
        },
        Try {
            title: "Metrics",
            command: format!("curl 'http://{jira_admin}/metrics'"),
            status: 200,
            outcome: "What you did so far, counted; no user and no path is named.",
        },
    ];
    Group {
        title: "Look behind",
        tries,
    }
}

fn get(title: &'static str, asked: &Asked, path: &str, status: u16, outcome: &'static str) -> Try {
    let Asked { url, trust } = asked;
    Try {
        title,
        command: format!("curl -i{trust} -H \"Authorization: Bearer $TOKEN\" '{url}{path}'"),
        status,
        outcome,
    }
}
