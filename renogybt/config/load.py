"""The way from config.ini and the command line to a Configuration, or to all that is wrong with them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from renogybt.config.build import build
from renogybt.config.checks import contradictions, remarks
from renogybt.config.credentials import credentials
from renogybt.config.device_checks import unread_sections
from renogybt.config.errors import ConfigurationError, Finding
from renogybt.config.sections import Configuration
from renogybt.config.source import OVERRIDE, Document, parse_document, parse_overrides, read_text
from renogybt.config.unknown import key_warnings
from renogybt.config.values import parse_values


def load_configuration(
    path: Path, overrides: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Configuration:
    """The file, credentials of the service manager over it, and `section.key=value` overrides on top.

    Raises one ConfigurationError with all findings.
    """
    document = parse_document(str(path), read_text(path))
    return _configuration(document, path, overrides, environment)


def default_configuration(
    overrides: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Configuration:
    """What counts without a file, with overrides on top; raises ConfigurationError."""
    return _configuration(Document(OVERRIDE), None, overrides, environment)


def _configuration(
    document: Document, path: Path | None, overrides: Sequence[str], environment: Mapping[str, str] | None
) -> Configuration:
    overriding, malformed = parse_overrides(overrides)
    environment = os.environ if environment is None else environment
    entries = (*document.entries, *credentials(environment), *overriding)
    values, refused, left_out = parse_values(entries)
    findings = [*document.findings, *malformed, *refused, *contradictions(values)]
    if findings:
        raise ConfigurationError(sorted(findings, key=_from_top_to_bottom))
    warnings = [
        *key_warnings(entries, document.headers, document.file),
        *left_out,
        *unread_sections(values, document.headers, document.file),
        *remarks(values),
    ]
    texts = dict.fromkeys(str(warning) for warning in sorted(warnings, key=_from_top_to_bottom))
    return build(values, environment, tuple(texts), path)


def _from_top_to_bottom(finding: Finding) -> tuple[bool, int]:
    return finding.file == OVERRIDE, finding.line or 0
