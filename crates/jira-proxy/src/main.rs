//! The jira-proxy binary.

fn main() -> std::process::ExitCode {
    proxy_core::bootstrap::run(jira_proxy::ABOUT, jira_proxy::service)
}
