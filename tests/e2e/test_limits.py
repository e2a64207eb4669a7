# SPDX-License-Identifier: Apache-2.0
"""What the server does not let anyone do to it, and that it goes on serving everyone else."""
import http.client
import os
import re
import socket
import threading
import time

from lib import Server, case, equal, expect, main, matches, new_store, read
from serving import ask, big_program, download_slowly, logged, metric, raw


@case('what is no request of ours is refused, and the connection closed')
def refusals(work):
    store = new_store(work)
    with Server(store) as server:
        for path, status in (('/buildid/zz/debuginfo', 400), ('/buildid/abc/debuginfo', 400),
                             ('/buildid/aa%00bb/debuginfo', 400), ('/buildid/ab/source/x%0a', 400),
                             ('/buildid/ab/debuginfo', 404), ('/buildid/AB/debuginfo', 404),
                             ('/buildid/ab/debuginfo/x', 404), ('/nothing', 404), ('/buildid', 404)):
            equal(ask(server, path).status, status, path)
        for method in ('POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'get'):
            got = ask(server, '/', method)
            equal((got.status, got['allow']), (405, 'GET, HEAD'), method)

        good = b'GET /healthz HTTP/1.1\r\nHost: x\r\n'
        smuggled = b'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
        refused = [
            good + b'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n' + smuggled,
            good + b'Content-Length: 0\r\nContent-Length: 37\r\n\r\n' + smuggled,
            good + b'Content-Length: 37\r\n\r\n' + smuggled,
            good + b'Content-Length: -1\r\n\r\n' + smuggled,
            good + b'Content-Length: 1x\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: xchunked\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: identity\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n' + smuggled,
            good + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n' + smuggled,
            good + b'Content-Length: 0, 37\r\n\r\n' + smuggled,
            good + b'Content-Length: +37\r\n\r\n' + smuggled,
            good + b'Content-Length: 0x25\r\n\r\n' + smuggled,
            good + b'Content-Length: 99999999999999999999999\r\n\r\n' + smuggled,
            good + b'Content-Length:\r\n\r\n' + smuggled,
            good + b'Host: y\r\n\r\n' + smuggled,
            good + b'Host: x\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n' + smuggled,
            good + b'X Y: z\r\n\r\n' + smuggled,
            good + b'X\x01: z\r\n\r\n' + smuggled,
            b'GET /buildid/aa%00bb/debuginfo HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            good + b'X\x00Y: z\r\n\r\n' + smuggled,
            good + b'no colon\r\n\r\n' + smuggled,
            good + b'X: a\x01b\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1\r\n X: folded\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/0.9\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /healthz\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1 x\r\nHost: x\r\n\r\n' + smuggled,
            b'GET  /healthz HTTP/1.1 \r\nHost: x\r\n\r\n' + smuggled,
            b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n' + smuggled,
            b'GET /buildid/aa\x00bb/debuginfo HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /buildid/aa\x01bb/debuginfo HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' + smuggled,
            good + b'X: ' + b'y' * 100000 + b'\r\n\r\n' + smuggled,
        ]
        for request in refused:
            got, closed = raw(server, request)
            expect(closed, f'not closed after {request[:100]!r}: {got[:300]!r}')
            expect(got == b'' or re.match(rb'HTTP/1\.1 (4\d\d|50[15]) ', got), f'{request[:100]!r}: {got[:300]!r}')
            # libmicrohttpd 0.9.75 says the header of some of its own refusals twice.
            expect(len(set(re.findall(rb'HTTP/1\.1 (\d+)', got))) <= 1, f'answers to {request[:100]!r}: {got[:600]!r}')
        expect('smuggled' not in server.log(), 'a smuggled request was seen')

        # Connections that behave stay open, byte by byte too.
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=10)
        for path in ('/healthz', '/nothing', '/buildid/ab/debuginfo', '/healthz'):
            ask(server, path, connection=connection)
        equal(ask(server, '/healthz', connection=connection).body, b'ok\n')
        with socket.create_connection(('127.0.0.1', server.port)) as s:
            for byte in good + b'\r\n' + good + b'Connection: close\r\n\r\n':
                s.sendall(bytes([byte]))
            got = b''
            while more := s.recv(4096):
                got += more
            equal(got.count(b'HTTP/1.1 200 OK'), 2, 'answers to what came byte by byte')


@case('limits hold, and give way again', needs=['gcc'])
def limits(work):
    store = new_store(work)
    ident, program = big_program(work, store, size=16 << 20)
    with Server(store, '--max-connections=4', '--idle-timeout=2') as server:
        held = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(8)]
        for s in held[:4]:
            s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
            expect(s.recv(100).startswith(b'HTTP/1.1 200'), 'one of the first four')
        # The others wait in the queue until idle ones are closed.
        began = time.time()
        held[7].settimeout(20)
        held[7].sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
        expect(held[7].recv(100).startswith(b'HTTP/1.1 200'), 'the last')
        expect(time.time() - began > 0.5, 'the limit did not hold')
        for s in held:
            s.close()

    # Twenty old clients at once, each at its own pace: decoded frames stay within their bound.
    with Server(store) as server:
        results = [{} for _ in range(20)]
        threads = [threading.Thread(target=download_slowly, args=(server, f'/buildid/{ident}/debuginfo', 'identity',
                                                                  result)) for result in results]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        for thread in threads:
            thread.join(120)
        whole = read(program)
        for result in results:
            expect(result.get('body') == whole, 'other bytes')
        peak = int(matches(r'VmHWM:\s+(\d+) kB', read(f'/proc/{server.pid}/status').decode()).group(1))
        expect(peak < 300 << 10, f'peak memory {peak} kB')


REQUEST = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'


def held(server, source='127.0.0.1'):
    return socket.create_connection(('127.0.0.1', server.port), timeout=30, source_address=(source, 0))


def is_ended(s):
    """Has the server closed it? Nothing is to be read from it."""
    s.setblocking(False)
    try:
        return s.recv(1, socket.MSG_PEEK) == b''
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def wait_for(condition, what, seconds=30):
    until = time.time() + seconds
    while not condition():
        expect(time.time() < until, f'{what}: not within {seconds} s')
        time.sleep(0.05)


@case('who drips a header is cut off, first or later on a connection; who is idle is not')
def slow_headers(work):
    store = new_store(work)
    with Server(store, '--header-timeout=1', '--idle-timeout=60') as server:
        first, later, idle, waiting = held(server), held(server), held(server), held(server)
        for s in (later, waiting):
            s.sendall(REQUEST)
            expect(s.recv(1000).startswith(b'HTTP/1.1 200'), 'an answer')
        slow = [first, later]
        dripped = iter(REQUEST[:-4] + b'\r\nX: ' + b'y' * 5000)
        until = time.time() + 30
        while slow:
            expect(time.time() < until, f'{len(slow)} of two still there after 30 s')
            byte = bytes([next(dripped)])
            for s in slow:
                try:
                    s.setblocking(True)
                    s.sendall(byte)
                except (BrokenPipeError, ConnectionResetError):
                    pass
            time.sleep(0.1)
            slow = [s for s in slow if not is_ended(s)]
        equal(ask(server, '/healthz').body, b'ok\n', 'for others')
        equal(metric(server, 'error_count{type="slow-header"}'), 2.0)
        time.sleep(2)  # twice what a header may take
        for s in (idle, waiting):
            expect(not is_ended(s), 'an idle connection was cut off')
            s.settimeout(30)
            s.sendall(REQUEST)
            expect(s.recv(1000).startswith(b'HTTP/1.1 200'), 'an answer on an idle connection')


@case('who takes an answer too slowly is cut off, zstd and identity; who is fast enough is not', needs=['gcc'])
def slow_readers(work):
    store = new_store(work)
    ident, program = big_program(work, store, size=24 << 20)
    with Server(store, '--min-send-rate=200000', '--idle-timeout=2') as server:
        for encoding in ('zstd', 'identity'):
            before = metric(server, 'error_count{type="slow-reader"}')
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.connect(('127.0.0.1', server.port))
                s.sendall(f'GET /buildid/{ident}/debuginfo HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n'
                          '\r\n'.encode())
                s.settimeout(30)
                got = 0
                until = time.time() + 60
                try:
                    while more := s.recv(2000):  # some 40 KB a second: never idle, and never done
                        got += len(more)
                        expect(time.time() < until, f'{encoding}: still being served, {got} bytes')
                        time.sleep(0.05)
                except ConnectionResetError:
                    pass
            expect(got < 12 << 20, f'{encoding}: {got} bytes')
            equal(metric(server, 'error_count{type="slow-reader"}'), before + 1, encoding)
        logged(server, f'^served kind=debuginfo id={ident} .* end=cut why="its client takes too little"$')
        result = {}
        download_slowly(server, f'/buildid/{ident}/debuginfo', 'identity', result)
        expect(result['body'] == read(program), 'a client that is fast enough')


@case('an address has so many connections, and others their own; proxies are not counted, who is behind them is',
      needs=['gcc'])
def per_address(work):
    store = new_store(work)
    ident, _ = big_program(work, store, size=24 << 20)
    with Server(store, '--max-connections-per-address=3') as server:
        mine = [held(server) for _ in range(3)]
        for s in mine:
            s.sendall(REQUEST)
            expect(s.recv(1000).startswith(b'HTTP/1.1 200'), 'one of three')
        with held(server) as fourth:
            wait_for(lambda: is_ended(fourth), 'the fourth is closed')
        with held(server, '127.0.0.2') as other:
            other.sendall(REQUEST)
            expect(other.recv(1000).startswith(b'HTTP/1.1 200'), 'another address')
        mine.pop().close()

        def comes_in():
            with held(server) as s:
                try:
                    s.sendall(REQUEST)
                    return s.recv(1000).startswith(b'HTTP/1.1 200')
                except ConnectionError:
                    return False
        wait_for(comes_in, 'a place that was given back')
        for s in mine:
            s.close()
        wait_for(comes_in, 'after all were closed')
        expect(metric(server, 'error_count{type="too-many"}') >= 1, 'not counted')

    with Server(store, '--max-connections-per-address=2', '--trusted-proxy=127.0.0.1') as server:
        def begin(client):
            s = held(server)
            s.sendall(f'GET /buildid/{ident}/debuginfo HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n\r\n'.encode())
            expect(s.recv(100).startswith(b'HTTP/1.1 200'), 'a download')
            return s
        downloads = [begin('198.51.100.7'), begin('198.51.100.7'), begin('198.51.100.8')]
        header = {'X-Forwarded-For': '203.0.113.1, 198.51.100.7'}
        busy = ask(server, '/healthz', headers=header)
        equal((busy.status, busy['retry-after']), (503, '1'))
        equal(ask(server, '/healthz', headers={'X-Forwarded-For': '198.51.100.9'}).status, 200, 'another')
        equal(ask(server, '/healthz').status, 200, "the proxy's own")
        for s in downloads:
            s.close()
        wait_for(lambda: ask(server, '/healthz', headers=header).status == 200, 'places that were given back')


@case('with 64 files to open, a thousand connections starve nobody for long', needs=['gcc', 'prlimit'])
def few_files(work):
    store = new_store(work)
    ident, _ = big_program(work, store, size=1 << 20)
    with Server(store, '--idle-timeout=2', prefix=['prlimit', '--nofile=64:64']) as server:
        equal(ask(server, f'/buildid/{ident}/debuginfo').status, 200)
        files = lambda: len(os.listdir(f'/proc/{server.pid}/fd'))
        before = files()
        many = [held(server) for _ in range(300)]
        for s in many:
            s.sendall(f'GET /buildid/{ident}/debuginfo HTTP/1.1\r\nHost: x\r\nAccept-Encoding: zstd\r\n\r\n'.encode())
        time.sleep(1)
        expect(files() <= 64, 'files')
        ticks = lambda: sum(map(int, read(f'/proc/{server.pid}/stat').decode().rsplit(')', 1)[1].split()[11:13]))
        began, used = time.time(), ticks()
        time.sleep(1)
        share = (ticks() - used) / os.sysconf('SC_CLK_TCK') / (time.time() - began)
        expect(share < 0.5, f'it uses {share:.0%} of a processor while it is full')
        for s in many:
            s.close()
        wait_for(lambda: ask(server, f'/buildid/{ident}/debuginfo').status == 200, 'served again')
        wait_for(lambda: files() <= before + 4, f'{before} files open before, {files()} now')
        equal(ask(server, '/healthz').status, 200)


if __name__ == '__main__':
    main()
