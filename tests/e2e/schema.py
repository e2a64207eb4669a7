# SPDX-License-Identifier: Apache-2.0
"""Holds what --json prints against docs/schema: the words of JSON Schema that are used there, and stricter in one thing:
a key that the schema does not know is an error, so that none is printed that is not written down."""
import json
import os
import re

import lib

TYPES = {'string': str, 'integer': int, 'number': (int, float), 'boolean': bool, 'array': list, 'object': dict,
         'null': type(None)}
KNOWN = {'$schema', '$id', '$defs', '$ref', 'title', 'description', 'type', 'const', 'enum', 'pattern', 'minimum', 'properties',
         'required', 'items', 'allOf', 'anyOf', 'if', 'then'}


class Wrong(Exception):
    pass


def _resolve(root, schema):
    while '$ref' in schema:
        at = root
        for part in schema['$ref'].removeprefix('#/').split('/'):
            at = at[part]
        schema = at
    return schema


def _check(root, schema, value, where):
    schema = _resolve(root, schema)
    unknown = set(schema) - KNOWN
    if unknown:
        raise lib.Failed(f'the schema uses {sorted(unknown)}, which this checker does not know')
    wanted = schema.get('type')
    if wanted and (not isinstance(value, TYPES[wanted]) or (wanted in ('integer', 'number') and isinstance(value, bool))):
        raise Wrong(f'{where}: {value!r} is no {wanted}')
    if 'const' in schema and value != schema['const']:
        raise Wrong(f'{where}: {value!r}, expected {schema["const"]!r}')
    if 'enum' in schema and value not in schema['enum']:
        raise Wrong(f'{where}: {value!r} is none of {schema["enum"]}')
    if 'pattern' in schema and isinstance(value, str) and not re.search(schema['pattern'], value):
        raise Wrong(f'{where}: {value!r} does not match {schema["pattern"]}')
    if 'minimum' in schema and value < schema['minimum']:
        raise Wrong(f'{where}: {value!r} is less than {schema["minimum"]}')
    if isinstance(value, dict):
        for key in schema.get('required', ()):
            if key not in value:
                raise Wrong(f'{where}: {key} is missing')
        for key, inner in schema.get('properties', {}).items():
            if key in value:
                _check(root, inner, value[key], f'{where}.{key}')
    if isinstance(value, list) and 'items' in schema:
        for n, inner in enumerate(value):
            _check(root, schema['items'], inner, f'{where}[{n}]')
    for part in schema.get('allOf', ()):
        try:
            _check(root, part.get('if', {}), value, where)
        except Wrong:
            continue
        _check(root, part.get('then', {}), value, where)
    wrongs = []
    for part in schema.get('anyOf', ()):
        try:
            _check(root, part, value, where)
            break
        except Wrong as wrong:
            wrongs.append(str(wrong))
    else:
        if wrongs:
            raise Wrong(f'{where}: none of {wrongs}')


def _keys(root, schema, value):
    """The keys that may stand in @value itself."""
    schema = _resolve(root, schema)
    found = set(schema.get('properties', {}))
    for part in [*schema.get('allOf', ()), *schema.get('anyOf', ())]:
        try:
            _check(root, part.get('if', {}), value, 'line')
        except Wrong:
            continue
        found |= _keys(root, part.get('then', part), value)
    return found


def hold(name, value):
    """Fail where @value is not as docs/schema/dbgvault.NAME.json says."""
    with open(os.path.join(lib.TOP, 'docs', 'schema', f'dbgvault.{name}.json'), encoding='utf-8') as f:
        root = json.load(f)
    unknown = set(value) - _keys(root, root, value)
    if unknown:
        raise lib.Failed(f'{sorted(unknown)}: not in the schema {name}')
    try:
        _check(root, root, value, 'line')
    except Wrong as wrong:
        raise lib.Failed(f'schema {name}: {wrong}') from None
