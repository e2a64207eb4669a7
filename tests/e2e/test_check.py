#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgcheck on real binaries, each rule with a binary built for either verdict."""
import json
import os

import lib
import schema
from lib import case, dbgcheck, equal, expect, matches, run


def audit(*args, **kwargs):
    """What --json says: path -> line."""
    lines = [json.loads(line) for line in dbgcheck('--json', *args, **kwargs).text.splitlines()]
    for line in lines:
        schema.hold('check-1', line)
    return {line['path']: line for line in lines}


def finding(path, rule, *args):
    """What a rule says of a file."""
    found = audit(f'--rule={rule}', *args, path)[path]['findings']
    equal([f['rule'] for f in found], [rule], 'rules')
    return found[0]


def verdict(path, rule, wanted, *args, seen=None, advice=None):
    said = finding(path, rule, *args)
    equal(said['verdict'], wanted, f'{rule} on {path}: {said}')
    if seen:
        matches(seen, said['seen'], f'{rule}: seen')
    if advice:
        matches(advice, said.get('advice', ''), f'{rule}: advice')
    equal('advice' in said, wanted in ('advice', 'bad'), f'{rule}: is there advice in {said}')
    return said


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
    dbgcheck('--ignore=nx-stack', '--fail-on=bad', bad)
    equal(dbgcheck('-q', '--rule=nx-stack', '--fail-on=bad', bad, status=3).text, '', '-q')
    done = dbgcheck('--fail-on=bad', '--rule=nx-stack', bad, 'missing', status=1)
    matches('^dbgcheck: missing: cannot be read: No such file', done.errors)
    matches('nx-stack +bad', done.text)
    matches('no-such-rule: no such rule', dbgcheck('--rule=no-such-rule', fine, status=2).errors)
    matches('expected bad or advice', dbgcheck('--fail-on=good', fine, status=2).errors)


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


@case('the manual page has every rule, in the order of the findings', needs=['gcc', 'mandoc'])
def manual(work):
    prog = lib.c_program(work)
    names = [f['rule'] for f in audit(prog)[prog]['findings']]
    page = lib.read(os.path.join(lib.TOP, 'man', 'dbgcheck.1')).decode()
    rules = page.split('.Sh RULES\n')[1].split('\n.Sh ')[0]
    equal([line.split()[2] for line in rules.splitlines() if line.startswith('.It Cm ')], names)


lib.main()
