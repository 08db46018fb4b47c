# image.sh: makes a disk image that boots by UEFI. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2154 # what the front door has set

# make_image FILE FOLDER KERNEL COMMANDS: a FAT volume without a partition table, which firmware takes
# as well. It has what tools/uefi/stub.h says, from FOLDER. COMMANDS is the kernel's command line
# (abi/program.h).
make_image() {
	[ ! -d "$1" ] || die "$STATUS_FAILED" "$1 is a folder: an image is a file"
	making=$1.making.$$
	trap 'rm -f "$making"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	kib=$(du -kc --apparent-size "$2/$3" "$2/boot" "$2/BOOTX64.EFI" |
		awk 'END { print $1 }')
	{
		truncate -s "$((kib / 1024 + 4))M" "$making" &&
			mformat -i "$making" -v TWIZZLER :: &&
			mmd -i "$making" ::/EFI ::/EFI/BOOT ::/twizzler &&
			mcopy -i "$making" "$2/BOOTX64.EFI" ::/EFI/BOOT/ &&
			mcopy -i "$making" "$2/$3" ::/twizzler/kernel &&
			mcopy -i "$making" "$2/boot" ::/twizzler/ &&
			printf '%s' "$4" | mcopy -i "$making" - ::/twizzler/command-line &&
			mv "$making" "$1"
	} >&2 || die "$STATUS_FAILED" "the image $1 could not be made"
	trap - EXIT INT TERM HUP
}
