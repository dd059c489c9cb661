"""Writes what the message types say: docs/asyncapi.json for readers, protocol.gen.ts for the console's compiler."""

import json
from pathlib import Path
from typing import Any, get_args

from django.conf import settings
from django.core.management.base import BaseCommand
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from agents import messages

ADDRESS = "/ws/agent/"


class Command(BaseCommand):
    help = "Writes the AsyncAPI document and the console's types from agents/messages.py."

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in written().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.stdout.write(str(path.relative_to(settings.BASE_DIR)))


def written() -> dict[Path, str]:
    """Each file with what belongs in it."""
    schemas = _schemas()
    return {
        settings.BASE_DIR / "docs" / "asyncapi.json": json.dumps(_asyncapi(schemas), indent=2, ensure_ascii=False) + "\n",
        settings.BASE_DIR / "agents" / "frontend" / "src" / "protocol.gen.ts": _typescript(schemas),
    }


def _members(union: Any) -> list[type[BaseModel]]:
    return list(get_args(get_args(union)[0]))


def _from_server() -> list[type[BaseModel]]:
    return _members(messages.ServerMessage)


def _from_screen() -> list[type[BaseModel]]:
    return _members(messages.ClientCommand)


def _schemas() -> dict[str, Any]:
    # what we send has every field; what we are sent may leave out those with a default
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "serialization") for model in _from_server()),
        *((model, "validation") for model in _from_screen()),
    ]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = found["$defs"]
    return dict(sorted(schemas.items()))


def _asyncapi(schemas: dict[str, Any]) -> dict[str, Any]:
    def refs(models: list[type[BaseModel]]) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/agent/messages/{model.__name__}"} for model in models]

    every = _from_server() + _from_screen()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ringmaster, the agent's websocket",
            "version": str(messages.PROTOCOL),
            "description": (messages.__doc__ or "").strip(),
        },
        "defaultContentType": "application/json",
        "channels": {
            "agent": {
                "address": ADDRESS,
                "description": "One connection per agent: the newest wins. Closes with "
                + ", ".join(f"{closed.value} ({closed.name.lower().replace('_', ' ')})" for closed in messages.Closed)
                + ".",
                "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in every},
            }
        },
        "operations": {
            "tell": {"action": "send", "channel": {"$ref": "#/channels/agent"}, "messages": refs(_from_server())},
            "hear": {"action": "receive", "channel": {"$ref": "#/channels/agent"}, "messages": refs(_from_screen())},
        },
        "components": {
            "messages": {
                model.__name__: {
                    "name": str(model.model_fields["type"].default),
                    "summary": (model.__doc__ or "").strip() or model.__name__,
                    "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
                }
                for model in every
            },
            "schemas": schemas,
        },
    }


def _typescript(schemas: dict[str, Any]) -> str:
    lines = ["// Written by `manage.py write_messages` from agents/messages.py; a test says when it is stale.", ""]
    lines.append(f"export const PROTOCOL = {messages.PROTOCOL};")
    codes = ", ".join(f"{closed.name.lower()}: {closed.value}" for closed in messages.Closed)
    lines += [f"export const CLOSED = {{ {codes} }} as const;", ""]
    for name, schema in schemas.items():
        if said := schema.get("description"):
            lines.append(f"/** {' '.join(said.split())} */")
        if schema.get("type") == "object":
            lines += [f"export interface {name} {{", *_fields(schema), "}", ""]
        else:
            lines += [f"export type {name} = {_type(schema)};", ""]
    for name, union in (("ServerMessage", _from_server()), ("ClientCommand", _from_screen())):
        lines.append(f"export type {name} = {' | '.join(model.__name__ for model in union)};")
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any]) -> list[str]:
    required = set(schema.get("required", ()))
    lines = []
    for name, field in schema["properties"].items():
        if said := field.get("description"):
            lines.append(f"  /** {said} */")
        # the word that tells messages apart is always there
        lines.append(f"  {name}{'' if name in required or 'const' in field else '?'}: {_type(field)};")
    if schema.get("additionalProperties") is True:
        lines.append("  [more: string]: unknown;")
    return lines


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": ref}:
            return str(ref).rsplit("/", 1)[1]
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": kinds}:
            return " | ".join(dict.fromkeys(_type(kind) for kind in kinds))
        case {"type": "array", "items": item}:
            return f"({_type(item)})[]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Record<string, {_type(values)}>"
        case {"type": "object"}:
            return "Record<string, unknown>"
        case {"type": "integer" | "number"}:
            return "number"
        case {"type": "string" | "boolean" | "null" as kind}:
            return str(kind)
        case _:
            raise ValueError(f"no TypeScript for {schema}")
