//! Files that the configuration names: found, seen to be readable, read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::Secret;
use crate::codes;
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::FileName;
use crate::tree::Value;
use crate::value::Context;

/// Where files are.
const WHERE: &str =
    "a relative name is looked for in `$CREDENTIALS_DIRECTORY`, then beside the configuration";
/// A secret is short; more is the wrong file.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where a file is: a relative one in `$CREDENTIALS_DIRECTORY` if it is there, else beside the configuration.
fn find(cx: &Context<'_>, name: &Path) -> PathBuf {
    let credential = cx.environment.credentials_directory().map(|folder| folder.join(name));
    match credential {
        Some(path) if name.is_relative() && path.exists() => path,
        _ => cx.base_dir.join(name),
    }
}

/// The file of a key, seen to be readable.
pub(crate) fn readable(fields: &Fields<'_>, key: &str) -> Option<PathBuf> {
    let FileName(name) = fields.optional(key)?;
    let path = find(fields.cx, &name);
    match open(&path) {
        Ok(_) => Some(path),
        Err(error) => {
            refuse(fields, key, &reason(&error));
            None
        }
    }
}

/// [`readable`] for a file that holds a key: warns when everybody on the machine can read it.
pub(crate) fn readable_key(fields: &Fields<'_>, key: &str) -> Option<PathBuf> {
    let path = readable(fields, key)?;
    warn_if_open_to_all(fields, key, &path);
    Some(path)
}

/// The file of a key with what is in it, at most so many bytes.
pub(crate) fn bounded(fields: &Fields<'_>, key: &str, most: u64) -> Option<(PathBuf, Vec<u8>)> {
    let FileName(name) = fields.optional(key)?;
    let path = find(fields.cx, &name);
    let mut bytes = Vec::new();
    let read = open(&path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length as u64 <= most => return Some((path, bytes)),
        Ok(_) => refuse(fields, key, &format!("it is larger than {} KiB", most / 1024)),
        Err(error) => refuse(fields, key, &reason(&error)),
    }
    None
}

/// The secret in the file of a key, without the line break at its end.
pub(crate) fn secret(fields: &Fields<'_>, key: &str) -> Option<Secret<String>> {
    let FileName(name) = fields.optional(key)?;
    let path = find(fields.cx, &name);
    match read_secret(&path) {
        Ok(secret) => {
            warn_if_open_to_all(fields, key, &path);
            Some(secret)
        }
        Err(reason) => {
            refuse(fields, key, &reason);
            None
        }
    }
}

/// The secrets in the files of a key that takes one or a list.
pub(crate) fn secrets(fields: &Fields<'_>, key: &str) -> Vec<Secret<String>> {
    if !fields.node(key).is_some_and(|node| matches!(node.value, Value::List(_))) {
        return secret(fields, key).into_iter().collect();
    }
    let names: Vec<FileName> = fields.optional(key).unwrap_or_default();
    let mut secrets = Vec::with_capacity(names.len());
    for (FileName(name), (node, at)) in names.iter().zip(fields.list(key)) {
        let path = find(fields.cx, name);
        match read_secret(&path) {
            Ok(secret) => {
                warn_if_open_to_all(fields, key, &path);
                secrets.push(secret);
            }
            Err(reason) => {
                let message = format!("`{at}`: this file cannot be used: {reason}");
                fields.cx.findings.add(Finding::new(codes::FILE, node.span, at, message).help(WHERE));
            }
        }
    }
    secrets
}

/// The private key in the file of a key: PKCS#8 in PEM form.
pub(crate) fn private_key(fields: &Fields<'_>, key: &str) -> Option<(PathBuf, Secret<String>)> {
    let (path, text) = pem(fields, key, "-----BEGIN PRIVATE KEY-----", "holds no private key (PKCS#8, PEM)")?;
    warn_if_open_to_all(fields, key, &path);
    Some((path, Secret::new(text)))
}

/// The certificates in the file of a key, in PEM form.
pub(crate) fn certificates(fields: &Fields<'_>, key: &str) -> Option<(PathBuf, String)> {
    pem(fields, key, "-----BEGIN CERTIFICATE-----", "holds no certificate (PEM)")
}

fn pem(fields: &Fields<'_>, key: &str, begin: &str, without: &str) -> Option<(PathBuf, String)> {
    let FileName(name) = fields.optional(key)?;
    let path = find(fields.cx, &name);
    let text = read_text(&path).and_then(|text| match text.contains(begin) {
        true => Ok(text),
        false => Err(format!("it {without}")),
    });
    match text {
        Ok(text) => Some((path, text)),
        Err(reason) => {
            refuse(fields, key, &reason);
            None
        }
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = open(path).map_err(|error| reason(&error))?;
    let read = file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text);
    let length = read.map_err(|error| reason(&error))?;
    if length as u64 > MAX_SECRET_BYTES {
        return Err("it is larger than 64 KiB".to_owned());
    }
    Ok(text)
}

fn read_secret(path: &Path) -> Result<Secret<String>, String> {
    let mut text = read_text(path)?;
    let without_break =
        text.strip_suffix('\n').map_or(text.len(), |text| text.strip_suffix('\r').unwrap_or(text).len());
    text.truncate(without_break);
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it holds more than one line".to_owned());
    }
    Ok(Secret::new(text))
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// The reason without the operating system's number.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        kind => kind.to_string(),
    }
}

/// Says that the file of a key is of no use.
pub(crate) fn refuse(fields: &Fields<'_>, key: &str, reason: &str) {
    let message = format!("`{}`: `{}` cannot be used: {reason}", fields.sub(key), fields.shown(key));
    let finding = Finding::new(codes::FILE, fields.value_span(key), fields.sub(key), message);
    fields.cx.findings.add(finding.help(WHERE));
}

fn warn_if_open_to_all(fields: &Fields<'_>, key: &str, path: &Path) {
    if is_open_to_all(path) {
        let message = format!("`{}`: everybody on this machine can read this file", fields.sub(key));
        let finding = Finding::new(codes::OPEN_KEY_FILE, fields.value_span(key), fields.sub(key), message);
        fields.cx.findings.add(finding.help("chmod 600, or hand it over with systemd's `LoadCredential=`"));
    }
}

/// Whether others than the owner and the group may read a file.
#[cfg(unix)]
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Where there are no such permissions, nothing is known.
#[cfg(not(unix))]
pub(crate) fn is_open_to_all(_path: &Path) -> bool {
    false
}
