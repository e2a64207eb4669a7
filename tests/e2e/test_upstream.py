# SPDX-License-Identifier: Apache-2.0
"""Servers that are asked for what the store lacks: real ones, and ones that lie, dawdle or never end."""
import contextlib
import http.client
import http.server
import os
import re
import subprocess
import threading
import time

from lib import (C_SOURCE, DBGSERVE, Failed, Server, build_id, c_program, case, clean_env, dbgstore, equal, expect,
                 free_port, main, matches, new_store, read, run, write)
from serving import ask, logged, metric, small_program


class Upstream:
    """A server whose answers a test decides: answer(handler) for each GET. Requests are counted by path."""

    def __init__(self, answer):
        self.asked, self.headers, upstream = [], [], self
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                with upstream.lock:
                    upstream.asked.append(self.path)
                    upstream.headers.append(dict(self.headers))
                with contextlib.suppress(OSError):
                    answer(self)

            def log_message(self, *_):
                pass

        class Many(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass
        self.server = Many(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def count(self, word):
        return sum(word in path for path in self.asked)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def give(handler, body, status=200, **headers):
    handler.send_response(status)
    handler.send_header('Content-Length', str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace('_', '-'), value)
    handler.end_headers()
    handler.wfile.write(body)


def miss(handler):
    give(handler, b'not found', 404)


def status_of(server, path, **kwargs):
    """A status, or None where the connection was closed without one."""
    try:
        return ask(server, path, **kwargs).status
    except (ConnectionError, http.client.RemoteDisconnected):
        return None


@contextlib.contextmanager
def debuginfod(work, folder):
    """elfutils' own server over a folder of ELF files, once it has scanned it."""
    port = free_port()
    log = open(f'{work}/debuginfod.log', 'wb')
    process = subprocess.Popen(['debuginfod', '-F', '-p', str(port), '-d', f'{work}/debuginfod.sqlite', '-t', '0', folder],
                               env=clean_env(HOME=work), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    url = f'http://127.0.0.1:{port}'
    try:
        until = time.time() + 60
        while True:
            said = run('curl', '-s', f'{url}/metrics', status=None).text
            if re.search(r'^thread_work_total\{role="traverse"\} [1-9]', said, re.M) and \
               re.search(r'^thread_work_pending\{role="scan"\} 0', said, re.M) and \
               re.search(r'^thread_busy\{role="scan"\} 0', said, re.M):
                break
            if time.time() > until:
                raise Failed(f'debuginfod is not ready: {read(log.name).decode()[-2000:]}')
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@case('what a real debuginfod has is fetched once, proved, kept, and served by its build ID',
      needs=['gcc', 'debuginfod', 'debuginfod-find', 'curl', 'gdb'])
def real_one(work):
    store = new_store(work)
    program = c_program(f'{work}/there', flags=['-no-pie'])
    ident = build_id(program)
    source = f'{work}/there/prog.c'
    with debuginfod(work, f'{work}/there') as url:
        with Server(store, f'--upstream={url}/') as server:
            base = f'/buildid/{ident}'
            equal(ask(server, f'{base}/debuginfo').body, read(program), 'debuginfo')
            equal(ask(server, f'{base}/executable').body, read(program), 'executable')
            equal(ask(server, f'{base}/source{source}').body, C_SOURCE.encode(), 'source')
            equal(ask(server, f'{base}/section/.text').status, 200, 'section')
            equal(ask(server, '/buildid/abcdef/debuginfo').status, 404, 'what nobody has')
            os.mkdir(f'{work}/client')
            found = run('debuginfod-find', 'debuginfo', ident, env=server.client_env(f'{work}/client')).text.strip()
            equal(read(found), read(program), 'debuginfod-find')
            run('objcopy', '-g', program, f'{work}/stripped')
            said = run('gdb', '-batch', '-nx', '-iex', 'set debuginfod enabled on', '-ex', 'list twice',
                       f'{work}/stripped', env=server.client_env(f'{work}/client')).text
            matches('doubled = 2', said, 'gdb')
            logged(server, f'^served kind=debuginfo id={ident} status=200 .* why="from an upstream"$')
    # The upstream is gone; what was kept is not, and a new server finds it too.
    with Server(store, f'--upstream={url}') as server:
        equal(ask(server, f'{base}/debuginfo').body, read(program), 'kept')
        kept = dbgstore('info', f'--store={store}/upstream', '--json', ident).text
        matches(f'upstream={re.escape(url)}', kept, 'its origin')
        dbgstore('verify', f'--store={store}/upstream')
    dbgstore('verify', f'--store={store}')
    expect(ident not in dbgstore('list', f'--store={store}').text, 'it was taken for a build of the store')


@case('a file of another build ID, or none, or no ELF file, is never served; another upstream has the right one',
      needs=['gcc'])
def wrong_ones(work):
    store = new_store(work)
    program, other = c_program(f'{work}/a'), c_program(f'{work}/b', source=C_SOURCE.replace('2 *', '3 *'))
    ident, right, wrong = build_id(program), read(program), read(other)
    bodies = {'other': wrong, 'text': b'hello' * 1000, 'empty': b'', 'cut': right[:5000], 'bomb': b'\x7fELF' * 50000}
    for name, body in bodies.items():
        with Upstream(lambda handler, body=body: give(handler, body)) as bad:
            with Server(store, f'--upstream={bad.url}', f'--upstream-store={work}/kept-{name}') as server:
                equal(status_of(server, f'/buildid/{ident}/debuginfo'), None, f'{name}: dropped, never a 404')
                logged(server, 'upstream http')
                began = time.time()
                equal(status_of(server, f'/buildid/{ident}/executable'), None, 'the breaker is open')
                expect(time.time() - began < 3 and bad.count('/executable') == 0, 'it was asked again')

            def slowly(handler):
                time.sleep(0.3)  # the wrong one comes first
                give(handler, right)
            with Upstream(slowly) as good, Server(store, f'--upstream={bad.url}', f'--upstream={good.url}',
                                                  f'--upstream-store={work}/kept2-{name}') as server:
                equal(ask(server, f'/buildid/{ident}/debuginfo').body, right, f'{name}, and another upstream')


@case('misses are said when each upstream says so, and remembered')
def misses(work):
    store = new_store(work)
    with Upstream(miss) as a, Upstream(miss) as b:
        with Server(store, f'--upstream={a.url}', f'--upstream={b.url}') as server:
            for _ in range(5):
                equal(ask(server, '/buildid/abcd/debuginfo').status, 404)
            equal((a.count('abcd'), b.count('abcd')), (1, 1), 'requests for what was not there')
            equal(ask(server, '/buildid/abcd/source/x%20y/z?q').status, 404)
            expect('/buildid/abcd/source/x%20y/z' in a.asked, a.asked)
            equal(ask(server, '/buildid/abcd/section/.text').status, 404)
            equal(a.count('abcd/executable'), 1, 'for a section, the other half too')
            forwarded = [h['X-Forwarded-For'] for h in a.headers if 'X-Forwarded-For' in h]
            equal(set(forwarded), {'127.0.0.1'}, 'X-Forwarded-For')
    # One that cannot be asked has not said so.
    with Upstream(miss) as a:
        with Server(store, f'--upstream={a.url}', f'--upstream=http://127.0.0.1:{free_port()}') as server:
            equal(status_of(server, '/buildid/abcd/debuginfo'), None)
            equal(status_of(server, '/buildid/abce/debuginfo'), None, 'with an open breaker')
            expect(metric(server, 'error_count{type="upstream"}') >= 2, 'not counted')
            equal(ask(server, '/healthz').status, 200)
    for code in (500, 503, 429, 403, 406):
        with Upstream(lambda handler, code=code: give(handler, b'no', code)) as a:
            with Server(store, f'--upstream={a.url}') as server:
                equal(status_of(server, '/buildid/abcd/debuginfo'), None, f'status {code}')


@case('ten clients that ask for one missing file make one request', needs=['gcc'])
def together(work):
    store = new_store(work)
    program = c_program(f'{work}/a')
    ident, body = build_id(program), read(program)
    all_asked = threading.Event()

    def answer(handler):
        all_asked.wait(20)
        give(handler, body)
    with Upstream(answer) as upstream, Server(store, f'--upstream={upstream.url}', '--upstream-timeout=30') as server:
        results = []
        threads = [threading.Thread(target=lambda: results.append(ask(server, f'/buildid/{ident}/debuginfo').body))
                   for _ in range(10)]
        for thread in threads:
            thread.start()
        until = time.time() + 20
        while metric(server, 'http_requests_total{type="debuginfo"}') < 10:
            expect(time.time() < until, 'ten requests')
            time.sleep(0.05)
        all_asked.set()
        for thread in threads:
            thread.join(60)
        equal(len(results), 10)
        expect(all(result == body for result in results), 'other bytes')
        equal(upstream.count(ident), 1, 'requests to the upstream')


@case('an upstream that dawdles costs one request its budget, nobody else anything', needs=['gcc'])
def slow_one(work):
    store = new_store(work)
    ident, _ = small_program(work, store)
    release = threading.Event()
    with Upstream(lambda handler: release.wait(60)) as slow:
        with Server(store, f'--upstream={slow.url}', '--upstream-timeout=1') as server:
            waiting = []
            thread = threading.Thread(target=lambda: waiting.append(status_of(server, '/buildid/abcd/debuginfo')))
            thread.start()
            until = time.time() + 20
            while not slow.count('abcd'):
                expect(time.time() < until, 'it was never asked')
                time.sleep(0.02)
            for _ in range(50):  # on all event loops
                equal(ask(server, f'/buildid/{ident}/debuginfo').status, 200, 'while another waits')
            thread.join(30)
            equal(waiting, [None], 'after its budget: dropped')
            began = time.time()
            for i in range(20):
                equal(status_of(server, f'/buildid/abcd{i:02}/debuginfo'), None)
            expect(time.time() - began < 10, 'the next ones waited too')
            equal(sum('/buildid/' in path for path in slow.asked), 1, 'requests to it')
            logged(server, 'upstream .*no answer in time')
            expect(server.stop() == 0, 'exit status')
            release.set()
    # With one that answers beside it, nothing is waited for.
    program = c_program(f'{work}/b', source=C_SOURCE.replace('2 *', '4 *'))
    body = read(program)
    with Upstream(lambda handler: time.sleep(60)) as slow, Upstream(lambda handler: give(handler, body)) as quick:
        with Server(store, f'--upstream={slow.url}', f'--upstream={quick.url}', '--upstream-timeout=30') as server:
            began = time.time()
            equal(ask(server, f'/buildid/{build_id(program)}/executable').body, body)
            expect(time.time() - began < 15, 'it waited for the slow one')


@case('what never ends, is too large, or leads elsewhere is cut off', needs=['gcc'])
def hostile(work):
    store = new_store(work)
    program = c_program(f'{work}/a')
    ident, body = build_id(program), read(program)

    def endless(handler):
        handler.send_response(200)
        handler.send_header('Connection', 'close')
        handler.end_headers()
        while True:
            handler.wfile.write(b'\x7fELF' * 16384)
    with Upstream(endless) as upstream:
        with Server(store, f'--upstream={upstream.url}', '--upstream-max-size=8M') as server:
            equal(status_of(server, f'/buildid/{ident}/debuginfo'), None, 'endless')
            logged(server, 'upstream .*larger than --upstream-max-size')
            peak = int(matches(r'VmHWM:\s+(\d+) kB', read(f'/proc/{server.pid}/status').decode()).group(1))
            expect(peak < 200 << 10, f'peak memory {peak} kB')

    with Upstream(lambda handler: give(handler, body)) as elsewhere:
        targets = [f'{elsewhere.url}/buildid/{ident}/debuginfo', 'file:///etc/hostname', 'http://169.254.169.254/x']
        for target in targets:
            with Upstream(lambda handler, to=target: give(handler, b'', 302, Location=to)) as upstream:
                with Server(store, f'--upstream={upstream.url}') as server:
                    equal(status_of(server, f'/buildid/{ident}/debuginfo'), None, f'redirect to {target}')
                    logged(server, 'upstream .*to another server')
        equal(elsewhere.count(ident), 0, 'requests that followed a redirect')

    def moved(handler):
        if handler.path.startswith('/new'):
            give(handler, body)
        else:
            give(handler, b'', 301, Location='/new' + handler.path)
    with Upstream(moved) as upstream, Server(store, f'--upstream={upstream.url}') as server:
        equal(ask(server, f'/buildid/{ident}/debuginfo').body, body, 'a redirect on the same server')
    with Upstream(lambda handler: give(handler, b'', 302, Location=handler.path)) as upstream:
        with Server(store, f'--upstream={upstream.url}', f'--upstream-store={work}/fresh') as server:
            equal(status_of(server, f'/buildid/{ident}/debuginfo'), None, 'round and round')
            expect(upstream.count('debuginfo') <= 5, f'{upstream.count("debuginfo")} requests')


@case('servers that are each other\'s upstreams end after some hops; oneself is refused at start')
def rings(work):
    stores = [new_store(work, f'store{i}') for i in range(2)]
    port = free_port()
    with Server(stores[0], f'--upstream=http://127.0.0.1:{port}', '--upstream-hops=4') as first:
        second = subprocess.Popen([DBGSERVE, f'--store={stores[1]}', '--listen=127.0.0.1', f'--port={port}',
                                   f'--upstream={first.url}', '--upstream-hops=4'], env=clean_env(),
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.time() + 20
            while not run('curl', '-s', f'http://127.0.0.1:{port}/', status=None).out:
                expect(time.time() < until, 'the second one')
                time.sleep(0.05)
            began = time.time()
            for i in range(5):
                equal(ask(first, f'/buildid/abcd{i:02}/debuginfo').status, 404, 'a ring')
            expect(time.time() - began < 20, 'it hangs')
            logged(first, 'why="it comes from this server itself"')
            far = ask(first, '/buildid/abcdef/debuginfo', headers={'X-Forwarded-For': '10.0.0.1, 10.0.0.2, a, b'})
            equal(far.status, 404, 'too many hops')
            logged(first, 'id=abcdef status=404 .*why="it came through as many servers as it may"')
        finally:
            second.terminate()
            second.wait(30)
    port = free_port()
    for url in (f'http://127.0.0.1:{port}', f'http://localhost:{port}/'):
        done = run(DBGSERVE, f'--store={stores[0]}', f'--port={port}', f'--upstream={url}', status=1, timeout=60)
        matches(f'--upstream={url.rstrip("/")}: that is this server itself', done.errors)


@case('what is kept is bounded, the least recently used goes first', needs=['gcc'])
def bounded(work):
    store = new_store(work)
    files = {}
    for i in range(6):
        program = c_program(f'{work}/{i}', source=C_SOURCE + f'/* {i} */\n')
        write(f'{work}/noise', os.urandom(1 << 20))
        run('objcopy', '--add-section', f'.debug_noise={work}/noise', program)
        files[build_id(program)] = read(program)
    idents = list(files)

    def answer(handler):
        give(handler, files[handler.path.split('/')[2]])
    with Upstream(answer) as upstream:
        with Server(store, f'--upstream={upstream.url}', '--upstream-cache=4M') as server:
            for ident in idents[:3]:
                equal(ask(server, f'/buildid/{ident}/debuginfo').body, files[ident])
            equal(ask(server, f'/buildid/{idents[0]}/debuginfo').status, 200, 'used again')
            for ident in idents[3:]:
                equal(ask(server, f'/buildid/{ident}/debuginfo').body, files[ident])
                equal(ask(server, f'/buildid/{idents[0]}/debuginfo').status, 200, 'and again')
            listed = dbgstore('list', f'--store={store}/upstream').text
            expect(idents[1] not in listed, 'the least recently used is still there')
            expect(idents[5] in listed and idents[0] in listed, 'one that was used is gone')
            size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in
                       os.walk(f'{store}/upstream/objects') for name in names)
            expect(size <= 4 << 20, f'{size} bytes of objects')
            equal(ask(server, f'/buildid/{idents[1]}/debuginfo').body, files[idents[1]], 'fetched again')
            equal(upstream.count(idents[1]), 2)
            equal(upstream.count(idents[0]), 1)
            dbgstore('verify', f'--store={store}/upstream')


@case('the environment\'s upstreams are taken where that is asked for; what is no URL is refused')
def environment(work):
    store = new_store(work)
    with Upstream(miss) as a:
        env = clean_env(DEBUGINFOD_URLS=f'ima:enforcing {a.url}/ {a.url}')
        with Server(store, env=env) as server:
            equal(ask(server, '/buildid/abcd/debuginfo').status, 404)
            equal(a.count('abcd'), 0, 'asked without being told to')
        with Server(store, '--upstream=env', env=env) as server:
            equal(ask(server, '/buildid/abcd/debuginfo').status, 404)
            equal(a.count('abcd'), 1, 'requests, of two that are one')
    for wrong in ('file:///etc', 'ftp://x', 'x', '', 'http://', 'http://h/?q', 'gopher://x/'):
        done = run(DBGSERVE, f'--store={store}', '--port=0', f'--upstream={wrong}', status=1, timeout=20)
        matches('expected a URL', done.errors, wrong)
    run(DBGSERVE, f'--store={store}', '--port=0', '--upstream=http://x', '--upstream-cache=x', status=2)


if __name__ == '__main__':
    main()
