"""Connecting, refreshing and revoking, as Google's client does them."""

import os
import time
import unittest
import urllib.parse

import google.auth.jwt
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials
from googleapiclient.errors import HttpError
from oauthlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    InvalidClientError,
    InvalidGrantError,
    MismatchingStateError,
)

import client
import conformance
import consent
import sandbox

EMAIL = "https://www.googleapis.com/auth/userinfo.email"


def answer_to(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


class Connecting(unittest.TestCase):
    def setUp(self):
        sandbox.of_account("bob", "revoke")

    def walk(self, scopes, account="bob", untick=(), **asked):
        walk = client.flow(scopes)
        url, _ = walk.authorization_url(**{"access_type": "offline", "prompt": "consent", **asked})
        return walk, consent.decide(url, account, untick=untick)

    def test_a_walk_with_pkce_ends_in_credentials_that_open_the_mailbox(self):
        walk = client.flow([*consent.SIGN_IN, consent.MAIL])
        url, state = walk.authorization_url(access_type="offline", prompt="consent", login_hint="bob@sandbox.example")
        self.assertEqual(answer_to(url)["code_challenge_method"], "S256")

        back = consent.decide(url, "bob")
        answer = answer_to(back)
        self.assertTrue(back.startswith(sandbox.REDIRECT_URI + "?"))
        self.assertEqual(answer["state"], state)
        self.assertLessEqual({"code", "scope", "authuser", "prompt"}, set(answer))

        token = walk.fetch_token(authorization_response=back)
        self.assertEqual(token["token_type"], "Bearer")
        self.assertEqual(set(token["scope"]), {*consent.SIGN_IN, consent.MAIL})
        fields = {"access_token", "expires_in", "expires_at", "scope", "token_type", "refresh_token", "id_token"}
        self.assertEqual(set(token), fields)
        self.assertIs(type(token["expires_in"]), int)

        credentials = walk.credentials
        self.assertTrue(credentials.valid)
        profile = client.gmail(credentials).users().getProfile(userId="me").execute()
        self.assertEqual(profile["emailAddress"], "bob@sandbox.example")
        self.assertEqual(sandbox.control("GET", "ledger")["authorizations"][-1]["pkce"], "S256")

    def test_the_id_token_names_the_person_and_the_client(self):
        walk, back = self.walk([*consent.SIGN_IN], nonce="of-this-walk")
        walk.fetch_token(authorization_response=back)
        # The stand-in's keys are nobody's, so the client decodes without verifying the signature.
        claims = google.auth.jwt.decode(walk.credentials.id_token, verify=False)
        self.assertEqual(google.auth.jwt.decode_header(walk.credentials.id_token)["alg"], "RS256")
        self.assertEqual(claims["iss"], sandbox.control("GET", "google/settings")["issuer"])
        self.assertEqual((claims["aud"], claims["azp"]), (sandbox.CLIENT_ID, sandbox.CLIENT_ID))
        self.assertEqual(claims["sub"], sandbox.account("bob")["sub"])
        self.assertEqual((claims["email"], claims["email_verified"]), ("bob@sandbox.example", True))
        self.assertEqual(claims["nonce"], "of-this-walk")
        self.assertLessEqual(claims["iat"], time.time() + 5)
        self.assertEqual(claims["exp"] - claims["iat"], 3600)

        session = AuthorizedSession(walk.credentials)
        userinfo = session.get(f"{sandbox.ORIGIN}/v1/userinfo").json()
        self.assertEqual({name: claims[name] for name in ("sub", "email", "name")}.items() - userinfo.items(), set())

    def test_somebody_who_refuses_gives_nothing(self):
        walk = client.flow([*consent.SIGN_IN, consent.MAIL])
        url, _ = walk.authorization_url(access_type="offline")
        back = consent.decide(url, "bob", refuse=True)
        with self.assertRaises(AccessDeniedError):
            walk.fetch_token(authorization_response=back)

    def test_an_answer_with_another_state_is_not_exchanged(self):
        walk, back = self.walk([*consent.SIGN_IN])
        wrong = back.replace(f"state={answer_to(back)['state']}", "state=of-another-walk")
        with self.assertRaises(MismatchingStateError):
            walk.fetch_token(authorization_response=wrong)

    def test_a_scope_that_was_not_ticked_is_not_granted_and_the_client_notices(self):
        walk, back = self.walk([*consent.SIGN_IN, consent.MAIL, consent.SEND], untick=[consent.SEND])
        with self.assertRaises(Warning) as raised:
            walk.fetch_token(authorization_response=back)
        granted = set(raised.exception.new_scope)
        self.assertEqual(granted, {*consent.SIGN_IN, consent.MAIL})

    def test_with_unticked_scopes_accepted_the_rest_works_and_the_missing_one_is_refused(self):
        walk, back = self.walk([*consent.SIGN_IN, consent.MAIL], untick=[consent.MAIL])
        os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"
        self.addCleanup(os.environ.pop, "OAUTHLIB_RELAX_TOKEN_SCOPE")
        walk.fetch_token(authorization_response=back)
        credentials = walk.credentials
        self.assertEqual(set(credentials.granted_scopes), set(consent.SIGN_IN))
        self.assertEqual(AuthorizedSession(credentials).get(f"{sandbox.ORIGIN}/v1/userinfo").status_code, 200)
        with self.assertRaises(HttpError) as refused:
            client.gmail(credentials).users().getProfile(userId="me").execute()
        self.assertEqual(refused.exception.status_code, 403)
        self.assertEqual(refused.exception.reason, "Request had insufficient authentication scopes.")
        self.assertEqual(refused.exception.error_details[0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT")

    def test_a_later_consent_adds_to_what_was_granted_before(self):
        walk, back = self.walk([*consent.SIGN_IN, consent.MAIL])
        walk.fetch_token(authorization_response=back)
        more, back = self.walk([*consent.SIGN_IN, consent.SEND], include_granted_scopes="true")
        with self.assertRaises(Warning) as raised:
            more.fetch_token(authorization_response=back)
        self.assertEqual(set(raised.exception.new_scope), {*consent.SIGN_IN, consent.MAIL, consent.SEND})

    def test_a_refresh_token_comes_once_unless_the_person_is_asked_again(self):
        came = []
        for asked in ({"prompt": None}, {"prompt": None}, {"prompt": "consent"}, {"access_type": "online"}):
            walk = client.flow([*consent.SIGN_IN])
            asked = {"access_type": "offline", **asked}
            url, _ = walk.authorization_url(**{name: value for name, value in asked.items() if value})
            walk.fetch_token(authorization_response=consent.decide(url, "bob"))
            came.append(walk.credentials.refresh_token is not None)
        self.assertEqual(came, [True, False, True, False])

    def test_a_code_is_good_once_and_only_with_its_verifier(self):
        walk, back = self.walk([*consent.SIGN_IN])
        verifier, walk.code_verifier = walk.code_verifier, "another-verifier-" + "x" * 40
        with self.assertRaises(InvalidGrantError):
            walk.fetch_token(authorization_response=back)
        walk.code_verifier = verifier
        walk.fetch_token(authorization_response=back)
        credentials = walk.credentials
        with self.assertRaises(InvalidGrantError):
            walk.fetch_token(authorization_response=back)
        # The second use ends what the first had earned.
        with self.assertRaisesRegex(RefreshError, "invalid_grant"):
            credentials.refresh(Request())

    def test_a_wrong_client_secret_is_the_clients_fault_and_no_grants(self):
        walk, back = self.walk([*consent.SIGN_IN])
        with self.assertRaises(InvalidClientError):
            walk.fetch_token(authorization_response=back, client_secret="wrong")
        self.assertIsNotNone(walk.fetch_token(authorization_response=back)["access_token"])


class Keeping(unittest.TestCase):
    def setUp(self):
        sandbox.of_account("bob", "revoke")
        self.credentials = client.credentials("bob", consent.MAIL)

    def again(self, **changed):
        """The same credentials, as a program finds them where it keeps them, with these changes."""
        kept = {
            "token": self.credentials.token,
            "refresh_token": self.credentials.refresh_token,
            "token_uri": f"{sandbox.ORIGIN}/token",
            "client_id": sandbox.CLIENT_ID,
            "client_secret": sandbox.CLIENT_SECRET,
        }
        return Credentials(**{**kept, **changed})

    def test_refreshing_gives_another_access_token_and_keeps_the_refresh_token(self):
        before = (self.credentials.token, self.credentials.refresh_token)
        self.credentials.refresh(Request())
        self.assertNotEqual(self.credentials.token, before[0])
        self.assertEqual(self.credentials.refresh_token, before[1])
        self.assertTrue(self.credentials.valid)
        self.assertEqual(set(self.credentials.granted_scopes), {*consent.SIGN_IN, consent.MAIL})

    def test_a_rotated_refresh_token_replaces_the_old_one(self):
        sandbox.control("POST", "google/settings", {"rotate_refresh_tokens": True})
        self.addCleanup(sandbox.control, "POST", "google/settings", {"rotate_refresh_tokens": False})
        before = self.credentials.refresh_token
        self.credentials.refresh(Request())
        self.assertNotEqual(self.credentials.refresh_token, before)
        self.credentials.refresh(Request())
        with self.assertRaisesRegex(RefreshError, "invalid_grant"):
            self.again(refresh_token=before).refresh(Request())

    def test_an_expired_access_token_is_refreshed_in_the_middle_of_a_call(self):
        sandbox.of_account("bob", "expire-access-tokens")
        before = self.credentials.token
        client.gmail(self.credentials).users().getProfile(userId="me").execute()
        self.assertNotEqual(self.credentials.token, before)

    def test_a_refresh_may_ask_for_less_and_never_for_more(self):
        less = self.again(scopes=[EMAIL])
        less.refresh(Request())
        self.assertEqual(less.granted_scopes, [EMAIL])
        with self.assertRaisesRegex(RefreshError, "invalid_scope"):
            self.again(scopes=[EMAIL, consent.CALENDAR]).refresh(Request())

    def test_what_the_client_revokes_refreshes_no_more(self):
        revoke = f"{sandbox.ORIGIN}/revoke"
        self.assertEqual(requests.post(revoke, data={"token": self.credentials.token}, timeout=30).status_code, 200)
        again = requests.post(revoke, data={"token": self.credentials.token}, timeout=30)
        self.assertEqual((again.status_code, again.json()["error"]), (400, "invalid_token"))
        with self.assertRaises(RefreshError) as refused:
            self.credentials.refresh(Request())
        self.assertEqual(refused.exception.args[1]["error"], "invalid_grant")
        self.assertEqual(refused.exception.args[1]["error_description"], "Token has been expired or revoked.")
        self.assertFalse(refused.exception.retryable)

    def test_what_the_person_revokes_ends_in_the_middle_of_a_call(self):
        service = client.gmail(self.credentials)
        service.users().getProfile(userId="me").execute()
        sandbox.of_account("bob", "revoke")
        with self.assertRaisesRegex(RefreshError, "invalid_grant"):
            service.users().getProfile(userId="me").execute()

    def test_without_a_refresh_token_an_unknown_access_token_is_401(self):
        # Not Credentials, which would first try to refresh.
        answer = requests.get(
            f"{sandbox.ORIGIN}/gmail/v1/users/me/profile",
            headers={"Authorization": "Bearer nobody's"},
            timeout=30,
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        conformance.check_error("gmail.users.getProfile", {"status": "401", **headers}, answer.content)
        self.assertEqual(answer.status_code, 401)

    def test_a_failing_token_endpoint_is_tried_again(self):
        sandbox.control("POST", "faults", {"path": "/token", "status": 503, "times": 1})
        self.credentials.refresh(Request())
        self.assertEqual(sandbox.control("GET", "faults"), [])


if __name__ == "__main__":
    unittest.main()
