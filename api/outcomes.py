"""Each error of the house with its HTTP status, its short title and its exit code, phrased once for every door."""

from __future__ import annotations

from typing import Any, NamedTuple

from kg import errors


class Unauthorised(errors.Forbidden):
    """A write came without a token, or with one that nobody made."""


class NotAcceptable(errors.UserError):
    """None of the forms the client accepts exists for this resource."""


class UnsupportedMedia(errors.RefusedInput):
    """A body came in a form that no reader knows."""


class RequestTimeout(errors.RefusedInput):
    """A request took too long to arrive."""


class Incompatible(errors.UserError):
    """The licences of sources do not allow them to be put together, or to be used as asked."""


class NotReady(errors.FiliereError):
    """The service is still bringing its views to the journal's seq."""


class Outcome(NamedTuple):
    """What a door answers: HTTP status, title of the problem, exit code of the command line."""

    status: int
    title: str
    exit_code: int


OUTCOMES: dict[type[errors.FiliereError], Outcome] = {
    errors.FiliereError: Outcome(500, "Error", 1),
    errors.UserError: Outcome(422, "Cannot be used as given", 2),
    errors.RefusedInput: Outcome(422, "Refused input", 1),
    errors.Malformed: Outcome(400, "Malformed", 1),
    errors.TooLarge: Outcome(413, "Too large", 1),
    errors.NotFound: Outcome(404, "Not found", 1),
    errors.MissingExtra: Outcome(501, "Optional package missing", 1),
    errors.Forbidden: Outcome(403, "Forbidden", 1),
    errors.Held: Outcome(409, "Held for a person to confirm", 1),
    errors.DataFolderError: Outcome(503, "Data folder not usable", 1),
    errors.Busy: Outcome(503, "Busy", 1),
    errors.DamagedData: Outcome(503, "Damaged data", 1),
    errors.StorageFull: Outcome(507, "Storage full", 1),
    errors.OntologyError: Outcome(500, "Ontology wrong", 1),
    errors.RefusedAddress: Outcome(403, "Address refused", 1),
    errors.Unreachable: Outcome(502, "Another server failed", 1),
    errors.Late: Outcome(502, "Another server failed", 1),
    errors.Unsound: Outcome(502, "Another server failed", 1),
    errors.QueryRefused: Outcome(400, "Query refused", 1),
    errors.QueryTimeout: Outcome(503, "Query stopped", 1),
    Unauthorised: Outcome(401, "Token needed", 1),
    NotAcceptable: Outcome(406, "Not acceptable", 1),
    UnsupportedMedia: Outcome(415, "Unsupported media type", 1),
    RequestTimeout: Outcome(408, "Request timeout", 1),
    Incompatible: Outcome(409, "Licences exclude one another", 1),
    NotReady: Outcome(503, "Not ready", 1),
}


def outcome(error: errors.FiliereError) -> Outcome:
    """The outcome of an error: its own, or that of the nearest class above it."""
    for cls in type(error).__mro__:
        if cls in OUTCOMES:
            return OUTCOMES[cls]
    return OUTCOMES[errors.FiliereError]


def problem(status: int, title: str, detail: str, mend: str = "", **more: Any) -> dict[str, Any]:
    """The body of an error over HTTP (RFC 9457): type, title, status, detail, mend and what a case adds."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if mend:
        body["mend"] = mend
    return body | more


def problem_of(error: errors.FiliereError) -> dict[str, Any]:
    """The problem details of an error of the house."""
    status, title, _ = outcome(error)
    return problem(status, title, error.problem, error.mend)
