#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are not linked yet: objects and kernel modules, beside what strip -g makes of them."""
import json
import os
import re
import shutil

import lib
from lib import case, equal, expect, matches, run

SOURCE = '''#include <stdio.h>
static int count;
__attribute__((noinline)) int twice(int x) { count++; return 2 * x; }
int main(void) { printf("%d %d\\n", twice(21), count); return 0; }
'''

CXX_SOURCE = '''#include <string>
#include <vector>
#include <cstdio>
struct Thing { std::vector<std::string> names; template <class T> T get(T x) { names.push_back("a"); return x; } };
int main() { Thing t; printf("%d %zu\\n", t.get(42), t.names.size()); return 0; }
'''

MODULE = r'''
	.section .modinfo,"a"
	.string "license=GPL"
	.string "name=probe"
	.string "vermagic=6.1.0 SMP mod_unload modversions"
	.section __versions,"a"
	.quad 0x12345678
	.ascii "module_layout"
	.zero 43
	.section .note.gnu.build-id,"a",%note
	.long 4, 20, 3
	.string "GNU"
	.byte 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20
	.section .BTF,""
	.long 0x0001eb9f, 24, 0
	.section .gnu.linkonce.this_module,"aw"
	.zero 24
	.string "probe"
	.zero 282
	.quad init_module
	.zero 64
'''
MODULE_SOURCE = '''static int level;
int printk(const char *, ...);
int init_module(void) { return printk("loaded %d", level++); }
'''
SIGNATURE = b'\x30\x82 pkcs7 bytes' + bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 14]) + b'~Module signature appended~\n'


def nm(path):
    return run('nm', '-a', '-f', 'posix', path).text


def relocations(path):
    """Relocations of what stays, by the names they speak of, without the numbers that strip changes."""
    text = run('readelf', '-rW', path).text
    found, wanted = [], False
    for line in text.splitlines():
        section = re.match(r"Relocation section '(\S+)'", line)
        if section:
            wanted = '.debug' not in section[1] or 'debuglto' in section[1]
            if wanted:
                found.append(section[1])
        elif wanted and re.match(r'[0-9a-f]{8,}', line):
            fields = line.split()
            found.append((fields[0], *fields[2:]))
    return found


def names_left(path):
    return [n for n in lib.section_names(path) if n]


def as_strip(*args, **kwargs):
    if not os.path.exists('strip'):
        os.symlink(lib.DBGSPLIT, 'strip')
    return run('./strip', *args, env=lib.clean_env(CI='true'), **kwargs)


def like_strip(theirs, ours):
    """Ours has what strip -g leaves: sections, their bytes, relocations, symbols (strip drops file names)."""
    equal(names_left(ours), names_left(theirs), 'sections')
    equal(relocations(ours), relocations(theirs), 'relocations')
    no_files = [line for line in run('nm', '-f', 'posix', ours).text.splitlines()]
    equal(no_files, run('nm', '-f', 'posix', theirs).text.splitlines(), 'symbols')
    for name in names_left(ours):
        if name.startswith(('.rel', '.symtab', '.strtab', '.shstrtab', '.group', '.llvm_addrsig')):
            continue
        run('objcopy', '-O', 'binary', '--set-section-flags', f'{name}=alloc', '-j', name, ours, 'a.bin', status=None)
        run('objcopy', '-O', 'binary', '--set-section-flags', f'{name}=alloc', '-j', name, theirs, 'b.bin', status=None)
        if os.path.exists('a.bin') and os.path.exists('b.bin'):
            equal(lib.read('a.bin'), lib.read('b.bin'), name)


def elflint(path):
    return [line for line in run('eu-elflint', '--gnu-ld', path, status=None).text.splitlines() if line != 'No errors']


@case('objects: as strip -g leaves them, and they link to the same program', needs=['gcc', 'g++', 'strip', 'eu-elflint'])
def objects(work):
    lib.write('a.c', SOURCE)
    lib.write('b.cc', CXX_SOURCE)
    for compiler, source, flags in (('gcc', 'a.c', ['-g']), ('gcc', 'a.c', ['-g3', '-gdwarf-4', '-O2']),
                                    ('gcc', 'a.c', ['-g', '-gz']), ('gcc', 'a.c', ['-ffunction-sections', '-ggdb3']),
                                    ('g++', 'b.cc', ['-g', '-O1']),
                                    ('g++', 'b.cc', ['-g3', '-fdebug-types-section'])):
        print('#', compiler, flags)
        run(compiler, *flags, '-c', '-o', 'in.o', source)
        run('strip', '-g', '-o', 'theirs.o', 'in.o')
        shutil.copy('in.o', 'ours.o')
        as_strip('-g', 'ours.o')
        like_strip('theirs.o', 'ours.o')
        equal(elflint('ours.o'), elflint('in.o'), 'eu-elflint')
        expect(os.path.getsize('ours.o') < os.path.getsize('in.o'), 'not smaller')
        for name in ('theirs', 'ours'):
            run(compiler, '-Wl,--build-id=none', '-o', name, f'{name}.o')
        equal(run('./ours').out, run('./theirs').out, 'what it prints')
        for name in ('theirs', 'ours'):
            run('strip', '-s', name)
        equal(lib.read('ours'), lib.read('theirs'), 'the program')


@case('an object file without a build ID: refused, nothing lost, unless there is a file or it is to be dropped',
      needs=['gcc', 'eu-unstrip', 'readelf'])
def without_id(work):
    lib.write('a.c', SOURCE)
    run('gcc', '-g', '-c', '-o', 'in.o', 'a.c')
    before = lib.read('in.o')
    store = lib.new_store(work)
    done = lib.dbgsplit(f'--store={store}', 'in.o', status=1)
    matches('object file without a build ID', done.errors)
    equal(lib.read('in.o'), before, 'the input')
    done = lib.dbgsplit('in.o', status=2, env=lib.clean_env(CI='true'))
    equal(lib.read('in.o'), before, 'the input')
    lib.dbgsplit('--debug-file=in.debug', '-o', 'out.o', 'in.o')
    matches(r'\.rela\.debug_info', run('readelf', '-SW', 'in.debug').text)
    info = run('readelf', '--debug-dump=info', 'in.o').text
    equal(run('readelf', '--debug-dump=info', 'in.debug').text, info, 'DWARF of the debug file')
    lib.dbgsplit('--discard-debug', '-o', 'dropped.o', 'in.o', env=lib.clean_env(CI='true'))
    expect('.debug_info' not in lib.section_names('dropped.o'), '.debug_info is still there')
    equal(nm('dropped.o'), nm('out.o'), 'symbols')


def make_module(name, compiler='gcc'):
    lib.write('m.c', MODULE_SOURCE)
    lib.write('m.S', MODULE)
    run(compiler, '-g', '-O1', '-fno-pie', '-ffreestanding', '-c', '-o', 'm1.o', 'm.c')
    run(compiler, '-c', '-o', 'm2.o', 'm.S')
    run(compiler, '-r', '-nostdlib', '-Wl,--build-id=none', '-o', name, 'm1.o', 'm2.o')
    return name


@case('a kernel module: into the store by its build ID; the signature stays, with a warning',
      needs=['gcc', 'strip', 'eu-unstrip', 'objcopy', 'eu-elflint'])
def module(work):
    make_module('probe.ko')
    run('strip', '-g', '-o', 'theirs.ko', 'probe.ko')
    shutil.copy('probe.ko', 'plain.ko')
    plain = lib.read('probe.ko')
    lib.write('probe.ko', plain + SIGNATURE)
    os.makedirs('tree/lib/modules')
    shutil.copy('probe.ko', 'tree/lib/modules/probe.ko')
    for end in ('zst', 'xz', 'gz'):
        lib.write(f'tree/lib/modules/other.ko.{end}', 'compressed')
    store = lib.new_store(work)
    done = lib.dbgsplit('-v', f'--store={store}', '--sources=no', 'tree')
    matches('signature behind it is kept, and no longer holds', done.errors)
    equal(done.text.count('a compressed kernel module'), 3, 'compressed modules passed over')
    ours = 'tree/lib/modules/probe.ko'
    expect(lib.read(ours).endswith(SIGNATURE), 'the signature is gone')
    lib.write('ours.ko', lib.read(ours)[:-len(SIGNATURE)])
    like_strip('theirs.ko', 'ours.ko')
    equal(elflint('ours.ko'), elflint('plain.ko'), 'eu-elflint')
    for section in ('.modinfo', '__versions', '.gnu.linkonce.this_module', '.BTF'):
        run('objcopy', '--dump-section', f'{section}=a', 'ours.ko', '/dev/null')
        run('objcopy', '--dump-section', f'{section}=b', 'plain.ko', '/dev/null')
        equal(lib.read('a'), lib.read('b'), section)
    run('objcopy', '--dump-section', '.modinfo=info', 'ours.ko', '/dev/null')
    expect(b'vermagic=6.1.0 SMP mod_unload modversions\0' in lib.read('info'), '.modinfo')
    build_id = ''.join(f'{i:02x}' for i in range(1, 21))
    lib.dbgstore('get', f'--store={store}', '-o', 'got.debug', build_id, 'debuginfo')
    equal(run('readelf', '--debug-dump=info', 'got.debug').text, run('readelf', '--debug-dump=info', 'plain.ko').text,
          'DWARF from the store')
    run('eu-unstrip', '-o', 'joined.ko', 'ours.ko', 'got.debug')
    equal(sorted(names_left('joined.ko')), sorted(names_left('plain.ko')), 'sections when joined')
    # Once more: nothing to do, and no word about the signature.
    done = lib.dbgsplit(f'--store={store}', '--sources=no', ours)
    matches('already split', done.text)
    expect('signature' not in done.errors, 'a warning without a change')


CROSS = ['aarch64-linux-gnu', 's390x-linux-gnu', 'arm-linux-gnueabihf', 'powerpc64le-linux-gnu', 'riscv64-linux-gnu',
         'i686-linux-gnu']


@case('objects of other architectures, both byte orders and classes, as strip -g leaves them', needs=['gcc'])
def cross(work):
    lib.write('a.c', SOURCE.replace('#include <stdio.h>', 'int printf(const char *, ...);'))
    tried = 0
    for triplet in CROSS:
        if not shutil.which(f'{triplet}-gcc'):
            print(f'# {triplet}-gcc not installed')
            continue
        print('#', triplet)
        tried += 1
        run(f'{triplet}-gcc', '-g3', '-O1', '-c', '-o', 'in.o', 'a.c')
        run(f'{triplet}-strip', '-g', '-o', 'theirs.o', 'in.o')
        shutil.copy('in.o', 'ours.o')
        as_strip('-g', 'ours.o')
        equal(names_left('ours.o'), names_left('theirs.o'), 'sections')
        equal(relocations('ours.o'), relocations('theirs.o'), 'relocations')
        symbols = [run(f'{triplet}-nm', '-f', 'posix', p).text for p in ('ours.o', 'theirs.o')]
        equal(symbols[0], symbols[1], 'symbols')
        for name in ('ours', 'theirs'):
            run(f'{triplet}-ld', '-r', '-o', f'{name}.r.o', f'{name}.o')
        equal(relocations('ours.r.o'), relocations('theirs.r.o'), 'relocations, linked again')
    if not tried:
        raise lib.Skip('no cross compiler')


@case("clang's objects: .llvm_addrsig follows the symbols", needs=['clang', 'gcc', 'strip', 'readelf'])
def clang(work):
    lib.write('a.c', SOURCE + 'int thrice(int x) { return 3 * x; }\nint (*which[])(int) = {thrice, twice};\n')
    run('clang', '-g', '-O1', '-faddrsig', '-c', '-o', 'in.o', 'a.c')
    shutil.copy('in.o', 'ours.o')
    as_strip('-g', 'ours.o')
    run('strip', '-g', '-o', 'theirs.o', 'in.o')
    equal(relocations('ours.o'), relocations('theirs.o'), 'relocations')
    equal(run('nm', 'ours.o').text, run('nm', 'theirs.o').text, 'symbols')

    def named(path):
        numbers = [line.split()[0][:-1] for line in run('readelf', '-sW', path).text.splitlines()
                   if re.match(r' +\d+: [0-9a-f]+', line)]
        names = [line.split()[-1] for line in run('readelf', '-sW', path).text.splitlines()
                 if re.match(r' +\d+: [0-9a-f]+', line)]
        run('objcopy', '--dump-section', '.llvm_addrsig=sig', path, '/dev/null')
        return [dict(zip(numbers, names))[str(n)] for n in lib.read('sig')]
    equal(named('ours.o'), named('in.o'), 'symbols whose addresses matter')
    expect(len(named('in.o')) > 0, 'none at all')
    run('gcc', '-o', 'prog', 'ours.o')
    equal(run('./prog').text.split()[0], '42', 'what it prints')


@case('slim and fat LTO objects still link', needs=['gcc', 'strip'])
def lto(work):
    lib.write('main.c', 'int twice(int); int main(void) { return twice(21) - 42; }')
    lib.write('lib.c', 'int twice(int x) { return 2 * x; }')
    for flag in ('-fno-fat-lto-objects', '-ffat-lto-objects'):
        for name in ('main', 'lib'):
            run('gcc', '-g', '-O2', '-flto', flag, '-c', '-o', f'{name}.o', f'{name}.c')
            as_strip('-g', f'{name}.o')
            expect(any(n.startswith('.gnu.lto_') for n in lib.section_names(f'{name}.o')), 'bytecode is gone')
        run('gcc', '-g', '-O2', '-flto', '-o', 'prog', 'main.o', 'lib.o')
        run('./prog')


def index_of(path):
    return run('nm', '--print-armap', path).text.split('\n\n')[0]


def make_archive(name='lib.a', ar='ar'):
    """Two objects with debug information, one without, one with a long name, and a text."""
    lib.write('main.c', 'int twice(int), thrice(int); int main(void) { return twice(21) + thrice(14) - 84; }')
    lib.write('twice.c', 'int twice(int x) { return 2 * x; }')
    lib.write('thrice.c', 'int thrice(int x) { return 3 * x; }')
    lib.write('plain.c', 'int plain = 1;')
    lib.write('notes', 'odd number of bytes')
    for source, obj, flags in (('twice.c', 'twice.o', ['-g3']), ('plain.c', 'plain.o', ['-g0']),
                               ('thrice.c', 'a_name_over_fifteen_bytes.o', ['-g'])):
        run('gcc', *flags, '-c', '-o', obj, source)
    lib.write(name, b'')
    os.unlink(name)
    run(ar, 'rcsU', name, 'twice.o', 'plain.o', 'a_name_over_fifteen_bytes.o', 'notes')
    return name


@case('archives: members as strip -g leaves them, index right, and the program links', needs=['gcc', 'ar', 'strip', 'nm'])
def archives(work):
    make_archive()
    shutil.copy('lib.a', 'theirs.a')
    run('strip', '-g', '-D', 'theirs.a')
    os.chmod('lib.a', 0o640)
    before = lib.read('lib.a')
    for args, env in ((('--dry-run', '--discard-debug'), {}),):
        lib.dbgsplit(*args, 'lib.a', env=lib.clean_env(CI='true', **env))
        equal(lib.read('lib.a'), before, 'after a dry run')
    store = lib.new_store(work)
    done = lib.dbgsplit(f'--store={store}', 'lib.a', status=1)
    matches('--discard-debug', done.errors)
    equal(lib.read('lib.a'), before, 'after a refusal')
    lib.dbgsplit('--discard-debug', '-U', '-o', 'kept.a', 'lib.a', env=lib.clean_env(CI='true'))
    matches(r'^r\S+ %d/%d ' % (os.getuid(), os.getgid()), run('ar', 'tvO', 'kept.a').text)
    as_strip('-S', '-D', 'lib.a')
    equal(os.stat('lib.a').st_mode & 0o777, 0o640, 'mode')
    expect(len(lib.read('lib.a')) < len(before), 'not smaller')
    matches(r'^rw-r--r-- 0/0 .* 1970 twice\.o', run('ar', 'tv', 'lib.a').text)
    equal(run('ar', 't', 'lib.a').text, run('ar', 't', 'theirs.a').text, 'members')
    equal(index_of('lib.a'), index_of('theirs.a'), 'index')
    equal(run('nm', 'lib.a', status=None).text, run('nm', 'theirs.a', status=None).text, 'symbols')
    os.makedirs('ours')
    run('ar', 'x', '../lib.a', cwd='ours')
    for name in ('plain.o', 'notes'):
        equal(lib.read(f'ours/{name}'), lib.read(name), name)
    expect('.debug_info' not in lib.section_names('ours/a_name_over_fifteen_bytes.o'), 'a long name')
    for name in ('lib.a', 'theirs.a', 'kept.a'):
        run('gcc', '-o', 'prog', 'main.c', name)
        run('./prog')
    # Once more: nothing to take, not a byte changes.
    stripped = lib.read('lib.a')
    as_strip('-g', 'lib.a')
    equal(lib.read('lib.a'), stripped, 'the second time')


@case('archives: without debug information, times and owners go all the same, as strip -D does', needs=['gcc', 'ar'])
def archive_fields(work):
    lib.write('plain.c', 'int plain = 1;')
    run('gcc', '-g0', '-c', '-o', 'plain.o', 'plain.c')
    run('ar', 'rcsU', 'lib.a', 'plain.o')
    before = lib.read('lib.a')
    lib.dbgsplit('--debug-dir=d', 'lib.a')
    equal(lib.read('lib.a'), before, 'where nothing may be dropped')
    for args in (['--discard-debug', '--dry-run'], ['--discard-debug', '-D', '-U']):
        lib.dbgsplit(*args, 'lib.a')
        equal(lib.read('lib.a'), before, ' '.join(args))
    done = lib.dbgsplit('--discard-debug', '-o', 'out.a', 'lib.a')
    matches('no debug information in the members of this archive; their times and owners are gone', done.text + done.errors)
    equal(lib.read('lib.a'), before, 'the input')
    as_strip('-g', '-U', '-D', 'lib.a')
    for name in ('out.a', 'lib.a'):
        matches(r'^rw-r--r-- 0/0 .* 1970 plain\.o', run('ar', 'tv', name).text)
        equal(run('ar', 'p', name, 'plain.o').out, lib.read('plain.o'), 'the member')
        equal(index_of(name), index_of('lib.a'), 'index')


@case('archives: a 64-bit index follows; thin, nested, damaged ones are left alone', needs=['gcc', 'ar', 'nm'])
def odd_archives(work):
    make_archive()
    data = lib.read('lib.a')
    # The same with /SYM64/: the index grows by four bytes for each number.
    size = int(data[8 + 48:8 + 58])
    body = data[68:68 + size]
    count = int.from_bytes(body[:4], 'big')
    names = body[4 + 4 * count:]
    grown = 4 * (count + 1)
    places = [int.from_bytes(body[4 + 4 * k:8 + 4 * k], 'big') + grown for k in range(count)]
    index = b''.join(n.to_bytes(8, 'big') for n in [count] + places) + names
    header = b'/SYM64/'.ljust(16) + data[24:56] + str(len(index)).encode().ljust(10) + b'`\n'
    wide = data[:8] + header + index + data[68 + size:]
    lib.write('wide.a', wide)
    wanted = index_of('wide.a')
    as_strip('-g', 'wide.a')
    equal(index_of('wide.a'), wanted, 'index')
    expect('/SYM64/' in lib.read('wide.a')[:80].decode('latin-1') and len(lib.read('wide.a')) < len(wide), 'not split')
    run('ar', 'rcT', 'thin.a', 'twice.o', 'plain.o')
    run('ar', 'rc', 'nested.a', 'lib.a', 'twice.o')
    for name, reason in (('thin.a', 'a thin archive'), ('nested.a', 'an archive in it')):
        before = lib.read(name)
        done = as_strip('-g', name)
        matches('left as it is: .*' + reason, done.errors)
        done = lib.dbgsplit('--discard-debug', name, status=1, env=lib.clean_env(CI='true'))
        matches(reason, done.errors)
        equal(lib.read(name), before, name)
    for what, bad in (('cut', data[:-50]), ('cut in a header', data[:100]),
                      ('index', data[:72] + b'\xff' * 4 + data[76:]), ('header', data[:66] + b'xx' + data[68:])):
        lib.write('bad.a', bad)
        done = as_strip('-g', 'bad.a', status=1)
        matches('archive', done.errors, what)
        equal(lib.read('bad.a'), bad, what)


# How modules are compressed, as the kernel's build and packagers do it; and back.
PACKERS = {
    'zst': (['zstd', '-qc', '-19'], ['zstd', '-dqc']),
    'xz': (['xz', '-qc', '--check=crc32', '--lzma2=dict=2MiB'], ['xz', '-dqc']),
    'gz': (['gzip', '-nc'], ['gzip', '-dc']),
}


def check_loadable(path, end):
    """What the kernel's own decoders ask for."""
    data = lib.read(path)
    if end == 'xz':
        # Stream flags: the check's type, 1 is CRC-32; and one stream of one block alone.
        equal(data[:8], b'\xfd7zXZ\0\0\1', f'{path}: xz header')
        listed = run('xz', '--robot', '-l', path).text.split('\n')[1].split('\t')
        equal(listed[1:3] + listed[6:7], ['1', '1', 'CRC32'], f'{path}: streams, blocks, check')
    if end == 'zst':
        text = run('zstd', '-lv', path).text
        matches(r'Number of files listed: 1|# Zstandard Frames: 1\b', text)
        matches('Check: XXH64', text)
        window = matches(r'Window Size: [\d.]+ \w+ \((\d+) B\)', text)
        expect(int(window.group(1)) <= 8 << 20, f'{path}: window of {window.group(1)} bytes')


def add_packed(end):
    pack, unpack = PACKERS[end]

    @case(f'--recompress: a .ko.{end} is split and compressed again, as the kernel loads it', needs=['gcc', 'strip', pack[0]])
    def packed(work):
        make_module('probe.ko')
        run('strip', '-g', '-o', 'theirs.ko', 'probe.ko')
        signed = lib.read('probe.ko') + SIGNATURE
        os.makedirs('tree')
        name = f'tree/probe.ko.{end}'
        lib.write(name, run(*pack, input=signed).out, mode=0o640)
        before = lib.read(name)
        store = lib.new_store(work)

        done = lib.dbgsplit('-v', f'--store={store}', 'tree')
        matches('passed over: a compressed kernel module: --recompress', done.text)
        done = lib.dbgsplit(f'--store={store}', name, status=1)
        matches('a compressed kernel module: --recompress splits it', done.errors)
        done = lib.dbgsplit('-n', f'--store={store}', '--recompress', 'tree')
        matches(r'would take .* of debug information', done.text)
        equal(lib.read(name), before, 'what was passed over')

        done = lib.dbgsplit(f'--store={store}', '--sources=no', '--recompress', '--json', 'tree')
        line = json.loads(done.text.splitlines()[0])
        equal((line['status'], line['input_bytes'], line['output_bytes']),
              ('split', len(before), os.path.getsize(name)), 'outcome')
        equal(os.stat(name).st_mode & 0o777, 0o640, 'mode')
        expect(len(lib.read(name)) < len(before), 'not smaller')
        check_loadable(name, end)
        content = run(*unpack, name).out
        expect(content.endswith(SIGNATURE), 'the signature is gone')
        lib.write('ours.ko', content[:-len(SIGNATURE)])
        like_strip('theirs.ko', 'ours.ko')
        shutil.copy(name, 'once')
        build_id = ''.join(f'{i:02x}' for i in range(1, 21))
        lib.dbgstore('get', f'--store={store}', '-o', 'got.debug', build_id, 'debuginfo')
        equal(run('readelf', '--debug-dump=info', 'got.debug').text,
              run('readelf', '--debug-dump=info', 'probe.ko').text, 'DWARF of the debug file')

        # The same bytes each time, whatever the user's settings are; and once split, it stays.
        lib.write(name, before)
        lib.dbgsplit(f'--store={store}', '--sources=no', '--recompress', name,
                     env=lib.clean_env(XZ_OPT='-0', XZ_DEFAULTS='--check=none', ZSTD_CLEVEL='1'))
        equal(lib.read(name), lib.read('once'), 'split again from the start')
        lib.dbgsplit(f'--store={store}', '--sources=no', '--recompress', name)
        equal(lib.read(name), lib.read('once'), 'split twice')

        # Damaged, cut, of something else: refused, and untouched.
        hostile = {'cut': before[:-9], 'flipped': before[:60] + bytes([before[60] ^ 0x55]) + before[61:],
                   'text': run(*pack, input=b'no module').out, 'empty': run(*pack, input=b'').out}
        for title, data in hostile.items():
            lib.write(name, data)
            lib.dbgsplit(f'--store={store}', '--recompress', name, status=1)
            equal(lib.read(name), data, title)
        equal(os.listdir('tree'), [f'probe.ko.{end}'], 'litter')


for _end in PACKERS:
    add_packed(_end)


@case('--recompress: without xz(1) a .ko.xz is refused, with the reason', needs=['gcc', 'xz'])
def without_xz(work):
    make_module('probe.ko')
    lib.write('probe.ko.xz', run('xz', '-qc', '--check=crc32', 'probe.ko').out)
    before = lib.read('probe.ko.xz')
    os.makedirs('empty')
    done = lib.dbgsplit('--debug-file=debug', '--recompress', 'probe.ko.xz', status=1, env=lib.clean_env(PATH=f'{work}/empty'))
    matches(r'compressed with xz, and xz\(1\) is not installed', done.errors)
    equal(lib.read('probe.ko.xz'), before, 'the module')
    lib.dbgsplit('--debug-file=debug', '--recompress', '-o', 'out.ko.xz', 'probe.ko.xz')
    check_loadable('out.ko.xz', 'xz')
    equal(lib.read('probe.ko.xz'), before, 'the module')


lib.main()
