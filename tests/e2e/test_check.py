#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgcheck on real binaries, each rule with a binary built for either verdict."""
import json
import os
import re

import lib
from check import audit, go_build, verdict
from lib import case, dbgcheck, equal, expect, matches, run


@case('pie: a program, a library, a static one, and those at a fixed address', needs=['gcc'])
def pie(work):
    verdict(lib.c_program(work, 'a', ['-fPIE', '-pie']), 'pie', 'good', seen='program')
    verdict(lib.c_program(work, 'b', ['-fPIE', '-static-pie']), 'pie', 'good', seen='program')
    verdict(lib.c_program(work, 'c.so', ['-fPIC', '-shared']), 'pie', 'good', seen='library')
    verdict(lib.c_program(work, 'd', ['-no-pie']), 'pie', 'bad', advice='link with -pie')
    verdict(lib.c_program(work, 'e', ['-static']), 'pie', 'bad', advice='-static-pie')


@case('relro and bind-now: full, partial, none', needs=['gcc'])
def relro(work):
    full = lib.c_program(work, 'full', ['-Wl,-z,relro,-z,now'])
    partial = lib.c_program(work, 'partial', ['-Wl,-z,relro,-z,lazy'])
    none = lib.c_program(work, 'none', ['-Wl,-z,norelro,-z,lazy'])
    verdict(full, 'relro', 'good')
    verdict(full, 'bind-now', 'good')
    verdict(partial, 'relro', 'good')
    verdict(partial, 'bind-now', 'advice', advice='-z,now')
    verdict(none, 'relro', 'bad', advice='-z,relro')
    verdict(lib.c_program(work, 'static', ['-static']), 'bind-now', 'not applicable')


@case('rpath: none, beside the file, a fixed folder, a folder of the build', needs=['gcc'])
def rpath(work):
    for name, flags, wanted in (('none', [], 'good'), ('origin', ['-Wl,-rpath,$ORIGIN/../lib,--enable-new-dtags'], 'good'),
                                ('old', ['-Wl,-rpath,$ORIGIN,--disable-new-dtags'], 'advice'),
                                ('fixed', ['-Wl,-rpath,/opt/prog/lib'], 'advice'),
                                ('build', ['-Wl,-rpath,/home/ci/prog/lib'], 'bad'),
                                ('relative', ['-Wl,-rpath,lib'], 'bad')):
        verdict(lib.c_program(work, name, flags), 'rpath', wanted)


@case('textrel: a library with and without relocated code', needs=['gcc'])
def textrel(work):
    verdict(lib.c_program(work, 'fine.so', ['-fPIC', '-shared']), 'textrel', 'good')
    assembly = '.text\n.globl f\nf: .quad g\n.data\ng: .quad 1\n.section .note.GNU-stack,"",@progbits\n'
    bad = lib.c_program(work, 'bad.so', ['-shared', '-nostdlib', '-Wl,-z,notext'], source=assembly, suffix='.s')
    verdict(bad, 'textrel', 'bad', advice='-fPIC')


@case('build-id: one, none, one that no program header shows', needs=['gcc', 'go'])
def build_id(work):
    prog = lib.c_program(work, 'prog')
    verdict(prog, 'build-id', 'good', seen=lib.build_id(prog))
    verdict(lib.c_program(work, 'none', ['-Wl,--build-id=none']), 'build-id', 'bad', advice='-Wl,--build-id')
    zero = lib.c_program(work, 'zero', ['-Wl,--build-id=0x0000000000000000'])
    verdict(zero, 'build-id', 'bad', seen='means nothing')
    if lib.go_release() >= (1, 24):
        hidden = lib.go_program(work, 'hidden')
        verdict(hidden, 'build-id', 'advice', seen='no PT_NOTE', advice='--build-id=mend')
        verdict(lib.go_program(work, 'without', ['-ldflags=-B=none']), 'build-id', 'bad', advice='-B=none')
    else:
        verdict(lib.go_program(work, 'without'), 'build-id', 'bad', advice='Go 1.24')


@case('symtab: there, and taken; for Go the function table remains', needs=['gcc', 'go', 'strip'])
def symtab(work):
    prog = lib.c_program(work, 'prog')
    verdict(prog, 'symtab', 'good', seen=r'with \d+ functions')
    run('strip', '-g', prog)
    verdict(prog, 'symtab', 'good')
    run('strip', '-s', prog)
    verdict(prog, 'symtab', 'advice', advice='dbgsplit')
    verdict(lib.go_program(work, 'go'), 'symtab', 'good')
    verdict(lib.go_program(work, 'bare', ['-ldflags=-s -w']), 'symtab', 'bad', seen="Go's own table", advice='leave -s out')


@case('debug-info: in the file, in the store, lost', needs=['gcc'])
def debug_info(work):
    prog, store = lib.c_program(work, 'prog'), lib.new_store(work)
    verdict(prog, 'debug-info', 'advice', seen='of debug information', advice='dbgsplit')
    verdict(prog, 'debug-info', 'bad', f'--store={store}', seen='the store lacks it')
    lib.dbgsplit(f'--store={store}', '-o', 'stripped', prog)
    verdict(prog, 'debug-info', 'advice', f'--store={store}', seen='the store has too')
    verdict('stripped', 'debug-info', 'good', f'--store={store}', seen='the store has it')
    verdict('stripped', 'debug-info', 'advice', advice='--store')
    other = lib.new_store(work, 'other')
    verdict('stripped', 'debug-info', 'bad', f'--store={other}', seen='none in the store', advice='-g')
    env = lib.clean_env(DBGVAULT_STORE=store)
    expect('good' in dbgcheck('--rule=debug-info', 'stripped', env=env).text, '$DBGVAULT_STORE is not looked at')
    dbgcheck(f'--store={work}/none', prog, status=1)


@case('files of other machines are judged by the same rules', needs=['readelf'])
def machines(work):
    found = 0
    for compiler in ('aarch64-linux-gnu-gcc', 'arm-linux-gnueabihf-gcc', 'i686-linux-gnu-gcc', 'powerpc64le-linux-gnu-gcc',
                     's390x-linux-gnu-gcc', 'riscv64-linux-gnu-gcc'):
        if not lib.shutil.which(compiler):
            continue
        found += 1
        name = compiler.split('-')[0]
        prog = lib.c_program(work, name, ['-fPIE', '-pie', '-Wl,-z,relro,-z,now,-z,noexecstack'], compiler)
        old = lib.c_program(work, name + '-old', ['-no-pie', '-Wl,-z,norelro,-z,lazy,-z,execstack,--build-id=none'], compiler)
        said = {f['rule']: f['verdict'] for f in audit(prog)[prog]['findings']}
        for rule in ('pie', 'relro', 'bind-now', 'nx-stack', 'rpath', 'textrel', 'build-id', 'symtab'):
            equal(said[rule], 'good', f'{rule} on {name}')
        said = {f['rule']: f['verdict'] for f in audit(old)[old]['findings']}
        for rule in ('pie', 'relro', 'nx-stack', 'build-id'):
            equal(said[rule], 'bad', f'{rule} on {name}-old')
    if not found:
        raise lib.Skip('no compiler for another machine')


@case('linkage: what is needed; by a path; a linker of the build machine; static with NSS', needs=['gcc', 'go'])
def linkage(work):
    verdict(lib.c_program(work, 'fine'), 'linkage', 'good', seen=r'needs libc\.so')
    library = lib.c_program(work, 'x.so', ['-fPIC', '-shared'], source='int x;\n')
    verdict(lib.c_program(work, 'path', ['-Wl,--no-as-needed', library]), 'linkage', 'bad', seen='by its path', advice='-soname')
    verdict(lib.c_program(work, 'loader', ['-Wl,--dynamic-linker=/home/ci/ld.so']), 'linkage', 'bad', advice='--dynamic-linker')
    verdict(lib.c_program(work, 'static', ['-static']), 'linkage', 'good', seen='static')
    source = '#include <netdb.h>\nint main(void) { struct addrinfo *a; return getaddrinfo("x", 0, 0, &a); }\n'
    verdict(lib.c_program(work, 'nss', ['-static', '-w'], source=source), 'linkage', 'advice', seen='NSS')
    verdict(go_build(work, 'pure', CGO_ENABLED=0), 'linkage', 'good', seen='static')


HARD = ['-O2', '-fstack-protector-strong', '-fstack-clash-protection', '-fcf-protection=full', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2']
SOFT = ['-O2', '-fno-stack-protector', '-fno-stack-clash-protection', '-fcf-protection=none', '-U_FORTIFY_SOURCE']
BUFFERS = '''#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) static int copy(const char *from, unsigned n)
{
	char to[9000];
	strcpy(to, from);
	return to[n % sizeof(to)];
}
int main(int argc, char **argv)
{
	return copy(argv[0], (unsigned)argc);
}
'''


@case('hardening of C: by the flags in debug information, and by what the code calls', needs=['gcc', 'strip'])
def hardening(work):
    hard, soft = lib.c_program(work, 'hard', HARD, source=BUFFERS), lib.c_program(work, 'soft', SOFT, source=BUFFERS)
    for rule, worst in (('stack-protector', 'bad'), ('stack-clash', 'advice')):
        verdict(hard, rule, 'good', seen='as debug information says')
        verdict(soft, rule, worst, seen='0 of 1', advice=f'-f{rule}')
    verdict(hard, 'fortify', 'good', seen='checked: strcpy')
    verdict(soft, 'fortify', 'advice', seen='strcpy', advice='-D_FORTIFY_SOURCE=3')
    run('strip', '-g', hard, soft)
    verdict(hard, 'stack-protector', 'good', seen='__stack_chk_fail')
    verdict(soft, 'stack-protector', 'advice', seen='no __stack_chk_fail', advice='-fstack-protector-strong')
    if os.uname().machine == 'x86_64':
        verdict(hard, 'stack-clash', 'good', seen='probed')
    verdict(soft, 'stack-clash', 'not applicable', seen='cannot be told')
    verdict(lib.c_program(work, 'static', [*HARD, '-static']), 'fortify', 'not applicable', seen='static')


@case('cf-protection: with, without, and taken away by one object', needs=['gcc'])
def cf_protection(work):
    if os.uname().machine != 'x86_64':
        raise lib.Skip('x86-64 alone')
    # Without libc's startup files, which lack it on some systems.
    flags = ['-shared', '-fPIC', '-nostdlib', '-nostartfiles']
    source = 'int f(int (*g)(int)) { return g(1); }\n'
    verdict(lib.c_program(work, 'with.so', [*flags, '-fcf-protection=full'], source=source), 'cf-protection', 'good')
    verdict(lib.c_program(work, 'half.so', [*flags, '-fcf-protection=branch'], source=source), 'cf-protection', 'advice', seen='not both')
    verdict(lib.c_program(work, 'none.so', [*flags, '-fcf-protection=none'], source=source), 'cf-protection', 'advice', advice='-fcf-protection=full')
    lib.write('other.s', '.globl h\nh: ret\n.section .note.GNU-stack,"",@progbits\n')
    taken = lib.c_program(work, 'taken.so', [*flags, '-fcf-protection=full', os.path.join(work, 'other.s')], source=source)
    verdict(taken, 'cf-protection', 'advice', seen='though all that gcc compiled', advice='cet-report')


@case('hardening-check says the same of the same files', needs=['gcc', 'hardening-check', 'strip'])
def same_as_hardening_check(work):
    names = {'Position Independent Executable': 'pie', 'Stack protected': 'stack-protector', 'Fortify Source functions': 'fortify',
             'Read-only relocations': 'relro', 'Immediate binding': 'bind-now'}
    builds = [('hard', [*HARD, '-pie', '-fPIE', '-Wl,-z,relro,-z,now'], BUFFERS), ('soft', [*SOFT, '-no-pie', '-Wl,-z,norelro,-z,lazy'], BUFFERS),
              ('mixed', [*SOFT, '-fstack-protector-strong', '-Wl,-z,relro,-z,lazy'], BUFFERS), ('plain', ['-O2'], lib.C_SOURCE)]
    for name, flags, source in builds:
        prog = lib.c_program(work, name, flags, source=source)
        run('strip', '-g', prog)  # it knows nothing of flags in debug information
        theirs = dict(re.findall(r'^ (.*?): (\w+)', run('hardening-check', '--nocolor', prog, status=None).text, re.M))
        ours = {f['rule']: f['verdict'] for f in audit(prog)[prog]['findings']}
        for their, rule in names.items():
            expected = {'yes': ('good',), 'no': ('bad', 'advice'), 'unknown': ('not applicable',)}[theirs[their]]
            expect(ours[rule] in expected, f'{name}: {rule} is {ours[rule]}, and hardening-check says {theirs[their]}')


@case('paths: in strings, in debug information, and mapped away', needs=['gcc'])
def paths(work):
    source = '#include <assert.h>\nint main(int c, char **v) { assert(v); return c; }\n'
    folder = os.path.join(work, 'src')
    path = lib.write(os.path.join(folder, 'p.c'), source)
    run('gcc', '-g', f'-ffile-prefix-map={folder}=/home/ann/src', '-o', 'home', path)
    verdict('home', 'paths', 'bad', seen='in strings.*in debug information.*/home/ann/src/p.c', advice='-ffile-prefix-map')
    run('gcc', '-g', '-o', 'build', path)
    verdict('build', 'paths', 'advice', seen=f'build folder.*{work}', advice='-ffile-prefix-map')
    run('gcc', '-g', f'-fmacro-prefix-map={folder}/=', '-o', 'debug', path)
    verdict('debug', 'paths', 'advice', seen='^[^,]* in debug information', advice='dbgsplit')
    run('gcc', '-g0', f'-ffile-prefix-map={folder}/=', '-o', 'fine', path)
    verdict('fine', 'paths', 'good')


@case('C++ and Rust: told apart, and advised in their own flags', needs=['g++', 'rustc'])
def languages(work):
    cxx = lib.cxx_program(work, 'cxx')
    equal(audit(cxx)[cxx]['language'], 'c++')
    lib.write('r.rs', 'fn main() { println!("{}", std::env::args().count()); }\n')
    run('rustc', '-o', 'rust', 'r.rs')
    equal(audit('rust')['rust']['language'], 'rust')
    verdict('rust', 'pie', 'good')
    verdict('rust', 'stack-protector', 'not applicable', seen='Rust')
    run('rustc', '-C', 'relocation-model=static', '-o', 'fixed', 'r.rs')
    verdict('fixed', 'pie', 'bad', advice='-C relocation-model')
    told = 'rustc version' in run('readelf', '-p', '.comment', 'rust').text  # as newer ones say
    run('strip', 'rust', cxx)
    equal(audit('rust')['rust']['language'], 'rust' if told else 'other')
    equal(audit(cxx)[cxx]['language'], 'c++')


@case('nx-stack: with and without an executable stack', needs=['gcc'])
def nx_stack(work):
    verdict(lib.c_program(work, 'fine'), 'nx-stack', 'good')
    verdict(lib.c_program(work, 'bad', ['-Wl,-z,execstack']), 'nx-stack', 'bad', advice='noexecstack')


@case('a table of a line a rule; --fail-on is status 3, trouble is status 1', needs=['gcc'])
def table(work):
    fine, bad = lib.c_program(work, 'fine'), lib.c_program(work, 'bad', ['-Wl,-z,execstack'])
    text = dbgcheck('--rule=nx-stack', fine, bad).text
    matches(r'^  nx-stack +good    PT_GNU_STACK is not executable$', text)
    matches(r'^  nx-stack +bad     PT_GNU_STACK is executable -> link with', text)
    matches(r'^2 files: 1 good, 0 advice, 1 bad$', text)
    dbgcheck('--rule=nx-stack', '--fail-on=bad', fine)
    dbgcheck('--rule=nx-stack', '--fail-on=bad', bad, status=3)
    dbgcheck('--rule=nx-stack', '--fail-on=advice', bad, status=3)
    dbgcheck('--rule=pie', '--rule=nx-stack', '--ignore=nx-stack', '--fail-on=bad', bad)
    equal(dbgcheck('-q', '--rule=nx-stack', '--fail-on=bad', bad, status=3).text, '', '-q')
    done = dbgcheck('--fail-on=bad', '--rule=nx-stack', bad, 'missing', status=1)
    matches('^dbgcheck: missing: cannot be read: No such file', done.errors)
    matches('nx-stack +bad', done.text)
    matches('no-such-rule: no such rule', dbgcheck('--rule=no-such-rule', fine, status=2).errors)
    matches('expected bad or advice', dbgcheck('--fail-on=good', fine, status=2).errors)


def sarif_wrong(document):
    """What the structure of SARIF 2.1.0 (its sections 3.13 to 3.58) demands of what we use of it, and is not so."""
    def hold(condition, what):
        if not condition:
            wrong.append(what)
    wrong = []
    hold(document['version'] == '2.1.0' and document['$schema'].endswith('sarif-schema-2.1.0.json'), 'version')
    hold(set(document) == {'version', '$schema', 'runs'} and len(document['runs']) == 1, 'document')
    run_ = document['runs'][0]
    hold(set(run_) == {'tool', 'invocations', 'columnKind', 'results'}, f'run: {set(run_)}')
    driver = run_['tool']['driver']
    hold(driver['name'] == 'dbgcheck' and re.fullmatch(r'\d+\.\d+\.\d+', driver['version']), 'driver')
    for rule in driver['rules']:
        hold(set(rule) == {'id', 'shortDescription', 'help'}, f'rule: {rule}')
        hold(all(isinstance(rule[key]['text'], str) for key in ('shortDescription', 'help')), f'rule: {rule}')
    notes = run_['invocations'][0]['toolExecutionNotifications']
    hold(run_['invocations'][0]['executionSuccessful'] is (not notes), 'executionSuccessful')
    hold(run_['columnKind'] == 'utf16CodeUnits', 'columnKind')
    for result in run_['results'] + notes:
        hold(result['level'] in ('error', 'warning'), f'level: {result}')
        hold(isinstance(result['message']['text'], str) and result['message']['text'], f'message: {result}')
        for location in result['locations']:
            place = location['physicalLocation']
            hold(re.fullmatch(r"(file:///)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place['artifactLocation']['uri']), f'uri: {place}')
            hold(place['region']['startLine'] == 1, f'region: {place}')
    for result in run_['results']:
        hold(driver['rules'][result['ruleIndex']]['id'] == result['ruleId'], f'ruleIndex: {result}')
        hold(re.fullmatch('[0-9a-f]{64}', result['partialFingerprints']['ruleAndPath/v1']), f'fingerprint: {result}')
    return wrong


@case('--sarif: the structure of SARIF 2.1.0, a result for what is bad and for advice', needs=['gcc'])
def sarif(work):
    bad = lib.c_program(work, 'a b\xe4', ['-Wl,-z,execstack,-z,lazy', '-fPIE', '-pie'])
    document = json.loads(dbgcheck('--sarif', bad, './' + os.path.basename(bad)).text)
    equal(sarif_wrong(document), [], 'structure')
    results = {r['ruleId']: r for r in document['runs'][0]['results']}
    expected = {f['rule']: f for f in audit(bad)[bad]['findings'] if f['verdict'] in ('bad', 'advice')}
    equal(set(results), set(expected), 'rules with results')
    equal(results['nx-stack']['level'], 'error')
    equal(results['bind-now']['level'], 'warning')
    equal(results['nx-stack']['locations'][0]['physicalLocation']['artifactLocation']['uri'], f'file://{work}/a%20b%C3%A4')
    expect(expected['nx-stack']['seen'] in results['nx-stack']['message']['text'], results['nx-stack'])
    one = json.loads(dbgcheck('--sarif', '--rule=nx-stack', '--fail-on=bad', './a b\xe4', status=3).text)
    equal(one['runs'][0]['results'][0]['locations'][0]['physicalLocation']['artifactLocation']['uri'], 'a%20b%C3%A4')
    lib.write('text', 'no ELF file')
    failed = json.loads(dbgcheck('--sarif', '--rule=pie', bad, 'text', status=1).text)
    equal(sarif_wrong(failed), [], 'structure')
    equal(failed['runs'][0]['results'], [], 'results')
    equal(failed['runs'][0]['invocations'][0]['executionSuccessful'], False)
    dbgcheck('--sarif', '--json', bad, status=2)


@case('a tree: each file once, debug files and objects passed over, scripts not met', needs=['gcc', 'objcopy'])
def tree(work):
    root = os.path.join(work, 'root')
    prog = lib.c_program(os.path.join(root, 'bin'))
    os.link(prog, os.path.join(root, 'bin', 'same'))
    run('objcopy', '--only-keep-debug', prog, os.path.join(root, 'prog.debug'))
    run('gcc', '-c', '-o', os.path.join(root, 'prog.o'), prog + '.c')
    lib.write(os.path.join(root, 'cut'), b'\x7fELF\2\1\1')
    lines = audit(root, status=1)
    statuses = {os.path.relpath(path, root): line['status'] for path, line in lines.items()}
    equal(statuses, {'bin/prog': 'audited', 'prog.debug': 'skipped', 'prog.o': 'skipped', 'cut': 'failed'})
    equal(lines[prog]['build_id'], lib.build_id(prog))
    equal(lines[prog]['language'], 'other')
    expect(lines[prog]['findings'], 'no findings')
    matches('passed over: a separate debug file', dbgcheck('-v', root, status=1).text)
    for i in range(20):
        lib.write(os.path.join(root, 'many', f'{i:02}'), lib.read(prog))
    one = dbgcheck('-j1', '--json', root, status=1).text
    equal(dbgcheck('-j8', '--json', root, status=1).text, one, 'what is said with one thread and with eight')
    equal(one.count('"audited"'), 21, 'files')


@case('the manual page has every rule, in the order of the findings', needs=['gcc', 'mandoc'])
def manual(work):
    prog = lib.c_program(work)
    names = [f['rule'] for f in audit(prog)[prog]['findings']]
    page = lib.read(os.path.join(lib.TOP, 'man', 'dbgcheck.1')).decode()
    rules = page.split('.Sh RULES\n')[1].split('\n.Sh ')[0]
    equal([line.split()[2] for line in rules.splitlines() if line.startswith('.It Cm ')], names)


lib.main()
