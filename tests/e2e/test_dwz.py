#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debug information that dwz has put into a file of its own: the pair is kept, served, verified and merged."""
import os
import re

import lib
from lib import case, equal, expect, matches, run
from serving import logged

GDB = ['gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-iex', 'set confirm off']
N = 30


def pair(folder, *options, common='common.dwz'):
    """Two programs of one large header; dwz has moved into `common` what they share. (one, two, ID of common)"""
    header = ''.join(f'''struct shared_{i}
{{
	int first_{i};
	long second_{i};
	struct shared_{max(i - 1, 0)} *link_{i};
	char text_{i}[{i + 1}];
}};
static inline long sum_{i}(const struct shared_{i} *record)
{{
	return record->first_{i} + record->second_{i};
}}
''' for i in range(N))
    lib.write(os.path.join(folder, 'shared.h'), header)
    for name in ('one', 'two'):
        lines = ''.join(f'	struct shared_{i} local_{i} = {{ {i}, {len(name)}, 0, "" }};\n	total += sum_{i}(&local_{i});\n'
                        for i in range(N))
        lib.c_program(folder, name, ['-O0'], source=f'#include "shared.h"\nint {name}_number = {ord(name[0])};\nint main(void)\n'
                                                    f'{{\n	long total = {name}_number;\n{lines}	return total == 0;\n}}\n')
    run('dwz', '-m', common, *options, 'one', 'two', cwd=folder)
    path = os.path.join(folder, common)
    for name in ('one', 'two'):
        expect('.gnu_debugaltlink' in lib.section_names(os.path.join(folder, name)), f'dwz left {name} alone')
    return os.path.join(folder, 'one'), os.path.join(folder, 'two'), lib.build_id(path)


def get(store, build, kind='debuginfo', status=0):
    return lib.dbgstore('get', f'--store={store}', build, kind, status=status).out


@case('gdb shows types of the common file, which it asks dbgserve for by its own ID', needs=['gdb', 'gcc', 'dwz'])
def debug(work):
    tree, store = os.path.join(work, 'tree'), lib.new_store(work)
    one, _, common = pair(tree)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', one)
    equal(get(store, common), lib.read(f'{tree}/common.dwz'), 'the common file')
    os.rename(one, 'released')
    os.rename(tree, 'gone')
    with lib.Server(store) as server:
        out = run(*GDB, '-ex', 'break sum_5', '-ex', 'run', '-ex', 'backtrace', '-ex', 'print *record', '-ex',
                  'ptype struct shared_7', '-ex', 'up', '-ex', 'list', 'released', env=server.client_env(work), status=None)
        text = out.text + out.errors
        matches(r'#1  .* in main \(\) at .*one\.c:\d+', text)
        matches(r'first_5 = 5, second_5 = 3', text)
        matches(r'^type = struct shared_7 \{', text)
        matches(r'struct shared_6 \*link_7;', text)
        matches(r'total \+= sum_5', text)
        logged(server, rf'served kind=debuginfo id={common} status=200')


@case('the common file is found as gdb finds it: by path, in .dwz folders and by build ID', needs=['gcc', 'dwz'])
def found(work):
    def expect_found(name, path, common, moved):
        store = lib.new_store(work, f'store-{name}')
        done = lib.dbgsplit(f'--store={store}', '-o', f'{name}.out', path)
        expect('dwz' not in done.errors, f'{name}: {done.errors}')
        equal(get(store, common), lib.read(moved), f'{name}: the common file')
        equal(lib.dbgstore('verify', f'--store={store}').text, '', f'{name}: findings')

    tree = os.path.join(work, 'tree')
    one, _, common = pair(tree, '-M', '/usr/lib/debug/.dwz/none-such/pair.debug')
    hexes = os.path.join('usr/lib/debug/.build-id', common[:2], common[2:] + '.debug')
    for name, where in (('dwz', 'tree/.dwz/none-such/pair.debug'), ('above', '.dwz/none-such/pair.debug'),
                        ('unpacked', 'tree/usr/lib/debug/.dwz/none-such/pair.debug'), ('id', f'tree/.build-id/{common[:2]}/{common[2:]}.debug')):
        os.makedirs(os.path.dirname(os.path.join(work, where)), exist_ok=True)
        os.rename('tree/common.dwz', where)
        expect_found(name, one, common, where)
        os.rename(where, 'tree/common.dwz')
    # A file that lies there and is another is not taken.
    lib.write('tree/.dwz/none-such/pair.debug', lib.read(lib.c_program(work, 'other')))
    store = lib.new_store(work, 'store-other')
    done = lib.dbgsplit(f'--store={store}', '-o', 'other.out', one)
    matches(rf'refers to /usr/lib/debug/\.dwz/none-such/pair\.debug \(dwz, build ID {common}\)', done.errors)
    get(store, common, status=1)
    expect(hexes, 'name')


@case('a partner that is missing is told, found by verify, and cured by adding it; gc keeps the pair', needs=['gcc', 'dwz'])
def missing(work):
    tree, store = os.path.join(work, 'tree'), lib.new_store(work)
    one, two, common = pair(tree)
    os.rename(f'{tree}/common.dwz', 'away')
    done = lib.dbgsplit(f'--store={store}', f'--source-root={tree}', '-o', 'one.out', one)
    matches(rf'refers to common\.dwz \(dwz, build ID {common}\), which is neither found nor in the store', done.errors)
    done = lib.dbgstore('add', f'--store={store}', two)
    matches(rf'two: its debug information refers to common\.dwz', done.errors)
    findings = lib.dbgstore('verify', f'--store={store}', status=3).text
    matches(rf'\Amissing +builds/{common[:2]}/{common}: the debug information of build [0-9a-f]+ refers to it', findings)
    equal(findings.count('\n'), 1, 'findings')

    done = lib.dbgstore('add', f'--store={store}', 'away')
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    # Named by the contribution now, too.
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', '-o', 'one.out', one)
    matches(rf'dwz file +build ID {common}$', lib.dbgstore('info', f'--store={store}', lib.build_id(one)).text)
    lib.dbgstore('gc', f'--store={store}', '--grace=0')
    equal(get(store, common), lib.read('away'), 'the common file after gc')
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')

    # Where its own record goes, it stays as long as another build needs it.
    lib.dbgstore('rm', f'--store={store}', common)
    lib.dbgstore('gc', f'--store={store}', '--grace=0')
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    lib.dbgstore('rm', f'--store={store}', lib.build_id(one), lib.build_id(two))
    lib.dbgstore('gc', f'--store={store}', '--grace=0')
    equal(run('find', f'{store}/objects', '-type', 'f').text, '', 'objects')


@case('a merge brings both', needs=['gcc', 'dwz'])
def merge(work):
    store, other = lib.new_store(work), lib.new_store(work, 'other')
    one, _, common = pair(os.path.join(work, 'tree'))
    lib.dbgsplit(f'--store={other}', one)
    lib.dbgstore('merge', f'--store={store}', other)
    equal(get(store, common), lib.read('tree/common.dwz'), 'the common file')
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    expect(re.search(common, lib.dbgstore('info', f'--store={store}', '--json', lib.build_id(one)).text), 'no partner in the record')


lib.main()
