/*
 * open.c - a store opened for reading.
 *
 * The image is mapped privately and mounted there: nobody has it writable, so what its last user left
 * is recovered as at the next real mount, and nothing of that reaches the file.
 */
#include <sys/random.h>

#include "rt/linux/image.h"
#include "tools/twz/twz.h"

static struct image image;

static void random_bytes(void *out, uint64_t bytes)
{
	uint8_t *to = out;

	while (bytes) {
		ssize_t n = getrandom(to, bytes, 0);

		if (n > 0) {
			to += n;
			bytes -= (uint64_t)n;
		}
	}
}

int store_open(const char *path, struct store *s)
{
	char text[512];
	int error = image_open(&image, path, IMAGE_READ);

	if (error)
		return fail(NULL, "%s", image_error(&image, error, path, text, sizeof(text)));
	error = store_mount(s, image.base, image.bytes, random_bytes);
	if (error) {
		image_close(&image);
		if (error == TWZ_E_DAMAGED)
			return fail(path, "the superblock, the update log or the list of what ends "
					  "is damaged: nothing can be read");
		return fail(NULL, "%s", image_error(&image, error, path, text, sizeof(text)));
	}
	return STATUS_OK;
}

void store_close(struct store *s)
{
	s->base = NULL;
	image_close(&image);
}
