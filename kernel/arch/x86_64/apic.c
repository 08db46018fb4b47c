/*
 * apic.c - local APIC, by its registers in memory, and IO APIC.
 */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/plat/pc/port.h"

enum local {
	LOCAL_ID = 0x20,
	LOCAL_TASK_PRIORITY = 0x80,
	LOCAL_END = 0xb0,
	LOCAL_SPURIOUS = 0xf0,
	LOCAL_COMMAND = 0x300,
	LOCAL_COMMAND_TO = 0x310,
	LOCAL_TIMER = 0x320,
	LOCAL_LINE0 = 0x350,
	LOCAL_LINE1 = 0x360,
	LOCAL_ERROR = 0x370,
	LOCAL_COUNT = 0x380,
	LOCAL_COUNT_NOW = 0x390,
	LOCAL_DIVIDE = 0x3e0,
};
#define SPURIOUS_ENABLE 0x100u
#define DELIVER_NMI 0x400u
#define DELIVER_INIT 0x500u
#define DELIVER_STARTUP 0x600u
#define COMMAND_PENDING 0x1000u
#define COMMAND_ASSERT 0x4000u
#define COMMAND_OTHERS 0xc0000u /* to all but this one */
#define MASKED 0x10000u
#define DIVIDE_BY_1 0xbu

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_X2 0x400u
#define APIC_BASE_ENABLE 0x800u

enum io {
	IO_SELECT = 0x00,
	IO_WINDOW = 0x10,
	IO_VERSION = 1, /* registers, by IO_SELECT */
	IO_REDIRECTION = 0x10,
};
#define IO_LOW_ACTIVE 0x2000u
#define IO_LEVEL 0x8000u
#define MADT_LOW_ACTIVE 0x3u /* in isa_flags; 0: as the bus does, which is high, edge */
#define MADT_LEVEL 0xcu

/* The old interrupt controllers and timer. */
#define PIC_MASK_1 0x21
#define PIC_MASK_2 0xa1
#define PIT_CHANNEL_2 0x42
#define PIT_MODE 0x43
#define PIT_MODE_2_ONCE 0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_GATE 0x61
#define PIT_GATE_ON 0x01
#define PIT_SPEAKER 0x02
#define PIT_OUT 0x20

#define PM_TIMER_HZ 3579545u
#define PM_TIMER_TRIES 8u
#define PM_TIMER_MEASURE 3200u /* ticks, 0.9 ms */
#define PIT_HZ 1193182u
#define PIT_MEASURE 1066u
/* A timer that stands still must not keep the machine from starting: no tick in so many readings. */
#define READINGS_MAX 10000000u

bool apic_stopping;

#define RATIO_SHIFT 24
#define LEFT_MAX ((uint64_t)1 << 36) /* cycles that are converted to ticks in 64 bits */
static uint64_t timer_ratio;         /* the timer's ticks in 2^RATIO_SHIFT cycles */
static bool ready;                   /* apic_start of the first processor is through */

static volatile uint32_t *local(enum local reg)
{
	return direct(machine.local_apic + reg);
}

static uint32_t io_read(uint32_t reg)
{
	*(volatile uint32_t *)direct(machine.io_apic + IO_SELECT) = reg;
	return *(volatile uint32_t *)direct(machine.io_apic + IO_WINDOW);
}

static void io_write(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)direct(machine.io_apic + IO_SELECT) = reg;
	*(volatile uint32_t *)direct(machine.io_apic + IO_WINDOW) = value;
}

/* ---- the clocks ----------------------------------------------------------------------------------- */

struct moment {
	uint64_t cycles;
	uint32_t timer; /* counts down */
};

static struct moment now(void)
{
	return (struct moment){cycles(), *local(LOCAL_COUNT_NOW)};
}

static uint32_t pm_timer_since(uint32_t start)
{
	return (port_get32(machine.pm_timer_port) - start) &
	       (machine.pm_timer_32bit ? 0xffffffff : 0xffffff);
}

/*
 * ACPI's timer and the other two at one moment. An emulator can be interrupted between two of the
 * readings, for milliseconds: the tightest of some tries counts.
 */
static uint32_t pm_timer_now(struct moment *moment)
{
	uint64_t least = ~0ull;
	uint32_t ticks = 0;

	for (unsigned i = 0; i < PM_TIMER_TRIES; i++) {
		uint64_t before = cycles();
		uint32_t read = port_get32(machine.pm_timer_port);
		struct moment after = now();

		if (after.cycles - before >= least)
			continue;
		least = after.cycles - before;
		ticks = read;
		*moment = after;
	}
	return ticks;
}

/* False: it stands still. */
static bool measure_by_pm_timer(struct moment *from, struct moment *to, uint64_t *ticks)
{
	uint32_t start = pm_timer_now(from);
	unsigned readings = 0;

	while (pm_timer_since(start) < PM_TIMER_MEASURE)
		if (++readings == READINGS_MAX)
			return false;
	*ticks = (pm_timer_now(to) - start) & (machine.pm_timer_32bit ? 0xffffffff : 0xffffff);
	return true;
}

static bool measure_by_pit(struct moment *from, struct moment *to)
{
	uint8_t gate = port_get8(PIT_GATE) & (uint8_t) ~(PIT_SPEAKER | PIT_GATE_ON);

	port_put8(PIT_GATE, gate | PIT_GATE_ON);
	port_put8(PIT_MODE, PIT_MODE_2_ONCE);
	port_put8(PIT_CHANNEL_2, PIT_MEASURE & 0xff);
	port_put8(PIT_CHANNEL_2, PIT_MEASURE >> 8);
	*from = now();
	for (unsigned i = 0; !(port_get8(PIT_GATE) & PIT_OUT); i++)
		if (i == READINGS_MAX)
			return false;
	*to = now();
	port_put8(PIT_GATE, gate);
	return true;
}

static void measure(void)
{
	struct moment from, to;
	uint64_t ticks, hz;

	*local(LOCAL_TIMER) = MASKED;
	*local(LOCAL_DIVIDE) = DIVIDE_BY_1;
	*local(LOCAL_COUNT) = 0xffffffff;
	if (machine.pm_timer_port && measure_by_pm_timer(&from, &to, &ticks)) {
		hz = PM_TIMER_HZ;
	} else if (measure_by_pit(&from, &to)) {
		ticks = PIT_MEASURE;
		hz = PIT_HZ;
	} else {
		panic("apic: neither ACPI's timer nor the PIT counts");
	}
	*local(LOCAL_COUNT) = 0;

	machine.cycles_per_s = (to.cycles - from.cycles) * hz / ticks;
	timer_ratio =
		((uint64_t)(from.timer - to.timer) << RATIO_SHIFT) / (to.cycles - from.cycles);
	if (!machine.cycles_per_s || !timer_ratio)
		panic("apic: time stamps or the timer stand still");
	klog("apic: %lu cycles and %lu ticks of the timer a second", machine.cycles_per_s,
	     (from.timer - to.timer) * hz / ticks);
}

void apic_timer(uint64_t at)
{
	uint64_t from = cycles(), ticks = 1; /* 0 is for never */

	if (at == ~0ull) {
		ticks = 0;
	} else if (at > from) {
		uint64_t left = at - from < LEFT_MAX ? at - from : LEFT_MAX;

		/* Rounded up, or it would come a little before its time. */
		ticks = (left * timer_ratio >> RATIO_SHIFT) + 1;
	}
	*local(LOCAL_COUNT) = ticks < 0xffffffff ? (uint32_t)ticks : 0xffffffff;
}

/* ---- messages --------------------------------------------------------------------------------------- */

uint32_t apic_id(void)
{
	return *local(LOCAL_ID) >> 24;
}

static void command(uint32_t to, uint32_t what)
{
	while (*local(LOCAL_COMMAND) & COMMAND_PENDING)
		cpu_pause();
	*local(LOCAL_COMMAND_TO) = to << 24;
	*local(LOCAL_COMMAND) = what;
}

void apic_send(const struct cpu *cpu, enum vector vector)
{
	command(cpu->apic_id, COMMAND_ASSERT | vector);
}

void apic_send_init(const struct cpu *cpu)
{
	command(cpu->apic_id, COMMAND_ASSERT | DELIVER_INIT);
}

void apic_send_startup(const struct cpu *cpu, uint64_t page)
{
	command(cpu->apic_id, COMMAND_ASSERT | DELIVER_STARTUP | (uint32_t)(page / TWZ_PAGE));
}

void apic_stop_others(void)
{
	if (!ready)
		return;
	__atomic_store_n(&apic_stopping, true, __ATOMIC_RELEASE);
	command(0, COMMAND_ASSERT | COMMAND_OTHERS | DELIVER_NMI);
}

void apic_end(void)
{
	*local(LOCAL_END) = 0;
}

/* ---- start ------------------------------------------------------------------------------------------ */

/* The old controllers stay silent, and every line of the IO APIC that nobody asked for. */
static void mask_lines(void)
{
	uint32_t last = io_read(IO_VERSION) >> 16 & 0xff;

	port_put8(PIC_MASK_1, 0xff);
	port_put8(PIC_MASK_2, 0xff);
	for (uint32_t i = 0; i <= last; i++)
		io_write(IO_REDIRECTION + 2 * i, MASKED);
}

void apic_init(void)
{
	if (!machine.local_apic || !machine.io_apic)
		panic("apic: ACPI names no %s APIC", machine.local_apic ? "IO" : "local");
	mask_lines();
	measure();
}

void apic_start(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	if ((low & (APIC_BASE_X2 | APIC_BASE_ENABLE)) != APIC_BASE_ENABLE)
		panic("apic: the firmware left it %s",
		      low & APIC_BASE_X2 ? "in x2APIC mode" : "off");
	*local(LOCAL_TASK_PRIORITY) = 0;
	*local(LOCAL_LINE0) = MASKED;
	*local(LOCAL_LINE1) = DELIVER_NMI; /* a button to find out where a processor hangs */
	*local(LOCAL_ERROR) = MASKED;
	*local(LOCAL_DIVIDE) = DIVIDE_BY_1;
	*local(LOCAL_COUNT) = 0;
	*local(LOCAL_SPURIOUS) = SPURIOUS_ENABLE | VECTOR_SPURIOUS;
	*local(LOCAL_TIMER) = VECTOR_TIMER; /* once */
	ready = true;
}

void apic_route(unsigned line, enum vector vector)
{
	uint32_t reg = IO_REDIRECTION + 2 * (machine.isa_line[line] - machine.io_apic_base);
	uint32_t flags = machine.isa_flags[line];
	uint32_t low = vector;

	if ((flags & MADT_LOW_ACTIVE) == MADT_LOW_ACTIVE)
		low |= IO_LOW_ACTIVE;
	if ((flags & MADT_LEVEL) == MADT_LEVEL)
		low |= IO_LEVEL;
	io_write(reg + 1, cpus[0].apic_id << 24);
	io_write(reg, low);
}
