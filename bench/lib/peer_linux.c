/*
 * peer_linux.c - what Linux needs for the operations that the kernel's bench measures.
 *
 * The only program of a guest: peer_linux.sh links it statically and starts it as /init. It prints
 * on the console, a line for each figure, "figure NAME VALUE", then "end of figures", and turns the
 * machine off. "note: ..." is for people to read; after "failed: ..." the end is missing.
 *
 * The unit is one instruction: under QEMU's -icount shift=0 the time stamp counter counts what all
 * processors of the machine execute, the kernel's threads included. A figure is the median of many
 * repetitions behind some that warm up, less what an empty measurement takes, so that timer
 * interrupts and new page tables, which few repetitions meet, are not in it.
 *
 * It has the machine to itself: what it allocates goes with the machine.
 */
#define _GNU_SOURCE /* REG_RAX, sched_setaffinity, memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define DEVICE "/dev/pmem0"
#define FOLDER "/mnt"
#define DRIVER "/sys/bus/nd/drivers/nd_pmem"
#define PART "/sys/bus/nd/devices/pfn0.0"

#define WARM 50      /* repetitions that are not counted */
#define REPEATS 1001 /* of what is short */
#define CREATIONS 201
#define LAYOUTS 25         /* counts of mappings */
#define STRIDE (16 * PAGE) /* a fault in the page cache maps so much around it */
#define PROCESSES 16       /* that share memory */
#define SHARED_MIB 256

/* ---- the end --------------------------------------------------------------------------------- */

static _Noreturn void power_off(void)
{
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	_exit(1); /* the kernel panics when process 1 ends, and the machine stops */
}

static _Noreturn void die(const char *what)
{
	printf("failed: %s\n", what);
	power_off();
}

/* The result of a call that must not fail. */
static long must(long result, const char *call)
{
	if (result >= 0)
		return result;
	printf("failed: %s: %s\n", call, strerror(errno));
	power_off();
}

/* ---- measuring ------------------------------------------------------------------------------- */

static uint64_t took[WARM + REPEATS];
static uint64_t around; /* what measuring nothing takes */

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *value, unsigned n)
{
	qsort(value, n, sizeof(value[0]), by_value);
	return value[n / 2];
}

/* Calls fn(0), fn(1), ... and returns the median of what the last `repeats` calls took. */
static uint64_t measure(void (*fn)(unsigned i), unsigned repeats)
{
	for (unsigned i = 0; i < WARM + repeats; i++) {
		uint64_t start = now();

		fn(i);
		took[i] = now() - start;
	}
	return median(took + WARM, repeats) - around;
}

static void nothing(unsigned i)
{
	(void)i;
}

static void figure(const char *name, uint64_t value)
{
	printf("figure %s %llu\n", name, (unsigned long long)value);
}

static pid_t must_fork(void)
{
	return (pid_t)must(fork(), "fork");
}

static void stop(pid_t process)
{
	must(kill(process, SIGKILL), "kill");
	must(waitpid(process, NULL, 0), "waitpid");
}

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	must(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* Inserts /module.0, /module.1, ..., which stand in the order of their dependence. */
static void insert_modules(void)
{
	char path[32];

	for (unsigned i = 0;; i++) {
		int fd;

		snprintf(path, sizeof(path), "/module.%u", i);
		fd = open(path, O_RDONLY);
		if (fd < 0 && errno == ENOENT)
			return;
		must(fd, path);
		must(syscall(SYS_finit_module, fd, "", 0), path);
		close(fd);
	}
}

/* A device appears a while after its driver. */
static void await_device(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (int i = 0; access(DEVICE, F_OK); i++) {
		if (i == 5000)
			die("the NVDIMM does not appear as " DEVICE);
		nanosleep(&pause, NULL);
	}
}

static void set(const char *path, const char *value)
{
	int fd = (int)must(open(path, O_WRONLY), path);

	must(write(fd, value, strlen(value)), path);
	close(fd);
}

/*
 * Linux maps files directly only from a part of the NVDIMM that it keeps page structures for (here
 * in ordinary memory). The part takes the first 2 MiB for its own: the file system begins there.
 */
static void make_direct(void)
{
	set(DRIVER "/unbind", "namespace0.0");
	set(PART "/mode", "ram");
	set(PART "/align", "2097152");
	set(PART "/uuid", "6f1ed1f0-0f6c-4c7b-9a3a-8d8a1f3f5a01");
	set(PART "/namespace", "namespace0.0");
	set(DRIVER "/bind", "pfn0.0");
	await_device();
}

/*
 * QEMU 7.2 gives a processor what the one before it left of the time until the next timer: nothing,
 * unless that one paused or halted. Linux waits without a pause for a processor that starts: for
 * ever, unless there is a process beside it that pauses.
 */
static void start_second_processor(void)
{
	pid_t beside = must_fork();

	while (!beside)
		__builtin_ia32_pause();
	set("/sys/devices/system/cpu/cpu1/online", "1");
	stop(beside);
}

static void set_up_machine(void)
{
	mkdir("/dev", 0755); /* some of these exist */
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir(FOLDER, 0755);
	must(mount("none", "/dev", "devtmpfs", 0, NULL), "mount /dev");
	must(mount("none", "/proc", "proc", 0, NULL), "mount /proc");
	must(mount("none", "/sys", "sysfs", 0, NULL), "mount /sys");
	insert_modules();
	await_device();
	make_direct();
	if (mount(DEVICE, FOLDER, "ext4", 0, "dax=always")) /* note_if_not_direct says so */
		must(mount(DEVICE, FOLDER, "ext4", 0, NULL), "mount " DEVICE);
	start_second_processor();
	run_on(0);
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char filling[PAGE] = {1};
static int folder, file;
static char name[WARM + CREATIONS][8];

/* A file of so many bytes, all of them written and durable. */
static int make_file(const char *path, uint64_t bytes)
{
	int fd = (int)must(openat(folder, path, O_CREAT | O_EXCL | O_RDWR, 0600), path);

	for (uint64_t at = 0; at < bytes; at += PAGE)
		if (write(fd, filling, PAGE) != PAGE)
			die("write");
	must(fsync(fd), "fsync");
	return fd;
}

static void note_if_not_direct(void)
{
	struct statx state;

	must(statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &state), "statx");
	if (!(state.stx_attributes & STATX_ATTR_DAX))
		puts("note: no DAX: the figures of files are those of the page cache");
}

static void mmap_munmap(unsigned i)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	(void)i;
	if (page == MAP_FAILED || munmap(page, PAGE))
		die("mmap and munmap");
}

/*
 * Linux keeps the mappings of a process in a B-tree. At some counts of them each mmap splits a node
 * and each munmap joins two, so the figure is the median over several counts.
 */
static void measure_mmap(void)
{
	uint64_t value[LAYOUTS];

	for (unsigned i = 0; i < LAYOUTS; i++) {
		int protection = i % 2 ? PROT_READ : PROT_READ | PROT_WRITE; /* so not merged */

		value[i] = measure(mmap_munmap, REPEATS);
		if (mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			die("mmap");
	}
	figure("mmap_munmap", median(value, LAYOUTS));
}

static void create(unsigned i)
{
	int fd = make_file(name[i], PAGE);

	must(fsync(folder), "fsync of the folder");
	close(fd);
}

static void measure_create(void)
{
	for (unsigned i = 0; i < WARM + CREATIONS; i++)
		snprintf(name[i], sizeof(name[i]), "new%u", i);
	figure("create", measure(create, CREATIONS));
}

/* Of a path of three names. */
static void open_close(unsigned i)
{
	(void)i;
	close((int)must(openat(folder, "few/below/name", O_RDONLY), "few/below/name"));
}

static void measure_open(void)
{
	must(mkdirat(folder, "few", 0700), "few");
	must(mkdirat(folder, "few/below", 0700), "few/below");
	close(make_file("few/below/name", PAGE));
	figure("open", measure(open_close, REPEATS));
}

/* ---- first touch ----------------------------------------------------------------------------- */

static volatile char *area;

static void touch_write(unsigned i)
{
	area[(uint64_t)i * STRIDE] = 1;
}

static void touch_read(unsigned i)
{
	(void)area[(uint64_t)i * STRIDE];
}

static long faults(void)
{
	struct rusage usage;

	must(getrusage(RUSAGE_SELF, &usage), "getrusage");
	return usage.ru_minflt + usage.ru_majflt;
}

/* Of a new mapping of fd (-1: anonymous memory) in pages of 4 KiB. Each touch must be a fault. */
static void measure_touch(const char *what, void (*touch)(unsigned i), int fd)
{
	size_t bytes = (size_t)(WARM + REPEATS) * STRIDE;
	long before;
	uint64_t value;

	area = mmap(NULL, bytes, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ,
		    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (area == MAP_FAILED)
		die("mmap");
	must(madvise((void *)area, bytes, MADV_NOHUGEPAGE), "madvise");
	before = faults();
	value = measure(touch, REPEATS);
	if (faults() - before < WARM + REPEATS)
		die("a first touch was no fault");
	munmap((void *)area, bytes);
	figure(what, value);
}

/* ---- a call, a signal ------------------------------------------------------------------------ */

static void null_call(unsigned i)
{
	long result = SYS_getppid;

	(void)i;
	__asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
}

static char *no_access;
static char good;

/* Gives the access that failed another address, and so needs no call of the kernel. */
static void mend(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	if (info->si_addr != no_access)
		die("a stray SIGSEGV");
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = (greg_t)&good;
}

static void take_signal(unsigned i)
{
	char *address = no_access;

	(void)i;
	__asm__ volatile("movb $1, (%0)" : "+a"(address) : : "memory"); /* REG_RAX */
}

static void measure_signal(void)
{
	struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};

	no_access = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (no_access == MAP_FAILED)
		die("mmap");
	must(sigaction(SIGSEGV, &action, NULL), "sigaction");
	figure("signal", measure(take_signal, REPEATS));
}

/* ---- two threads, two processes -------------------------------------------------------------- */

enum { OURS, THEIRS, OVER };
static atomic_uint turn;

static void give(unsigned to)
{
	atomic_store(&turn, to);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await_other_than(unsigned value)
{
	while (atomic_load(&turn) == value)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void *give_back(void *arg)
{
	run_on(*(int *)arg);
	for (;;) {
		await_other_than(OURS);
		if (atomic_load(&turn) == OVER)
			return NULL;
		give(OURS);
	}
}

static void futex_round(unsigned i)
{
	(void)i;
	give(THEIRS);
	await_other_than(THEIRS);
}

/* The round trip to a thread on `processor`; this one runs on 0. */
static void measure_futex(const char *what, int processor)
{
	pthread_t partner;

	atomic_store(&turn, OURS);
	if (pthread_create(&partner, NULL, give_back, &processor))
		die("pthread_create");
	figure(what, measure(futex_round, REPEATS));
	give(OVER);
	pthread_join(partner, NULL);
}

static int there[2], back[2];

static void pipe_round(unsigned i)
{
	char byte = (char)i;

	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		die("the pipe");
}

static void measure_pipe(void)
{
	char byte;
	pid_t partner;

	must(pipe(there), "pipe");
	must(pipe(back), "pipe");
	partner = must_fork();
	if (!partner) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				break;
		_exit(0);
	}
	figure("pipe", measure(pipe_round, REPEATS));
	close(there[1]);
	must(waitpid(partner, NULL, 0), "waitpid");
}

static void yield(unsigned i)
{
	(void)i;
	sched_yield();
}

/*
 * Two processes yield to each other: from one return of sched_yield to the next the processor went
 * to the other process and came back. That is two calls and two switches, and the figure one of
 * each. The partner's yields are counted, as sched_yield may also return at once.
 */
static void measure_switch(void)
{
	atomic_uint *yields =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned before, after;
	uint64_t value;
	pid_t partner;

	if (yields == MAP_FAILED)
		die("mmap");
	partner = must_fork();
	while (!partner) {
		atomic_fetch_add(yields, 1);
		sched_yield();
	}
	while (!atomic_load(yields))
		sched_yield();
	before = atomic_load(yields);
	value = measure(yield, REPEATS);
	after = atomic_load(yields);
	stop(partner);
	if (after - before < (WARM + REPEATS) * 9 / 10 ||
	    after - before > (WARM + REPEATS) * 11 / 10)
		die("sched_yield does not switch each time");
	figure("switch", value / 2);
}

/* ---- page tables ----------------------------------------------------------------------------- */

/* Of this process, in pages. */
static long table_pages(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	while (kib < 0 && status && fgets(line, sizeof(line), status))
		sscanf(line, "VmPTE: %ld kB", &kib);
	if (kib < 0)
		die("no VmPTE in /proc/self/status");
	fclose(status);
	return kib * 1024 / PAGE;
}

/* Maps all of the memory, touches every page, says what that took, and stays until the end. */
static _Noreturn void share(int memory, int result)
{
	size_t bytes = (size_t)SHARED_MIB << 20;
	volatile char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	long pages;

	if (p == MAP_FAILED)
		die("mmap");
	for (size_t at = 0; at < bytes; at += PAGE)
		p[at] = 1;
	pages = table_pages();
	if (write(result, &pages, sizeof(pages)) != sizeof(pages))
		die("write");
	for (;;)
		pause();
}

/* The sum over all processes, everything that each has mapped. */
static void measure_table_pages(void)
{
	int memory = (int)must(memfd_create("shared", 0), "memfd_create");
	pid_t process[PROCESSES];
	int result[2];
	long sum = 0;

	must(ftruncate(memory, (off_t)SHARED_MIB << 20), "ftruncate");
	must(pipe(result), "pipe");
	for (int i = 0; i < PROCESSES; i++) {
		long pages;

		process[i] = must_fork();
		if (!process[i])
			share(memory, result[1]);
		if (read(result[0], &pages, sizeof(pages)) != sizeof(pages))
			die("read");
		sum += pages;
	}
	for (int i = 0; i < PROCESSES; i++)
		stop(process[i]);
	figure("table_pages", (uint64_t)sum);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static _Noreturn void measure_all(void)
{
	around = measure(nothing, REPEATS);
	folder = (int)must(open(FOLDER, O_RDONLY | O_DIRECTORY), FOLDER);
	file = make_file("file", (uint64_t)(WARM + REPEATS) * STRIDE);
	note_if_not_direct();

	figure("null_call", measure(null_call, REPEATS));
	measure_mmap();
	measure_touch("touch", touch_write, -1);
	measure_touch("touch_file", touch_read, file);
	measure_create();
	measure_open();
	measure_futex("futex", 0);
	measure_futex("futex_smp", 1);
	measure_switch();
	measure_signal();
	measure_pipe();
	measure_table_pages();
	puts("end of figures");
	power_off();
}

int main(void)
{
	/*
	 * Since power-on, firmware and decompression included: when the firmware hands over is not to
	 * be seen from here. Waiting counts as the time that it takes, an instruction a nanosecond.
	 */
	uint64_t init = now();
	pid_t other;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	figure("init", init);
	set_up_machine();

	/* Linux reports each SIGSEGV of process 1 on the console: another one measures. */
	other = must_fork();
	if (!other)
		measure_all();
	must(waitpid(other, NULL, 0), "waitpid");
	die("the process that measures ended");
}
