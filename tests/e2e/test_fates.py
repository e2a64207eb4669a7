#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of sections in dbgsplit(1) is true: each of its rows is looked up in files that were split. And what
is no ELF file, or must outlast a split, in one folder."""
import contextlib
import fnmatch
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys

import elfcompare
import lib
from lib import case, equal, expect, matches, run

sys.path.insert(0, os.path.join(lib.TOP, 'tests', 'corpus'))
import elfwriter  # noqa: E402  pylint: disable=wrong-import-position
import shapes  # noqa: E402  pylint: disable=wrong-import-position

# Rows that speak of no section: the shapes that show them.
SHOWN_BY = {
    'padding, old section headers': 'section headers before content',
    'bytes without a section': 'bytes no section covers',
    'data behind the ELF file': 'payload: zip',
}
ADDED = ('.gnu_debugdata', '.BTF', '.ctf', '.mymeta', '.removed', '.gdb_index', '.stab', '.stabstr', '.line',
         '.gnu.lto_main', '.gnu.debuglto_main', '.llvm.lto', '.gnu_debugaltlink', '.note.other', '.zdebug_other', '.debug_other', '.gnu.build.attributes')
# Rows by another name than that of a section.
EXAMPLES = {'whatever is not known': '.mymeta', '-R NAME': '.removed', 'relocations of these': '.rela.debug_info',
            'relocations of other sections': '.rela.text'}
# Rows that speak of object files.
OF_OBJECTS = ('relocations of these', 'relocations of other sections', '.group (section group)', '.modinfo, __versions')
OBJECT_SOURCE = '''
__asm__(".pushsection .modinfo,\\"a\\"\\n.asciz \\"license=GPL\\"\\n.section __versions,\\"a\\"\\n.long 1\\n"
	".section .text.g,\\"axG\\",@progbits,g,comdat\\nnop\\n.popsection");
'''


def table():
    """(what, fate) of each row."""
    text = lib.read(os.path.join(lib.TOP, 'man', 'dbgsplit.1')).decode()
    part = text.split('.Sh WHAT BECOMES OF EACH SECTION')[1].split('.Sh ')[0]
    return [(a or b, fate) for a, b, fate in re.findall(r'^\.It (?:"([^"]+)"|(\S+)) Ta (\w+) Ta "', part, re.M)]


def has_bytes(elf, name):
    return any(s['name'] == name and s['type'] not in (elfcompare.SHT_NULL, elfcompare.SHT_NOBITS)
               for s in elf.sections)


def fate(name, stripped, debug):
    return {(True, False): 'kept', (True, True): 'both', (False, True): 'taken',
            (False, False): 'dropped'}[has_bytes(stripped, name), has_bytes(debug, name)]


@case('the table in dbgsplit(1): each row is what becomes of such a section', needs=['gcc', 'objcopy'])
def fates(work):
    source = lib.C_SOURCE + '__asm__(".pushsection .debug_gdb_scripts,\\"a\\"\\n.long 1\\n.popsection");\nint data = 1;\n'
    lib.c_program('.', source=source)
    lib.c_program('.', 'relocated', ['-Wl,--emit-relocs'])
    lib.write('bytes', 'some bytes behind one another')
    for name in ADDED:
        run('objcopy', '--add-section', f'{name}=bytes', 'prog')
    run('objcopy', '--add-gnu-debuglink=bytes', 'prog')
    writer = elfwriter.Writer('prog')
    writer.add('.llvm_addrsig', 0x6FFF4C03, b'\1\2', link=writer.index('.symtab'))
    writer.save('prog')
    results = []
    for name in ('prog', 'relocated'):
        lib.dbgsplit(f'--debug-file={name}.debug', '-o', f'{name}.stripped', '-R', '.removed', name)
        results.append((elfcompare.Elf(name), elfcompare.Elf(f'{name}.stripped'), elfcompare.Elf(f'{name}.debug')))
    lib.write('object.c', lib.C_SOURCE + OBJECT_SOURCE)
    run('gcc', '-g', '-c', 'object.c')
    lib.dbgsplit('--debug-file=object.debug', '-o', 'object.stripped', 'object.o')
    prog, relocated = results
    of_object = tuple(map(elfcompare.Elf, ('object.o', 'object.stripped', 'object.debug')))

    rows = table()
    expect(len(rows) > 15, f'only {len(rows)} rows were read')
    wrong = []
    for what, said in rows:
        if what in SHOWN_BY:
            expect(SHOWN_BY[what] in shapes.SHAPES, f'no shape shows {what}')
            continue
        if what == 'symbols in taken sections':
            def named(elf):
                return [s for t in elf.sections if t['type'] == elfcompare.SHT_SYMTAB for s in elf.symbols(t)
                        if s[3] == '.debug_info']
            if said != 'dropped' or not named(relocated[0]) or named(relocated[1]):
                wrong.append(what)
            continue
        if what == '.gnu_debuglink':
            names = [s['name'] for s in prog[1].sections]
            content = prog[1].content(prog[1].sections[names.index(what)])
            if said != 'replaced' or names.count(what) != 1 or not content.startswith(b'prog.debug\0'):
                wrong.append(what)
            continue
        original, stripped, debug = of_object if what in OF_OBJECTS else prog
        patterns = [EXAMPLES[what]] if what in EXAMPLES else \
            [w.split(' (')[0] for w in what.split(', ') if w.startswith(('.', '__'))]
        expect(patterns, f'the row {what!r} is not checked')
        for pattern in patterns:
            # A row of its own speaks of the loaded .debug_gdb_scripts.
            found = [s['name'] for s in original.sections if fnmatch.fnmatchcase(s['name'], pattern)
                     and (s['name'] != '.debug_gdb_scripts' or pattern == s['name'])]
            expect(found, f'{what}: the file has no {pattern}')
            wrong += [f'{name}: {said} in the table, and {fate(name, stripped, debug)}' for name in found
                      if fate(name, stripped, debug) != said]
    equal(wrong, [], 'rows that are not true')


@case('section names that are loaded: the stored debug image can be read all the same', needs=['gcc', 'gdb'])
def loaded_names(work):
    binary = lib.c_program('.', flags=['-Wl,--build-id=sha1'])
    writer = elfwriter.Writer(binary)
    writer.shdrs[writer.names_index][elfwriter.FLAGS] |= elfwriter.SHF_ALLOC
    writer.save(binary)
    names = lib.section_names(binary)
    store = lib.new_store(work)
    lib.dbgsplit('--sources=no', f'--store={store}', binary)
    lib.dbgstore('get', f'--store={store}', '-o', 'got', lib.build_id(binary), 'debuginfo')
    equal(lib.section_names('got'), names, 'sections of the debug image')
    matches(r'Line 3 of "prog.c"', run('gdb', '-nx', '-batch', '-ex', 'info line twice', 'got').text)


@case('the wrong kind of file, named and in a folder: passed over or refused, never touched', needs=['gcc'])
def wrong_kinds(work):
    pe = b'MZ' + bytes(58) + struct.pack('<I', 64) + b'PE\0\0\x64\x86' + bytes(200)
    kinds = {'mach-o': b'\xcf\xfa\xed\xfe\x07\0\0\x01' + bytes(200), 'fat': b'\xca\xfe\xba\xbe\0\0\0\2' + bytes(200),
             'pe': pe, 'wasm': b'\0asm\1\0\0\0' + bytes(50), 'script': b'#!/bin/sh\nexit 0\n', 'empty': b'',
             'ten': b'\x7fELF\2\1\1\0\0\0', 'magic': b'\x7fELF'}
    for name, content in kinds.items():
        lib.write(f'tree/{name}', content, 0o755)
    binary = lib.c_program('build')
    shutil.copy2(binary, 'tree/prog')
    os.mkfifo('tree/fifo')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind('tree/socket')
    with contextlib.suppress(PermissionError):
        os.mknod('tree/device', stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: it never ends
    for name in set(os.listdir('tree')) & {'fifo', 'socket', 'device'}:
        done = lib.dbgsplit('--debug-file=out.debug', f'tree/{name}', status=1)
        matches(name, done.errors)
    for name in kinds:
        done = lib.dbgsplit('--debug-file=out.debug', f'tree/{name}', status=None)
        foreign = name in ('mach-o', 'fat', 'pe', 'wasm')  # passed over: a release is built for several systems
        expect(done.status == (0 if foreign else 1) and name in (done.text if foreign else done.errors),
               f'{name}: exit {done.status}: {done.text}{done.errors}')
    lib.dbgsplit('--debug-dir=debug', 'tree', status=None)
    for name, content in kinds.items():
        equal(lib.read(f'tree/{name}'), content, name)
    expect(not os.path.exists('out.debug'), 'a debug file of nothing was written')
    expect('.debug_info' not in lib.section_names('tree/prog'), 'the program beside them was not split')


@case('a running executable, setuid: replaced, and goes on running', needs=['gcc'])
def running(work):
    source = '#include <unistd.h>\n#include <stdio.h>\nint main(void) { char c; puts("up"); fflush(stdout); ' \
             'return read(0, &c, 1) == 1 && c == \'x\' ? 7 : 1; }\n'
    binary = lib.c_program('.', source=source)
    os.chmod(binary, 0o4755)
    with subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        equal(process.stdout.readline(), b'up\n')
        lib.dbgsplit('--debug-dir=debug', binary)
        process.stdin.write(b'x')
        process.stdin.close()
        equal(process.wait(60), 7, 'exit status of the one that runs')
    equal(os.stat(binary).st_mode & 0o7777, 0o4755, 'mode')
    expect('.debug_info' not in lib.section_names(binary), 'not split')


def split_among(count):
    os.mkdir('tree')
    for i in range(count):
        os.close(os.open(f'tree/{i}', os.O_CREAT | os.O_WRONLY, 0o755))
    shutil.copy2(lib.c_program('build'), 'tree/prog')
    lib.dbgsplit('--debug-dir=debug', 'tree')
    expect('.debug_info' not in lib.section_names('tree/prog'), 'not split')


@case('a folder with very many files', needs=['gcc'])
def many_files(work):
    split_among(20000)


@case('a folder with a million files', needs=['gcc'], long=True)
def million_files(work):
    split_among(1000000)


if __name__ == '__main__':
    lib.main()
