/*
 * pack.c - makes the boot archive of the machine from program images (abi/program.h,
 * docs/format/program.md).
 *
 * An image's ID is that of the sealed object that it is the data of. What that is, core says: each
 * image is put into an object of a store in memory and sealed there. The archive follows from the
 * images alone: init comes first, the others by name, whatever order they were given in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/program.h"
#include "core/store.h"
#include "core/text.h"

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char help[] =
	"usage: pack OUT NAME=IMAGE...\n"
	"\n"
	"Makes the boot archive OUT of the Twizzler machine from program images. One NAME must be "
	"init;\n"
	"it comes first, the others in the order of their names. Each image is checked: magic "
	"number,\n"
	"version, addresses, and its size against the pages that its header counts.\n"
	"\n"
	"exit status: 0 done, 1 failed, 2 usage error\n";

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
/* The pages of a program are all in one standard slot each, text and data. */
#define SLOT_PAGES ((TWZ_SLOT_SIZE - TWZ_OBJ_DATA) / TWZ_PAGE)

struct image {
	const char *name, *path;
	uint8_t *data; /* whole pages, zeros behind what the file holds */
	uint64_t npages;
};

static void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "pack: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

/* All of the functions below return a status; the message was printed. */

static int fail(const char *where, const char *reason)
{
	warn("%s: %s", where, reason);
	return STATUS_FAILED;
}

static int usage(const char *reason, const char *what)
{
	warn("%s%s (pack --help)", reason, what);
	return STATUS_USAGE;
}

/* ---- images ------------------------------------------------------------------------------------- */

static bool in_text(const struct twz_program *program, uint64_t address)
{
	uint64_t start = TWZ_SLOT_DATA_AT(TWZ_SLOT_TEXT);

	return address >= start + sizeof(*program) &&
	       address < start + program->text_pages * TWZ_PAGE;
}

/* What is wrong with the image of `bytes` bytes; null: nothing. */
static const char *wrong_with(const struct twz_program *program, uint64_t bytes)
{
	uint64_t npages = (uint64_t)program->text_pages + program->data_pages;

	if (bytes < sizeof(*program) || program->magic != TWZ_PROGRAM_MAGIC)
		return "this is no program image of the machine";
	if (program->version != 1)
		return "the image is of another version";
	if (program->reserved)
		return "a reserved field of the image is not zero";
	if (!program->text_pages || program->text_pages > SLOT_PAGES ||
	    (uint64_t)program->data_pages + program->zero_pages > SLOT_PAGES)
		return "the image's pages do not fit into a slot";
	if (npages != (bytes + TWZ_PAGE - 1) / TWZ_PAGE)
		return "the image's header counts more or fewer pages than the file has";
	if (!in_text(program, program->entry))
		return "the image's entry is not in its text";
	if (program->recovery && !in_text(program, program->recovery))
		return "the image's recovery entry is not in its text";
	return NULL;
}

/* Reads all of the file, at most `bytes` of it. */
static int read_all(int fd, const char *path, uint8_t *to, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = read(fd, to, bytes);

		if (n <= 0)
			return fail(path, n ? strerror(errno) : "it became shorter");
		to += n;
		bytes -= (uint64_t)n;
	}
	return STATUS_OK;
}

static int load_open(struct image *image, int fd)
{
	struct stat st;
	const char *wrong;
	uint64_t bytes;

	if (fstat(fd, &st))
		return fail(image->path, strerror(errno));
	bytes = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || !bytes || bytes > 2 * TWZ_SLOT_SIZE)
		return fail(image->path, "this is no program image of the machine");
	image->npages = (bytes + TWZ_PAGE - 1) / TWZ_PAGE;
	image->data = calloc(image->npages, TWZ_PAGE);
	if (!image->data)
		return fail(image->path, strerror(errno));
	if (read_all(fd, image->path, image->data, bytes))
		return STATUS_FAILED;
	wrong = wrong_with((const struct twz_program *)image->data, bytes);
	return wrong ? fail(image->path, wrong) : STATUS_OK;
}

static int load(struct image *image)
{
	int fd = open(image->path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return fail(image->path, strerror(errno));
	status = load_open(image, fd);
	close(fd);
	return status;
}

/* "NAME=IMAGE" */
static int parse(char *argument, struct image *image)
{
	char *equals = strchr(argument, '=');

	if (!equals || !equals[1])
		return usage("NAME=IMAGE is wanted, not ", argument);
	*equals = 0;
	image->name = argument;
	image->path = equals + 1;
	if (!*argument || *argument == '.' || strchr(argument, '/') ||
	    strlen(argument) >= TWZ_BOOT_NAME)
		return usage("no name for a program: ", argument);
	return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
	const char *one = ((const struct image *)a)->name, *other = ((const struct image *)b)->name;
	int init = !strcmp(other, "init") - !strcmp(one, "init");

	return init ? init : strcmp(one, other);
}

/* Into their order; each name once. */
static int sort(struct image *image, size_t count)
{
	qsort(image, count, sizeof(*image), by_name);
	if (strcmp(image[0].name, "init"))
		return usage("there is no init=IMAGE, the first program", "");
	for (size_t i = 1; i < count; i++)
		if (!strcmp(image[i - 1].name, image[i].name))
			return usage("given twice: ", image[i].name);
	return STATUS_OK;
}

/* ---- identities --------------------------------------------------------------------------------- */

static void fill_random(void *out, uint64_t bytes)
{
	for (uint8_t *p = out; bytes;) {
		ssize_t n = getrandom(p, bytes, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n < 0)
			continue;
		p += n;
		bytes -= (uint64_t)n;
	}
}

/* In an open store that has room: the image's ID and identity, as a sealed object. */
static int seal(struct store *s, const struct image *image, struct twz_boot_entry *entry)
{
	const struct store_new new = {.perms = TWZ_READ | TWZ_WRITE};
	const struct twz_record *record;
	uint64_t source, sealed;
	int error = store_create(s, &new, &source);

	if (!error)
		error = store_make(s, source, DATA_PAGE, image->npages);
	for (uint64_t page = 0; !error && page < image->npages; page++)
		memcpy(store_page(s, source, DATA_PAGE + page), image->data + page * TWZ_PAGE,
		       TWZ_PAGE);
	if (!error)
		error = store_seal(s, source, image->npages * TWZ_PAGE, TWZ_TYPE_DATA,
				   TWZ_READ | TWZ_EXEC, (struct twz_id){0}, &sealed);
	if (error)
		return error;
	record = store_record(s, sealed);
	entry->id = record->id;
	entry->identity = record->identity;
	return 0;
}

/* The same in a store of its own, in memory, twice as large as what it holds. */
static int identify(const struct image *image, struct twz_boot_entry *entry)
{
	static struct store store;
	uint64_t bytes = TWZ_STORE_SIZE_MIN + 2 * image->npages * TWZ_PAGE;
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error;

	if (base == MAP_FAILED)
		return fail(image->path, strerror(errno));
	error = store_format(base, bytes, fill_random);
	if (!error)
		error = store_mount(&store, base, bytes, fill_random);
	if (!error)
		error = seal(&store, image, entry);
	munmap(base, bytes);
	return error ? fail(image->path, error_text(error)) : STATUS_OK;
}

/* ---- the archive -------------------------------------------------------------------------------- */

static int make_header(const struct image *image, size_t count, struct twz_boot *boot,
		       uint32_t header_pages)
{
	uint64_t page = header_pages;

	*boot = (struct twz_boot){.magic = TWZ_BOOT_MAGIC,
				  .version = 1,
				  .count = (uint32_t)count,
				  .header_pages = header_pages};
	for (size_t i = 0; i < count; i++) {
		struct twz_boot_entry *entry = &boot->entry[i];
		int status = identify(&image[i], entry);

		if (status)
			return status;
		strcpy(entry->name, image[i].name);
		entry->page = page;
		entry->npages = image[i].npages;
		page += image[i].npages;
	}
	return STATUS_OK;
}

static int write_out(const char *path, const struct twz_boot *boot, const struct image *image)
{
	FILE *out = fopen(path, "wb");
	bool good;

	if (!out)
		return fail(path, strerror(errno));
	good = fwrite(boot, TWZ_PAGE, boot->header_pages, out) == boot->header_pages;
	for (uint32_t i = 0; good && i < boot->count; i++)
		good = fwrite(image[i].data, TWZ_PAGE, image[i].npages, out) == image[i].npages;
	if (fclose(out) || !good)
		return fail(path, strerror(errno));
	return STATUS_OK;
}

static int pack(const char *path, struct image *image, size_t count)
{
	uint64_t bytes = sizeof(struct twz_boot) + count * sizeof(struct twz_boot_entry);
	uint64_t header_pages = (bytes + TWZ_PAGE - 1) / TWZ_PAGE;
	struct twz_boot *boot = calloc(header_pages, TWZ_PAGE);
	int status = boot ? sort(image, count) : fail(path, strerror(errno));

	for (size_t i = 0; !status && i < count; i++)
		status = load(&image[i]);
	if (!status)
		status = make_header(image, count, boot, (uint32_t)header_pages);
	if (!status)
		status = write_out(path, boot, image);
	for (size_t i = 0; i < count; i++)
		free(image[i].data);
	free(boot);
	return status;
}

int main(int argc, char **argv)
{
	size_t count = argc > 2 ? (size_t)argc - 2 : 0;
	struct image *image;
	int status = STATUS_OK;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc > 1 && argv[1][0] == '-')
		return usage("there is no option ", argv[1]);
	if (!count)
		return usage("an argument is missing", "");
	image = calloc(count, sizeof(*image));
	if (!image)
		return fail("pack", strerror(errno));
	for (size_t i = 0; !status && i < count; i++)
		status = parse(argv[i + 2], &image[i]);
	if (!status)
		status = pack(argv[1], image, count);
	free(image);
	return status;
}
