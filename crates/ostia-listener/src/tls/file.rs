//! The files of a listener's TLS as they were read, and read again when one of them changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ostia_config::listener::Tls as Section;

use crate::acme;
use crate::certificate::{CertificateRefused, Certificates, Pair, load_pair};
use crate::client_certificate::ClientAuthority;
use crate::node::Node;
use crate::ticket::{TicketFile, TicketKeys, TicketKeysRefused};
use crate::watched::Watched;

/// How long a rotation of ticket keys that failed waits for the next try.
const ROTATION_RETRY: Duration = Duration::from_secs(60);

/// Why a file of `tls` was refused.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileRefused {
    /// A certificate, a key or an authority.
    #[error(transparent)]
    Certificate(#[from] CertificateRefused),
    /// The keys of session tickets.
    #[error("{}: {reason}", file.display())]
    TicketKeys {
        /// The file at fault.
        file: PathBuf,
        /// What is wrong with it.
        reason: TicketKeysRefused,
    },
}

impl TlsFileRefused {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Certificate(refused) => refused.reason.slug(),
            Self::TicketKeys { reason, .. } => reason.slug(),
        }
    }
}

/// Whether what a file holds is what is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The file; a pair goes by its certificate's.
    pub file: PathBuf,
    /// False while its last change is refused and what it held before is used.
    pub is_current: bool,
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) certificates: Arc<Certificates>,
    pub(super) clients: Option<ClientAuthority>,
    pub(super) ticket_keys: Arc<TicketKeys>,
    pub(super) files: Vec<FileState>,
    /// Where certificates of `acme` are kept, and the names that are to have one.
    pub(super) acme: Option<(acme::Folder, Vec<String>)>,
    ticket_file: TicketFile,
    watched: Watched,
    read_at: Instant,
}

impl Contents {
    pub(super) fn load(section: &Section, node: &Node) -> Result<Self, TlsFileRefused> {
        Reading { section, node, before: None }.read()
    }

    /// `None` when nothing changed.
    pub(super) fn renewed(&self, section: &Section, node: &Node) -> Option<Self> {
        let is_due = self.read_at.elapsed() > ROTATION_RETRY && self.ticket_file.is_due(SystemTime::now());
        if !is_due && !self.watched.has_changed() {
            return None;
        }
        // With what was before at hand nothing is refused as a whole.
        Reading { section, node, before: Some(self) }.read().ok()
    }
}

/// One reading of all files.
struct Reading<'a> {
    section: &'a Section,
    node: &'a Node,
    before: Option<&'a Contents>,
}

impl Reading<'_> {
    fn read(&self) -> Result<Contents, TlsFileRefused> {
        let ticket_file = TicketFile::new(self.section.ticket_keys_file.as_deref(), self.node.state_dir());
        let folder = self.section.acme.as_ref().map(|acme| acme::Folder::new(acme, self.node.state_dir()));
        let prepared = ticket_file.prepare(SystemTime::now());
        let watched = Watched::look_at(self.names(&ticket_file, folder.as_ref()));
        let mut files = Vec::new();
        let mut certificates = self.pairs(&mut files)?;
        let acme = folder.map(|folder| (folder, self.names_without(&certificates)));
        for (folder, name) in
            acme.iter().flat_map(|(folder, names)| names.iter().map(move |name| (folder, name)))
        {
            certificates.extend(self.issued(folder, name, &mut files));
        }
        let clients = self.clients(&mut files)?;
        let keys = prepared.and_then(|()| ticket_file.read()).map(Arc::new);
        let keys =
            keys.map_err(|reason| TlsFileRefused::TicketKeys { file: ticket_file.path.clone(), reason });
        let keys = self
            .or_before(keys, &ticket_file.path, &mut files, |before| Some(Arc::clone(&before.ticket_keys)))?;
        Ok(Contents {
            certificates: Arc::new(Certificates::new(
                certificates,
                acme.as_ref().map(|(folder, _)| folder.clone()),
            )),
            acme,
            clients,
            ticket_keys: keys,
            files,
            ticket_file,
            watched,
            read_at: Instant::now(),
        })
    }

    fn names(&self, tickets: &TicketFile, folder: Option<&acme::Folder>) -> Vec<PathBuf> {
        let issued = folder.into_iter().flat_map(|folder| {
            let names = self.section.acme.iter().flat_map(|acme| &acme.names);
            names.map(|name| folder.pair(name).cert_file)
        });
        let pairs =
            self.section.certificates.iter().flat_map(|pair| [pair.cert_file.clone(), pair.key_file.clone()]);
        let clients = self.section.client_certificates.iter().map(|clients| clients.ca_file.clone());
        pairs.chain(clients).chain(issued).chain([tickets.path.clone()]).collect()
    }

    fn pairs(&self, files: &mut Vec<FileState>) -> Result<Vec<Arc<Pair>>, TlsFileRefused> {
        let read = |pair: &ostia_config::listener::Certificate| {
            let loaded = load_pair(pair).map_err(TlsFileRefused::from);
            self.or_before(loaded, &pair.cert_file, files, |before| {
                before.certificates.of(&pair.cert_file).cloned()
            })
        };
        self.section.certificates.iter().map(read).collect()
    }

    /// The names of `acme` that no certificate of `certificates` covers.
    fn names_without(&self, certificates: &[Arc<Pair>]) -> Vec<String> {
        let names = self.section.acme.iter().flat_map(|acme| &acme.names);
        names.filter(|name| !certificates.iter().any(|pair| pair.covers(name))).cloned().collect()
    }

    /// The certificate of `acme` for a name, once there is one. A file that cannot be used is ordered anew, and keeps
    /// nobody from starting.
    fn issued(&self, folder: &acme::Folder, name: &str, files: &mut Vec<FileState>) -> Option<Arc<Pair>> {
        let pair = folder.pair(name);
        if !pair.cert_file.exists() {
            return None;
        }
        let loaded = load_pair(&pair).map_err(TlsFileRefused::from);
        let file = &pair.cert_file;
        let issued = self.or_before(loaded, file, files, |before| before.certificates.of(file).cloned());
        issued.inspect_err(|refused| tracing::error!(reason = refused.slug(), "{refused}")).ok()
    }

    fn clients(&self, files: &mut Vec<FileState>) -> Result<Option<ClientAuthority>, TlsFileRefused> {
        let Some(section) = &self.section.client_certificates else { return Ok(None) };
        let file = &section.ca_file;
        let loaded = ClientAuthority::load(section)
            .map_err(|reason| CertificateRefused { file: file.clone(), reason }.into());
        self.or_before(loaded, file, files, |before| before.clients.clone()).map(Some)
    }

    /// What was read, or what the file held before.
    fn or_before<T>(
        &self,
        read: Result<T, TlsFileRefused>,
        file: &Path,
        files: &mut Vec<FileState>,
        before: impl FnOnce(&Contents) -> Option<T>,
    ) -> Result<T, TlsFileRefused> {
        let (content, is_current) = match (read, self.before.and_then(before)) {
            (Ok(content), _) => (content, true),
            (Err(refused), None) => return Err(refused),
            (Err(refused), Some(before)) => {
                tracing::error!(reason = refused.slug(), "{refused}; what it held before stays in use");
                (before, false)
            }
        };
        files.push(FileState { file: file.to_owned(), is_current });
        Ok(content)
    }
}
