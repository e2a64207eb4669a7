#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgstore's writing commands, with each system call that writes failing once, and killed before each.

Always the store verifies, and what was in it before can be got; and a second run does what was asked.
"""
import os
import shutil

import faults
import lib
from lib import case, equal, expect, run


class Bench:
    """A store with two builds and their sources, another with a third, and a folder to add from."""

    def __init__(self, work):
        self.work, self.store = work, os.path.join(work, 'store')
        self.fresh, self.other = os.path.join(work, 'fresh'), os.path.join(work, 'other')
        self.ids, self.held = {}, {}
        for store in (self.fresh, self.other):
            run(lib.DBGSTORE, 'init', f'--store={store}')
        for name, store in (('one', self.fresh), ('two', self.fresh), ('three', self.other)):
            folder = os.path.join(work, 'src', name)
            source = lib.C_SOURCE.replace('twice', f'twice_{name}')
            binary = lib.c_program(folder, name, source=source)
            self.ids[name] = lib.build_id(binary)
            lib.dbgsplit(f'--store={store}', f'--source-root={folder}', binary)
            self.held[name] = self.get(name, store)
        self.plain = lib.c_program(os.path.join(work, 'plain'), 'four', source=lib.C_SOURCE + '/* four */\n')
        self.ids['four'] = lib.build_id(self.plain)
        self.source_two = os.path.join(work, 'src', 'two', 'two.c')

    def get(self, name, store=None):
        return run(lib.DBGSTORE, 'get', f'--store={store or self.store}', self.ids[name], 'debuginfo').out

    def reset(self):
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.fresh, self.store, symlinks=True)

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
    n, seen = 0, set()
    for fault in list(faults.every_fault(command, bench.work)):
        bench.reset()
        status, errors = faults.run_with(fault, command)
        try:
            run(lib.DBGSTORE, 'verify', f'--store={bench.store}')
            expect(bench.names() >= always, f'lost: {always - bench.names()}')
            if status == 1:
                expect('dbgstore: ' in errors, 'status 1, and no word of it')
            run(*command, status=0 if arguments[0] != 'rm' or status != 0 else None)
            equal(bench.names(), after, 'builds in the end')
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


@store_case('rm BUILDID: the other build stays, and a second run removes')
def remove_build(bench):
    fail_at_each_call(bench, ['rm', bench.ids['two']], {'one'}, {'one'})


@store_case('rm --source: all builds stay, the other source too, and a second run removes')
def remove_source(bench):
    def removed():
        gone = run(lib.DBGSTORE, 'get', f'--store={bench.store}', bench.ids['two'], 'source', bench.source_two,
                   status=None)
        equal(gone.status, 1, f'{bench.source_two} is still there: status')
        other = bench.source_two.replace('two', 'one')
        expect(b'twice_one' in run(lib.DBGSTORE, 'get', f'--store={bench.store}', bench.ids['one'], 'source',
                                   other).out, f'{other} is lost')
    fail_at_each_call(bench, ['rm', f'--source={bench.source_two}'], {'one', 'two'}, {'one', 'two'}, removed)


lib.main()
