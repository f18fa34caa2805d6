//! Which extensions there are: those that the program was built with to run always, and those that the configuration
//! names.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderName;
use ostia_config::{ExtensionSection, With, WithRefused};
use ostia_extension::{Configured, Extension};

use crate::builtin::cors::Cors;

type Make = fn(&With) -> Result<Arc<dyn Extension>, WithRefused>;

/// What a program was built with. By itself it has the built-in kinds.
#[derive(Clone)]
pub struct Extensions {
    always: Vec<Arc<dyn Extension>>,
    kinds: BTreeMap<&'static str, Make>,
}

/// An extension in force.
pub struct Running {
    /// What it was made from; `None` for one that runs always.
    section: Option<ExtensionSection>,
    /// It.
    pub extension: Arc<dyn Extension>,
    /// The fields that only it writes.
    pub fields: Box<[HeaderName]>,
}

impl Default for Extensions {
    fn default() -> Self {
        let mut extensions = Self { always: Vec::new(), kinds: BTreeMap::new() };
        extensions.offer::<Cors>();
        extensions
    }
}

impl Extensions {
    /// Adds one that runs always, after those that were added before.
    pub fn add(&mut self, extension: Arc<dyn Extension>) {
        self.always.push(extension);
    }

    /// Adds a kind that a configuration can name.
    pub fn offer<T: Configured>(&mut self) {
        self.kinds.insert(T::NAME, |with| {
            let extension = T::configured(with.read()?).map_err(|message| with.refuse(&message))?;
            Ok(Arc::new(extension))
        });
    }

    /// All that are in force under a configuration; those whose section did not change are taken over.
    pub(crate) fn in_force(
        &self,
        sections: &[ExtensionSection],
        before: &[Arc<Running>],
    ) -> Result<Vec<Arc<Running>>, WithRefused> {
        let always = self.always.iter().map(|extension| {
            let known = before
                .iter()
                .find(|known| known.section.is_none() && Arc::ptr_eq(&known.extension, extension));
            known.cloned().unwrap_or_else(|| Running::new(None, Arc::clone(extension)))
        });
        let mut running: Vec<_> = always.collect();
        for section in sections {
            let known = before.iter().find(|known| known.section.as_ref() == Some(section)).cloned();
            let one = match known {
                Some(known) => known,
                None => Running::new(Some(section.clone()), self.make(section)?),
            };
            running.push(one);
        }
        Ok(running)
    }

    fn make(&self, section: &ExtensionSection) -> Result<Arc<dyn Extension>, WithRefused> {
        let make = self.kinds.get(section.name.as_str()).ok_or_else(|| {
            let known: Vec<String> = self.kinds.keys().map(|name| format!("`{name}`")).collect();
            let message =
                format!("this program was not built with `{}`; it has {}", section.name, known.join(", "));
            section.with.refuse_name(&message)
        })?;
        make(&section.with)
    }
}

impl Running {
    fn new(section: Option<ExtensionSection>, extension: Arc<dyn Extension>) -> Arc<Self> {
        let fields = extension.fields().into();
        Arc::new(Self { section, extension, fields })
    }
}
