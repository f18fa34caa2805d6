//! What `ostia demo` shows when it is ready.

use std::path::Path;

use super::start::Demo;

pub(super) fn screen(demo: &Demo, version: &str, config_file: &Path) -> String {
    let parts = demo.parts();
    let base = &parts.base_url;
    let curl = if parts.tls.is_some() { "curl -k" } else { "curl" };
    let admin = parts.admin;
    let provider = demo.provider().issuer();
    let lines = parts.yaml().lines().count();
    let config = config_file.display();
    format!(
        "\
Ostia {version} demo · everything on loopback · stops with Ctrl-C

  Open        {base}
              sign in as  ana / demo   (groups: staff, finance)
                      or  bo / demo    (groups: staff)
  Look        {base}/             the headers your app would get
              {base}/finance/     ana may, bo may not
              {base}/ws           a WebSocket through the session
  Machine     {curl} -H \"Authorization: Bearer $(ostia demo token)\" {base}/api
  Provider    {provider}/             sign out there, rotate its key
  Metrics     http://{admin}/metrics
  Config      {config} ({lines} lines)
"
    )
}
