# SPDX-License-Identifier: Apache-2.0
"""Run test suites of binutils, elfutils and LLVM with dbgsplit in the place of their strip and objcopy.

Each suite is a function of (source folder, work folder, tool) that yields (case, passed, used): `tool` is the path
of dbgsplit, or None for the peer's own, and `used` tells whether a call was one that dbgsplit answers.
"""
import importlib.machinery
import os
import re
import shlex
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
STAND_IN = os.path.join(HERE, 'stand_in')
CASE_SECONDS = 120


def environment(tool, real, log, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('DBGVAULT', 'DEBUGINFOD'))}
    env.update(LC_ALL='C', PYTHONDONTWRITEBYTECODE='1', STAND_IN_REAL=real, STAND_IN_LOG=log, **more)
    if tool:
        env['DBGVAULT_DBGSPLIT'] = tool
    return env


def was_used(log):
    used = os.path.exists(log)
    if used:
        os.unlink(log)
    return used


def succeeds(command, env, cwd):
    """(passed, the end of what it printed)"""
    try:
        done = subprocess.run(command, env=env, cwd=cwd, check=False, stdin=subprocess.DEVNULL, timeout=CASE_SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return False, f'still running after {CASE_SECONDS} s'
    return done.returncode == 0, done.stdout.decode('utf-8', 'replace')[-1500:]


# ---- LLVM: RUN lines ----

LLVM_OURS = re.compile(r'llvm-strip\b|llvm-objcopy\b.*(--strip-(debug|unneeded|all)|--only-keep-debug|\s-[gS]\s)')


def run_lines(path):
    """The shell commands of a test, lines that end in a backslash joined."""
    with open(path, encoding='utf-8', errors='replace') as f:
        text = re.sub(r'\\\n\W*RUN:', ' ', f.read())
    return re.findall(r'RUN:\s*(.*)', text)


def llvm_bin(work):
    """A folder for PATH: the stand-in under both names, FileCheck and what else a test calls by a bare name."""
    folder = os.path.join(work, 'bin')
    os.makedirs(folder, exist_ok=True)
    for name in ('llvm-strip', 'llvm-objcopy'):
        link(STAND_IN, os.path.join(folder, name))
    for name in ('FileCheck', 'not', 'split-file', 'count'):
        for place in ('/usr/lib/llvm-19/bin/', '/usr/lib/llvm-14/bin/'):
            if os.path.exists(place + name):
                link(place + name, os.path.join(folder, name))
                break
    return folder


def link(target, path):
    if not os.path.lexists(path):
        os.symlink(target, path)


def llvm(source, work, tool):
    tests = os.path.join(source, 'llvm/test/tools/llvm-objcopy/ELF')
    folder = llvm_bin(work)
    log = os.path.join(work, 'log')
    for name in sorted(os.listdir(tests)):
        path = os.path.join(tests, name)
        lines = run_lines(path) if name.endswith(('.test', '.s')) else []
        if not any(LLVM_OURS.search(line) for line in lines):
            continue
        place = os.path.join(work, name)
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        values = {'%%': '%', '%s': path, '%t': os.path.join(place, 't'), '%p': tests, '%S': tests, '%T': place,
                  '%/t': os.path.join(place, 't'), '%/s': path,
                  '%python': 'python3', '%errc_ENOENT': "'No such file or directory'",
                  '%errc_EACCES': "'Permission denied'"}
        fill = re.compile('|'.join(sorted(map(re.escape, values), key=len, reverse=True)))
        script = '\n'.join(fill.sub(lambda m: values[m.group()], line) for line in lines)
        env = environment(tool, '/usr/lib/llvm-19/bin/%s', log)
        env['PATH'] = f'{folder}:/usr/lib/llvm-19/bin:{env["PATH"]}'
        passed, said = succeeds(['bash', '-e', '-o', 'pipefail', '-c', script], env, place)
        yield name, passed, was_used(log), said


# ---- elfutils: shell scripts ----

ELFUTILS_TOOLS = ('unstrip', 'readelf', 'elflint', 'elfcmp', 'nm', 'elfcompress', 'ar', 'objdump', 'size', 'strings')

# src/strip and src/strip.o are fixtures as well: a program of C, with debug information.
LAUNCHER = '''#include <unistd.h>
int main(int argc, char **argv)
{
	(void)argc;
	execv(STAND_IN, argv);
	return 127;
}
'''


def elfutils(source, work, tool):
    tests = os.path.join(source, 'tests')
    build = os.path.join(work, 'build')
    src = os.path.join(build, 'src')
    shutil.rmtree(build, ignore_errors=True)
    os.makedirs(os.path.join(src, 'stand-in'))
    for name in ELFUTILS_TOOLS:
        link(shutil.which('eu-' + name) or '/missing', os.path.join(src, name))
    with open(os.path.join(src, 'strip.c'), 'w', encoding='ascii') as f:
        f.write(LAUNCHER)
    link(STAND_IN, os.path.join(src, 'stand-in', 'strip'))
    subprocess.run(['gcc', '-g', '-c', f'-DSTAND_IN="{src}/stand-in/strip"', 'strip.c'], cwd=src, check=True)
    subprocess.run(['gcc', '-g', '-o', 'strip', 'strip.o'], cwd=src, check=True)
    log = os.path.join(work, 'log')
    for name in sorted(os.listdir(tests)):
        if not re.match(r'run-(un)?strip-.*\.sh$', name):
            continue
        place = os.path.join(build, 'tests')
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        env = environment(tool, 'eu-%s', log, srcdir=tests, abs_srcdir=tests, abs_builddir=place,
                          abs_top_builddir=build, top_srcdir=source, CC='gcc')
        script = os.path.join(tests, name)
        passed, said = succeeds(['bash', '-c', f'_testrun() {{ "$@"; }}; export -f _testrun; exec bash {shlex.quote(script)}'],
                          env, place)
        yield name, passed, was_used(log), said


# ---- binutils: DejaGnu ----

BINUTILS_TOOLS = ('as', 'ld', 'nm', 'addr2line', 'size', 'objdump', 'ar', 'strings', 'readelf', 'elfedit', 'ranlib')


def binutils(source, work, tool):
    tests = os.path.join(source, 'binutils/testsuite')
    place = os.path.join(work, 'place')
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    log = os.path.join(work, 'log')
    variables = {name.upper(): shutil.which(name) for name in BINUTILS_TOOLS if shutil.which(name)}
    for name in ('strip', 'objcopy'):
        link(STAND_IN, os.path.join(work, name))
        variables[name.upper()] = os.path.join(work, name)
    machine = subprocess.run(['gcc', '-dumpmachine'], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    machine = machine.replace('-linux', '-pc-linux', 1) if machine.count('-') == 2 else machine
    with open(os.path.join(place, 'site.exp'), 'w', encoding='ascii') as f:
        f.write(f'set srcdir "{tests}"\nset objdir "{place}"\nset base_dir "{place}"\nset tool binutils\n'
                f'set host_triplet {machine}\nset target_triplet {machine}\nset build_triplet {machine}\n'
                f'set experimental false\nset development false\nset CC gcc\nset CFLAGS "-g -O2"\nset CC_FOR_TARGET gcc\nset CFLAGS_FOR_TARGET "-g -O2"\n')
    for expect in ('objcopy.exp', 'compress.exp'):
        subprocess.run(['runtest', '--tool', 'binutils', '--srcdir', tests, *(f'{k}={v}' for k, v in variables.items()),
                        expect], cwd=place, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=environment(tool, '/usr/bin/%s', log))
        with open(os.path.join(place, 'binutils.log'), encoding='utf-8', errors='replace') as f:
            yield from cases_of(f.read())


stand_in = importlib.machinery.SourceFileLoader('stand_in', STAND_IN).load_module()


def is_ours(line):
    found = re.match(r'Executing on host: (?:sh -c \{)?\S*/(strip|objcopy) ([^>(]*)', line)
    return bool(found) and stand_in.is_ours(found.group(1), *stand_in.split(found.group(2).split()))


def cases_of(text):
    """The cases of a DejaGnu log, each behind its commands."""
    since = []
    for line in text.splitlines():
        found = re.match(r'(PASS|FAIL|XFAIL|XPASS|ERROR|UNRESOLVED): (.*)', line)
        if not found:
            since.append(line)
            continue
        yield found.group(2).strip(), found.group(1) in ('PASS', 'XFAIL'), any(map(is_ours, since)), '\n'.join(since)[-1500:]
        since = []
