#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every shape of tests/corpus, split and checked: prints the table shape x check, and fails on any bad cell.

With $DBGVAULT_LONG the same, and llvm-dwarfdump --verify.
"""
import json
import os
import shutil
import subprocess
import sys

import lib
from lib import case, equal, expect

sys.path.insert(0, os.path.join(lib.TOP, 'tests', 'corpus'))
import checks  # noqa: E402  pylint: disable=wrong-import-position
import shapes  # noqa: E402  pylint: disable=wrong-import-position

LONG = os.environ.get('DBGVAULT_LONG')


def refuses_join(original):
    """Does eu-unstrip fail on eu-strip's own pair, too? Then its failure says nothing about ours."""
    if subprocess.run(['eu-strip', '-g', '-f', 'peer.debug', '-o', 'peer', original], check=False,
                      stderr=subprocess.DEVNULL).returncode or not os.path.exists('peer.debug'):
        return True
    return bool(checks.check_join(original, os.path.abspath('peer'), 'peer.debug'))


def built(shape):
    path = os.path.abspath('original')
    try:
        shape.build(path)
    except FileNotFoundError as error:
        raise lib.Skip(f'{error.filename} not installed') from error
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode('utf-8', 'replace').strip().splitlines() or ['no message']
        raise lib.Skip(f'this toolchain cannot build it: {text[-1]}') from error
    return path


def add(title, shape):
    @case(title, long=bool(LONG))
    def one(work):
        original = built(shape)
        before = lib.read(original)
        wanted = shapes.WANTED.get(title)
        if wanted and wanted not in lib.section_names(original):
            raise lib.Skip(f'this toolchain writes no {wanted}')
        if not shape.split:
            why = shapes.UNSPLIT[title]
            for options, status in ((['--debug-file=debug', '-o', 'stripped'], 0), (['--debug-dir=d'], 0),
                                    (['--debug-dir=d', '--require-debug'], 1)):
                done = lib.dbgsplit('--json', *options, original, status=status)
                outcome = json.loads(done.text)
                equal((outcome['status'], why in outcome['reason'], why in done.errors), ('no-debug', True, True),
                      f'{outcome}: status, and reason {why!r}')
                equal(lib.read(original), before, 'the file itself')
                expect(not os.path.exists('debug') and not os.path.exists('d/.build-id'), 'a debug file was written')
                if os.path.exists('stripped'):
                    equal(lib.read('stripped'), before, 'the copy')
            return
        lib.dbgsplit('--debug-file=debug', '-o', 'stripped', '--build-id=keep', original)
        equal(lib.read(original), before, 'the input')
        cells = checks.row(shape, original, os.path.join(work, 'stripped'), os.path.join(work, 'debug'),
                           () if LONG else ('verify',))
        if cells['join'] not in ('ok', '-') and refuses_join(original):
            cells['join'] = '-'
        if title.startswith('Go') and lib.go_release() < (1, 24) and 'does not fit its old place' in cells['rejoin']:
            cells['rejoin'] = '-'  # the older encoder's streams: --exact keeps them
        print(checks.show(title, cells, '# '), flush=True)
        bad = {k: v for k, v in cells.items() if v not in ('ok', '-')}
        equal(bad, {}, 'bad cells')
        expect(os.path.getsize('stripped') < os.path.getsize(original), 'nothing was saved')

        # In place, and again: a second split finds nothing and writes nothing.
        shutil.copy2(original, 'twice')
        lib.dbgsplit('--debug-file=twice.debug', 'twice')
        first, debug = lib.read('twice'), lib.read('twice.debug')
        done = lib.dbgsplit('--debug-file=twice.debug', 'twice')
        if title == '.stab':  # which no debug file is known by
            lib.matches('it was split before, into twice.debug', done.errors)
        else:
            equal((done.text, done.errors), ('twice: already split\n', ''), 'what is said of it')
        equal((lib.read('twice'), lib.read('twice.debug')), (first, debug), 'split twice')


print(checks.head('# '), flush=True)
for _title, _shape in shapes.SHAPES.items():
    add(_title, _shape)

if __name__ == '__main__':
    lib.main()
