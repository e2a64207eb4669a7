# SPDX-License-Identifier: Apache-2.0
"""What the tests of vulnerability triage share: small databases, govulncheck as the judge, and a program of modules
that a proxy of files serves."""
import json
import os
import re
import zipfile

import lib
from lib import dbgcheck, expect, run, write


# ---- databases ----

def entry(number, module, imports=(), events=({'introduced': '0'},), **more):
    """An entry; imports: (path, symbols, more keys of it) or just a path."""
    packages = []
    for item in imports:
        path, symbols, keys = (item, (), {}) if isinstance(item, str) else (*item, {})[:3]
        packages.append({'path': path, **({'symbols': list(symbols)} if symbols else {}), **keys})
    return {'schema_version': '1.3.1', 'id': f'GO-2026-{number:04}', 'modified': '2026-01-01T00:00:00Z',
            'published': '2026-01-01T00:00:00Z', 'aliases': [f'CVE-2026-{number:04}'], 'summary': f'What {number} is',
            'affected': [{'package': {'name': module, 'ecosystem': 'Go'},
                          'ranges': [{'type': 'SEMVER', 'events': list(events)}],
                          'ecosystem_specific': {'imports': packages} if packages else {}}], **more}


def write_database(folder, entries, modified='2026-02-03T04:05:06Z'):
    folder = os.path.abspath(folder)
    modules = {}
    for one in entries:
        write(os.path.join(folder, 'ID', one['id'] + '.json'), json.dumps(one))
        for affected in one['affected']:
            ids = modules.setdefault(affected['package']['name'], {})
            ids[one['id']] = {'id': one['id'], 'modified': one['modified']}
            fixes = [event['fixed'] for r in affected['ranges'] for event in r['events'] if 'fixed' in event]
            if fixes:
                ids[one['id']]['fixed'] = fixes[-1]
    write(os.path.join(folder, 'index', 'db.json'), json.dumps({'modified': modified}))
    write(os.path.join(folder, 'index', 'modules.json'),
          json.dumps([{'path': path, 'vulns': list(ids.values())} for path, ids in sorted(modules.items())]))
    write(os.path.join(folder, 'index', 'vulns.json'),
          json.dumps([{'id': one['id'], 'modified': one['modified'], 'aliases': one['aliases']} for one in entries]))
    return folder


def zip_database(folder, path, prefix=''):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for where, _, names in os.walk(folder):
            for name in names:
                full = os.path.join(where, name)
                archive.write(full, prefix + os.path.relpath(full, folder))
    return path


# ---- what is found, by us and by govulncheck ----

def stream(text):
    decoder, at = json.JSONDecoder(), 0
    while True:
        at = re.compile(r'\s*').match(text, at).end()
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield value


def govulncheck(path, database, env=None):
    """Its findings: (ID, module, version, package, symbol, first fixed version)."""
    text = run('govulncheck', '-mode=binary', '-format', 'json', '-db', f'file://{os.path.abspath(database)}', path,
               env=env).text
    found = set()
    for message in stream(text):
        finding = message.get('finding')
        if not finding:
            continue
        frame = finding['trace'][0]
        symbol = '.'.join(filter(None, (frame.get('receiver'), frame.get('function')))) or None
        found.add((finding['osv'], frame['module'], frame.get('version', ''), frame.get('package'), symbol,
                   finding.get('fixed_version')))
    return found


def triage(path, database, *args):
    """dbgcheck's line of JSON about a file."""
    done = dbgcheck(f'--vulndb={database}', '--json', *args, path, status=None)
    expect(done.status in (0, 3), done.errors)
    line = json.loads(done.text)
    found = any(v['level'] == 'symbol' for v in line.get('vulnerabilities', ()))
    expect(done.status == (3 if found else 0), f'status {done.status}, found {found}')
    return line


def findings(line):
    """The same form as govulncheck(), of a line of ours; and the (ID, package) whose symbols we do not name."""
    found, whole = set(), set()
    for v in line['vulnerabilities']:
        key, fixed = (v['id'], v['module'], v['version']), v.get('fixed')
        found.add((*key, None, None, fixed))
        for package in v['packages']:
            found.add((*key, package['path'], None, fixed))
            found.update((*key, package['path'], symbol, fixed) for symbol in package['symbols'])
            if package['whole']:
                whole.add((v['id'], package['path']))
    return found, whole


def comparable(found, whole=()):
    """What both tell the same way. Of packages and symbols the module is left out: where one module's path begins with
    another's, govulncheck may name either, by chance. Nor are symbols told where all of a package counts."""
    kept = set()
    for name, module, version, package, symbol, fixed in found:
        if package is None:
            kept.add((name, module, version, fixed))
        elif symbol is None or (name, package) not in whole:
            kept.add((name, package, symbol))
    return kept


def agree(line, judged, is_more):
    """Ours are govulncheck's findings, and those for which is_more(ID, package, symbol) knows a reason. Returns these."""
    ours, whole = findings(line)
    ours, theirs = comparable(ours), comparable(judged, whole)
    more = ours - theirs
    expect(not theirs - ours, f'{line["path"]}: govulncheck alone has {sorted(theirs - ours, key=str)[:20]}')
    surprising = [f for f in more if len(f) == 4 or not is_more(*f)]
    expect(not surprising, f'{line["path"]}: we alone have {sorted(surprising, key=str)[:20]}')
    return more


def levels(line):
    """ID -> the nearest level at which it is found."""
    order = ['module', 'package', 'symbol']
    return {v['id']: max((w['level'] for w in line['vulnerabilities'] if w['id'] == v['id']), key=order.index)
            for v in line['vulnerabilities']}


# ---- a program ----

def write_module(folder, module, version, files):
    """Add a module to a proxy of files."""
    where = os.path.join(os.path.abspath(folder), 'proxy', module, '@v')
    go_mod = f'module {module}\n\ngo 1.18\n'
    with open(write(os.path.join(where, 'list'), lib.read(os.path.join(where, 'list')).decode()
                    if os.path.exists(os.path.join(where, 'list')) else ''), 'a', encoding='ascii') as listed:
        listed.write(version + '\n')
    write(os.path.join(where, version + '.info'), json.dumps({'Version': version}))
    write(os.path.join(where, version + '.mod'), go_mod)
    with zipfile.ZipFile(os.path.join(where, version + '.zip'), 'w') as archive:
        for name, text in {'go.mod': go_mod, **files}.items():
            archive.writestr(f'{module}@{version}/{name}', text)


VULN = {
    'vuln.go': '''package vuln

import "strings"

type T struct{ text string }

//go:noinline
func (t *T) Get() string { return t.text + secret() }

//go:noinline
func (t T) Unused() string { return t.text }

//go:noinline
func Plain(s string) *T { return &T{s} }

//go:noinline
func secret() string { return strings.Repeat("s", 3) }

func Tiny(s string) string { return strings.TrimSpace(s) }

func Unused() string { return strings.Repeat("u", 4) }

//go:noinline
func Map[V any](list []V, f func(V) V) []V {
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}
''',
    'sub/sub.go': 'package sub\n\n//go:noinline\nfunc F() int { return len(name) }\n\nvar name = "sub"\n\n'
                  '//go:noinline\nfunc G() int { return 2 }\n',
    'absent/absent.go': 'package absent\n\nfunc F() int { return 1 }\n',
    'asm/asm.go': 'package asm\n\nfunc Asm(x int) int\n\nfunc Other(x int) int\n',
    'asm/asm_amd64.s': '#include "textflag.h"\n\nTEXT \u00b7Asm(SB), NOSPLIT, $0-16\n\tMOVQ x+0(FP), AX\n\tADDQ $1, AX\n'
                       '\tMOVQ AX, ret+8(FP)\n\tRET\n\nTEXT \u00b7Other(SB), NOSPLIT, $0-16\n\tMOVQ x+0(FP), AX\n'
                       '\tMOVQ AX, ret+8(FP)\n\tRET\n',
    # Functions under another package's name: by linkname beside one of its own, by linkname alone, and in assembly.
    'link/link.go': 'package link\n\nimport _ "unsafe"\n\n//go:linkname Hidden example.com/vuln/user.shown\n'
                    '//go:noinline\nfunc Hidden() int { return len(name) }\n\nvar name = "link"\n\n'
                    '//go:noinline\nfunc Seen() int { return len(name) + 1 }\n\n//go:noinline\nfunc More() int { return 3 }\n',
    'only/only.go': 'package only\n\nimport _ "unsafe"\n\n//go:linkname Hidden example.com/vuln/user.alone\n'
                    '//go:noinline\nfunc Hidden() int { return len(name) }\n\nvar name = "only"\n',
    'user/user.go': 'package user\n\nfunc shown() int\n\nfunc alone() int\n\n//go:noinline\n'
                    'func Call() int { return shown() + alone() }\n',
    'user/empty.s': '',
}

APP = '''package main

import (
	"fmt"

	"example.com/fork"
	"example.com/local"
	"example.com/old"
	"example.com/vuln"
	"example.com/vuln/asm"
	"example.com/vuln/link"
	_ "example.com/vuln/only"
	"example.com/vuln/sub"
	"example.com/vuln/user"
	zap "go.example.com/zap"
)

//go:noinline
func weak() int { return 1 }

func main() {
	fmt.Println(vuln.Plain("a").Get(), vuln.Tiny(" b "), sub.F(), asm.Asm(1), link.Seen(), link.More(), user.Call())
	fmt.Println(vuln.Map([]string{"c"}, func(s string) string { return s + "d" }), weak())
	fmt.Println(fork.F(), local.F(), old.F(), zap.Inlined(" e "))
}
'''

SMALL = 'package {0}\n\n//go:noinline\nfunc F() int {{ return 1 }}\n'


class Program:
    """Its sources, and an environment to build it in; a module cache of its own."""

    def __init__(self, work, name='source'):
        self.folder = os.path.join(work, name)
        proxy = os.path.join(work, 'modules')
        if not os.path.isdir(proxy):
            write_module(proxy, 'example.com/vuln', 'v1.2.3', VULN)
            write_module(proxy, 'example.com/old', 'v1.0.0', {'old.go': SMALL.format('old')})
            write_module(proxy, 'example.com/old', 'v1.1.0-rc.1', {'old.go': SMALL.format('old')})
            write_module(proxy, 'example.com/fork', 'v1.0.0', {'fork.go': SMALL.format('fork')})
            write_module(proxy, 'example.com/forked', 'v1.0.5', {'fork.go': SMALL.format('fork')})
            write_module(proxy, 'go.example.com/zap', 'v0.0.0-20240102030405-abcdefabcdef',
                         {'zap.go': 'package zap\n\nimport "strings"\n\n'
                                    'func Inlined(s string) string { return strings.TrimSpace(s) }\n'})
        write(os.path.join(work, 'local', 'go.mod'), 'module example.com/local\n\ngo 1.18\n')
        write(os.path.join(work, 'local', 'local.go'), SMALL.format('local'))
        write(os.path.join(self.folder, 'main.go'), APP)
        write(os.path.join(self.folder, 'go.mod'), '''module example.com/app

go 1.18

require (
	example.com/fork v1.0.0
	example.com/local v1.0.0
	example.com/old v1.0.0
	example.com/vuln v1.2.3
	go.example.com/zap v0.0.0-20240102030405-abcdefabcdef
)

replace example.com/old => example.com/old v1.1.0-rc.1

replace example.com/fork => example.com/forked v1.0.5

replace example.com/local => ../local
''')
        self.env = {**lib.go_env(GOSUMDB='off', GOMODCACHE=os.path.join(work, 'modcache')),
                    'GOPROXY': f'file://{proxy}/proxy', 'GOFLAGS': '-mod=mod -modcacherw'}

    def build(self, name, *flags, **env):
        path = os.path.join(os.path.dirname(self.folder), name)
        run('go', 'build', '-buildvcs=false', *flags, '-o', path, '.', cwd=self.folder, env={**self.env, **env})
        return path


RANGE = ({'introduced': '0'}, {'fixed': '1.2.0'}, {'introduced': '1.2.1'}, {'fixed': '1.3.0'})
PACKAGE = 'example.com/vuln'


def database_entries():
    """Each number is one question; the comment says what is found."""
    return [
        entry(1, PACKAGE, [(PACKAGE, ['Plain', 'T.Get', 'secret'])], RANGE),          # symbol
        entry(2, PACKAGE, [(PACKAGE, ['Tiny'])], RANGE),                              # symbol, inlined wherever it is called
        entry(3, PACKAGE, [(PACKAGE, ['Unused', 'T.Unused'])], RANGE),                # package
        entry(4, PACKAGE, [(PACKAGE + '/absent', ['F'])], RANGE),                     # module
        entry(5, PACKAGE, [PACKAGE + '/sub'], RANGE),                                 # symbol: any of the package
        entry(6, PACKAGE, [], RANGE),                                                 # symbol: any of the module
        entry(7, PACKAGE, [(PACKAGE, ['Map'])], RANGE),                               # symbol, though govulncheck misses it
        entry(8, PACKAGE, [(PACKAGE + '/asm', ['Asm'])]),                             # symbol
        entry(9, PACKAGE, [(PACKAGE + '/asm', ['Other2'])]),                          # package
        entry(10, PACKAGE, [(PACKAGE + '/link', ['Hidden'])]),                        # package, and a doubt
        entry(11, PACKAGE, [(PACKAGE + '/only', ['Hidden'])]),                        # module, and a doubt
        entry(12, PACKAGE, [(PACKAGE, ['Plain'], {'goos': ['windows']})]),            # nothing: another system
        entry(13, PACKAGE, [(PACKAGE, ['Plain'], {'goos': ['linux'], 'goarch': ['amd64', 'arm64']})]),  # symbol
        entry(14, PACKAGE, [(PACKAGE, ['Plain'])], withdrawn='2025-01-01T00:00:00Z'),  # nothing: withdrawn
        entry(15, PACKAGE, [(PACKAGE, ['Plain'])], withdrawn='2199-01-01T00:00:00Z'),  # symbol: not yet
        entry(16, PACKAGE, [(PACKAGE, ['Plain'])], [{'introduced': '0'}, {'fixed': '1.2.3'}]),  # nothing: fixed
        entry(17, PACKAGE, [(PACKAGE, ['Plain'])], [{'introduced': '0'}, {'fixed': '1.2.4-0.20260101000000-abcdefabcdef'}]),
        entry(20, 'example.com/old', [('example.com/old', ['F'])], [{'introduced': '0'}, {'fixed': '1.1.0'}]),  # symbol
        entry(21, 'example.com/old', [('example.com/old', ['F'])], [{'introduced': '0'}, {'fixed': '1.1.0-rc.1'}]),  # nothing
        entry(22, 'example.com/fork', [('example.com/fork', ['F'])]),                 # nothing: another module is in its place
        entry(23, 'example.com/forked', [('example.com/forked', ['F'])]),             # nothing, as govulncheck has it
        entry(24, 'example.com/local', [('example.com/local', ['F'])]),               # nothing: no version
        entry(25, 'go.example.com/zap', [('go.example.com/zap', ['Inlined'])],
              [{'introduced': '0'}, {'fixed': '0.1.0'}]),                             # symbol, though govulncheck misses it
        entry(26, 'example.com/app', [('example.com/app', ['weak'])]),                # nothing, but where the main module has a version
        entry(30, 'stdlib', [('fmt', ['Println'])], [{'introduced': '0'}, {'introduced': '1.0.0-0'}]),  # symbol
        entry(31, 'stdlib', [('fmt', ['Println'])], [{'introduced': '0'}, {'fixed': '1.18.0'}]),  # nothing
        entry(32, 'stdlib', [('net/http', ['Get'])]),                                 # module
        entry(33, 'toolchain', [('cmd/go', ['main'])]),                               # nothing: no module of a program
    ]


EXPECTED = {1: 'symbol', 2: 'symbol', 3: 'package', 4: 'module', 5: 'symbol', 6: 'symbol', 7: 'symbol', 8: 'symbol', 9: 'package',
            10: 'package', 11: 'module', 13: 'symbol', 15: 'symbol', 17: 'symbol', 20: 'symbol', 25: 'symbol', 30: 'symbol',
            32: 'module'}
# Where we find more than govulncheck: it compares generic functions with their type arguments, and takes inlined
# functions of packages whose path begins with "go." for the compiler's own.
def better(name, package, symbol):
    return (name, symbol) == ('GO-2026-0007', 'Map') or (name, package) == ('GO-2026-0025', 'go.example.com/zap')


def numbered(found):
    return {int(name.rsplit('-', 1)[1]): level for name, level in found.items()}
