#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Go programs of every shape, release and architecture, split: Go's tools, scanners, profiles and panics say what they
said before. The releases that are not installed, and all other architectures, are the long part."""
import json
import os
import platform
import re
import shutil

import lib
from lib import case, equal, expect, matches, run

RELEASES = ('1.21.13', '1.24.13')
SHAPES = {
    'default': ([], {}),
    'PIE': (['-buildmode=pie'], {}),
    '-trimpath': (['-trimpath'], {}),
    '-ldflags=-w': (['-ldflags=-w'], {}),
    'cgo': ([], {'CGO_ENABLED': '1'}),
    'external link': (['-ldflags=-linkmode=external'], {'CGO_ENABLED': '1'}),
    'GOFIPS140': ([], {'GOFIPS140': 'latest', 'CGO_ENABLED': '0'}),
}
# An internal linker makes static position-independent ones.
ARCHITECTURES = {'arm64': True, 'arm': False, '386': False, 'ppc64le': True, 's390x': False, 'riscv64': False,
                 'mips64le': False, 'loong64': False}

MAIN = '''package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
)

//go:noinline
func crash(words []string) string { return words[len(words)] }

//go:noinline
func profile(path string) {
	file, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	pprof.Lookup("goroutine").WriteTo(file, 0)
	file.Close()
}

func main() {
	fmt.Printf("%s %x\\n", strings.ToUpper("dbgvault"), sha256.Sum256([]byte("dbgvault")))
	if len(os.Args) > 2 {
		profile(os.Args[2])
	} else if len(os.Args) > 1 {
		crash(os.Args)
	}
}
'''
CGO = '''package main

// static int twice(int number) { return 2 * number; }
import "C"

func init() { println(C.twice(21)) }
'''


def database(folder):
    """A vulnerability database: a function that is linked, one that is not, and a package that is not."""
    imports = [{'path': 'strings', 'symbols': ['ToUpper', 'Title']}, {'path': 'net/http', 'symbols': ['Get']}]
    entry = {'schema_version': '1.3.1', 'id': 'GO-2026-0001', 'modified': '2026-01-01T00:00:00Z',
             'published': '2026-01-01T00:00:00Z', 'aliases': ['CVE-2026-0001'], 'summary': 'Loud', 'details': 'Too loud',
             'affected': [{'package': {'name': 'stdlib', 'ecosystem': 'Go'},
                           'ranges': [{'type': 'SEMVER', 'events': [{'introduced': '0'}]}],
                           'ecosystem_specific': {'imports': imports}}],
             'database_specific': {'url': 'https://pkg.go.dev/vuln/GO-2026-0001'}}
    brief = {'id': entry['id'], 'modified': entry['modified']}
    for name, content in (('ID/GO-2026-0001', entry), ('index/db', {'modified': entry['modified']}),
                          ('index/modules', [{'path': 'stdlib', 'vulns': [brief]}]),
                          ('index/vulns', [{**brief, 'aliases': entry['aliases']}])):
        lib.write(os.path.join(folder, name + '.json'), json.dumps(content))
    return f'file://{os.path.abspath(folder)}'


def build(folder, flags, env, release):
    app = os.path.join(folder, 'app')
    lib.write(os.path.join(app, 'main.go'), MAIN)
    lib.write(os.path.join(app, 'go.mod'), 'module example.com/matrix\n\ngo 1.21\n')
    if env.get('CGO_ENABLED') == '1':
        lib.write(os.path.join(app, 'cgo.go'), CGO)
    go = {**lib.go_env(), **env}
    if release:
        go = {**go, 'GOTOOLCHAIN': 'go' + release, 'GOPROXY': os.environ.get('GOPROXY', 'https://proxy.golang.org,direct')}
        told = run('go', 'version', env=go, cwd=app, status=None)
        if told.status:
            raise lib.Skip(f'no Go {release}: {told.errors.strip()[-200:]}')
    path = os.path.join(folder, 'prog')
    run('go', 'build', *flags, '-o', path, '.', cwd=app, env=go, timeout=900)
    return path


def profile_of(path, env):
    """What pprof makes of a program's profile: by what it says itself, and by the file's symbols alone."""
    run(path, 'write', 'profile', env=env)
    said = []
    for how in ('none', 'force:fastlocal'):
        text = run('go', 'tool', 'pprof', '-traces', f'-symbolize={how}', path, 'profile').text
        said.append([line for line in text.splitlines() if not re.match('File|Build ID|Time|Duration', line)])
    expect(any('main.profile' in line for line in said[0]), said[0])
    return said


def panic_of(path, env):
    done = run(path, 'crash', env=env, status=2)
    matches(r'^main\.crash\(', done.errors, 'panic')
    return re.sub(r'\((0x|\{)[^)]*\)', '(…)', done.errors)


def answers(path, vulnerabilities, runs, env):
    go = lib.go_env()
    said = {' '.join(words): run(*words, path, env=go).text for words in (
        ('go', 'version', '-m'), ('go', 'tool', 'buildid'), ('go', 'tool', 'nm', '-size', '-type'))}
    code = run('go', 'tool', 'objdump', '-s', r'^main\.', path, env=go, status=None)
    expect(code.status == 0 or 'unsupported architecture' in code.errors, code.errors)  # it knows no MIPS
    said['go tool objdump'] = code.text + code.errors
    if shutil.which('govulncheck'):
        text = run('govulncheck', '-mode=binary', '-format', 'json', '-db', vulnerabilities, path, env=go).text
        expect('"ToUpper"' in text and '"Title"' not in text.split('"finding"', 1)[1], text)
        said['govulncheck'] = text
    if runs:
        said['output'] = run(path, env=env).text
        said['panic'] = panic_of(path, env)
        said['pprof'] = profile_of(path, env)
    return said


def check(work, flags, env, release=None, runs=False):
    folder = os.path.join(work, 'build')
    shutil.rmtree(folder, ignore_errors=True)
    path = build(folder, flags, env, release)
    vulnerabilities = database(os.path.join(work, 'vulnerabilities'))
    running = lib.clean_env(**({'GODEBUG': 'fips140=on'} if 'GOFIPS140' in env else {}))
    before, given = answers(path, vulnerabilities, runs, running), lib.read(path)
    store = os.path.join(work, 'store')
    if not os.path.exists(store):
        lib.new_store(work)
    result = json.loads(lib.dbgsplit(f'--store={store}', '--sources=no', '--json', path).text)
    if '-ldflags=-w' in flags:
        equal((result['status'], lib.read(path) == given), ('no-debug', True))
        return
    equal(result['status'], 'split')
    expect(os.path.getsize(path) < len(given) and '.debug_info' not in lib.section_names(path), 'not smaller')
    equal(lib.build_id(path), result['build_id'], 'build ID')
    after = answers(path, vulnerabilities, runs, running)
    for what, text in before.items():
        equal(after[what], text, what)
    lib.dbgstore('get', f'--store={store}', '-o', 'debug', result['build_id'], 'debuginfo')
    matches(r'DW_AT_name +: +(\(.*\): )?main$', run('readelf', '--debug-dump=info', '--dwarf-depth=1', 'debug').text)


def native(shape, release):
    flags, env = SHAPES[shape]

    def one(work):
        if shape == 'GOFIPS140' and (tuple(map(int, release.split('.')))[:2] if release else lib.go_release()) < (1, 24):
            raise lib.Skip('GOFIPS140 came with Go 1.24')
        if env.get('CGO_ENABLED') == '1' and not shutil.which('gcc'):
            raise lib.Skip('gcc not installed')
        check(work, flags, env, release, runs=True)
    return one


for name in SHAPES:
    case(f'Go: {name}', needs=['go', 'eu-readelf', 'readelf'])(native(name, None))
    for number in RELEASES:
        case(f'Go {number}: {name}', needs=['go', 'eu-readelf', 'readelf'], long=True)(native(name, number))


def cross(arch, release):
    def one(work):
        env = {'GOARCH': arch, 'CGO_ENABLED': '0'}
        runs = arch == '386' and platform.machine() == 'x86_64'
        for flags in [[], ['-trimpath'], ['-ldflags=-w']] + ([['-buildmode=pie']] if ARCHITECTURES[arch] else []):
            check(work, flags, env, release, runs)
        if not release or release >= '1.24':
            check(work, [], {**env, 'GOFIPS140': 'latest'}, release)
    return one


for arch_name in ARCHITECTURES:
    for number in (None, *RELEASES):
        case(f'Go{" " + number if number else ""} for {arch_name}', needs=['go', 'eu-readelf', 'readelf'],
             long=True)(cross(arch_name, number))


lib.main()
