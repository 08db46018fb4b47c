#!/bin/sh
# pmdk.sh CACHE: puts PMDK's ordered maps into CACHE/VERSION, VERSION being the one that pmdk.lock,
# beside this script, names. They are examples in Debian's package libpmemobj-dev: as they are installed,
# or where a system leaves documentation out, of the package itself. Nothing of them is in this tree.
#
# The lock says which version was tried, and the hashes of its files. Another version is taken, with a
# note; the same version with other content is refused.
set -eu

package=libpmemobj-dev
examples=usr/share/doc/$package/examples/tree_map
files='btree_map.c btree_map.h rbtree_map.c rbtree_map.h'
lock=$(dirname "$(readlink -f "$0")")/pmdk.lock
cache=$1

die() {
	echo "pmdk.sh: $*" >&2
	exit 1
}

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

root=/
version=$(dpkg-query -W -f='${Version}' $package) || die "the package $package is missing"
if [ ! -f "/$examples/rbtree_map.c" ]; then
	root=$work/root
	{ apt-get -qq download "$package=$version" && dpkg-deb -x ./*.deb "$root"; } >log 2>&1 || {
		sed 's/^/pmdk.sh: /' log >&2
		die "cannot get the package $package $version: is there a network?"
	}
fi
mkdir new
for file in $files; do
	cp "$root/$examples/$file" new/ || die "the package $package has no $file"
done

locked=$(sed -n 's/^# version //p' "$lock")
if [ "$version" = "$locked" ]; then
	(cd new && sha256sum --quiet -c "$lock") >&2 ||
		die "$package $version is not what $lock says: its content has changed"
else
	echo "pmdk.sh: note: this is $package $version; $locked was tried (bench/peers/pmdk.lock)" >&2
fi
printf '%s\n' "$version" >new/.version

# Of two builds at a time, the first brings it there.
mv -T new "$cache/$locked" 2>>log || [ -f "$cache/$locked/.version" ] || {
	cat log >&2
	die "cannot make $cache/$locked"
}
