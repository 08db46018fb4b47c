/* start.c - from the kernel to main, and the end (minimal.h). */
#include "core/pmem.h"
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define MAJOR(version) ((version) >> 16)
#define MINOR(version) ((version)&0xffff)

#define STATUS_UNUSABLE 125
#define STATUS_REFUSED 126

struct minimal minimal = {.name = "program"};

int main(int argc, char **argv);
void start(const struct twz_start *given);

/* The linker's (program.ld). */
extern void (*const program_constructors[])(void), (*const program_constructors_end[])(void);
extern void (*const program_destructors[])(void), (*const program_destructors_end[])(void);
extern const struct twz_built_with __start_twz_built_with[], __stop_twz_built_with[];

void _start(void); /* entry.S */

/* The image's first bytes, struct twz_program; the linker adds the counts of pages (program.ld). */
static const struct {
	uint64_t magic;
	uint32_t version, rt_version;
	void (*entry)(void), (*recovery)(void);
} header __attribute__((used, section(".header"))) = {
	.magic = TWZ_PROGRAM_MAGIC,
	.version = 1,
	.rt_version = TWZ_RT_VERSION,
	.entry = _start,
	.recovery = _start, /* struct twz_start says which it is */
};
TWZ_PIN(sizeof(header) == offsetof(struct twz_program, text_pages));

uint32_t twz_rt_version(void)
{
	return TWZ_RT_VERSION;
}

static bool fits(uint32_t there, uint32_t wanted)
{
	return MAJOR(there) == MAJOR(wanted) && MINOR(there) >= MINOR(wanted);
}

/* Was everything in this program built for this runtime, and is this the kernel that it needs? */
static void check_versions(void)
{
	struct message m = message_begin();

	if (!fits(minimal.sys.version, TWZ_SYS_VERSION)) {
		message_add(&m, "built for version ");
		message_version(&m, TWZ_SYS_VERSION);
		message_add(&m, " of the system calls, but the kernel has ");
		message_version(&m, minimal.sys.version);
		message_end(&m);
		exit_now(STATUS_REFUSED);
	}
	for (const struct twz_built_with *built = __start_twz_built_with;
	     built < __stop_twz_built_with; built++) {
		uint32_t version = (uint32_t)built->version;

		if (fits(TWZ_RT_VERSION, version))
			continue;
		message_add(&m, "built for version ");
		message_version(&m, version);
		message_add(&m, " of the runtime ABI, but this is ");
		message_version(&m, TWZ_RT_VERSION);
		message_end(&m);
		exit_now(STATUS_REFUSED);
	}
}

static void info_init(void)
{
	int error = (int)SYS(info, &minimal.sys);

	if (error)
		die(STATUS_UNUSABLE, "the kernel does not say where this is");
	minimal.rt = (struct twz_rt_info){
		.version = TWZ_RT_VERSION,
		.nslots = TWZ_VIEW_SLOTS,
		.slot_base = 0,
		.place_base = 1ull << TWZ_PLACE_BIT,
		.nplaces = TWZ_VIEW_PLACES,
		.owner = minimal.sys.owner,
		.epoch = minimal.sys.epoch,
		.view = view_own()->slot,
		.shadow = TWZ_SLOT_DATA_AT(TWZ_SLOT_SHADOW),
		.shadow_bytes = TWZ_SLOT_SIZE - TWZ_OBJ_DATA - TWZ_SHADOW_TAIL,
		.root = minimal.sys.root,
		.key = minimal.sys.key,
		.context = minimal.sys.context,
	};
}

const struct twz_rt_info *twz_rt_info(void)
{
	if (!minimal.sys.epoch)
		die(STATUS_UNUSABLE, "this machine has no store: it needs an NVDIMM with one");
	return &minimal.rt;
}

/* entry.S calls it. */
void start(const struct twz_start *given)
{
	char **argv = (char **)given->argv;

	if (given->argc)
		minimal.name = argv[0];
	minimal.recovered = given->recovered;
	info_init();
	check_versions();
	fault_init();
	console_init();
	pmem_use(pmem_probe());
	sync_init();
	for (void (*const *f)(void) = program_constructors; f < program_constructors_end; f++)
		(*f)();
	if (!minimal.recovered)
		twz_rt_exit(main((int)given->argc, argv));
	((void (*)(uint64_t))view_own()->recovery_entry)(given->arg);
	twz_rt_exit(0);
}

void exit_because(int status, uint32_t kind)
{
	for (;;)
		SYS(thread_exit, status, true, kind);
}

void exit_now(int status)
{
	exit_because(status, 0);
}

/* In a callee it is only the call that ends. */
void twz_rt_exit(int status)
{
	struct twz_rt_caller caller;

	if (!twz_rt_gate_caller(&caller))
		exit_now(status);
	for (void (*const *f)(void) = program_destructors_end; f > program_destructors;)
		(*--f)();
	exit_now(status);
}
