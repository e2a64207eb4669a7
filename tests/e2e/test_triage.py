#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgcheck --vulndb on real Go programs: every level, with govulncheck on the same file and database as the judge."""
import json
import os
import platform

import lib
import vulns
from lib import Skip, case, dbgcheck, dbgsplit, dbgstore, equal, expect, matches, run, write
from schema import hold

EXPECTED = vulns.EXPECTED


def program_and_database(work):
    if platform.machine() != 'x86_64':
        raise Skip('the program has x86-64 assembly in it')
    return vulns.Program(work), vulns.write_database(os.path.join(work, 'db'), vulns.database_entries())


VARIANTS = {
    'default': (),
    '-s': ('-ldflags=-s',),
    '-w -trimpath': ('-ldflags=-w', '-trimpath'),
    'PIE': ('-buildmode=pie',),
}


@case('every level is found, in each kind of build, as govulncheck finds it', needs=['go', 'govulncheck'])
def levels(work):
    program, database = program_and_database(work)
    judged = None
    for name, flags in VARIANTS.items():
        path = program.build('app-' + str(len(name)), *flags)
        line = vulns.triage(path, database)
        equal(vulns.numbered(vulns.levels(line)), EXPECTED, name)
        equal(line['functions_read'], True, name)
        equal(line['database_time'], '2026-02-03T04:05:06Z', name)
        if name != '-s':
            judged = vulns.govulncheck(path, database, env=program.env)
        # Of a file without symbols, govulncheck says that all is there; we say what it says of the whole one.
        vulns.agree(line, judged, vulns.better)


@case('a split program is judged as before', needs=['go'])
def split(work):
    program, database = program_and_database(work)
    path = program.build('app')
    before = vulns.triage(path, database)
    dbgsplit(f'--store={lib.new_store(work)}', path)
    equal(vulns.triage(path, database), before, 'triage')


@case('an externally linked PIE, with symbols and without, is read in full', needs=['go', 'gcc'])
def external(work):
    program, database = program_and_database(work)
    for flags in ('-linkmode=external', '-linkmode=external -s'):
        path = program.build('app', '-buildmode=pie', f'-ldflags={flags}', CGO_ENABLED='1')
        line = vulns.triage(path, database)
        equal(line['functions_read'], True, flags)
        equal(vulns.numbered(vulns.levels(line)), EXPECTED, flags)


@case('a plugin is judged like a program', needs=['go', 'gcc', 'govulncheck'])
def plugin(work):
    program, database = program_and_database(work)
    path = program.build('app.so', '-buildmode=plugin', CGO_ENABLED='1')
    line = vulns.triage(path, database)
    # A plugin keeps methods that a program would drop.
    equal(vulns.numbered(vulns.levels(line)), {**EXPECTED, 3: 'symbol'}, 'levels')
    vulns.agree(line, vulns.govulncheck(path, database, env=program.env), vulns.better)


@case('text, JSON and the exit status; a database in a folder or a zip', needs=['go'])
def told(work):
    program, database = program_and_database(work)
    path = program.build('app')
    done = dbgcheck(f'--vulndb={database}', path, status=3)
    matches(r'known vulnerabilities: 18 in modules, 15 in packages, 12 in functions \(database of 2026-02-03\)', done.text)
    matches(r'^  GO-2026-0001  symbol   example.com/vuln@v1.2.3 +-> v1.3.0 +example.com/vuln: Plain, T.Get$', done.text)
    expect('GO-2026-0003' not in done.text, 'a finding that is not at symbol level is told')
    matches(r'^  GO-2026-0003  package ', dbgcheck(f'--vulndb={database}', '-v', path, status=3).text)
    equal(dbgcheck(f'--vulndb={database}', '-q', path, status=3).text, '', 'quiet')
    whole = dbgcheck(f'--vulndb={database}', '--json', path, status=3).text
    hold('check-1', json.loads(whole))
    for prefix in ('', 'vulndb/'):
        packed = vulns.zip_database(database, os.path.join(work, 'db.zip'), prefix)
        equal(dbgcheck(f'--vulndb={packed}', '--json', path, status=3).text, whole, packed)
    # What has nothing at symbol level passes.
    calm = vulns.write_database(os.path.join(work, 'calm'), [e for e in vulns.database_entries() if e['id'] == 'GO-2026-0003'])
    dbgcheck(f'--vulndb={calm}', path)


@case('what is no Go program is passed over', needs=['gcc'])
def not_go(work):
    database = vulns.write_database(os.path.join(work, 'db'), vulns.database_entries())
    path = lib.c_program(work)
    done = dbgcheck(f'--vulndb={database}', '--json', path)
    hold('check-1', json.loads(done.text))
    equal(json.loads(done.text)['status'], 'skipped', 'status')
    matches('passed over: no Go build information', dbgcheck(f'--vulndb={database}', '-v', path).text)


@case('a database that is missing, or damaged, is told, and where to get one')
def bad_database(work):
    write('prog', 'text')
    os.mkdir('empty')
    write('text', 'no zip')
    for path, why in (('none', 'none: no such database; https://vuln.go.dev/vulndb.zip'),
                      ('empty', 'no index/modules.json in it, so it is no Go vulnerability database; https://vuln.go.dev'),
                      ('text', 'text: as a zip: ')):
        expect(why in dbgcheck(f'--vulndb={path}', 'prog', status=1).errors, f'{path}: not told: {why}')
    database = vulns.write_database('db', vulns.database_entries())
    write('db/index/modules.json', '{"a": 1}')
    matches('db: index/modules.json: expected an array', dbgcheck(f'--vulndb={database}', 'prog', status=1).errors)
    matches('neither FILE nor DIR, nor a store', dbgcheck(f'--vulndb={database}', status=2).errors)
    matches('--vex needs --vulndb', dbgcheck('--vex', 'prog', status=2).errors)


@case('an entry that is missing or damaged fails the file that needs it', needs=['go'])
def bad_entry(work):
    program, database = program_and_database(work)
    path = program.build('app')
    entry = os.path.join(database, 'ID', 'GO-2026-0001.json')
    for text, why in ((None, 'ID/GO-2026-0001.json is missing'), ('{', 'GO-2026-0001.json: '),
                      ('{"id": "GO-2026-0001", "affected": 7}', 'ID/GO-2026-0001.json: affected: expected an array')):
        os.remove(entry)
        if text:
            write(entry, text)
        done = dbgcheck(f'--vulndb={database}', '--json', path, status=1)
        hold('check-1', json.loads(done.text))
        expect(why in json.loads(done.text)['error'], done.text)
        write(entry, text or '')


# ---- a store ----

@case('every build in a store: by vulnerability, and which to rebuild first', needs=['go'])
def store(work):
    program, database = program_and_database(work)
    store = lib.new_store(work)
    equal(dbgcheck(f'--vulndb={database}', f'--store={store}').text.splitlines()[0],
          f'{store}: 0 Go programs in 0 builds, 0 with a vulnerable function (database of 2026-02-03)', 'empty')
    os.makedirs('out/bin')
    for name, flags in (('one', ()), ('two', ('-trimpath',)), ('three', ('-buildmode=pie',))):
        os.rename(program.build(name, *flags), f'out/bin/{name}')
    write(os.path.join(program.folder, 'main.go'), 'package main\n\nfunc main() { println("calm") }\n')
    os.rename(program.build('calm'), 'out/bin/calm')
    alone = {name: vulns.triage(f'out/bin/{name}', database) for name in ('one', 'two', 'three', 'calm')}
    if lib.go_release() < (1, 24):
        raise Skip('Go 1.24 or newer is needed: older ones write no GNU build ID of their own')
    dbgsplit(f'--store={store}', '--purl=pkg:deb/debian/out@1', 'out')
    done = dbgcheck(f'--vulndb={database}', f'--store={store}', '--json', status=3)
    lines = [json.loads(line) for line in done.text.splitlines()]
    for line in lines:
        hold('check-1', line)
    summary = lines.pop()
    equal(len(lines), 4, 'builds')
    for line in lines:
        expected = alone[os.path.basename(line['path'])]
        equal(line['vulnerabilities'], expected['vulnerabilities'], line['path'])
        equal(line['counts'], expected['counts'], line['path'])
    equal((summary['status'], summary['builds'], summary['go_builds']), ('store-triaged', 4, 4), 'summary')
    table = {one['id']: one for one in summary['builds_by_vulnerability']}
    # The calm program requires the modules no more, but has the standard library.
    equal(table['GO-2026-0001'], {'id': 'GO-2026-0001', 'module': 3, 'package': 3, 'symbol': 3}, 'row')
    equal(table['GO-2026-0003'], {'id': 'GO-2026-0003', 'module': 3, 'package': 3, 'symbol': 0}, 'row')
    equal(table['GO-2026-0032'], {'id': 'GO-2026-0032', 'module': 4, 'package': 0, 'symbol': 0}, 'row')
    equal([one['symbol'] for one in summary['rebuild_first']], [12, 12, 12], 'rebuild first')
    text = dbgcheck(f'--vulndb={database}', f'--store={store}', status=3).text
    matches(r'^GO-2026-0001 +3 +3 +3$', text)
    expect('GO-2026-0003' not in text, text)
    matches(rf'^rebuild first:\n  {summary["rebuild_first"][0]["build_id"]}  12 in functions, ', text)
    # A document about the store: its product is what the records say.
    document = vex(database, f'--store={store}')
    equal({s['products'][0]['@id'] for s in document['statements']}, {'pkg:deb/debian/out@1'}, 'products')


@case('of a stored file, only what is needed is decoded', needs=['go'])
def frames(work):
    program, database = program_and_database(work)
    store = lib.new_store(work)
    path = program.build('app')
    dbgsplit(f'--store={store}', '--build-id=add', path)
    before = dbgcheck(f'--vulndb={database}', f'--store={store}', '--json', status=3).text
    digest = matches('"executable":{"digest":"([0-9a-f]+)"', dbgstore('info', f'--store={store}', '--json',
                                                                     lib.build_id(path)).text.replace(' ', '')).group(1)
    object_ = os.path.join(store, 'objects', digest[:2], digest[2:] + '.zst')
    os.chmod(object_, 0o600)
    damaged = bytearray(lib.read(object_))
    at = len(damaged) // 4  # code comes first
    damaged[at:at + 64] = b'x' * 64
    write(object_, bytes(damaged))
    dbgstore('verify', f'--store={store}', status=3)
    equal(dbgcheck(f'--vulndb={database}', f'--store={store}', '--json', status=3).text, before, 'lines')


# ---- VEX ----

def vex(database, *args, status=None):
    return json.loads(dbgcheck(f'--vulndb={database}', '--vex', *args, status=status).text)


def statements(document):
    return {int(s['vulnerability']['name'].rsplit('-', 1)[1]): s for s in document['statements']}


@case('OpenVEX: affected, not affected, and under investigation where a doubt is left', needs=['go'])
def vex_statuses(work):
    program, database = program_and_database(work)
    for flags in ((), ('-ldflags=-s', '-trimpath')):
        path = program.build('app', *flags)
        document = vex(database, '--vex-author=Me <me@example.com>', '--vex-time=2026-03-04T05:06:07Z', '--vex-version=3',
                       '--vex-product=pkg:deb/debian/app@1', path)
        equal(document['@context'], 'https://openvex.dev/ns/v0.2.0', 'context')
        equal((document['author'], document['timestamp'], document['version']),
              ('Me <me@example.com>', '2026-03-04T05:06:07Z', 3), 'author, time, version')
        said = statements(document)
        equal({n for n, s in said.items()}, set(EXPECTED), 'statements')
        for number, statement in said.items():
            wanted = {'symbol': 'affected'}.get(EXPECTED[number], 'not_affected')
            if number in (10, 11):
                wanted = 'under_investigation'
            equal(statement['status'], wanted, f'{flags} {number}: {statement}')
            equal(statement['products'][0]['@id'], 'pkg:deb/debian/app@1', 'product')
            equal('justification' in statement, wanted == 'not_affected', 'justification')
            equal('action_statement' in statement, wanted == 'affected', 'action')
        equal(said[3]['justification'], 'vulnerable_code_not_present', 'justification')
        matches(r'^example.com/vuln/link .*example.com/vuln/user.shown', said[10]['status_notes'])
        matches(r'^example.com/vuln/only .*example.com/vuln/user.alone', said[11]['status_notes'])
        equal(said[1]['action_statement'], 'Update pkg:golang/example.com/vuln@v1.2.3 to v1.3.0 or later.', 'action')
        equal(said[6]['products'][0]['subcomponents'], [{'@id': 'pkg:golang/example.com/vuln@v1.2.3'}], 'parts')
        equal(said[1]['vulnerability'], {'@id': 'https://pkg.go.dev/vuln/GO-2026-0001', 'name': 'GO-2026-0001',
                                         'description': 'What 1 is', 'aliases': ['CVE-2026-0001']}, 'vulnerability')


@case('OpenVEX: the same said again is the same document; the product is the main module', needs=['go'])
def vex_again(work):
    program, database = program_and_database(work)
    path, again = program.build('app'), program.build('again', '-ldflags=-s')
    env = lib.clean_env(SOURCE_DATE_EPOCH='86400')
    first = dbgcheck(f'--vulndb={database}', '--vex', path, status=3, env=env).text
    equal(dbgcheck(f'--vulndb={database}', '--vex', path, status=3, env=env).text, first, 'document')
    document = json.loads(first)
    equal(document['timestamp'], '1970-01-02T00:00:00Z', 'time')
    matches('^https://openvex.dev/docs/public/vex-[0-9a-f]{64}$', document['@id'])
    equal(document['author'], 'Unknown Author', 'author')
    matches('^pkg:golang/example.com/app', document['statements'][0]['products'][0]['@id'])
    # Files of one product make one statement each ID.
    both = vex(database, '--vex-product=urn:x', path, again)
    equal(len(both['statements']), len(document['statements']), 'statements')


@case('OpenVEX: nothing is said to be absent where the function table was not read in full', needs=['go'])
def vex_damaged(work):
    program, database = program_and_database(work)
    path = program.build('app', '-ldflags=-s')
    bytes_ = bytearray(lib.read(path))
    header = matches(r' \.gopclntab +\S+ +\S+ +(\S+) +(\S+)', run('readelf', '-SW', path).text)
    at = int(header.group(1), 16)
    # The first function's offset in the index of functions, which the header's last word points to.
    functions = at + int.from_bytes(bytes_[at + 8 + 7 * 8:at + 16 + 7 * 8], 'little')
    bytes_[functions + 4:functions + 8] = b'\xff\xff\xff\x7f'
    write('damaged', bytes(bytes_))
    said = statements(vex(database, 'damaged'))
    equal({s['status'] for s in said.values()}, {'affected', 'under_investigation'}, 'statuses')
    matches('Go function table: function 0 at', said[3]['status_notes'])
    # With another magic number there is no table: then all is taken to be there, and nothing is said for sure.
    bytes_[at] = 0x77
    write('damaged', bytes(bytes_))
    line = vulns.triage('damaged', database)
    equal(line['symbols_assumed'], True, 'assumed')
    equal(vulns.numbered(vulns.levels(line))[3], 'symbol', 'level')
    equal({s['status'] for s in statements(vex(database, 'damaged')).values()}, {'under_investigation'}, 'statuses')


@case('OpenVEX: names that tell nothing leave a doubt', needs=['go'])
def vex_obfuscated(work):
    program, database = program_and_database(work)
    path = program.build('app', '-ldflags=-s')
    # As obfuscators do: every package has another name.
    write('hidden', lib.read(path).replace(b'runtime.', b'xuntime.').replace(b'example.com/vuln.', b'example.com/xuln.'))
    said = statements(vex(database, 'hidden'))
    equal(said[3]['status'], 'under_investigation', 'status')
    matches('names may be obfuscated', said[3]['status_notes'])


GO_VEX = '''package main

import (
	"fmt"
	"os"

	"github.com/openvex/go-vex/pkg/vex"
)

func main() {
	doc, err := vex.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	for _, s := range doc.Statements {
		if err := s.Validate(); err != nil {
			panic(err)
		}
		fmt.Println(s.Vulnerability.Name, s.Status, len(doc.Matches(string(s.Vulnerability.Aliases[0]), os.Args[2], nil)))
	}
}
'''


@case('OpenVEX: the library of vexctl takes it, and finds its statements', needs=['go'], long=True)
def go_vex(work):
    program, database = program_and_database(work)
    path = program.build('app')
    write('app.json', dbgcheck(f'--vulndb={database}', '--vex', '--vex-product=pkg:generic/app@1', path, status=3).out)
    write('reader/main.go', GO_VEX)
    write('reader/go.mod', 'module example.com/reader\n\ngo 1.22\n')
    env = lib.clean_env(GOFLAGS='-mod=mod')
    if run('go', 'get', 'github.com/openvex/go-vex@v0.2.9', cwd='reader', env=env, status=None, timeout=600).status:
        raise Skip('github.com/openvex/go-vex cannot be had')
    run('go', 'build', '-o', 'read', '.', cwd='reader', env=env, timeout=1200)
    lines = run('reader/read', 'app.json', 'pkg:generic/app@1').text.splitlines()
    equal(len(lines), len(EXPECTED), 'statements')
    for line in lines:
        name, status, found = line.split()
        number = int(name.rsplit('-', 1)[1])
        equal(found, '1', f'{name}: statements by alias and product')
        if number not in (10, 11):
            equal(status, {'symbol': 'affected'}.get(EXPECTED[number], 'not_affected'), name)


if __name__ == '__main__':
    lib.main()
