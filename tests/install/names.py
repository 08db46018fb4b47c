#!/usr/bin/env python3
"""names.py FOLDER AST: of clang's AST of all public headers, the names that a program could not use for itself."""
import json
import sys

folder, path = sys.argv[1:]
with open(path) as f:
    unit = json.load(f)

seen = 0
current = ''


def where(node):
    """The file that a node stands in; clang names it only where it changes."""
    global current
    loc = node.get('loc', {})
    loc = loc.get('expansionLoc', loc)
    current = loc.get('file', current)
    return current


def fields(node):
    for inner in node.get('inner', []):
        if inner.get('kind') == 'FieldDecl' and inner.get('name', '').startswith('twz_core_'):
            print('field', inner['name'], 'of', node.get('name', '?'))
        fields(inner)


for node in unit['inner']:
    if not where(node).startswith(folder):
        continue
    if node.get('isImplicit'):
        continue
    seen += 1
    names = [node.get('name', '')]
    if node['kind'] == 'EnumDecl':
        names += [c.get('name', '') for c in node.get('inner', []) if c['kind'] == 'EnumConstantDecl']
    if node['kind'] == 'RecordDecl':
        fields(node)
    for name in names:
        if name and not name.lower().startswith('twz_') and name not in ('memcpy', 'memset', 'memcmp'):
            print(node['kind'], name)
if seen < 300:
    print('only', seen, 'declarations were found')
