#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packaging/hardening: the C of a Go program, and a program of C alone, are hardened as it says."""
import os
import platform
import re
import shutil

import lib
from lib import case, equal, expect, matches, run

HARDENING = os.path.join(lib.TOP, 'packaging', 'hardening')

C_PART = '''#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int measure(const char *text)
{
	char copy[16];
	strcpy(copy, text);
	return (int)strlen(copy) + (int)strtol(copy, NULL, 10);
}

int wide(const char *text)
{
	char copy[65536];
	snprintf(copy, sizeof(copy), "%s%s", text, text);
	return measure(copy);
}
'''

GO_PART = '''package main

// int measure(const char *text);
// int wide(const char *text);
import "C"

import "os"

func main() {
	println(C.wide(C.CString(os.Args[1])))
}
'''


def cgo_program(work, name, flags=(), **env):
    """Built from nothing that an earlier case left: compiler and folder are its own."""
    folder = os.path.join(work, name)
    lib.write(os.path.join(folder, 'main.go'), GO_PART)
    lib.write(os.path.join(folder, 'part.c'), C_PART)
    lib.write(os.path.join(folder, 'go.mod'), f'module example.com/{name}\n\ngo 1.18\n')
    # A shell, for the snippet that is to be read by one.
    run('sh', '-c', env.pop('before', ':') + ' && exec go build -buildmode=pie "$@" -o program .', 'sh', *flags, cwd=folder,
        env=lib.go_env(CGO_ENABLED='1', **env))
    return os.path.join(folder, 'program')


def code_of(binary, function):
    text = run('objdump', '-d', '--no-show-raw-insn', binary).text
    return matches(rf'^[0-9a-f]+ <{function}>:\n((?:.+\n)+)', text, 'code').group(1)


def features(binary):
    """What readelf and objdump show of the binary, by name."""
    dynamic = run('readelf', '-dW', binary).text
    segments = run('readelf', '-hlW', binary).text
    symbols = run('readelf', '--dyn-syms', '-W', binary).text
    found = {
        'pie': 'Flags: NOW PIE' in dynamic or bool(re.search(r'FLAGS_1.*\bPIE\b', dynamic)),
        'bind-now': bool(re.search(r'\(FLAGS\).*BIND_NOW', dynamic)),
        'relro': 'GNU_RELRO' in segments,
        'nx-stack': bool(re.search(r'GNU_STACK +(\S+ +){5}RW ', segments)),
        'stack-protector': '__stack_chk_fail' in symbols and '__stack_chk_fail' in code_of(binary, 'measure'),
        'fortify': bool(re.search('__st[rp]cpy_chk', code_of(binary, 'measure'))),
    }
    if platform.machine() == 'x86_64':
        # Whether all of the program may be guarded so (GNU_PROPERTY_X86_FEATURE_1_IBT) is for its other parts
        # to say, too: neither Go's objects nor Debian 12's own start files do.
        found['cf-protection'] = 'endbr64' in code_of(binary, 'measure').splitlines()[0]
        found['stack-clash'] = bool(re.search(r'\$0x0,(0x[0-9a-f]+)?\(%rsp\)', code_of(binary, 'wide')))
    return found


def check(binary):
    lacking = sorted(name for name, there in features(binary).items() if not there)
    equal(lacking, [], 'lacking')
    # What is checked at run time: 16 bytes are overrun, and the program is stopped. In Go's that is a signal.
    equal(int(run(binary, '1234').errors or run(binary, '1234').text), 8 + 12341234, 'outcome')
    overrun = run(binary, '123456789', status=None)
    expect(overrun.status != 0 and 'overflow detected' in overrun.errors, f'not stopped: {overrun.status} {overrun.errors[:500]}')
    told = run(os.path.join(lib.BUILD, 'check', 'dbgcheck'), '--json', binary).text
    for rule in ('pie', 'relro', 'bind-now', 'nx-stack', 'stack-protector', 'fortify'):
        expect(f'"rule":"{rule}","verdict":"good"' in told, f'dbgcheck, {rule}: {told}')
    if shutil.which('hardening-check'):
        told = run('hardening-check', binary, status=None).text
        for line in ('Position Independent Executable: yes', 'Stack protected: yes', 'Fortify Source functions: yes',
                     'Read-only relocations: yes', 'Immediate binding: yes'):
            expect(line in told, f'hardening-check: no "{line}" in {told}')


@case('cgo without any of it: not hardened, so the checks of the others mean something', needs=['go', 'gcc', 'objdump'])
def plain(work):
    found = features(cgo_program(work, 'plain', CGO_CFLAGS='-O2 -fcf-protection=none -fno-stack-protector -U_FORTIFY_SOURCE'
                                 if platform.machine() == 'x86_64' else '-O2 -fno-stack-protector -U_FORTIFY_SOURCE'))
    for name in ('bind-now', 'stack-protector', 'fortify', 'cf-protection', 'stack-clash'):
        expect(not found.get(name), f'{name} without being asked for')


for compiler in ('gcc', 'clang'):
    @case(f'cgo.sh, {compiler}: the C of a Go program', needs=['go', compiler, 'objdump'], long=compiler != 'gcc')
    def snippet(work, compiler=compiler):
        check(cgo_program(work, 'snippet', CC=compiler, before=f'. "{HARDENING}/cgo.sh"'))


@case('cgo.sh: what was set before comes behind', needs=['go'])
def snippet_order(work):
    env = lib.go_env(CGO_CFLAGS='-DMINE', CGO_LDFLAGS='-lmine')
    text = run('sh', '-euc', f'. "{HARDENING}/cgo.sh"; go env CGO_CFLAGS CGO_CXXFLAGS CGO_LDFLAGS', env=env).text.splitlines()
    expect(text[0].startswith('-O2 -g ') and text[0].endswith(' -DMINE'), text[0])
    expect('-DMINE' not in text[1] and text[2].endswith(' -lmine'), text)
    arm = run('sh', '-euc', f'. "{HARDENING}/cgo.sh"; echo "$CGO_CFLAGS"', env=lib.go_env(GOARCH='arm64')).text
    expect('-mbranch-protection=standard' in arm and '-fcf-protection' not in arm, arm)


@case('hardened-gcc: the C of a Go program, and C alone', needs=['go', 'gcc', 'objdump'], long=True)
def wrapper(work):
    # The go command's cache goes by the compiler's name and version, not by its spec file: a name of its own.
    shutil.copytree(HARDENING, 'hardening', symlinks=True)
    gcc = os.path.join(work, 'hardening', 'hardened-gcc')
    check(cgo_program(work, 'wrapper', CC=gcc, CGO_CFLAGS='-O2'))
    main = '#include <stdio.h>\nint wide(const char *);\nint main(int argc, char **argv)\n' \
           '{\n\tprintf("%d\\n", argc > 1 ? wide(argv[1]) : 0);\n}\n'
    lib.write('main.c', main)
    lib.write('part.c', C_PART)
    run(gcc, '-O2', '-o', 'program', 'main.c', 'part.c')
    check(os.path.join(work, 'program'))
    # What the command line says wins; and what must not be position-independent is not.
    run(gcc, '-O2', '-fno-stack-protector', '-U_FORTIFY_SOURCE', '-o', 'other', 'main.c', 'part.c')
    found = features('other')
    expect(not found['stack-protector'] and not found['fortify'] and found['bind-now'], found)
    for flags in (['-no-pie'], ['-static'], ['-static-pie'], ['-O0'], ['-shared', '-fPIC'], ['-r'], ['-c']):
        inputs = ['part.c'] if flags[0] in ('-r', '-c') else ['main.c', 'part.c']
        run(gcc, *flags, '-o', 'some', *inputs)
    run(os.path.join(work, 'hardening', 'hardened-g++'), '-O2', '-c', '-x', 'c++', '-o', 'some', 'part.c')
    matches('_GLIBCXX_ASSERTIONS', run(gcc, '-E', '-dM', 'part.c').text)
    # Formats that come from outside are an error.
    lib.write('format.c', '#include <stdio.h>\nint main(int argc, char **argv)\n{\n\tprintf(argv[argc - 1]);\n}\n')
    matches('format-security', run(gcc, '-c', 'format.c', status=1).errors)


for machine in ('x86_64', 'aarch64'):
    @case(f'clang-{machine}.cfg: the C of a Go program, and C alone', needs=['go', 'clang', 'objdump'], long=True)
    def configuration(work, machine=machine):
        if machine != platform.machine():
            raise lib.Skip(f'for {machine}')
        clang = f'clang --config {HARDENING}/clang-{machine}.cfg'
        binary = cgo_program(work, 'configuration', CC=clang, CGO_CFLAGS='-O2')
        check(binary)
        lib.write('format.c', '#include <stdio.h>\nint main(int argc, char **argv)\n{\n\tprintf(argv[argc - 1]);\n}\n')
        matches('format-security', run(*clang.split(), '-c', 'format.c', status=1).errors)
        lib.write('main.c', 'int main(void)\n{\n\treturn 0;\n}\n')
        for flags in (['-no-pie'], ['-static'], ['-O0'], ['-shared', '-fPIC'], ['-c']):
            run(*clang.split(), *flags, '-o', 'some', 'main.c')


lib.main()
