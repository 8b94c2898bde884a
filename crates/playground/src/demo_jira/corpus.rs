//! The words that the demo issues are made of: people, projects, subjects, remarks.
//!
//! Every subject goes with every problem of its project, so that any combination reads like a real issue.

pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) display_name: &'static str,
}

pub(super) struct Project {
    pub(super) id: u32,
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) kinds: &'static [&'static str],
    pub(super) subjects: &'static [&'static str],
    pub(super) problems: &'static [&'static str],
    pub(super) labels: &'static [&'static str],
    /// In the order in which they are made.
    pub(super) remarks: &'static [&'static str],
    pub(super) description: &'static str,
}

impl Project {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.key.eq_ignore_ascii_case(name) || self.name.eq_ignore_ascii_case(name) || self.id.to_string() == name
    }
}

pub(super) const PEOPLE: &[&Person] = &[
    &Person {
        name: "ada",
        display_name: "Ada Lovelace",
    },
    &Person {
        name: "grace",
        display_name: "Grace Hopper",
    },
    &Person {
        name: "vera",
        display_name: "Vera Rubin",
    },
    &Person {
        name: "henrietta",
        display_name: "Henrietta Swan Leavitt",
    },
    &Person {
        name: "cecilia",
        display_name: "Cecilia Payne",
    },
    &Person {
        name: "jocelyn",
        display_name: "Jocelyn Bell Burnell",
    },
];

pub(super) const STATUSES: &[&str] = &["To Do", "In Progress", "In Review", "Done"];

pub(super) const PRIORITIES: &[&str] = &["Minor", "Major", "Critical"];

pub(super) const PROJECTS: [&Project; 2] = [&DM, &OBS];

/// Software for the data: 20 subjects with 10 problems are 200 different issues.
pub(super) const DM: Project = Project {
    id: 10_000,
    key: "DM",
    name: "Data Management",
    kinds: &["Story", "Bug", "Improvement"],
    subjects: &[
        "ap_association",
        "daf_butler",
        "ip_isr",
        "meas_algorithms",
        "jointcal",
        "cp_pipe",
        "pipe_tasks",
        "Times Square",
        "obs_lsst",
        "meas_astrom",
        "Nublado",
        "ip_diffim",
        "analysis_tools",
        "scarlet_lite",
        "Qserv",
        "prompt_processing",
        "ctrl_bps",
        "faro",
        "afw",
        "Alert broker feed",
    ],
    problems: &[
        "memory grows with the number of visits",
        "fail early when the input collection is empty",
        "wrong unit in the metadata that is written",
        "log the data ID with every warning",
        "configuration override is ignored on the command line",
        "speed up the start by importing late",
        "describe the new defaults in the documentation",
        "nightly test fails once in twenty runs",
        "deprecate the old name and say what replaces it",
        "type annotations for the public interface",
    ],
    labels: &["dp1", "performance", "middleware", "documentation", "technical-debt"],
    remarks: &[
        "Is this needed before the data preview, or can it wait?",
        "Reproduced with the current weekly on the RC2 subset.",
        "I split the larger part into an issue of its own.",
        "Measured before and after: 41 s and 17 s for one tract.",
        "Review done, only small things: see the pull request.",
        "Tests pass on both platforms, merged.",
    ],
    description: "Seen while processing the last weekly. A short recipe and the log are in the comments.",
};

/// Troubles of the night: 10 subjects with 10 problems are 100 different issues.
pub(super) const OBS: Project = Project {
    id: 10_100,
    key: "OBS",
    name: "Observing Operations",
    kinds: &["Problem", "Task"],
    subjects: &[
        "M1M3 support",
        "M2 hexapod",
        "Camera rotator",
        "LSSTCam",
        "MTDome",
        "LATISS",
        "AuxTel dome",
        "Scheduler",
        "MTAOS",
        "Weather station",
    ],
    problems: &[
        "fault at the start of the night, recovered after a reset",
        "heartbeat lost for half a minute",
        "gap in the EFD telemetry",
        "did not reach ENABLED at the first attempt",
        "standard script ended in a timeout",
        "alarm without a visible cause",
        "settings differ from the night log",
        "slow answers while slewing",
        "new version needs a check on sky",
        "restarted by hand twice",
    ],
    labels: &["summit", "time-lost", "night-report", "auxtel", "recurring"],
    remarks: &[
        "Same as two nights ago, the plot is attached there.",
        "Recovered by cycling the component; no time lost after that.",
        "Logs and telemetry around the event are saved.",
        "Day crew looked at it: a loose connector, fixed.",
        "Not seen for a week, closing.",
    ],
    description: "Noted by the observers of the night. Times are in UTC, see also the night log.",
};
