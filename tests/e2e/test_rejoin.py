#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dbgsplit --join` makes the file that was split again: byte for byte, or all but compressed streams."""
import json
import os
import shutil
import struct

import elfcompare
import lib
import schema
from lib import case, equal, expect, matches, run


def split_and_join(binary, *options):
    shutil.copy2(binary, 'original')
    lib.dbgsplit('--debug-file=debug', '-o', 'stripped', *options, 'original')
    lib.dbgsplit('--join', 'stripped', 'debug', '-o', 'joined')


def comes_back(binary, *options):
    split_and_join(binary, *options)
    expect(lib.read('joined') == lib.read('original'), f'{binary}: joined is not the input, byte for byte')


SHAPES = {
    'PIE': [],
    'static': ['-static'],
    'shared library': ['-shared', '-fPIC'],
    'zlib sections': ['-gz'],
    '.zdebug sections': ['-gz=zlib-gnu'],
    'kept relocations': ['-Wl,--emit-relocs'],
}


def add_shape(title, flags):
    @case(f'C, {title}: byte for byte, from a debug file and from a store', needs=['gcc'])
    def shape(work):
        binary = lib.c_program('build', flags=flags)
        comes_back(binary)
        store = lib.new_store(work)
        shutil.copy2(binary, 'inplace')
        lib.dbgsplit(f'--store={store}', '--sources=no', 'inplace')
        lib.dbgsplit('--join', f'--store={store}', 'inplace', '-o', 'joined')
        expect(lib.read('joined') == lib.read(binary), 'joined with the store is not the input')
        for kind in ('debuginfo', 'executable'):
            lib.dbgstore('get', f'--store={store}', lib.build_id(binary), kind, '-o', kind)
        lib.dbgsplit('--join', 'executable', 'debuginfo', '-o', 'joined')
        expect(lib.read('joined') == lib.read(binary), 'joined of what the store gives is not the input')


for _title, _flags in SHAPES.items():
    add_shape(_title, _flags)


def add_cross(compiler):
    @case(f'{compiler}: byte for byte', needs=[compiler])
    def cross(work):
        comes_back(lib.c_program('build', compiler=compiler))


for _compiler in ('aarch64-linux-gnu-gcc', 'arm-linux-gnueabihf-gcc', 'i686-linux-gnu-gcc', 'powerpc64le-linux-gnu-gcc',
                  's390x-linux-gnu-gcc', 'riscv64-linux-gnu-gcc'):
    add_cross(_compiler)


@case('C++, and with bytes appended: byte for byte', needs=['g++'])
def cxx(work):
    binary = lib.cxx_program('build')
    comes_back(binary)
    with open(binary, 'ab') as f:
        f.write(b'payload\0behind')
    comes_back(binary)


@case('Rust: byte for byte', needs=['rustc'])
def rust(work):
    lib.write('prog.rs', 'fn main() { println!("{}", 1); }\n')
    run('rustc', '-g', '-C', 'link-arg=-Wl,--build-id', '-o', 'prog', 'prog.rs', env=lib.clean_env())
    comes_back('prog')


def compressed_ranges(path):
    """(offset, size) of each compressed section's bytes behind its header."""
    elf = elfcompare.Elf(path)
    return sorted((s['header'][4] + 24, s['size'] - 24) for s in elf.sections
                  if s['flags'] & elfcompare.SHF_COMPRESSED)


def without(data, ranges):
    data = bytearray(data)
    for offset, size in ranges:
        data[offset:offset + size] = bytes(size)
    return bytes(data)


def equal_but_streams():
    """All bytes but those of compressed streams are the input's, and these decode to the same."""
    ranges = compressed_ranges('original')
    expect(ranges, 'nothing was compressed')
    expect(without(lib.read('joined'), ranges) == without(lib.read('original'), ranges),
           'joined differs outside of compressed streams')
    equal(elfcompare.differences('original', 'joined', ('loadable', 'sections', 'symbols')), [], 'joined')


@case('Go: all but streams as it was; byte for byte with --exact', needs=['go'])
def go(work):
    if lib.go_release() < (1, 24):
        raise lib.Skip('Go 1.24 or newer is needed: streams of the older encoder may not fit their old place')
    binary = lib.go_program('build')
    split_and_join(binary)
    equal_but_streams()
    equal(run(os.path.abspath('joined')).out, run(os.path.abspath('original')).out, 'output')
    for reader in (('go', 'tool', 'nm'), ('readelf', '-wa'), ('gdb', '-nx', '-batch', '-ex', 'info line main.main')):
        if shutil.which(reader[0]):
            texts = [run(*reader, name, env=lib.go_env(DEBUGINFOD_URLS='')).text.replace(name, 'X')
                     for name in ('original', 'joined')]
            expect(texts[0] == texts[1] and texts[0], f'{reader}: another answer of the joined file')
    comes_back(binary, '--exact')
    comes_back(lib.go_program('plain', flags=['-ldflags=-compressdwarf=false']))


@case('Go, -trimpath: names that the store has made absolute are what they were', needs=['go'])
def trimmed(work):
    lib.need_go_build_ids()
    binary, env = lib.go_trimmed('build', flags=['-ldflags=-compressdwarf=false'])
    store = lib.new_store(work)
    shutil.copy2(binary, 'inplace')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--debug-file=plain', 'inplace', env=env)
    lib.dbgstore('get', f'--store={store}', lib.build_id(binary), 'debuginfo', '-o', 'changed')
    lib.dbgstore('get', f'--store={store}', lib.build_id(binary), 'debuginfo', '--original', '-o', 'unchanged')
    expect(lib.read('changed') != lib.read('plain') == lib.read('unchanged'), 'no names were changed, or too many')
    for debug in ('plain', 'changed', 'unchanged'):
        lib.dbgsplit('--join', 'inplace', debug, '-o', 'joined')
        expect(lib.read('joined') == lib.read(binary), f'{debug}: joined is not the input')
    compressed, env = lib.go_trimmed('build')
    shutil.copy2(compressed, 'original')
    shutil.copy2(compressed, 'inplace')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--executable=no', 'inplace', env=env)
    lib.dbgsplit('--join', f'--store={store}', 'inplace', '-o', 'joined')
    equal_but_streams()


@case('files that were given a build ID, or have one shown: byte for byte', needs=['go'])
def given(work):
    lib.need_go_build_ids()
    store = lib.new_store(work)
    for binary, kind in ((lib.go_program('hidden', flags=['-ldflags=-compressdwarf=false']), 'build-id-shown'),
                         (lib.go_program('none', flags=['-ldflags=-compressdwarf=false -B=none']), 'build-id-added')):
        shutil.copy2(binary, 'inplace')
        done = json.loads(lib.dbgsplit(f'--store={store}', '--sources=no', '--json', 'inplace').text)
        kinds = [c['kind'] for c in done.get('changes', ()) if c['kind'].startswith('build-id')]
        equal(kinds, [kind], f'{binary}: changes')
        lib.dbgsplit('--join', f'--store={store}', 'inplace', '-o', 'joined')
        expect(lib.read('joined') == lib.read(binary), f'{binary}: joined is not the input')


@case('object files, with the symbol indexes that change: byte for byte', needs=['gcc', 'g++'])
def objects(work):
    for compiler, source, suffix in (('gcc', lib.C_SOURCE, '.c'), ('g++', lib.CXX_SOURCE, '.cc')):
        lib.write('unit' + suffix, source)
        for flags in ([], ['-gz'], ['-ffunction-sections']):
            run(compiler, '-g', '-c', *flags, '-o', 'unit.o', 'unit' + suffix)
            comes_back('unit.o')


def to_zstd(source, target, level, more=0):
    """Make zlib sections zstd ones, as the linker here may not: at the level, with a skippable frame of @more bytes,
    and all at the file's end, where there is room."""
    elf = elfcompare.Elf(source)
    data = bytearray(elf.bytes)
    for i, section in enumerate(elf.sections):
        if not section['flags'] & elfcompare.SHF_COMPRESSED:
            continue
        header = bytearray(elf.raw(section['header'])[:24])
        struct.pack_into('<I', header, 0, 2)
        lib.write('content', elf.content(section))
        stream = header + run('zstd', '-cq', '--no-check', '--single-thread', f'-{level}', 'content').out
        if more:
            stream += b'\x50\x2a\x4d\x18' + more.to_bytes(4, 'little') + bytes(more)
        data += bytes(-len(data) % 8)
        struct.pack_into('<QQ', data, elf.shoff + 64 * i + 24, len(data), len(stream))
        data += stream
    lib.write(target, bytes(data))


@case('an object file without a loaded byte: byte for byte', needs=['gcc'])
def nothing_loaded(work):
    lib.write('types.c', 'typedef struct { int a, b; } pair;\n')
    run('gcc', '-g', '-fno-eliminate-unused-debug-types', '-c', 'types.c')
    equal(run('size', '-d', 'types.o').text.split()[-3], '0', 'bytes that are loaded')
    lib.dbgsplit('--debug-file=types.debug', '-o', 'out.o', 'types.o')
    lib.dbgsplit('--join', 'out.o', 'types.debug', '-o', 'again.o')
    equal(lib.read('again.o'), lib.read('types.o'), 'joined')


@case('zstd sections: byte for byte, or other streams of the same size', needs=['zstd', 'g++'])
def zstd(work):
    binary = lib.cxx_program('build', flags=['-gz'])
    to_zstd(binary, 'usual', 3)
    comes_back('usual')
    for level, more in ((1, 0), (3, 100), (6, 5000)):
        to_zstd(binary, 'other', level, more)
        split_and_join('other')
        expect(lib.read('joined') != lib.read('original'), 'the same streams: the case tests nothing')
        equal_but_streams()
        lib.dbgsplit('--debug-file=again.debug', '-o', 'again', 'joined')
        equal(elfcompare.differences('debug', 'again.debug', ('sections',)), [], 'the debug file of what was joined')
        comes_back('other', '--exact')


@case('what joining tells, in words and as JSON', needs=['gcc'])
def tells(work):
    binary = lib.c_program('build')
    split_and_join(binary)
    done = lib.dbgsplit('--join', 'stripped', 'debug', '-o', 'joined')
    matches(r'^joined: .*, the file that was split, byte for byte$', done.text)
    line = json.loads(lib.dbgsplit('--join', '--json', 'stripped', 'debug', '-o', 'joined').text)
    schema.hold('split-1', line)
    equal({key: line[key] for key in ('status', 'path', 'output', 'identical', 'other_streams', 'output_bytes', 'build_id')},
          {'status': 'joined', 'path': 'stripped', 'output': 'joined', 'identical': True, 'other_streams': 0,
           'output_bytes': os.path.getsize(binary), 'build_id': lib.build_id(binary)})
    failed = json.loads(lib.dbgsplit('--join', '--json', 'stripped', 'stripped', '-o', 'joined', status=1).text)
    schema.hold('split-1', failed)
    equal(failed['status'], 'failed')


@case('a recipe behind the debug file disturbs nobody', needs=['gcc', 'gdb', 'eu-unstrip', 'eu-elflint', 'readelf'])
def undisturbed(work):
    binary = lib.c_program('build')
    split_and_join(binary)
    debug = lib.read('debug')
    expect(debug.endswith(b'dbgvjoin'), 'no recipe behind the debug file')
    # The recipe begins where the section header table ends.
    elf = elfcompare.Elf('debug')
    end = elf.shoff + 64 * len(elf.headers)
    expect(len(debug) - 4096 < end < len(debug) - 32, f'{len(debug) - end} bytes behind the headers')
    lib.write('bare', debug[:end])
    for command in (['eu-elflint', '--gnu-ld', '-d'], ['readelf', '-aW'], ['eu-readelf', '-a'], ['readelf', '-wi']):
        texts = [run(*command, name, status=None) for name in ('debug', 'bare')]
        equal(*[(t.status, t.text.replace('debug', 'X').replace('bare', 'X'), t.errors.replace('debug', 'X').replace('bare', 'X'))
                for t in texts], what=' '.join(command))
    for name in ('debug', 'bare'):
        run('eu-unstrip', 'stripped', name, '-o', name + '.unstripped')
        shown = run('gdb', '-nx', '-batch', '-ex', f'symbol-file {name}', '-ex', 'info line twice', env=lib.clean_env())
        matches(r'Line 3 of "prog.c"', shown.text)
    equal(lib.read('debug.unstripped'), lib.read('bare.unstripped'), 'what eu-unstrip writes')


@case('what does not belong together, is damaged or an input is refused', needs=['gcc'])
def refusals(work):
    binary = lib.c_program('build')
    split_and_join(binary)
    other = lib.c_program('other', flags=['-O2'])
    lib.dbgsplit('--debug-file=other.debug', '-o', 'other.stripped', other)
    damaged = bytearray(lib.read('debug'))
    damaged[len(damaged) // 2] ^= 1
    lib.write('damaged', bytes(damaged))
    text = bytearray(lib.read('stripped'))
    text[text.index(b'.comment')] ^= 1
    lib.write('changed', bytes(text))
    run('objcopy', '--only-keep-debug', 'original', 'foreign')
    os.unlink('joined')
    for stripped, debug, output, words in (
            ('stripped', 'other.debug', 'joined', 'not of one build'),
            ('debug', 'stripped', 'joined', 'the stripped one comes first'),
            ('stripped', 'stripped', 'joined', 'not a separate debug file'),
            ('stripped', 'damaged', 'joined', 'damaged'),
            ('stripped', 'foreign', 'joined', 'does not say how the input lay'),
            ('stripped', 'debug', 'debug', 'is an input')):
        before = lib.read(debug)
        done = lib.dbgsplit('--join', stripped, debug, '-o', output, status=1)
        expect(words in done.errors, f'{stripped} {debug}: {done.errors}')
        expect(lib.read(debug) == before and not os.path.exists('joined'), 'something was written')
    lib.dbgsplit('--join', 'stripped', 'debug', status=2)
    lib.dbgsplit('--join', 'stripped', 'debug', 'debug', '-o', 'joined', status=2)
    store = lib.new_store(work)
    done = lib.dbgsplit('--join', f'--store={store}', 'stripped', '-o', 'joined', status=1)
    expect('no such build' in done.errors and not os.path.exists('joined'), done.errors)


lib.main()
