# SPDX-License-Identifier: Apache-2.0
"""A store that is looked after while it is in use: verify, merge, rm, reindex and stats beside writers and readers."""
import json
import os
import random
import shlex
import subprocess
import threading
import time

import lib
from lib import case, equal, expect, matches, run

GDB = ['gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-iex', 'set confirm off']


def programs(folder, n):
    """Small programs that share a header; each has a function of its own."""
    lib.write(os.path.join(folder, 'common.h'), 'static inline int common(int n)\n{\n\treturn n + 1;\n}\n')
    return [lib.c_program(folder, f'prog{i}', ['-O0'], source=f'''#include "common.h"
int own_{i}(int number)
{{
	int sum = common(number) + {i};
	return sum;
}}
int main(void)
{{
	return own_{i}(0) != {i + 1};
}}
''') for i in range(n)]


def objects(line):
    return [json.loads(text) for text in line.splitlines()]


def listed(store):
    return {o['build_id'] for o in objects(lib.dbgstore('list', '--json', f'--store={store}').text)}


def flip(path):
    with open(path, 'r+b') as f:
        f.seek(os.path.getsize(path) // 3)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 0x40]))


@case('verify tells what is damaged and what is missing, and by its exit status', needs=['gcc'])
def verify(work):
    store = lib.new_store(work)
    program = programs(os.path.join(work, 'src'), 1)[0]
    lib.dbgsplit(f'--store={store}', f'--source-root={work}/src', program)
    build = lib.build_id(program)
    done = objects(lib.dbgstore('verify', '--json', f'--store={store}').text)
    equal((done[-1]['status'], done[-1]['damaged'], done[-1]['missing'], done[-1]['builds']), ('whole', 0, 0, 1), 'whole')

    kinds = run('sh', '-c', f'cd {store} && find objects builds -type f').text.split()
    expect(len(kinds) == 5, f'debug image, executable, manifest, pack and contribution: {kinds}')
    for path in kinds:
        whole = lib.read(os.path.join(store, path))
        flip(os.path.join(store, path))
        text = lib.dbgstore('verify', f'--store={store}', status=3).text
        matches(rf'^damaged  {path}: ', text, path)
        lib.write(os.path.join(store, path), whole)
        os.rename(os.path.join(store, path), 'aside')
        done = objects(lib.dbgstore('verify', '--json', f'--store={store}', status=3).text)
        expect(any(o['status'] == 'missing' for o in done) and done[-1]['status'] == 'damaged', f'{path} is missing: {done}')
        os.rename('aside', os.path.join(store, path))
    lib.dbgstore('verify', f'--store={store}')

    os.rename(os.path.join(store, 'builds'), 'builds')
    os.mkdir(os.path.join(store, 'builds'))
    text = lib.dbgstore('verify', f'--store={store}', status=3).text
    matches(f'^missing  builds/{build[:2]}/{build}: ', text)
    os.rmdir(os.path.join(store, 'builds'))
    os.rename('builds', os.path.join(store, 'builds'))

    run('sh', '-c', f'rm {store}/catalog/*')
    matches('^stray    catalog/catalog.sqlite: ', lib.dbgstore('verify', f'--store={store}').text)
    lib.dbgstore('reindex', f'--store={store}')
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    equal(listed(store), {build}, 'builds')


@case('stats equal du and a recount', needs=['gcc', 'du', 'zstd'])
def stats(work):
    store = lib.new_store(work)
    for program in programs(os.path.join(work, 'src'), 3):
        lib.dbgsplit(f'--store={store}', f'--source-root={work}/src', program)
    counted = objects(lib.dbgstore('stats', '--json', f'--store={store}').text)[0]
    equal(counted['disk_bytes'], int(run('du', '-s', '--block-size=1', store).text.split()[0]), 'disk_bytes')
    files = run('find', os.path.join(store, 'objects'), '-type', 'f').text.split()
    equal(counted['objects'], len(files), 'objects')
    equal(counted['object_stored_bytes'], sum(os.path.getsize(path) for path in files), 'object_stored_bytes')
    equal(counted['object_bytes'], sum(len(run('zstd', '-dcq', path).out) for path in files), 'object_bytes')
    equal((counted['builds'], counted['debug'], counted['executables'], counted['sources'], counted['packs']),
          (3, 3, 3, 4, 3), 'counts')
    sources = [os.path.join(work, 'src', name) for name in ('common.h', 'prog0.c', 'prog1.c', 'prog2.c')]
    equal(counted['source_bytes'], sum(os.path.getsize(path) for path in sources), 'source_bytes')


@case('a tar is merged into a live store while gdb asks it', needs=['gdb', 'gcc', 'tar', 'xz'])
def merge_live(work):
    store, other = lib.new_store(work), lib.new_store(work, 'other')
    tree = os.path.join(work, 'src')
    built = programs(tree, 12)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', built[0])
    for program in built[1:]:
        lib.dbgsplit(f'--store={other}', f'--source-root={tree}', program)
    os.rename(tree, os.path.join(work, 'gone'))
    built = [os.path.join(work, 'gone', os.path.basename(program)) for program in built]
    run('tar', '-C', other, '-cJf', 'other.tar.xz', '.')

    def ask(server, program, i, cache):
        os.mkdir(os.path.join(work, cache))
        done = run(*GDB, '-ex', f'break own_{i}', '-ex', 'run', '-ex', 'next', '-ex', 'info locals', '-ex', 'list 2,3',
                   program, env=server.client_env(os.path.join(work, cache)), status=None)
        return done.text + done.errors

    def understood(text, i):
        matches(rf'Breakpoint 1, own_{i} \(number=0\) at prog{i}\.c:4', text)
        matches(rf'^sum = {i + 1}', text)
        matches(rf'^2\s+int own_{i}\(int number\)', text)

    with lib.Server(store) as server:
        troubles = []

        def debug_on():
            try:
                for turn in range(3):
                    understood(ask(server, built[0], 0, f'cache{turn}'), 0)
            except Exception as error:  # pylint: disable=broad-except
                troubles.append(error)

        gdb = threading.Thread(target=debug_on)
        gdb.start()
        with open('other.tar.xz', 'rb') as tar:
            merged = lib.dbgstore('merge', '--json', f'--store={store}', '-', input=tar.read())
        gdb.join()
        equal(troubles, [], 'what gdb met')
        result = objects(merged.text)[-1]
        equal((result['status'], result['contributions']), ('merged', 11), 'result')
        for i in (1, 11):
            understood(ask(server, built[i], i, f'new{i}'), i)
    lib.dbgstore('verify', f'--store={store}')
    again = objects(lib.dbgstore('merge', '--json', f'--store={store}', other).text)[-1]
    equal((again['objects'], again['contributions']), (0, 0), 'a second time')


@case('what is removed is gone, and told when it is to come back', needs=['gcc', 'curl'])
def remove(work):
    store = lib.new_store(work)
    tree = os.path.join(work, 'src')
    built = programs(tree, 2)
    ids = [lib.build_id(program) for program in built]
    run('cp', '-r', tree, 'kept')
    for program in built:
        lib.dbgsplit(f'--store={store}', f'--source-root={tree}', program)
    with lib.Server(store) as server:
        common = f'{server.url}/buildid/{ids[1]}/source{tree}/common.h'
        run('curl', '-sf', '-o', 'got', common)
        lib.dbgstore('rm', '--dry-run', f'--store={store}', ids[0], f'--source={tree}/common.h')
        run('curl', '-sf', '-o', 'got', f'{server.url}/buildid/{ids[0]}/debuginfo')
        text = lib.dbgstore('rm', f'--store={store}', ids[0], f'--source={tree}/common.h').errors
        matches(r'removed 1 builds, .* [0-9.]+ k?B', text)
        # The client's own wait aside, a server sees it with its next snapshot.
        time.sleep(0.3)
        run('curl', '-sf', '-o', 'got', f'{server.url}/buildid/{ids[0]}/debuginfo', status=22)
        run('curl', '-sf', '-o', 'got', common, status=22)
        run('curl', '-sf', '-o', 'got', f'{server.url}/buildid/{ids[1]}/source{tree}/prog1.c')
    equal(listed(store), {ids[1]}, 'builds')
    text = lib.dbgstore('add', f'--store={store}', 'kept/prog0', status=1).errors
    matches(f'{ids[0]} was removed', text)
    before = lib.read('kept/prog0')
    lib.dbgsplit(f'--store={store}', 'kept/prog0', status=1)
    equal(lib.read('kept/prog0'), before, 'a binary whose debug information is refused')
    lib.dbgstore('verify', f'--store={store}')
    lib.dbgstore('rm', f'--store={store}', '0123456789abcdef', status=1)
    lib.dbgstore('rm', f'--store={store}', status=2)
    lib.dbgstore('rm', f'--store={store}', 'xyz', status=1)


@case('sixteen writers, with verify, lookups, reindex and rm among them', needs=['gcc'])
def crowd(work):
    store = lib.new_store(work)
    tree = os.path.join(work, 'src')
    built = programs(tree, 16)
    ids = [lib.build_id(program) for program in built]
    goner = lib.c_program(os.path.join(work, 'goner'), 'goner', source=lib.C_SOURCE + '/* goes */\n')
    lib.dbgsplit(f'--store={store}', f'--source-root={work}/goner', '-o', 'goner.out', goner)

    troubles, over = [], threading.Event()

    def in_turn(function):
        def forever():
            try:
                while not over.is_set():
                    function()
            except Exception as error:  # pylint: disable=broad-except
                troubles.append(error)
        thread = threading.Thread(target=forever)
        thread.start()
        return thread

    def write(number):
        # Each program by three writers, half of them byte for byte, in an order of their own.
        order = list(range(len(built)))
        random.Random(number).shuffle(order)
        commands = []
        for i in order[:3] + [number]:
            if number % 2:
                commands.append([lib.DBGSTORE, 'add', '-q', f'--store={store}', built[i]])
            else:
                commands.append([lib.DBGSPLIT, '-q', f'--store={store}', f'--source-root={tree}', '-o',
                                 f'out.{number}.{i}', built[i]])
        script = ' && '.join(shlex.join(command) for command in commands)
        return subprocess.Popen(['sh', '-c', script], env=lib.clean_env(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    others = [
        in_turn(lambda: lib.dbgstore('verify', f'--store={store}')),
        in_turn(lambda: [lib.dbgstore('get', f'--store={store}', build, 'executable', '-o', 'got')
                         for build in sorted(listed(store) & set(ids))]),
        in_turn(lambda: (lib.dbgstore('reindex', f'--store={store}'), time.sleep(0.5))),
    ]
    writers = [write(number) for number in range(16)]
    lib.dbgstore('rm', f'--store={store}', lib.build_id(goner))
    for writer in writers:
        text = writer.communicate(timeout=240)[0]
        if writer.returncode != 0:
            troubles.append(lib.Failed(f'a writer: {writer.returncode}: {text.decode()}'))
    over.set()
    for thread in others:
        thread.join()
    expect(not troubles, '\n'.join(map(str, troubles))[:4000])
    equal(lib.dbgstore('verify', f'--store={store}').text, '', 'findings')
    equal(listed(store), set(ids), 'builds')
    for i in range(0, 16, 2):
        equal(lib.dbgstore('get', f'--store={store}', ids[i], 'source', f'{tree}/prog{i}.c').out,
              lib.read(f'{tree}/prog{i}.c'), 'source')


if __name__ == '__main__':
    lib.main()
