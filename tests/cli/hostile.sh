#!/bin/sh
# The piece `cli_hostile`: what lies inside of objects is overwritten (meta pages, FOTs, heaps, logs,
# containers, queues, contexts, names), and what twz shows of it is an answer or an error, under sanitizers; JSON is
# valid. `cli_damage` overwrites more of the store itself.
#
# The seed is fixed, so that it is the same in every run; TWZ_SEED is another one. --long does thirty
# times as much.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
stores=40
[ "${1:-}" != --long ] || stores=1200
seed=${TWZ_SEED:-1}
echo "seed: $seed"
gcc -std=gnu11 -Wall -Wextra -Werror -pthread -I. -Ilib/include -o "$work/fill" tests/cli/look.c \
	-Wl,--start-group "$build/libtwz.a" "$build/librt.a" "$build/libcore.a" -Wl,--end-group -lsodium
sanitized=$build/asan/twz
[ -x "$sanitized" ] || sanitized=$twz
cd "$work"

mkdir -p text/sub
echo a >text/a
echo b >text/sub/b
echo passphrase >passphrase
run 0 "$twz" mkstore sound --size 16M
run 0 "$twz" put sound text /text
run 0 env TWZ_STORE=sound ./fill
run 0 "$bin/prompt" --store sound --exec 'queue make /q' --exec 'queue send /q one two'
run 0 "$twz" user sound new alice --passphrase-file passphrase
run 0 "$twz" sctx sound mask @boot /here --mask r

cat >hostile.py <<'PYTHON'
import json, random, subprocess, sys

twz, seed, stores = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dice = random.Random(seed)
sound = open("sound", "rb").read()
lines = [at for at in range(0, len(sound), 64) if any(sound[at:at + 64])]
containers = [at for at in lines if b"wmap" in sound[at & ~4095:(at & ~4095) + 4096]]
words = [0, 1, 0x2000, 0x100000, 0x400000, 1 << 30, (1 << 40) - 1, 1 << 40, 1 << 63, (1 << 64) - 1]
commands = ["graph it", "graph it --from /here", "graph it --from /there --json --depth 9",
            "hexdump it /here --all", "hexdump it /there --all", "hexdump it / --all --json",
            "hexdump it /q", "hexdump it @boot --all", "hexdump it /users/alice --json",
            "diff it sound", "diff it /here /there --json", "check it --json", "stat it /here --json",
            "fot it /here --json", "tie it /there --json", "sctx it show @boot --json",
            "sctx it show /users/alice --json", "access it /here --json", "user it list --json",
            "ls it -l --json", "tree it --json", "key accounts it --json"]
passed = failed = 0

def damage():
    image = bytearray(sound)
    for _ in range(2 ** dice.randrange(5)):
        where = containers if dice.random() < 0.3 else lines
        at, how = dice.choice(where) + 8 * dice.randrange(8), dice.random()
        if how < 0.3:
            image[at + dice.randrange(8)] ^= 1 << dice.randrange(8)
        elif how < 0.6:
            image[at:at + 8] = bytes(dice.randrange(256) for _ in range(8))
        elif how < 0.9:
            image[at:at + 8] = dice.choice(words).to_bytes(8, "little")
        else:
            other = dice.choice(lines)
            image[at:at + 8] = image[other:other + 8]
    open("it", "wb").write(image)

def wrong(command):
    try:
        done = subprocess.run([twz] + command.split(), capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "no answer"
    if b"runtime error" in done.stderr or b"Sanitizer" in done.stderr:
        return done.stderr.decode(errors="replace")[:400]
    # That something differs needs no message.
    if done.returncode not in (0, 1, 2) or (done.returncode and not done.stderr and
                                            (command[:4] != "diff" or done.returncode != 1)):
        return "status %d: %s" % (done.returncode, done.stderr)
    if "--json" in command:
        try:
            json.loads(done.stdout)
        except ValueError as e:
            return "JSON: %s" % e
    return None

for store in range(stores):
    damage()
    for command in dice.sample(commands, 4):
        why = wrong(command)
        passed += not why
        failed += bool(why)
        if why:
            print("FAILED: store %d: twz %s: %s" % (store, command, why))
print(passed, failed, file=open("counts", "w"))
PYTHON
python3 hostile.py "$sanitized" "$seed" "$stores"
read -r more wrong <counts
passed=$((passed + more)) failed=$((failed + wrong))

finish cli_hostile
