//! The kinds of problem that a caller may be told of (RFC 9457): one table, from which come the members of every error
//! body, the pages below `{prefix}/-/problems/` and the files of `docs/problems/`.

use std::fmt::Write as _;

/// One kind of problem. Its name ends the `type` URI and never changes.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Last segment of the `type` URI.
    pub name: &'static str,
    /// HTTP status code of the answer.
    pub status: u16,
    /// `title` of the body: the same for every occurrence.
    pub title: &'static str,
    /// What happened, for the page.
    pub meaning: &'static str,
    /// What the reader does next, for the page and, shortened by nothing, as `hint` of the body.
    pub hint: &'static str,
}

macro_rules! problems {
    ($($constant:ident = $name:literal, $status:literal, $title:literal, $meaning:literal, $hint:literal;)*) => {
        $(#[doc = $title] pub const $constant: ProblemType = ProblemType {
            name: $name, status: $status, title: $title, meaning: $meaning, hint: $hint,
        };)*
        /// Every kind, in the order of their status.
        pub const ALL: &[&ProblemType] = &[$(&$constant),*];
    };
}

problems! {
    BAD_REQUEST = "bad_request", 400, "The request is malformed",
        "The request cannot be understood without guessing: its target, a header or an escape in it is malformed, or it carries two credentials that differ. Nothing was sent on.",
        "Correct the request as `detail` says. Do not build paths by hand where your HTTP library can encode them.";
    UNAUTHENTICATED = "unauthenticated", 401, "Authentication is required",
        "The request carries no credential that this service accepts.",
        "Send the token that your notebook already has: `Authorization: Bearer <token>`. On a Rubin platform it is `lsst.rsp.get_access_token()`, on JupyterHub the environment variable `JUPYTERHUB_API_TOKEN`. In a browser, sign in to your platform first.";
    INVALID_TOKEN = "invalid_token", 401, "The credential was rejected",
        "The request carries a credential, but it is malformed, unknown, expired or revoked, or was issued for another service.",
        "Get a fresh token and try again: restart the notebook server, or sign in again. A token copied from elsewhere may have expired.";
    INSUFFICIENT_SCOPE = "insufficient_scope", 403, "The credential lacks a scope or group",
        "You are known, but your token does not carry a scope or group that this service requires.",
        "Ask the operators of your platform for the scope or group named in `detail`. On JupyterHub it must be granted to your role and to the tokens of notebook servers.";
    POLICY_DENIED = "policy_denied", 403, "The policy denies this request",
        "A rule of the service's policy denies this request, whoever asks, or unless they have the scope or group that the rule names.",
        "The rule is named in `detail`. Ask the operators whether it can be lifted; `-/why` of this service explains each decision.";
    FORBIDDEN = "forbidden", 403, "The platform does not allow this",
        "You are known, but the platform does not let you use what you asked for.",
        "Ask its owner, or the operators of your platform.";
    NOT_FOUND = "not_found", 404, "There is nothing here",
        "The path is outside what this service publishes, leads to something that is not there or not yours, or is written in a way that could be read as another path (dot segments, encoded slashes, doubled slashes, semicolons). Nothing was sent on.",
        "Check the path. `-/why` of this service explains each decision; `-/openapi.json` lists the operations that it describes.";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The method is not allowed here",
        "The path is published, but not with this method: this service is read-only unless it says otherwise. Nothing was sent on.",
        "Use one of the methods in the `Allow` header.";
    TOO_SLOW = "request_timeout", 408, "The request arrived too slowly",
        "The body of the request did not arrive in the time that the service allows.",
        "Try again; if it happens often, look at the network between you and the service.";
    NOT_RUNNING = "not_running", 409, "It is not running",
        "What you asked for exists and is yours to use, but the platform says that it is not running now: it may be starting, stopped or broken. Nothing was sent on.",
        "Start it in the platform's web pages, or wait until it has started, and try again.";
    TOO_LARGE = "content_too_large", 413, "The request body is too large",
        "The body of the request is larger than this service passes on.",
        "Send less at once, for instance a shorter query or a smaller page.";
    URI_TOO_LONG = "uri_too_long", 414, "The request target is too long",
        "Path and query together are longer than 8 KiB.",
        "Send a long query as the body of a POST where the upstream offers it (Jira: POST rest/api/2/search).";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body is of a kind that is not passed on",
        "The request has a body, and its media type is not one that this service passes on to its upstream. Nothing was sent on.",
        "Send the body as `detail` says, usually as JSON with `Content-Type: application/json`.";
    EXPECTATION_FAILED = "expectation_failed", 417, "The expectation cannot be met",
        "The `Expect` header asks for something other than `100-continue`.",
        "Leave the `Expect` header out.";
    TOO_MANY_REQUESTS = "too_many_requests", 429, "Too many requests at once",
        "You have as many requests in progress as one user may have, and the queue is full or took too long; or as many open tunnels (WebSockets).",
        "Wait as long as `Retry-After` says, and run fewer requests in parallel.";
    HEADERS_TOO_LARGE = "headers_too_large", 431, "The request head is too large",
        "The head of the request is over 32 KiB.",
        "Remove headers and cookies that are not meant for this service.";
    CREDENTIAL_UNAVAILABLE = "credential_unavailable", 500, "The service's own credential cannot be read",
        "The service has no usable credential for its upstream. This is a matter for its operators, not for you.",
        "Report the request id to the operators.";
    INTERNAL = "internal_error", 500, "Something broke in this service",
        "The service failed in a way that its authors did not foresee.",
        "Report the request id to the operators.";
    UPSTREAM_UNREACHABLE = "upstream_unreachable", 502, "The upstream cannot be reached",
        "No connection to the upstream could be made, or it was closed before an answer came.",
        "Try again in a while; if it stays so, the upstream is down.";
    UPSTREAM_INVALID = "upstream_invalid", 502, "The upstream's answer cannot be passed on",
        "The upstream answered with something that is not HTTP as the standard has it, or that cannot be passed on safely.",
        "Report the request id to the operators.";
    UPSTREAM_CREDENTIAL_REJECTED = "upstream_credential_rejected", 502, "The upstream rejected the service's credential",
        "The upstream did not accept the credential that the service sent. Your own token is fine. After three such answers the service stops asking for a while, so that the account is not locked.",
        "Report it to the operators: the service's credential has to be renewed.";
    REDIRECT_REFUSED = "redirect_refused", 502, "The upstream redirects to a place that is not allowed",
        "The upstream answered with a redirect that leaves what this service publishes, for instance to a login page or another host. It was not followed and its body is not shown.",
        "If you asked for a page meant for people, open it in a browser instead. Otherwise report the request id to the operators.";
    IDENTITY_UNAVAILABLE = "identity_unavailable", 503, "Who you are cannot be checked now",
        "The service that knows who you are (the hub, the identity provider) does not answer. Nobody is let in on a guess.",
        "Wait as long as `Retry-After` says and try again. Your token need not be renewed.";
    BUSY = "busy", 503, "The service is busy",
        "The service has as many requests in progress as it may have, and the queue is full or took too long; or as many open tunnels (WebSockets); or it is about to stop and opens no more of these.",
        "Wait as long as `Retry-After` says and try again.";
    NO_ADDRESS = "no_address", 503, "It has no address yet",
        "What you asked for exists and is yours to use, but the platform does not say where it is: it may have been started a moment ago.",
        "Wait as long as `Retry-After` says and try again.";
    UPSTREAM_TIMEOUT = "upstream_timeout", 504, "The upstream did not answer in time",
        "The upstream accepted the request but did not begin its answer in the time that the service allows.",
        "Ask for less at once (a smaller page, fewer fields), or try again later.";
}

/// The kind with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static ProblemType> {
    ALL.iter().copied().find(|problem| problem.name == name)
}

/// The page of one kind as Markdown: what `docs/problems/<name>.md` holds.
#[must_use]
pub fn to_markdown(problem: &ProblemType) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "# {}\n\n`{}` · HTTP status {}\n\n## What happened\n\n{}\n\n## What to do\n\n{}\n",
        problem.title, problem.name, problem.status, problem.meaning, problem.hint
    );
    page
}

#[cfg(test)]
mod tests;
