#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Split DWARF: what dbgsplit says of debug information that stays in other files, .dwo, as gcc and clang leave it."""
import json
import os

import lib
import schema
from lib import case, equal, expect, matches, run

MAIN = 'int twice(int);\nint main(int argc, char **argv)\n{\n\t(void)argv;\n\treturn twice(argc) - 2;\n}\n'
TWICE = 'int twice(int number)\n{\n\tint doubled = 2 * number;\n\treturn doubled;\n}\n'


def build(compiler, *flags):
    """A program of two units of split DWARF, and one of plain; the folder they were compiled in."""
    os.makedirs('src', exist_ok=True)
    lib.write('src/main.c', MAIN)
    lib.write('src/twice.c', TWICE)
    lib.write('src/plain.c', 'int plain(void) { return 7; }\n')
    for name in ('main', 'twice'):
        run(compiler, '-g', '-gsplit-dwarf', *flags, '-c', '-o', f'{name}.o', f'{name}.c', cwd='src')
    run(compiler, '-g', *flags, '-c', '-o', 'plain.o', 'plain.c', cwd='src')
    run(compiler, '-Wl,--build-id=sha1', '-o', '../prog', 'main.o', 'twice.o', 'plain.o', cwd='src')
    return os.path.abspath('src')


def add_case(compiler, version):
    @case(f'{compiler}, DWARF {version}: how many units stay elsewhere, and where the first is', needs=[compiler])
    def split_dwarf(work):
        folder = build(compiler, f'-gdwarf-{version}')
        dwo = {name: lib.read(f'src/{name}.dwo') for name in ('main', 'twice')}
        done = lib.dbgsplit('--debug-file=debug', '-o', 'out', '--json', 'prog')
        line = json.loads(done.text)
        schema.hold('split-1', line)
        equal((line['status'], line['split_units'], len(line['warnings'])), ('split', 2, 1), 'outcome')
        matches(f'2 of 3 units stays in files of their own, the first {folder}/main.dwo:', line['warnings'][0])
        matches('split DWARF: .* or compile without -gsplit-dwarf', done.errors)
        equal({name: lib.read(f'src/{name}.dwo') for name in dwo}, dwo, 'the .dwo files')
        store = lib.new_store(work)
        matches('split DWARF: ', lib.dbgsplit(f'--store={store}', '--sources=no', 'prog').errors)
        again = lib.dbgsplit(f'--store={store}', '--sources=no', 'prog')
        expect('split DWARF' not in again.errors, 'a warning where nothing is done')


for _compiler in ('gcc', 'clang'):
    for _version in (4, 5):
        add_case(_compiler, _version)


@case('without split DWARF: not a word', needs=['gcc'])
def plain(work):
    binary = lib.c_program('build')
    done = lib.dbgsplit('--debug-file=debug', '-o', 'out', '--json', binary)
    line = json.loads(done.text)
    expect('split_units' not in line and 'split DWARF' not in done.errors, done.errors)


lib.main()
