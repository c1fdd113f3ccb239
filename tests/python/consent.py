"""Somebody at Google's consent page, with a browser that has no JavaScript.

Only HTML and redirects are known here; what is asked for and what the answer means belongs to the client.
"""

import html.parser
import http.client
import urllib.parse

SIGN_IN = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)
MAIL = "https://www.googleapis.com/auth/gmail.readonly"
MODIFY = "https://www.googleapis.com/auth/gmail.modify"
SEND = "https://www.googleapis.com/auth/gmail.send"
CALENDAR = "https://www.googleapis.com/auth/calendar"
CALENDAR_READONLY = "https://www.googleapis.com/auth/calendar.readonly"


class Page:
    """A page's only form, and where a redirect leads."""

    def __init__(self, url, status, location, body):
        self.url, self.status, self.location, self.body = url, status, location, body
        form = _Form()
        form.feed(body)
        self.action, self.method, self.inputs = form.action, form.method, form.inputs

    def values(self, name):
        """The values a person can choose of for a name."""
        return [value for kind, key, value in self.inputs if key == name and kind != "hidden"]

    def hidden(self):
        return [(key, value) for kind, key, value in self.inputs if kind == "hidden"]


class _Form(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.method, self.inputs = None, "get", []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action, self.method = attrs.get("action", ""), attrs.get("method", "get").lower()
        elif tag in ("input", "button") and "name" in attrs:
            self.inputs.append((attrs.get("type", "text"), attrs["name"], attrs.get("value", "")))


def fetch(url, fields=None):
    """One request, whose redirect is not followed."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        body, headers = None, {"Accept": "text/html"}
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET" if fields is None else "POST", target, body, headers)
        answer = connection.getresponse()
        return Page(url, answer.status, answer.getheader("Location"), answer.read().decode())
    finally:
        connection.close()


def decide(url, account, untick=(), refuse=False):
    """Opens the page at `url`, decides as `account`, and answers where the browser is sent back to."""
    page = fetch(url)
    if page.status != 200:
        raise AssertionError(f"the consent page answers {page.status}: {page.body[:500]}")
    if account not in page.values("account"):
        raise AssertionError(f"{account} cannot be chosen of {page.values('account')}")
    ticked = [scope for scope in page.values("scope") if scope not in untick]
    fields = page.hidden() + [("account", account), ("decision", "deny" if refuse else "allow")]
    fields += [("scope", scope) for scope in ticked]
    decided = fetch(urllib.parse.urljoin(url, page.action), fields)
    if decided.status != 303 or not decided.location:
        raise AssertionError(f"the decision is answered with {decided.status}: {decided.body[:500]}")
    return decided.location
