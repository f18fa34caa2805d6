//! Label values from closed sets, as places in a table.

use http::Method;

/// What does not belong to the set.
pub(crate) const OTHER: &str = "_OTHER";

/// Methods of RFC 9110 and PATCH; everything else is [`OTHER`].
pub(crate) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", OTHER];

/// The place of a method.
pub(crate) fn method(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// The codes that are registered with IANA and those that proxies are used to (499, 520 to 524); the last place is
/// [`OTHER`].
pub(crate) const CODES: [u16; 68] = [
    100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305,
    307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421,
    422, 423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 511, 520,
    521, 522, 523, 524, 0,
];

/// The place of each code from 100 to 599.
static PLACES: [u8; 500] = {
    let mut places = [(CODES.len() - 1) as u8; 500];
    let mut at = 0;
    while at < CODES.len() - 1 {
        #[expect(
            clippy::indexing_slicing,
            reason = "computed when Ostia is built; out of bounds does not compile"
        )]
        {
            places[(CODES[at] - 100) as usize] = at as u8;
        }
        at += 1;
    }
    places
};

/// The place of a code.
pub(crate) fn code(status: u16) -> usize {
    let place = status.checked_sub(100).and_then(|at| PLACES.get(usize::from(at)));
    place.map_or(CODES.len() - 1, |place| usize::from(*place))
}

/// The label of a place of [`CODES`].
pub(crate) fn code_label(code: u16) -> String {
    if code == 0 { OTHER.to_owned() } else { code.to_string() }
}

/// Classes of codes; the last one is for what has no code.
pub(crate) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "error"];

/// The place of a code's class; no code at all is `error`.
pub(crate) fn class(status: Option<u16>) -> usize {
    match status {
        Some(status @ 100..=599) => usize::from(status / 100 - 1),
        _ => CLASSES.len() - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, CODES, METHODS, class, code, code_label, method};
    use http::Method;

    #[test]
    fn every_code_has_the_place_of_its_label() {
        for status in 0..=u16::MAX {
            let label = code_label(CODES[code(status)]);
            let expected =
                if CODES.contains(&status) && status != 0 { status.to_string() } else { "_OTHER".to_owned() };
            assert_eq!(label, expected);
        }
    }

    #[test]
    fn methods_outside_the_set_are_other() {
        for (given, expected) in
            [("GET", "GET"), ("PATCH", "PATCH"), ("get", "_OTHER"), ("PROPFIND", "_OTHER")]
        {
            assert_eq!(METHODS[method(&Method::from_bytes(given.as_bytes()).unwrap())], expected);
        }
    }

    #[test]
    fn classes_are_those_of_their_codes() {
        for (status, expected) in [
            (Some(101), "1xx"),
            (Some(204), "2xx"),
            (Some(599), "5xx"),
            (Some(600), "error"),
            (Some(99), "error"),
            (None, "error"),
        ] {
            assert_eq!(CLASSES[class(status)], expected);
        }
    }
}
