/*
 * figure.h - one line of `./twizzler bench`: name, value, unit, bound and whether it holds, with
 * tabs between them. `most` is the largest value that holds; 0: no bound, only reported.
 */
#ifndef TWZ_BENCH_FIGURE_H
#define TWZ_BENCH_FIGURE_H

#include <stdio.h>

static inline void figure(const char *name, double value, const char *unit, double most)
{
	const char *form = value < 100 && value != (double)(long)value ? "%.2f" : "%.0f";
	char text[32];

	snprintf(text, sizeof(text), form, value);
	printf("%s\t%s\t%s\t", name, text, unit);
	if (most > 0)
		printf("<= %g\t%s\n", most, value <= most ? "yes" : "no");
	else
		printf("-\t-\n");
	fflush(stdout);
}

#endif
