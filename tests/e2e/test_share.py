# SPDX-License-Identifier: Apache-2.0
"""A store that people share: two of a group write, a third reads; whatever the umask, and after kill -9."""
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time

import lib
from lib import case, equal, expect, matches, run

# Made up: no account is needed for a user who is only a number.
ALICE, BOB, CAROL = 61001, 61002, 61003
GROUP = 61100
N_PROGRAMS = 6
UMASKS = (0o077, 0o022)


def command_as(uid, umask, *command, group=True, start=False):
    """Arguments of subprocess for a command run as that user, in the group or not."""
    env = lib.clean_env(HOME='/nonexistent')
    call = subprocess.Popen if start else subprocess.run
    return call([str(c) for c in command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, user=uid, group=uid, extra_groups=[GROUP] if group else [], umask=umask)


def run_as(uid, umask, *command, status=0, group=True):
    done = command_as(uid, umask, *command, group=group)
    text = (done.stdout + done.stderr).decode()
    expect(status is None or done.returncode == status,
           f'as {uid}, umask {umask:03o}: exit status {done.returncode}, expected {status}: {command}\n{text}')
    return text


class Scene:
    """Programs that anybody can read, dbgstore where anybody can run it, and a folder for stores."""

    def __init__(self, work):
        if os.geteuid() != 0:
            raise lib.Skip('needs root, to be several users')
        self.work = work
        self.dbgstore = shutil.copy(lib.DBGSTORE, work)
        os.chmod(self.dbgstore, 0o755)
        self.programs = []
        for i in range(N_PROGRAMS):
            path = lib.c_program(os.path.join(work, 'in'), f'prog{i}', ['-O0', f'-DNUMBER={i}'],
                                 source=lib.C_SOURCE + f'int number{i} = {i};\n')
            os.chmod(path, 0o644)
            self.programs.append(path)
        self.ids = [lib.build_id(path) for path in self.programs]
        self.home = os.path.join(work, 'stores')
        os.mkdir(self.home)
        os.chown(self.home, ALICE, GROUP)
        os.chmod(self.home, 0o2775)

    def store(self, sharing, umask, name='store'):
        path = os.path.join(self.home, name)
        run_as(ALICE, umask, self.dbgstore, 'init', f'--shared={sharing}', f'--group={GROUP}', f'--store={path}')
        return path

    def ids_as(self, uid, store, group=True):
        text = run_as(uid, 0o022, self.dbgstore, 'list', '--json', f'--store={store}', group=group)
        return {json.loads(line)['build_id'] for line in text.splitlines() if 'build_id' in line}


def check_modes(store, sharing):
    """Every file and folder has the group, and the mode that the store's own says."""
    extra = {'group': 0, 'world': 0o005}[sharing]
    n = 0
    for folder, _, files in os.walk(store):
        status = os.lstat(folder)
        equal((oct(stat.S_IMODE(status.st_mode)), status.st_gid), (oct(0o2770 | extra), GROUP), folder)
        for name in files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            equal((oct(stat.S_IMODE(status.st_mode)), status.st_gid), (oct(0o660 | extra & ~0o111), GROUP), path)
            n += 1
    expect(n > 5, f'{store}: {n} files')


@case('two of a group write one store', needs=['gcc', 'eu-readelf'])
def group(work):
    scene = Scene(work)
    for umask in UMASKS:
        store = scene.store('group', umask, f'store{umask:o}')
        program = scene.dbgstore
        # Each first with some, then with what the other has added, so that every file is met by both.
        for uid, chosen in ((ALICE, (0, 1)), (BOB, (2, 3)), (ALICE, (2, 4)), (BOB, (0, 5)), (ALICE, (5, 5))):
            for i in chosen:
                run_as(uid, umask, program, 'add', f'--store={store}', scene.programs[i])
        check_modes(store, 'group')
        for uid in (ALICE, BOB):
            equal(scene.ids_as(uid, store), set(scene.ids), f'what {uid} sees')
            run_as(uid, umask, program, 'verify', f'--store={store}')

        # Maintenance by one of what the other made.
        run_as(BOB, umask, program, 'rm', f'--store={store}', scene.ids[1])
        matches('removed', run_as(ALICE, umask, program, 'add', f'--store={store}', scene.programs[1], status=1))
        run_as(BOB, umask, program, 'reindex', f'--store={store}')
        other = scene.store('group', umask, f'other{umask:o}')
        run_as(BOB, umask, program, 'merge', f'--store={other}', store)
        run_as(ALICE, umask, program, 'add', f'--store={store}', scene.programs[0])
        for path in (store, other):
            check_modes(path, 'group')
            equal(scene.ids_as(ALICE, path), set(scene.ids) - {scene.ids[1]}, path)
            run_as(ALICE, umask, program, 'verify', f'--store={path}')
        # Who is not of the group sees nothing, and is told whose it is.
        text = run_as(CAROL, 0o022, program, 'list', f'--store={store}', status=1, group=False)
        matches(f'{ALICE}:{GROUP}, mode 2770', text)


@case('a third reads without write access', needs=['gcc', 'eu-readelf'])
def world(work):
    scene = Scene(work)
    for umask in UMASKS:
        store = scene.store('world', umask, f'store{umask:o}')
        program = scene.dbgstore
        equal(scene.ids_as(CAROL, store, group=False), set(), 'an empty store')
        for i, uid in enumerate((ALICE, BOB, ALICE, BOB)):
            run_as(uid, umask, program, 'add', f'--store={store}', scene.programs[i])
            # No writer lives now, and the catalog's log must still be readable.
            equal(scene.ids_as(CAROL, store, group=False), set(scene.ids[:i + 1]), 'what Carol sees')
        check_modes(store, 'world')
        run_as(CAROL, umask, program, 'verify', f'--store={store}', group=False)
        run_as(CAROL, umask, program, 'find', f'--store={store}', scene.ids[0], group=False)
        run_as(CAROL, umask, program, 'stats', f'--store={store}', group=False)
        for act in (('add', scene.programs[4]), ('rm', scene.ids[0]), ('reindex',)):
            text = run_as(CAROL, umask, program, act[0], f'--store={store}', *act[1:], status=1, group=False)
            matches('no right to write', text)
        check_modes(store, 'world')

        # While Carol serves, the others go on.
        if os.path.exists(lib.DBGSERVE):
            serve = shutil.copy(lib.DBGSERVE, work)
            os.chmod(serve, 0o755)
            server = command_as(CAROL, umask, serve, f'--store={store}', '--port=0', group=False, start=True)
            try:
                line = b''
                while b'http://127.0.0.1:' not in line:
                    line = server.stderr.readline()
                    expect(line, 'dbgserve ended')
                url = matches(r'http://127\.0\.0\.1:\d+', line.decode()).group(0)
                for i, uid in ((4, ALICE), (5, BOB)):
                    run('curl', '-sf', '-o', 'got', f'{url}/buildid/{scene.ids[i]}/debuginfo', status=22)
                    run_as(uid, umask, program, 'add', f'--store={store}', scene.programs[i])
                    run('curl', '-sf', '-o', 'got', f'{url}/buildid/{scene.ids[i]}/debuginfo')
                    equal(lib.read('got'), lib.read(scene.programs[i]), 'served')
            finally:
                server.terminate()
                server.communicate(timeout=60)


# As kill -9 in the middle of a commit may leave it: the log has what its index does not know.
CUT_SHORT = '''
import os, sqlite3, sys
path = sys.argv[1]
db = sqlite3.connect(path)
db.execute('PRAGMA wal_autocheckpoint = 0')
db.execute('UPDATE builds SET n_contributions = 7')
db.commit()
os.pwrite(os.open(path + '-shm', os.O_RDWR), bytes(136), 0)
os.kill(os.getpid(), 9)
'''


@case('a log that wants recovery is read by who may not write', needs=['gcc', 'eu-readelf', 'python3'])
def recovery(work):
    scene = Scene(work)
    store = scene.store('world', 0o022)
    program = scene.dbgstore
    run_as(ALICE, 0o022, program, 'add', f'--store={store}', scene.programs[0])
    run_as(BOB, 0o022, 'python3', '-c', CUT_SHORT, f'{store}/catalog/catalog.sqlite', status=-signal.SIGKILL)
    expect(os.path.getsize(f'{store}/catalog/catalog.sqlite-wal') > 4096, 'the log holds the commit')
    started = time.monotonic()
    equal(scene.ids_as(CAROL, store, group=False), {scene.ids[0]}, 'what Carol sees')
    text = run_as(CAROL, 0o022, program, 'verify', f'--store={store}', group=False, status=3)
    matches('the catalog knows of 7 contributions', text)
    expect(time.monotonic() - started < 5, 'Carol waited for a lock that she cannot have')

    run_as(ALICE, 0o022, program, 'add', f'--store={store}', scene.programs[0])
    run_as(CAROL, 0o022, program, 'verify', f'--store={store}', group=False)


@case('after kill -9 of a writer the others go on', needs=['gcc', 'eu-readelf'])
def killed(work):
    scene = Scene(work)
    program = scene.dbgstore
    chance = random.Random(3)
    for umask in UMASKS:
        store = scene.store('world', umask, f'store{umask:o}')
        run_as(ALICE, umask, program, 'add', f'--store={store}', scene.programs[0])
        started = time.monotonic()
        run_as(BOB, umask, program, 'add', f'--store={store}', scene.programs[1])
        takes = time.monotonic() - started
        killed_n = 0
        for i in range(40):
            # Each time something to do: a killed one of another round may have come far.
            what = scene.programs[2 + i % 4]
            commands = (('add', what), ('add', what), ('reindex',), ('rm', scene.ids[2 + i % 4]))
            if i % 4 == 3:
                shutil.rmtree(os.path.join(store, 'removed'), ignore_errors=True)
            act = commands[i % 4]
            victim = command_as(BOB, umask, program, act[0], f'--store={store}', *act[1:], start=True)
            time.sleep(chance.random() * takes * 0.8)
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            killed_n += victim.returncode == -signal.SIGKILL

            equal(scene.ids_as(CAROL, store, group=False) >= set(scene.ids[:2]), True, 'what Carol sees')
            run_as(CAROL, umask, program, 'verify', f'--store={store}', group=False)
            run_as(ALICE, umask, program, 'add', f'--store={store}', scene.programs[0])
            run_as(ALICE, umask, program, 'verify', f'--store={store}')
        print(f'# killed in the act: {killed_n} of 40', flush=True)
        expect(killed_n >= 5, 'the kills came too late to be worth anything')
        shutil.rmtree(os.path.join(store, 'removed'), ignore_errors=True)
        for path in scene.programs:
            run_as(ALICE, umask, program, 'add', f'--store={store}', path)
        for path in scene.programs:
            run_as(BOB, umask, program, 'add', f'--store={store}', path)
        equal(scene.ids_as(CAROL, store, group=False), set(scene.ids), 'all of them')
        run_as(BOB, umask, program, 'reindex', f'--store={store}')
        run_as(CAROL, umask, program, 'verify', f'--store={store}', group=False)


if __name__ == '__main__':
    lib.main()
