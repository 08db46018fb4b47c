# install.sh: installs libtwz and `twz`. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2154 # what the front door has set

# What is installed is listed in this file below the prefix: the next install, and --uninstall, remove it.
installed_list=share/twizzler/installed

# Takes back what was copied but has no name yet.
install_undo() {
	while IFS= read -r file; do
		rm -f "$root/$file.$$"
	done <"$staged"
	rm -f "$staged"
}

install_failed() {
	install_undo
	trap - EXIT
	die "$STATUS_FAILED" "cannot write to $1; nothing is installed. --prefix DIR installs elsewhere," \
		"as root it goes to /usr/local"
}

# install_stage STAGE: all of it into $root, where programs find it at $prefix. All is copied under
# names that nobody looks for before the first file gets its own.
install_stage() {
	staged=$(pwd)/$1.files.$$
	(cd "$1" && find . ! -type d | sed 's|^\./||' | sort) >"$staged"
	trap install_undo EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	while IFS= read -r file; do
		folder=$root/${file%/*}
		[ ! -d "$root/$file" ] || install_failed "$root/$file"
		(umask 022 && mkdir -p "$folder") 2>/dev/null || install_failed "$folder"
		if [ -h "$1/$file" ]; then
			ln -sf "$(readlink "$1/$file")" "$root/$file.$$" 2>/dev/null
		elif [ "$file" = lib/pkgconfig/twz.pc ]; then
			sed "s|@PREFIX@|$prefix|" "$1/$file" 2>/dev/null >"$root/$file.$$" &&
				chmod 644 "$root/$file.$$"
		else
			mode=644
			[ ! -x "$1/$file" ] || mode=755
			install -m $mode "$1/$file" "$root/$file.$$" 2>/dev/null
		fi || install_failed "$folder"
	done <"$staged"
	while IFS= read -r file; do
		mv -fT "$root/$file.$$" "$root/$file"
	done <"$staged"
	(umask 022 && mkdir -p "$root/${installed_list%/*}")
	[ ! -f "$root/$installed_list" ] || remove_others "$staged"
	install -m 644 "$staged" "$root/$installed_list"
	trap - EXIT INT TERM HUP
	rm "$staged"
}

# remove_others LIST: what an install before this one put there, but what is in LIST.
remove_others() {
	grep -vxFf "$1" "$root/$installed_list" | while IFS= read -r file; do
		rm -f "$root/$file"
		case $file in
		include/*)
			folder=${file%/*}
			(cd "$root/include" && rmdir -p --ignore-fail-on-non-empty "${folder#include/}")
			;;
		esac
	done
}

uninstall() {
	[ -f "$root/$installed_list" ] ||
		die "$STATUS_FAILED" "nothing is installed there: there is no $root/$installed_list"
	[ -w "$root/${installed_list%/*}" ] || die "$STATUS_FAILED" "cannot write to $root/${installed_list%/*}"
	remove_others /dev/null
	rm "$root/$installed_list"
	rmdir "$root/${installed_list%/*}"
}
