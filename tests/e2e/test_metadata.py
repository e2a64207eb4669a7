# SPDX-License-Identifier: Apache-2.0
"""What the server tells about its store: /metadata, and /metrics as Prometheus reads them."""
import json
import sys
import time
import urllib.parse

from lib import C_SOURCE, Server, Skip, build_id, c_program, case, dbgsplit, equal, expect, main, new_store
from serving import ask, logged, small_program


def search(server, key, value, status=200, **more):
    query = urllib.parse.urlencode({'key': key, 'value': value, **more}, quote_via=urllib.parse.quote)
    answer = ask(server, f'/metadata?{query}')
    equal(answer.status, status, f'{key}={value}: {answer.body[:200]}')
    if status != 200:
        return None
    equal(answer['content-type'], 'application/json')
    page = json.loads(answer.body)
    expect(isinstance(page['complete'], bool) and isinstance(page['results'], list), page)
    return page


def found(page):
    return sorted((r['type'], r['buildid'], r['file']) for r in page['results'])


@case('builds are found by path, pattern, ID and package, as the reference server finds them', needs=['gcc'])
def metadata(work):
    store = new_store(work)
    paths = ['usr/bin/one', 'usr/bin/two', 'usr/lib/x/one', 'opt/c++filt', 'usr/bin/sub/deep']
    idents = {}
    for i, path in enumerate(paths):
        program = c_program(f'{work}/{i}', source=C_SOURCE.replace('2 *', f'{i + 3} *'))
        dbgsplit(f'--store={store}', '--sources=no', f'--origin-path={path}', '--package=' + 'ab'[i % 2] + 'pack', program)
        idents['/' + path] = build_id(program)
    both = lambda *names: sorted((t, idents[n], n) for n in names for t in ('debuginfo', 'executable'))
    cases = [
        ('file', '/usr/bin/one', ['/usr/bin/one']), ('file', '/bin/one', []), ('file', 'usr/bin/one', ['/usr/bin/one']),
        ('file', '/opt/c++filt', ['/opt/c++filt']), ('file', '/usr/bin/*', []),
        ('glob', '/usr/bin/*', ['/usr/bin/one', '/usr/bin/two']), ('glob', '/usr/bin/*/*', ['/usr/bin/sub/deep']),
        ('glob', '/*/*/one', ['/usr/bin/one']), ('glob', '/usr/*', []), ('glob', '/usr/bin/[!o]*', ['/usr/bin/two']),
        ('glob', '/opt/c++filt', ['/opt/c++filt']), ('glob', '/opt/?++*', ['/opt/c++filt']), ('glob', '*', []),
        ('glob', '/usr/lib/x/on[a-e]', ['/usr/lib/x/one']), ('glob', '/usr/bin/\\one', ['/usr/bin/one']),
        ('buildid', idents['/usr/bin/two'], ['/usr/bin/two']), ('buildid', idents['/usr/bin/two'].upper(), ['/usr/bin/two']),
        ('buildid', 'abcd', []), ('buildid', 'nonsense', []),
        ('package', 'bpack', ['/usr/bin/two', '/opt/c++filt']), ('package', 'cpack', []),
    ]
    with Server(store) as server:
        for key, value, names in cases:
            page = search(server, key, value)
            equal(found(page), both(*names), f'{key}={value}')
            equal(page['complete'], True)
        # Pages.
        everything, offset = [], 0
        while True:
            page = search(server, 'glob', '/*/*/*', limit=3, offset=offset)
            everything += page['results']
            expect(len(page['results']) <= 3, page)
            if page['complete']:
                expect('next_offset' not in page, page)
                break
            offset = page['next_offset']
        equal(found({'results': everything}), both('/usr/bin/one', '/usr/bin/two'), 'three at a time')
        for query in ('', '?key=glob', '?value=x', '?key=name&value=x', '?key=glob&value=%00', '?key=glob&value=%4',
                      '?key=glob&value=x&limit=0', '?key=glob&value=' + 'x' * 1025):
            equal(ask(server, f'/metadata{query}').status, 400, query)
        equal(ask(server, '/metadata?key=glob&value=/x', 'HEAD').status, 200)
        logged(server, '^served kind=metadata status=200 ')
        expect('usr/bin' not in server.log(), 'a query is in the log')
    with Server(store, '--no-executables') as server:
        equal({r['type'] for r in search(server, 'package', 'apack')['results']}, {'debuginfo'})
    with Server(store, '--withhold-names') as server:
        equal(ask(server, '/metadata?key=glob&value=/x').status, 404)


@case('a hostile pattern, or thirty of them, hold up nobody', needs=['gcc'])
def hostile_patterns(work):
    store = new_store(work)
    for i in range(3):
        program = c_program(f'{work}/{i}', source=C_SOURCE.replace('2 *', f'{i + 3} *'))
        dbgsplit(f'--store={store}', '--sources=no', '--origin-path=' + 'a' * 200, program)
    with Server(store) as server:
        for value in ('*a' * 500 + 'b', '[' * 1000, '[a-' * 300, '?' * 1000, '\\' * 1001, '/' * 1000, '**' * 500,
                      "'; DROP TABLE builds; --", '%', '_' * 100, '\xff' * 100):
            began = time.time()
            expect(not search(server, 'glob', value)['results'], value)
            expect(time.time() - began < 10, f'{value[:20]}: {time.time() - began:.1f} s')
        equal(len(search(server, 'glob', '/' + 'a*' * 100)['results']), 6)


@case('metrics are what Prometheus reads, by the names that dashboards know', needs=['gcc'])
def metrics(work):
    sys.path.append('/usr/lib/python3/dist-packages')  # for an interpreter that is not the distribution's own
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError as error:
        raise Skip('python3-prometheus-client is not installed') from error
    store = new_store(work)
    ident, source = small_program(work, store)
    with Server(store, '--upstream=http://127.0.0.1:1/"x') as server:
        for path in (f'/buildid/{ident}/debuginfo', f'/buildid/{ident}/executable', f'/buildid/{ident}/source{source}',
                     f'/buildid/{ident}/section/.text', '/nothing', f'/metadata?key=buildid&value={ident}'):
            ask(server, path)
        logged(server, 'kind=metadata')
        text = ask(server, '/metrics').body.decode()
        families = {f.name: f for f in text_string_to_metric_families(text)}
        samples = {}
        for family in families.values():
            expect(family.type != 'unknown' and family.documentation, f'{family.name}: no TYPE or HELP')
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                expect(key not in samples, f'{key} twice')
                samples[key] = sample.value

        def get(name, **labels):
            labels = tuple(sorted(labels.items()))
            # The parser calls every counter by its OpenMetrics name.
            return samples[name, labels] if (name, labels) in samples else samples[name + '_total', labels]
        equal(get('ready'), 1)
        equal(get('found_debuginfo_total', source='store'), 1)
        equal(get('found_executable_total', source='store'), 1)
        equal(get('found_sourcerefs_total', source='store'), 1)
        for kind in ('debuginfo', 'executable', 'source', 'section', 'metadata'):
            equal(get('http_requests_total', type=kind), 1, kind)
            equal(get('http_responses_transfer_bytes_count', code='200', type=kind), 1, kind)
            equal(get('http_responses_duration_milliseconds_count', code='200', type=kind), 1, kind)
            expect(get('http_responses_transfer_bytes_sum', code='200', type=kind) > 0, kind)
            expect(get('http_responses_duration_milliseconds_sum', code='200', type=kind) >= 0, kind)
        equal(get('http_responses_total', result='file'), 5)
        equal(get('http_responses_total', result='upstream'), 0)
        equal(get('error_count', type='store'), 0)
        for role in ('http-buildid', 'http-metadata', 'scan', 'traverse', 'groom'):
            expect(get('thread_busy', role=role) >= 0, role)
            equal(get('thread_work_pending', role=role), 0, role)
        equal(get('upstream_answers_total', url='http://127.0.0.1:1/"x', result='found'), 0)
        equal(get('upstream_kept_builds'), 0)


if __name__ == '__main__':
    main()
