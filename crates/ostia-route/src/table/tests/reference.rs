//! The table as one thinks of it: every route is asked for every request.

use super::*;

pub(super) fn find(
    routes: &[Route],
    host: &str,
    path: &str,
    method: &Method,
) -> Result<RouteIndex, RouteRefused> {
    let literal = land(routes, host, path, false, method)?;
    let Ok(others) = readings(path) else { return Err(RouteRefused::TooManyReadings) };
    let mut all = vec![(path.to_owned(), true)];
    for reading in others.iter() {
        let text: String = reading.bytes.iter().map(|&byte| byte as char).collect();
        if reading.case == Case::Kept {
            all.push((text.clone(), false));
        }
        all.push((text, true));
    }
    for (path, ignores_case) in all {
        match land(routes, host, &path, ignores_case, method) {
            Ok(other) if routes[other].allow == routes[literal].allow => {}
            _ => return Err(RouteRefused::ReadingsDisagree),
        }
    }
    Ok(RouteIndex(literal))
}

fn land(
    routes: &[Route],
    host: &str,
    path: &str,
    ignores_case: bool,
    method: &Method,
) -> Result<usize, RouteRefused> {
    let spell = |text: &str| if ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let rank = |index: &usize| (host_rank(&routes[*index].host), routes[*index].path.len());
    let fitting: Vec<usize> = (0..routes.len())
        .filter(|&index| serves(&routes[index].host, host))
        .filter(|&index| starts(&spell(&routes[index].path), &spell(path)))
        .collect();
    let best = fitting.iter().map(rank).max().ok_or(RouteRefused::NoRoute)?;
    let best: Vec<usize> = fitting.into_iter().filter(|index| rank(index) == best).collect();
    let names =
        |index: &&usize| routes[**index].methods.as_ref().is_some_and(|methods| methods.contains(method));
    let takes_all = |index: &&usize| routes[**index].methods.is_none();
    best.iter().find(names).or_else(|| best.iter().find(takes_all)).copied().ok_or_else(|| {
        let mut allowed: Vec<&str> = best
            .iter()
            .flat_map(|&index| routes[index].methods.iter().flatten())
            .map(Method::as_str)
            .collect();
        allowed.sort_unstable();
        RouteRefused::MethodNotAllowed { allowed: allowed.join(", ").into() }
    })
}

/// The sentence in `ostia_config::Route::path`.
fn starts(prefix: &str, path: &str) -> bool {
    if prefix.ends_with('/') {
        path.starts_with(prefix)
    } else {
        path == prefix || path.starts_with(&format!("{prefix}/"))
    }
}

fn host_rank(pattern: &HostPattern) -> usize {
    match pattern {
        HostPattern::Exact(_) => 1000,
        HostPattern::Wildcard(suffix) => 1 + suffix.len(),
        HostPattern::Any => 0,
    }
}

fn serves(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(name) => name == host,
        HostPattern::Wildcard(suffix) => host.ends_with(&format!(".{suffix}")),
        HostPattern::Any => true,
    }
}
