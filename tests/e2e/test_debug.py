#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: split, store, serve, and debug the stripped binary with real clients, build trees gone."""
import os
import re

import lib
from lib import case, matches, run

GDB = ['gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-iex', 'set confirm off']


def gdb(server, work, binary, *commands):
    args = []
    for command in commands:
        args += ['-ex', command]
    done = run(*GDB, *args, binary, env=server.client_env(work), status=None)
    return done.text + done.errors


def split_and_forget(work, tree, binary):
    """Split a binary built in `tree` into a store, with its sources, move it out and the tree away."""
    store = lib.new_store(work)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', binary)
    stripped = os.path.join(work, os.path.basename(binary) + '.released')
    os.rename(binary, stripped)
    os.rename(tree, os.path.join(work, 'gone'))
    return store, stripped


@case('gdb: breakpoint, backtrace, list and locals of a stripped C++ program', needs=['gdb', 'g++'])
def gdb_cxx(work):
    tree = os.path.join(work, 'tree')
    store, stripped = split_and_forget(work, tree, lib.cxx_program(tree))
    with lib.Server(store) as server:
        out = gdb(server, work, stripped, 'break measure', 'run', 'next', 'next', 'next', 'backtrace', 'info locals',
                  'list 7,9', 'finish')
    matches(r'Breakpoint 1, measure \(words=.*\) at prog\.cc:7', out)
    matches(r'#0  measure \(words=.*at prog\.cc:\d+', out)
    matches(r'#1  .* in main \(\) at prog\.cc:16', out)
    matches(r'^total = 5', out)
    matches(r'^8\s+for \(const auto &word : words\)', out)
    matches(r'Value returned is \$1 = 13', out)


@case('gdb: breakpoint in a dependency, backtrace, list and locals of a stripped Go program', needs=['gdb', 'go'])
def gdb_go(work):
    tree = os.path.join(work, 'tree')
    store, stripped = split_and_forget(work, tree, lib.go_program(tree, flags=['-gcflags=all=-N -l']))
    with lib.Server(store) as server:
        out = gdb(server, work, stripped, 'break greeting.go:8', 'run', 'backtrace', 'info locals', 'list', 'frame 1', 'list', 'list fmt.Println')
    matches(r'Breakpoint 1, example\.com/greeting\.For \(.*\) at .*/greeting/greeting\.go:8', out)
    matches(r'#1  .* in main\.main \(\) at .*/app/main\.go:10', out)
    matches(r'^7\s+upper := strings\.ToUpper\(name\)', out)
    matches(r'^upper = .*"DBGVAULT"', out)
    matches(r'^10\s+text := greeting\.For\("dbgvault"\)', out)
    matches(r'func Println\(a \.\.\.any\)', out, 'standard library source')


@case('gdb: lines of main module, dependency and standard library of a -trimpath Go program; --original, --debug-names=keep',
      needs=['gdb', 'go', 'readelf'])
def gdb_trimmed(work):
    check_trimmed(work)


for _release in ('1.21.13', '1.24.13'):
    @case(f'gdb: the same of Go {_release}, with DWARF 4', needs=['gdb', 'go', 'readelf'], long=True)
    def gdb_trimmed_old(work, release=_release):
        check_trimmed(work, lib.go_toolchain(release))


def check_trimmed(work, toolchain=None):
    work = os.path.realpath(work)
    binary, env = lib.go_trimmed(work, flags=['-gcflags=all=-N -l'], toolchain=toolchain)
    app = os.path.join(work, 'app')
    store, untouched = lib.new_store(work), lib.new_store(work, 'untouched')
    run('cp', binary, 'kept')
    lib.dbgsplit(f'--store={untouched}', '--debug-names=keep', os.path.abspath('kept'), cwd=app, env=env)
    lib.dbgsplit(f'--store={store}', binary, cwd=app, env=env)
    build_id = lib.build_id(binary)
    for gone in ('app', 'cache'):
        os.rename(os.path.join(work, gone), os.path.join(work, gone + '.gone'))
    with lib.Server(store) as server:
        out = gdb(server, work, binary, 'break loud.go:5', 'run', 'list', 'frame 1', 'list', 'list fmt.Println', 'list runtime.main')
    matches(r'Breakpoint 1, example\.com/Loud\.Say \(.*\) at .*/Loud@v1\.2\.0-RC1/loud\.go:5', out)
    matches(r'^5\s+louder := word \+ "!"', out, 'dependency')
    matches(r'^10\s+text := loud\.Say\("dbgvault"\)', out, 'main module')
    matches(r'func Println\(a \.\.\.any\)', out, 'standard library')
    matches(r'The main goroutine', out, 'runtime')

    def get(place, *args):
        return lib.dbgstore('get', f'--store={place}', build_id, 'debuginfo', *args).out
    kept = get(untouched)
    changed = get(store)
    lib.expect(changed != kept, 'names were changed')
    lines = run('readelf', '--debug-dump=rawline', lib.write('changed.debug', changed)).text
    lib.expect(re.search(r'^  \d+\t/fmt$', lines, re.M) and not re.search(r'^  \d+\t[^/.\s]+$', lines, re.M),
               'a folder is not absolute')

    def addresses(name):  # of every line of every unit, by where .debug_info says that its table is
        text = run('readelf', '--debug-dump=decodedline', name).text.replace(name, 'NAME')
        return re.sub(r'(?<!\S)/', '', text)
    lib.equal(addresses('changed.debug'), addresses(lib.write('kept.debug', kept)), 'lines')
    lib.equal(get(store, '--original'), kept, '--original')
    lib.equal(get(untouched, '--original'), kept, '--original of what was kept')
    with lib.Server(untouched) as server:
        out = gdb(server, os.path.join(work, 'other'), './kept', 'list fmt.Println')  # a cache of its own
    matches('Downloading separate debug info for .*kept', out)
    lib.expect('func Println' not in out, f'without the change gdb asks for no source: {out}')


@case('gdb: lines of C programs whose compilation folder is "." (-ffile-prefix-map), DWARF 4 and 5; --original, --debug-names=keep',
      needs=['gdb', 'gcc', 'readelf'])
def gdb_prefix_map(work):
    work = os.path.realpath(work)
    tree = os.path.join(work, 'tree')
    for flag in ('-gdwarf-5', '-gdwarf-4'):
        lib.write(f'{tree}/src/twice.c', 'int twice(int number)\n{\n\tint doubled = 2 * number;\n\treturn doubled;\n}\n')
        lib.write(f'{tree}/main.c', 'int twice(int);\nint main(int argc, char **argv)\n{\n\t(void)argv;\n\treturn twice(argc) != 2;\n}\n')
        run('gcc', flag, f'-ffile-prefix-map={tree}=.', '-Wl,--build-id=sha1', '-o', f'{work}/prog{flag}', 'main.c', 'src/twice.c', cwd=tree)
        store, untouched = lib.new_store(work, f'store{flag}'), lib.new_store(work, f'untouched{flag}')
        binary = f'{work}/prog{flag}'
        build_id = lib.build_id(binary)
        run('cp', binary, f'{work}/kept{flag}')
        lib.dbgsplit(f'--store={untouched}', '--debug-names=keep', f'--source-root={tree}', f'{work}/kept{flag}')
        lib.dbgsplit(f'--store={store}', f'--source-root={tree}', binary)
        os.rename(tree, f'{work}/gone{flag}')
        with lib.Server(store) as server:
            out = gdb(server, f'{work}/client{flag}', binary, 'break twice', 'run', 'list', 'frame 1', 'list')
        matches(r'^3\s+int doubled = 2 \* number;', out, f'{flag}: a file in a folder')
        matches(r'^5\s+return twice\(argc\) != 2;', out, f'{flag}: a file')
        kept = lib.dbgstore('get', f'--store={untouched}', build_id, 'debuginfo').out
        changed = lib.dbgstore('get', f'--store={store}', build_id, 'debuginfo').out
        lib.expect(changed != kept, f'{flag}: names were changed')
        matches(r'DW_AT_comp_dir .*: /$', run('readelf', '--debug-dump=info', lib.write('changed.debug', changed)).text)
        lib.equal(lib.dbgstore('get', f'--store={store}', build_id, 'debuginfo', '--original').out, kept, f'{flag}: --original')
        with lib.Server(untouched) as server:
            out = gdb(server, f'{work}/other{flag}', f'{work}/kept{flag}', 'break twice', 'run', 'list')
        matches(r'Breakpoint 1, twice \(number=1\) at src/twice.c:3', out, f'{flag}: lines without the change')
        lib.expect('int doubled = 2' not in out, f'{flag}: without the change gdb asks for no source: {out}')


def dlv(server, work, binary, *commands, options=()):
    """What Delve prints, without colours. One that knows this Go too little skips the case."""
    script = lib.write(os.path.join(work, 'commands'), '\n'.join(commands) + '\nexit\n')
    done = run('dlv', 'exec', *options, '--allow-non-terminal-interactive', '--init', script, binary, env=server.client_env(work), status=None)
    if done.status and re.search('too (new|old) for this version', done.text + done.errors):
        raise lib.Skip((done.text + done.errors).strip().replace('\n', ' '))
    lib.equal(done.status, 0, done.text + done.errors)
    return re.sub(r'\x1b\[\d*m', '', done.text)


@case('dlv exec: lines and sources of a Go program, as built and with -trimpath, by DEBUGINFOD_URLS alone',
      needs=['dlv', 'go', 'debuginfod-find'])
def dlv_exec(work):
    work = os.path.realpath(work)
    release = matches(r'^Version: (\d+)\.(\d+)', run('dlv', 'version').text)
    if tuple(map(int, release.groups())) < (1, 22):
        raise lib.Skip('Delve before 1.22 asks no server for sources')
    store = lib.new_store(work)
    tree = os.path.join(work, 'tree')
    plain = lib.go_program(tree, flags=['-gcflags=all=-N -l'])
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', plain)
    trimmed, env = lib.go_trimmed(work, flags=['-gcflags=all=-N -l'])
    lib.dbgsplit(f'--store={store}', trimmed, cwd=os.path.join(work, 'app'), env=env)
    os.rename(plain, os.path.join(work, 'plain'))
    for gone in ('app', 'cache', 'tree'):
        os.rename(os.path.join(work, gone), os.path.join(work, gone + '.gone'))
    with lib.Server(store) as server:
        out = dlv(server, work, './plain', 'break greeting.go:8', 'continue', 'print upper', 'frame 1 list', 'list fmt.Println')
        matches(r'^=>\s+8:\s+return "HELLO " \+ upper', out, 'dependency')
        matches(r'^"DBGVAULT"', out, 'a variable')
        matches(r'^=>\s+10:\s+text := greeting\.For\("dbgvault"\)', out, 'main module')
        matches(r'func Println\(a \.\.\.any\)', out, 'standard library')
        out = dlv(server, work, trimmed, 'break example.com/Loud.Say', 'continue', 'next', 'next', 'print louder', 'stack',
                  'frame 1 list', 'list fmt.Println')
        matches(r'^> .*example\.com/Loud\.Say\(\) /example\.com/Loud@v1\.2\.0-RC1/loud\.go:6 ', out)
        matches(r'^=>\s+6:\s+return louder', out, 'dependency')
        matches(r'^"dbgvault!"', out, 'a variable')
        matches(r'^   at /runtime/proc\.go:\d+', out, 'stack')
        matches(r'^=>\s+10:\s+text := loud\.Say\("dbgvault"\)', out, 'main module')
        matches(r'func Println\(a \.\.\.any\)', out, 'standard library')


@case('dlv exec: the same of Go 1.24 with -trimpath, with DWARF 4', needs=['dlv', 'go', 'debuginfod-find'], long=True)
def dlv_exec_old(work):
    work = os.path.realpath(work)
    trimmed, env = lib.go_trimmed(work, flags=['-gcflags=all=-N -l'], toolchain=lib.go_toolchain('1.24.13'))
    store = lib.new_store(work)
    lib.dbgsplit(f'--store={store}', trimmed, cwd=os.path.join(work, 'app'), env=env)
    for gone in ('app', 'cache'):
        os.rename(os.path.join(work, gone), os.path.join(work, gone + '.gone'))
    with lib.Server(store) as server:
        out = dlv(server, work, trimmed, 'break example.com/Loud.Say', 'continue', 'next', 'frame 1 list', 'list fmt.Println',
                  options=['--check-go-version=false'])
    matches(r'^> .*example\.com/Loud\.Say\(\) /example\.com/Loud@v1\.2\.0-RC1/loud\.go:5 ', out)
    matches(r'^=>\s+10:\s+text := loud\.Say\("dbgvault"\)', out, 'main module')
    matches(r'func Println\(a \.\.\.any\)', out, 'standard library')


@case('debuginfod-find: debuginfo, executable, source and section', needs=['debuginfod-find', 'g++', 'objcopy'])
def find_kinds(work):
    tree = os.path.join(work, 'tree')
    binary = lib.cxx_program(tree)
    source = lib.read(os.path.join(tree, 'prog.cc'))
    build_id = lib.build_id(binary)
    run('objcopy', '--dump-section', f'.debug_line={work}/line', binary, '/dev/null')
    run('objcopy', '--dump-section', f'.text={work}/text', binary, '/dev/null')
    store, stripped = split_and_forget(work, tree, binary)
    with lib.Server(store) as server:
        env = server.client_env(work)

        def find(*args):
            return run('debuginfod-find', *args, env=env).text.strip()
        debug = find('debuginfo', build_id)
        lib.equal(lib.read(debug), lib.dbgstore('get', f'--store={store}', build_id, 'debuginfo').out, 'debuginfo')
        matches(r'\.debug_info +PROGBITS', run('readelf', '-SW', debug).text)
        lib.equal(lib.read(find('executable', build_id)), lib.read(stripped), 'executable')
        lib.equal(lib.read(find('source', build_id, os.path.join(tree, 'prog.cc'))), source, 'source')
        lib.equal(lib.read(find('section', build_id, '.debug_line')), lib.read('line'), 'section .debug_line')
        lib.equal(lib.read(find('section', build_id, '.text')), lib.read('text'), 'section .text')
        # By file name, and what is not there.
        lib.equal(find('debuginfo', stripped), debug, 'debuginfo by file')
        run('debuginfod-find', 'debuginfo', 'ab' * 20, env=env, status=1)
        run('debuginfod-find', 'source', build_id, '/etc/hostname', env=env, status=1)
    log = server.log()  # ended, so all of it is written
    matches(r'kind=debuginfo id=%s.* status=200' % build_id, log, 'log')
    matches(r'kind=source id=%s.* status=404' % build_id, log, 'log')


@case('gdb: a shared library of a stripped program', needs=['gdb', 'gcc'])
def gdb_library(work):
    tree = os.path.join(work, 'tree')
    os.makedirs(tree)
    lib.write(os.path.join(tree, 'part.c'), 'int thrice(int number)\n{\n\treturn 3 * number;\n}\n')
    lib.write(os.path.join(tree, 'main.c'), 'int thrice(int);\nint main(void)\n{\n\treturn thrice(7) != 21;\n}\n')
    run('gcc', '-g', '-shared', '-fPIC', '-Wl,--build-id', '-o', 'libpart.so', os.path.join(tree, 'part.c'))
    run('gcc', '-g', '-Wl,--build-id', '-o', 'main', os.path.join(tree, 'main.c'), '-L.', '-lpart', f'-Wl,-rpath,{work}')
    store = lib.new_store(work)
    lib.dbgsplit(f'--store={store}', f'--source-root={tree}', 'libpart.so', 'main')
    os.rename(tree, os.path.join(work, 'gone'))
    run('./main')
    with lib.Server(store) as server:
        out = gdb(server, work, './main', 'set breakpoint pending on', 'break thrice', 'run', 'backtrace', 'list')
    matches(r'#0  thrice \(number=7\) at .*/part\.c:3', out)
    matches(r'#1  .* in main \(\) at .*/main\.c:4', out)
    matches(r'^3\s+return 3 \* number;', out)


@case('eu-addr2line: lines of a stripped C program', needs=['eu-addr2line', 'gcc'])
def addr2line(work):
    tree = os.path.join(work, 'tree')
    binary = lib.c_program(tree)
    address = next(line.split()[0] for line in run('nm', binary).text.splitlines() if line.endswith(' t twice'))
    store, stripped = split_and_forget(work, tree, binary)
    with lib.Server(store) as server:
        out = run('eu-addr2line', '-f', '-e', stripped, '0x' + address, env=server.client_env(work)).text
    lib.expect(re.search(r'twice\n.*/tree/prog\.c:3', out), f'eu-addr2line: {out}')


lib.main()
