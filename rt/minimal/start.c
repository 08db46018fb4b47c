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

static _Noreturn void refuse_version(uint32_t wanted, const char *of, uint32_t there)
{
	struct message m = message_begin();

	message_add(&m, "built for version ");
	message_version(&m, wanted);
	message_add(&m, of);
	message_version(&m, there);
	message_end(&m);
	exit_now(STATUS_REFUSED);
}

void twz_rt_built_with(uint32_t version)
{
	if (!fits(TWZ_RT_VERSION, version))
		refuse_version(version, " of the runtime ABI, but this is ", TWZ_RT_VERSION);
}

/* Is this the kernel that the program needs? */
static void check_kernel(void)
{
	if (!fits(minimal.sys.version, TWZ_SYS_VERSION))
		refuse_version(TWZ_SYS_VERSION, " of the system calls, but the kernel has ",
			       minimal.sys.version);
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
	check_kernel();
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
