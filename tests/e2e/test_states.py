#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The states that a file can be in, whatever its shape: links, permissions, owners, attributes. Each is split, and a
table state x check is printed; any bad cell fails."""
import collections
import os
import re
import shutil
import stat

import lib
from lib import case, equal, run

CHECKS = ('status', 'message', 'bytes', 'kind', 'mode', 'owner', 'xattrs', 'links', 'others', 'litter')
NOBODY = 65534

# prepare(): makes it so, of tree/prog, and returns what to name. status, message: how dbgsplit ends, and a pattern of
# what it says; None: not a word. split: is tree/prog split? gone: extended attributes that do not follow it.
State = collections.namedtuple('State', 'prepare status message split gone options user')
STATES = {}


def state(title, status=0, message=None, split=True, gone=(), options=(), user=None):
    def register(prepare):
        STATES[title] = State(prepare, status, message, split, gone, options, user)
        return prepare
    return register


def need(*command):
    if not shutil.which(command[0]):
        raise lib.Skip(f'{command[0]} not installed')
    if run(*command, status=None).status:
        raise lib.Skip(f'not possible here: {" ".join(command)}')


def need_root():
    if os.geteuid():
        raise lib.Skip('needs root')


@state('as it was built')
def plain():
    return ['tree/prog']


@state('hard links, all named')
def links():
    os.link('tree/prog', 'tree/again')
    return ['tree/prog', 'tree/again']


@state('hard links, in a walked folder')
def walked_links():
    os.link('tree/prog', 'tree/again')
    return ['tree']


@state('hard links, one not named', status=1, message='has 2 hard links, and 1 of them is among the inputs', split=False)
def outside_link():
    os.link('tree/prog', 'outside')
    return ['tree/prog']


@state('hard links, one not named, --break-hard-links', options=['--break-hard-links'])
def broken_link():
    os.link('tree/prog', 'outside')
    return ['tree/prog']


@state('symbolic link, named')
def named_symlink():
    os.symlink('prog', 'tree/link')
    return ['tree/link']


@state('symbolic links, walked: within, out of the folder, to nothing')
def walked_symlinks():
    shutil.copy2('tree/prog', 'outside')
    os.symlink('prog', 'tree/link')
    os.symlink('../outside', 'tree/out')
    os.symlink('missing', 'tree/nothing')
    return ['tree']


@state('symbolic link to a folder, walked', split=False)
def folder_symlink():
    os.mkdir('elsewhere')
    os.rename('tree/prog', 'elsewhere/prog')
    os.symlink('elsewhere/prog', 'tree/prog')
    os.symlink('../elsewhere', 'tree/folder')
    return ['tree']


@state('read-only file')
def read_only():
    os.chmod('tree/prog', 0o444)
    return ['tree/prog']


@state('file that its owner may not read', status=1, message='Permission denied', split=False, user=NOBODY)
def unreadable():
    need_root()
    os.chmod('tree/prog', 0o111)
    return ['tree/prog']


@state('read-only folder', status=1, message='its folder: .*Permission denied', split=False, user=NOBODY)
def read_only_folder():
    need_root()
    os.chmod('tree', 0o555)
    return ['tree/prog']


@state('setuid and setgid')
def setuid():
    os.chmod('tree/prog', 0o6755)
    return ['tree/prog']


@state('setuid, of another owner')
def owner():
    need_root()
    os.chown('tree/prog', NOBODY, NOBODY)
    os.chmod('tree/prog', 0o4750)
    return ['tree/prog']


@state('file capabilities')
def capabilities():
    need('setcap', 'cap_net_bind_service=ep', 'tree/prog')
    return ['tree/prog']


@state('file capabilities, and another owner')
def owned_capabilities():
    need_root()
    os.chown('tree/prog', NOBODY, NOBODY)
    need('setcap', 'cap_net_raw=ep', 'tree/prog')
    return ['tree/prog']


@state('user attributes')
def user_attributes():
    need('setfattr', '-n', 'user.origin', '-v', 'https://example.com', 'tree/prog')
    need('setfattr', '-n', 'user.empty', 'tree/prog')
    return ['tree/prog']


@state('access control list')
def acl():
    need('setfacl', '-m', f'u:{NOBODY}:r', 'tree/prog')
    return ['tree/prog']


@state('signed (IMA)', message='prog: .*security.ima is not copied', gone=['security.ima'])
def ima():
    need_root()
    need('setfattr', '-n', 'security.ima', '-v', '0x0302046e6f6e6501', 'tree/prog')
    return ['tree/prog']


@state('signed (EVM), with user attributes', message='prog: .*security.evm is not copied', gone=['security.evm'])
def evm():
    need_root()
    need('setfattr', '-n', 'security.evm', '-v', '0x0302046e6f6e6501', 'tree/prog')
    need('setfattr', '-n', 'user.origin', '-v', 'x', 'tree/prog')
    return ['tree/prog']


# ---- what is compared ----

def look(path):
    st = os.lstat(path)
    link = stat.S_ISLNK(st.st_mode)
    return {'kind': os.readlink(path) if link else 'file', 'mode': oct(st.st_mode), 'owner': (st.st_uid, st.st_gid),
            'xattrs': {} if link else {n: os.getxattr(path, n) for n in os.listxattr(path)},
            'bytes': None if link else lib.read(path), 'inode': st.st_ino, 'links': st.st_nlink}


def look_at_all():
    return {os.path.join(folder, name): look(os.path.join(folder, name))
            for top in ('tree', 'elsewhere', 'outside') for folder, folders, names in os.walk(top)
            for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))]} | (
                {'outside': look('outside')} if os.path.exists('outside') else {})


def run_as(user, *command):
    if user is None:
        return lib.dbgsplit(*command, status=None)
    if not shutil.which('setpriv'):
        raise lib.Skip('setpriv not installed')
    shutil.copy(lib.DBGSPLIT, 'dbgsplit')
    os.chmod('dbgsplit', 0o755)
    os.chown('tree/prog', user, user)
    os.chown('debug', user, user)
    return run('setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', './dbgsplit', *command, status=None)


def cells(wanted, done, before, after, stripped):
    """{check: what is wrong, or None}"""
    prog, was = after['tree/prog'], before['tree/prog']
    names = {n for n, l in before.items() if l['inode'] == was['inode'] and n.startswith('tree')}
    kept = {n: v for n, v in was['xattrs'].items() if n not in wanted.gone}
    in_place = {n for n in names if wanted.split}
    said = done.errors.strip()
    found = {
        'status': done.status == wanted.status or f'{done.status}: {said}',
        'message': (not said if wanted.message is None else bool(re.search(wanted.message, said))) or said or 'nothing said',
        'bytes': all(after[n]['bytes'] == (stripped if wanted.split else before[n]['bytes']) for n in names)
        or 'other bytes',
        'kind': all(after[n]['kind'] == before[n]['kind'] for n in before) or 'a link has become a file, or a file a link',
        'mode': prog['mode'] == was['mode'] or prog['mode'],
        'owner': prog['owner'] == was['owner'] or str(prog['owner']),
        'xattrs': prog['xattrs'] == kept or str(prog['xattrs']),
        'links': len({after[n]['inode'] for n in names}) == 1 and
        prog['links'] == (len(names) if in_place else was['links']) or f'{prog["links"]} links',
        'others': all(after[n] == {**before[n], 'links': after[n]['links']} for n in set(before) - in_place) or 'others changed',
        'litter': set(after) == set(before) or str(set(after) ^ set(before)),
    }
    return {name: None if value is True else value for name, value in found.items()}


def add(title, wanted):
    @case(title, needs=['gcc'])
    def one(work):
        os.makedirs('tree')
        os.makedirs('debug')
        binary = lib.c_program('build')
        shutil.copy2(binary, 'tree/prog')
        lib.dbgsplit('--debug-dir=first', '-o', 'stripped', binary)
        inputs = wanted.prepare()
        if wanted.user:
            os.chown('tree/prog', wanted.user, wanted.user)
        before = look_at_all()
        done = run_as(wanted.user, '--debug-dir=debug', *wanted.options, *inputs)
        row = cells(wanted, done, before, look_at_all(), lib.read('stripped'))
        marks = ' '.join(f'{"BAD" if row[c] else "ok":{len(c)}}' for c in CHECKS)
        print(f'# {title:62} {marks}', flush=True)
        equal({c: v for c, v in row.items() if v}, {}, 'bad cells')
        has_debug = any(names for _, _, names in os.walk('debug'))
        equal(has_debug, wanted.split, 'a debug file was written')


print(f'# {"state":62} {" ".join(CHECKS)}', flush=True)
for _title, _state in STATES.items():
    add(_title, _state)

if __name__ == '__main__':
    lib.main()
