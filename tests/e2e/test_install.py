#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` puts where, what the programs are linked with, and that README's commands are true."""
import os
import re
import subprocess

import lib
from lib import case, equal, expect, matches, run

ALLOWED = {'libelf.so.1', 'libzstd.so.1', 'libz.so.1', 'libdeflate.so.0', 'libcrypto.so.3', 'libsqlite3.so.0',
           'libjansson.so.4', 'libc.so.6', 'ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1'}
SANITIZERS = {'libasan.so.8', 'libubsan.so.1', 'libm.so.6', 'libgcc_s.so.1'}


def needed(path):
    return set(re.findall(r'\(NEEDED\).*\[(.*?)\]', run('readelf', '-dW', path).text))


@case('meson install: programs, manual pages and completions by the FHS', needs=['meson', 'mandoc'])
def install(work):
    run('meson', 'install', '-C', lib.BUILD, '--no-rebuild', '--destdir', work)
    found = {os.path.relpath(os.path.join(d, f), work) for d, _, fs in os.walk(work) for f in fs}
    prefix = 'usr/local'
    for program in ('dbgcheck', 'dbgsplit', 'dbgstore', 'dbgserve'):
        for path in (f'bin/{program}', f'share/man/man1/{program}.1', f'share/bash-completion/completions/{program}'):
            expect(f'{prefix}/{path}' in found or f'{prefix}/{path}.gz' in found, f'{path} is not installed: {sorted(found)}')
        lint = run('mandoc', '-T', 'lint', '-W', 'warning', f'{prefix}/share/man/man1/{program}.1', status=None)
        equal(lint.text, '', f'mandoc on {program}.1')
    expect(not [f for f in found if f.endswith(('.a', '.h', '.o'))], 'libraries or headers are installed')


@case('dbgsplit needs what the design lists and no more', needs=['readelf'])
def linked(work):
    extra = needed(lib.DBGSPLIT) - ALLOWED - SANITIZERS
    equal(extra, set(), 'libraries of dbgsplit')


@case('--help and --version on stdout, an unknown option on stderr with exit status 2')
def help_and_version(work):
    for program in (lib.DBGCHECK, lib.DBGSPLIT, lib.DBGSTORE, lib.DBGSERVE):
        name = os.path.basename(program)
        done = run(program, '--help')
        matches(name, done.text)
        equal(done.errors, '', f'stderr of {name} --help')
        matches(rf'^{name} .*\d+\.\d+\.\d+', run(program, '--version').text)
        done = run(program, '--no-such-option', status=2)
        equal(done.text, '', f'stdout of {name} --no-such-option')
        matches('no-such-option', done.errors)


@case('every option in --help stands in the manual page', needs=['mandoc'])
def options_documented(work):
    for program in (lib.DBGCHECK, lib.DBGSPLIT, lib.DBGSTORE, lib.DBGSERVE):
        name = os.path.basename(program)
        page = run('mandoc', '-T', 'utf8', os.path.join(lib.TOP, 'man', f'{name}.1')).text
        page = re.sub(r'.\x08', '', page).replace('‐', '-').replace('−', '-')
        options = set(re.findall(r'(--[a-z][a-z-]+)', run(program, '--help').text))
        missing = sorted(o for o in options if o not in page)
        equal(missing, [], f'options of {name} that its manual page lacks')


def readme_section(title):
    text = lib.read(os.path.join(lib.TOP, 'README.md')).decode()
    return text.split(f'## {title}\n', 1)[1].split('\n## ', 1)[0]


@case('README, "It shows no source": its commands do what it says', needs=['debuginfod-find', 'curl', 'gdb', 'gcc'])
def readme_no_source(work):
    section = readme_section('It shows no source')
    tree = os.path.join(work, 'tree')
    binary = lib.c_program(tree)
    source_path = os.path.join(tree, 'prog.c')
    source = lib.read(source_path)
    build_id = lib.build_id(binary)
    os.rename(binary, 'prog')
    store = lib.new_store(work)

    def filled(command):
        return (command.replace('BUILD-ID', build_id).replace('/path/as/DWARF/has/it.c', source_path)
                .replace('path/as/DWARF/has/it.c', source_path.lstrip('/')))

    with lib.Server(store) as server:
        env = server.client_env(work)
        env['DBGVAULT_STORE'] = store
        env['PATH'] = ':'.join(os.path.dirname(p) for p in (lib.DBGSPLIT, lib.DBGSTORE, lib.DBGSERVE)) + ':' + env['PATH']

        def shell(command, status=0):
            return run('bash', '-c', filled(command), env=env, status=status)
        commands = re.findall(r'^\$ (.*)$', section, re.M)
        equal(len(commands), 4, 'commands in the block')
        # Asked before the build is there: a miss, remembered although the build is added meanwhile.
        shell(commands[0], status=1)
        run(lib.DBGSPLIT, f'--store={store}', f'--source-root={tree}', 'prog', env=env)
        os.rename(tree, 'gone')
        shell(commands[0], status=1)
        clear = matches(r'`(find "\$\{DEBUGINFOD_CACHE_PATH.*?)`', section).group(1)
        shell(clear)
        debug = shell(commands[0])
        matches(r'X-DEBUGINFOD-SIZE|x-debuginfod-size', debug.errors, '-v shows the headers')
        equal(lib.read(shell(commands[1]).text.strip()), source, 'source')
        matches(build_id, shell(commands[2]).text)
        matches(build_id, shell(commands[3]).text)
        listing = matches(r'`(dbgstore info --sources BUILD-ID)`', section).group(1)
        matches(re.escape(source_path), shell(listing).text)
        shell(matches(r'`(curl -fO \$DEBUGINFOD_URLS/buildid/BUILD-ID/debuginfo)`', section).group(1))
        text = run('gdb', '-q', '-nx', '-batch', '-ex', 'symbol-file debuginfo', '-ex', 'info line twice', './prog').text
        matches(r'Line 3 of', text)
        got = subprocess.run(['curl', '-fsS', f'{server.url}/buildid/{build_id}/source{source_path}'], check=True,
                             stdout=subprocess.PIPE).stdout
        equal(got, source, 'source by curl')


lib.main()
