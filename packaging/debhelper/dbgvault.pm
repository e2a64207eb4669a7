# SPDX-License-Identifier: Apache-2.0
# dh --with dbgvault: dh_dbgvault does what dh_dwz and dh_strip do, and keeps symbols.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_strip', 'dh_dbgvault');
remove_command('dh_strip');
remove_command('dh_dwz');

1;
