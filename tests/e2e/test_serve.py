# SPDX-License-Identifier: Apache-2.0
"""The server as its clients meet it: curl, debuginfod-find, and raw sockets for what no client sends."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import lib
from lib import (C_SOURCE, DBGSERVE, Failed, Server, build_id, c_program, case, clean_env,
                 dbgsplit, dbgstore, equal, expect, free_port, main, matches, new_store, read, run, write)
from serving import (ask, big_program, download_slowly, has_find, has_zstd, logged, metric, noise, raw, section_bytes,
                     sha256, small_program)


@case('the first lines say where, what, and what to do', needs=['gcc', 'curl'])
def first_lines(work):
    store = new_store(work)
    small_program(work, store)
    with Server(store) as server:
        logged(server, '--listen=')
        lines = server.log().splitlines()
        expect(server.url in lines[0] and store in lines[0] and '1 build)' in lines[0], lines[0])
        matches(f'export DEBUGINFOD_URLS="{server.url}"', server.log())
        matches('set debuginfod enabled on', server.log())
        matches('--listen=', server.log())
        equal(ask(server, '/').body[:9], b'dbgserve ')
        equal(server.stop(), 0, 'exit status')
    with Server(store, '--json') as server:
        logged(server, '"serving"')
        first = json.loads(server.log().splitlines()[0])
        equal(first['event'], 'serving')
        equal(first['builds'], 1)
        expect(server.url in first['urls'], first)
        ask(server, '/buildid/abcd/source/%22%0e/x')
        ask(server, '/buildid/abcd/source/%ff%22')
        logged(server, r'\\udcff')
        # Connections are served side by side, and so logged in any order.
        line = next(json.loads(l) for l in server.log().splitlines() if r'\udcff' in l)
        equal((line['schema'], line['kind'], line['build_id'], line['status'], line['name']),
              ('dbgvault.serve/1', 'source', 'abcd', 404, '/\udcff"'))
    port = free_port()
    quiet = subprocess.Popen([DBGSERVE, f'--store={store}', f'--port={port}', '-q'], stderr=subprocess.PIPE)
    for _ in range(100):
        if run('curl', '-s', f'http://127.0.0.1:{port}/', status=None).out:
            break
        time.sleep(0.05)
    quiet.terminate()
    equal((quiet.communicate()[1], quiet.wait()), (b'', 0), 'what -q says, and exit status')


@case('debuginfod-find gets all four kinds', needs=['debuginfod-find', 'gcc'])
def find_all(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    with Server(store) as server:
        env = server.client_env(work)
        find = lambda *args: read(run('debuginfod-find', *args, env=env).text.strip())
        debug = find('debuginfo', ident)
        equal(debug, ask(server, f'/buildid/{ident}/debuginfo').body, 'debug file')
        executable = find('executable', ident)
        equal(executable, read(f'{work}/src/prog'), 'executable')
        equal(find('source', ident, source), C_SOURCE.encode(), 'source')
        os.mkdir(f'{work}/other')
        env = server.client_env(f'{work}/other')
        line = find('section', ident, '.debug_line')
        equal(line, section_bytes(write(f'{work}/debug', debug), '.debug_line'), '.debug_line')
        logged(server, f'^served kind=debuginfo id={ident} status=200 bytes=[0-9]+ ms=[0-9.]+ encoding=zstd '
                       'peer=127.0.0.1$')


@case('headers say all that a client or proxy needs', needs=['gcc', 'curl'])
def headers(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    big, _ = big_program(work, store)
    with Server(store) as server:
        for path in (f'/buildid/{ident}/debuginfo', f'/buildid/{ident}/executable',
                     f'/buildid/{ident}/section/.debug_line', f'/buildid/{ident}/source{source}',
                     f'/buildid/{big}/debuginfo', f'/buildid/{big}/section/.debug_noise'):
            plain = ask(server, path)
            equal(plain.status, 200, path)
            equal(plain['content-type'], 'application/octet-stream')
            equal(plain['x-debuginfod-size'], str(len(plain.body)), path)
            equal(plain['content-length'], str(len(plain.body)), path)
            equal(plain['content-encoding'], None)
            equal(plain['vary'], 'Accept-Encoding')
            equal(plain['accept-ranges'], 'bytes')
            matches('^public, max-age=[0-9]+$', plain['cache-control'])
            matches(r'^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$', plain['last-modified'])
            matches('^"[0-9a-f-]+"$', plain['etag'])
            if '/section/' not in path:
                equal(plain['etag'], f'"{sha256(plain.body)}"', 'ETag: the digest of the content')

            head = ask(server, path, 'HEAD')
            equal(head.body, b'')
            ignored = {'date'}
            equal({k: v for k, v in head.headers.items() if k not in ignored},
                  {k: v for k, v in plain.headers.items() if k not in ignored}, f'HEAD {path}')

            zstd = ask(server, path, headers={'Accept-Encoding': 'deflate, gzip, br, zstd'})
            equal(zstd['x-debuginfod-size'], str(len(plain.body)), path)
            if zstd['content-encoding'] == 'zstd':
                expect(zstd['etag'] != plain['etag'], 'one ETag for two representations')
                decoded = run('zstd', '-dc', input=zstd.body).out if has_zstd() else None
                expect(decoded in (None, plain.body), f'{path}: zstd body differs')
                zstd_head = ask(server, path, 'HEAD', {'Accept-Encoding': 'zstd'})
                equal(zstd_head['content-length'], str(len(zstd.body)))
                equal(zstd_head['etag'], zstd['etag'])
            else:
                equal(zstd['etag'], plain['etag'])
                equal(zstd.body, plain.body)
            curl = run('curl', '-sf', '--compressed', server.url + path).out
            equal(sha256(curl), sha256(plain.body), f'curl --compressed {path}')
        for path in (f'/buildid/{big}/debuginfo', f'/buildid/{big}/section/.debug_noise'):
            equal(ask(server, path, headers={'Accept-Encoding': 'zstd'})['content-encoding'], 'zstd', path)
        missing = ask(server, '/buildid/abcd/debuginfo')
        equal((missing.status, missing['cache-control']), (404, 'no-cache'))


@case('conditional requests are answered with 304', needs=['gcc'])
def conditional(work):
    store = new_store(work)
    ident, _ = small_program(work, store)
    big, _ = big_program(work, store)
    with Server(store) as server:
        for path in (f'/buildid/{ident}/debuginfo', f'/buildid/{big}/debuginfo'):
            plain, zstd = ask(server, path), ask(server, path, headers={'Accept-Encoding': 'zstd'})
            for method in ('GET', 'HEAD'):
                for etag, encoding, status in (
                        (plain['etag'], 'identity', 304), (f'W/{plain["etag"]}', 'identity', 304),
                        (f'"x", {plain["etag"]}', 'identity', 304), ('*', 'identity', 304),
                        (zstd['etag'], 'zstd', 304), (plain['etag'], 'zstd', 200), (zstd['etag'], 'identity', 200),
                        ('"x"', 'identity', 200), ('', 'identity', 200)):
                    got = ask(server, path, method, {'If-None-Match': etag, 'Accept-Encoding': encoding})
                    equal(got.status, status, f'{method} {path} If-None-Match: {etag}, {encoding}')
                    if status == 304:
                        equal(got.body, b'')
                        equal(got['etag'], (zstd if encoding == 'zstd' else plain)['etag'])
                        equal(got['vary'], 'Accept-Encoding')
                        expect(got['last-modified'] and got['cache-control'], '304 lacks headers')
            for since, status in ((plain['last-modified'], 304), ('Fri, 31 Dec 9999 23:59:59 GMT', 304),
                                  ('Sun, 06 Nov 1994 08:49:37 GMT', 200), ('yesterday', 200)):
                equal(ask(server, path, headers={'If-Modified-Since': since}).status, status, since)
            both = {'If-Modified-Since': plain['last-modified'], 'If-None-Match': '"x"'}
            equal(ask(server, path, headers=both).status, 200, 'If-None-Match decides')


@case('single ranges are answered in identity', needs=['gcc'])
def ranges(work):
    store = new_store(work)
    ident, _ = small_program(work, store)
    big, _ = big_program(work, store)
    with Server(store) as server:
        for path in (f'/buildid/{ident}/debuginfo', f'/buildid/{big}/debuginfo',
                     f'/buildid/{big}/section/.debug_noise'):
            whole = ask(server, path)
            size = len(whole.body)
            for text, first, end in (('0-0', 0, 1), ('1-99', 1, 100), (f'{size - 1}-', size - 1, size),
                                     ('-7', size - 7, size), (f'0-{size}', 0, size), (f'-{2 * size}', 0, size),
                                     (f'{size // 2}-{size // 2 + 9999}', size // 2, min(size, size // 2 + 10000))):
                got = ask(server, path, headers={'Range': f'bytes={text}', 'Accept-Encoding': 'zstd'})
                equal(got.status, 206, f'{path} {text}')
                equal(got['content-range'], f'bytes {first}-{end - 1}/{size}', text)
                equal(got['content-encoding'], None)
                equal(got['etag'], whole['etag'])
                equal(got['x-debuginfod-size'], str(size))
                expect(got.body == whole.body[first:end], f'{path} {text}: other bytes')
            for text in (f'{size}-', f'{size}-{size + 5}', '-0'):
                got = ask(server, path, headers={'Range': f'bytes={text}'})
                equal((got.status, got['content-range'], got.body), (416, f'bytes */{size}', b''), text)
                known = ask(server, path, headers={'Range': f'bytes={text}', 'If-None-Match': whole['etag']})
                equal((known.status, known['content-range']), (304, None), 'conditions come first')
            for value in ('bytes=1-2,4-5', 'lines=1-2', 'bytes=x', 'bytes=5-3'):
                got = ask(server, path, headers={'Range': value})
                equal((got.status, len(got.body)), (200, size), value)
            for condition, status in ((whole['etag'], 206), ('"x"', 200), (f'W/{whole["etag"]}', 200),
                                      (whole['last-modified'], 206), ('Sun, 06 Nov 1994 08:49:37 GMT', 200)):
                got = ask(server, path, headers={'Range': 'bytes=1-4', 'If-Range': condition})
                equal(got.status, status, f'If-Range: {condition}')
            equal(ask(server, path, 'HEAD', {'Range': 'bytes=1-4'}).status, 200, 'HEAD has no ranges')
            # A download that was cut goes on where it ended.
            write(f'{work}/part', whole.body[:size // 3])
            run('curl', '-sf', '-C', '-', '-o', f'{work}/part', server.url + path)
            expect(read(f'{work}/part') == whole.body, f'{path}: resumed download differs')


@case('a build ID of two programs is served by none', needs=['gcc'])
def collisions(work):
    store = new_store(work)
    ident = 'c011' * 10
    for n in (1, 2):
        program = c_program(f'{work}/{n}', source=C_SOURCE.replace('2 *', f'{n + 5} *'),
                            flags=[f'-Wl,--build-id=0x{ident}'])
        dbgsplit(f'--store={store}', '--allow-id-collision', program)
        time.sleep(1.1)  # the first is told by its time, in seconds
    with Server(store) as server:
        for kind in ('debuginfo', 'executable', 'section/.text'):
            equal(ask(server, f'/buildid/{ident}/{kind}').status, 404, kind)
        logged(server, f'id={ident} status=404 .*why="builds of differing content have this ID"')
        equal(metric(server, 'error_count{type="collision"}'), 3.0)
    with Server(store, '--serve-collisions=first') as server:
        equal(ask(server, f'/buildid/{ident}/executable').body, read(f'{work}/1/prog'), 'the first one')


@case('what is written to the store is served at once', needs=['gcc'])
def live(work):
    store = new_store(work)
    with Server(store) as server:
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=10)
        for n in range(5):
            program = c_program(f'{work}/{n}', source=C_SOURCE.replace('2 *', f'{n + 5} *'))
            ident = build_id(program)
            for _ in range(3):
                equal(ask(server, f'/buildid/{ident}/debuginfo', connection=connection).status, 404)
            dbgsplit(f'--store={store}', program)
            equal(ask(server, f'/buildid/{ident}/debuginfo', connection=connection).status, 200, 'at once')
            equal(ask(server, f'/buildid/{ident}/executable', connection=connection).body, read(program))
        dbgstore('reindex', f'--store={store}')
        equal(ask(server, f'/buildid/{ident}/debuginfo', connection=connection).status, 200, 'reindexed')
        dbgstore('rm', f'--store={store}', ident)
        time.sleep(0.3)
        equal(ask(server, f'/buildid/{ident}/debuginfo', connection=connection).status, 404, 'removed')


@case('without its catalog a store serves builds, and says of no source that there is none', needs=['gcc'])
def no_catalog(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    for spoil in (lambda path: write(path, b'no database' * 100), os.unlink):
        for name in os.listdir(f'{store}/catalog'):
            if name != 'catalog.sqlite':
                os.unlink(f'{store}/catalog/{name}')
        spoil(f'{store}/catalog/catalog.sqlite')
        with Server(store) as server:
            equal(ask(server, f'/buildid/{ident}/debuginfo').status, 200)
            equal(ask(server, f'/buildid/{ident}/source/no/such/file').status, 404, 'what no manifest names')
            try:
                status = ask(server, f'/buildid/{ident}/source{source}').status
            except (http.client.RemoteDisconnected, ConnectionResetError):
                status = None
            equal(status, None, 'a status, where the connection is to be dropped')
            logged(server, f'dropped: kind=source id={ident}: source [0-9a-f]+: no catalog')
    lib.dbgstore('reindex', f'--store={store}')
    with Server(store) as server:
        equal(ask(server, f'/buildid/{ident}/source{source}').status, 200)


@case('the log of the catalog grew for as long as an asked server was idle', needs=['gcc'])
def rests(work):
    store = new_store(work)
    first, _ = small_program(f'{work}/1', store)
    with Server(store) as server:
        connections = [http.client.HTTPConnection('127.0.0.1', server.port, timeout=10) for _ in range(16)]
        for connection in connections:
            equal(ask(server, f'/buildid/{first}/debuginfo', connection=connection).status, 200)
        small_program(f'{work}/2', store, source=C_SOURCE.replace('2 *', '3 *'))
        with contextlib.closing(sqlite3.connect(f'{store}/catalog/catalog.sqlite')) as catalog:
            for _ in range(50):
                busy = catalog.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0]
                if not busy:
                    return
                time.sleep(0.1)
        raise Failed('a reader held the log for 5 s')


@case('a store that was removed looked empty: "not found", which clients remember', needs=['gcc'])
def gone(work):
    store = new_store(work)
    ident, _ = small_program(work, store)
    with Server(store) as server:
        equal(ask(server, f'/buildid/{ident}/executable').status, 200)
        equal(ask(server, '/buildid/abcd/executable').status, 404)
        equal(ask(server, '/healthz').status, 200)
        os.rename(f'{store}/objects', f'{store}/away')
        equal(ask(server, '/healthz').status, 503, 'without objects')
        shutil.rmtree(store)
        for path in (f'/buildid/{ident}/debuginfo', '/buildid/abcd/executable', f'/buildid/{ident}/section/.text'):
            try:
                answer = ask(server, path)
                raise Failed(f'{path}: answered {answer.status}')
            except http.client.RemoteDisconnected:
                pass
        equal(ask(server, '/healthz').status, 503)
        logged(server, 'the store is gone')
        logged(server, '^served kind=executable id=abcd status=none ')


@case('SIGTERM did not end a server whose log nobody read', needs=['gcc'])
def stuck_log(work):
    store = new_store(work)
    reading, writing = os.pipe()
    port = free_port()
    server = subprocess.Popen([DBGSERVE, f'--store={store}', '--listen=127.0.0.1', f'--port={port}'], env=clean_env(),
                              stdin=subprocess.DEVNULL, stderr=writing)
    os.close(writing)
    os.read(reading, 1)  # it has begun
    time.sleep(0.3)
    with socket.create_connection(('127.0.0.1', port), timeout=30) as s:
        answers = b''
        for _ in range(30):
            s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' * 100)
            while answers.count(b'HTTP/1.1 200') < 100:
                answers += s.recv(65536)
            answers = b''
    time.sleep(0.3)
    server.send_signal(signal.SIGTERM)
    try:
        equal(server.wait(10), 0, 'exit status')
    finally:
        server.kill()
        os.close(reading)


@case('SIGTERM lets running downloads end', needs=['gcc'])
def drain(work):
    store = new_store(work)
    ident, program = big_program(work, store, size=24 << 20)
    path = f'/buildid/{ident}/debuginfo'
    for encoding in ('zstd', 'identity'):
        server = Server(store)
        result = {}
        thread = threading.Thread(target=download_slowly, args=(server, path, encoding, result))
        thread.start()
        while 'begun' not in result:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        expect(server.process.poll() is None, f'{encoding}: it did not wait')
        try:
            socket.create_connection(('127.0.0.1', server.port), timeout=5).close()
            raise Failed('a new connection was taken while draining')
        except ConnectionRefusedError:
            pass
        thread.join(60)
        equal(len(result['body']), result['wanted'], f'{encoding}: bytes')
        if encoding == 'identity':
            expect(result['body'] == read(program), 'other bytes')
        equal(server.stop(), 0, 'exit status')
        matches(f'^served kind=debuginfo id={ident} status=200 bytes={result["wanted"]} ', server.log())

    # A client that goes on asking on its connection is told to close it, and cut in no answer.
    with Server(store) as server:
        result = {}
        slow = threading.Thread(target=download_slowly, args=(server, path, 'zstd', result))
        slow.start()
        while 'begun' not in result:  # else nothing is under way, and the server ends at once
            time.sleep(0.01)
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=10)
        equal(ask(server, '/', connection=connection)['Connection'], None)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        answer = ask(server, f'/buildid/{ident}/section/.text', connection=connection)
        equal((answer.status, answer['Connection']), (200, 'close'), 'while draining')
        slow.join(60)
        equal(server.stop(), 0, 'exit status')

    # One that does not end is cut after the limit.
    server = Server(store, '--drain-timeout=1')
    for encoding in ('zstd', 'identity'):
        stuck = socket.create_connection(('127.0.0.1', server.port))
        stuck.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n\r\n'.encode())
        stuck.recv(100)
        globals().setdefault('kept_open', []).append(stuck)
    began = time.time()
    equal(server.stop(), 0, 'exit status')
    expect(0.9 < time.time() - began < 5, f'ended after {time.time() - began:.1f} s')
    matches('2 answers cut', server.log())
    matches('end=cut', server.log())

    # With nothing under way it ends at once, idle connections or not; SIGINT does the same.
    for how in (signal.SIGTERM, signal.SIGINT):
        server = Server(store)
        connection = http.client.HTTPConnection('127.0.0.1', server.port)
        ask(server, '/healthz', connection=connection)
        began = time.time()
        equal(server.stop(how), 0, 'exit status')
        expect(time.time() - began < 2, 'an idle connection held it up')


def object_path(store, digest):
    return f'{store}/objects/{digest[:2]}/{digest[2:]}.zst'


def frames(path):
    """(offset, stored size) of each frame of an object, from its seek table."""
    data = read(path)
    n, descriptor, magic = struct.unpack('<IBI', data[-9:])
    equal(magic, 0x8F92EAB1, 'seek table')
    size = 12 if descriptor & 0x80 else 8
    table = data[-9 - n * size:-9]
    result, at = [], 0
    for i in range(n):
        stored, decoded = struct.unpack('<II', table[i * size:i * size + 8])
        if decoded:
            result.append((at, stored))
        at += stored
    return result


def flip(path, at):
    mode = os.stat(path).st_mode
    os.chmod(path, 0o600)
    with open(path, 'r+b') as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x04]))
    os.chmod(path, mode)


@case('damage is never served as whole', needs=['gcc', 'curl'])
def damage(work):
    store = new_store(work)
    ident, program = big_program(work, store, size=24 << 20)
    small, _ = small_program(work, store)
    whole = read(program)
    path = object_path(store, sha256(whole))
    at, stored = frames(path)[-2]
    with Server(store) as server:
        url = f'{server.url}/buildid/{ident}/debuginfo'
        flip(path, at + stored // 2)
        for _ in range(2):
            cut = run('curl', '-s', url, status=None)
            expect(cut.status in (18, 56), f'curl exit status {cut.status}')
            expect(len(cut.out) < len(whole) and whole.startswith(cut.out), 'bytes of a damaged frame went out')
        expect(len(cut.out) > 1 << 20, 'whole frames before it were held back')
        logged(server, f'cut: .*id={ident}: .*{sha256(whole)}')
        expect(metric(server, 'error_count{type="damaged"}') >= 1, 'not counted')
        zstd = run('curl', '-s', '--compressed', url, status=None)
        expect(zstd.status != 0, 'libcurl took damaged frames')
        found = run('debuginfod-find', 'debuginfo', ident, env=server.client_env(work, DEBUGINFOD_RETRY_LIMIT=0),
                    status=None) if has_find() else None
        expect(not found or found.status != 0, 'debuginfod-find took damaged frames')
        # Other parts are as good as before, and so is this one once it is mended.
        part = run('curl', '-sf', '-r', '0-999999', url).out
        expect(part == whole[:1000000], 'a good part')
        equal(ask(server, f'/buildid/{small}/debuginfo').status, 200)
        flip(path, at + stored // 2)
        time.sleep(1.5)
        expect(run('curl', '-sf', url).out == whole, 'after it was mended')

        # A small body: nothing at all.
        debug = ask(server, f'/buildid/{small}/executable').body
        path = object_path(store, sha256(debug))
        for at, stored in frames(path):
            flip(path, at + stored // 2)
        time.sleep(11)  # what was decoded is kept that long
        nothing = run('curl', '-s', f'{server.url}/buildid/{small}/executable', status=None)
        equal((nothing.status, nothing.out), (52, b''), 'small and damaged: curl')
        logged(server, f'dropped: .*id={small}')
        equal(ask(server, '/healthz').body, b'ok\n')

        os.unlink(path)
        nothing = run('curl', '-s', f'{server.url}/buildid/{small}/executable', status=None)
        equal((nothing.status, nothing.out), (52, b''), 'missing: never a 404 or 5xx, which clients remember')


@case('it says why it cannot serve')
def cannot(work):
    def serve(*args, status):
        done = run(DBGSERVE, *args, status=status, timeout=20)
        equal(len(done.errors.splitlines()), 1, done.errors)
        return done.errors

    matches(f'{work}/nothing', serve(f'--store={work}/nothing', status=1))
    os.mkdir(f'{work}/empty')
    matches(f'{work}/empty', serve(f'--store={work}/empty', status=1))
    store = new_store(work)
    with Server(store) as server:
        matches('in use.*--port|--port.*in use', serve(f'--store={store}', f'--port={server.port}', status=1))
    matches('192.0.2.1', serve(f'--store={store}', '--listen=192.0.2.1', '--port=0', status=1))
    matches('nonsense', serve(f'--store={store}', '--listen=nonsense.invalid', '--port=0', status=1))
    for wrong in ('--port=65536', '--port=x', '--nothing', 'argument', '--threads=0', '--serve-collisions=all',
                  '--trusted-proxy=x', '--drain-timeout=-1'):
        serve(f'--store={store}', wrong, status=2)
    if os.getuid() == 0:
        os.chmod(store, 0o700)
        done = run('setpriv', '--reuid=65534', '--clear-groups', DBGSERVE, f'--store={store}', status=None)
        equal(done.status, 1)
        matches('root.*0?700|0?700.*root', done.errors)


@case('metrics and health are told', needs=['gcc'])
def status_pages(work):
    store = new_store(work)
    ident, _ = small_program(work, store)
    with Server(store) as server:
        ask(server, f'/buildid/{ident}/debuginfo')
        ask(server, '/buildid/abcd/debuginfo')
        logged(server, 'id=abcd status=404')  # an answer is counted when all of it was sent
        page = ask(server, '/metrics')
        equal(page.status, 200)
        matches('^text/plain', page['content-type'])
        text = page.body.decode()
        for line in ('ready 1', 'builds 1', 'http_requests_total{type="debuginfo"} 2',
                     'http_responses_total{result="file"} 1', 'http_responses_total{result="not-found"} 1'):
            matches('^' + re.escape(line) + '$', text)
        for line in text.splitlines():
            matches(r'^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"\\]*"(,\w+="[^"\\]*")*\})? [0-9.]+)$', line)
        equal(ask(server, '/metrics', 'HEAD').body, b'')
        healthy = ask(server, '/healthz')
        equal((healthy.status, healthy.body), (200, b'ok\n'))
        os.rename(f'{store}/FORMAT', f'{store}/FORMAT.moved')
        sick = ask(server, '/healthz')
        equal(sick.status, 503)
        matches('FORMAT', sick.body.decode())
        os.rename(f'{store}/FORMAT.moved', f'{store}/FORMAT')
        equal(ask(server, '/healthz').status, 200)


@case('X-Forwarded-For counts from trusted proxies alone')
def forwarded(work):
    store = new_store(work)
    header = {'X-Forwarded-For': '198.51.100.7, 203.0.113.9'}
    with Server(store) as server:
        ask(server, '/healthz', headers=header)
        logged(server, '^served kind=healthz .* peer=127.0.0.1$')
    with Server(store, '--trusted-proxy=127.0.0.0/8') as server:
        ask(server, '/healthz', headers=header)
        logged(server, '^served kind=healthz .* peer=203.0.113.9$')
        ask(server, '/healthz', headers={'X-Forwarded-For': 'x\tpeer=6.6.6.6'})
        logged(server, '^served kind=healthz .* peer=127.0.0.1$')


@case('no request opens a file outside the store', needs=['gcc', 'strace'])
def stays_inside(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    with Server(store) as server:
        ask(server, f'/buildid/{ident}/debuginfo')
        tracer = subprocess.Popen(['strace', '-f', '-qq', '-e', 'trace=open,openat,openat2', '-o', f'{work}/trace',
                                   '-p', str(server.pid)], stderr=subprocess.DEVNULL)
        time.sleep(1)
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=10)
        names = ['/etc/passwd', '/../../etc/passwd', '/%2e%2e/%2e%2e/etc/shadow', '/proc/self/environ', source,
                 '/..%2f..%2f..%2fetc%2fpasswd', '//etc/passwd', '/./etc/passwd', work + '/store/FORMAT']
        for i in range(300):
            name = names[i % len(names)]
            kind = ('source', 'section', 'debuginfo', 'executable')[i % 4]
            ask(server, f'/buildid/{ident if i % 3 else "%040x" % i}/{kind}{name}', connection=connection)
        equal(ask(server, f'/buildid/{ident}/source{source}', connection=connection).status, 200)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        equal(server.stop(), 0)
    for path in re.findall(r'open(?:at2?)?\(.*?"([^"]*)"', read(f'{work}/trace').decode('utf-8', 'replace')):
        expect(path.startswith((store + '/', 'objects/', 'builds/', 'catalog', 'removed', 'FORMAT')) or
               path == '/proc/sys/vm/overcommit_memory' or  # malloc(3)
               re.match(r'^[0-9a-f]{2}(/|$)|^[0-9a-f.zstjon]+$', path), f'opened {path}')


@case('the other half of a build is served as soon as it was added, however often it was asked for before',
      needs=['gcc', 'objcopy', 'strip'])
def other_half(work):
    store = new_store(work)
    with Server(store) as server:
        client = http.client.HTTPConnection('127.0.0.1', server.port, timeout=30)

        def status(number):
            client.request('GET', f'/buildid/{number}/debuginfo')
            answer = client.getresponse()
            answer.read()
            return answer.status
        for n in range(5):
            binary = c_program(f'build{n}', source=C_SOURCE.replace('%d', f'{n} %d'))
            number = build_id(binary)
            run('objcopy', '--only-keep-debug', binary, 'half.debug')
            run('strip', '-s', binary)
            dbgstore('add', f'--store={store}', '-q', binary)
            adding = subprocess.Popen([lib.DBGSTORE, 'add', f'--store={store}', '-q', 'half.debug'], env=clean_env(),
                                      stdin=subprocess.DEVNULL)
            while adding.poll() is None:
                expect(status(number) in (200, 404), 'neither there nor not there')
            equal(adding.returncode, 0, 'exit status of dbgstore add')
            equal(status(number), 200, 'status right after dbgstore add')


if __name__ == '__main__':
    main()
