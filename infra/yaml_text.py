"""Templates as YAML with CloudFormation's short tags, and back."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from infra.words import Json

_SHORT = {"Ref": "!Ref", "Fn::Sub": "!Sub", "Fn::GetAtt": "!GetAtt", "Fn::If": "!If", "Fn::Equals": "!Equals"}
_SHORT |= {"Fn::Not": "!Not", "Fn::Select": "!Select", "Fn::GetAZs": "!GetAZs"}
_WIDTH = 120


class _Writer(yaml.SafeDumper):
    """Writes everything out: no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - whatever it is
        """Never `&id001`."""
        return True


class _Reader(yaml.SafeLoader):
    """Knows the short tags."""


def _written(writer: _Writer, told: Mapping[str, Json]) -> yaml.Node:
    name, value = next(iter(told.items()), ("", ""))
    if len(told) != 1 or name not in _SHORT:
        return writer.represent_mapping("tag:yaml.org,2002:map", told.items())
    tag = _SHORT[name]
    if name == "Fn::GetAtt":
        value = ".".join(value)
    return writer.represent_sequence(tag, value, flow_style=False) if isinstance(value, list) else _scalar(tag, value)


def _scalar(tag: str, value: str) -> yaml.Node:
    return yaml.ScalarNode(tag, str(value), style=("|" if "\n" in value else None) if value else "'")


def _read(reader: _Reader, tag: str, node: yaml.Node) -> Json:
    name = next(long for long, short in _SHORT.items() if short == f"!{tag}")
    if isinstance(node, yaml.SequenceNode):
        return {name: reader.construct_sequence(node, deep=True)}
    value = reader.construct_scalar(node)  # type: ignore[arg-type]
    return {name: str(value).split(".", 1) if name == "Fn::GetAtt" else value}


_Writer.add_representer(dict, _written)
_Reader.add_multi_constructor("!", _read)


def text_of(told: Json) -> str:
    """As people read it."""
    return yaml.dump(told, Dumper=_Writer, sort_keys=False, width=_WIDTH, allow_unicode=True)


def read(text: str) -> Json:
    """With the long names of functions: `{"Fn::GetAtt": ["Queue", "Arn"]}`."""
    return yaml.load(text, Loader=_Reader)  # noqa: S506 - a SafeLoader that knows more tags
