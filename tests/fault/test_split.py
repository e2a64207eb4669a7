#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgsplit in place, with each system call that writes failing once, and killed before each.

Always either the original binary is whole, or the stripped one is and its debug information is in the store,
which `dbgstore verify` finds clean; and a second run puts everything right.
"""
import os
import re
import shutil

import faults
import lib
from lib import case, equal, expect, run

OUR_NAME = re.compile(r'^\.dbgvault\.[0-9a-f]{16}\.tmp$')


class Bench:
    """A binary and a store, as they are before each run, and what a run that nothing disturbs makes of them."""

    def __init__(self, work, store_is_used):
        self.work = work
        self.fresh = os.path.join(work, 'fresh')
        self.store, self.folder = os.path.join(work, 'store'), os.path.join(work, 'bin')
        self.binary = os.path.join(self.folder, 'prog')
        os.makedirs(self.fresh)
        os.makedirs(os.path.join(self.fresh, 'bin'))
        run(lib.DBGSTORE, 'init', f'--store={self.fresh}/store')
        if store_is_used:
            other = lib.c_program(os.path.join(work, 'other'), flags=['-DOTHER', '-O1'])
            lib.dbgsplit(f'--store={self.fresh}/store', other)
        shutil.copy(lib.c_program(os.path.join(work, 'src')), os.path.join(self.fresh, 'bin', 'prog'))
        os.chmod(os.path.join(self.fresh, 'bin', 'prog'), 0o751)
        self.build_id = lib.build_id(os.path.join(self.fresh, 'bin', 'prog'))
        self.original = lib.read(os.path.join(self.fresh, 'bin', 'prog'))
        self.command = [lib.DBGSPLIT, f'--store={self.store}', '--jobs=1', f'--source-root={work}/src', self.binary]

        self.reset()
        run(*self.command)
        self.stripped = lib.read(self.binary)
        self.held = self.stored()
        equal(self.held[1:], [self.stripped, lib.C_SOURCE.encode()], 'executable and source')
        expect(len(self.stripped) < len(self.original), 'nothing was taken')
        self.reset()
        self.before = faults.store_files(self.store)
        self.n_untouched = 0

    def reset(self):
        for name in ('store', 'bin'):
            shutil.rmtree(os.path.join(self.work, name), ignore_errors=True)
            shutil.copytree(os.path.join(self.fresh, name), os.path.join(self.work, name), symlinks=True)

    def stored(self):
        """What the store gives for the binary: debug information, executable and source."""
        get = [lib.DBGSTORE, 'get', f'--store={self.store}', self.build_id]
        source = os.path.join(self.work, 'src', 'prog.c')
        return [run(*get, *what).out for what in (['debuginfo'], ['executable'], ['source', source])]

    def check_promise(self, status, killed):
        now = lib.read(self.binary)
        expect(now in (self.original, self.stripped), f'the binary is neither: {len(now)} bytes')
        equal(os.stat(self.binary).st_mode & 0o7777, 0o751, 'mode')
        litter = [n for n in os.listdir(self.folder) if n != 'prog']
        expect(not litter or killed and all(OUR_NAME.match(n) for n in litter), f'left behind: {litter}')
        if status == 0:
            expect(now == self.stripped, 'success was told, and the binary is the original')
        run(lib.DBGSTORE, 'verify', f'--store={self.store}')
        if status == 1:
            self.n_untouched += faults.expect_untouched(self.store, self.before, self.build_id)
        if now == self.stripped:
            expect(self.stored() == self.held, 'the binary is stripped, and the store gives something else for it')

    def check_recovery(self):
        run(*self.command)
        expect(lib.read(self.binary) == self.stripped, 'a second run does not strip')
        expect(self.stored() == self.held, 'after a second run the store gives something else')
        run(lib.DBGSTORE, 'verify', f'--store={self.store}')


def fail_at_each_call(work, store_is_used, hows):
    faults.need_injection()
    bench = Bench(work, store_is_used)
    n = 0
    seen = set()
    for fault in faults.every_fault(bench.command, work):
        if not fault.how.startswith(hows):
            continue
        bench.reset()
        status, errors = faults.run_with(fault, bench.command)
        try:
            bench.check_promise(status, killed=status < 0)
            if status == 1:
                expect(re.search(r'^dbgsplit: \S', errors, re.M), f'status 1, and no word of it: {errors!r}')
            bench.check_recovery()
        except lib.Failed as failure:
            raise lib.Failed(f'{fault}, exit status {status}\n{errors}\n{failure}') from None
        seen.add(status)
        n += 1
    print(f'# {n} faults, statuses {sorted(seen)}, {bench.n_untouched} left the store as it was')
    expect(bench.n_untouched > 5 or 1 not in seen, 'no failure left the store as it was')
    expect(n > 20, f'only {n} faults')
    expect(1 in seen or -9 in seen, f'nothing ever failed: {seen}')


@case('a store in use: each call fails once', needs=['strace', 'gcc'])
def used_errors(work):
    fail_at_each_call(work, True, 'error')


@case('a store in use: killed before each call', needs=['strace', 'gcc'])
def used_kills(work):
    fail_at_each_call(work, True, 'signal')


@case('a new store: each call fails once', needs=['strace', 'gcc'])
def new_errors(work):
    fail_at_each_call(work, False, 'error')


@case('a new store: killed before each call', needs=['strace', 'gcc'])
def new_kills(work):
    fail_at_each_call(work, False, 'signal')


lib.main()
