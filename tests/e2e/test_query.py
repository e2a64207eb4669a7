#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgstore query: builds by Go module and version, toolchain, package, path, tag and time."""
import json
import os

import lib
import schema
from lib import case, equal, expect, matches, run

MAIN = '''package main

import (
	"fmt"

	loud "example.com/Loud"
)

func main() {
	fmt.Println(loud.Say("%s"))
}
'''


def go_programs(work, versions):
    """A program for each version of a module, {version: path}."""
    built = {}
    for version in versions:
        folder = os.path.join(work, f'go-{version}')
        env = {**lib.go_env(), **lib.go_proxy(folder, version=version)}
        lib.write(os.path.join(folder, 'main.go'), MAIN % version)
        lib.write(os.path.join(folder, 'go.mod'), f'module example.com/app\n\ngo 1.21\n\nrequire example.com/Loud {version}\n')
        built[version] = os.path.join(folder, 'app')
        run('go', 'build', '-o', 'app', '.', cwd=folder, env=env)
    return built


def query(store, *options):
    done = lib.dbgstore('query', f'--store={store}', '--json', *options)
    lines = [json.loads(line) for line in done.text.splitlines()]
    for line in lines:
        schema.hold('store-1', line)
    return lines


@case('Go programs by module and toolchain, split and added, before and after reindex and without a catalog', needs=['go', 'gcc'])
def modules(work):
    if lib.go_release() < (1, 24):
        raise lib.Skip('Go 1.24 or newer is needed: older ones write no GNU build ID of their own')
    store = lib.new_store(work)
    versions = ['v0.9.0', 'v0.33.0-rc.1', 'v0.33.0', 'v1.10.0']
    built = go_programs(work, versions)
    ids = {}
    for version, path in built.items():
        ids[version] = lib.build_id(path)
        if version == 'v0.33.0':
            lib.dbgstore('add', f'--store={store}', '--package=added', '--tag=nightly', path)
        else:
            lib.dbgsplit(f'--store={store}', f'--package=app-{version}', path)
    other = lib.c_program(work, 'other')
    lib.dbgsplit(f'--store={store}', other)
    toolchain = run('go', 'env', 'GOVERSION', env=lib.go_env()).text.strip()

    def look():
        found = query(store, '--module=example.com/Loud')
        equal({line['build_id']: line['module'] for line in found},
              {ids[v]: {'path': 'example.com/Loud', 'version': v} for v in versions}, 'all versions')
        for below, expected in (('v0.33.0', versions[:2]), ('v0.9.0', []), ('v0.33.0-rc.2', versions[:2]), ('v1.9', versions[:3]),
                                ('v2', versions)):
            found = query(store, '--module=example.com/Loud', f'--below={below}')
            equal({line['module']['version'] for line in found}, set(expected), f'below {below}')
        equal(query(store, '--module=example.com/loud'), [], 'another module')
        equal({line['build_id'] for line in query(store, '--module=example.com/app')}, set(ids.values()), 'main module')
        equal({line['build_id'] for line in query(store, '--toolchain-below=go1.999.0')}, set(ids.values()), 'toolchain')
        for line in query(store, '--toolchain-below=go1.999.0'):
            expect(line['toolchain'].startswith(toolchain.split()[0]), line['toolchain'])
        equal(query(store, f'--toolchain-below={toolchain.split()[0]}'), [], 'its own release')
        found = query(store, '--module=example.com/Loud', '--below=v1', '--package=app-v0.9.0', '--toolchain-below=go2.0')
        equal([line['build_id'] for line in found], [ids['v0.9.0']], 'all at once')
        equal([line['build_id'] for line in query(store, '--tag=nightly')], [ids['v0.33.0']], 'tag')
        for symbol in ('loud.Say', 'Loud.Say', 'example.com/Loud.Say'):
            found = query(store, '--module=example.com/Loud', '--below=v1.0.0', f'--symbol={symbol}')
            equal({line['build_id'] for line in found}, set() if symbol[0] == 'l' else {ids[v] for v in versions[:3]}, symbol)
        equal({line['build_id'] for line in query(store, '--symbol=fmt.Fprintln')}, set(ids.values()), 'symbol alone')
        equal(query(store, '--symbol=ample.com/Loud.Say'), [], 'part of a path')
        equal(query(store, '--symbol=example.com/Loud.Shout'), [], 'no such function')

    look()
    text = lib.dbgstore('query', f'--store={store}', '--module=example.com/Loud', '--below=v0.10.0').text
    matches(rf'\A{ids["v0.9.0"]}  \d{{4}}-\d\d-\d\d  v0\.9\.0  app-v0\.9\.0  app\n\Z', text, 'text')
    lib.dbgstore('reindex', f'--store={store}')
    look()
    for name in os.listdir(os.path.join(store, 'catalog')):
        os.unlink(os.path.join(store, 'catalog', name))
    look()


@case('builds by package, path, tag and time; wrong use', needs=['gcc'])
def origins(work):
    store = lib.new_store(work)
    one = lib.c_program(os.path.join(work, 'root/usr/bin'), 'one', source=lib.C_SOURCE + '/* one */')
    two = lib.c_program(os.path.join(work, 'root/usr/bin'), 'two', source=lib.C_SOURCE + '/* two */int own;')
    ids = [lib.build_id(one), lib.build_id(two)]
    for name, binary in (('p1', one), ('p2', two)):
        lib.dbgstore('add', f'--store={store}', f'--package={name}', '--tag=both', f'--tag={name}-tag',
                     f'--origin-path=usr/bin/{os.path.basename(binary)}', binary)
    for options, expected in ((['--package=p1'], ids[:1]), (['--package=p'], []), (['--path=bin/two'], ids[1:]),
                              (['--path=/usr/bin/two'], ids[1:]), (['--path=in/two'], []), (['--tag=both'], ids),
                              (['--tag=p1-tag', '--package=p2'], []), (['--since=1d'], ids), (['--since=2099-01-01'], []),
                              (['--since=2001-01-01T00:00:00Z', '--tag=p2-tag'], ids[1:]), (['--module=example.com/x'], []),
                              (['--toolchain-below=go9.9'], [])):
        equal(sorted(line['build_id'] for line in query(store, *options)), sorted(expected), ' '.join(options))
    for wrong in ([], ['--below=v1'], ['--module=x', '--below=1.2.3'], ['--toolchain-below=1.24'], ['--since=yesterday'],
                  ['--since=2026-13-01'], ['--module='], ['golang.org/x/net']):
        done = lib.dbgstore('query', f'--store={store}', *wrong, status=2)
        expect(done.errors.startswith('dbgstore: '), done.errors)
    lib.dbgstore('rm', f'--store={store}', ids[0])
    equal([line['build_id'] for line in query(store, '--tag=both')], ids[1:], 'after rm')


lib.main()
