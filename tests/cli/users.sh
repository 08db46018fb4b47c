#!/bin/sh
# The piece `cli_users`: users, made, listed and removed by twz: all of one or nothing, what they may, and who may
# read their private keys.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store
t=$twz
page=$OLDPWD/docs/man/twz.1

# access_is PERMS OBJECT CONTEXT: what access says, as letters.
access_is() {
	run 0 "$t" access "$s" "$2" --context "$3"
	said=$(awk '/^(read|write|execute|use|delete) / {
		printf "%s", $2 == "yes" ? substr("rwxud", NR, 1) : "-" }' "$out")
	if [ "$said" = "$1" ]; then
		passes
	else
		fails "access to $2 of $3 is $said, not $1"
	fi
}

# names_are NAME...: the store's names, of users and what all users stand on.
names_are() {
	run 0 "$t" tree "$s"
	sed 's/.*-- //' "$out" | sort >have
	printf '%s\n' "$@" | sort >want
	same have want
}

# ---- usage ---------------------------------------------------------------------------------------

run 0 "$t" user --help
says 'usage: twz user FILE new|list|remove'
if grep -q '^\.It Cm user$' "$page"; then passes; else fails "the manual's page lacks user"; fi
run 2 "$t" user
warns 'twz user --help'
run 2 "$t" user "$s" fly
run 2 "$t" user "$s" new
run 2 "$t" user "$s" new alice --pages many
warns 'is a number from 1 on'
long=a23456789012345678901234567890123
for name in '' .hidden Alice a/b 'a b' "$long"; do
	run 2 "$t" user "$s" new "$name"
	warns "a user's name is"
done

# ---- new -----------------------------------------------------------------------------------------

run 0 "$t" mkstore "$s" --size 32M
echo sesame >a.pass
: >empty.pass
run 1 "$t" user "$s" list
warns '/users'
cp "$s" before
run 1 "$t" user "$s" new alice --passphrase-file none.pass
warns 'none.pass: No such file'
run 1 "$t" user "$s" new alice --passphrase-file empty.pass
warns 'a passphrase is needed'
run 1 "$t" user "$s" new alice
warns 'a passphrase is needed'
run 0 "$t" key new --out other.key
run 1 "$t" user "$s" new alice --passphrase-file a.pass --sign other.key
warns "is not the system's key"
run 1 "$t" user "$s" new alice --passphrase-file a.pass --sign none.key
run 0 "$t" ls "$s"
silent

run 0 "$t" user "$s" new alice --passphrase-file a.pass --pages 500 --frames 4000
silent
run 0 sh -c "echo open | '$t' user '$s' new bob"
names_are / home/ secrets/ srv/ users/ alice alice alice/ bob bob bob/ keyring
run 0 "$t" check "$s"
says '0 notes, 0 violations'
run 0 "$t" user "$s" list
says 'alice'
says 'bob'
run 1 "$t" user "$s" new alice --passphrase-file a.pass
warns 'alice: there is such a user'
key=$("$t" user "$s" list | awk '$1 == "alice" { print $2 }')
run 0 "$t" key accounts "$s"
says "$key            2            8          500         4000"

# What each may: all to what is his, to find names; and nobody else anything.
access_is rwxud /home/alice /users/alice
access_is rwxud /users/alice /users/alice
access_is rwxud "$key" /users/alice
access_is r---- /users /users/alice
access_is r---- /srv /users/alice
for who in @boot /users/bob /srv/keyring; do
	access_is ----- /home/alice $who
	access_is ----- /users/alice $who
	access_is r---- "$key" $who
done
access_is rwxud /secrets/alice /srv/keyring
for who in @boot /users/alice /users/bob; do
	access_is ----- /secrets/alice $who
done
access_is rw-u- /srv/keyring @boot

access_is ----- /secrets /users/alice

# The private key is sealed, and by what is said; no passphrase is in the image.
run 0 "$t" get "$s" /secrets/alice secret
run 0 od -An -tu8 -j24 -N16 secret
says '3              8388608'
if grep -q sesame "$s"; then fails 'the passphrase is in the image'; else passes; fi
# As a key file it is the user's, with the passphrase.
cp secret alice.key
chmod 600 alice.key
run 0 "$t" key show alice.key
says "$key"
says 'under a passphrase'
run 0 "$t" put "$s" a.pass /note
run 1 sh -c "echo wrong | '$t' cap '$s' make /home/alice r --for /users/bob --sign alice.key"
warns 'the passphrase is wrong'
access_is ----- /home/alice /users/bob
run 0 sh -c "echo sesame | '$t' cap '$s' make /home/alice r --for /users/bob --sign alice.key"
access_is r---- /home/alice /users/bob

# All or nothing: a limit that the user's own objects do not fit in; then what an interrupted command left.
run 1 "$t" user "$s" new carol --passphrase-file a.pass --pages 5
warns 'carol: '
names_are / home/ secrets/ srv/ users/ alice alice alice/ bob bob bob/ keyring note
run 0 "$t" check "$s"
says '0 violations'
run 0 "$t" put "$s" a.pass /secrets/carol
run 0 "$t" user "$s" new carol --passphrase-file a.pass
run 0 "$t" check "$s"
says '0 violations'

# ---- remove --------------------------------------------------------------------------------------

run 1 "$t" user "$s" remove dave
warns 'dave: there is no such user'
mkdir -p drafts/deep
echo x >drafts/deep/x
run 0 "$t" put "$s" --key alice.key drafts /home/alice
run 1 "$t" user "$s" remove alice
warns '/home/alice: is not empty; --home deletes what is in it'
access_is rwxud /home/alice /users/alice
run 0 "$t" user "$s" remove alice --home
run 0 "$t" user "$s" remove carol
names_are / home/ secrets/ srv/ users/ bob bob bob/ keyring note
run 1 "$t" stat "$s" "$key"
run 0 "$t" put "$s" a.pass /secrets/dave
run 0 "$t" user "$s" remove dave # what was left
run 0 "$t" user "$s" new alice --passphrase-file a.pass
run 0 "$t" check "$s"
says '0 violations'

# A store without a key has no users.
run 0 "$t" mkstore plain --size 16M --no-key
run 1 "$t" user plain new alice --passphrase-file a.pass
warns 'plain: has no key, and so no users'

finish cli_users
