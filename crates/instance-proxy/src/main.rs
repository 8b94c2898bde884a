//! The instance-proxy binary.

fn main() -> std::process::ExitCode {
    proxy_core::bootstrap::run(instance_proxy::ABOUT, instance_proxy::service)
}
