"""Checks every answer that a client gets against botocore's model of the service."""

from __future__ import annotations

import json
from typing import Any

# Codes that every operation of these services may give, whatever its own model lists.
COMMON = {
    "AccessDeniedException",
    "ClientException",
    "ExpiredTokenException",
    "InternalFailure",
    "InvalidParameterException",
    "NotImplemented",
    "ServerException",
    "ThrottlingException",
}
SCALARS = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "double": (float, int),
    "float": (float, int),
    "timestamp": (float, int),
}


def mistakes(shape: Any, value: Any, path: str = "") -> list[str]:
    """What in `value` the shape doesn't know, misses or wants of another type."""
    if shape.type_name == "structure":
        return _structure(shape, value, path)
    if shape.type_name == "list":
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [each for i, item in enumerate(value) for each in mistakes(shape.member, item, f"{path}[{i}]")]
    if shape.type_name == "map":
        return [each for key, item in value.items() for each in mistakes(shape.value, item, f"{path}.{key}")]
    return _scalar(shape, value, path)


def _scalar(shape: Any, value: Any, path: str) -> list[str]:
    wanted = SCALARS[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{path}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        return [f"{path}: {value!r} is none of {shape.enum}"]
    return []


def _structure(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no structure"]
    found = [f"{path}.{name}: unknown" for name in value if name not in shape.members]
    found += [f"{path}.{name}: missing" for name in shape.required_members if name not in value]
    for name, item in value.items():
        if name in shape.members:
            found += mistakes(shape.members[name], item, f"{path}.{name}")
    return found


class Conformance:
    """Listens to clients; keeps every mistake, and which operations were answered well."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.answered: set[tuple[str, str]] = set()
        self.unknown_allowed: set[str] = set()  # paths of fields that a test made up

    def listen(self, client: Any) -> Any:
        """Check all that the client gets from now on."""
        client.meta.events.register("before-parse.*.*", self._check)
        return client

    def _check(self, response_dict: Any, operation_model: Any, **_: Any) -> None:
        name = f"{operation_model.service_model.service_name}.{operation_model.name}"
        if "json" not in operation_model.service_model.protocol or response_dict["status_code"] >= 500:
            self._note(operation_model, response_dict["status_code"])
            return
        document = json.loads(response_dict["body"] or b"{}")
        if response_dict["status_code"] >= 400:
            known = {shape.name for shape in operation_model.error_shapes} | COMMON
            if document["__type"] not in known:
                self.mistakes.append(f"{name}: {document['__type']} is no error of it: {sorted(known)}")
            return
        shape = operation_model.output_shape
        found = [f"{name}: answers {document}"] if shape is None and document else []
        found += mistakes(shape, document, name) if shape is not None else []
        self.mistakes += [each for each in found if each.partition(": ")[0] not in self.unknown_allowed]
        self._note(operation_model, 200)

    def _note(self, operation_model: Any, status: int) -> None:
        if status == 200:
            self.answered.add((operation_model.service_model.service_name, operation_model.name))
