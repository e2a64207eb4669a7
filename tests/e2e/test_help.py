#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each program says what it is and what it takes, refuses what it does not know, and has a manual page."""
import os
import re
import shutil
import subprocess

import lib
from lib import case, equal, expect, matches, run

PROGRAMS = {'dbgcheck': lib.DBGCHECK, 'dbgsplit': lib.DBGSPLIT, 'dbgstore': lib.DBGSTORE, 'dbgserve': lib.DBGSERVE}


def store_commands():
    listed = run(lib.DBGSTORE, '--help').text.split('Commands:\n')[1].split('\n\n')[0]
    return re.findall(r'^  ([a-z-]+)', listed, re.M)


def page_path(name):
    return os.path.join(lib.TOP, 'man', f'{name}.1')


for name, path in PROGRAMS.items():
    @case(f'{name}: --help and --version on stdout, status 0')
    def help_and_version(work, name=name, path=path):
        for option in ('--help', '-h'):
            done = run(path, option)
            expect(done.text.startswith(f'Usage: {name} '), f'{name} {option} says {done.text[:80]!r}')
            equal(done.errors, '', 'stderr')
            for line in done.text.splitlines():
                expect(len(line) <= 100, f'{name} {option}: {len(line)} characters: {line}')
        done = run(path, '--version')
        matches(rf'\A{name} \d+\.\d+\.\d+\n\Z', done.text, 'version')
        equal(done.errors, '', 'stderr')

    @case(f'{name}: an unknown option is status 2, a line on stderr, and nothing on stdout')
    def unknown_option(work, name=name, path=path):
        for option in ('--no-such-option', '--no-such=\x1b[2J\n', '-Z'):
            done = run(path, option, status=2)
            equal(done.text, '', 'stdout')
            expect(done.errors.startswith(f'{name}: '), done.errors)
            expect('\x1b' not in done.errors, f'not escaped: {done.errors!r}')
            expect(done.errors.count('\n') <= 2, done.errors)

    @case(f'{name}: help to a full disk is status 1')
    def full_disk(work, path=path):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([path, '--help'], stdout=full, stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 1, 'status')
        expect(done.stderr, 'nothing on stderr')

    @case(f'{name}: the manual page is clean, and names every option', needs=['mandoc'])
    def manual_page(work, name=name, path=path):
        page = page_path(name)
        expect(os.path.exists(page), f'no {page}')
        equal(run('mandoc', '-T', 'lint', '-W', 'warning', page, status=None).text, '', 'mandoc')
        text = run('mandoc', '-T', 'utf8', page).text
        text = re.sub('.\b', '', text)
        helps = [run(path, '--help').text]
        if name == 'dbgstore':
            helps += [run(path, command, '--help').text for command in store_commands()]
        options = set(re.findall(r'^ +(?:-\w, )?(--[a-z][a-z-]*)', '\n'.join(helps), re.M))
        expect(len(options) > 5, f'few options: {options}')
        missing = sorted(o for o in options if not re.search(rf'{o}(?![a-z-])', text))
        equal(missing, [], f'options that {name}.1 lacks')


@case('dbgstore: each command has its own help; an unknown one is status 2')
def commands(work):
    names = store_commands()
    for name in ('init', 'add', 'get', 'find', 'bundle', 'info', 'list', 'verify', 'reindex', 'stats', 'merge', 'rm', 'gc', 'query'):
        expect(name in names, f'no command {name} in {names}')
    for name in names:
        done = run(lib.DBGSTORE, name, '--help')
        expect(done.text.startswith(f'Usage: dbgstore {name} '), done.text[:80])
        done = run(lib.DBGSTORE, name, '--no-such-option', status=2)
        equal(done.text, '', 'stdout')
    done = run(lib.DBGSTORE, 'no-such-command', status=2)
    matches('^dbgstore: "no-such-command": no such command', done.errors)
    run(lib.DBGSTORE, status=2)


@case('dbgsplit and dbgcheck without a file are a wrong use')
def no_file(work):
    for name in ('dbgsplit', 'dbgcheck'):
        done = run(PROGRAMS[name], status=2)
        expect(done.errors.startswith(f'{name}: '), done.errors)


@case('closed standard streams: no message ends up in a file', needs=['gcc'])
def closed_streams(work):
    binary = lib.c_program(work)
    store = lib.new_store(work)
    # The summary has nowhere to go, which is status 1; what was asked for is done all the same.
    for closed, status in (('<&- 2>&-', 0), ('<&- >&- 2>&-', 1)):
        lib.c_program(work)
        run('sh', '-c', f'"$0" "$1" "$2" {closed}', lib.DBGSPLIT, f'--store={store}', binary, status=status)
        run(lib.DBGSTORE, 'verify', f'--store={store}')
        expect('.debug_info' not in lib.section_names(binary), 'it was not split')
        run(binary)


@case('installed: programs, manual pages and completion where they belong', needs=['meson'])
def installed(work):
    run('meson', 'install', '-C', lib.BUILD, '--no-rebuild', '--quiet', env=lib.clean_env(DESTDIR=work))
    found = set()
    for top, _, files in os.walk(work):
        found.update(os.path.relpath(os.path.join(top, f), work) for f in files)
    prefix = re.search(r'^(.*/)bin/dbgstore$', '\n'.join(found), re.M)
    expect(prefix, f'no bin/dbgstore in {sorted(found)}')
    for name in PROGRAMS:
        for path in (f'bin/{name}', f'share/man/man1/{name}.1', f'share/bash-completion/completions/{name}'):
            expect(prefix.group(1) + path in found, f'no {path} in {sorted(found)}')
    # What is installed runs.
    run(os.path.join(work, prefix.group(1), 'bin/dbgstore'), '--version')
    shutil.rmtree(os.path.join(work, prefix.group(1).split('/')[0]))


lib.main()
