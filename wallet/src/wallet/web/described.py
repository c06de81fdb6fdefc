"""How a type describes itself to clients, in the words of JSON Schema."""

from typing import Any

from msgspec import Meta


def matching(pattern: str, **schema: Any) -> Meta:
    """Demand text that matches a pattern from its first to its last character."""
    # To Python a `$` also fits before a newline at the end, so it is not used.
    return Meta(pattern=rf"^({pattern})\Z", extra_json_schema=schema)


def described(about: str | None = None, **schema: Any) -> Meta:
    """Describe a member to clients; what the schema says is checked elsewhere."""
    return Meta(description=about, extra_json_schema=schema)


def named(name: str) -> dict[str, str]:
    """Refer to a schema that the description of the interface has under a name."""
    return {"$ref": f"#/components/schemas/{name}"}
