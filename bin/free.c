/*
 * free.c - shows how much memory is in use.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: free\n"
	"\n"
	"Shows how much memory there is, used and free, in KiB: the store, and the machine's "
	"memory (DRAM)\n"
	"with what the kernel itself takes of it. Hosted on Linux, memory is the host's and not "
	"shown.\n"
	"\n"
	"exit status: 0, 1 if it could not be found out, 2 usage error\n";

#define KIB 1024u

static void print(const char *what, uint64_t pages, uint64_t used)
{
	twz_print("%-8s %12llu %12llu %12llu\n", what, (unsigned long long)(pages * TWZ_PAGE / KIB),
		  (unsigned long long)(used * TWZ_PAGE / KIB),
		  (unsigned long long)((pages - used) * TWZ_PAGE / KIB));
}

static int print_memory(void)
{
	struct twz_rt_memory m;
	int error = twz_rt_memory(&m);

	if (error == TWZ_E_ABSENT)
		return STATUS_OK;
	if (error)
		return fail_error("the memory", error);
	print("memory", m.pages, m.used);
	twz_print("\nof the memory used: page tables %llu, the kernel's heap %llu\n"
		  "known to the kernel: %llu objects, %llu views, %llu threads\n",
		  (unsigned long long)(m.tables * TWZ_PAGE / KIB),
		  (unsigned long long)((m.heap_bytes + KIB - 1) / KIB),
		  (unsigned long long)m.objects, (unsigned long long)m.views,
		  (unsigned long long)m.threads);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	struct twz_rt_usage u;
	int error;

	program_begin(help, options, 0, 0, &argc, argv);
	error = twz_rt_usage(&u);
	if (error)
		program_end(fail_error("the store", error));
	twz_print("%-8s %12s %12s %12s\n", "KiB", "all", "used", "free");
	print("store", u.pages, u.used);
	program_end(print_memory());
}
