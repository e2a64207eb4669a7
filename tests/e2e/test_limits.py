# SPDX-License-Identifier: Apache-2.0
"""What the server does not let anyone do to it, and that it goes on serving everyone else."""
import http.client
import re
import socket
import threading
import time

from lib import Server, case, equal, expect, main, matches, new_store, read
from serving import ask, big_program, download_slowly, raw


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
            good + b'Host: y\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1\r\n\r\n' + smuggled,
            b'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n' + smuggled,
            good + b'X Y: z\r\n\r\n' + smuggled,
            good + b'X\x01: z\r\n\r\n' + smuggled,
            b'GET /buildid/aa%00bb/debuginfo HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            b'GET /buildid/aa\x01bb/debuginfo HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled,
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' + smuggled,
            good + b'X: ' + b'y' * 100000 + b'\r\n\r\n' + smuggled,
        ]
        for request in refused:
            got, closed = raw(server, request)
            expect(closed, f'not closed after {request[:100]!r}: {got[:300]!r}')
            expect(got == b'' or re.match(rb'HTTP/1\.1 4\d\d ', got), f'{request[:100]!r}: {got[:300]!r}')
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


if __name__ == '__main__':
    main()
