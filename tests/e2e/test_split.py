#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgsplit as a user meets it: destinations, replacing in place, what is refused, and what stays as it was."""
import json
import os
import pty
import re
import shutil
import subprocess
import time
import zlib

import lib
import schema
from lib import case, equal, expect, matches, run


def snapshot(folder):
    """Every file below a folder: path, mode and bytes; the store's catalog apart, which is derived."""
    found = {}
    for top, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(top, name)
            if not name.startswith('catalog.sqlite'):
                found[os.path.relpath(path, folder)] = (os.lstat(path).st_mode, lib.read(path))
    return found


def split_json(*args, **kwargs):
    done = lib.dbgsplit('--json', *args, **kwargs)
    objects = [json.loads(line) for line in done.text.splitlines()]
    for o in objects:
        schema.hold('split-1', o)
    return objects, done


@case('in place: mode, owner, times and xattrs stay; a second split changes nothing', needs=['gcc', 'setfattr', 'getfattr'])
def in_place(work):
    binary = lib.c_program('build')
    os.chmod(binary, 0o4751)
    if os.geteuid() == 0:
        os.chown(binary, 1234, 2345)
        os.chmod(binary, 0o4751)
    run('setfattr', '-n', 'user.note', '-v', 'kept', binary)
    os.utime(binary, (1500000000, 1600000000))
    before = os.stat(binary)
    store = lib.new_store(work)
    lib.dbgsplit('-p', f'--store={store}', '--sources=no', binary)
    after = os.stat(binary)
    for field in ('st_mode', 'st_uid', 'st_gid', 'st_atime', 'st_mtime'):
        equal(getattr(after, field), getattr(before, field), field)
    expect(after.st_size < before.st_size, 'not smaller')
    matches('user.note="kept"', run('getfattr', '-d', binary).text)
    run(binary)
    stripped, kept = lib.read(binary), snapshot(store)
    objects, _ = split_json(f'--store={store}', '--sources=no', binary)
    equal(objects[0]['status'], 'already', 'status of the second split')
    equal(lib.read(binary), stripped, 'binary after the second split')
    equal(snapshot(store), kept, 'store after the second split')


@case('file capabilities stay', needs=['gcc', 'setcap', 'getcap'])
def capabilities(work):
    if os.geteuid() != 0:
        raise lib.Skip('needs root')
    binary = lib.c_program('build')
    if run('setcap', 'cap_net_bind_service=ep', binary, status=None).status:
        raise lib.Skip('this file system keeps no capabilities')
    lib.dbgsplit(f'--store={lib.new_store(work)}', '--sources=no', binary)
    matches('cap_net_bind_service=ep', run('getcap', binary).text)


@case('--debug-file and --debug-dir: debug link with the right CRC, a stale one replaced', needs=['gcc', 'gdb', 'objcopy'])
def debug_files(work):
    binary = lib.c_program('build')
    build_id = lib.build_id(binary)
    lib.write('stale', 'stale')
    run('objcopy', '--add-gnu-debuglink=stale', binary)
    lib.dbgsplit('--debug-file=prog.debug', '-o', 'out', binary)
    equal(lib.section_names('out').count('.gnu_debuglink'), 1, 'debug links')
    run('objcopy', '--dump-section', '.gnu_debuglink=link', 'out', '/dev/null')
    link = lib.read('link')
    equal(link.split(b'\0')[0], b'prog.debug', 'name in the debug link')
    equal(int.from_bytes(link[-4:], 'little'), zlib.crc32(lib.read('prog.debug')), 'CRC in the debug link')
    out = run('gdb', '-q', '-nx', '-batch', '-ex', 'info line twice', 'out').text
    matches(r'Line 3 of ".*prog\.c"', out)
    lib.dbgsplit('--debug-dir=debug', '-o', 'out2', binary)
    path = os.path.join('debug', '.build-id', build_id[:2], build_id[2:] + '.debug')
    matches(r'\.debug_info', run('readelf', '-SW', path).text)
    out = run('gdb', '-q', '-nx', '-batch', '-iex', f'set debug-file-directory {work}/debug', '-ex', 'info line twice',
              'out2').text
    matches(r'Line 3 of ".*prog\.c"', out)
    # A stripped file brings no debug information: the good debug file stays.
    good = lib.read(path)
    lib.dbgsplit('--debug-dir=debug', '-o', 'out3', 'out2', status=None)
    equal(lib.read(path), good, 'the good debug file')
    equal(lib.read('out2') if not os.path.exists('out3') else lib.read('out3'), lib.read('out2'), 'the stripped file')


@case('--debug-dir: two programs that would have one debug file do not overwrite each other', needs=['gcc'])
def debug_file_of_another(work):
    other = lib.C_SOURCE.replace('%d', 'something quite other %d') + '\nint more_of_it[20000] = {1};\n'
    for flag in ('-Wl,--build-id=none', '-Wl,--build-id=0xabcdef0123456789'):
        first = lib.c_program('one', flags=[flag])
        second = lib.c_program('two', flags=[flag], source=other)
        before = lib.read(first), lib.read(second)
        folder = os.path.join(work, 'debug' + flag[-4:])
        objects, done = split_json(f'--debug-dir={folder}', first, second, status=1)
        equal(sorted(o['status'] for o in objects), ['failed', 'split'], 'status')
        matches('another program', done.errors)
        kept = [o['path'] for o in objects if o['status'] == 'failed'][0]
        equal(lib.read(kept), before[kept == second], 'the one that was refused')
        files = snapshot(folder)
        equal(len(files), 1, 'debug files')
        if flag.endswith('none'):
            continue
        lib.dbgsplit(f'--debug-dir={folder}', kept, status=1)
        equal(lib.read(kept), before[kept == second], 'the one that was refused again')
        equal(snapshot(folder), files, 'the debug file of the other')
    # Copies of one program are fine.
    first = lib.c_program('one')
    shutil.copy2(first, 'copy')
    lib.dbgsplit('--debug-dir=copies', first, 'copy')


@case('--json: each status is as the schema in docs says', needs=['gcc', 'objcopy'])
def json_schema(work):
    store = lib.new_store(work)
    os.makedirs('tree')
    shutil.move(lib.cxx_program('build'), 'tree/cxx')
    run('objcopy', '--compress-debug-sections', 'tree/cxx')
    shutil.copy2('/bin/true', 'tree/stripped')
    lib.write('tree/object.a', '!<arch>\n')
    lib.write('tree/cut', b'\x7fELF')
    lib.write('stale', 'stale')
    run('objcopy', '--add-gnu-debuglink=stale', 'tree/cxx')
    met, changes = set(), set()
    for options, status in ((['--dry-run'], 1), (['--debug-dir=debug'], 1), ([], 1), (['-o', 'out', '--quiet'], 2)):
        objects, _ = split_json(f'--store={store}', *options, 'tree', status=status)
        met.update(o['status'] for o in objects)
        changes.update(c['kind'] for o in objects for c in o.get('changes', ()))
    equal(met, {'split', 'already', 'no-debug', 'skipped', 'failed'}, 'statuses met')
    equal(changes, {'decompressed', 'link-removed', 'link-replaced'}, 'changes met')


@case('-o and --debug-file of one name are refused', needs=['gcc'])
def one_name_for_two(work):
    binary = lib.c_program('build')
    done = lib.dbgsplit('--debug-file=./one', '-o', os.path.join(work, 'one'), binary, status=1)
    matches('cannot have one name', done.errors)
    expect(not os.path.exists('one'), 'something was written')


@case('--dry-run foretells a refusal: hard links, space', needs=['gcc'])
def dry_run_refusals(work):
    binary = lib.c_program('build')
    store = lib.new_store(work)
    done = lib.dbgsplit('--dry-run', '--min-free=8000000G', f'--store={store}', binary, status=1)
    matches('--min-free', done.errors)
    os.link(binary, 'another')
    done = lib.dbgsplit('--dry-run', f'--store={store}', binary, status=1)
    matches('hard links', done.errors)
    lib.dbgsplit('--dry-run', f'--store={store}', '-o', 'out', binary)


@case('what was stripped before, with a link to dwz: no debug information, and its debug link stays', needs=['gcc', 'objcopy', 'strip'])
def stripped_with_dwz_link(work):
    binary = lib.c_program('build')
    lib.write('alt', b'x.dwz\0' + bytes(range(20)))
    lib.write('x.debug', b'good')
    run('strip', '-g', binary)
    run('objcopy', '--add-section', '.gnu_debugaltlink=alt', '--add-gnu-debuglink=x.debug', binary)
    before = lib.read(binary)
    done = lib.dbgsplit(f'--store={lib.new_store(work)}', '--sources=no', '--require-debug', binary, status=1)
    matches('no debug information', done.errors)
    equal(lib.read(binary), before, 'the binary')


@case('usr/lib/debug is passed over, whatever folder is named', needs=['gcc'])
def debug_tree(work):
    os.makedirs('usr/lib/debug')
    binary = lib.c_program('usr/lib/debug')
    lib.c_program('usr/bin')
    before = lib.read(binary)
    for named in ('usr', '.', os.path.join(work, 'usr')):
        lib.dbgsplit(f'--store={work}/store', '--sources=no', named)
        equal(lib.read(binary), before, f'usr/lib/debug, {named} was named')


@case('no build ID: a clear error and nothing touched; --debug-file works all the same', needs=['gcc'])
def no_build_id(work):
    binary = lib.c_program('build', flags=['-Wl,--build-id=none'])
    store = lib.new_store(work)
    bytes_before, store_before = lib.read(binary), snapshot(store)
    done = lib.dbgsplit(f'--store={store}', binary, status=1)
    matches(r'-Wl,--build-id', done.errors)
    matches(r'-ldflags=-B=gobuildid', done.errors)
    equal(lib.read(binary), bytes_before, 'the binary')
    equal(snapshot(store), store_before, 'the store')
    lib.dbgsplit('--debug-file=prog.debug', '-o', 'out', binary)
    matches(r'\.debug_info', run('readelf', '-SW', 'prog.debug').text)
    run('./out')


@case('not ELF, empty, cut, missing, a folder without ELF: one clear line, nothing touched', needs=['gcc'])
def wrong_inputs(work):
    store = lib.new_store(work)
    binary = lib.c_program('build')
    whole = lib.read(binary)
    before = snapshot(store)
    lib.write('text', 'hello, this is not an ELF file\n')
    lib.write('empty', b'')
    lib.write('ten', whole[:10])
    for part in (2, 3, 10):
        lib.write(f'cut-{part}', whole[:len(whole) // part])
    lib.write('cut-one', whole[:-1])
    for name in ('text', 'empty', 'ten', 'cut-2', 'cut-3', 'cut-10', 'cut-one', 'missing'):
        kept = lib.read(name) if os.path.exists(name) else None
        done = lib.dbgsplit(f'--store={store}', name, status=1)
        lines = [line for line in done.errors.splitlines() if name in line]
        expect(len(lines) >= 1, f'{name}: no line names it: {done.errors}')
        equal(lib.read(name) if os.path.exists(name) else None, kept, name)
    equal(snapshot(store), before, 'the store')
    os.mkdir('folder')
    lib.write('folder/script', '#!/bin/sh\n')
    done = lib.dbgsplit(f'--store={store}', 'folder')
    expect('script' not in done.errors, 'what is not ELF in a folder is passed over silently')


@case('a tree: folders, jobs, symlinks, hard links, devices; JSON holds one object a file', needs=['gcc', 'go'])
def tree(work):
    store = lib.new_store(work)
    os.makedirs('tree/usr/bin')
    os.makedirs('tree/usr/lib/debug')
    for n in range(6):
        binary = lib.c_program('build', name=f'prog{n}', source=lib.C_SOURCE.replace('"%d', f'"{n} %d'))
        shutil.move(binary, f'tree/usr/bin/prog{n}')
    shutil.copy2('tree/usr/bin/prog0', 'tree/usr/lib/debug/left-alone')
    os.symlink('prog1', 'tree/usr/bin/link')
    outside = lib.c_program('build', name='outside', source=lib.C_SOURCE.replace('%d', 'outside %d'))
    os.symlink(outside, 'tree/usr/bin/out')
    os.link('tree/usr/bin/prog2', 'tree/usr/bin/prog2-again')
    os.mkfifo('tree/usr/bin/fifo')
    lib.write('tree/usr/bin/script', '#!/bin/sh\n', 0o755)
    outside_before, debug_before = lib.read(outside), lib.read('tree/usr/lib/debug/left-alone')
    objects, done = split_json(f'--store={store}', '--sources=no', '--jobs=4', '--package=demo', '--pkg-version=1.2', 'tree')
    split = {o['path']: o for o in objects if o.get('status') == 'split'}
    for n in range(6):
        name = f'tree/usr/bin/prog{n}'
        expect(name in split or (n == 2 and name + '-again' in split), f'{name} was not split: {sorted(split)}')
        expect('.debug_info' not in lib.section_names(name), f'{name} has debug sections')
        run(os.path.join(work, name))
    expect(all(o['schema'] == 'dbgvault.split/1' for o in objects), 'schema')
    equal(os.stat('tree/usr/bin/prog2').st_ino, os.stat('tree/usr/bin/prog2-again').st_ino, 'the hard link')
    equal(lib.read(outside), outside_before, 'a file outside the tree')
    equal(lib.read('tree/usr/lib/debug/left-alone'), debug_before, 'usr/lib/debug')
    expect(os.path.islink('tree/usr/bin/link'), 'the symlink')
    info = json.loads(lib.dbgstore('info', '--json', f'--store={store}', lib.build_id('tree/usr/bin/prog3')).text)
    text = json.dumps(info)
    matches('"demo"', text)
    matches('"1.2"', text)
    matches('"usr/bin/prog3"', text)
    equal(len(lib.dbgstore('list', '--json', f'--store={store}').text.splitlines()), 6, 'builds in the store')
    lib.dbgstore('verify', f'--store={store}')


@case('a hard link outside the inputs is refused unless told to', needs=['gcc'])
def hard_links(work):
    store = lib.new_store(work)
    binary = lib.c_program('build')
    os.link(binary, 'other')
    before = lib.read(binary)
    done = lib.dbgsplit(f'--store={store}', '--sources=no', binary, status=1)
    matches('hard link', done.errors)
    equal(lib.read(binary), before, 'the binary')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--break-hard-links', binary)
    expect(os.path.getsize(binary) < len(before), 'not split')
    equal(lib.read('other'), before, 'the other name')


@case('one bad file does not stop the rest, and the exit status says it', needs=['gcc'])
def one_bad(work):
    store = lib.new_store(work)
    good = lib.c_program('tree', name='good')
    lib.write('tree/bad', lib.read(good)[:3000])
    os.unlink('tree/good.c')
    objects, done = split_json(f'--store={store}', '--sources=no', 'tree', status=1)
    equal({o['path']: o['status'] for o in objects if 'path' in o}, {'tree/bad': 'failed', 'tree/good': 'split'}, 'statuses')
    expect('.debug_info' not in lib.section_names(good), 'the good file was not split')


@case('read-only folder, full disk: one clear line, input and store as they were', needs=['gcc', 'setpriv', 'mount'])
def cannot_write(work):
    if os.geteuid() != 0:
        raise lib.Skip('needs root')
    os.mkdir('small')
    if run('mount', '-t', 'tmpfs', '-o', 'size=512k', 'none', 'small', status=None).status:
        raise lib.Skip('cannot mount a tmpfs here')
    try:
        prog = lib.c_program('build', flags=['-static'])
        # A store on a full disk.
        store = os.path.join(work, 'small', 'store')
        lib.dbgstore('init', f'--store={store}')
        fill = os.open('small/fill', os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(fill, b'x' * 4096)
        except OSError:
            os.close(fill)
        before, kept = lib.read(prog), snapshot(store)
        done = lib.dbgsplit(f'--store={store}', '--sources=no', '--min-free=0', prog, status=1)
        matches('No space left', done.errors)
        equal(lib.read(prog), before, 'the binary')
        equal(snapshot(store), kept, 'the store')
        # --min-free refuses before anything is touched.
        done = lib.dbgsplit(f'--store={store}', '--sources=no', prog, status=1)
        matches('min-free', done.errors)
    finally:
        run('umount', 'small', status=None)
    # A disk with room for the binary, but not for a second copy of it: the store elsewhere is fine.
    size = os.path.getsize(prog)
    run('mount', '-t', 'tmpfs', '-o', f'size={size + size // 4}', 'none', 'small')
    try:
        shutil.copy2(prog, 'small/prog')
        done = lib.dbgsplit(f'--store={lib.new_store(work)}', '--sources=no', '--min-free=0', 'small/prog', status=1)
        matches('No space left', done.errors)
        equal(os.listdir('small'), ['prog'], 'files beside the binary')
        equal(lib.read('small/prog'), before, 'the binary on a full disk')
    finally:
        run('umount', 'small', status=None)
    # A read-only folder, as an ordinary user.
    prog = lib.c_program('build')
    other = os.path.join(work, 'user-store')
    lib.dbgstore('init', f'--store={other}')
    for top, folders, files in os.walk(other):
        for name in folders + files:
            os.chown(os.path.join(top, name), 4321, 4321)
    os.chown(other, 4321, 4321)
    os.chmod('build', 0o555)
    os.chmod(work, 0o755)
    before = lib.read(prog)
    done = run('setpriv', '--reuid=4321', '--regid=4321', '--clear-groups', lib.DBGSPLIT, f'--store={other}', '--sources=no',
               prog, status=1)
    matches('Permission denied', done.errors)
    equal(lib.read(prog), before, 'the binary')


@case('destination: refused where nobody would find it again; --store=default and $DBGVAULT_STORE are told', needs=['gcc'])
def destination(work):
    binary = lib.c_program('build')
    before = lib.read(binary)
    env = lib.clean_env(HOME=work, XDG_DATA_HOME=os.path.join(work, 'data'), CI='true')
    done = lib.dbgsplit(binary, env=env, status=2)
    for choice in ('--store=', 'DBGVAULT_STORE', '--debug-dir', '--debug-file', '--store=default'):
        matches(choice, done.errors)
    equal(lib.read(binary), before, 'the binary')
    # As strip, the file stays whole, and a line says so.
    os.symlink(lib.DBGSPLIT, 'strip')
    done = run('./strip', binary, env=env)
    equal(lib.read(binary), before, 'the binary after strip')
    expect(done.errors.strip(), 'strip said nothing')
    store = lib.new_store(work)
    lib.dbgsplit('--sources=no', binary, env=lib.clean_env(DBGVAULT_STORE=store))
    lib.dbgstore('find', f'--store={store}', binary)


@case('strip spellings: -g, -S, -d, --strip-debug, -o, -p; --strip-all never takes the symbols', needs=['gcc', 'nm'])
def strip_spellings(work):
    binary = lib.c_program('build')
    whole = lib.read(binary)
    store = lib.new_store(work)
    env = lib.clean_env(DBGVAULT_STORE=store)
    os.symlink(lib.DBGSPLIT, 'strip')
    for n, options in enumerate((['-g'], ['-S'], ['-d'], ['--strip-debug'], ['-p', '-g'], ['-R', '.comment', '-g'], [], ['-s'])):
        run('./strip', *options, '-o', f'out{n}', binary, env=env)
        names = lib.section_names(f'out{n}')
        expect('.debug_info' not in names and '.symtab' in names, f'{options}: {names}')
    equal(lib.read(binary), whole, 'the input of -o')
    done = lib.dbgsplit('--strip-all', binary, env=env, status=2)
    matches('symbols', done.errors)


@case('no debug information: a warning that names cause and cure; --require-debug fails', needs=['gcc', 'go'])
def no_debug(work):
    store = lib.new_store(work)
    binary = lib.go_program('build', flags=['-ldflags=-s -w'])
    before = lib.read(binary)
    done = lib.dbgsplit(f'--store={store}', '--sources=no', binary)
    matches(r'-s|-w', done.errors)
    equal(lib.read(binary), before, 'the binary')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--require-debug', binary, status=1)


@case('--dry-run touches nothing', needs=['gcc'])
def dry_run(work):
    store = lib.new_store(work)
    binary = lib.c_program('build')
    before, kept = lib.read(binary), snapshot(store)
    done = lib.dbgsplit(f'--store={store}', '--dry-run', binary)
    expect(done.text.strip() or done.errors.strip(), 'a dry run says what it would do')
    equal((lib.read(binary), snapshot(store)), (before, kept), 'binary and store')


@case('the stripped bytes and the debug image depend on the input alone', needs=['gcc'])
def reproducible(work):
    binary = lib.c_program('build', flags=['-O2'])
    first, second = lib.new_store(work, 'one'), lib.new_store(work, 'two')
    os.umask(0o022)
    lib.dbgsplit(f'--store={first}', '--sources=no', '--jobs=1', '-o', 'a', binary)
    os.umask(0o077)
    lib.dbgsplit(f'--store={second}', '--sources=no', '--jobs=4', '--level=9', '-o', 'b', binary)
    os.umask(0o022)
    equal(lib.read('a'), lib.read('b'), 'stripped image')
    build_id = lib.build_id(binary)
    equal(lib.dbgstore('get', f'--store={first}', build_id, 'debuginfo').out,
          lib.dbgstore('get', f'--store={second}', build_id, 'debuginfo').out, 'debug image')


@case('many at once on one store: each binary whole, the store clean', needs=['gcc'])
def many_at_once(work):
    store = lib.new_store(work)
    binary = lib.c_program('build')
    names = []
    for n in range(12):
        names.append(f'copy{n}')
        shutil.copy2(binary, names[-1])
    running = [subprocess.Popen([lib.DBGSPLIT, f'--store={store}', '--sources=no', '-q', name], env=lib.clean_env(),
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) for name in names]
    for process in running:
        _, errors = process.communicate(timeout=120)
        equal(process.returncode, 0, f'exit status, {errors}')
    equal(len({lib.read(n) for n in names}), 1, 'distinct stripped images')
    lib.dbgstore('verify', f'--store={store}')
    equal(len(lib.dbgstore('list', '--json', f'--store={store}').text.splitlines()), 1, 'builds')


@case('an input that shrinks while it is read ends in an error, not a signal', needs=['gcc'])
def shrinking(work):
    # A large sparse "debug section" gives time to cut the file under the reader.
    binary = lib.c_program('build')
    with open('filler', 'wb') as f:
        f.truncate(600 << 20)
    run('objcopy', '--add-section', '.debug_filler=filler', binary, 'big')
    os.unlink('filler')
    store = lib.new_store(work)
    process = subprocess.Popen([lib.DBGSPLIT, f'--store={store}', '--sources=no', '--min-free=0', 'big'], env=lib.clean_env(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.15)
    os.truncate('big', 100 << 20)
    _, errors = process.communicate(timeout=120)
    if process.returncode == 0:
        raise lib.Skip('it was done before the file could be cut')
    equal(process.returncode, 1, f'exit status, {errors}')
    matches('changed|shrunk|could not be read', errors.decode())
    equal(os.path.getsize('big'), 100 << 20, 'the input')
    lib.dbgstore('verify', f'--store={store}')


@case('a progress bar on a terminal, for a single large file too, and none elsewhere', needs=['gcc', 'objcopy'])
def progress(work):
    binary = lib.c_program('build')
    with open('filler', 'wb') as f:
        for _ in range(256):
            f.write(os.urandom(1 << 19) + bytes(1 << 19))
    run('objcopy', '--add-section', '.debug_filler=filler', binary, 'big')
    store = lib.new_store(work)
    master, terminal = pty.openpty()
    process = subprocess.Popen([lib.DBGSPLIT, f'--store={store}', '--sources=no', '-o', 'out', 'big'],
                               env=lib.clean_env(TERM='xterm'), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = b''
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    equal(process.wait(60), 0, 'exit status')
    bars = re.findall(rb'split \[=*>? *\] 0/1 files, ([0-9.]+ [kM]?B) of', shown)
    expect(any(not bar.startswith(b'0') for bar in bars), f'no bar that had moved within the file: {shown!r}')
    done = lib.dbgsplit(f'--store={store}', '--sources=no', '-o', 'out2', 'big')
    expect('[' not in done.errors, f'a bar where there is no terminal: {done.errors}')


lib.main()
