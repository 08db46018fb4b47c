# store.sh: makes a store with texts in it. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2086,SC2154 # numbers and words that the front door has set

# The path of the store as the user meant it, who may have started elsewhere.
absolute() {
	case $1 in
	/*) printf '%s' "$1" ;;
	*) printf '%s' "$start/$1" ;;
	esac
}

# What was left by a first run that was killed.
remove_leftovers() {
	for left in "$1".making.*; do
		[ -e "$left" ] || continue
		kill -0 "${left##*.making.}" 2>/dev/null || rm -rf "$left"
	done
}

# gather_texts FOLDER: makes it, with the texts of a new store in text. Called where `set -e` is off.
gather_texts() {
	mkdir "$1" "$1/text" "$1/text/licences" || return 1
	for licence in /usr/share/common-licenses/*; do
		# A link only repeats the text of another name.
		if [ -f "$licence" ] && [ ! -L "$licence" ]; then
			cp "$licence" "$1/text/licences/" || return 1
		fi
	done
	[ ! -f README.md ] || cp README.md "$1/text/" || return 1
	[ ! -d docs ] || find docs -type f -name '*.md' | while IFS= read -r document; do
		mkdir -p "$1/text/${document%/*}" && cp "$document" "$1/text/$document" || exit 1
	done
}

# make_store FILE SIZE: under another name in the same folder, and renamed when it is whole. The
# texts are gathered as a tree beside it and put into the store in one go.
make_store() {
	[ -d "$(dirname "$1")" ] || die $STATUS_STORE "there is no folder $(dirname "$1") for the store"
	[ -w "$(dirname "$1")" ] || die $STATUS_STORE "the folder $(dirname "$1") cannot be written to"
	remove_leftovers "$1"
	making=$1.making.$$
	trap 'rm -rf "$making"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	note "making the store $1 ($2)"
	gather_texts "$making" || die $STATUS_STORE "the store $1 could not be made"
	status=0
	# The system's private key lies beside the store; one that is there is used. It comes before the
	# store: a key without a store does no harm, a store without its key cannot be administered.
	key=
	[ ! -e "$1.key" ] || key=--key=$1.key
	{
		"build/$profile/twz" mkstore "$making/store" --size "$2" ${key:+"$key"} &&
			"build/$profile/twz" service "$making/store" add console names \
			${key:+--sign="$1.key"} &&
		"build/$profile/twz" put "$making/store" "$making/text" /text
	} >"$making/log" 2>&1 || status=$?
	if [ "$status" != 0 ]; then
		tail -n 20 "$making/log" >&2
		[ "$status" = $STATUS_USAGE ] || status=$STATUS_STORE
		die "$status" "the store $1 could not be made"
	fi
	sync "$making/store"
	if [ -e "$making/store.key" ]; then
		mv -n "$making/store.key" "$1.key"
		[ ! -e "$making/store.key" ] ||
			die $STATUS_STORE "another run is making the store $1: its key is there already"
	fi
	# Never over a store that another first run put there meanwhile.
	mv -n "$making/store" "$1"
	sync "$(dirname "$1")"
	rm -rf "$making"
	trap - EXIT INT TERM HUP
}
