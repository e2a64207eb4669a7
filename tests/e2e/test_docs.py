#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/GO.md: what it says to type is typed, and its configuration files do what they are for, as far as that can be here."""
import glob
import os
import re
import shlex
import shutil
import tarfile

import lib
from lib import case, equal, expect, matches, run

try:
    import yaml
except ImportError:
    yaml = None

MAIN = '''package main

import (
	"fmt"
	"os/user"
)

var Version = "unknown"

func main() {
	who, _ := user.Current()
	fmt.Println("hello", Version, who != nil)
}
'''


def blocks():
    """[(language, name, text)] of the page's code blocks."""
    text = lib.read(os.path.join(lib.TOP, 'docs', 'GO.md')).decode()
    return re.findall(r'^```(\w+)(?: +(\S+))?\n(.*?)^```$', text, re.M | re.S)


def named(name):
    text, = [text for _, n, text in blocks() if n == name]
    return text


def parsed(name):
    if not yaml:
        raise lib.Skip('python3-yaml not installed')
    return yaml.safe_load(named(name))


def project(work, name='project'):
    """A program to release, and the environment to do it in; its store is there, and empty."""
    folder = os.path.join(work, name)
    lib.write(os.path.join(folder, 'main.go'), MAIN)
    lib.write(os.path.join(folder, 'go.mod'), 'module example.com/hello\n\ngo 1.18\n')
    store = os.path.join(work, 'debug-store')
    lib.dbgstore('init', store)
    path = ':'.join([os.path.dirname(lib.DBGSPLIT), os.path.dirname(lib.DBGSTORE), os.path.join(lib.BUILD, 'check'), os.environ['PATH']])
    env = lib.go_env(PATH=path, DBGVAULT_STORE=store, HARDENING=os.path.join(lib.TOP, 'packaging', 'hardening'), HOME=work,
                     GOCACHE=run('go', 'env', 'GOCACHE').text.strip())
    return folder, store, env


def shell(text, folder, env):
    return run('sh', '-eu', '-c', text, cwd=folder, env=env)


def check_split(binary, store, version=None):
    """It was split: its symbols are in it, its debug information is in the store."""
    names = lib.section_names(binary)
    expect('.symtab' in names and '.debug_info' not in names, names)
    text = run(lib.DBGSTORE, 'find', f'--store={store}', binary).text
    matches('^[0-9a-f]+  debuginfo,executable,sources  ', text)
    if version:
        matches(rf' hello {re.escape(version)} ', text, 'package and version')


for number, (language, name, text) in enumerate(blocks()):
    if language != 'sh' or name:
        continue
    title = next(line for line in reversed(text.splitlines()) if line)

    @case(f'docs/GO.md, shell block {number}: … {title}', needs=['go', 'gcc'], long=number > 0)
    def typed(work, text=text):
        if 'edit -toolchain' in text and lib.go_release() < (1, 21):
            raise lib.Skip('go mod edit -toolchain came with Go 1.21')
        folder, _, env = project(work)
        if not re.search(r'^go build|go build .*-o hello', text, re.M):
            shell('go build -o hello . && dbgsplit --package=hello hello', folder, env)
        shell(text, folder, env)
        if 'dbgstore query' in text:
            # The program is built with whatever Go is here, and found where that is below what is asked for.
            text, n = re.subn(r'--toolchain-below=\S+', '--toolchain-below=go9.0', text)
            equal(n, 1, 'query')
            matches(r'  go1\.\S+  .*hello', shell(text, folder, env).text, 'what is to be built again')


@case('docs/GO.md: every rule it names is one of dbgcheck', needs=['go'])
def rules(work):
    folder, _, env = project(work)
    shell('go build -o hello .', folder, env)
    known = set(re.findall(r'"rule":"([^"]+)"', run('dbgcheck', '--json', 'hello', cwd=folder, env=env).text))
    text = lib.read(os.path.join(lib.TOP, 'docs', 'GO.md')).decode()
    mentioned = set(re.findall(r'--rule=([a-z-]+)', text))
    table = re.search(r'^\| advice \| rule \|\n\|.*\n((?:\|.*\n)+)', text, re.M).group(1)
    mentioned |= {rule for row in table.splitlines() for rule in re.findall(r'`([a-z-]+)`', row.split('|')[-2])}
    equal(sorted(mentioned - known), [], 'rules that dbgcheck does not have')


@case('docs/GO.md, Makefile: make release', needs=['go', 'make', 'readelf'])
def makefile(work):
    folder, store, env = project(work)
    lib.write(os.path.join(folder, 'Makefile'), named('Makefile'))
    run('make', 'release', 'VERSION=1.2.3', cwd=folder, env=env)
    run('sha256sum', '-c', 'SHA256SUMS', cwd=os.path.join(folder, 'dist'))
    run('tar', '-xf', os.path.join(folder, 'dist', 'hello.tar.gz'))
    check_split('hello', store, '1.2.3')
    matches('^hello 1.2.3 true$', run('./hello').text)
    equal(run('make', '-q', 'dist/hello.tar.gz', 'VERSION=1.2.3', cwd=folder, env=env, status=None).status, 0, 'made again')


def check_archives(folder, store):
    """Each archive's binary is split and in the store; the checksums hold."""
    run('sha256sum', '-c', 'checksums.txt', cwd=folder)
    archives = glob.glob(os.path.join(folder, '*.tar.gz'))
    equal(len(archives), 2, 'archives')
    for number, archive in enumerate(archives):
        with tarfile.open(archive) as tar:
            tar.extract('hello', f'unpacked{number}')
        check_split(f'unpacked{number}/hello', store)


@case('docs/GO.md, goreleaser: its hook and flags, by hand', needs=['go', 'readelf'], long=True)
def goreleaser_hook(work):
    folder, store, env = project(work)
    build, = parsed('.goreleaser.yaml')['builds']
    ldflags = ' '.join(build['ldflags'])
    expect('-s' not in ldflags.split() and '-w' not in ldflags.split(), ldflags)
    values = {'.Version': '1.2.3', '.ProjectName': 'hello', '.Path': 'dist/hello'}

    def filled(text):
        return re.sub(r'\{\{ *(\.\w+) *\}\}', lambda m: values[m.group(1)], text)
    run('go', 'build', *build['flags'], f'-buildmode={build["buildmode"]}', f'-ldflags={filled(ldflags)}', '-o', 'dist/hello', '.',
        cwd=folder, env={**env, **dict(e.split('=') for e in build['env']), 'GOAMD64': build['goamd64'][0]})
    for hook in build['hooks']['post']:
        run(*shlex.split(filled(hook)), cwd=folder, env=env)
    check_split(os.path.join(folder, 'dist', 'hello'), store, '1.2.3')
    run('dbgcheck', '--fail-on=bad', 'dist/hello', cwd=folder, env=env)


@case('docs/GO.md, goreleaser: archives hold the split binaries, and the checksums hold', needs=['go', 'goreleaser', 'git', 'readelf'], long=True)
def goreleaser(work):
    folder, store, env = project(work)
    lib.write(os.path.join(folder, '.goreleaser.yaml'), named('.goreleaser.yaml'))
    lib.write(os.path.join(folder, '.gitignore'), 'dist/\n')
    env = {**env, 'GOFLAGS': '-mod=mod', 'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@example.com',
           'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@example.com'}
    shell('git init -q && git add . && git commit -qm one && git tag v1.2.3 && git remote add origin https://example.com/hello/hello.git',
          folder, env)
    run('goreleaser', 'release', '--clean', '--skip=publish,announce,validate', cwd=folder, env=env, timeout=1800)
    check_archives(os.path.join(folder, 'dist'), store)


@case('docs/GO.md, GitHub Actions: the steps that build and archive', needs=['go', 'readelf'], long=True)
def actions(work):
    folder, store, env = project(work)
    job = parsed('.github/workflows/release.yaml')['jobs']['release']
    shutil.rmtree(store)
    env = {**env, **{k: str(v) for k, v in job['env'].items()}, 'DBGVAULT_STORE': store, 'GITHUB_REF_NAME': 'v1.2.3', 'CI': 'true'}
    steps = {step['name']: step['run'] for step in job['steps'] if 'run' in step}
    equal(sorted(steps), ['archive', 'build and split', 'install dbgvault'], 'steps')
    for name in ('build and split', 'archive'):
        # As GitHub runs them.
        run('bash', '-e', '-o', 'pipefail', '-c', steps[name], cwd=folder, env=env)
    run('sha256sum', '-c', 'SHA256SUMS', cwd=folder)
    run('tar', '-xf', os.path.join(folder, 'hello.tar.gz'))
    server = lib.new_store(work, 'server')
    lib.dbgstore('merge', f'--store={server}', os.path.join(folder, 'debug-store.tar'))
    check_split('hello', server, 'v1.2.3')
    # What comes behind is of the archive that is there by then.
    subjects = [step['with']['subject-path'] for step in job['steps'] if 'attest' in step.get('uses', '')]
    equal(subjects, ['hello.tar.gz'], 'attested')
    for script in re.findall(r'tools/\S+', steps['install dbgvault']):
        expect(os.path.exists(os.path.join(lib.TOP, script)), script)


@case('docs/GO.md, Dockerfile: what its build stage runs', needs=['go', 'readelf'], long=True)
def dockerfile(work):
    folder, store, env = project(work)
    shutil.rmtree(store)
    os.makedirs('out')
    stage = named('Dockerfile').split('\nFROM ')[1]
    place = {'/debug-store': store, '/out': os.path.join(work, 'out')}

    def placed(text):
        return re.sub('|'.join(rf'(?<=[\s=]){p}\b' for p in place), lambda m: place[m.group()], text)
    ran = 0
    for line in stage.splitlines():
        words = line.split(None, 1)
        if words[0] in ('ENV', 'ARG'):
            env.update(pair.split('=', 1) for pair in placed(' ' + words[1]).split())
        if words[0] == 'RUN' and 'apt-get' not in line:
            run('sh', '-c', placed(words[1]), cwd=folder, env=env)
            ran += 1
    equal(ran, 3, 'lines that ran')
    check_split('out/hello', store, '0.0.0')


@case('docs/GO.md, ko: the go command that splits', needs=['go', 'readelf'])
def ko(work):
    folder, store, env = project(work)
    wrapper = lib.write(os.path.join(folder, 'go-and-split'), named('go-and-split'), 0o755)
    build, = parsed('.ko.yaml')['builds']
    expect(not re.search(r'-[sw]\b', ' '.join(build['ldflags'])), build)
    # As ko calls it.
    run(wrapper, 'build', '-trimpath', '-ldflags', '-X main.Version=1.2.3', '-o', os.path.join(work, 'out'), '.', cwd=folder, env=env)
    check_split('out', store)
    matches(r'^go version', run(wrapper, 'version', env=env).text)
    equal(run(wrapper, 'build', '-o', 'none', './none', cwd=folder, env=env, status=None).status, 1, 'a build that fails')


@case('docs/GO.md, melange: the step behind the build', needs=['go', 'readelf'], long=True)
def melange(work):
    folder, store, env = project(work)
    package = parsed('melange.yaml')
    build, step = package['pipeline']
    equal((build['uses'], build['with']['strip']), ('go/build', ''), 'the build')
    run('go', 'build', '-trimpath', '-o', 'usr/bin/hello', '.', cwd=folder, env=env)
    values = {'package.name': package['package']['name'], 'package.version': package['package']['version'],
              'package.epoch': package['package']['epoch'], 'targets.contextdir': folder}
    shell(re.sub(r'\$\{\{(.*?)\}\}', lambda m: str(values[m.group(1)]), step['runs']), folder, env)
    check_split(os.path.join(folder, 'usr/bin/hello'), store, '1.2.3-r0')


lib.main()
