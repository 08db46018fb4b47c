# packages.sh: installs what is missing. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2086,SC2154 # numbers and words that the front door has set

# The packages among the arguments that are not installed. One question for all: it is asked each time.
missing_packages() {
	{
		dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true
		printf 'wanted %s\n' "$@"
	} | awk '$1 == "installed" { have[$2] = 1 } $1 == "wanted" && !have[$2] { printf " %s", $2 }'
}

install_log=build/packages.log

apt_get() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >>$install_log 2>&1
}

need_packages() {
	# Elsewhere than on Debian the compiler says best what is missing.
	command -v dpkg-query >/dev/null 2>&1 || return 0
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	by_hand="apt-get update && apt-get install -y --no-install-recommends$missing"
	person=
	if [ -t 0 ] && [ -t 2 ] && [ -z "${CI:-}" ]; then
		person=yes
	fi
	if [ "$(id -u)" = 0 ]; then
		as_root=
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		as_root='sudo -n'
	elif command -v sudo >/dev/null 2>&1 && [ -n "$person" ]; then
		as_root=sudo
	else
		die $STATUS_BUILD "packages are missing; as root: $by_hand"
	fi
	if [ -n "$person" ]; then
		printf 'twizzler: these packages are missing:%s\ninstall? [Y/n] ' "$missing" >&2
		read -r answer || answer=n
		case $answer in
		'' | [Yy]*) ;;
		*) die $STATUS_BUILD "to install them, as root: $by_hand" ;;
		esac
		[ "$as_root" != sudo ] || sudo -v || die $STATUS_BUILD "as root: $by_hand"
	fi
	note "installing$missing"
	mkdir -p build
	: >$install_log
	# The lists of packages are fetched only when the ones here do not do.
	# shellcheck disable=SC2086
	apt_get install -y --no-install-recommends $missing ||
		{ apt_get update && apt_get install -y --no-install-recommends $missing; } || {
		tail -n 5 $install_log >&2
		die $STATUS_BUILD "the packages could not be installed (is there a network?)." \
			"As root: $by_hand"
	}
}
