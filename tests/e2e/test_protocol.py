# SPDX-License-Identifier: Apache-2.0
"""The protocol, path by path: what each spelling of a request gets, from curl, gdb and debuginfod-find."""
import os
import shutil
import subprocess
import time

import lib
from lib import (C_SOURCE, DBGSERVE, Server, build_id, c_program, case, clean_env, dbgsplit, dbgstore, equal,
                 expect, main, matches, new_store, read, run, write)
from serving import ask, logged, metric, noise, section_bytes, small_program


@case('sections come from the debug file, then the executable', needs=['gcc'])
def sections(work):
    store = new_store(work)
    program = c_program(f'{work}/src', source=C_SOURCE + 'static int filled_by_nobody[99999];\n'
                                                         'int *keep = filled_by_nobody;\n')
    dbgsplit(f'--store={store}', program)
    ident = build_id(program)
    with Server(store) as server:
        for name in ('.text', '.rodata', '.debug_info', '.debug_abbrev', '.comment', '.note.gnu.build-id'):
            got = ask(server, f'/buildid/{ident}/section/{name}')
            equal(got.status, 200, name)
            whole = write(f'{work}/whole', ask(server, f'/buildid/{ident}/' + (
                'debuginfo' if 'debug' in name else 'executable')).body)
            expect(got.body == section_bytes(whole, name), f'{name}: other bytes')
        equal(ask(server, f'/buildid/{ident}/section/.zdebug_info').body,
              ask(server, f'/buildid/{ident}/section/.debug_info').body, '.zdebug_info')
        for name in ('.bss', '.nothing', '.debug_inf', '.debug_infox', '.DEBUG_INFO', '%2edebug_info%20'):
            equal(ask(server, f'/buildid/{ident}/section/{name}').status, 404, name)


@case('sources come from the store alone', needs=['gcc'])
def sources(work):
    store = new_store(work)
    source = os.path.join(work, 'src', 'odd +name%41?#.c')
    write(source, C_SOURCE + '#include "large.h"\n#include "empty.h"\n')
    write(f'{work}/src/empty.h', '')
    large = '/* ' + noise(1 << 20).decode() + ' */\nstatic inline int one(void) { return 1; }\nint two = 2;\n'
    write(f'{work}/src/large.h', large)
    run('gcc', '-g', '-Wl,--build-id', '-o', f'{work}/prog', source)
    dbgsplit(f'--store={store}', f'--source-root={work}/src', f'{work}/prog')
    ident = build_id(f'{work}/prog')
    os.rename(f'{work}/src', f'{work}/moved')
    with Server(store) as server:
        base = f'/buildid/{ident}/source'
        wanted = read(f'{work}/moved/odd +name%41?#.c')
        for path in (work + '/src/odd%20+name%2541%3F%23.c', work + '/src/odd%20%2Bname%2541%3f%23.c',
                     work.replace('/', '%2F') + '%2Fsrc%2Fodd%20%2Bname%2541%3F%23.c',
                     work + '/src/../src/./odd%20+name%2541%3F%23.c', '/' + work + '//src/odd%20+name%2541%3F%23.c'):
            got = ask(server, base + path)
            equal((got.status, got.body), (200, wanted), path)
        got = ask(server, base + work + '/src/large.h')
        expect(got.body == large.encode(), 'large source differs')
        for path in ('/etc/passwd', '/../../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/proc/self/environ',
                     work + '/src/', work + '/src/nothing.c', work + '/prog', '/' + 'x' * 3000):
            equal(ask(server, base + path).status, 404, path)
        equal(ask(server, base).status, 400)


@case('the path of a file is told, or withheld; what is larger than asked for is 406', needs=['gcc', 'curl', 'debuginfod-find'])
def names_and_sizes(work):
    store = new_store(work)
    for folder in ('opt', 'first', 'second'):
        os.mkdir(folder)
    write('a.c', b'int main(void) { return 0; }\n')
    run('gcc', '-g', '-Wl,--build-id', 'a.c', '-o', 'opt/prog')
    ident = lib.build_id('opt/prog')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--origin-path=usr/bin/pr\u00f6g', 'opt/prog')
    run('gcc', '-g', '-Wl,--build-id=0xabcdef012345', 'a.c', '-o', 'odd')
    lib.dbgsplit(f'--store={store}', '--sources=no', '--origin-path=a\r\nX-Evil: 1', 'odd')
    with Server(store) as server:
        for kind in ('debuginfo', 'executable', 'section/.debug_line'):
            path = f'/buildid/{ident}/{kind}'
            for encoding in ('identity', 'zstd'):
                name = ask(server, path, headers={'Accept-Encoding': encoding})['x-debuginfod-file']
                equal(name.encode('latin-1').decode(), 'usr/bin/pr\u00f6g', path)
            equal(ask(server, path, 'HEAD')['x-debuginfod-file'], name)
            size = int(ask(server, path, 'HEAD')['x-debuginfod-size'])
            at_most = {'X-DEBUGINFOD-MAXSIZE': str(size)}
            equal(ask(server, path, headers=at_most).status, 200)
            at_most = {'X-DEBUGINFOD-MAXSIZE': str(size - 1)}
            refused = ask(server, path, headers=at_most)
            equal((refused.status, refused.body), (406, b'File too large, max size=%d\n' % (size - 1)))
            equal(ask(server, path, 'HEAD', headers=at_most).status, 406)
            for no_limit in ('0', 'x', '99999999999999999999999'):
                equal(ask(server, path, headers={'X-DEBUGINFOD-MAXSIZE': no_limit}).status, 200, no_limit)
        evil = ask(server, '/buildid/abcdef012345/debuginfo')
        equal((evil.status, evil['x-debuginfod-file'], evil['x-evil']), (200, None, None))
        env = server.client_env(os.path.join(work, 'first'), DEBUGINFOD_MAXSIZE=100)
        small = run('debuginfod-find', 'debuginfo', ident, env=env, status=None)
        matches('too large', small.errors.lower())
        logged(server, 'status=406')
        expect(metric(server, 'http_responses_total{result="too-large"}') >= 7, '406 is not counted as itself')
        env = server.client_env(os.path.join(work, 'second'), DEBUGINFOD_MAXSIZE=1 << 24)
        run('debuginfod-find', 'debuginfo', ident, env=env)
    with Server(store, '--withhold-names') as server:
        answer = ask(server, f'/buildid/{ident}/debuginfo')
        equal((answer.status, answer['x-debuginfod-file']), (200, None))


@case('a build ID is 2 to 128 hex digits, in either case, and has other paths too', needs=['gcc', 'debuginfod-find'])
def build_ids(work):
    store = new_store(work)
    idents = {}
    for ident in ('ab', 'cdef' * 5, 'ba' * 63, 'fe' * 64):
        program = c_program(f'{work}/{len(ident)}', flags=[f'-Wl,--build-id=0x{ident}'],
                            source=C_SOURCE.replace('2 *', f'{len(ident)} *'))
        dbgsplit(f'--store={store}', program)
        idents[ident] = program
    with Server(store) as server:
        for ident, program in idents.items():
            whole = read(program)
            debug = ask(server, f'/buildid/{ident}/debuginfo').body
            expect(len(debug) > 1000 and debug != whole, 'a debug file')
            paths = [f'/buildid/{ident}/', f'/buildid/{ident.upper()}/', f'//buildid/{ident}/']
            if len(ident) > 2:
                xx, rest = ident[:2], ident[2:]
                equal(ask(server, f'/.build-id/{xx}/{rest}.debug').body, debug, 'as on disk')
                equal(ask(server, f'/.build-id/{xx}/{rest}').body, whole, 'as on disk')
                paths += [f'/{xx}/{rest}/', f'/{xx.upper()}/{rest.upper()}/']
            for path in paths:
                equal(ask(server, path + 'debuginfo').body, debug, path)
                equal(ask(server, path + 'executable').body, whole, path)
                equal(ask(server, path + 'executable', 'HEAD')['content-length'], str(len(whole)), path)
            if len(ident) < 128:  # libdebuginfod's own limit is 63 bytes
                found = run('debuginfod-find', 'debuginfo', ident, env=server.client_env(work)).text.strip()
                equal(read(found), debug, f'debuginfod-find {ident}')
        for path in ('/buildid/a/debuginfo', '/buildid/abc/debuginfo', f'/buildid/{"ab" * 65}/debuginfo',
                     '/buildid/0xab/debuginfo', '/buildid/ag/debuginfo'):
            equal(ask(server, path).status, 400, path)
        for path in ('/.build-id/ab/.debug', '/ab/debuginfo', '/.build-id/cd/ef.debug', '/cd/efcdef/debuginfo'):
            equal(ask(server, path).status, 404, path)


@case('--base-path puts everything below it', needs=['gcc', 'debuginfod-find'])
def base_path(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    with Server(store, '--base-path=/debug/info/') as server:
        logged(server, f'DEBUGINFOD_URLS="{server.url}/debug/info"$')
        for path in ('', '/', '/healthz', '/metrics', f'/buildid/{ident}/debuginfo', f'//buildid/{ident}/section/.text',
                     f'/buildid/{ident}/source{source}', f'/{ident[:2]}/{ident[2:]}/executable'):
            equal(ask(server, '/debug/info' + path).status, 200, path)
        for path in ('/', '/healthz', '/debug', f'/buildid/{ident}/debuginfo', '/debug/infox/healthz',
                     '/debug/info/../info/healthz'):
            equal(ask(server, path).status, 404, path)
        for base in ('/debug/info', '/debug/info/'):
            env = server.client_env(work)
            env['DEBUGINFOD_URLS'] = server.url + base
            shutil.rmtree(f'{work}/client-cache', ignore_errors=True)
            run('debuginfod-find', 'debuginfo', ident, env=env)
    for wrong in ('debug', '/a//b', '/a/../b', '/a%20b', '', '/' + 'x' * 300):
        matches('--base-path', run(DBGSERVE, f'--store={store}', f'--base-path={wrong}', status=2).errors)


@case('methods: HEAD as GET, OPTIONS with --cors, 405 with Allow for the rest', needs=['gcc', 'curl'])
def methods(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    paths = ['/', '/metrics', '/healthz', '/nothing', f'/buildid/{ident}/debuginfo', f'/buildid/{ident}/executable',
             f'/buildid/{ident}/section/.text', f'/buildid/{ident}/source{source}', '/buildid/abcd/debuginfo',
             f'/.build-id/{ident[:2]}/{ident[2:]}.debug']
    for args, allowed in (((), 'GET, HEAD'), (('--cors',), 'GET, HEAD, OPTIONS')):
        with Server(store, *args) as server:
            for path in paths:
                got, head = ask(server, path), ask(server, path, 'HEAD')
                equal((head.status, head.body), (got.status, b''), f'HEAD {path}')
                if path != '/metrics':
                    equal(head['content-length'], str(len(got.body)), f'HEAD {path}')
                equal(got['access-control-allow-origin'], '*' if args else None, path)
                for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'get', 'BREW'):
                    refused = ask(server, path, method)
                    equal((refused.status, refused['allow']), (405, allowed), f'{method} {path}')
                preflight = ask(server, path, 'OPTIONS', {'Origin': 'http://x', 'Access-Control-Request-Method': 'GET'})
                if not args:
                    equal((preflight.status, preflight['allow']), (405, allowed), path)
                    continue
                equal((preflight.status, preflight.body), (200, b''), f'OPTIONS {path}')
                equal(preflight['access-control-allow-origin'], '*')
                equal(preflight['access-control-allow-methods'], 'GET, HEAD, OPTIONS')
                matches('(?i)cache-control', preflight['access-control-allow-headers'])
            if args:
                star = run('curl', '-s', '-X', 'OPTIONS', '--request-target', '*', '-o', '/dev/null', '-w',
                           '%{http_code}', server.url).text
                equal(star, '200', 'OPTIONS *')
                matches('X-DEBUGINFOD-SIZE', ask(server, paths[4])['access-control-expose-headers'])
                equal(ask(server, paths[4], headers={'Range': 'bytes=1-2'})['access-control-allow-origin'], '*', '206')


@case('--no-sources and --no-executables', needs=['gcc'])
def withheld(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    base = f'/buildid/{ident}'
    for option, missing in (('--no-sources', [f'{base}/source{source}']),
                            ('--no-executables', [f'{base}/executable', f'{base}/section/.text',
                                                  f'/{ident[:2]}/{ident[2:]}/executable'])):
        with Server(store, option) as server:
            for path in (f'{base}/debuginfo', f'{base}/section/.debug_line', f'{base}/source{source}',
                         f'{base}/executable', f'{base}/section/.text', f'/{ident[:2]}/{ident[2:]}/executable'):
                equal(ask(server, path).status, 404 if path in missing else 200, f'{option} {path}')


@case('listening on all addresses, a client is told one that it can use', needs=['gcc'])
def all_addresses(work):
    store = new_store(work)
    for address in ('0.0.0.0', '::'):
        log = open(f'{work}/log', 'wb')
        server = subprocess.Popen([DBGSERVE, f'--store={store}', f'--listen-address={address}', '-p', '0', '-v'],
                                  stdin=subprocess.DEVNULL, stderr=log, env=clean_env())
        try:
            for _ in range(400):
                text = read(f'{work}/log').decode()
                if 'DEBUGINFOD_URLS' in text or server.poll() is not None:
                    break
                time.sleep(0.05)
            if server.poll() is not None:
                equal(address, '::', f'did not start: {text}')  # a machine without IPv6
                continue
            url = matches('DEBUGINFOD_URLS="([^"]+)"', text).group(1)
            expect('0.0.0.0' not in url and '[::]' not in url, url)
            equal(run('curl', '-sf', '--noproxy', '*', f'{url}/healthz').out, b'ok\n', url)
        finally:
            server.terminate()
            equal(server.wait(30), 0)


@case('sections are given as the file has them, compressed or not, as clients cut them out themselves',
      needs=['gcc', 'gdb', 'objcopy', 'debuginfod-find'])
def compressed_sections(work):
    store = new_store(work)
    names = ('.debug_info', '.debug_line', '.debug_str', '.text')
    for number, kind in enumerate(('none', 'zlib-gabi', 'zlib-gnu')):
        folder = f'{work}/{kind}'
        program = c_program(folder, source=C_SOURCE + ''.join(
            f'int a_function_of_a_long_name_{i}(int x) {{ return x + {i}; }}\n' for i in range(200)),
            flags=[f'-Wl,--build-id=0x{number:040x}'])
        run('objcopy', f'--compress-debug-sections={kind}', program)
        dbgstore('add', f'--store={store}', program)
        ident = build_id(program)
        # The section comes raw: the file's own bytes, with what they begin with where they are compressed.
        with Server(store) as server:
            for name in names:
                there = name.replace('.debug', '.zdebug') if kind == 'zlib-gnu' and name != '.text' else name
                if there not in lib.section_names(program):
                    there = name
                wanted = section_bytes(program, there)
                equal(ask(server, f'/buildid/{ident}/section/{name}').body, wanted, f'{kind} {name}')
                equal(ask(server, f'/buildid/{ident}/section/{name.replace(".debug", ".zdebug")}').body, wanted,
                      f'{kind} {name}, by its other name')
            # libdebuginfod asks for the section; where it has the whole file already, it cuts it out of that.
            exact = [n for n in names if n in lib.section_names(program)]
            os.makedirs(f'{folder}/asks')
            os.makedirs(f'{folder}/cuts')
            asks, cuts = server.client_env(f'{folder}/asks'), server.client_env(f'{folder}/cuts')
            run('debuginfod-find', 'debuginfo', ident, env=cuts)
            run('debuginfod-find', 'executable', ident, env=cuts)
            for name in exact:
                asked = read(run('debuginfod-find', 'section', ident, name, env=asks).text.strip())
                cut = read(run('debuginfod-find', 'section', ident, name, env=cuts).text.strip())
                expect(asked == cut, f'{kind} {name}: {len(asked)} bytes asked for, {len(cut)} cut out')
            # gdb reads what the server has, of whichever kind.
            run('objcopy', '-g', program, f'{folder}/stripped')
            said = run('gdb', '-batch', '-nx', '-iex', 'set debuginfod enabled on', '-ex', 'info line twice',
                       f'{folder}/stripped', env=server.client_env(folder)).text
            matches(r'Line \d+ of "[^"]*prog\.c"', said, f'gdb, {kind}')
            logged(server, f'^served kind=debuginfo id={ident} status=200')


@case('sections without bytes are not there; what lazy debuggers ask for comes in its own frames',
      needs=['gcc', 'objcopy'])
def lazy_sections(work):
    store = new_store(work)
    program = c_program(f'{work}/src')
    write(f'{work}/index', noise(200000))
    write(f'{work}/nothing', '')
    run('objcopy', '--add-section', f'.gdb_index={work}/index', '--add-section', f'.debug_names={work}/index',
        '--add-section', f'.hollow={work}/nothing', program)
    dbgsplit(f'--store={store}', program)
    ident = build_id(program)
    with Server(store) as server:
        for name in ('.gdb_index', '.debug_names', '.debug_line', '.debug_line_str'):
            whole = ask(server, f'/buildid/{ident}/section/{name}')
            equal(whole.status, 200, name)
            frames = ask(server, f'/buildid/{ident}/section/{name}', headers={'Accept-Encoding': 'zstd'})
            equal(frames['content-encoding'], 'zstd', f'{name}: stored frames')
            equal(frames['x-debuginfod-size'], str(len(whole.body)))
        equal(ask(server, f'/buildid/{ident}/section/.gdb_index').body, noise(200000))
        for name in ('.bss', '.hollow', '.nothing', '.symtab_shndx'):
            equal(ask(server, f'/buildid/{ident}/section/{name}').status, 404, name)


@case('source paths are found however they are spelt, and empty files too', needs=['gcc', 'curl'])
def source_paths(work):
    store = new_store(work)
    write(f'{work}/src/sub/prog.c', '#include "../inc/empty.h"\n#include "../inc/one.h"\n' + C_SOURCE)
    write(f'{work}/src/inc/empty.h', '')
    write(f'{work}/src/inc/one.h', 'static inline int one(void) { return 1; }\nint (*keep_one)(void) = one;\n')
    run('gcc', '-g', '-g3', '-Wl,--build-id', '-o', f'{work}/prog', 'sub/prog.c', cwd=f'{work}/src')
    dbgsplit(f'--store={store}', f'--source-root={work}/src', f'{work}/prog')
    one = read(f'{work}/src/inc/one.h')
    ident = build_id(f'{work}/prog')
    with Server(store) as server:
        base = f'/buildid/{ident}/source'
        spellings = [f'{work}/src/inc/one.h', f'{work}/src/sub/../inc/one.h', f'/{work}/src/inc//one.h',
                     f'{work}/./src/./inc/one.h', f'{work}/src/inc/one.h'.replace('/', '%2F'),
                     f'{work}/src/inc/one.h'.replace('/', '%2f%2F'), f'/../..{work}/src/inc/one.h',
                     f'/%2e%2E{work}/src/inc/%6fne.h', f'{work}/src/sub/%2e%2e/inc/one.h']
        for path in spellings:
            got = ask(server, base + path)
            equal((got.status, got.body), (200, one), path)
            equal(run('curl', '-sf', '--path-as-is', server.url + base + path).out, one, f'curl {path}')
        empty = ask(server, f'{base}{work}/src/inc/empty.h')
        equal((empty.status, empty.body, empty['content-length'], empty['x-debuginfod-size']), (200, b'', '0', '0'),
              'an empty file')
        zstd = ask(server, f'{base}{work}/src/inc/empty.h', headers={'Accept-Encoding': 'zstd'})
        equal((zstd.status, zstd.body, zstd['content-encoding']), (200, b'', None), 'an empty file, to who takes zstd')


@case("Go's -trimpath names are found with and without a slash before them", needs=['go'])
def trimmed_paths(work):
    store = new_store(work)
    program, env = lib.go_trimmed(work)
    dbgsplit(f'--store={store}', program, env=env, cwd=f'{work}/app')
    ident = build_id(program)
    with Server(store) as server:
        main_go, loud = read(f'{work}/app/main.go'), lib.GO_LOUD.encode()
        for name, wanted in (('example.com/app/main.go', main_go), ('example.com/Loud@v1.2.0-RC1/loud.go', loud)):
            # A relative name, as clients make it whole with "/", "." or both.
            for path in (f'/{name}', f'//{name}', f'/./{name}', f'///.//{name}', f'/%2e/{name}', f'/x/../{name}',
                         '/' + name.replace('/', '%2F'), '/' + name.replace('@', '%40')):
                got = ask(server, f'/buildid/{ident}/source{path}')
                equal((got.status, got.body), (200, wanted), path)


if __name__ == '__main__':
    main()
