#!/bin/sh
# The piece `machine_users`: users on the machine: logging in, what one has and the other has not, what is given for
# a while, rights raised for a program, and attacks on the keyring (tests/guest/run/users.c).
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/machine/common
. tests/machine/common
s=users.store
options="--timeout 500 --silence 300"

# as_user NAME COMMAND...: the command of a log-in that runs the commands.
as_user() {
	line="login --passphrase-file /$1.pass $1"
	shift
	for command; do
		line="$line --exec '$command'"
	done
	echo "$line"
}

echo sesame >alice.pass
echo secret >bob.pass
echo wrong >wrong.pass
echo 'bread, ink' >note
run 0 twz mkstore $s --size 64M
run 0 twz put $s alice.pass bob.pass wrong.pass /
m 126 'login --passphrase-file /alice.pass alice'
says 'login: alice: no keyring serves here: this store has no users'
run 0 twz user $s new alice --passphrase-file alice.pass --pages 600 --frames 3000
run 0 twz user $s new bob --passphrase-file bob.pass
run 0 twz get $s /secrets/alice alice.key
run 0 twz get $s /secrets/bob bob.key
chmod 600 alice.key bob.key
run 0 twz put $s --key alice.key note /home/alice/note

# ---- logging in ----------------------------------------------------------------------------------

m 7 whoami "$(as_user alice whoami 'cat /home/alice/note' 'exit 7')"
says 'user     alice'
says "key      $(twz key show alice.key | sed -n 's/^id *//p')"
says 'bread, ink'
if [ "$(grep -c '^user' "$out")" = 1 ]; then passes; else fails 'the boot context is a user'; fi
m 126 'login --passphrase-file /wrong.pass alice' 'login --passphrase-file /wrong.pass nobody' \
	'login --passphrase-file /none alice'
same "$out" - <<'LIST'
login: alice: there is no such user, or the passphrase is wrong
login: nobody: there is no such user, or the passphrase is wrong
login: /none: there is no such object or name
LIST
m 2 'login a b'
# Typed, or from where a line comes from; a log-in within one.
run 0 sh -c "printf 'alice\nsesame\nwhoami\nlogin bob\nsecret\nwhoami\nexit\nwhoami\n' |
	'$build/vm' --store $s $options --exec login 2>&1"
tr -d '\r' <"$out" | sed -n 's/^user *//p' >logged
printf 'alice\nbob\nalice\n' | same logged -
if grep -q 'sesame\|secret' "$out"; then fails 'the passphrase is shown'; else passes; fi

# ---- what is whose -------------------------------------------------------------------------------

m 1 'as /users/alice whoami' 'cat /home/alice/note' 'ls /home/alice' 'stat /home/alice' \
	"$(as_user bob 'cat /home/alice/note' 'ls /home/alice' 'cat /secrets/bob' 'ls /secrets' \
		'as /users/alice whoami' 'stat /home/alice')"
same "$out" - <<'LIST'
as: /users/alice: the object of that name is gone, or there is no right to it
cat: /home/alice/note: there is no such object or name
ls: /home/alice: the object of that name is gone, or there is no right to it
stat: /home/alice: the object of that name is gone, or there is no right to it
cat: /home/alice/note: there is no such object or name
ls: /home/alice: the object of that name is gone, or there is no right to it
cat: /secrets/bob: there is no such object or name
ls: /secrets: the object of that name is gone, or there is no right to it
as: /users/alice: the object of that name is gone, or there is no right to it
stat: /home/alice: the object of that name is gone, or there is no right to it
LIST
m 0 "$(as_user bob ls)" "$(as_user alice 'ls /home/alice' 'access /home/alice/note')"

# ---- given, for a while --------------------------------------------------------------------------

m 0 "$(as_user alice 'cap make /home/alice r --for /users/bob --out /home/alice/gift')"
gift=$(cat "$out")
m 0 "$(as_user bob "cap add $gift" 'ls /home/alice')"
same "$out" - <<'LIST'
gift
note
LIST
m 1 "$(as_user bob 'cat /home/alice/note')"
says 'cat: /home/alice/note: the object of that name is gone, or there is no right to it'
# On a busy host it takes longer until bob has read it.
for seconds in 10 60 200; do
	m 1 "$(as_user alice "cap make /home/alice/note r --for /users/bob --until +${seconds}s --out /home/alice/brief")" \
		"$(as_user bob 'cap add /home/alice/brief' 'cat /home/alice/note')" \
		"wait --timeout $((seconds + 1)) name /" "$(as_user bob 'cat /home/alice/note')"
	! grep -q 'bread, ink' "$out" || break
done
says 'bread, ink'
says 'cat: /home/alice/note: the object of that name is gone, or there is no right to it'
m 0 "$(as_user bob 'access /home/alice')"
says 'read     yes  a capability gives it'

# For another's context, changed, without a session.
run 0 twz get $s "$gift" gift
cp gift forged
printf '\003' | dd of=forged bs=1 seek=8 conv=notrunc status=none # to write as well
run 0 twz put $s --key bob.key forged gift /home/bob
m 1 "cap add $gift"
says 'cap: '
m 1 "$(as_user alice "cap add $gift")"
says 'there is no such object or name'
m 1 "$(as_user bob 'cap add /home/bob/forged' 'access /home/alice' 'cp /home/bob/gift /home/alice/new')"
says 'write    no   a signature of the capability is wrong'
says 'cp: /home/alice/new: the right is not granted'
m 1 "$(as_user bob 'cap make /home/bob r --for /users/alice')"
says 'cap: /users/alice: the object of that name is gone, or there is no right to it'
m 1 'cap make /wrong.pass r --for /users/bob --out /gift'
says 'nobody has logged in here, so the keyring does not sign; --sign SECRET does'

# ---- rights raised for a while -------------------------------------------------------------------

run 0 twz put $s note /journal
run 0 twz sctx $s new /admin
run 0 twz cap $s make /journal rw --for /admin
run 0 twz cap $s make /admin u --for /users/alice --until +1h
m 1 "$(as_user alice 'cat /journal' 'as /admin cat /journal' 'cat /journal')"
same "$out" - <<'LIST'
cat: /journal: the object of that name is gone, or there is no right to it
bread, ink
cat: /journal: the object of that name is gone, or there is no right to it
LIST
m 126 "$(as_user bob 'as /admin cat /journal')"
says 'as: /admin: the object of that name is gone, or there is no right to it'

# ---- attacks, limits -----------------------------------------------------------------------------

s=attacked.store
run 0 twz mkstore $s --size 64M
run 0 twz user $s new alice --passphrase-file alice.pass --pages 600 --frames 3000
run 0 twz user $s new bob --passphrase-file bob.pass
run 0 sh -c "'$build/vm' --kernel '$build/machine/kernel-check' --boot '$build/machine/boot-test' --smp 2 \
	--store $s $options --exec users 2>&1"
says 'users: end: nothing is signed any more'
says 'users: all is as it must be'
run 0 twz check $s
says '0 violations'

finish machine_users
