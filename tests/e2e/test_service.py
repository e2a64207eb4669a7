# SPDX-License-Identifier: Apache-2.0
"""The server as a service: what systemd asks of it and is told by it, its unit, and a proxy in front."""
import os
import re
import signal
import socket
import subprocess
import time

from lib import (BUILD, DBGSERVE, Server, case, clean_env, equal, expect, free_port, main, matches, new_store, read,
                 run, write)
from serving import ask, logged, small_program

UNIT = os.path.join(BUILD, 'packaging', 'dbgserve.service')


@case('it says when it is ready, and that it stops', needs=['gcc'])
def notifies(work):
    store = new_store(work)
    path = f'{work}/notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        with Server(store, env=clean_env(NOTIFY_SOCKET=path)) as server:
            equal(manager.recv(100), b'READY=1')
            equal(ask(server, '/healthz').status, 200, 'when it is ready')
            server.process.send_signal(signal.SIGHUP)
            equal(ask(server, '/healthz').status, 200, 'after SIGHUP')
            equal(server.stop(), 0)
            equal(manager.recv(100), b'STOPPING=1')


@case('a socket that it is given is listened on, and nothing is refused while it restarts', needs=['gcc'])
def activation(work):
    store = new_store(work)
    # What a service manager does: sockets from 3 on, and their number and whose they are in the environment.
    start = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&'
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
        for _ in range(2):
            waiting = socket.create_connection(('127.0.0.1', port))  # before there is a server
            waiting.settimeout(30)
            waiting.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
            log = open(f'{work}/log', 'wb')
            server = subprocess.Popen(['sh', '-c', f'{start}{listener.fileno()}', 'sh', DBGSERVE, f'--store={store}'],
                                      env=clean_env(), stdin=subprocess.DEVNULL, stderr=log,
                                      pass_fds=[listener.fileno()])
            try:
                expect(waiting.recv(1000).startswith(b'HTTP/1.1 200'), 'who waited is served')
                matches(f'http://127.0.0.1:{port}', read(log.name).decode())
            finally:
                server.terminate()
                equal(server.wait(30), 0)
                waiting.close()
    done = subprocess.run(['sh', '-c', start + '0', 'sh', DBGSERVE, f'--store={store}'], env=clean_env(),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    equal(done.returncode, 1, 'given what is no socket')
    matches('service manager', done.stderr.decode())


@case('the unit is as closed as it can be', needs=['systemd-analyze'])
def exposure(work):
    said = run('systemd-analyze', 'security', '--offline=yes', '--threshold=15', '--no-pager', UNIT, status=None)
    level = float(matches(r'Overall exposure level for \S+: ([0-9.]+)', said.text).group(1))
    expect(level <= 1.5 and said.status == 0, said.text[-3000:])
    text = read(UNIT).decode()
    options = set(re.findall(r' (--[a-z-]+)=', matches('^ExecStart=.*', text).group()))
    known = run(DBGSERVE, '--help').text
    for option in options:
        expect(option + '=' in known, f'{option} is no option')


@case('its options are read as the unit gives them, and what it lacks is said', needs=['sh'])
def environment(work):
    store = new_store(work)
    line = matches(r'^ExecStart=\S+/dbgserve (.*)$', read(UNIT).decode()).group(1)
    line = line.replace('/var/lib/dbgvault', store).replace('/var/cache/dbgserve', f'{work}/cache')
    os.mkdir(f'{work}/cache')
    port = free_port()
    server = subprocess.Popen(['sh', '-c', f'exec "$0" {line}', DBGSERVE], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=clean_env(DBGSERVE_OPTIONS=f'--port={port} --upstream=http://127.0.0.1:1'))
    try:
        until = time.time() + 30
        while run('curl', '-s', f'http://127.0.0.1:{port}/healthz', status=None).out != b'ok\n':
            expect(time.time() < until and server.poll() is None, 'it does not serve')
            time.sleep(0.05)
        expect(os.path.exists(f'{work}/cache/upstream/FORMAT'), 'where upstreams are kept')
    finally:
        server.terminate()
        equal(server.wait(30), 0)


NGINX = """worker_processes 1;
daemon off;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/f;
    uwsgi_temp_path {work}/u;
    scgi_temp_path {work}/s;
    server {{
        listen 127.0.0.1:{port};
        location /debug/ {{
            proxy_pass {url};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_read_timeout 120s;
            proxy_buffering off;
        }}
    }}
}}
"""


@case('behind nginx, as the manual page sets it up', needs=['gcc', 'nginx', 'curl', 'debuginfod-find'])
def proxied(work):
    store = new_store(work)
    ident, source = small_program(work, store)
    with Server(store, '--base-path=/debug', '--trusted-proxy=127.0.0.1') as server:
        port = free_port()
        os.chmod(work, 0o777)
        write(f'{work}/nginx.conf', NGINX.format(work=work, port=port, url=server.url))
        proxy = subprocess.Popen(['nginx', '-p', work, '-c', f'{work}/nginx.conf', '-e', f'{work}/error.log'],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            base = f'http://127.0.0.1:{port}/debug'
            until = time.time() + 30
            while run('curl', '-s', f'{base}/healthz', status=None).out != b'ok\n':
                expect(time.time() < until and proxy.poll() is None, 'nginx does not serve')
                time.sleep(0.05)
            env = server.client_env(work)
            env['DEBUGINFOD_URLS'] = base
            for args in (('debuginfo', ident), ('executable', ident), ('source', ident, source)):
                found = read(run('debuginfod-find', *args, env=env).text.strip())
                path = '/'.join((args[1], args[0])) + ''.join(args[2:])
                equal(found, ask(server, f'/debug/buildid/{path}').body, path)
            run('curl', '-sf', '-H', 'X-Forwarded-For: 198.51.100.7', f'{base}/buildid/{ident}/section/.text')
            logged(server, '^served kind=section .* peer=198.51.100.7$')
            equal(run('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', f'{base}/buildid/abcd/debuginfo').text, '404')
            part = run('curl', '-sf', '-r', '0-3', f'{base}/buildid/{ident}/executable').out
            equal(part, b'\x7fELF', 'a range')
        finally:
            proxy.terminate()
            proxy.wait(30)


if __name__ == '__main__':
    main()
