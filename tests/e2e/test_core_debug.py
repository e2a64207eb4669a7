#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Core files are debugged with binary and build tree gone: by a server alone, and offline by a bundle."""
import json
import os
import re
import shutil

import lib
from cores import core_of, cxx_crash, go_crash, needs_own_build_id
from lib import case, equal, expect, matches, run

GDB = ['-q', '-nx', '-batch', '-iex', 'set confirm off', '-iex', 'set auto-load no']


def store_and_forget(work, binary, *options):
    """Split with sources into a store, let the split binary crash, and lose binary and build tree. (store, core)"""
    store = lib.new_store(work)
    lib.dbgsplit(f'--store={store}', f'--source-root={work}/tree', *options, binary)
    core = core_of(work, binary)
    shutil.rmtree(os.path.join(work, 'tree'))
    return store, core


CXX_COMMANDS = ['-ex', 'backtrace', '-ex', 'frame function count', '-ex', 'list 7,9', '-ex', 'info locals']
GO_COMMANDS = ['-ex', 'backtrace', '-ex', 'frame function main.depth', '-ex', 'info args', '-ex', 'list 8,11']


def check_cxx(out):
    matches(r'#\d+ +.* in count \(words=.*\) at crash\.cc:9$', out, 'backtrace')
    matches(r'#\d+ +.* in main \(\) at crash\.cc:16$', out, 'backtrace')
    matches(r'^7\s+size_t total = words\.size\(\);', out, 'source')
    matches(r'^total = 3$', out, 'locals')


def check_go(out, tree):
    tree = re.escape(tree)
    matches(rf'#\d+ +.* in main\.depth \(list=0x[0-9a-f]+,? ?.*\) at {tree}/main\.go:11$', out, 'backtrace')
    matches(rf'#\d+ +.* in main\.main \(\) at {tree}/main\.go:16$', out, 'backtrace')
    matches(r'^list = 0x[0-9a-f]+$', out, 'arguments')
    matches(r'^9\s+last := list\.next', out, 'source')


def bundle(work, store, core):
    """Make a bundle and take store and core out of the way; the path of its script."""
    folder = os.path.join(work, 'the bundle')
    lines = run(lib.DBGSTORE, 'bundle', f'--store={store}', f'--core={core}', '-o', folder, '--json').text.splitlines()
    lines = [json.loads(line) for line in lines]
    program = [line for line in lines if line.get('program')]
    equal([(p['executable_from'], p['has_debuginfo'], p['n_sources'] > 0) for p in program], [('store', True, True)], 'program')
    equal(lines[-1]['status'], 'done', 'last line')
    expect(lines[-1]['n_left_out'] == 0, lines[-1])
    os.rename(store, os.path.join(work, 'no store'))
    os.unlink(os.path.join(folder, 'core'))
    os.rename(core, os.path.join(folder, 'core'))
    moved = os.path.join(work, 'carried away')
    os.rename(folder, moved)
    return os.path.join(moved, 'gdb')


@case('bundle: gdb shows lines, source and variables of a C++ core, offline', needs=['gdb', 'g++'])
def bundle_cxx(work):
    script = bundle(work, *store_and_forget(work, cxx_crash(work)))
    done = run(script, *GDB, *CXX_COMMANDS, '-ex', 'info sharedlibrary')
    check_cxx(done.text)
    # Libraries are those of the bundle, by the loader's names.
    root = re.escape(os.path.join(os.path.dirname(script), 'root'))
    matches(rf'^0x\S+ +0x\S+ +Yes.* {root}/\S*/libstdc\+\+\.so\.6$', done.text, 'libraries')
    expect('No  ' not in done.text, f'a library is missing: {done.text}')
    # Where something else is at the path of the source now, the bundle's is shown.
    lib.write(os.path.join(work, 'tree', 'crash.cc'), '// another program\n' * 20)
    check_cxx(run(script, *GDB, *CXX_COMMANDS).text)


@case('bundle: gdb shows lines and source of a Go core, offline, with the build ID hidden', needs=['gdb', 'go'])
def bundle_go(work):
    needs_own_build_id()
    script = bundle(work, *store_and_forget(work, go_crash(work), '--build-id=keep'))
    check_go(run(script, *GDB, *GO_COMMANDS).text, os.path.join(work, 'tree'))


@case('bundle: -trimpath sources of a Go core', needs=['gdb', 'go'])
def bundle_go_trimpath(work):
    needs_own_build_id()
    script = bundle(work, *store_and_forget(work, go_crash(work, '-trimpath')))
    out = run(script, *GDB, *GO_COMMANDS).text
    matches(r'#\d+ +.* in main\.depth \(list=0x[0-9a-f]+,? ?.*\) at /*example\.com/crash/main\.go:11$', out, 'backtrace')
    matches(r'^9\s+last := list\.next', out, 'source')


@case('bundle: what cannot be had is told, and nothing is overwritten', needs=['gcc', 'eu-readelf'])
def bundle_odd(work):
    tree = os.path.join(work, 'tree')
    binary = lib.c_program(tree, source='#include <stdlib.h>\nint main(void) { abort(); }\n')
    build_id = lib.build_id(binary)
    core = core_of(work, binary)
    store = lib.new_store(work)
    done = run(lib.DBGSTORE, 'bundle', f'--store={store}', f'--core={core}', '-o', 'local', status=1)
    matches(rf'^{build_id}  executable of this machine  {re.escape(binary)}$', done.text)
    matches(rf'^dbgstore: \S+/prog: the store has no debug information of the program, build ID {build_id}$', done.errors)
    equal(lib.read(f'local/root{binary}'), lib.read(binary), 'executable')
    equal(os.readlink('local/core'), core, 'core')
    by_id = f'local/debug/.build-id/{build_id[:2]}/{build_id[2:]}'
    expect(os.path.samefile(by_id, f'local/root{binary}'), f'{by_id} is no link to it')

    # Another program is at that path now.
    lib.c_program(tree, flags=('-DOTHER',), source='int main(void) { return 7; }\n')
    done = run(lib.DBGSTORE, 'bundle', f'--store={store}', f'--core={core}', '-o', 'none', status=1)
    matches(rf'^{build_id}  missing  {re.escape(binary)}$', done.text)
    matches(rf'the store has no executable of the program, build ID {build_id}$', done.errors)
    expect(not os.path.exists(f'none/root{binary}'), 'another program was taken')

    done = run(lib.DBGSTORE, 'bundle', f'--store={store}', f'--core={core}', '-o', 'local', status=1)
    matches(r'^dbgstore: local: not empty$', done.errors)
    matches(r'--core=FILE and -o DIR are needed', run(lib.DBGSTORE, 'bundle', '-o', 'x', status=2).errors)


@case('gdb -c CORE: a C++ program by DEBUGINFOD_URLS alone', needs=['gdb', 'g++'])
def served_cxx(work):
    store, core = store_and_forget(work, cxx_crash(work))
    with lib.Server(store) as server:
        check_cxx(run('gdb', *GDB, '-iex', 'set debuginfod enabled on', *CXX_COMMANDS, '-c', core, env=server.client_env(work)).text)


@case('gdb -c CORE: a Go program by DEBUGINFOD_URLS alone, its build ID shown by dbgsplit', needs=['gdb', 'go'])
def served_go(work):
    needs_own_build_id()
    # Which build IDs a core shows is told by PT_NOTE alone: without one, gdb asks for nothing.
    store, core = store_and_forget(work, go_crash(work))
    with lib.Server(store) as server:
        check_go(run('gdb', *GDB, '-iex', 'set debuginfod enabled on', *GO_COMMANDS, '-c', core, env=server.client_env(work)).text,
                 os.path.join(work, 'tree'))


@case('dlv core: a Go program, its executable fetched by debuginfod-find', needs=['dlv', 'debuginfod-find', 'go'])
def served_dlv(work):
    release = matches(r'^Version: (\d+)\.(\d+)', run('dlv', 'version').text)
    if tuple(map(int, release.groups())) < (1, 22):
        raise lib.Skip('Delve before 1.22 asks no server for sources')
    binary = go_crash(work)
    store, core = store_and_forget(work, binary)
    listed = run(lib.DBGSTORE, 'find', f'--store={store}', f'--core={core}').text
    build_id = matches(rf'^(\S+)  debuginfo,executable,sources  {re.escape(binary)}$', listed).group(1)
    with lib.Server(store) as server:
        env = server.client_env(work)
        fetched = run('debuginfod-find', 'executable', build_id, env=env).text.strip()

        def dlv(*commands):
            script = lib.write(os.path.join(work, 'commands'), '\n'.join(commands) + '\nexit\n')
            done = run('dlv', 'core', fetched, core, '--init', script, '--allow-non-terminal-interactive', env=env, status=None)
            if 'too new for this version of Delve' in done.errors or 'too old for this version' in done.errors:
                raise lib.Skip(done.errors.strip())
            equal(done.status, 0, done.errors)
            return re.sub(r'\x1b\[\d*m', '', done.text)
        out = dlv('stack')
        frame = matches(r'^ *(\d+)  0x[0-9a-f]+ in main\.depth\n    at \S+/main\.go:11$', out).group(1)
        matches(r'in main\.main\n    at \S+/main\.go:16$', out)
        out = dlv(f'frame {frame} list', f'frame {frame} args')
    matches(r'^=>\s+11:\s+return last\.value$', out, 'source')
    matches(r'^list = \("?\*main\.node"?\)\(0x', out, 'arguments')


lib.main()
