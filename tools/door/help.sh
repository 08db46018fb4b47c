# help.sh: what `./twizzler help` prints. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2154 # numbers and words that the front door has set

help_main() {
	cat <<'EOF'
Twizzler in C: an operating system for data that outlives its programs.

    ./twizzler run       make a store on first use, boot, and open a prompt in it
    ./twizzler test      run the tests
    ./twizzler bench     measure, and check the figures against their bounds
    ./twizzler build     only build
    ./twizzler install   install the library, for programs of your own on Linux
    ./twizzler image     make a disk image that boots by UEFI
    ./twizzler debug     the machine, or a program, under gdb
    ./twizzler clean     remove what was built, never a store
    ./twizzler help COMMAND, or ./twizzler COMMAND --help, says more.

Start with ./twizzler run. What is missing on a Debian machine is installed first: a person at a
terminal is asked; without the right to install, the line to run is printed.
EOF
}

help_run() {
	cat <<EOF
usage: ./twizzler run [--on qemu|linux] [--store FILE] [--size SIZE] [--exec 'COMMAND']...
                      [--timeout SECONDS] [--profile debug|release] [--verbose]
                      [--smp N] [--mem SIZE] [--icount] [--accel tcg|kvm|auto] [--log FILE] [--check]

Builds if needed, makes the store if FILE does not exist, boots and opens a prompt. All that is
stored survives the end of this process, however it ends: killing it is pulling the plug.

    --on qemu           boot the machine in QEMU, with the store as its persistent memory; the default
    --on linux          run as Linux processes, without a kernel of its own and without protection
    --store FILE        the store; by default twizzler.store in the project folder
    --size SIZE         the size of a store that is made now, such as 64M or 4G; by default $DEFAULT_SIZE
    --exec 'COMMAND'    run COMMAND instead of opening a prompt; may be repeated. Only the commands'
                        output goes to stdout.
    --timeout SECONDS   end after so many seconds
    --profile P         debug or release (the default)
    --verbose           show the build

The machine:

    --smp N             processors, 1 (the default) to 16
    --mem SIZE          memory beside the store; by default 512M
    --icount            time is counted in instructions, the same in every run
    --accel A           tcg: in software. kvm: by the processor. auto, the default: kvm if the
                        processor has it, else tcg
    --log FILE          where the kernel's log goes, - is stderr. Without this, its end is shown when
                        the kernel panics or hangs
    --check             the kernel that checks itself: slower

At a terminal, Ctrl-A x pulls the plug, and Ctrl-A a types a Ctrl-A.
A new store holds /text: the licences that Debian ships and this project's documents.

exit status
    0 to 119   that of the last command (0 when the prompt was left); with qemu, what the machine
               was turned off with
    2          usage error, here or in a command
    120        qemu: the kernel panicked; the end of its log is on stderr
    121        qemu: the kernel hangs: it gave no sign of life for 20 seconds
    122        qemu: the machine ended without a word of the kernel (triple fault, QEMU failed)
    124        the time-out passed
    125        the store cannot be used or made
    126        packages are missing or the build failed
    127        there is no such command
    128 + N    a command crashed with signal N (134 abort, 139 segmentation fault), or was killed
EOF
}

help_test() {
	cat <<EOF
usage: ./twizzler test [NAME...] [--long] [--list] [--jobs N] [--profile debug|release] [--verbose]

Builds and runs the tests; the last line is "N passed, N failed". With NAMEs, which may be shell
patterns such as 'core_*', only those pieces are built and run.

    --list       print the names of the pieces
    --long       the large counts
    --jobs N     run N pieces at a time; by default 2
    --profile P  debug (the default) or release
    --verbose    show the build

What a piece printed is kept in build/PROFILE/test/log/NAME.log; its end is shown when it fails. A
piece that crashes, takes more than $PIECE_SECONDS seconds ($PIECE_SECONDS_LONG with --long) or reports nothing is one
failure more.

exit status: 0 all passed, 1 something failed, 2 usage error, 126 packages missing or build failed
EOF
}

help_bench() {
	cat <<'EOF'
usage: ./twizzler bench [NAME...] [--json] [--list] [--verbose]

Builds for release, measures, and prints a line for each figure: name, value, unit, bound, and
whether the value holds the bound ("-": there is none). With NAMEs, only those measurements.

    --json     an array of objects instead of a table
    --list     print the names of the measurements
    --verbose  show the build

exit status: 0 every bound holds, 1 one does not or a measurement failed, 2 usage error,
126 packages missing or build failed
EOF
}

help_build() {
	cat <<'EOF'
usage: ./twizzler build [TARGET...] [--profile debug|release] [--verbose]

Builds the programs and tools into build/PROFILE (release by default), or the named targets of the
Makefile, such as tests or bench.

exit status: 0, 2 usage error, 126 packages missing or build failed
EOF
}

help_install() {
	cat <<'EOF'
usage: ./twizzler install [--prefix DIR] [--destdir DIR] [--uninstall] [--profile debug|release]
                          [--verbose]

Builds and installs libtwz (static and shared, headers, pkg-config's twz), the tool twz and the manual
pages. All is copied before the first file gets its name; what an install before has left is removed.

    --prefix DIR   where it belongs; by default /usr/local, which root may write to
    --destdir DIR  put it below DIR, for who makes a package: DIR/PREFIX/lib and so on
    --uninstall    remove what was installed there
    --profile P    debug or release (the default)
    --verbose      show the build

    cc program.c $(pkg-config --cflags --libs twz)

builds a program with it. For a prefix of your own, PKG_CONFIG_PATH=PREFIX/lib/pkgconfig finds it, and
LD_LIBRARY_PATH=PREFIX/lib its shared library.

exit status: 0, 1 it cannot be written there, 2 usage error, 126 packages missing or build failed
EOF
}

help_image() {
	cat <<'EOF'
usage: ./twizzler image [FILE] [--exec 'COMMAND']... [--check] [--profile debug|release] [--verbose]

Builds the machine and writes a disk image that a computer with UEFI boots: a FAT volume with the
kernel, its boot archive and a loader. By default FILE is twizzler.img in the project folder. Persistent
memory is the computer's own: the first NVDIMM that ACPI reports.

    --exec 'COMMAND'    run COMMAND instead of opening a prompt; may be repeated
    --check             the kernel that checks itself: slower
    --profile P         debug or release (the default)
    --verbose           show the build

build/release/vm --store FILE --disk IMAGE boots it in QEMU, with the package ovmf.

exit status: 0, 1 the image could not be made, 2 usage error, 126 packages missing or build failed
EOF
}

help_debug() {
	cat <<'EOF'
usage: ./twizzler debug [--store FILE] [--smp N] [--check] [--verbose]
       ./twizzler debug [--store FILE] [--verbose] PROGRAM [ARGUMENT...]

Builds for debugging. Without a PROGRAM it starts the machine, stopped before its first instruction,
and gdb on its kernel, with these commands beside gdb's own:

    twz-objects, twz-views, twz-threads, twz-trace [N]    what the kernel knows
    twz-type TEXT                                         type a line at the console
    guest NAME                                            load the symbols of a program

The console's output and the kernel's log come between gdb's. Type c to start; Ctrl-C stops.

    --smp N             processors
    --check             the kernel that checks itself

With a PROGRAM, gdb is opened on what the prompt would run on Linux for "PROGRAM ARGUMENT...",
following the program that the prompt starts. PROGRAM may also be twz, or the name of a test executable
such as core_store. Type run to start.

exit status: gdb's, 2 usage error, 125 the store cannot be made, 126 packages missing or build failed
EOF
}

help_clean() {
	cat <<'EOF'
usage: ./twizzler clean

Removes build/. It never removes a store: when one lies in build/, it says so and removes nothing.
EOF
}
