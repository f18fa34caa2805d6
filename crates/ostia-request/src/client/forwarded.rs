//! The `Forwarded` field (RFC 7239).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;
use smallvec::SmallVec;

use super::{ClientRefused, MOST_HOPS, is_tls, is_trusted, parse_address};
use crate::Host;

/// What a trusted proxy says of the hop before it.
pub(super) struct Hop<'a> {
    pub(super) address: IpAddr,
    pub(super) is_tls: Option<bool>,
    pub(super) host: Option<Host<'a>>,
}

/// One element: what one proxy has to say. Values without their quotes.
#[derive(Clone, Copy, Default)]
struct Element<'a> {
    node: Option<&'a [u8]>,
    proto: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
}

/// The hop nearest to the client of which a trusted proxy speaks; `None` without the field.
pub(super) fn nearest<'a>(
    peer: IpAddr,
    headers: &'a HeaderMap,
    trusted: &[IpNet],
) -> Result<Option<Hop<'a>>, ClientRefused> {
    if !headers.contains_key(FORWARDED) {
        return Ok(None);
    }
    let mut elements = SmallVec::<[Element<'a>; 4]>::new();
    for field in headers.get_all(FORWARDED) {
        read_field(field.as_bytes(), &mut elements)?;
    }
    let mut nearest: Option<Hop<'a>> = None;
    for element in elements.iter().rev() {
        if !is_trusted(nearest.as_ref().map_or(peer, |hop| hop.address), trusted) {
            break;
        }
        nearest = Some(read_element(element)?);
    }
    Ok(nearest)
}

fn read_element<'a>(element: &Element<'a>) -> Result<Hop<'a>, ClientRefused> {
    Ok(Hop {
        address: element.node.and_then(parse_address).ok_or(ClientRefused::Malformed)?,
        is_tls: element.proto.map(|scheme| is_tls(scheme).ok_or(ClientRefused::Malformed)).transpose()?,
        host: element.host.map(Host::parse).transpose().map_err(|_| ClientRefused::Malformed)?,
    })
}

/// `element *( "," element )`, an element being `[ pair ] *( ";" [ pair ] )`. Empty elements count for nothing
/// (RFC 9110 5.6.1).
fn read_field<'a>(
    mut rest: &'a [u8],
    elements: &mut SmallVec<[Element<'a>; 4]>,
) -> Result<(), ClientRefused> {
    let mut element = Element::default();
    let mut is_empty = true;
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] | [b',', ..] => {
                if !is_empty {
                    if elements.len() == MOST_HOPS {
                        return Err(ClientRefused::TooManyHops);
                    }
                    elements.push(std::mem::take(&mut element));
                    is_empty = true;
                }
                match rest.split_first() {
                    Some((_, after)) => rest = after,
                    None => return Ok(()),
                }
            }
            [b';', after @ ..] => rest = after,
            _ => {
                rest = read_pair(rest, &mut element)?;
                is_empty = false;
            }
        }
    }
}

/// `token "=" ( token | quoted-string )`, up to the next `,` or `;`. Unknown names are passed over.
fn read_pair<'a>(rest: &'a [u8], element: &mut Element<'a>) -> Result<&'a [u8], ClientRefused> {
    let equals = rest.iter().position(|&byte| byte == b'=').ok_or(ClientRefused::Malformed)?;
    let (name, rest) = rest.split_at_checked(equals).ok_or(ClientRefused::Malformed)?;
    let rest = rest.get(1..).unwrap_or_default();
    let (value, rest) = match rest {
        [b'"', quoted @ ..] => read_quoted(quoted)?,
        _ => {
            let end = rest.iter().position(|byte| matches!(byte, b',' | b';')).unwrap_or(rest.len());
            let (value, rest) = rest.split_at_checked(end).unwrap_or_default();
            (value.trim_ascii_end(), rest)
        }
    };
    // Proxies write addresses with colons and brackets without the quotes they need; nothing else is forgiven.
    let is_clean = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=' | b',' | b';');
    if name.is_empty() || !name.iter().all(u8::is_ascii_alphanumeric) || !value.iter().all(is_clean) {
        return Err(ClientRefused::Malformed);
    }
    let slot = match () {
        () if name.eq_ignore_ascii_case(b"for") => &mut element.node,
        () if name.eq_ignore_ascii_case(b"proto") => &mut element.proto,
        () if name.eq_ignore_ascii_case(b"host") => &mut element.host,
        () => return end_of_pair(rest),
    };
    if slot.replace(value).is_some() {
        return Err(ClientRefused::Malformed);
    }
    end_of_pair(rest)
}

/// The inside of a quoted string and what follows it. Escapes have no place in an address, a scheme or a host.
fn read_quoted(quoted: &[u8]) -> Result<(&[u8], &[u8]), ClientRefused> {
    let end = quoted.iter().position(|&byte| byte == b'"').ok_or(ClientRefused::Malformed)?;
    let (value, rest) = quoted.split_at_checked(end).ok_or(ClientRefused::Malformed)?;
    Ok((value, rest.get(1..).unwrap_or_default()))
}

fn end_of_pair(rest: &[u8]) -> Result<&[u8], ClientRefused> {
    let rest = rest.trim_ascii_start();
    match rest {
        [] | [b',' | b';', ..] => Ok(rest),
        _ => Err(ClientRefused::Malformed),
    }
}
