//! Tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use http::Method;
use ostia_config::Config;
use ostia_config::load::{Environment, parse_text};

use super::{Kind, Metrics, NO_ROUTE, NONE, TABLE};

/// Everything that can be touched has been.
fn touched() -> Metrics {
    let metrics = Metrics::new("0.1.0").unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    metrics.config_in_force("aa", now);
    metrics.config_in_force("bb", now);
    metrics.config_refused();
    metrics.set_draining(true);
    metrics.panicked();
    metrics.log_lines_dropped("access").inc();
    metrics.set_connections("https", 7, 1, 2, &[("limit", 1)]);
    metrics.set_acme_orders("https", 1, 2);
    metrics.set_tls("https", [(Path::new("app.pem"), now)], [(Path::new("app.pem"), true)]);
    let route = metrics.route("https", "portal");
    route.record(&Method::GET, 200, Duration::from_millis(4));
    route.decided("staff", true, "matched");
    route.shadowed("staff_next", false, "claim_differs");
    drop((route.begin(), route.upgraded()));
    let server = &"10.0.0.1:80".parse().unwrap();
    metrics.upstream_answered("app", server, 200, Duration::from_millis(2));
    metrics.affinity("app", "kept");
    metrics.set_server_healthy("app", server, true);
    metrics.rate_limited("portal");
    metrics.extension_failed("tenant", "extension_panicked");
    metrics.upstream_retried("app", "connect");
    metrics.set_servers("app", "serving", 2);
    metrics.set_ejections("app", 1);
    metrics.mirrored("portal", "sent");
    metrics.upstream_failed("app", "upstream_reset");
    metrics.request_failed("body_timeout");
    metrics.set_upstream_pending("app", 1);
    metrics.set_upstream_connections("app", 3, 9, 4);
    metrics.set_upstream_lookups("app", 2, 1, 1);
    metrics.login_started("corp");
    metrics.login_succeeded("corp");
    metrics.login_failed(NONE, "state_unknown");
    metrics.set_token_requests("corp", "authorization_code", "ok", 3);
    metrics.set_provider_age("corp", Some(now), Some(now));
    metrics.token_accepted("corp");
    metrics.token_refused("corp", "expired");
    metrics.token_cache_hit();
    metrics.token_cache_miss();
    metrics.session_ended("session_idle");
    metrics.session_refreshed("corp", "renewed", NONE);
    metrics.token_revoked("corp", "done");
    metrics.logged_out("corp", "back_channel", "done");
    metrics.stream_ended("session_signed_out");
    metrics
}

/// Series by name of their metric, without what histograms add.
fn series(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let name =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        all.entry(name).or_default().push(line);
    }
    all
}

fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no series {series} in:\n{text}"))
}

#[test]
fn a_scrape_has_exactly_the_metrics_of_the_table_with_their_types_labels_and_help() {
    let text = touched().encode();
    let scraped = series(&text);
    let in_table: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    for name in scraped.keys() {
        assert!(in_table.contains(name), "{name} is scraped but not in the table");
    }
    for row in TABLE {
        let lines = scraped.get(row.name).unwrap_or_else(|| panic!("{} is not scraped", row.name));
        assert!(text.contains(&format!("# TYPE {} {}\n", row.name, row.kind.as_str())), "{}", row.name);
        assert!(text.contains(&format!("# HELP {} {}\n", row.name, row.help)), "{}", row.name);
        for line in lines {
            let names = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            let mut names: Vec<&str> = names
                .split("\",")
                .filter_map(|pair| Some(pair.split_once("=\"")?.0))
                .filter(|name| *name != "le")
                .collect();
            let mut labels = row.labels.to_vec();
            names.sort_unstable();
            labels.sort_unstable();
            assert_eq!(names, labels, "{line}");
        }
    }
}

#[test]
fn names_in_the_table_are_unique_and_keep_the_conventions() {
    for (at, row) in TABLE.iter().enumerate() {
        assert!(TABLE[..at].iter().all(|other| other.name != row.name), "{}", row.name);
        assert_eq!(row.name.ends_with("_total"), row.kind == Kind::Counter, "{}", row.name);
        assert!(row.name.starts_with("ostia_") || row.name.starts_with("process_"), "{}", row.name);
        assert!(row.help.ends_with('.'), "{}", row.name);
    }
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let run = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match run {
        Ok(promtool) => promtool,
        // `make test` installs it; only who calls `cargo test` on a bare machine comes here.
        Err(missing) if std::env::var_os("CI").is_none() => {
            println!("promtool is not installed (Debian package prometheus): {missing}");
            return;
        }
        Err(missing) => panic!("promtool is not installed: {missing}"),
    };
    promtool.stdin.take().unwrap().write_all(touched().encode().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn a_fresh_process_can_be_scraped() {
    let text = Metrics::new("0.1.0").unwrap().encode();
    assert_eq!(value(&text, "ostia_build_info{version=\"0.1.0\"}"), 1.0);
    assert_eq!(value(&text, "ostia_panics_total"), 0.0);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6, "{text}");
    assert!(value(&text, "process_open_fds") >= 3.0);
    let started =
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(value(&text, "process_start_time_seconds"));
    assert!(started.elapsed().unwrap_or_default() < Duration::from_secs(24 * 3600));
}

#[test]
fn requests_are_counted_exactly() {
    let metrics = Metrics::new("0").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let route = metrics.route("https", "portal");
                for _ in 0..1000 {
                    let _in_flight = route.begin();
                    route.record(&Method::GET, 200, Duration::from_micros(300));
                }
            });
        }
    });
    let text = metrics.encode();
    let requests =
        "ostia_http_requests_total{listener=\"https\",route=\"portal\",method=\"GET\",code=\"200\"}";
    assert_eq!(value(&text, requests), 8000.0);
    let duration = "ostia_http_request_duration_seconds";
    let labels = "{route=\"portal\",code_class=\"2xx\"}";
    assert_eq!(value(&text, &format!("{duration}_count{labels}")), 8000.0);
    assert!((value(&text, &format!("{duration}_sum{labels}")) - 2.4).abs() < 1e-9);
    let bucket = |le: &str| {
        value(&text, &format!("{duration}_bucket{{route=\"portal\",code_class=\"2xx\",le=\"{le}\"}}"))
    };
    assert_eq!((bucket("0.0005"), bucket("10"), bucket("+Inf")), (8000.0, 8000.0, 8000.0));
    assert_eq!(value(&text, "ostia_http_requests_in_flight{route=\"portal\"}"), 0.0);
}

#[test]
fn the_first_configuration_is_no_reload_and_only_one_is_in_force() {
    let metrics = Metrics::new("0").unwrap();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    metrics.config_in_force("aa", at(10));
    assert!(!metrics.encode().contains("ostia_config_reloads_total{"));
    metrics.config_in_force("bb", at(20));
    metrics.config_refused();
    let text = metrics.encode();
    assert!(!text.contains("hash=\"aa\""), "{text}");
    assert_eq!(value(&text, "ostia_config_info{hash=\"bb\"}"), 1.0);
    assert_eq!(value(&text, "ostia_config_reloads_total{outcome=\"applied\"}"), 1.0);
    assert_eq!(value(&text, "ostia_config_reloads_total{outcome=\"refused\"}"), 1.0);
    assert_eq!(value(&text, "ostia_config_last_reload_successful"), 0.0);
    assert_eq!(value(&text, "ostia_config_last_reload_success_timestamp_seconds"), 20.0);
}

#[test]
fn totals_of_elsewhere_are_brought_in_once_and_never_go_back() {
    let metrics = Metrics::new("0").unwrap();
    for accepted in [5, 5, 9, 7] {
        metrics.set_connections("https", accepted, 0, usize::try_from(accepted).unwrap(), &[]);
    }
    let text = metrics.encode();
    assert_eq!(value(&text, "ostia_connections_accepted_total{listener=\"https\"}"), 9.0);
    assert_eq!(value(&text, "ostia_connections_active{listener=\"https\"}"), 7.0);
}

#[test]
fn what_a_reload_removes_is_not_scraped_any_more_and_the_rest_counts_on() {
    let metrics = touched();
    metrics.route("https", NO_ROUTE).record(&Method::GET, 404, Duration::ZERO);
    let before = metrics.encode();
    let config = config(&["portal"], &["10.0.0.2:80"]);
    metrics.retain(&config);
    let text = metrics.encode();
    assert!(before.contains("10.0.0.1:80") && !text.contains("10.0.0.1:80"), "{text}");
    for kept in
        ["route=\"portal\"", "route=\"-\"", "provider=\"corp\"", "upstream=\"app\"", "provider=\"none\""]
    {
        assert!(text.contains(kept), "{kept} is missing in\n{text}");
    }
    metrics.retain(&Config { providers: BTreeMap::new(), upstreams: BTreeMap::new(), ..config });
    let text = metrics.encode();
    for gone in ["provider=\"corp\"", "upstream=\"app\""] {
        assert!(!text.contains(gone), "{gone} is left in\n{text}");
    }
    metrics.retain(&self::config(&["other"], &["10.0.0.2:80"]));
    let text = metrics.encode();
    assert!(!text.contains("route=\"portal\"") && text.contains("route=\"-\""), "{text}");
}

#[test]
fn a_route_that_stays_keeps_its_handle() {
    let metrics = Metrics::new("0").unwrap();
    let one = metrics.route("https", "portal");
    metrics.retain(&config(&["portal"], &["10.0.0.2:80"]));
    assert!(std::sync::Arc::ptr_eq(&one, &metrics.route("https", "portal")));
}

/// A configuration of one listener, one provider, one upstream, these routes and these servers.
fn config(routes: &[&str], servers: &[&str]) -> Config {
    let routes = routes.iter().map(|name| {
        format!("  - {{ name: {name}, host: {name}.example.com, provider: corp, allow: authenticated, upstream: app }}\n")
    });
    let text = format!(
        "version: 1\nlisteners:\n  https: {{ bind: '127.0.0.1:8443' }}\n\
         providers:\n  corp: {{ issuer: 'https://login.example.com', client_id: ostia }}\n\
         upstreams:\n  app: {{ servers: ['{}'] }}\nroutes:\n{}",
        servers.join("', '"),
        routes.collect::<String>(),
    );
    let environment = Environment::empty().with_state_directory("/var/lib/ostia");
    parse_text("test.yaml", &text, Path::new("/"), &environment).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}
