#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What splitting keeps: for each kind of binary, the loadable bytes, symbols and behaviour are those of the
input, and `eu-unstrip` joins stripped and debug image to a file equal to the input in every section."""
import os
import shutil

import elfcompare
import lib
from lib import case, equal, expect, run

CROSS = {
    'aarch64': 'aarch64-linux-gnu-gcc',
    'arm': 'arm-linux-gnueabihf-gcc',
    'i386': 'i686-linux-gnu-gcc',
    'ppc64le': 'powerpc64le-linux-gnu-gcc',
    's390x': 's390x-linux-gnu-gcc',
    'riscv64': 'riscv64-linux-gnu-gcc',
}


def nm(path):
    return run('nm', '-a', '--no-sort', path).text


def without_debug_sections_symbols(text):
    """nm's lines but those of section symbols of sections that left."""
    return [line for line in text.splitlines() if ' N ' not in line and ' n ' not in line]


def lint(path):
    return len(run('eu-elflint', '--gnu-ld', path, status=None).text.strip().splitlines())


def joined_by_eu_unstrip(original, stripped, debug):
    """What eu-unstrip says, or what its outcome differs in from the original."""
    done = run('eu-unstrip', '-o', 'joined', stripped, debug, status=None)
    if done.status:
        return [done.errors]
    lines = elfcompare.differences(original, 'joined', folded=True)
    os.unlink('joined')
    return lines


def joined_equals(original, stripped, debug):
    """Joined, the two are the original again: by the comparer's own join in every case, and by eu-unstrip. That one
    (0.188) fails on static PIEs and on kept relocations; there it has to fail on eu-strip's own pair in the same way."""
    equal(elfcompare.join_differences(original, stripped, debug), [], 'stripped and debug file beside the original')
    lines = joined_by_eu_unstrip(original, stripped, debug)
    if lines:
        run('eu-strip', '-g', '-f', 'peer.debug', '-o', 'peer', original)
        equal(lines, joined_by_eu_unstrip(original, 'peer', 'peer.debug'), "eu-unstrip on our pair, and on eu-strip's")


def check_pair(original, stripped, debug, runs=False):
    """Everything that must hold for one split."""
    names = lib.section_names(stripped)
    gone = [n for n in names if n.startswith(('.debug_', '.zdebug_', '.stab', '.gdb_index'))
            and n not in ('.debug_gdb_scripts',)]
    equal(gone, [], 'debug sections left in the stripped binary')
    expect('.symtab' in names and '.strtab' in names, '.symtab or .strtab is gone')
    equal(elfcompare.differences(original, stripped, ('loadable',)), [], 'loadable bytes and program headers')
    equal(without_debug_sections_symbols(nm(stripped)), without_debug_sections_symbols(nm(original)), 'nm')
    joined_equals(original, stripped, debug)
    before, after = lint(original), lint(stripped)
    expect(after <= before, f'eu-elflint: {before} complaints before, {after} after')
    expect(os.path.getsize(stripped) < os.path.getsize(original), 'nothing was saved')
    if runs:
        a, b = run(original, status=None), run(os.path.abspath(stripped), status=None)
        equal((b.status, b.out), (a.status, a.out), 'output of the program')


def split_pair(binary, *options):
    """Split by --debug-file into files of the working folder; (original, stripped, debug). What a build ID that
    is added changes, test_build_ids.py looks at."""
    shutil.copy2(binary, 'original')
    lib.dbgsplit('--debug-file=debug', '-o', 'stripped', '--build-id=keep', *options, 'original')
    return os.path.abspath('original'), 'stripped', 'debug'


def check_store_pair(binary, runs=False):
    """The same by way of a store, in place."""
    store = lib.new_store(os.getcwd())
    shutil.copy2(binary, 'original')
    shutil.copy2(binary, 'inplace')
    build_id = lib.build_id(binary)
    lib.dbgsplit(f'--store={store}', '--sources=no', '--build-id=keep', 'inplace')
    lib.dbgstore('get', f'--store={store}', build_id, 'debuginfo', '-o', 'from-store.debug')
    check_pair(os.path.abspath('original'), 'inplace', 'from-store.debug', runs)
    equal(lib.dbgstore('get', f'--store={store}', build_id, 'executable').out, lib.read('inplace'), 'stored executable')
    expect('.gnu_debuglink' not in lib.section_names('inplace'), 'a debug link where no debug file was asked for')
    lib.dbgstore('verify', f'--store={store}')


SHAPES = {
    'PIE': [],
    'ET_EXEC': ['-no-pie'],
    'static': ['-static'],
    'static-pie': ['-static-pie'],
    'optimised, DWARF 4': ['-O2', '-gdwarf-4'],
    'DWARF 2': ['-gdwarf-2'],
    '64-bit DWARF': ['-gdwarf64'],
    'zlib sections': ['-gz'],
    '.zdebug sections': ['-gz=zlib-gnu'],
    'macros': ['-g3'],
    'type units': ['-gdwarf-4', '-fdebug-types-section'],
    'RELR': ['-Wl,-z,pack-relative-relocs'],
    'kept relocations': ['-Wl,--emit-relocs'],
    'lld': ['-fuse-ld=lld'],
    'no separate code, one page': ['-Wl,-z,noseparate-code'],
    '64 KiB pages': ['-Wl,-z,max-page-size=65536'],
}


def add_shape(title, flags):
    @case(f'C, {title}: joined equals the original, and it runs', needs=['gcc', 'eu-unstrip', 'eu-elflint'])
    def shape(work):
        try:
            binary = lib.c_program('build', flags=flags)
        except lib.Failed as failure:
            raise lib.Skip(f'this toolchain cannot build it: {str(failure).splitlines()[-1]}') from failure
        check_pair(*split_pair(binary), runs=True)
        check_store_pair(binary, runs=True)


for _title, _flags in SHAPES.items():
    add_shape(_title, _flags)


def add_cross(machine, compiler):
    @case(f'C for {machine}, dynamic and static: joined equals the original', needs=[compiler, 'eu-unstrip'])
    def cross(work):
        for flags in ([], ['-static'], ['-shared', '-fPIC']):
            binary = lib.c_program('build', flags=flags, compiler=compiler)
            check_pair_any_machine(binary)


def check_pair_any_machine(binary):
    original, stripped, debug = split_pair(binary)
    expect('.symtab' in lib.section_names(stripped), '.symtab is gone')
    equal(elfcompare.differences(original, stripped, ('loadable',)), [], 'loadable bytes and program headers')
    joined_equals(original, stripped, debug)
    for name in ('stripped', 'debug'):
        os.unlink(name)


for _machine, _compiler in CROSS.items():
    add_cross(_machine, _compiler)


@case('C++ with exceptions and templates', needs=['g++', 'eu-unstrip'])
def cxx(work):
    binary = lib.cxx_program('build', flags=['-O2'])
    check_pair(*split_pair(binary), runs=True)
    check_store_pair(binary, runs=True)


@case('a shared library', needs=['gcc', 'eu-unstrip'])
def library(work):
    binary = lib.c_program('build', flags=['-shared', '-fPIC'])
    check_pair(*split_pair(binary))
    check_store_pair(binary)


@case('zstd sections', needs=['gcc', 'llvm-objcopy-19'])
def zstd_sections(work):
    binary = lib.c_program('build')
    run('llvm-objcopy-19', '--compress-debug-sections=zstd', binary)
    check_pair(*split_pair(binary), runs=True)


@case('Rust', needs=['rustc', 'eu-unstrip'])
def rust(work):
    lib.write('prog.rs', 'fn main() { let v: Vec<u32> = (1..5).collect(); println!("{:?}", v); }\n')
    run('rustc', '-g', '-C', 'link-arg=-Wl,--build-id', '-o', 'prog', 'prog.rs', env=lib.clean_env())
    check_pair(*split_pair('prog'), runs=True)
    check_store_pair('prog', runs=True)


GO_SHAPES = {
    'default': ([], {}),
    'PIE': (['-buildmode=pie'], {}),
    'external link': (['-ldflags=-linkmode=external'], {'CGO_ENABLED': '1'}),
    'without compressed DWARF': (['-ldflags=-compressdwarf=false'], {}),
}


def go_answers(path):
    """What Go's own tools say of a binary."""
    env = lib.go_env()
    return {
        'go version -m': run('go', 'version', '-m', path, env=env).text.split('\n', 1)[1],
        'go tool buildid': run('go', 'tool', 'buildid', path, env=env).text,
        'go tool nm': run('go', 'tool', 'nm', '-size', '-type', path, env=env).text,
        # An older Go disassembles fewer machines.
        'go tool objdump': run('go', 'tool', 'objdump', '-s', '^main\\.main$', path, env=env, status=None).text,
    }


def add_go(title, flags, extra):
    @case(f'Go, {title}: Go tools answer as before, joined equals the original', needs=['go', 'eu-unstrip'])
    def go(work):
        binary = lib.go_program('build', flags=flags, env=extra)
        before = go_answers(binary)
        original, stripped, debug = split_pair(binary)
        check_pair(original, stripped, debug, runs=True)
        equal(go_answers(stripped), before, "Go tools' answers")
        if lib.go_release() >= (1, 24):  # older linkers write no GNU build ID to ask for
            check_store_pair(binary, runs=True)


for _title, (_flags, _extra) in GO_SHAPES.items():
    add_go(_title, _flags, _extra)


def add_go_cross(arch):
    @case(f'Go for {arch}: Go tools answer as before', needs=['go', 'eu-unstrip'])
    def go(work):
        binary = lib.go_program('build', env={'GOARCH': arch, 'CGO_ENABLED': '0'})
        before = go_answers(binary)
        check_pair_any_machine(binary)
        lib.dbgsplit('--debug-file=debug', '-o', 'stripped', binary)
        equal(go_answers('stripped'), before, "Go tools' answers")


for _arch in ('arm64', 'arm', '386', 'ppc64le', 's390x', 'riscv64'):
    add_go_cross(_arch)


@case('the comparer sees one flipped byte, in .debug_info and elsewhere', needs=['gcc'])
def comparer(work):
    binary = lib.c_program('build')
    elf = elfcompare.Elf(binary)
    for name in ('.debug_info', '.debug_str', '.text', '.symtab', '.comment', '.debug_line'):
        section = next(s for s in elf.sections if s['name'] == name)
        damaged = bytearray(elf.bytes)
        damaged[section['header'][4] + section['size'] // 2] ^= 1
        lib.write('damaged', bytes(damaged))
        expect(elfcompare.differences(binary, 'damaged'), f'a flipped byte in {name} was not seen')
    equal(elfcompare.differences(binary, binary), [], 'a file and itself')


lib.main()
