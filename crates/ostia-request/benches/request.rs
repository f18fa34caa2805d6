//! What an ordinary request costs before it has a route, and what a strange one costs.

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use ostia_request::{Head, Limits, ManagedFields, client, cookie, examine, is_navigation, readings};

/// What Chromium sends with a navigation, and a session cookie.
fn browser() -> HeaderMap {
    [
        ("host", "portal.example.com"),
        ("connection", "keep-alive"),
        ("sec-ch-ua", "\"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("referer", "https://portal.example.com/reports/2026/q3/summary.html"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("x-forwarded-for", "198.51.100.7, 192.0.2.1"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .collect()
}

fn head(c: &mut Criterion) {
    let (headers, method, limits) = (browser(), Method::GET, Limits::default());
    for (name, target) in [
        ("plain path", &b"/reports/2026/q3/summary.html?page=2&sort=date"[..]),
        ("encoded path", b"/reports/2026/q3%2Fsummary%20of%20all.html?page=2"),
        ("hostile path", b"/public/..%252f..;x/%2e%2e%5cadmin%3fa//b"),
    ] {
        let head =
            Head { version: Version::HTTP_11, method: &method, target, authority: None, headers: &headers };
        c.bench_function(&format!("examine and readings, {name}"), |b| {
            b.iter(|| examine(black_box(&head), &limits).map(|examined| examined.readings().is_ok()));
        });
    }
    c.bench_function("readings of the wildest path", |b| {
        let path =
            "/a;b/%252e;c/..%255c/%253bd%2523e%253ff%250ag%250dh/%2500//i%EF%BC%8E/%C0%AF/%252F%255C;j";
        b.iter(|| readings(black_box(path)).is_err());
    });
}

fn fields(c: &mut Criterion) {
    let headers = browser();
    let names = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-forwarded-for",
        "x-forwarded-proto",
    ];
    let names = names.map(HeaderName::from_static);
    let managed = ManagedFields::new(&names);
    c.bench_function("managed fields, all of a browser's", |b| {
        b.iter(|| headers.keys().filter(|name| managed.refuses(black_box(name.as_str()))).count());
    });
    c.bench_function("navigation", |b| b.iter(|| is_navigation(&Method::GET, black_box(&headers))));
    let peer = IpAddr::from([10, 0, 0, 1]);
    let trusted = ["10.0.0.0/8".parse().expect("a network")];
    c.bench_function("client behind a trusted proxy", |b| {
        b.iter(|| client(peer, black_box(&headers), &trusted).is_ok());
    });
}

fn cookies(c: &mut Criterion) {
    let is_ours = |name: &[u8]| name.starts_with(b"__Host-ostia");
    let session = "x".repeat(1200);
    let mixed = format!("theme=dark; __Host-ostia={session}; _ga=GA1.2.3.4; lang=en");
    let foreign = "theme=dark; _ga=GA1.2.3.4; lang=en; app=0123456789abcdef0123456789abcdef";
    c.bench_function("cookie cut, one of ours", |b| {
        b.iter(|| cookie::without(black_box(mixed.as_bytes()), is_ours))
    });
    c.bench_function("cookie cut, none of ours", |b| {
        b.iter(|| cookie::without(black_box(foreign.as_bytes()), is_ours));
    });
}

criterion_group!(benches, head, fields, cookies);
criterion_main!(benches);
