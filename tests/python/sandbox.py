"""The sandbox under test: where it is, and how to make things happen at Google.

The address comes from whoever started it (tests/tests/google_client.rs, or by hand:
SANDBOX_ORIGIN=http://127.0.0.1:8090 python -m unittest).
"""

import json
import os
import urllib.request

ORIGIN = os.environ["SANDBOX_ORIGIN"].rstrip("/")

# What the sandbox knows of its one client, unless it was started with others.
CLIENT_ID = os.environ.get("SANDBOX_GOOGLE_CLIENT_ID", "sandbox-client")
CLIENT_SECRET = os.environ.get("SANDBOX_GOOGLE_CLIENT_SECRET", "sandbox-secret")
REDIRECT_URI = "http://127.0.0.1/google-client-tests"

# Nothing that a passer-by has set may stand between the tests and the sandbox.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def control(method, path, body=None):
    """Calls the control API; `GET /sandbox` is its manual."""
    data = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(f"{ORIGIN}/sandbox/{path}", data=data, method=method)
    request.add_header("Content-Type", "application/json")
    with _opener.open(request, timeout=30) as answer:
        return json.load(answer)


def account(name):
    """What the sandbox knows about an account."""
    return control("GET", f"google/accounts/{name}")


def of_account(name, act, body=None, method="POST"):
    """Makes something happen at an account: `revoke`, `mails`, `forget-history` and so on."""
    return control(method, f"google/accounts/{name}/{act}", body)


def register_redirect_uri():
    """The tests' own address to come back to; nothing listens there."""
    control("POST", "google/settings", {"redirect_uri": REDIRECT_URI})
