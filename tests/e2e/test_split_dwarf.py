#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Split DWARF, as gcc and clang leave it in .dwo files: packed beside a debug file, or told that it stays there."""
import glob
import json
import os
import re
import shutil

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


def debugged(program):
    """What gdb shows of it where the .dwo files are gone."""
    os.rename('src', 'away')
    out = run('gdb', '-nx', '-batch', '-iex', 'set auto-load off', '-ex', 'break twice', '-ex', 'run', '-ex', 'bt',
              '-ex', 'info frame', '-ex', 'print number', '-ex', 'info types', program,
              env=lib.clean_env(DEBUGINFOD_URLS='')).text
    os.rename('away', 'src')
    return out


def units_of(package):
    """{unit's ID: its DIEs as llvm-dwarfdump tells them}, without the offsets."""
    text = run('llvm-dwarfdump-19', '--debug-info', package).text
    units = {}
    for part in re.split(r'^(?=0x[0-9a-f]+: Compile Unit)', text, flags=re.M)[1:]:
        key = matches(r'(?:DWO_id = |DW_AT_GNU_dwo_id\s+\()(0x[0-9a-f]+)', part).group(1)
        units[int(key, 16)] = re.findall(r'DW_(?:TAG|AT)_\w+.*', re.sub(r'0x[0-9a-f]{8,}', '', part))
    return units


def add_case(compiler, version):
    @case(f'{compiler}, DWARF {version}: into a store, a warning tells how many units stay elsewhere, and where', needs=[compiler])
    def warned(work):
        folder = build(compiler, f'-gdwarf-{version}')
        dwo = {name: lib.read(f'src/{name}.dwo') for name in ('main', 'twice')}
        store = lib.new_store(work)
        done = lib.dbgsplit(f'--store={store}', '--sources=no', '--json', 'prog')
        line = json.loads(done.text)
        schema.hold('split-1', line)
        equal((line['status'], line['split_units'], len(line['warnings'])), ('split', 2, 1), 'outcome')
        matches(f'2 of 3 units stays in files of their own, the first {folder}/main.dwo:', line['warnings'][0])
        matches('split DWARF: .* or compile without -gsplit-dwarf', done.errors)
        equal({name: lib.read(f'src/{name}.dwo') for name in dwo}, dwo, 'the .dwo files')
        again = lib.dbgsplit(f'--store={store}', '--sources=no', 'prog')
        expect('split DWARF' not in again.errors, 'a warning where nothing is done')

    @case(f'{compiler}, DWARF {version}: packed beside the debug file, as llvm-dwp packs it', needs=[compiler, 'llvm-dwp-19',
                                                                                            'llvm-dwarfdump-19', 'gdb'])
    def packed(work):
        build(compiler, f'-gdwarf-{version}')
        os.makedirs('out')
        if version == 5:
            done = lib.dbgsplit('--debug-file=out/auto.debug', '-o', 'out/auto', 'prog')
            matches('main.dwo: DWARF 5, and gdb 13 ends with an internal error', done.errors)
            equal(sorted(os.listdir('out')), ['auto', 'auto.debug'], 'what was written')
        line = json.loads(lib.dbgsplit('--dwp=yes', '--json', '--debug-file=out/the.debug', '-o', 'out/prog', 'prog').text)
        schema.hold('split-1', line)
        equal((line['package_file'], 'split_units' in line, 'warnings' in line), ('out/prog.dwp', False, False), 'outcome')
        matches('No errors', run('llvm-dwarfdump-19', '--verify', 'out/prog.dwp').text)
        ours = units_of('out/prog.dwp')
        equal(len(ours), 2, 'units')
        equal(ours, units_of('src/main.dwo') | units_of('src/twice.dwo'), 'units as llvm-dwarfdump tells them')
        if (compiler, version) != ('gcc', 5):  # with which llvm-dwp of LLVM 19 does not come to an end
            run('llvm-dwp-19', '-e', 'prog', '-o', 'theirs.dwp')
            equal(ours, units_of('theirs.dwp'), "units of llvm-dwp's package")
        first = lib.read('out/prog.dwp')
        lib.dbgsplit('--dwp=yes', '--debug-file=out/the.debug', '-o', 'out/prog', 'prog')
        equal(lib.read('out/prog.dwp'), first, 'packed once more')
        if version == 4:
            matches(r'^#0  twice \(number=1\) at twice.c:3\n#1 .* main \(argc=1', debugged('out/prog'))


for _compiler in ('gcc', 'clang'):
    for _version in (4, 5):
        add_case(_compiler, _version)


@case('type units: each once, and gdb knows the types', needs=['g++', 'gdb', 'llvm-dwarfdump-19'])
def types(work):
    os.makedirs('src')
    for name, body in (('main', 'int twice(Pair);\nint main() { Pair p{1, 2}; return twice(p) - 6; }\n'),
                       ('twice', 'int twice(Pair number)\n{\n\tint doubled = 2 * number.sum();\n\treturn doubled;\n}\n')):
        lib.write(f'src/{name}.cc', 'struct Pair { int a, b; int sum() { return a + b; } };\n' + body)
    for version in (4, 5):
        for name in ('main', 'twice'):
            run('g++', '-g', f'-gdwarf-{version}', '-gsplit-dwarf', '-fdebug-types-section', '-c', f'{name}.cc', cwd='src')
        run('g++', '-Wl,--build-id', '-o', '../prog', 'main.o', 'twice.o', cwd='src')
        lib.dbgsplit('--dwp=yes', '--debug-dir=debug', '--sources=no', '-o', 'out', 'prog')
        package = glob.glob('debug/.build-id/*/out.dwp')
        equal(len(package), 1, 'packages')
        text = run('llvm-dwarfdump-19', '--debug-tu-index', '--debug-cu-index', package[0]).text
        equal(re.findall(r'units = (\d+)', text), ['2', '1'], 'units and types')
        matches('No errors', run('llvm-dwarfdump-19', '--verify', package[0]).text)
        if version == 4:
            run('mv', package[0], 'out.dwp')
            run('mv', glob.glob('debug/.build-id/*/*.debug')[0], 'out.debug')
            run('objcopy', '--remove-section=.gnu_debuglink', 'out')
            run('objcopy', '--add-gnu-debuglink=out.debug', 'out')
            matches(r'number=\.\.\.|number=', debugged('out'))
        shutil.rmtree('debug')


@case('what a package has no column for (.debug_macinfo.dwo): a warning, and nothing is lost', needs=['gcc'])
def no_column(work):
    os.makedirs('src')
    lib.write('src/main.c', '#define THREE 3\nint main(void) { return THREE - 3; }\n')
    run('gcc', '-g3', '-gdwarf-4', '-gstrict-dwarf', '-gsplit-dwarf', '-c', 'main.c', cwd='src')
    run('gcc', '-Wl,--build-id', '-o', '../prog', 'main.o', cwd='src')
    names = run('readelf', '-SW', 'src/main.dwo').text
    if '.debug_macinfo.dwo' not in names:
        raise lib.Skip('this gcc writes no .debug_macinfo.dwo')
    os.makedirs('out')
    done = lib.dbgsplit('--debug-file=out/debug', '-o', 'out/prog', 'prog')
    matches(r'main.dwo: .debug_macinfo.dwo in DWARF 4', done.errors)
    equal(sorted(os.listdir('out')), ['debug', 'prog'], 'what was written')


@case('what is missing, of another build, damaged or there already: a warning, and nothing is written', needs=['gcc'])
def trouble(work):
    build('gcc', '-gdwarf-4')
    good = lib.read('src/main.dwo')
    lib.write('other.c', 'int other;\n')
    run('gcc', '-g', '-gdwarf-4', '-gsplit-dwarf', '-c', 'other.c')
    cases = {'open.*No such file|No such file': None, 'of another build: unit [0-9a-f]{16} is not in it': lib.read('other.dwo'),
             'not an ELF file|ELF': b'text', 'main.dwo: ': good[:-500],
             'has no ID|malformed|no split units|another build': good.replace(b'.debug_info.dwo', b'.debug_inf0.dwo')}
    for pattern, data in cases.items():
        if data is None:
            os.unlink('src/main.dwo')
        else:
            lib.write('src/main.dwo', data)
        os.makedirs('out', exist_ok=True)
        done = lib.dbgsplit('--debug-file=out/debug', '-o', 'out/prog', 'prog')
        matches(f'split DWARF: debug information of 2 of 3 units stays in files of their own, .*main.dwo: .*({pattern})', done.errors)
        equal(sorted(os.listdir('out')), ['debug', 'prog'], f'{pattern}: what was written')
    lib.write('src/main.dwo', good)
    done = lib.dbgsplit('--dwp=no', '--debug-file=out/debug', '-o', 'out/prog', 'prog')
    matches('split DWARF', done.errors)
    lib.dbgsplit('--dwp=maybe', '--debug-file=out/debug', '-o', 'out/prog', 'prog', status=2)
    build_id = lib.build_id('prog')
    lib.write(f'debug/.build-id/{build_id[:2]}/prog.dwp', 'of another program')
    done = lib.dbgsplit('--debug-dir=debug', '-o', 'out/prog', 'prog')
    matches('prog.dwp: there, of another program or build: it is not overwritten', done.errors)
    equal(lib.read(f'debug/.build-id/{build_id[:2]}/prog.dwp'), b'of another program', 'the package that was there')


@case('without split DWARF: not a word', needs=['gcc'])
def plain(work):
    binary = lib.c_program('build')
    done = lib.dbgsplit('--debug-file=debug', '-o', 'out', '--json', binary)
    line = json.loads(done.text)
    expect('split_units' not in line and 'split DWARF' not in done.errors, done.errors)


lib.main()
