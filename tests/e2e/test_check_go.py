#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgcheck on Go programs: what they say of their build, and whether the flags that are advised work."""
import os
import re

import lib
from check import GO_CGO, GO_NET, go_build, verdict
from lib import case, dbgcheck, equal, expect, matches, run


@case('trimpath: given and not', needs=['go'])
def trimpath(work):
    verdict(go_build(work, 'with', '-trimpath'), 'trimpath', 'good')
    verdict(go_build(work, 'without'), 'trimpath', 'advice', advice='go build -trimpath')
    verdict(lib.DBGCHECK, 'trimpath', 'not applicable', seen='not a Go program')


@case('version: none, -X, a tag, a revision, a modified tree', needs=['go', 'git'])
def version(work):
    verdict(go_build(work, 'none'), 'version', 'bad', seen='no module version', advice='buildvcs|-X')
    # Found by its symbol, which -trimpath leaves, and by the recorded flags, which -s leaves.
    for name, flags in (('symbol', ['-trimpath', '-ldflags=-X main.Version=4.5.6']),
                        ('flag', ['-ldflags=-s -X main.Version=4.5.6'])):
        verdict(go_build(work, name, *flags), 'version', 'good', seen='-X main.Version=4.5.6')
    verdict(go_build(work, 'other', '-ldflags=-X main.Other=4.5.6'), 'version', 'advice', seen='main.Other=4.5.6')
    git = ['git', '-C', os.path.join(work, 'go'), '-c', 'user.name=n', '-c', 'user.email=e@example.com']
    run(*git, 'init', '-q')
    run(*git, 'add', '.')
    run(*git, 'commit', '-qm', 'begin')
    commit = run(*git, 'rev-parse', 'HEAD').text.strip()
    verdict(go_build(work, 'revision'), 'version', 'advice', seen=f'revision {commit} of 20')
    if lib.go_release() >= (1, 24):
        # go remembers which version it found for a commit.
        run(*git, 'commit', '-qm', 'release', '--allow-empty')
        run(*git, 'tag', '-am', 'release', 'v1.2.3')
        verdict(go_build(work, 'tag'), 'version', 'good', seen='v1.2.3')
    lib.write(os.path.join(work, 'go', 'left.go'), 'package main\n')
    verdict(go_build(work, 'modified'), 'version', 'bad', seen='from a modified tree', advice='clean checkout')


@case('strip-flags: neither, -w, -s, and not recorded', needs=['go'])
def strip_flags(work):
    verdict(go_build(work, 'none'), 'strip-flags', 'good')
    verdict(go_build(work, 'w', '-ldflags=-w'), 'strip-flags', 'advice', advice='leave -w out')
    verdict(go_build(work, 's', '-ldflags=-s -w'), 'strip-flags', 'bad', advice='leave -s and -w out')
    verdict(go_build(work, 'whole', '-trimpath'), 'strip-flags', 'good', seen='debug information is there')
    verdict(go_build(work, 'trim', '-trimpath', '-ldflags=-s'), 'strip-flags', 'not applicable', seen='52372|not recorded')


@case("resolver: libc's and Go's, and what the advice gives", needs=['go', 'gcc'])
def resolver(work):
    libc = go_build(work, 'libc', source=GO_NET, CGO_ENABLED=1)
    said = verdict(libc, 'resolver', 'advice', seen='getaddrinfo')
    flags = matches(r'go build (-tags=\S+)$', said['advice']).group(1)
    verdict(go_build(work, 'advised', flags, source=GO_NET, CGO_ENABLED=1), 'resolver', 'good', seen='netgo,osusergo')
    verdict(go_build(work, 'none', source=GO_NET, CGO_ENABLED=0), 'resolver', 'good', seen='CGO_ENABLED=0')
    static = go_build(work, 'static', '-ldflags=-linkmode=external -extldflags=-static', source=GO_NET, CGO_ENABLED=1)
    verdict(static, 'resolver', 'bad', advice='-tags=netgo,osusergo')


@case('go-release: supported, behind, out of support', needs=['go'])
def go_release(work):
    prog = go_build(work, 'prog')
    minor = lib.go_release()[1]
    verdict(prog, 'go-release', 'not applicable', seen='--go-release')
    verdict(prog, 'go-release', 'good', f'--go-release=1.{minor}')
    verdict(prog, 'go-release', 'good', f'--go-release=go1.{minor + 1}.2')
    verdict(prog, 'go-release', 'advice', f'--go-release=1.{minor}.99', f'--go-release=1.{minor + 1}', advice=f'1.{minor}.99')
    verdict(prog, 'go-release', 'bad', f'--go-release=1.{minor + 2}', seen='out of support', advice=f'Go 1.{minor + 2}')
    dbgcheck('--go-release=new', prog, status=2)


@case('arch-level: of Go for other machines, and the note of C', needs=['go', 'gcc'])
def arch_level(work):
    for arch, level, wanted in (('amd64', 'GOAMD64=v1', 'advice'), ('amd64', 'GOAMD64=v2', 'good'), ('arm64', '', 'good')):
        env = dict([level.split('=')]) if level else {}
        prog = go_build(work, f'{arch}-{level}', GOARCH=arch, CGO_ENABLED=0, **env)
        verdict(prog, 'arch-level', wanted, seen=level or 'GOARM64')
    if lib.os.uname().machine == 'x86_64':
        note = lambda level: f'.section .note.gnu.property,"a"\n.p2align 3\n.long 4,16,5\n.asciz "GNU"\n.long 0xc0008002,4,{level},0\n'
        lib.write('v1.s', note(1))
        lib.write('v3.s', note(4))
        verdict(lib.c_program(work, 'c1', [os.path.join(work, 'v1.s')]), 'arch-level', 'good', seen='baseline')
        verdict(lib.c_program(work, 'c3', [os.path.join(work, 'v3.s')]), 'arch-level', 'advice', seen='x86-64-v3')


@case('advice for Go: the flags that it names work, and mend what was found', needs=['go', 'gcc'])
def advice(work):
    if lib.go_release() < (1, 24):
        raise lib.Skip('Go 1.24 or newer is needed')
    # cgo of the standard library alone is linked by Go's own linker, other C code by the C compiler's.
    bad = go_build(work, 'bad', source=GO_NET, CGO_ENABLED=1)
    verdict(bad, 'pie', 'bad', seen='with C code', advice='-buildmode=pie')
    verdict(bad, 'relro', 'advice', advice='-buildmode=pie')
    verdict(bad, 'bind-now', 'advice', advice='-ldflags=-bindnow')
    good = go_build(work, 'good', '-buildmode=pie', '-ldflags=-bindnow', source=GO_NET, CGO_ENABLED=1)
    for rule in ('pie', 'relro', 'bind-now'):
        verdict(good, rule, 'good')
    run(good)
    c = go_build(work, 'c', source=GO_CGO, CGO_ENABLED=1)
    said = verdict(c, 'bind-now', 'advice', advice='-linkmode=external')
    flags = matches(r"(-ldflags)='(.*)'$", said['advice'])
    mended = go_build(work, 'mended', f'{flags.group(1)}={flags.group(2)}', source=GO_CGO, CGO_ENABLED=1)
    for rule in ('relro', 'bind-now', 'build-id'):
        verdict(mended, rule, 'good')
    verdict(go_build(work, 'pure', CGO_ENABLED=0), 'pie', 'advice', advice='^go build -buildmode=pie$')


@case('paths: in the table of functions, and gone with -trimpath', needs=['go'])
def paths(work):
    found = go_build(work, 'with')
    verdict(found, 'paths', 'advice', seen=r"in Go's table of functions \(.*build folder", advice='go build -trimpath')
    lib.dbgsplit('--debug-file=gone', '-o', 'split', found)
    said = verdict('split', 'paths', 'advice', seen="in Go's table of functions", advice='go build -trimpath')
    expect('debug information' not in said['seen'], f'after splitting: {said}')
    verdict(go_build(work, 'without', '-trimpath'), 'paths', 'good')


@case('C code in Go programs: judged where there is some, with the flags that cgo takes', needs=['go', 'gcc'])
def cgo(work):
    source = GO_CGO.replace('strcpy(to, from)', 'char b[100]; strcpy(b, from); strcpy(to, b)')
    soft = go_build(work, 'soft', '-ldflags=-w', source=source, CGO_ENABLED=1, CGO_CFLAGS='-O2 -fno-stack-protector -U_FORTIFY_SOURCE')
    said = verdict(soft, 'stack-protector', 'advice', advice='^CGO_CFLAGS=.*-fstack-protector-strong')
    verdict(soft, 'fortify', 'advice', seen='none checked', advice='-D_FORTIFY_SOURCE=3')
    flags = matches("CGO_CFLAGS='(.*)' go build", said['advice']).group(1)
    hard = go_build(work, 'hard', '-ldflags=-w', source=source, CGO_ENABLED=1, CGO_CFLAGS=f'{flags} -D_FORTIFY_SOURCE=2')
    verdict(hard, 'stack-protector', 'good')
    verdict(hard, 'fortify', 'good')
    verdict(hard, 'cf-protection', 'not applicable', seen="Go's own code")
    pure = go_build(work, 'pure', CGO_ENABLED=0)
    for rule in ('stack-protector', 'fortify', 'cf-protection', 'stack-clash'):
        verdict(pure, rule, 'not applicable', seen='without C code')


@case('README, "Check a release": what it shows is what is said', needs=['go', 'gcc'])
def readme(work):
    text = lib.read(os.path.join(lib.TOP, 'README.md')).decode().split('## Check a release\n')[1].split('\n## ')[0]
    lib.write('main.go', GO_NET.replace('func main() {', 'var Version string\n\nfunc main() { println(Version);'))
    lib.write('go.mod', 'module example.com/hello\n\ngo 1.18\n')
    env = lib.go_env(CGO_ENABLED=1, PATH=f'{os.path.dirname(lib.DBGCHECK)}:{os.environ["PATH"]}')
    shown = 0
    for block in re.findall(r'```console\n(.*?)```', text, re.S):
        output = ''
        for line in block.splitlines():
            if line.startswith('$ '):
                output = run('bash', '-c', line[2:], env=env).text
                continue
            # How many functions there are is Go's own matter.
            line = re.sub(r'with \d+ functions', 'with # functions', line)
            expect(line in re.sub(r'with \d+ functions', 'with # functions', output).splitlines(), f'{line!r} is not in\n{output}')
            shown += 1
    equal(shown, 11, 'lines of output')


lib.main()
