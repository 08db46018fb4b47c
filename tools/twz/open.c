/*
 * open.c - a store opened for reading.
 *
 * The image is mapped privately and mounted there: nobody has it writable, so what its last user left
 * is recovered as at the next real mount, and nothing of that reaches the file.
 */
#include <sys/random.h>

#include "rt/linux/image.h"
#include "tools/twz/twz.h"

/* Two at most: to be compared. A free one has no base. */
static struct image images[2];

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
	struct image *image = images[0].base ? &images[1] : &images[0];
	char text[512];
	int error = image_open(image, path, IMAGE_READ);
	bool opened = !error;

	*s = (struct store){0};
	if (!error)
		error = store_mount(s, image->base, image->bytes, random_bytes);
	if (!error)
		return STATUS_OK;
	if (opened)
		image_close(image);
	image->base = NULL;
	if (opened && error == TWZ_E_DAMAGED)
		return fail(path, "the superblock, the update log or the list of what ends is "
				  "damaged: nothing can be read");
	return fail(NULL, "%s", image_error(image, error, path, text, sizeof(text)));
}

void store_close(struct store *s)
{
	struct image *image = images[0].base == s->base ? &images[0] : &images[1];

	s->base = NULL;
	image_close(image);
	image->base = NULL;
}
