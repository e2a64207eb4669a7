# SPDX-License-Identifier: Apache-2.0
"""Programs that crash, and the core files they leave."""
import os
import shutil

import lib
from lib import run

CXX_CRASH = '''#include <cstdlib>
#include <string>
#include <vector>

static size_t count(const std::vector<std::string> &words)
{
	size_t total = words.size();
	if (total == 3)
		abort();
	return total;
}

int main()
{
	std::vector<std::string> words{ "strip", "and", "store" };
	return (int)count(words);
}
'''

GO_CRASH = '''package main

type node struct {
	value int
	next  *node
}

func depth(list *node) int {
	last := list.next
	println("last of", list.value)
	return last.value
}

func main() {
	list := node{value: 42}
	println(depth(&list))
}
'''


def core_of(work, binary):
    """Let the program crash, and give its core file: the kernel's where it leaves one in the working folder (core(5)),
    else one that gdb writes when the signal comes."""
    folder = os.path.join(work, 'crash')
    os.makedirs(folder)
    env = lib.clean_env(GOTRACEBACK='crash')
    with open('/proc/sys/kernel/core_pattern', encoding='utf-8') as f:
        pattern = f.read().strip()
    if not pattern.startswith(('|', '/')):
        run('sh', '-c', 'ulimit -c unlimited && exec "$0"', binary, cwd=folder, env=env, status=None)
        cores = os.listdir(folder)
        if cores:
            return os.path.join(folder, cores[0])
    if not shutil.which('gdb'):
        raise lib.Skip(f'no core file: core_pattern is {pattern!r}, and gdb is not installed')
    path = os.path.join(folder, 'core')
    run('gdb', '-q', '-nx', '-batch', '-ex', 'handle SIGSEGV nostop noprint pass', '-ex', 'run', '-ex', f'generate-core-file {path}',
        binary, cwd=folder, env=env, status=None)
    if not os.path.exists(path):
        raise lib.Skip(f'no core file: core_pattern is {pattern!r}, and gdb could not write one')
    return path


def needs_own_build_id():
    if lib.go_release() < (1, 24):
        raise lib.Skip('Go 1.24 or newer is needed: older ones write no GNU build ID of their own')


def cxx_crash(work):
    return lib.c_program(os.path.join(work, 'tree'), 'crash', ('-O0',), 'g++', CXX_CRASH, '.cc')


def go_crash(work, *flags):
    """With a build ID of its own from Go 1.24 on, outside PT_NOTE; older ones have none."""
    tree = os.path.join(work, 'tree')
    lib.write(os.path.join(tree, 'main.go'), GO_CRASH)
    lib.write(os.path.join(tree, 'go.mod'), 'module example.com/crash\n\ngo 1.21\n')
    run('go', 'build', '-gcflags=-N -l', *flags, '-o', 'crash', '.', cwd=tree, env=lib.go_env())
    return os.path.join(tree, 'crash')
