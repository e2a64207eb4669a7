#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgstore gc: what no build needs goes, what one needs stays, whoever writes meanwhile."""
import json
import os
import random
import shutil
import subprocess
import threading

import lib
import schema
from lib import case, equal, expect, matches


def program(folder, name, n=0):
    """A small program with a header that all share."""
    lib.write(os.path.join(folder, 'common.h'), 'static inline int common(int n)\n{\n\treturn n + 1;\n}\n')
    return lib.c_program(folder, name, ['-O0'], source=f'''#include "common.h"
int own_{name}(int number)
{{
	return common(number) + {n};
}}
int main(void)
{{
	return own_{name}(0) != {n + 1};
}}
''')


def gc(store, *options, status=0):
    """The lines of a run, each as the schema has it, and the last, the sum."""
    done = lib.dbgstore('gc', f'--store={store}', '--json', *options, status=status)
    lines = [json.loads(line) for line in done.text.splitlines()]
    for line in lines:
        schema.hold('store-1', line)
    return lines[:-1], lines[-1]


def lose(store, build):
    """As if its writer had been killed before the record was written."""
    shutil.rmtree(os.path.join(store, 'builds', build[:2], build))
    lib.dbgstore('reindex', f'--store={store}')


@case('what a killed writer left goes after the grace period, and the other build keeps all', needs=['gcc'])
def garbage(work):
    store, tree = lib.new_store(work), os.path.join(work, 'src')
    kept, lost = program(tree, 'kept'), program(tree, 'lost', 1)
    ids = {p: lib.build_id(p) for p in (kept, lost)}
    original = lib.read(kept)
    # The first pack has the common header, which the other build needs.
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', lost)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', kept)
    lib.dbgstore('get', f'--store={store}', ids[kept], 'debuginfo', '-o', 'kept.debug')
    lose(store, ids[lost])

    lines, total = gc(store)
    equal((lines, total['objects'], total['packs'], total['young']), ([], 0, 0, 3), 'within the grace period')
    lines, would = gc(store, '--grace=0', '-n')
    equal(would['dry_run'], True, 'dry run')
    equal({line['status'] for line in lines}, {'would-remove'}, 'status')
    for line in lines:
        expect(os.path.exists(os.path.join(store, line['path'])), f'{line["path"]} is gone in a dry run')
    lines, total = gc(store, '--grace=0')
    equal(sorted(line['kind'] for line in lines), ['object'] * 3 + ['pack-rewritten'], 'what went')
    equal((total['objects'], total['packs'], total['sources']), (3, 1, 1), 'counts')
    for line in lines:
        expect(not os.path.exists(os.path.join(store, line['path'])), f'{line["path"]} is still there')
    equal(sum(line['freed_bytes'] for line in lines), total['freed_bytes'], 'bytes')
    equal(gc(store, '--grace=0')[0], [], 'a second time')

    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    equal(lib.dbgstore('get', f'--store={store}', ids[kept], 'debuginfo').out, lib.read('kept.debug'), 'debug image')
    for name in ('kept.c', 'common.h'):
        equal(lib.dbgstore('get', f'--store={store}', ids[kept], 'source', f'{tree}/{name}').out,
              lib.read(f'{tree}/{name}'), name)
    # What went can be added again.
    lib.write('again', original)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', 'again')
    lib.dbgstore('verify', f'--store={store}')


@case('a record that cannot be read keeps everything, and says so', needs=['gcc'])
def doubt(work):
    store, tree = lib.new_store(work), os.path.join(work, 'src')
    one, two = program(tree, 'one'), program(tree, 'two', 1)
    ids = [lib.build_id(p) for p in (one, two)]
    lib.dbgsplit(f'--store={store}', one, two)
    lose(store, ids[1])
    record = os.path.join(store, 'builds', ids[0][:2], ids[0])
    path = os.path.join(record, os.listdir(record)[0])
    text = lib.read(path)
    os.chmod(path, 0o600)
    lib.write(path, text[:-5])
    before = sorted(os.listdir(os.path.join(store, 'objects')))
    done = lib.dbgstore('gc', f'--store={store}', '--grace=0', status=1)
    matches(rf'nothing is removed, for what builds need is not known: builds/{ids[0][:2]}/{ids[0]}/', done.errors)
    lines, failure = gc(store, '--grace=0', status=1)
    equal((lines, failure['status']), ([], 'failed'), 'lines')
    equal(sorted(os.listdir(os.path.join(store, 'objects'))), before, 'objects')
    lib.write(path, text)
    expect(gc(store, '--grace=0')[1]['objects'] > 0, 'nothing went when the record was whole again')
    lib.dbgstore('verify', f'--store={store}')


@case('wrong use, and a store without anything')
def usage(work):
    store = lib.new_store(work)
    for wrong in ('--grace=soon', '--grace=', '--grace=-1', '--quarantine-grace=1w', 'more'):
        lib.dbgstore('gc', f'--store={store}', wrong, status=2)
    equal(gc(store)[0], [], 'lines')
    lib.dbgstore('gc', f'--store={work}/none', status=1)


@case('writers beside gc --grace=0: no build that is published loses anything', needs=['gcc'])
def crowd(work):
    store, tree = lib.new_store(work), os.path.join(work, 'src')
    built = [program(tree, f'prog{i}', i) for i in range(8)]
    ids = [lib.build_id(p) for p in built]
    whole = [lib.read(p) for p in built]
    troubles, over, counts = [], threading.Event(), {'runs': 0, 'collected': 0, 'refused': 0}

    def collect():
        while not over.is_set():
            counts['collected'] += gc(store, '--grace=0')[1]['objects']
            counts['runs'] += 1

    def write(number):
        order = list(range(len(built)))
        random.Random(number).shuffle(order)
        for i in order[:4]:
            path = f'{work}/bin.{number}.{i}'
            for attempt in range(1000):
                lib.write(path, whole[i], 0o755)
                done = lib.dbgsplit('-q', f'--store={store}', f'--source-root={tree}', path, status=None)
                if done.status == 0:
                    break
                # It came too late to what it had written: then nothing has happened.
                matches('not in the store', done.errors)
                equal(lib.read(path), whole[i], 'a binary that was not split')
                counts['refused'] += 1
            else:
                raise lib.Failed(f'{attempt} times in vain')
            lib.dbgstore('get', f'--store={store}', ids[i], 'debuginfo', '-o', f'{path}.debug')
            equal(lib.dbgstore('get', f'--store={store}', ids[i], 'source', f'{tree}/prog{i}.c').out,
                  lib.read(f'{tree}/prog{i}.c'), 'source')

    def guarded(function, *args):
        def call():
            try:
                function(*args)
            except BaseException as error:  # pylint: disable=broad-except
                troubles.append(error)
        thread = threading.Thread(target=call)
        thread.start()
        return thread

    # All that they write is there already, and nothing needs it: whoever is first, uses or collects it.
    for i, path in enumerate(built):
        lib.dbgsplit('-q', f'--store={store}', f'--source-root={tree}', '-o', f'out.{i}', path)
    shutil.rmtree(os.path.join(store, 'builds'))
    lib.dbgstore('reindex', f'--store={store}')
    collectors = [guarded(collect) for _ in range(2)]
    for thread in [guarded(write, number) for number in range(6)]:
        thread.join()
    over.set()
    for thread in collectors:
        thread.join()
    print(f'# {counts}')
    expect(not troubles, '\n'.join(map(str, troubles))[:4000])
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    equal({json.loads(line)['build_id'] for line in lib.dbgstore('list', '--json', f'--store={store}').text.splitlines()},
          {ids[i] for i in range(len(ids)) if any(os.path.exists(f'{work}/bin.{n}.{i}') for n in range(6))}, 'builds')
    for name in os.listdir(work):
        if name.endswith('.debug'):
            build = ids[int(name.split('.')[2])]
            equal(lib.dbgstore('get', f'--store={store}', build, 'debuginfo').out, lib.read(name), f'{name}')
            subprocess.run([os.path.join(work, name[:-len('.debug')])], check=True)


lib.main()
