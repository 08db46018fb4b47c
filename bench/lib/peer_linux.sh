#!/bin/sh
# peer_linux.sh: the operations that the kernel's bench measures, on Debian's Linux 6.1 as a guest
# of the same emulated machine. Prints a line for each figure: NAME VALUE, in instructions,
# table_pages in pages. peer_linux.c says what each is.
#
# The kernel's package comes from Debian and is kept in $TWZ_CACHE (build/cache): what is there is
# used again, without a network. The rest is made anew in $TWZ_BUILD/peer_linux (build/release),
# where the guest's console stays as console.log. Needs no root; two at a time need two $TWZ_BUILDs.
#
# exit status: 0, or 1 and a message when a figure is missing
set -eu
cd "$(dirname "$0")/../.."

# What is needed beside the packages that the build needs.
packages='qemu-system-x86 cpio e2fsprogs'
seconds=120 # for the guest, which takes some 20
# For the NVDIMM, and the checksum instruction of the processor, which Debian loads by itself: ext4
# takes twice as many instructions for a new file without.
drivers='crc32c-intel nfit nd_pmem'

PATH=$PATH:/usr/sbin:/sbin # mkfs.ext4, for those who are not root
export LC_ALL=C
work=${TWZ_BUILD:-build/release}/peer_linux
cache=${TWZ_CACHE:-build/cache}/linux
making=$cache.making.$$
console=$work/console.log
trap 'rm -rf "$making" "$work/image" "$work/root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	printf 'peer_linux: %s\n' "$*" >&2
	exit 1
}

# ---- the kernel ----------------------------------------------------------------------------------

# The package that the one for all versions leads to.
kernel_package() {
	apt-cache show --no-all-versions linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/^Depends: \(linux-image-6\.1\.[^ ,]*\).*/\1/p'
}

# Fetched and unpacked into $making. Called where `set -e` is off.
fetch() {
	package=$(kernel_package)
	[ -n "$package" ] || {
		echo "the lists of packages name no Linux 6.1 (linux-image-cloud-amd64)"
		return 1
	}
	mkdir -p "$making"
	(cd "$making" && apt-get -q download "$package") && dpkg-deb -x "$making"/*.deb "$making"
}

update_lists() {
	if [ "$(id -u)" = 0 ]; then
		apt-get -q update
	else
		sudo -n apt-get -q update
	fi
}

# Under another name first, so that what is in the cache is whole.
need_kernel() {
	[ ! -d "$cache" ] || return 0
	log=$work/fetch.log
	# The lists may be missing or name a version that is no longer there.
	if ! fetch >"$log" 2>&1; then
		rm -rf "$making"
		{ update_lists && fetch; } >>"$log" 2>&1 || {
			tail -n 5 "$log" >&2
			fail "Debian's kernel cannot be fetched (is there a network? As root: apt-get" \
				"update); all of the output: $log"
		}
	fi
	mv -T "$making" "$cache" || [ -d "$cache" ] # another was first
}

# ---- what the guest starts with ------------------------------------------------------------------

module_file() {
	find "$cache/lib/modules" -name "$1.ko"
}

# insert MODULE: puts it behind those that it needs, as root/module.N.
insert() {
	case $inserted in *" $1 "*) return 0 ;; esac
	ko=$(module_file "$1")
	[ -n "$ko" ] || fail "the package in $cache has no module $1"
	for needed in $(tr '\0' '\n' <"$ko" | sed -n 's/^depends=//p' | tr , ' '); do
		insert "$needed"
	done
	cp "$(module_file "$1")" "$work/root/module.$count"
	inserted="$inserted$1 "
	count=$((count + 1))
}

make_initramfs() {
	rm -rf "$work/root"
	mkdir "$work/root"
	${CC:-gcc} -std=gnu11 -Wall -Wextra -Werror -O2 -static -pthread -o "$work/root/init" \
		bench/lib/peer_linux.c ||
		fail "bench/lib/peer_linux.c does not compile"
	inserted=' ' count=0
	for module in $drivers; do
		insert "$module"
	done
	(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initramfs" ||
		fail "the initramfs cannot be made"
}

# An ext4 behind the 2 MiB that Linux takes, with nothing left to initialise in the background.
make_image() {
	rm -f "$work/image"
	truncate -s 256M "$work/image"
	mkfs.ext4 -q -b 4096 -E offset=2097152,lazy_itable_init=0,lazy_journal_init=0 "$work/image" 254M \
		>"$work/mkfs.log" 2>&1 || {
		cat "$work/mkfs.log" >&2
		fail "mkfs.ext4 failed"
	}
}

# ---- the guest -----------------------------------------------------------------------------------

# The clock, the seed and norandmaps make runs alike, nearly. There is no network card: its ROM is
# another package. The second processor is started by peer_linux.c, which says why (maxcpus=1).
run_guest() {
	timeout -k 5 $seconds qemu-system-x86_64 -machine q35,nvdimm=on -cpu max,-erms,-fsrm -accel tcg \
		-icount shift=0,sleep=off -m 512M,slots=2,maxmem=4G -smp 2 \
		-object "memory-backend-file,id=nv0,share=on,mem-path=$work/image,size=256M,align=2M" \
		-device nvdimm,memdev=nv0 -rtc base=2024-01-01,clock=vm -seed 1 -nic none \
		-display none -no-reboot -serial "file:$console" -monitor none \
		-kernel "$cache"/boot/vmlinuz-* -initrd "$work/initramfs" \
		-append 'console=ttyS0 quiet panic=-1 maxcpus=1 norandmaps' </dev/null >"$work/qemu.log" 2>&1
}

for tool in qemu-system-x86_64 cpio mkfs.ext4; do
	command -v $tool >/dev/null || fail "$tool is missing; as root: apt-get install $packages"
done
mkdir -p "$work" "$(dirname "$cache")"
need_kernel
make_initramfs
make_image
rm -f "$console"
status=0
run_guest || status=$?

touch "$console" # none if the machine did not start
tr -d '\r' <"$console" >"$work/lines"
sed -n 's/^note: /peer_linux: /p' "$work/lines" >&2
sed -n 's/^figure \([a-z_]* [0-9]*\)$/\1/p' "$work/lines"
grep -qx 'end of figures' "$work/lines" || {
	cat "$work/qemu.log" >&2
	tail -n 3 "$work/lines" >&2
	[ $status != 124 ] || fail "the guest was stopped after $seconds seconds; its console: $console"
	fail "not all figures were got (qemu ended with status $status); the guest's console: $console"
}
