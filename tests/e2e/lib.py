# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: cases that print TAP, the built programs, a server, and fixtures.

A test file declares cases and calls main():

    @case('gdb shows the source of a C++ program', needs=['gdb', 'g++'])
    def gdb_cxx(work):
        …

Each case gets a folder of its own and runs in it; any exception fails it. $DBGVAULT_BUILD names the build
folder. A case whose client is not installed is skipped, and says which. With $DBGVAULT_LONG, the cases that
are declared with long=True run, and no others.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('DBGVAULT_BUILD', os.path.join(TOP, 'build'))
DBGSPLIT = os.path.join(BUILD, 'split', 'dbgsplit')
DBGSTORE = os.path.join(BUILD, 'store', 'dbgstore')
DBGCHECK = os.path.join(BUILD, 'check', 'dbgcheck')
DBGSERVE = os.path.join(BUILD, 'server', 'dbgserve')
ELFCOMPARE = os.path.join(HERE, 'elfcompare.py')

# What `go install` gives, Delve say, goes before a distribution's.
os.environ['PATH'] = os.pathsep.join([os.path.join(os.environ.get('GOPATH') or os.path.expanduser('~/go'), 'bin'), os.environ['PATH']])

_cases = []


class Skip(Exception):
    """Raised by a case that cannot run here; its text says why."""


class Failed(AssertionError):
    pass


def case(title, needs=(), long=False):
    def register(function):
        if long == bool(os.environ.get('DBGVAULT_LONG')):
            _cases.append((title, tuple(needs), function))
        return function
    return register


def main():
    """Run every case, or those whose title holds the first argument, and print TAP."""
    chosen = [c for c in _cases if len(sys.argv) < 2 or sys.argv[1] in c[0]]
    print(f'1..{len(chosen)}', flush=True)
    failed = 0
    for number, (title, needs, function) in enumerate(chosen, 1):
        missing = [p for p in needs if not shutil.which(p)]
        if missing:
            print(f'ok {number} - {title} # SKIP {", ".join(missing)} not installed', flush=True)
            continue
        home = os.getcwd()
        work = tempfile.mkdtemp(prefix='dbgvault-e2e.')
        os.chmod(work, 0o755)
        try:
            os.chdir(work)
            function(work)
            print(f'ok {number} - {title}', flush=True)
        except Skip as reason:
            print(f'ok {number} - {title} # SKIP {reason}', flush=True)
        except BaseException as error:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} - {title}', flush=True)
            for line in traceback.format_exc().splitlines():
                print(f'# {line}', flush=True)
            # meson's logs have standard error alone
            print(f'{title}: {traceback.format_exc()}', file=sys.stderr, flush=True)
            if isinstance(error, KeyboardInterrupt):
                raise
        finally:
            os.chdir(home)
            subprocess.run(['chmod', '-R', 'u+rwX', work], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(work, ignore_errors=True)
    sys.exit(1 if failed else 0)


def clean_env(**extra):
    """The environment without what would lead programs to a user's stores and servers."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(('DBGVAULT_', 'DEBUGINFOD_'))}
    env['LC_ALL'] = 'C.UTF-8'
    env.update({k: str(v) for k, v in extra.items()})
    return env


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    @property
    def text(self):
        return self.out.decode('utf-8', 'surrogateescape')

    @property
    def errors(self):
        return self.err.decode('utf-8', 'surrogateescape')


def run(*command, status=0, env=None, cwd=None, input=None, timeout=240):
    """Run a command; an exit status other than `status` (None: any) fails the case with what it printed."""
    done = subprocess.run([str(c) for c in command], env=env or clean_env(), cwd=cwd, input=input,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False,
                          **({} if input is not None else {'stdin': subprocess.DEVNULL}))
    result = Result(command, done.returncode, done.stdout, done.stderr)
    if status is not None and done.returncode != status:
        raise Failed(f'exit status {done.returncode}, expected {status}: {" ".join(map(str, command))}\n'
                     f'stdout: {result.text[-3000:]}\nstderr: {result.errors[-3000:]}')
    return result


def expect(condition, message):
    if not condition:
        raise Failed(message)


def equal(got, wanted, what='value'):
    if got != wanted:
        raise Failed(f'{what}: got {got!r:.2000}\nexpected {wanted!r:.2000}')


def matches(pattern, text, what='text'):
    found = re.search(pattern, text, re.M)
    if not found:
        raise Failed(f'{what}: nothing matches {pattern!r} in\n{text[-6000:]}')
    return found


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, text, mode=None):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    if mode is not None:
        os.chmod(path, mode)
    return path


# ---- programs of ours ----

def dbgsplit(*args, **kwargs):
    return run(DBGSPLIT, *args, **kwargs)


def dbgcheck(*args, **kwargs):
    return run(DBGCHECK, *args, **kwargs)


def dbgstore(*args, **kwargs):
    return run(DBGSTORE, *args, **kwargs)


def new_store(work, name='store', **kwargs):
    path = os.path.join(work, name)
    dbgstore('init', f'--store={path}', **kwargs)
    return path


class Server:
    """dbgserve over a store on a free port of 127.0.0.1; a context manager. url, pid, log()."""

    def __init__(self, store, *args, env=None, prefix=()):
        self.log_path = tempfile.mktemp(prefix='dbgserve.', suffix='.log', dir=os.path.dirname(store))
        self.log_file = open(self.log_path, 'wb')
        self.process = subprocess.Popen([*prefix, DBGSERVE, f'--store={store}', '--port=0', *args], env=env or clean_env(),
                                        stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file)
        self.pid = self.process.pid
        for _ in range(200):
            found = re.search(r'http://127\.0\.0\.1:(\d+)', self.log())
            if found:
                self.url, self.port = found.group(0), int(found.group(1))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise Failed(f'dbgserve did not start: {self.log()}')

    def log(self):
        with open(self.log_path, 'rb') as f:
            return f.read().decode('utf-8', 'replace')

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed('dbgserve did not end within 60 s') from None
        self.log_file.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def client_env(self, work, **extra):
        """An environment in which debuginfod clients know this server and have a cache of their own, in `work`."""
        os.makedirs(work, exist_ok=True)
        return clean_env(DEBUGINFOD_URLS=self.url, DEBUGINFOD_CACHE_PATH=os.path.join(work, 'client-cache'),
                         HOME=work, XDG_CACHE_HOME=os.path.join(work, 'xdg-cache'), **extra)


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# ---- fixtures ----

C_SOURCE = '''#include <stdio.h>
static int twice(int number)
{
	int doubled = 2 * number;
	return doubled;
}
int main(int argc, char **argv)
{
	(void)argv;
	printf("%d\\n", twice(argc));
	return 0;
}
'''

CXX_SOURCE = '''#include <iostream>
#include <string>
#include <vector>

static size_t measure(const std::vector<std::string> &words)
{
	size_t total = 0;
	for (const auto &word : words)
		total += word.size();
	return total;
}

int main()
{
	std::vector<std::string> words{ "strip", "and", "store" };
	std::cout << measure(words) << "\\n";
}
'''

GO_MAIN = '''package main

import (
	"fmt"

	"example.com/greeting"
)

func main() {
	text := greeting.For("dbgvault")
	fmt.Println(text)
}
'''

GO_GREETING = '''package greeting

import "strings"

// For greets name, loudly.
func For(name string) string {
	upper := strings.ToUpper(name)
	return "HELLO " + upper
}
'''


def c_program(folder, name='prog', flags=(), compiler='gcc', source=C_SOURCE, suffix='.c'):
    """Compile one source file, in the folder, with -g and a build ID; the binary's path."""
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, name + suffix), source)
    run(compiler, '-g', '-Wl,--build-id=sha1', *flags, '-o', name, name + suffix, cwd=folder)
    return os.path.join(folder, name)


def cxx_program(folder, name='prog', flags=('-O0',)):
    return c_program(folder, name, flags, 'g++', CXX_SOURCE, '.cc')


def go_env(**extra):
    return clean_env(GOFLAGS='-mod=mod', GOTOOLCHAIN='local', GOPROXY='off', **extra)


def go_release():
    """The release of the go command, (1, 26) say."""
    found = re.search(r'go(\d+)\.(\d+)', run('go', 'env', 'GOVERSION', env=go_env()).text)
    return tuple(map(int, found.groups())) if found else (99, 0)


def need_go_build_ids():
    if go_release() < (1, 24):
        raise Skip('Go 1.24 or newer is needed: older linkers write no GNU build ID of their own')


def go_program(folder, name='hello', flags=(), env=None):
    """A Go program with a module beside it as its dependency; needs no network. The binary's path."""
    folder = os.path.abspath(folder)
    app, dependency = os.path.join(folder, 'app'), os.path.join(folder, 'greeting')
    write(os.path.join(app, 'main.go'), GO_MAIN)
    write(os.path.join(app, 'go.mod'), 'module example.com/hello\n\ngo 1.21\n\nrequire example.com/greeting v0.0.0\n\n'
                                       'replace example.com/greeting => ../greeting\n')
    write(os.path.join(dependency, 'greeting.go'), GO_GREETING)
    write(os.path.join(dependency, 'go.mod'), 'module example.com/greeting\n\ngo 1.21\n')
    path = os.path.join(folder, name)
    run('go', 'build', *flags, '-o', path, '.', cwd=app, env=go_env(**(env or {})))
    return path


GO_LOUD = 'package loud\n\n// Say it.\nfunc Say(word string) string {\n\tlouder := word + "!"\n\treturn louder\n}\n'


def go_proxy(folder, module='example.com/Loud', version='v1.2.0-RC1', name='loud.go', source=GO_LOUD):
    """A module proxy of files with one module, its name in letters that the module cache escapes; the
    environment for a go command that uses it, with a module cache of its own."""
    folder = os.path.abspath(folder)
    escape = lambda text: re.sub('[A-Z]', lambda letter: '!' + letter.group().lower(), text)
    files = os.path.join(folder, 'proxy', escape(module), '@v')
    go_mod = f'module {module}\n\ngo 1.21\n'
    write(os.path.join(files, 'list'), version + '\n')
    write(os.path.join(files, escape(version) + '.info'), json.dumps({'Version': version}))
    write(os.path.join(files, escape(version) + '.mod'), go_mod)
    with zipfile.ZipFile(os.path.join(files, escape(version) + '.zip'), 'w') as archive:
        archive.writestr(f'{module}@{version}/go.mod', go_mod)
        archive.writestr(f'{module}@{version}/{name}', source)
    return {'GOPROXY': f'file://{folder}/proxy', 'GOSUMDB': 'off', 'GOMODCACHE': os.path.join(folder, 'cache'),
            'GOFLAGS': '-mod=mod -modcacherw'}


def go_toolchain(release):
    """The environment in which the go command is that release, which it fetches."""
    env = {**clean_env(), 'GOTOOLCHAIN': 'go' + release}
    told = run('go', 'env', 'GOROOT', env=env, status=None)
    if told.status:
        raise Skip(f'no Go {release}: {told.errors.strip()[-200:]}')
    root = told.text.strip()
    return {'GOROOT': root, 'PATH': os.path.join(root, 'bin') + os.pathsep + os.environ['PATH']}


def go_trimmed(folder, flags=(), toolchain=None):
    """A -trimpath program in folder/app that requires a module of a cache in folder/cache; (binary,
    environment). toolchain: of another go command, from go_toolchain()."""
    folder = os.path.abspath(folder)
    env = {**go_proxy(folder), **(toolchain or {})}
    app = os.path.join(folder, 'app')
    write(os.path.join(app, 'main.go'), GO_TRIMMED)
    write(os.path.join(app, 'go.mod'), 'module example.com/app\n\ngo 1.21\n\nrequire example.com/Loud v1.2.0-RC1\n')
    path = os.path.join(folder, 'trimmed')
    run('go', 'build', '-trimpath', *flags, '-o', path, '.', cwd=app, env={**go_env(), **env})
    return path, {**clean_env(), **env}


GO_TRIMMED = '''package main

import (
	"fmt"

	loud "example.com/Loud"
)

func main() {
	text := loud.Say("dbgvault")
	fmt.Println(text)
}
'''


def build_id(path):
    text = run('eu-readelf', '-n', path).text
    return matches(r'Build ID: ([0-9a-f]+)', text, f'{path}: notes').group(1)


def section_names(path):
    return re.findall(r'^\s*\[ *\d+\] (\S+)', run('readelf', '-SW', path).text, re.M)
