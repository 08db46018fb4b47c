#!/bin/sh
# fetch.sh CACHE: unpacks Debian's source package of libsodium into CACHE/VERSION, VERSION being the
# one that `lock`, beside this script, names. It comes from the mirror that this machine gets its own
# packages from; no root, and nothing of the system's apt is changed: apt gets a configuration of its
# own, the machine's sources with deb-src for deb.
#
# apt checks the signatures. The lock says which version was tried, and the hashes of its files. Debian
# deletes superseded versions, so another one is taken, with a note (.version says which it is); but
# the same version with other content is refused.
set -eu

package=libsodium
lock=$(dirname "$(readlink -f "$0")")/lock
cache=$1

die() {
	echo "fetch.sh: $*" >&2
	exit 1
}

for tool in apt-get apt-config dpkg-source sha256sum xz; do
	command -v $tool >/dev/null || die "$tool is missing (packages dpkg-dev xz-utils)"
done

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
mkdir -p sources lists/partial archives/partial new

# Debian's own entries only: other repositories have no libsodium, and may not be there.
list='' parts=''
eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
for file in "$list" "$parts"/*.list; do
	[ ! -f "$file" ] ||
		sed -n '/debian/s/^[[:blank:]]*deb[[:blank:]]/deb-src /p' "$file" >>sources/debian.list
done
for file in "$parts"/*.sources; do
	if [ -f "$file" ] && grep -q '^URIs:.*debian' "$file"; then
		sed 's/^Types:.*/Types: deb-src/' "$file" >"sources/${file##*/}"
	fi
done

apt_get() {
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
		-o Dir::State::lists="$work/lists" -o Dir::Cache="$work" \
		-o Dir::Cache::archives="$work/archives" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
		-o Acquire::https::Timeout=20 "$@" </dev/null >>log 2>&1
}

# Without network `update` warns and succeeds, but knows no package afterwards.
if ! { apt_get update && cd new && apt_get source --download-only $package; }; then
	cat "$work/log" "$work/new/log" 2>/dev/null | sed 's/^/fetch.sh: /' >&2
	die "cannot get the source package $package: is there a network? A copy of another build's" \
		"$cache will do as well"
fi

# ---- compare with the lock -----------------------------------------------------------------------

dsc=$(echo ./*.dsc)
version=$(sed -n 's/^Version: //p' "$dsc" | head -n 1)
locked=$(sed -n 's/^# version //p' "$lock")
if [ "$version" = "$locked" ]; then
	sha256sum --quiet -c "$lock" >&2 ||
		die "$package $version is not what $lock says: its content has changed"
else
	echo "fetch.sh: note: Debian now has $package $version; $locked was tried (tools/sodium/lock)" >&2
fi

dpkg-source --no-copy --no-check -x "$dsc" "$work/tree" >>log 2>&1 || {
	cat log >&2
	die "cannot unpack $dsc"
}
printf '%s\n' "$version" >"$work/tree/.version"

# Of two builds at a time, the first brings it there.
mv -T "$work/tree" "$cache/$locked" 2>>log || [ -f "$cache/$locked/.version" ] || {
	cat log >&2
	die "cannot make $cache/$locked"
}
