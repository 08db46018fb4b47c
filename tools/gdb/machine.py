"""gdb commands for the machine under `./twizzler debug`: what the kernel knows, read from its memory.

    twz-objects         the objects that the kernel knows, and who shows them
    twz-views           the views in use, and what is in their slots
    twz-threads         threads: what they do, where they are in their programs
    twz-trace [N]       the last N events (20) of each processor's trace ring
    twz-type TEXT       types a line at the machine's console
    guest NAME          loads the symbols of a program, bin/NAME or test/NAME
"""

import os

import gdb


def value(expression):
    """Of the kernel, whose memory can be read only once it has made its page tables."""
    try:
        gdb.parse_and_eval("ncpus").fetch_lazy()
    except gdb.MemoryError:
        raise gdb.GdbError("the kernel has not started yet: set a breakpoint and continue (c)")
    return gdb.parse_and_eval(expression)


def name_of(enum, number, prefix):
    """The enumerator with this value, without its prefix, in small letters."""
    for field in gdb.lookup_type("enum " + enum).fields():
        if field.enumval == number:
            return field.name[len(prefix):].lower()
    return str(number)


def id_text(id):
    """As the tools print it, the first half only: enough to tell objects apart."""
    return "%016x" % int(id["hi"])


def walk(first, link):
    """The elements of a chain that ends with null."""
    while first:
        yield first
        first = first[link]


def objects():
    table = value("'object.c'::hash")
    for bucket in range(table.type.range()[1] + 1):
        yield from walk(table[bucket], "next")


def describe(object):
    """In a few words."""
    kind = name_of("twz_type", int(object["identity"]["type"]), "TWZ_TYPE_")
    return "%s %s %s" % (id_text(object["id"]), object["medium"]["name"].string(), kind)


class Command(gdb.Command):
    """A command of this file; those derived say their name."""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)


class Objects(Command):
    """The objects that the kernel knows: ID, medium, type, holds, leaf table frames, slots."""

    name = "twz-objects"

    def invoke(self, argument, from_tty):
        for object in objects():
            shown = ["view %d slot %d" % (int(b["view"]["number"]), int(b["slot"]))
                     for b in walk(object["bindings"], "object_next")]
            print("%-32s holds %d, tables %d%s%s" % (
                describe(object), int(object["holds"]), int(object["tables"]["count"]),
                ", deleted" if object["deleted"] else "",
                ": " + ", ".join(shown) if shown else ""))


class Views(Command):
    """The views in use: number, threads, root, and what each bound slot shows."""

    name = "twz-views"

    def invoke(self, argument, from_tty):
        for view in (o["view"] for o in objects() if o["view"]):
            print("view %d (%s): %d threads, root %#x" % (
                int(view["number"]), id_text(view["object"]["id"]), int(view["threads"]),
                int(view["root"])))
            bindings = [b for bucket in range(view["bucket"].type.range()[1] + 1)
                        for b in walk(view["bucket"][bucket], "next")]
            for binding in sorted(bindings, key=lambda b: int(b["slot"])):
                print("    slot %5d, rights %x: %s" % (
                    int(binding["slot"]), int(binding["rights"]), describe(binding["object"])))


class Threads(Command):
    """The threads: number, name, what each does, view, and where it is in its program."""

    name = "twz-threads"

    def invoke(self, argument, from_tty):
        for thread in (o["thread"] for o in objects() if o["thread"]):
            state = ("runs" if thread["running"] else "sleeps" if thread["sleeps"] else "is ready")
            print("thread %d (%s) %s, view %d, owner %d; saved rip %#x rsp %#x" % (
                int(thread["number"]), thread["page"]["name"].string(errors="replace"), state,
                int(thread["view"]["number"]), int(thread["owner"]["number"]),
                int(thread["regs"]["rip"]), int(thread["regs"]["rsp"])))


class Trace(Command):
    """What each processor did last, oldest first. An argument says how many events: 20."""

    name = "twz-trace"

    def invoke(self, argument, from_tty):
        if argument and not argument.isdigit():
            raise gdb.GdbError("twz-trace takes a number of events")
        wanted = int(argument) if argument else 20
        rings = value("trace_rings")
        for processor in range(int(value("ncpus"))):
            ring = rings[processor]
            count, room = int(ring["count"]), ring["event"].type.range()[1] + 1
            print("processor %d:" % processor)
            for i in range(max(0, count - min(wanted, room)), count):
                event = ring["event"][i % room]
                print("    %16d %-9s %x %x" % (
                    int(event["cycles"]), name_of("trace_kind", int(event["kind"]), "TRACE_"),
                    int(event["a"]), int(event["b"])))


class Type(Command):
    """Types a line at the machine's console, for the prompt: twz-type ls /text"""

    name = "twz-type"

    def invoke(self, argument, from_tty):
        if "TWZ_CONSOLE" not in os.environ:
            raise gdb.GdbError("this is not ./twizzler debug without a program")
        with open(os.environ["TWZ_CONSOLE"], "w", encoding="utf-8") as console:
            console.write(argument + "\n")


class Guest(Command):
    """Loads the symbols of a program of the machine: guest prompt, guest test/NAME."""

    name = "guest"

    def invoke(self, argument, from_tty):
        build = os.environ.get("TWZ_BUILD", "build/debug")
        program = "%s/guest/%s" % (build, argument if "/" in argument else "bin/" + argument)
        if not os.path.exists(program):
            raise gdb.GdbError("there is no program %s" % program)
        # It is linked where it runs.
        gdb.execute("add-symbol-file " + program)


for command in (Objects, Views, Threads, Trace, Type, Guest):
    command()
