# SPDX-License-Identifier: Apache-2.0
"""What the tests of dbgcheck share: asking it of a file by one rule, and Go programs made in a moment."""
import json
import os

import lib
import schema
from lib import dbgcheck, equal, matches, run


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


# No import but the runtime: built in a moment, for whatever machine and level.
GO_SMALL = 'package main\n\nvar Version, Other string\n\nfunc main() { println(Version, Other) }\n'
GO_NET = 'package main\n\nimport "net"\n\nfunc main() { println(net.LookupHost("localhost")) }\n'
GO_CGO = '''package main

// #include <string.h>
// static int copy(char *to, const char *from) { strcpy(to, from); return to[0]; }
import "C"

func main() {
	var buffer [8]C.char
	println(C.copy(&buffer[0], C.CString("a")))
}
'''


def go_build(folder, name, *flags, source=GO_SMALL, go='go', **env):
    lib.write(os.path.join(folder, 'go', 'main.go'), source)
    lib.write(os.path.join(folder, 'go', 'go.mod'), 'module example.com/small\n\ngo 1.18\n')
    path = os.path.join(folder, name)
    run(go, 'build', *flags, '-o', path, '.', cwd=os.path.join(folder, 'go'), env=lib.go_env(**env))
    return path
