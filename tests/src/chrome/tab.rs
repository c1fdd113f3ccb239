//! What a person does in a tab: goes to addresses, taps, goes back, reloads, reads.
//!
//! Each tab of [`House::tab`] has a profile of its own, as if nobody had used the browser before.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use url::Url;

use crate::browser::keep_secrets_of;
use crate::chrome::looks::{Look, Scheme};
use crate::chrome::process::Process;
use crate::evidence::Evidence;
use crate::house::House;
use crate::trouble::{Story, Trouble, ensure};
use crate::wait::{PATIENCE, until};

/// A tab of a real browser, held in a hand.
pub struct Tab {
    process: Arc<Process>,
    profile: Profile,
    session: String,
    events: UnboundedReceiver<Value>,
    house: Url,
    /// Where a tab of the house may lead: the provider and Telegram, which the sandbox plays both.
    outside: Url,
    evidence: Evidence,
    taps: usize,
    document: Document,
    is_loading: bool,
    pub(super) complaints: Vec<String>,
    pub(super) asked_others: Vec<String>,
}

/// Cookies that tabs share. The last tab to close takes them along.
type Profile = Arc<Context>;

struct Context {
    process: Arc<Process>,
    id: String,
}

impl Drop for Context {
    fn drop(&mut self) {
        self.process.tell(None, "Target.disposeBrowserContext", &json!({ "browserContextId": self.id }));
    }
}

/// What the tab was last given.
#[derive(Debug, Clone, Default)]
struct Document {
    url: String,
    status: u64,
    headers: Value,
}

impl House {
    /// A tab of a browser that nobody has used, with JavaScript switched off.
    pub async fn tab(&self) -> Story<Tab> {
        let process = Process::running()?;
        let context = process.call(None, "Target.createBrowserContext", json!({})).await?;
        let id = context["browserContextId"].as_str().unwrap_or_default().to_owned();
        let profile = Arc::new(Context { process: process.clone(), id });
        Tab::open_in(profile, self.origin.clone(), self.sandbox.origin.clone(), self.evidence().clone()).await
    }
}

impl Tab {
    async fn open_in(profile: Profile, house: Url, outside: Url, evidence: Evidence) -> Story<Self> {
        let process = profile.process.clone();
        let target = json!({ "url": "about:blank", "browserContextId": profile.id });
        let target = process.call(None, "Target.createTarget", target).await?["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = process.call(None, "Target.attachToTarget", attach).await?;
        let session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        let events = process.events_of(&session)?;
        let tab = Self {
            process,
            profile,
            session,
            events,
            house,
            outside,
            evidence,
            taps: 0,
            document: Document::default(),
            is_loading: false,
            complaints: vec![],
            asked_others: vec![],
        };
        for part in ["Page", "Network", "Runtime", "Log", "Audits"] {
            tab.call(&format!("{part}.enable"), json!({})).await?;
        }
        tab.allow_scripts(false).await?;
        tab.look(Look::PHONE).await?;
        Ok(tab)
    }

    /// Another tab of the same browser.
    pub async fn another(&self) -> Story<Self> {
        let evidence = self.evidence.clone();
        Self::open_in(self.profile.clone(), self.house.clone(), self.outside.clone(), evidence).await
    }

    /// Switches the page's own scripts on or off, from the next page on.
    pub async fn allow_scripts(&self, are_allowed: bool) -> Story {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !are_allowed })).await.map(drop)
    }

    /// Says to be another browser, from the next page on.
    pub async fn call_itself(&self, user_agent: &str) -> Story {
        self.call("Emulation.setUserAgentOverride", json!({ "userAgent": user_agent })).await.map(drop)
    }

    /// Looks at the page in another way.
    pub async fn look(&self, look: Look) -> Story {
        let scale = if look.is_phone() { 2 } else { 1 };
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": scale,
                           "mobile": look.is_phone() });
        self.call("Emulation.setDeviceMetricsOverride", size).await?;
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": look.is_phone() })).await?;
        let scheme = match look.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let motion = if look.is_still { "reduce" } else { "no-preference" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme },
                              { "name": "prefers-reduced-motion", "value": motion }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": "screen", "features": features })).await?;
        let sizes = json!({ "fontSizes": { "standard": look.text, "fixed": look.text * 13 / 16 } });
        self.call("Page.setFontSizes", sizes).await?;
        // The size of text takes a moment to arrive in the page.
        let is_there = format!(
            "(() => {{ if (location.protocol === 'about:') return true; const probe = document.createElement('p'); \
             probe.style.fontSize = 'initial'; document.documentElement.append(probe); \
             const size = getComputedStyle(probe).fontSize; probe.remove(); \
             return size === '{}px' && document.documentElement.clientWidth === {} }})()",
            look.text, look.width
        );
        until("the window to have this look", async || Ok((self.evaluate(&is_there).await? == true).then_some(())))
            .await
    }

    /// Goes to an address.
    pub async fn open(&mut self, url: &Url) -> Story {
        self.is_loading = true;
        let gone = self.call("Page.navigate", json!({ "url": url.as_str() })).await?;
        if let Some(error) = gone["errorText"].as_str() {
            return Err(Trouble::new(format!("{} cannot be opened: {error}", url.path())));
        }
        self.settle().await
    }

    /// Loads the page once more.
    pub async fn reload(&mut self) -> Story {
        self.is_loading = true;
        self.call("Page.reload", json!({})).await?;
        self.settle().await
    }

    /// The back button.
    pub async fn back(&mut self) -> Story {
        let history = self.call("Page.getNavigationHistory", json!({})).await?;
        let at = history["currentIndex"].as_u64().unwrap_or_default();
        let before = usize::try_from(at)?.checked_sub(1).ok_or_else(|| Trouble::new("there is no page before"))?;
        self.is_loading = true;
        let entry = history["entries"][before]["id"].clone();
        self.call("Page.navigateToHistoryEntry", json!({ "entryId": entry })).await?;
        self.settle().await
    }

    /// Taps what is labelled so, which leads to another page.
    pub async fn tap(&mut self, label: &str) -> Story {
        self.take_what_came();
        let place = self.place_of(label).await?;
        self.is_loading = true;
        self.touch(&place).await?;
        self.settle().await
    }

    /// Taps it twice, as fast as a thumb can.
    pub async fn tap_twice(&mut self, label: &str) -> Story {
        self.take_what_came();
        let place = self.place_of(label).await?;
        self.is_loading = true;
        self.touch(&place).await?;
        self.touch(&place).await?;
        self.settle().await
    }

    /// Taps what is labelled so, which changes the page or nothing.
    pub async fn tap_in_place(&mut self, label: &str) -> Story {
        let place = self.place_of(label).await?;
        self.touch(&place).await
    }

    /// How often it was tapped.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// What a person reads.
    pub async fn text(&self) -> Story<String> {
        let text = self.evaluate("document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Where the tab is.
    pub fn url(&self) -> Url {
        Url::parse(&self.document.url).unwrap_or_else(|_| self.house.clone())
    }

    /// A header of the page's answer, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.document.headers.as_object().into_iter().flatten();
        let found = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_str());
        found.unwrap_or_default()
    }

    /// Trouble unless the page was answered with this status and says all of this, in whatever case.
    pub async fn expect(&self, status: u64, words: &[&str]) -> Story {
        let text = self.text().await?;
        let said = text.to_lowercase();
        let missing: Vec<_> = words.iter().filter(|words| !said.contains(&words.to_lowercase())).collect();
        let (place, came) = (self.url(), self.document.status);
        ensure(
            came == status && missing.is_empty(),
            format_args!("expected {status} and {missing:?} at {}, which says {came}: {text}", place.path()),
        )
    }

    /// The names of the cookies this browser holds.
    pub async fn cookies(&self) -> Story<Vec<String>> {
        let of_profile = json!({ "browserContextId": self.profile.id });
        let held = self.process.call(None, "Storage.getCookies", of_profile).await?;
        let cookies = held["cookies"].as_array().into_iter().flatten();
        Ok(cookies
            .map(|cookie| {
                self.evidence.keep_secret(cookie["value"].as_str().unwrap_or_default());
                cookie["name"].as_str().unwrap_or_default().to_owned()
            })
            .collect())
    }

    /// Trouble if a page of the house asked anybody else for anything.
    pub fn asks_nobody_else(&mut self) -> Story {
        self.take_what_came();
        ensure(self.asked_others.is_empty(), format_args!("{} asks {:?}", self.url().path(), self.asked_others))
    }

    /// What an expression comes to, evaluated by the debugger whether or not the page may run scripts.
    pub async fn evaluate(&self, expression: &str) -> Story<Value> {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked).await?;
        if answer["exceptionDetails"].is_object() {
            return Err(Trouble::new(format!("{expression}: {}", answer["exceptionDetails"])));
        }
        Ok(answer["result"]["value"].clone())
    }

    pub(super) async fn call(&self, method: &str, parameters: Value) -> Story<Value> {
        self.process.call(Some(&self.session), method, parameters).await
    }

    /// The middle of the one thing that can be tapped and is labelled so.
    async fn place_of(&self, label: &str) -> Story<Value> {
        let label = serde_json::to_string(label)?;
        let place = self
            .evaluate(&format!(
                "(() => {{ const found = [...document.querySelectorAll('a, button, summary, label')].find((target) => \
                 target.innerText.includes({label})); if (!found) return null; found.scrollIntoView({{ block: 'center' }}); \
                 const {{ left, top, width, height }} = found.getBoundingClientRect(); \
                 return {{ x: left + width / 2, y: top + height / 2 }}; }})()"
            ))
            .await?;
        if place.is_null() {
            let text = self.text().await?;
            return Err(Trouble::new(format!("nothing to tap that says {label}: {text}")));
        }
        Ok(place)
    }

    async fn touch(&mut self, place: &Value) -> Story {
        self.taps += 1;
        // A tab behind another is not drawn and takes no taps.
        self.call("Page.bringToFront", json!({})).await?;
        // A page that is being left may never say that it was touched.
        for (kind, points) in [("touchStart", json!([place])), ("touchEnd", json!([]))] {
            let event = json!({ "type": kind, "touchPoints": points });
            self.process.tell(Some(&self.session), "Input.dispatchTouchEvent", &event);
        }
        Ok(())
    }

    /// Waits until the page that was asked for is there.
    async fn settle(&mut self) -> Story {
        while self.is_loading {
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(event)) => self.take(&event),
                Ok(None) => return Err(Trouble::new("the browser has ended")),
                Err(_) => return Err(Trouble::new(format!("the page after {} does not come", self.url().path()))),
            }
        }
        Ok(())
    }

    pub(super) fn take_what_came(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.take_request(parameters),
            "Network.responseReceived" if parameters["type"] == "Document" => {
                let response = &parameters["response"];
                self.document.status = response["status"].as_u64().unwrap_or_default();
                self.document.headers = response["headers"].clone();
            }
            "Page.frameNavigated" if parameters["frame"]["parentId"].is_null() => {
                let url = parameters["frame"]["url"].as_str();
                url.unwrap_or_default().clone_into(&mut self.document.url);
                self.is_loading &= parameters["type"] != "BackForwardCacheRestore";
            }
            "Page.loadEventFired" => self.is_loading = false,
            "Log.entryAdded" => self.take_log(&parameters["entry"]),
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                self.complaints.push(format!("the console says {parameters}"));
            }
            "Audits.issueAdded" => {
                self.complaints.push(format!("the browser finds fault with {}", parameters["issue"]));
            }
            _ => {}
        }
    }

    /// A page of ours may lead elsewhere when it is left, and loads from us alone.
    fn take_request(&mut self, request: &Value) {
        let Some(url) = request["request"]["url"].as_str().and_then(|url| Url::parse(url).ok()) else { return };
        // It carries what it shows.
        if url.scheme() == "data" {
            return;
        }
        keep_secrets_of(&self.evidence, &self.house, &url);
        let is_left = request["type"] == "Document" && url.origin() == self.outside.origin();
        if url.origin() != self.house.origin() && !is_left && self.is_of_the_house(&request["documentURL"]) {
            self.asked_others.push(url.origin().ascii_serialization());
        }
    }

    /// That a page has an error's status is said in the log too, and is no complaint. What the sandbox's pages lack is theirs.
    fn take_log(&mut self, entry: &Value) {
        let is_status = entry["source"] == "network" && entry["url"] == self.document.url;
        let url = entry["url"].as_str().and_then(|url| Url::parse(url).ok());
        let is_outside = url.is_some_and(|url| url.origin() == self.outside.origin());
        if entry["level"] == "error" && !is_status && !is_outside {
            self.complaints.push(format!("the log says {entry}"));
        }
    }

    fn is_of_the_house(&self, url: &Value) -> bool {
        let url = url.as_str().and_then(|url| Url::parse(url).ok());
        url.is_some_and(|url| url.origin() == self.house.origin())
    }
}
