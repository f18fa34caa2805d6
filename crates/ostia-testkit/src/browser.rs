//! A browser without a screen: cookies, navigation headers, redirects one by one.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::form::Form;
use crate::jar::{Cookie, Jar};
use crate::page::Page;
use crate::secrets;

/// Redirects followed before a test is told of a loop.
const REDIRECTS: usize = 20;

/// Which loopback port serves a host name: the DNS and the load balancer of a test. May change between requests.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<RwLock<HashMap<String, u16>>>);

impl Names {
    /// From now on `host` (with the scheme's own port) is served by `port`.
    pub fn set(&self, host: &str, port: u16) {
        self.0.write().unwrap().insert(host.to_owned(), port);
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let port = self.0.read().unwrap().get(name.as_str()).copied();
        let answer = match port {
            Some(port) => {
                Ok(Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))) as Addrs)
            }
            None => Err(format!("the test gave no port for {}", name.as_str()).into()),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// One browser: tabs are concurrent calls on it, they share the cookies.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    jar: Mutex<Jar>,
}

impl Browser {
    /// A browser that finds hosts by `names` and speaks HTTP/1.1.
    #[must_use]
    pub fn new(names: &Names) -> Self {
        Self::with_client(names, |builder| builder.http1_only().tls_certs_only([]))
    }

    /// A browser that trusts `root_pem` and speaks HTTP/2 where the server offers it.
    #[must_use]
    pub fn trusting(names: &Names, root_pem: &str) -> Self {
        let root = reqwest::Certificate::from_pem(root_pem.as_bytes()).unwrap();
        Self::with_client(names, |builder| builder.tls_certs_only([root]))
    }

    fn with_client(
        names: &Names,
        settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        // Installed by an earlier browser of this process: the same provider.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(names.clone()))
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(0);
        Self { client: settings(builder).build().unwrap(), jar: Mutex::default() }
    }

    /// Types an address: one navigation, redirects not followed.
    pub async fn open(&self, url: &str) -> Page {
        self.request(Method::GET, &Url::parse(url).unwrap(), navigation(), None).await
    }

    /// As [`Browser::open`]; `None` when no answer comes, for instance because the certificate is not trusted.
    pub async fn try_open(&self, url: &str) -> Option<Page> {
        self.try_request(Method::GET, &Url::parse(url).unwrap(), navigation(), None).await.ok()
    }

    /// Types an address and follows redirects.
    pub async fn visit(&self, url: &str) -> Page {
        let page = self.open(url).await;
        self.follow(page).await
    }

    /// Follows the redirects of `page` to the end.
    ///
    /// # Panics
    /// After 20 of them.
    pub async fn follow(&self, mut page: Page) -> Page {
        let mut trail = std::mem::take(&mut page.trail);
        for _ in 0..REDIRECTS {
            let Some(next) = page.location().filter(|_| (300..400).contains(&page.status)) else {
                page.trail = trail;
                return page;
            };
            trail.push(page.url.clone());
            page = self.request(Method::GET, &next, navigation(), None).await;
        }
        panic!("a redirect loop: {trail:#?}");
    }

    /// Submits a form as a same-origin navigation and follows redirects.
    pub async fn submit(&self, form: &Form) -> Page {
        let mut headers = navigation();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers.insert("origin", HeaderValue::from_str(&form.action.origin().ascii_serialization()).unwrap());
        let page = self.request(Method::POST, &form.action, headers, Some(form.encoded())).await;
        self.follow(page).await
    }

    /// Posts a form as a page of another site does: cookies with `SameSite` stay at home (`Lax` and `Strict` alike, for
    /// it is no GET), and redirects are followed.
    pub async fn submit_from_elsewhere(&self, form: &Form) -> Page {
        let mut headers = navigation();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        headers.insert("origin", HeaderValue::from_static("https://elsewhere.example"));
        let mut request = self.client.post(form.action.clone()).headers(headers);
        request = request.body(form.encoded());
        let page = self.answered(&form.action, request).await.unwrap();
        self.follow(page).await
    }

    /// Goes through the pages of [`crate::NodeProvider`] as `person`: signs in, consents, and follows to the end.
    pub async fn sign_in(&self, mut page: Page, person: &str) -> Page {
        while let Some(form) = page.form().filter(|form| form.value("prompt").is_some()) {
            let form = match form.value("prompt") {
                Some("login") => form.with("login", person).with("password", "any"),
                _ => form,
            };
            page = self.submit(&form).await;
        }
        page
    }

    /// What a script's `fetch` sends.
    pub async fn fetch(&self, url: &str) -> Page {
        let headers = [
            ("accept", "*/*"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::GET, url, &headers, None).await
    }

    /// One request with these fields besides the cookies.
    pub async fn send(&self, method: Method, url: &str, fields: &[(&str, &str)], body: Option<&str>) -> Page {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        self.request(method, &Url::parse(url).unwrap(), headers, body.map(str::to_owned)).await
    }

    /// Begins a request and does not wait for the end of its answer.
    pub async fn begin(&self, method: Method, url: &str, fields: &[(&str, &str)]) -> OpenAnswer {
        let url = Url::parse(url).unwrap();
        let mut request = self.client.request(method, url.clone());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let cookies = self.jar.lock().unwrap().field_for(&url);
        if let Some(cookies) = cookies {
            request = request.header("cookie", cookies);
        }
        OpenAnswer(request.timeout(Duration::from_secs(300)).send().await.unwrap())
    }

    async fn request(&self, method: Method, url: &Url, headers: HeaderMap, body: Option<String>) -> Page {
        self.try_request(method, url, headers, body).await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }

    async fn try_request(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Option<String>,
    ) -> Result<Page, reqwest::Error> {
        let cookies = self.jar.lock().unwrap().field_for(url);
        if let Some(cookies) = cookies {
            headers.insert("cookie", HeaderValue::from_str(&cookies).unwrap());
        }
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        self.answered(url, request).await
    }

    async fn answered(&self, url: &Url, request: reqwest::RequestBuilder) -> Result<Page, reqwest::Error> {
        let answer = request.send().await?;
        let (status, version, headers) =
            (answer.status().as_u16(), answer.version(), answer.headers().clone());
        self.remember(url, &headers);
        let page = Page {
            url: url.clone(),
            status,
            version,
            headers,
            body: answer.bytes().await?,
            trail: Vec::new(),
        };
        for name in ["code", "state"] {
            page.location_parameter(name).inspect(|value| secrets::keep(value));
        }
        Ok(page)
    }

    fn remember(&self, url: &Url, headers: &HeaderMap) {
        let mut jar = self.jar.lock().unwrap();
        for value in headers.get_all("set-cookie") {
            jar.set(url, value.to_str().unwrap());
        }
    }

    /// Every cookie, oldest first.
    #[must_use]
    pub fn cookies(&self) -> Vec<Cookie> {
        self.jar.lock().unwrap().all()
    }

    /// The value of the `Cookie` field that a request to `url` would carry.
    #[must_use]
    pub fn cookie_field(&self, url: &str) -> Option<String> {
        self.jar.lock().unwrap().field_for(&Url::parse(url).unwrap())
    }

    /// Replaces all cookies, for instance by those of an earlier time.
    pub fn set_cookies(&self, cookies: Vec<Cookie>) {
        self.jar.lock().unwrap().replace(cookies);
    }

    /// Sets a cookie as an answer from `url` would.
    pub fn set_cookie(&self, url: &str, field: &str) {
        self.jar.lock().unwrap().set(&Url::parse(url).unwrap(), field);
    }

    /// `Set-Cookie` fields that a real browser would not have taken, with the reason.
    #[must_use]
    pub fn refused_cookies(&self) -> Vec<String> {
        self.jar.lock().unwrap().refused.clone()
    }
}

/// An answer that is still coming.
#[derive(Debug)]
pub struct OpenAnswer(reqwest::Response);

impl OpenAnswer {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The next bytes; `None` when it ended, in whatever way.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.0.chunk().await.ok().flatten().map(|bytes| bytes.to_vec())
    }
}

fn navigation() -> HeaderMap {
    let fields = [
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-user", "?1"),
        ("upgrade-insecure-requests", "1"),
    ];
    fields.into_iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}
