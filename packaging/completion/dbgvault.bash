# SPDX-License-Identifier: Apache-2.0
# Completion for bash of dbgcheck, dbgsplit, dbgstore and dbgserve; needs bash-completion. What can be given is
# read from the programs' own --help, so that it is never behind them.
# shellcheck shell=bash

_dbgvault()
{
    # cur, prev, words, cword and split are set by _init_completion
    local cur prev words cword split
    _init_completion -s || return

    local help command=()
    if [[ ${1##*/} == dbgstore ]]; then
        if ((cword == 1)); then
            help=$("$1" --help 2>/dev/null) || return
            local names
            names=$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' <<<"$help")
            mapfile -t COMPREPLY < <(compgen -W "$names --help --version" -- "$cur")
            return
        fi
        command=("${words[1]}")
    fi
    help=$("$1" "${command[@]}" --help 2>/dev/null) || return

    # Lines of options are "  -n, --name=VALUE  …" or "      --name  …".
    local line='^ *\(-., \)\{0,1\}' value=
    case $prev in
    --*[!a-z-]*) ;;
    --*) [[ $split == true ]] && value=$(sed -n "s/$line$prev=\([^ ]*\).*/\2/p" <<<"$help") ;;
    -[a-z]) value=$(sed -n "s/^ *$prev, --[a-z-]*=\([^ ]*\).*/\1/p" <<<"$help") ;;
    esac
    case $value in
    *DIR*'|'*ZIP*) _filedir; return ;;
    *DIR*) _filedir -d; return ;;
    *FILE* | *PATH* | *ZIP* | *TAR*) _filedir; return ;;
    [a-z]*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$cur"); return ;;
    ?*) return ;;
    esac
    [[ $split == true ]] && return

    if [[ $cur == -* ]]; then
        local options
        options=$(sed -n "s/$line\(--[a-z][a-z-]*=\{0,1\}\).*/\2/p" <<<"$help")
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        return
    fi
    [[ ${1##*/} == dbgserve ]] || _filedir
} && complete -F _dbgvault dbgcheck dbgsplit dbgstore dbgserve
