# SPDX-License-Identifier: Apache-2.0
"""What the tests of the server share: programs in a store, a client that decodes nothing, raw sockets."""
import hashlib
import http.client
import os
import re
import shutil
import socket
import time

from lib import C_SOURCE, Failed, build_id, c_program, dbgsplit, dbgstore, matches, read, run, write

BIG = 9 << 20


def noise(size, seed=1):
    """Bytes that compress to about half, and are the same each time."""
    out, state = bytearray(), seed
    while len(out) < size:
        out += hashlib.sha256(b'%d' % state).digest().hex().encode()
        state += 1
    return bytes(out[:size])


def small_program(work, store, name='prog', source=C_SOURCE):
    """A C program, split into the store; its build ID, and the path that its source had."""
    program = c_program(os.path.join(work, 'src'), name, source=source)
    dbgsplit(f'--store={store}', f'--source-root={work}/src', program)
    return build_id(program), os.path.join(work, 'src', name + '.c')


def big_program(work, store, name='big', size=BIG, seed=1):
    """A program with a section of that size, as it is in the store; ID and path."""
    program = c_program(os.path.join(work, 'src'), name, source=C_SOURCE + f'/* {name} */\n')
    write(f'{program}.noise', noise(size, seed))
    run('objcopy', '--add-section', f'.debug_noise={program}.noise', program)
    dbgstore('add', f'--store={store}', program)
    return build_id(program), program


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name):
        return self.headers.get(name.lower())


def ask(server, path, method='GET', headers=None, connection=None):
    """One request, by Python's own client, which decodes nothing."""
    own = connection or http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)
    own.request(method, path, headers={'Accept-Encoding': 'identity', **(headers or {})})
    response = own.getresponse()
    body = response.read()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)
    if not connection:
        own.close()
    return answer


def raw(server, data, timeout=10):
    """Send bytes as they are; all that comes back until the server closes, or (None) nothing more does."""
    with socket.create_connection(('127.0.0.1', server.port), timeout=timeout) as s:
        s.sendall(data)
        got = b''
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    return got, True
                got += more
        except TimeoutError:
            return got, False
        except ConnectionResetError:
            return got, True


def section_bytes(path, name):
    """A section's bytes as they are in the file."""
    found = matches(rf'\] {re.escape(name)} +\w+ +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ',
                    run('readelf', '-SW', path).text, f'sections of {path}')
    at, size = (int(text, 16) for text in found.groups())
    return read(path)[at:at + size]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def logged(server, pattern, seconds=5):
    """Wait for a line of the log."""
    until = time.time() + seconds
    while not re.search(pattern, server.log(), re.M):
        if time.time() > until:
            raise Failed(f'no line {pattern!r} in\n{server.log()[-5000:]}')
        time.sleep(0.02)


def metric(server, line):
    found = re.search('^' + re.escape(line) + r' ([0-9.]+)$', ask(server, '/metrics').body.decode(), re.M)
    return float(found.group(1)) if found else None


def download_slowly(server, path, encoding, result):
    """Read a body in small sips; its length, or what went wrong, is put into the result."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.connect(('127.0.0.1', server.port))
        s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n'
                  'Connection: close\r\n\r\n'.encode())
        got = b''
        while more := s.recv(65536):
            got += more
            result['begun'] = True
            if len(got) < 4 << 20:
                time.sleep(0.01)
    header, _, body = got.partition(b'\r\n\r\n')
    result['wanted'] = int(re.search(rb'Content-Length: (\d+)', header).group(1))
    result['body'] = body


def has_zstd():
    return shutil.which('zstd') is not None


def has_find():
    return shutil.which('debuginfod-find') is not None
