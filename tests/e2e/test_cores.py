#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgstore find --core: what was mapped in a core file, and what the store has of it."""
import json
import os
import re

import lib
from cores import core_of, cxx_crash, go_crash, needs_own_build_id
from lib import case, equal, expect, matches, run


def elfutils_list(core):
    """The build IDs that elfutils sees in the core."""
    return sorted(re.findall(r'^\S+ ([0-9a-f]+)@', run('eu-unstrip', '-n', f'--core={core}').text, re.M))


def listed(store, core, status):
    out = run(lib.DBGSTORE, 'find', f'--store={store}', f'--core={core}', '--json', status=status).text
    return [json.loads(line) for line in out.splitlines()]


def check_find(work, binary, vanish):
    build_id = lib.build_id(binary)
    core = core_of(work, binary)
    store = lib.new_store(work)
    lines = listed(store, core, 1)
    equal([line['status'] for line in lines][-1], 'failed', 'the program is missing')
    files = lines[:-1]
    equal([(f['build_id'], f['mapped'], f['status']) for f in files if f['program']], [(build_id, binary, 'missing')], 'program')
    # By another reader. Locales and caches are mapped files, too, but no ELF files.
    equal(sorted(f['build_id'] for f in files if 'build_id' in f), elfutils_list(core), 'build IDs')
    for f in files:
        expect('build_id' in f or f['why'] in ('not an ELF file', 'its start is not in the core'), f)

    lib.dbgsplit(f'--store={store}', binary)
    os.rename(vanish, os.path.join(work, 'gone'))
    by_id = {f.get('build_id'): f for f in listed(store, core, 0)}
    equal(by_id[build_id]['status'], 'found', 'status')
    expect(by_id[build_id]['debuginfo'] and by_id[build_id]['executable'], by_id[build_id])
    text = run(lib.DBGSTORE, 'find', f'--store={store}', '--core', core).text
    matches(rf'^{build_id}  debuginfo,executable(,sources)?  {re.escape(binary)}$', text)
    matches(r'^[0-9a-f]+  missing  \[vdso\]$', text)


@case('find --core: a C++ program and its libraries, as elfutils lists them', needs=['g++', 'eu-unstrip', 'eu-readelf'])
def find_cxx(work):
    check_find(work, cxx_crash(work), os.path.join(work, 'tree'))


@case('find --core: a Go program whose build ID stands behind PT_NOTE', needs=['go', 'eu-unstrip', 'eu-readelf'])
def find_go(work):
    needs_own_build_id()
    check_find(work, go_crash(work), os.path.join(work, 'tree'))


@case('find --core: a Go program without a build ID, by the one that is derived from Go\'s', needs=['go'])
def find_derived(work):
    binary = go_crash(work, *(['-ldflags=-B=none'] if lib.go_release() >= (1, 24) else []))
    store = lib.new_store(work)
    lib.dbgstore('add', f'--store={store}', binary)
    build_id = lib.dbgstore('list', f'--store={store}').text.split()[0]
    program, = [f for f in listed(store, core_of(work, binary), 0) if f['program']]
    equal((program['status'], program['build_id']), ('found', build_id), 'program')


@case('find --core: what is no core, compressed or cut is told', needs=['gcc', 'gzip'])
def find_odd(work):
    binary = lib.c_program(work, source='#include <stdlib.h>\nint main(void) { abort(); }\n')
    core = core_of(work, binary)
    store = lib.new_store(work)

    def said(path, status=1):
        return run(lib.DBGSTORE, 'find', f'--store={store}', f'--core={path}', status=status).errors
    matches(rf'^dbgstore: {re.escape(binary)}: not a core file: ELF of type', said(binary))
    matches(r'/prog\.c: not an ELF file, so no core file', said(os.path.join(work, 'prog.c')))
    matches(r'no-such: No such file', said('no-such'))
    run('gzip', '-k', core)
    matches(r'compressed with gzip; decompress it first', said(core + '.gz'))
    with open(core, 'r+b') as f:
        f.truncate(os.path.getsize(core) // 2)
    matches(r'core\S*: cut short', said(core, None))  # gdb writes the notes last
    matches(r'nothing to find', run(lib.DBGSTORE, 'find', f'--store={store}', status=2).errors)


lib.main()
