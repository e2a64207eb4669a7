# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# To be read by a shell before go build: . cgo.sh
# Hardens the C in Go programs, whichever gcc or clang compiles it. What was set before comes behind, and wins.
# OpenSSF, Compiler Options Hardening Guide for C and C++.
hardening="-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
-fstack-clash-protection -fexceptions -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
-Wformat -Wformat-security -Werror=format-security"
# Not for every machine. go env asks for GOARCH as it is set, or go.env's or the machine's own.
case $(go env GOARCH) in
amd64 | 386) hardening="$hardening -fcf-protection=full" ;;
arm64) hardening="$hardening -mbranch-protection=standard" ;;
esac
# One line: the go command takes any blank between flags, but what reads its build settings may not.
hardening=$(printf '%s' "$hardening" | tr '\n' ' ')
export CGO_CFLAGS="$hardening${CGO_CFLAGS:+ $CGO_CFLAGS}"
export CGO_CXXFLAGS="$hardening${CGO_CXXFLAGS:+ $CGO_CXXFLAGS}"
export CGO_LDFLAGS="-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed${CGO_LDFLAGS:+ $CGO_LDFLAGS}"
unset hardening
