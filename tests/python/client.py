"""Google's own client, pointed at the sandbox, with every answer held against the discovery documents.

All tests get their services from here, so that none can forget the checks.
"""

import copy
import os
import urllib.parse

import google_auth_httplib2
import httplib2
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

import conformance
import consent
import sandbox

# oauthlib insists on https otherwise; the sandbox is on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


class CheckedRequest(HttpRequest):
    """Checks what comes back before the test sees it."""

    def __init__(self, http, postproc, *args, **kwargs):
        def checked(response, content):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.uri).query)
            conformance.check(self.methodId, response, content, partial="fields" in query)
            return postproc(response, content)

        super().__init__(http, checked, *args, **kwargs)

    def execute(self, http=None, num_retries=0):
        try:
            return super().execute(http=http, num_retries=num_retries)
        except HttpError as error:
            conformance.check_error(self.methodId, error.resp, error.content)
            raise


def flow(scopes, state=None):
    """A walk through consent as a web server goes it, with PKCE."""
    config = {
        "client_id": sandbox.CLIENT_ID,
        "client_secret": sandbox.CLIENT_SECRET,
        "auth_uri": f"{sandbox.ORIGIN}/o/oauth2/v2/auth",
        "token_uri": f"{sandbox.ORIGIN}/token",
    }
    sandbox.register_redirect_uri()
    return Flow.from_client_config({"web": config}, scopes, state=state, redirect_uri=sandbox.REDIRECT_URI)


def credentials(account, *scopes):
    """What `account` grants after ticking every box, good for refreshing."""
    walk = flow([*consent.SIGN_IN, *scopes])
    url, _ = walk.authorization_url(access_type="offline", prompt="consent")
    walk.fetch_token(authorization_response=consent.decide(url, account))
    return walk.credentials


def gmail(granted):
    return _service("gmail", granted)


def calendar(granted):
    return _service("calendar", granted)


def _service(name, granted):
    # Google's own description, with nothing changed but the host: uploads go there too.
    document = {**copy.deepcopy(conformance.document(name)), "rootUrl": sandbox.ORIGIN + "/"}
    # No proxy: the sandbox is on this machine.
    http = google_auth_httplib2.AuthorizedHttp(granted, http=httplib2.Http(timeout=30, proxy_info=None))
    return build_from_document(document, http=http, requestBuilder=CheckedRequest)


def pages(resource, first, method="list"):
    """Every page from this request on, as the client's own paging goes."""
    following = getattr(resource, f"{method}_next")
    request, answers = first, []
    while request is not None:
        answers.append(request.execute())
        request = following(request, answers[-1])
        if len(answers) > 200:
            raise AssertionError("paging does not end")
    return answers
