use super::*;

#[test]
fn a_location_leads_through_the_proxy_where_it_led_to_the_upstream() {
    let hidden = hidden();
    let print = Visible {
        mount: "/ws/print/42",
        replaced: ("/ws/print/42", "/socket.io"),
        ..jupyter(&hidden)
    };
    let (origin, host) = ("http://10.0.3.17:8888", "visa.example.org");
    for (visible, public, location, expected) in [
        (jupyter(&hidden), "", "/jupyter/42/lab?", Some("/jupyter/42/lab?")),
        (jupyter(&hidden), "", "lab/tree", Some("lab/tree")),
        (
            jupyter(&hidden),
            "",
            "HTTP://10.0.3.17:8888/x",
            Some("https://visa.example.org/x"),
        ),
        (
            jupyter(&hidden),
            "",
            "http://10.0.3.17:8888/jupyter/42/lab",
            Some("https://visa.example.org/jupyter/42/lab"),
        ),
        (
            jupyter(&hidden),
            "",
            "http://visa.example.org/jupyter/42/",
            Some("https://visa.example.org/jupyter/42/"),
        ),
        (
            jupyter(&hidden),
            "",
            "https://elsewhere.example/x",
            Some("https://elsewhere.example/x"),
        ),
        (
            jupyter(&hidden),
            "",
            "//elsewhere.example/x",
            Some("//elsewhere.example/x"),
        ),
        (files(&hidden), "/visafs/42", "/a/b?c#d", Some("/visafs/42/a/b?c#d")),
        (
            files(&hidden),
            "/visafs/42",
            "http://10.0.3.17:8888",
            Some("https://visa.example.org/visafs/42/"),
        ),
        (
            files(&hidden),
            "/visafs/42",
            "http://10.0.3.17:88880/",
            Some("http://10.0.3.17:88880/"),
        ),
        (print.clone(), "/ws/print/42", "/socket.io/x", Some("/ws/print/42/x")),
        (print.clone(), "/ws/print/42", "/socket.iox", Some("/socket.iox")),
        (print.clone(), "/ws/print/42", "http://10.0.3.17:8888/admin", None),
    ] {
        let base = format!("https://visa.example.org{public}");
        let found = visible.location(location, origin, host, &base);
        assert_eq!(found.as_deref(), expected, "{location} {public}");
    }
}
