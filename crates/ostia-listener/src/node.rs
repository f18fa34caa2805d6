//! What the listeners of one process share: its state folder, and the sockets that it inherited.

use std::path::{Path, PathBuf};

use crate::inherited::InheritedSockets;

/// The surroundings that a listener is bound in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
    state_dir: PathBuf,
    inherited: InheritedSockets,
}

impl Node {
    /// A node that keeps what outlives it in `state_dir` (`runtime.state_dir`); the folder is made when it is needed.
    #[must_use]
    pub fn new(state_dir: impl AsRef<Path>) -> Self {
        Self { state_dir: state_dir.as_ref().to_owned(), inherited: InheritedSockets::default() }
    }

    /// With sockets that are bound already; a listener takes the one of its address instead of binding it.
    #[must_use]
    pub fn with_inherited(self, inherited: InheritedSockets) -> Self {
        Self { inherited, ..self }
    }

    pub(crate) fn inherited(&self) -> &InheritedSockets {
        &self.inherited
    }

    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }
}
