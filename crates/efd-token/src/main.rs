//! The efd-token binary.

fn main() -> std::process::ExitCode {
    proxy_core::bootstrap::run(efd_token::ABOUT, efd_token::service)
}
