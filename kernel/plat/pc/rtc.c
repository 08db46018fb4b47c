/*
 * rtc.c - the time of day, from the clock that runs on a battery. It is taken to be UTC.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/plat/pc/port.h"

enum {
	PORT_INDEX = 0x70,
	PORT_DATA = 0x71,
};

enum cmos {
	CMOS_SECOND = 0x00,
	CMOS_MINUTE = 0x02,
	CMOS_HOUR = 0x04,
	CMOS_DAY = 0x07,
	CMOS_MONTH = 0x08,
	CMOS_YEAR = 0x09,
	CMOS_A = 0x0a,
	CMOS_B = 0x0b,
};
#define A_UPDATING 0x80u
#define B_24_HOURS 0x02u
#define B_BINARY 0x04u
#define HOUR_PM 0x80u

/* An update takes 2 ms, a read of a port about 1 us: after so many there is no clock. */
#define READS_MAX 100000u

static uint8_t cmos(unsigned index)
{
	port_put8(PORT_INDEX, (uint8_t)index);
	return port_get8(PORT_DATA);
}

struct time {
	uint8_t second, minute, hour, day, month, year, century, b;
};

static bool same(const struct time *x, const struct time *y)
{
	return x->second == y->second && x->minute == y->minute && x->hour == y->hour &&
	       x->day == y->day && x->month == y->month && x->year == y->year &&
	       x->century == y->century && x->b == y->b;
}

static struct time registers(void)
{
	return (struct time){
		.second = cmos(CMOS_SECOND),
		.minute = cmos(CMOS_MINUTE),
		.hour = cmos(CMOS_HOUR),
		.day = cmos(CMOS_DAY),
		.month = cmos(CMOS_MONTH),
		.year = cmos(CMOS_YEAR),
		.century = machine.century_register ? cmos(machine.century_register) : 0,
		.b = cmos(CMOS_B),
	};
}

/*
 * Outside of an update, and twice the same: an update may begin right after the look at A. False if
 * the clock does not come to rest.
 */
static bool read_steadily(struct time *time)
{
	struct time before = {0};
	bool have = false;

	for (unsigned i = 0; i < READS_MAX; i++) {
		if (cmos(CMOS_A) & A_UPDATING) {
			have = false;
			continue;
		}
		*time = registers();
		if (have && same(time, &before))
			return true;
		before = *time;
		have = true;
	}
	return false;
}

static unsigned decimal(uint8_t value, bool binary)
{
	return binary ? value : (value >> 4) * 10u + (value & 15);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years from 1970. */
static uint64_t days_until(uint64_t year, unsigned month, unsigned day)
{
	static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t last = year - 1; /* leap days of the years before this one */
	uint64_t leap = last / 4 - last / 100 + last / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
	bool leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return (year - 1970) * 365 + leap + before[month - 1] + (leap_year && month > 2) + day - 1;
}

void rtc_init(void)
{
	unsigned second, minute, hour, day, month, century;
	struct time time;
	uint64_t year;
	bool binary;

	if (!read_steadily(&time)) {
		klog("rtc: no clock: the time begins with 1970");
		machine.wall_cycles = cycles();
		return;
	}
	machine.wall_cycles = cycles();

	binary = time.b & B_BINARY;
	second = decimal(time.second, binary);
	minute = decimal(time.minute, binary);
	hour = decimal((uint8_t)(time.hour & ~HOUR_PM), binary);
	if (!(time.b & B_24_HOURS)) /* 12, 1, 2, ... 11 */
		hour = hour % 12 + (time.hour & HOUR_PM ? 12 : 0);
	day = decimal(time.day, binary);
	month = decimal(time.month, binary);
	century = machine.century_register ? decimal(time.century, binary) : 20;
	year = century * 100ull + decimal(time.year, binary);

	if (second > 60 || minute > 59 || hour > 23 || !day || day > 31 || !month || month > 12 ||
	    year < 1970) {
		klog("rtc: makes no sense: %lu-%u-%u %u:%u:%u: the time begins with 1970", year,
		     month, day, hour, minute, second);
		return;
	}
	machine.wall_ns =
		(((days_until(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) *
		1000000000ull;
	klog("rtc: %04lu-%02u-%02u %02u:%02u:%02u", year, month, day, hour, minute, second);
}
