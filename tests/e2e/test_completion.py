#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bash offers after the programs' names."""
import os

import lib
from lib import case, equal, expect, run

LIBRARY = '/usr/share/bash-completion/bash_completion'
COMPLETION = os.path.join(lib.TOP, 'packaging', 'completion', 'dbgvault.bash')

# As bash calls it: the words, divided at '=' as readline does, and the place of the last one.
SCRIPT = r'''
. "$1"; . "$2"; shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE= COMP_TYPE=9 COMP_KEY=9
for word; do
    if [[ $word == '=' ]]; then COMP_LINE=${COMP_LINE% }=; else COMP_LINE+="$word "; fi
done
COMP_LINE=${COMP_LINE% } COMP_POINT=${#COMP_LINE}
_dbgvault "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
'''


def offered(*words):
    if not os.path.exists(LIBRARY):
        raise lib.Skip('bash-completion not installed')
    path = ':'.join(os.path.dirname(p) for p in (lib.DBGCHECK, lib.DBGSPLIT, lib.DBGSTORE, lib.DBGSERVE))
    env = lib.clean_env(PATH=f'{path}:{os.environ["PATH"]}')
    done = run('bash', '-c', SCRIPT, 'bash', LIBRARY, COMPLETION, *words, env=env)
    return sorted(done.text.split())


@case('dbgstore: commands first, then the options of each', needs=['bash'])
def commands(work):
    commands = offered('dbgstore', '')
    for name in ('init', 'add', 'find', 'verify'):
        expect(name in commands, f'{name} is not in {commands}')
    equal(offered('dbgstore', 'ver'), ['verify'])
    equal(offered('dbgstore', 'init', '--sh'), ['--shared='])
    equal(offered('dbgstore', 'init', '--q'), ['--quiet'])
    equal(offered('dbgstore', 'none-such', '--'), [])


@case('dbgsplit: options, folders after --store=, files as arguments', needs=['bash'])
def options(work):
    options = offered('dbgsplit', '--')
    for name in ('--store=', '--debug-dir=', '--json', '--version'):
        expect(name in options, f'{name} is not in {options}')
    os.makedirs('some-folder')
    lib.write('some-file', '')
    equal(offered('dbgsplit', '--store', '=', 'some'), ['some-folder'])
    equal(offered('dbgsplit', '--debug-file', '=', 'some'), ['some-file', 'some-folder'])
    equal(offered('dbgsplit', '-o', 'some'), ['some-file', 'some-folder'])
    equal(offered('dbgsplit', 'some'), ['some-file', 'some-folder'])


@case('dbgserve: options alone', needs=['bash'])
def server(work):
    lib.write('some-file', '')
    expect('--port=' in offered('dbgserve', '--po'), 'no --port=')
    equal(offered('dbgserve', 'some'), [])
    equal(offered('dbgserve', '--serve-collisions', '=', 'f'), ['first'])


@case('dbgcheck: options, their words, files as arguments', needs=['bash'])
def check(work):
    lib.write('some-file', '')
    equal(offered('dbgcheck', '--fail'), ['--fail-on='])
    equal(offered('dbgcheck', '--fail-on', '=', ''), ['advice', 'bad'])
    equal(offered('dbgcheck', 'some'), ['some-file'])


lib.main()
