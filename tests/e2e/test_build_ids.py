#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build IDs: one that is missing is added, one that PT_NOTE hides is shown; Go's own tools answer as before."""
import hashlib
import itertools
import json
import os
import shutil

import lib
from lib import case, equal, expect, matches, run

ASKED = (('go', 'version', '-m'), ('go', 'tool', 'buildid'), ('go', 'tool', 'nm'))
NEEDS = ['go', 'gdb', 'readelf', 'eu-unstrip', 'debuginfod-find']
NOTE_BYTES, PHDR_BYTES = 36, 56  # what may differ among loadable bytes, with the header's three fields

_counter = itertools.count()


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def split(*args, status=0):
    """dbgsplit without sources; (its JSON object, what it printed on standard error)."""
    done = lib.dbgsplit('--sources=no', '--json', *args, status=status)
    return objects(done.text)[0], done.errors


def kinds(result):
    """The changes to its build ID."""
    return [c['kind'] for c in result.get('changes', ()) if c['kind'].startswith('build-id-')]


def fresh(work, name):
    path = os.path.join(work, f'{name}{next(_counter)}')
    os.mkdir(path)
    return path


def answers(path):
    return [run(*words, path).text.replace(path, 'PROGRAM') for words in ASKED]


def segments(path, kind):
    """(offset, size in the file, alignment) of each, from readelf."""
    lines = [line.split() for line in run('readelf', '-lW', path).text.splitlines()]
    return [(int(f[1], 16), int(f[4], 16), int(f[-1], 16)) for f in lines if f[:1] == [kind]]


def shown_id(path):
    """The ID by program headers alone, as who reads a core file or a loaded program finds it."""
    data = lib.read(path)
    order = 'big' if data[5] == 2 else 'little'
    for at, size, align in segments(path, 'NOTE'):
        align, end = max(align, 4), at + size
        while at + 12 <= end:
            name, desc, kind = (int.from_bytes(data[at + 4 * k:at + 4 * k + 4], order) for k in range(3))
            body = at + (12 + name + align - 1) // align * align
            if kind == 3 and data[at + 12:at + 12 + name] == b'GNU\0':
                return data[body:body + desc].hex()
            at = body + (desc + align - 1) // align * align
    return None


def go_derived(path):
    """SHA-256 over action, main action, main content and action again, all bits of the first byte flipped."""
    parts = run('go', 'tool', 'buildid', path).text.strip().split('/')
    equal(len(parts), 4, 'parts of the Go build ID')
    derived = bytearray(hashlib.sha256('/'.join(parts[:3] + parts[:1]).encode()).digest()[:20])
    derived[0] ^= 0xff
    return derived.hex()


def n_different(given, path):
    """How many loadable bytes a split program has otherwise."""
    end = max(at + size for at, size, _ in segments(path, 'LOAD'))
    return sum(a != b for a, b in zip(given[:end], lib.read(path)))


def check(work, flags, env, runs, change):
    """Build, split, and look at it from all sides; (store, the binary as it was)."""
    path = lib.go_program(fresh(work, 'tree'), flags=flags, env=env)
    before, given = answers(path), lib.read(path)
    wanted = (lib.build_id if '.note.gnu.build-id' in lib.section_names(path) else go_derived)(path)
    expect(shown_id(path) is None, 'this Go shows its build ID: the test is of no use')
    store = lib.new_store(work, f'store{next(_counter)}')
    unsplit = shutil.copy(path, fresh(work, 'unsplit'))

    result, _ = split(f'--store={store}', path)
    equal((result['status'], result['build_id'], kinds(result)), ('split', wanted, [change]))
    equal(shown_id(path), wanted, 'by PT_NOTE')
    equal(lib.build_id(path), wanted, 'by section, or segment')
    matches(wanted, run('eu-unstrip', '-n', '-e', path).text)
    equal(answers(path), before, 'what the go command says')
    differ = n_different(given, path)
    expect(0 < differ <= NOTE_BYTES + PHDR_BYTES + 12, f'{differ} loadable bytes differ')
    if runs:
        equal(run(path).text, run(unsplit).text, 'output')

    # The same ID from the file as it was, the stripped one, and another split of the first.
    matches(wanted, lib.dbgstore('find', f'--store={store}', unsplit).text)
    equal(split(f'--store={store}', path)[0]['status'], 'already')
    split(f'--store={store}', '-o', 'again', unsplit)
    equal(lib.read('again'), lib.read(path), 'split again')

    home = fresh(work, 'home')
    with lib.Server(store) as server:
        got = run('debuginfod-find', 'debuginfo', path, env=server.client_env(home)).text.strip()
        equal(lib.build_id(got), wanted, 'the debug file says')
        if runs:
            text = run('gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-ex', 'info line main.main',
                       path, env=server.client_env(home)).text
            matches(r'Line \d+ of ".*main\.go"', text)
    if '-buildmode=exe' in flags:  # eu-unstrip cannot join static position-independent ones, whoever split them
        run('eu-unstrip', '-o', 'joined', path, got)
        expect('.debug_info' in lib.section_names('joined'), 'eu-unstrip joins the two')
    return store, unsplit


def check_choices(store, unsplit, change):
    """--build-id=keep and mend."""
    kept, errors = split(f'--store={store}', '--build-id=keep', '-o', 'kept', unsplit, status=None)
    mended, mend_errors = split(f'--store={store}', '--build-id=mend', '-o', 'mended', unsplit, status=None)
    if change == 'build-id-added':
        equal((kept['status'], mended['status']), ('failed', 'failed'))
        matches('no build ID, .*--build-id=keep adds none', errors)
        matches('no build ID, .*--build-id=mend adds none', mend_errors)
        return
    equal((kinds(kept), shown_id('kept')), ([], None))
    equal(kinds(mended), [change])
    equal(shown_id('mended'), mended['build_id'])


def check_modes(work, env, runs, modes):
    lib.need_go_build_ids()
    for mode in modes:
        for flags, change in ((['-ldflags=-B=none'], 'build-id-added'), ([], 'build-id-shown')):
            check_choices(*check(work, ['-buildmode=' + mode] + flags, env, runs, change), change)


@case('Go: a hidden build ID is shown and a missing one added, exe and PIE', needs=NEEDS)
def native(work):
    check_modes(work, {}, True, ['exe', 'pie'])


for arch in ('arm64', 'arm', 's390x', '386', 'ppc64le', 'riscv64', 'mips64le', 'loong64'):
    def cross(work, arch=arch):
        pie = ['pie'] if arch in ('arm64', 'ppc64le') else []  # others need an external linker
        check_modes(work, {'GOARCH': arch, 'CGO_ENABLED': '0'}, False, ['exe'] + pie)
    case(f'Go for {arch}: the same', needs=NEEDS, long=True)(cross)


CGO = '''package main

// static int twice(int number) { return 2 * number; }
import "C"
import "fmt"

func main() { fmt.Println(C.twice(21)) }
'''


def cgo_program(work, flags):
    folder = fresh(work, 'cgo')
    lib.write(os.path.join(folder, 'main.go'), CGO)
    lib.write(os.path.join(folder, 'go.mod'), 'module example.com/cgo\n\ngo 1.21\n')
    run('go', 'build', *flags, '-o', 'prog', '.', cwd=folder, env=lib.go_env(CGO_ENABLED='1'))
    return os.path.join(folder, 'prog')


@case('cgo: linked by Go as always; linked by gcc, an ID that is there stays, and for one that is not there is no room',
      needs=NEEDS + ['gcc'])
def cgo(work):
    lib.need_go_build_ids()
    store = lib.new_store(work)
    for mode, flags, expected in (('internal', '-B=none', ['build-id-added']), ('external', '', []),
                                  ('external', '-B=none -extldflags=-Wl,--build-id=none', [])):
        path = cgo_program(work, [f'-ldflags=-linkmode={mode} {flags}'])
        before, given = answers(path), lib.read(path)
        wanted = lib.build_id(path) if not flags else go_derived(path)
        result, errors = split(f'--store={store}', path)
        equal((result['status'], result['build_id'], kinds(result)), ('split', wanted, expected), f'{mode} {flags}')
        equal((answers(path), run(path).text), (before, '42\n'))
        if flags and not expected:
            matches(f'no room for a build ID: the file stays without, and the store knows it as {wanted}', errors)
            equal(shown_id(path), None, 'the ID of a file without room')
            expect(n_different(given, path) <= 12, 'loadable bytes differ')
        else:
            equal(shown_id(path), wanted, 'by PT_NOTE')
        matches(wanted, lib.dbgstore('find', f'--store={store}', path).text)
        lib.dbgstore('get', f'--store={store}', '-o', 'got.debug', path, 'debuginfo')
        expect('.debug_info' in lib.section_names('got.debug'), 'no debug file')
        os.remove('got.debug')


@case('Go, -buildid=redacted and none: a content hash in place of an ID that says nothing; kept, the second collides',
      needs=NEEDS)
def redacted(work):
    lib.need_go_build_ids()
    flags = ['-ldflags=-buildid=redacted']
    one = lib.go_program(fresh(work, 'one'), flags=flags)
    two = lib.go_program(fresh(work, 'two'), flags=flags + ['-gcflags=-N -l'])
    equal(lib.build_id(one), lib.build_id(two), "what Go's linker gives both")
    store = lib.new_store(work)
    ids = set()
    for path in (one, two):
        before, unsplit = answers(path), shutil.copy(path, fresh(work, 'unsplit'))
        result, _ = split(f'--store={store}', path)
        equal((result['status'], kinds(result)), ('split', ['build-id-replaced', 'build-id-shown']))
        equal((shown_id(path), lib.build_id(path)), (result['build_id'], result['build_id']))
        equal((answers(path), run(path).text), (before, 'HELLO DBGVAULT\n'))
        ids.add(result['build_id'])
        matches(result['build_id'], lib.dbgstore('find', f'--store={store}', unsplit).text)
        equal(split(f'--store={store}', path)[0]['status'], 'already')
        split('--build-id=mend', f'--store={store}', '-o', 'mended', unsplit)
        equal(lib.read('mended'), lib.read(path), 'with --build-id=mend')
    expect(len(ids) == 2, f'one ID for two programs: {ids}')

    store = lib.new_store(work, 'kept')
    for path, status, outcome in ((one, 0, 'split'), (two, 1, 'failed')):
        unsplit = lib.go_program(os.path.dirname(path), flags=flags if path == one else flags + ['-gcflags=-N -l'])
        given = lib.read(unsplit)
        result, errors = split('--build-id=keep', f'--store={store}', unsplit, status=status)
        equal((result['status'], kinds(result)), (outcome, []))
    matches('in the store with other loadable content', errors)
    equal(lib.read(unsplit), given, 'the one that collides')

    # An empty one leaves no note at all, and no segment of notes.
    path = lib.go_program(fresh(work, 'none'), flags=['-ldflags=-buildid='])
    equal(segments(path, 'NOTE'), [], 'segments of notes')
    unsplit = shutil.copy(path, fresh(work, 'unsplit'))
    result, errors = split(f'--store={store}', path)
    matches(f'no room for a build ID: .* {result["build_id"]}', errors)
    for name in (path, unsplit):
        matches(result['build_id'], lib.dbgstore('find', f'--store={store}', name).text)


def c_program(work, flags=()):
    return lib.c_program(fresh(work, 'c'), flags=['-Wl,--build-id=none', *flags])


@case('C without a build ID: no room is said, and what to do; --debug-dir and --debug-file work', needs=['gcc', 'gdb'])
def c_without_room(work):
    store = lib.new_store(work)
    path = c_program(work)
    given = lib.read(path)
    result, errors = split(f'--store={store}', path, status=1)
    equal(result['status'], 'failed')
    matches(r'no build ID, .*-Wl,--build-id.*--debug-file or --debug-dir', errors)
    equal(lib.read(path), given, 'the input')
    split('--debug-dir=debug', '-o', 'one', path)
    split('--debug-file=two.debug', '-o', 'two', path)
    for name in ('one', 'two'):
        text = run('gdb', '-q', '-nx', '-batch', '-iex', 'set debug-file-directory debug', '-ex', 'info line main', name).text
        if name == 'two':  # beside it; below a debug directory, gdb looks by the program's own folder
            matches(r'Line \d+ of "prog\.c"', text)
    expect(any('.debug_info' in lib.section_names(os.path.join(at, name))
               for at, _, names in os.walk('debug') for name in names), 'no debug file in the folder')


@case('C without a build ID, but zeros behind its notes: a content hash', needs=['gcc', 'gdb', 'eu-unstrip', 'debuginfod-find'])
def c_with_room(work):
    script = run('ld', '--verbose').text.split('=' * 50)[1]
    script = script.replace('.note.gnu.build-id', '.note.ABI-tag : { *(.note.ABI-tag) } . = . + 64; .note.gnu.build-id', 1)
    lib.write('script', script)
    path = c_program(work, [f'-Wl,-T,{work}/script', '-no-pie'])
    given, unsplit = lib.read(path), shutil.copy(path, fresh(work, 'unsplit'))
    store = lib.new_store(work)
    result, _ = split(f'--store={store}', path)
    equal((result['status'], kinds(result)), ('split', ['build-id-added']))
    equal((shown_id(path), lib.build_id(path)), (result['build_id'], result['build_id']))
    equal(run(path).text, run(unsplit).text, 'output')
    expect(n_different(given, path) <= NOTE_BYTES + PHDR_BYTES + 12, 'loadable bytes differ')
    matches(result['build_id'], run('eu-unstrip', '-n', '-e', path).text)
    split(f'--store={store}', '-o', 'again', unsplit)
    equal(lib.read('again'), lib.read(path), 'split again')
    with lib.Server(store) as server:
        text = run('gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-ex', 'info line main', path,
                   env=server.client_env(work)).text
        matches(r'Line \d+ of "prog\.c"', text)


lib.main()
