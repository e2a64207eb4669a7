#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sources: what a split keeps of a build tree, what it must never keep, and what the next build adds."""
import hashlib
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request

import lib
from lib import case, equal, expect, matches, run

MAIN = '#include "inc/help.h"\nint main(void) { return help(0); }\n'
HELP = 'static inline int help(int number)\n{\n\treturn number;\n}\n'


def project(work, name='project', main=MAIN, marker='.git'):
    """A C project with a header in a folder, and a marker that makes it one; its real path."""
    folder = os.path.join(os.path.realpath(work), name)
    os.makedirs(os.path.join(folder, marker)) if marker == '.git' else lib.write(os.path.join(folder, marker), '')
    lib.write(os.path.join(folder, 'main.c'), main, 0o644)
    lib.write(os.path.join(folder, 'inc/help.h'), HELP, 0o644)
    return folder


def build(folder, out='prog'):
    run('gcc', '-g', '-Wl,--build-id=sha1', '-o', out, 'main.c', cwd=folder)
    return os.path.join(folder, out)


def split(store, binary, *args, cwd, **kwargs):
    return lib.dbgsplit(f'--store={store}', *args, binary, cwd=cwd, **kwargs)


def fetch(server, build_id, path):
    """(status, body) of a source request."""
    url = f'{server.url}/buildid/{build_id}/source{urllib.parse.quote(path)}'
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b''


def contents(store):
    """The decoded content of every object."""
    found = []
    for top, _, files in os.walk(os.path.join(store, 'objects')):
        found += [run('zstd', '-dc', os.path.join(top, name)).out for name in files]
    return found


def packs(store):
    """Each pack's member names, a set a pack."""
    return [set(run('tar', '-tf', '-', input=content).text.split()) for content in contents(store)
            if content[257:262] == b'ustar']


def digest(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


@case("a project's sources are served when its tree is gone", needs=['gcc', 'zstd', 'tar'])
def served(work):
    folder = project(work)
    build_id = lib.build_id(build(folder))
    store = lib.new_store(work)
    split(store, 'prog', cwd=folder)
    shutil.rmtree(folder)
    with lib.Server(store) as server:
        equal(fetch(server, build_id, f'{folder}/main.c'), (200, MAIN.encode()), 'main.c')
        equal(fetch(server, build_id, f'{folder}/inc/help.h'), (200, HELP.encode()), 'help.h')
        equal(fetch(server, build_id, f'{folder}/inc/../inc//help.h'), (200, HELP.encode()), 'help.h, not folded')
        equal(fetch(server, build_id, f'{folder}/other.c')[0], 404, 'a file that there never was')
    equal(lib.dbgstore('verify', f'--store={store}').status, 0, 'verify')


@case('the next build adds to the packs only what changed', needs=['gcc', 'zstd', 'tar'])
def only_what_changed(work):
    folder = project(work)
    store = lib.new_store(work)
    first_id = lib.build_id(build(folder, 'one'))
    split(store, 'one', cwd=folder)
    first = packs(store)
    expect({digest(MAIN), digest(HELP)} <= set().union(*first), f'not in the pack: {first}')

    changed = MAIN + '/* changed */ int more(void) { return 1; }\n'
    lib.write(os.path.join(folder, 'main.c'), changed, 0o644)
    second_id = lib.build_id(build(folder, 'two'))
    split(store, 'two', cwd=folder)
    added = [pack for pack in packs(store) if pack not in first]
    equal(added, [{digest(changed)}], 'packs that the second build added')

    # One that changed nothing in the sources adds no pack.
    run('gcc', '-g', '-O2', '-Wl,--build-id=sha1', '-o', 'three', 'main.c', cwd=folder)
    split(store, 'three', cwd=folder)
    equal(len(packs(store)), len(first) + 1, 'packs after a third build')
    with lib.Server(store) as server:
        equal(fetch(server, first_id, f'{folder}/main.c'), (200, MAIN.encode()), 'of the first build')
        equal(fetch(server, second_id, f'{folder}/main.c'), (200, changed.encode()), 'of the second build')


@case('--sources=no keeps none', needs=['gcc', 'zstd', 'tar'])
def none(work):
    folder = project(work)
    build_id = lib.build_id(build(folder))
    store = lib.new_store(work)
    split(store, 'prog', '--sources=no', cwd=folder)
    equal(packs(store), [], 'packs')
    with lib.Server(store) as server:
        equal(fetch(server, build_id, f'{folder}/main.c')[0], 404, 'status')


@case('names that a prefix map made: relative ones from the project, others by --source-map', needs=['gcc'])
def mapped(work):
    folder = project(work)
    elsewhere = os.path.join(work, 'elsewhere')
    os.mkdir(elsewhere)

    def built(option):
        run('gcc', '-g', f'-ffile-prefix-map={option}', '-Wl,--build-id=sha1', '-o', 'prog', f'{folder}/main.c', cwd=folder)
        return os.path.join(folder, 'prog')

    binary = built(f'{folder}=.')
    relative = lib.build_id(binary)
    store = lib.new_store(work)
    split(store, binary, cwd=folder)
    binary = built(f'{folder}=/usr/src/debug/prog')
    moved = lib.build_id(binary)
    failed = split(store, binary, '--source-map=/usr/src/debug/prog', cwd=elsewhere, status=1)
    matches('expected FROM=DIR', failed.errors)
    failed = split(store, binary, '--source-map=/usr/src/debug/prog=missing', cwd=elsewhere, status=1)
    matches('missing', failed.errors)
    split(store, binary, '--source-map=/usr/src/other=/tmp', f'--source-map=/usr/src/debug/prog/={folder}', cwd=elsewhere)
    binary = built(f'{folder}=.')
    shutil.copy(binary, 'again')
    other = lib.new_store(work, 'other')
    split(other, os.path.abspath('again'), f'--source-map=.={folder}', cwd=elsewhere)
    with lib.Server(store) as server:
        equal(fetch(server, relative, '/main.c'), (200, MAIN.encode()), 'a relative name')
        equal(fetch(server, relative, '/inc/help.h'), (200, HELP.encode()), 'a relative name in a folder')
        equal(fetch(server, moved, '/usr/src/debug/prog/main.c'), (200, MAIN.encode()), 'a mapped name')
        equal(fetch(server, moved, '/usr/src/debug/prog/inc/help.h'), (200, HELP.encode()), 'a mapped name in a folder')
    with lib.Server(other) as server:
        equal(fetch(server, relative, '/inc/help.h'), (200, HELP.encode()), 'a relative name that was mapped')


@case('roots: no project no sources; --source-root opens one; a missing one is an error', needs=['gcc', 'zstd', 'tar'])
def roots(work):
    folder = project(work)
    elsewhere = os.path.join(work, 'elsewhere')
    os.mkdir(elsewhere)
    binary = build(folder)
    build_id = lib.build_id(binary)
    whole = lib.read(binary)
    store, other = lib.new_store(work), lib.new_store(work, 'other')

    failed = split(store, binary, '--source-root=missing', cwd=elsewhere, status=None)
    expect(failed.status in (1, 2), f'exit status {failed.status} with a root that is missing')
    matches('missing', failed.errors, 'stderr')
    equal(lib.read(binary), whole, 'binary after the error')

    shutil.copy(binary, 'copy')
    split(store, os.path.abspath('copy'), cwd=elsewhere)
    split(other, binary, f'--source-root={folder}/inc', cwd=elsewhere)
    with lib.Server(store) as server:
        equal(fetch(server, build_id, f'{folder}/main.c')[0], 404, 'outside a project')
        equal(fetch(server, build_id, f'{folder}/inc/help.h')[0], 404, 'outside a project')
    with lib.Server(other) as server:
        equal(fetch(server, build_id, f'{folder}/main.c')[0], 404, 'beside the named root')
        equal(fetch(server, build_id, f'{folder}/inc/help.h'), (200, HELP.encode()), 'below the named root')


@case('nothing outside the roots is kept, whatever DWARF names', needs=['gcc', 'zstd', 'tar'])
def nothing_outside(work):
    secret = 'The secret of the outside.\n'
    lines = ['/etc/hostname', '/etc/passwd', '/proc/self/environ', '../outside/secret.c', 'inc/link.c', '.env',
             '.git/config', 'tls.pem', 'private.h', 'inc/../../outside/secret.c', 'inc/loop.c']
    main = 'int main(void) { return 0; }\n' + ''.join(
        f'#line 1 "{name}"\nint f{number}(void) {{ return {number}; }}\n' for number, name in enumerate(lines))
    folder = project(work, main=main)
    outside = lib.write(os.path.join(os.path.realpath(work), 'outside/secret.c'), secret, 0o644)
    for name in ('.env', '.git/config', 'tls.pem'):
        lib.write(os.path.join(folder, name), secret, 0o644)
    lib.write(os.path.join(folder, 'private.h'), secret, 0o600)
    os.symlink(outside, os.path.join(folder, 'inc/link.c'))
    os.symlink('loop.c', os.path.join(folder, 'inc/loop.c'))
    build_id = lib.build_id(build(folder))
    store = lib.new_store(work)
    done = split(store, 'prog', cwd=folder)
    for name in ('.env', '.git/config', 'tls.pem', 'private.h'):
        matches(name.replace('.', r'\.'), done.errors, 'stderr')

    for content in contents(store):
        expect(secret.encode() not in content, 'the secret is in the store')
    with lib.Server(store) as server:
        equal(fetch(server, build_id, f'{folder}/main.c'), (200, main.encode()), 'main.c')
        for name in lines:
            path = os.path.normpath(os.path.join(folder, name))
            equal(fetch(server, build_id, path)[0], 404, f'status of {path}')
        for path in ('/../etc/passwd', '//etc/passwd', '/./etc/hostname', f'{folder}/../outside/secret.c'):
            equal(fetch(server, build_id, path)[0], 404, f'status of {path}')


@case("a Go program's sources: its own, its module's, and the Go root's", needs=['go', 'zstd', 'tar'])
def go(work):
    work = os.path.realpath(work)
    binary = lib.go_program(work)
    root = os.path.realpath(run('go', 'env', 'GOROOT', env=lib.go_env()).text.strip())
    store = lib.new_store(work)
    # The module beside it is below no root of itself: it replaces a required one.
    split(store, binary, f'--source-root={work}/greeting', cwd=os.path.join(work, 'app'))
    build_id = lib.build_id(binary)  # older releases are given theirs
    with lib.Server(store) as server:
        equal(fetch(server, build_id, f'{work}/app/main.go'), (200, lib.GO_MAIN.encode()), 'main.go')
        equal(fetch(server, build_id, f'{work}/greeting/greeting.go'), (200, lib.GO_GREETING.encode()), 'greeting.go')
        path = f'{root}/src/fmt/print.go'
        equal(fetch(server, build_id, path), (200, lib.read(path)), path)


def expect_trimmed(store, binary):
    """Main module, dependency and standard library, by the names that -trimpath leaves."""
    build_id = lib.build_id(binary)
    root = os.path.realpath(run('go', 'env', 'GOROOT', env=lib.go_env()).text.strip())
    with lib.Server(store) as server:
        for path, text in (('/example.com/app/main.go', lib.GO_TRIMMED.encode()),
                           ('/example.com/Loud@v1.2.0-RC1/loud.go', lib.GO_LOUD.encode()),
                           ('/fmt/print.go', lib.read(f'{root}/src/fmt/print.go')),
                           ('/runtime/proc.go', lib.read(f'{root}/src/runtime/proc.go'))):
            equal(fetch(server, build_id, path), (200, text), path)
            equal(fetch(server, build_id, '/.' + path), (200, text), path + ' as a debugger joins it')


@case("-trimpath: a Go program's sources from project, module cache and Go root", needs=['go'])
def go_trimmed(work):
    binary, env = lib.go_trimmed(os.path.realpath(work))
    store = lib.new_store(work)
    split(store, binary, cwd=os.path.join(work, 'app'), env=env)
    expect_trimmed(store, binary)


@case('-trimpath: a vendor tree', needs=['go'])
def go_vendored(work):
    work = os.path.realpath(work)
    binary, env = lib.go_trimmed(work)
    app = os.path.join(work, 'app')
    run('go', 'mod', 'vendor', cwd=app, env=env)
    run('go', 'build', '-trimpath', '-o', binary, '.', cwd=app, env={**env, 'GOFLAGS': '-mod=vendor'})
    shutil.rmtree(os.path.join(work, 'cache'))
    store = lib.new_store(work)
    split(store, binary, cwd=app, env=env)
    expect_trimmed(store, binary)


@case('-trimpath: modules of a workspace, and one that replaces another', needs=['go'])
def go_workspace(work):
    work = os.path.realpath(work)
    binary, env = lib.go_trimmed(work)
    app, loud = os.path.join(work, 'app'), os.path.join(work, 'Loud')
    lib.write(os.path.join(loud, 'go.mod'), 'module example.com/Loud\n\ngo 1.21\n')
    lib.write(os.path.join(loud, 'loud.go'), lib.GO_LOUD)
    lib.write(os.path.join(work, 'go.work'), 'go 1.21\n\nuse (\n\t./app\n\t"./Loud" // beside\n)\n')
    shutil.rmtree(os.path.join(work, 'cache'))
    for name, path, extra in (('used', '/example.com/Loud/loud.go', {'GOFLAGS': ''}),
                              ('replaced', '/example.com/Loud@v1.2.0-RC1/loud.go', {'GOWORK': 'off'})):
        if name == 'replaced':
            run('go', 'mod', 'edit', '-replace', 'example.com/Loud=../Loud', cwd=app, env=env)
        run('go', 'build', '-trimpath', '-o', binary, '.', cwd=app, env={**env, 'GOPROXY': 'off', **extra})
        store = lib.new_store(work, name)
        split(store, binary, cwd=app, env=env)
        with lib.Server(store) as server:
            equal(fetch(server, lib.build_id(binary), path), (200, lib.GO_LOUD.encode()), path)


@case('a source that was removed for good does not come back with the next build', needs=['gcc', 'zstd', 'tar'])
def removed(work):
    folder = project(work)
    first_id = lib.build_id(build(folder, 'one'))
    store = lib.new_store(work)
    split(store, 'one', cwd=folder)
    lib.dbgstore('rm', f'--store={store}', f'--source={folder}/inc/help.h')
    run('gcc', '-g', '-O2', '-Wl,--build-id=sha1', '-o', 'two', 'main.c', cwd=folder)
    second_id = lib.build_id(os.path.join(folder, 'two'))
    done = split(store, 'two', cwd=folder)
    matches(r'help\.h', done.errors, 'stderr')
    expect(all(HELP.encode() not in content for content in contents(store)), 'the source is in the store')
    with lib.Server(store) as server:
        for build_id in (first_id, second_id):
            equal(fetch(server, build_id, f'{folder}/inc/help.h')[0], 404, 'the removed')
            equal(fetch(server, build_id, f'{folder}/main.c'), (200, MAIN.encode()), 'another')


if __name__ == '__main__':
    lib.main()
