#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are not linked yet: objects and kernel modules, beside what strip -g makes of them."""
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


lib.main()
