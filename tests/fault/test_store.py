#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgstore's writing commands, with each system call that writes failing once, and killed before each.

Always the store verifies, and what was in it before can be got; and a second run does what was asked.
"""
import json
import os
import shutil

import faults
import lib
from lib import case, equal, expect, run


class Bench:
    """A store with two builds and their sources (one of them common), another with a third, and a file to add."""

    def __init__(self, work):
        self.work, self.store = work, os.path.join(work, 'store')
        self.fresh, self.other = os.path.join(work, 'fresh'), os.path.join(work, 'other')
        self.ids, self.held, self.common_stays = {}, {}, True
        for store in (self.fresh, self.other):
            run(lib.DBGSTORE, 'init', f'--store={store}')
        for name, store in (('one', self.fresh), ('two', self.fresh), ('three', self.other)):
            folder = os.path.join(work, 'src')
            lib.write(os.path.join(folder, 'common.h'), 'static inline int common(int n)\n{\n\treturn n + 1;\n}\n')
            source = '#include "common.h"\n' + lib.C_SOURCE.replace('twice', f'twice_{name}').replace('argc', 'common(7)')
            binary = lib.c_program(folder, name, source=source.replace('int common(7)', 'int argc'))
            self.ids[name] = lib.build_id(binary)
            lib.dbgsplit(f'--store={store}', f'--source-root={folder}', binary)
            self.held[name] = self.get(name, store)
        self.plain = lib.c_program(os.path.join(work, 'plain'), 'four', source=lib.C_SOURCE + '/* four */\n')
        self.ids['four'] = lib.build_id(self.plain)
        self.source_two = os.path.join(work, 'src', 'two.c')
        self.common = os.path.join(work, 'src', 'common.h')
        # Removing a build leaves packs alone that are younger than an hour.
        run('find', os.path.join(self.fresh, 'objects'), '-type', 'f', '-exec', 'touch', '-d', '3 hours ago', '{}', '+')

    def get(self, name, store=None):
        return run(lib.DBGSTORE, 'get', f'--store={store or self.store}', self.ids[name], 'debuginfo').out

    def reset(self):
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.fresh, self.store, symlinks=True)

    def listed(self):
        lines = run(lib.DBGSTORE, 'list', '--json', f'--store={self.store}').text.splitlines()
        ids = {json.loads(line)['build_id'] for line in lines}
        return {name for name in self.held if self.ids[name] in ids}

    def source(self, name, path):
        return run(lib.DBGSTORE, 'get', f'--store={self.store}', self.ids[name], 'source', path, status=None).out

    def in_packs(self, text):
        """Do the bytes stand anywhere in the store's objects, debug files aside?"""
        return text in run('sh', '-c', f'find {self.store} -name "*.zst" -exec zstd -dcq {{}} +').out

    def names(self):
        """Which of the builds can be got, each with what it held."""
        found = set()
        for name, debug in self.held.items():
            done = run(lib.DBGSTORE, 'get', f'--store={self.store}', self.ids[name], 'debuginfo', status=None)
            if done.status == 0:
                expect(done.out == debug, f'{name} gives other bytes')
                found.add(name)
        return found


def fail_at_each_call(bench, arguments, always, after, done=None):
    """Builds `always` stay whatever fails; `after` are there in the end. done(): what else must hold then."""
    command = [lib.DBGSTORE, arguments[0], f'--store={bench.store}', *arguments[1:]]
    bench.reset()
    before = faults.store_files(bench.store)
    n, seen = 0, set()
    for fault in list(faults.every_fault(command, bench.work)):
        bench.reset()
        status, errors = faults.run_with(fault, command)
        try:
            run(lib.DBGSTORE, 'verify', f'--store={bench.store}')
            expect(bench.names() >= always, f'lost: {always - bench.names()}')
            if status == 1:
                expect('dbgstore: ' in errors, 'status 1, and no word of it')
            if status == 1 and arguments[0] == 'add':
                faults.expect_untouched(bench.store, before, bench.ids['four'])
            run(*command, status=0 if arguments[0] != 'rm' or status != 0 else None)
            equal(bench.names(), after, 'builds in the end')
            equal(bench.listed(), after, 'builds that are listed in the end')
            if bench.common_stays:
                for name in after:
                    expect(b'return n + 1' in bench.source(name, bench.common), f'{name}: the common source')
            run(lib.DBGSTORE, 'verify', f'--store={bench.store}')
            if done:
                done()
        except lib.Failed as failure:
            raise lib.Failed(f'{fault}, exit status {status}\n{errors}\n{failure}') from None
        seen.add(status)
        n += 1
    print(f'# {n} faults, statuses {sorted(seen)}')
    expect(n > 10 and seen - {0}, f'{n} faults, and nothing ever failed')


def store_case(title):
    def register(function):
        @case(title, needs=['strace', 'gcc'])
        def prepared(work):
            faults.need_injection()
            function(Bench(work))
        return prepared
    return register


@store_case('add: what was there stays, and a second run adds')
def add(bench):
    def added():
        equal(run(lib.DBGSTORE, 'get', f'--store={bench.store}', bench.ids['four'], 'executable').out,
              lib.read(bench.plain), 'the executable')
    fail_at_each_call(bench, ['add', bench.plain], {'one', 'two'}, {'one', 'two'}, added)


@store_case('merge: what was there stays, and a second run brings all')
def merge(bench):
    fail_at_each_call(bench, ['merge', bench.other], {'one', 'two'}, {'one', 'two', 'three'})


@store_case('reindex: nothing is lost')
def reindex(bench):
    fail_at_each_call(bench, ['reindex'], {'one', 'two'}, {'one', 'two'})


@store_case('gc: what builds need stays, and a second run removes the rest')
def collect(bench):
    # As if the first build had been killed before its record was written; the second needs a part of its pack.
    build = bench.ids['one']
    shutil.rmtree(os.path.join(bench.fresh, 'builds', build[:2], build))
    lib.write(os.path.join(bench.fresh, 'tmp', '.dbgvault.0123456789abcdef.tmp'), 'x')
    lib.write(os.path.join(bench.fresh, 'quarantine', 'ab-cd.1700000000.000000000'), 'x')
    run(lib.DBGSTORE, 'reindex', f'--store={bench.fresh}')

    def collected():
        expect(not bench.in_packs(b'static int twice_one'), 'the source that only it had is still there')
        expect(not os.listdir(os.path.join(bench.store, 'tmp')), 'unfinished files are still there')
        rest = run(lib.DBGSTORE, 'gc', '--grace=0', '--quarantine-grace=0', '-n', f'--store={bench.store}').text
        equal(rest, '', 'what is left to remove')
    fail_at_each_call(bench, ['gc', '--grace=0', '--quarantine-grace=0'], {'two'}, {'two'}, collected)


@store_case('rm BUILDID: the other build stays, and a second run removes')
def remove_build(bench):
    def removed():
        expect(not bench.in_packs(b'static int twice_two'), 'the source that only it had is still there')
    fail_at_each_call(bench, ['rm', bench.ids['two']], {'one'}, {'one'}, removed)


@store_case('rm --source: all builds stay, the other source too, and a second run removes')
def remove_source(bench):
    def removed():
        for name in ('one', 'two'):
            expect(not bench.source(name, bench.common), f'{name} still has {bench.common}')
            path = bench.source_two.replace('two', name)
            expect(b'twice_' + name.encode() in bench.source(name, path), f'{path} is lost')
        expect(not bench.in_packs(b'return n + 1'), 'the source is still there')
    bench.common_stays = False
    fail_at_each_call(bench, ['rm', f'--source={bench.common}'], {'one', 'two'}, {'one', 'two'}, removed)


lib.main()
