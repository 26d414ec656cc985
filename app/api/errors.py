"""Errors to HTTP: the only place where status codes are chosen."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.schemas import ErrorBody, ErrorOut
from retrieval.errors import AnswerableError, BadInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

_log = logging.getLogger(__name__)


class NotFound(BadInput):
    """No such conversation, answer or passage for whoever asks."""


_STATUS: tuple[tuple[type[AnswerableError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (BadInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def install_error_handlers(app: FastAPI) -> None:
    """Give every error, expected or not, the one shape of `ErrorOut`."""
    app.add_exception_handler(AnswerableError, _on_purpose)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def error_body(error: AnswerableError) -> ErrorBody:
    """The error as it travels, named for its class."""
    return ErrorBody(code=_code(type(error).__name__), message=error.message, hint=error.hint)


async def _on_purpose(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnswerableError)  # noqa: S101 - registered for nothing else
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return _response(status, error_body(error))
    return await _unforeseen(_request, error)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    problems = "; ".join(_problem(problem) for problem in error.errors())
    body = ErrorBody(
        code="malformed_request",
        message=f"The request cannot be used: {problems}.",
        hint="The expected shape, with an example, is at /docs.",
    )
    return _response(HTTPStatus.UNPROCESSABLE_ENTITY, body)


def _problem(problem: dict[str, object]) -> str:
    location = problem.get("loc", ())
    where = ".".join(str(part) for part in location) if isinstance(location, tuple) else ""
    return f"{where}: {problem.get('msg')}"


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    status = HTTPStatus(error.status_code)
    body = ErrorBody(code=status.phrase.lower().replace(" ", "_"), message=str(error.detail))
    return _response(status, body, error.headers)


async def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    _log.error("Unforeseen error", exc_info=error)
    body = ErrorBody(
        code="internal",
        message="Something went wrong on our side; nothing you sent was lost.",
        hint="Try again. If it stays, tell us when it happened.",
    )
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, body)


def _response(
    status: HTTPStatus, body: ErrorBody, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    content = ErrorOut(error=body).model_dump()
    return JSONResponse(content, status_code=status, headers=headers)


def _code(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
