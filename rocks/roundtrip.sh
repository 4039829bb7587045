#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The life of the rock, without a network: lint, make, pack, serve, install, use
# with an empty environment, remove. Works on a copy of this tree, in a
# folder of its own that it removes. Needs luarocks, git, luajit.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
pids=
end() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

say() { echo "-- $*"; }
fail() { echo "roundtrip: $*" >&2; exit 1; }

export HOME="$work/home" LUAROCKS_CONFIG="$here/rocks/config-luajit.lua"
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}"
unset LUA_PATH LUA_CPATH || :
mkdir "$HOME"

# The tree as it stands, as a repository with the tag of the version.
version=$(sed -n 's/^project(shoal VERSION \([0-9.]*\).*/\1/p' "$here/CMakeLists.txt")
source="$work/shoal"
mkdir "$source"
tar -C "$here" --exclude=.git --exclude='./build*' -cf - . | tar -C "$source" -xf -
url="git+file://$source"
for name in scm "$version"; do
    sed -i "s|url = \"[^\"]*\"|url = \"$url\"|" "$source/rocks/shoal-$name-1.rockspec"
done
git -C "$source" init -q
git -C "$source" add -A
git -C "$source" -c user.name=rock -c user.email=rock@localhost commit -q -m rock
git -C "$source" tag "v$version"

cd "$source"
say lint
luarocks lint "rocks/shoal-scm-1.rockspec"
luarocks lint "rocks/shoal-$version-1.rockspec"

say make
luarocks make --tree "$work/made" rocks/shoal-scm-1.rockspec >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "make failed"; }

say pack
mkdir "$work/server"
cd "$work/server"
luarocks pack --tree "$work/made" shoal >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "pack failed"; }
luarocks pack "$source/rocks/shoal-$version-1.rockspec" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "pack failed"; }
ls

say serve
luarocks-admin make_manifest "$work/server" >/dev/null

say install
luarocks install --tree "$work/tree" --only-server="file://$work/server" shoal "$version" \
    >"$work/log" 2>&1 || { cat "$work/log"; fail "install failed"; }

say use
alone() { env -i PATH=/usr/bin:/bin "$@"; }
shoal="$work/tree/bin/shoal"
[ "$(alone "$shoal" version | cut -d' ' -f2)" = "$version" ] || fail "another version"
cat >"$work/use.lua" <<'LUA'
local tree = ...
package.path = tree .. "/share/lua/5.1/?.lua;" .. tree .. "/share/lua/5.1/?/init.lua;" .. package.path
package.cpath = tree .. "/lib/lua/5.1/?.so;" .. package.cpath
local shoal = require "shoal"
local a = assert(shoal.start { config = "loopback" })
local b = assert(shoal.start { config = "loopback", join = a:bound() })
for _ = 1, 1000 do
  if a:num_members() == 1 and b:num_members() == 1 then return print(shoal._VERSION) end
  shoal.step(0.01)
end
error "they did not meet"
LUA
[ "$(cd / && alone luajit "$work/use.lua" "$work/tree")" = "$version" ] || fail "the module does not work"

# Two members and a command, as an operator has them.
echo 'return {}' >"$work/service.lua"
member() {
    name=$1
    shift
    alone "$shoal" run "$work/service.lua" --control "$work/$name.sock" "$@" 2>"$work/$name.log" &
    pids="$pids $!"
}
soon() { # soon COMMAND...: tries for ten seconds
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || { cat "$work"/*.log >&2; fail "in vain: $*"; }
        sleep 0.05
    done
}
is_up() { [ -S "$work/$1.sock" ]; }
sees_one() { alone "$shoal" members --control "$work/$1.sock" --json | grep -q '"state":"alive"'; }
member one --bind 127.0.0.1:0
soon is_up one
address=$(alone "$shoal" info --control "$work/one.sock" --json | sed 's/.*"bind":"\([^"]*\)".*/\1/')
member two --bind 127.0.0.1:0 --join "$address"
soon is_up two
soon sees_one one
soon sees_one two
alone "$shoal" leave --control "$work/two.sock" >/dev/null
alone "$shoal" leave --control "$work/one.sock" >/dev/null
wait $pids
pids=

say remove
luarocks remove --tree "$work/tree" shoal >/dev/null
left=$(find "$work/tree" -type f ! -name manifest)
[ -z "$left" ] || fail "left behind: $left"
say fine
