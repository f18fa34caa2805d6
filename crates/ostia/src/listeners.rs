//! The listeners of the process: those that serve, and those that were taken away and still have connections.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ostia_config::Name;
use ostia_config::listener::Listener as Section;
use ostia_gateway::Gateway;
use ostia_listener::{Listener, ListenerRefused, Node, Prepared, Rebound};
use parking_lot::Mutex;
use pingora::server::ShutdownWatch;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// All of them; one owner changes them, many look.
pub(crate) struct Listeners {
    node: Node,
    serving: Mutex<BTreeMap<Name, Serving>>,
    leaving: Mutex<Vec<Arc<Listener>>>,
    /// Told when one stopped that nobody had stopped.
    broken: Notify,
}

/// One that serves, and its end.
struct Serving {
    listener: Arc<Listener>,
    stop: watch::Sender<bool>,
    /// Ends when the sockets are closed and the last connection was taken from them.
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// Listeners for another configuration, ready to be applied all at once.
#[derive(Default)]
pub(crate) struct Change {
    same: Vec<Prepared>,
    moved: Vec<Rebound>,
    added: Vec<Listener>,
    names: Vec<Name>,
}

impl Listeners {
    /// Binds every address, for a process that has not begun to serve.
    pub(crate) fn bind(sections: &[Section], node: Node) -> Result<Self, ListenerRefused> {
        let bound = sections.iter().map(|section| Listener::bind(section, &node));
        let serving =
            bound.map(|bound| bound.map(|listener| (listener.name().clone(), Serving::new(listener))));
        Ok(Self {
            serving: Mutex::new(serving.collect::<Result<_, _>>()?),
            node,
            leaving: Mutex::default(),
            broken: Notify::new(),
        })
    }

    /// Begins to accept connections.
    pub(crate) fn start(self: &Arc<Self>, gateway: &Arc<Gateway>) {
        let serving = self.serving.lock();
        serving.values().for_each(|serving| self.serve(serving, gateway));
    }

    fn serve(self: &Arc<Self>, serving: &Serving, gateway: &Arc<Gateway>) {
        let (listener, stop): (_, ShutdownWatch) = (Arc::clone(&serving.listener), serving.stop.subscribe());
        gateway.hear_refusals(&listener);
        let (app, all) = (gateway.front(listener.name()), Arc::clone(self));
        let accepting = tokio::spawn(async move {
            if let Err(error) = listener.serve(app, stop).await {
                tracing::error!(listener = %listener.name(), %error, "a listener stopped");
                all.broken.notify_one();
            }
        });
        *serving.accepting.lock() = Some(accepting);
    }

    /// Checks another configuration and binds what it adds; nothing serves differently before [`Listeners::apply`].
    pub(crate) fn prepare(&self, sections: &[Section]) -> Result<Change, ListenerRefused> {
        let mut change = Change::default();
        let serving = self.serving.lock();
        for section in sections {
            match serving.get(&section.name).map(|serving| &serving.listener) {
                Some(listener) if listener.is_bound_as(section) => {
                    change.same.push(listener.prepare(section)?)
                }
                Some(listener) => change.moved.push(listener.rebind(section)?),
                None => change.added.push(Listener::bind(section, &self.node)?),
            }
            change.names.push(section.name.clone());
        }
        Ok(change)
    }

    /// Applies a change; cannot fail. Listeners that are not named any more stop accepting and finish what they have.
    pub(crate) fn apply(self: &Arc<Self>, change: Change, gateway: &Arc<Gateway>) {
        let Change { same, moved, added, names } = change;
        let mut serving = self.serving.lock();
        same.into_iter().for_each(Prepared::apply);
        for listener in moved.into_iter().map(Rebound::apply).chain(added) {
            let next = Serving::new(listener);
            self.serve(&next, gateway);
            if let Some(before) = serving.insert(next.listener.name().clone(), next) {
                before.stop();
            }
        }
        let gone = serving.extract_if(.., |name, _| !names.contains(name));
        let mut leaving = self.leaving.lock();
        leaving.retain(|listener| listener.active() > 0);
        leaving.extend(gone.map(|(_, gone)| gone.stop()));
    }

    /// Those that serve.
    pub(crate) fn all(&self) -> Vec<Arc<Listener>> {
        self.serving.lock().values().map(|serving| Arc::clone(&serving.listener)).collect()
    }

    /// Those that serve, by name.
    pub(crate) fn by_name(&self) -> BTreeMap<Name, Arc<Listener>> {
        self.all().into_iter().map(|listener| (listener.name().clone(), listener)).collect()
    }

    /// Copies of every listening socket, for a successor.
    pub(crate) fn sockets(&self) -> Vec<TcpListener> {
        self.all().iter().flat_map(|listener| listener.sockets()).collect()
    }

    /// Stops accepting everywhere.
    pub(crate) fn stop(&self) {
        self.serving.lock().values().for_each(|serving| drop(serving.stop()));
    }

    /// How long kept connections may begin one more request, see [`Listener::set_last_call`].
    pub(crate) fn set_last_call(&self, patience: Duration) {
        let leaving = self.leaving.lock().clone();
        self.all().iter().chain(&leaving).for_each(|listener| listener.set_last_call(patience));
    }

    /// Connections that are open anywhere.
    pub(crate) fn active(&self) -> usize {
        let leaving = self.leaving.lock().clone();
        self.all().iter().chain(&leaving).map(|listener| listener.active()).sum()
    }

    /// Ends when no connection is open anywhere; to be called after [`Listeners::stop`]. Who connected just before is
    /// waited for, too: connections are counted only when nobody accepts any more.
    pub(crate) async fn drained(&self) {
        let serving =
            self.serving.lock().values().filter_map(|one| one.accepting.lock().take()).collect::<Vec<_>>();
        for accepting in serving {
            // A panic was told already.
            let _ = accepting.await;
        }
        let leaving = self.leaving.lock().clone();
        for listener in self.all().iter().chain(&leaving) {
            listener.drained().await;
        }
    }

    /// Ends when a listener stopped that nobody had stopped.
    pub(crate) async fn broken(&self) {
        self.broken.notified().await;
    }
}

impl Serving {
    fn new(listener: Listener) -> Self {
        Self { listener: Arc::new(listener), stop: watch::channel(false).0, accepting: Mutex::default() }
    }

    /// `send_replace`: nobody may have subscribed yet.
    fn stop(&self) -> Arc<Listener> {
        self.stop.send_replace(true);
        Arc::clone(&self.listener)
    }
}
