"""Holds answers against Google's own discovery documents, which its client carries.

Without this file the tests would show that the client puts up with an answer, and it puts up with
nearly everything. What an answer means is not judged here; that is for the tests.
"""

import base64
import datetime
import functools
import json
import re

from googleapiclient import discovery_cache

# The JSON type that each of a discovery document's types is written as.
JSON_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}

INTEGERS = {
    "int32": range(-(2**31), 2**31),
    "uint32": range(2**32),
    "int64": range(-(2**63), 2**63),
    "uint64": range(2**64),
}

DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")

# What the guides to errors name, by status, with what google.aip.dev/193 calls the status.
# https://developers.google.com/workspace/calendar/api/guides/errors
# https://developers.google.com/workspace/gmail/api/guides/handle-errors
# https://developers.google.com/webmaster-tools/v1/errors lists the reasons that all APIs share.
ERRORS = {
    400: (
        {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"},
        {"badRequest", "invalid", "invalidArgument", "invalidParameter", "required", "failedPrecondition", "parseError"}
        | {"timeRangeEmpty", "tooManyCalendarsRequested", "invalidHeader", "invalidQuery"},
    ),
    401: ({"UNAUTHENTICATED"}, {"authError", "required"}),
    403: (
        {"PERMISSION_DENIED", "RESOURCE_EXHAUSTED"},
        {"insufficientPermissions", "forbidden", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
        | {"dailyLimitExceeded", "domainPolicy", "forbiddenForNonOrganizer", "requiredAccessLevel"},
    ),
    404: ({"NOT_FOUND"}, {"notFound"}),
    409: ({"ALREADY_EXISTS", "ABORTED"}, {"duplicate", "conflict"}),
    410: (set(), {"deleted", "fullSyncRequired", "updatedMinTooLongAgo"}),
    412: ({"FAILED_PRECONDITION"}, {"conditionNotMet"}),
    413: (set(), {"uploadTooLarge"}),
    429: ({"RESOURCE_EXHAUSTED"}, {"rateLimitExceeded", "userRateLimitExceeded"}),
    500: ({"INTERNAL", "UNKNOWN"}, {"backendError", "internalError"}),
    503: ({"UNAVAILABLE"}, {"backendError"}),
}
ERROR_FIELDS = {"code": int, "message": str, "errors": list, "status": str, "details": list}
ERROR_ITEM_FIELDS = {"domain", "reason", "message", "location", "locationType", "extendedHelp"}
ERROR_DOMAINS = {"global", "usageLimits", "calendar"}


class Nonconformity(AssertionError):
    """An answer that Google would not give."""


@functools.cache
def document(api):
    """The discovery document of `gmail` or `calendar`, as the client carries it."""
    version = {"gmail": "v1", "calendar": "v3"}[api]
    text = discovery_cache.get_static_doc(api, version)
    if text is None:
        raise Nonconformity(f"the client carries no discovery document of {api} {version}")
    return json.loads(text)


@functools.cache
def response_schema(method_id):
    """The schema of a method's answer: `None` where it answers nothing."""
    api = method_id.split(".")[0]
    found = _method(document(api), method_id)
    if found is None:
        raise Nonconformity(f"no method {method_id} in the discovery document")
    return found.get("response")


def _method(resources, method_id):
    for method in resources.get("methods", {}).values():
        if method["id"] == method_id:
            return method
    for resource in resources.get("resources", {}).values():
        found = _method(resource, method_id)
        if found is not None:
            return found
    return None


def check(method_id, response, content, partial=False):
    """Raises unless a success answers what the method's schema says; `partial` where fields were asked for."""
    schema = response_schema(method_id)
    if schema is None:
        if content:
            raise Nonconformity(f"{method_id} answers something where nothing is expected: {content[:200]!r}")
        return
    body = _json(method_id, response, content)
    found = list(findings(method_id.split(".")[0], schema, body, method_id, partial))
    if found:
        raise Nonconformity("\n".join(found))


def check_error(method_id, response, content):
    """Raises unless a refusal has the shape that Google documents."""
    status = int(response["status"])
    if status == 304:
        if content:
            raise Nonconformity(f"{method_id}: 304 with a body")
        return
    found = list(error_findings(status, _json(method_id, response, content)))
    if status == 401 and "www-authenticate" not in response:
        found.append("401 without WWW-Authenticate")
    if found:
        raise Nonconformity("\n".join(f"{method_id}: {finding}" for finding in found))


def _json(method_id, response, content):
    kind = response.get("content-type", "")
    if kind.replace(" ", "").lower() != "application/json;charset=utf-8":
        raise Nonconformity(f"{method_id}: {response['status']} is of type {kind!r}, not JSON in UTF-8")
    try:
        return json.loads(content)
    except ValueError as error:
        raise Nonconformity(f"{method_id}: {response['status']} with a body that is no JSON: {error}") from error


def findings(api, schema, value, where, partial=False):
    """What is wrong with a value, each in a sentence that names the place."""
    if "$ref" in schema:
        schema = document(api)["schemas"][schema["$ref"]]
        where = f"{where}:{schema['id']}"
    kind = schema.get("type", "any")
    if kind == "any":
        return
    is_bool = isinstance(value, bool)
    if not isinstance(value, JSON_TYPES[kind]) or (is_bool and kind != "boolean"):
        yield f"{where} is {type(value).__name__}, expected {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, expected one of {schema['enum']}"
    if "format" in schema:
        wrong = _format_finding(schema["format"], value)
        if wrong:
            yield f"{where} is {value!r}: {wrong}"
    if kind == "array":
        for index, item in enumerate(value):
            yield from findings(api, schema["items"], item, f"{where}[{index}]", partial)
    if kind == "object":
        yield from _object_findings(api, schema, value, where, partial)


def _object_findings(api, schema, value, where, partial):
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            yield from findings(api, properties[name], item, f"{where}.{name}", partial)
        elif others is not None:
            yield from findings(api, others, item, f"{where}.{name}", partial)
        else:
            yield f"{where}.{name} is not in the schema"
    # The calendar says with `kind` what each thing is; the schema gives its only value as default.
    kind = properties.get("kind", {}).get("default")
    if kind is not None and not (partial and "kind" not in value) and value.get("kind") != kind:
        yield f"{where}.kind is {value.get('kind')!r}, expected {kind!r}"


def _format_finding(form, value):
    if form in INTEGERS:
        if isinstance(value, str) and not re.fullmatch(r"0|-?[1-9]\d*", value):
            return f"not a decimal {form}"
        return None if int(value) in INTEGERS[form] else f"out of the range of {form}"
    if form == "byte":
        return _base64_finding(value)
    if form == "date":
        return _time_finding(value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "", "a date")
    if form in ("date-time", "google-datetime"):
        parts = DATE_TIME.fullmatch(value)
        if parts is None:
            return "not a time of RFC 3339 with its offset"
        return _time_finding(parts[1] + parts[2].replace("Z", "+00:00"), "a time")
    if form in ("double", "float"):
        return None
    return f"of a format this checker does not know: {form}"


def _base64_finding(value):
    if not re.fullmatch(r"[A-Za-z0-9_-]*={0,2}", value):
        return "not in the URL-safe alphabet of base64"
    try:
        base64.urlsafe_b64decode(value)
    except ValueError as error:
        return f"no base64: {error}"
    return None


def _time_finding(text, what):
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return f"not {what} of the calendar"
    return None


def error_findings(status, body):
    """What is wrong with the body of a refusal."""
    if status not in ERRORS:
        yield f"{status} is no status that the guides name"
        return
    if not isinstance(body, dict) or set(body) != {"error"} or not isinstance(body["error"], dict):
        yield f"{body!r} is not an object with `error` alone"
        return
    names, reasons = ERRORS[status]
    error = body["error"]
    for name, value in error.items():
        if name not in ERROR_FIELDS:
            yield f"error.{name} is not documented"
        elif not isinstance(value, ERROR_FIELDS[name]) or isinstance(value, bool):
            yield f"error.{name} is {type(value).__name__}, expected {ERROR_FIELDS[name].__name__}"
    for name in ("code", "message", "errors"):
        if not error.get(name):
            yield f"error.{name} is missing or empty"
    if error.get("code") != status:
        yield f"error.code is {error.get('code')!r} in an answer of status {status}"
    if "status" in error and error["status"] not in names:
        yield f"error.status is {error['status']!r}, expected one of {sorted(names)}"
    for index, item in enumerate(_objects(error.get("errors"))):
        yield from _error_item_findings(f"error.errors[{index}]", item, reasons)
    for index, detail in enumerate(_objects(error.get("details"))):
        if not str(detail.get("@type", "")).startswith("type.googleapis.com/"):
            yield f"error.details[{index}].@type is {detail.get('@type')!r}"


def _objects(items):
    return [item if isinstance(item, dict) else {} for item in items] if isinstance(items, list) else []


def _error_item_findings(where, item, reasons):
    for name, value in item.items():
        if name not in ERROR_ITEM_FIELDS:
            yield f"{where}.{name} is not documented"
        elif not isinstance(value, str):
            yield f"{where}.{name} is {type(value).__name__}, expected str"
    for name in ("domain", "reason", "message"):
        if not item.get(name):
            yield f"{where}.{name} is missing or empty"
    if item.get("reason") not in reasons:
        yield f"{where}.reason is {item.get('reason')!r}, expected one of {sorted(reasons)}"
    if item.get("domain") not in ERROR_DOMAINS:
        yield f"{where}.domain is {item.get('domain')!r}, expected one of {sorted(ERROR_DOMAINS)}"
    if ("location" in item) != ("locationType" in item):
        yield f"{where} has one of location and locationType without the other"
    if "ratelimit" in str(item.get("reason")).lower() and item.get("domain") != "usageLimits":
        yield f"{where} is about a limit, in the domain {item.get('domain')!r}"
