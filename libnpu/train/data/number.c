// SPDX-License-Identifier: MIT
/*
 * DOC: reading decimal numbers
 *
 * strtof() obeys the locale, in which a decimal point may be a comma, and takes more forms than
 * a table has. So the syntax is checked here, and the common case is computed here too, which is
 * several times faster:
 *
 * A number of at most 19 digits is m * 10^e. With m <= 2^53 and |e| <= 22 both m and 10^|e| are
 * exact in double, so that one multiplication or division rounds correctly (Clinger 1990). That
 * double rounds correctly to float unless it lies half-way between two floats, where the first
 * rounding may have hidden on which side the number was. Everything else goes to strtof() with
 * the "C" locale.
 */
#define _GNU_SOURCE
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

/* Longest number given to strtof(); more digits than f32 needs to be told apart (112). */
#define LONGEST 400

struct decimal {
	uint64_t digits; /* of at most 19 significant ones */
	int exponent;
	bool negative;
	bool exact; /* digits holds them all */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, one point among them. Returns the end, or NULL without a digit. */
static const char *scan_mantissa(const char *p, const char *end, struct decimal *d)
{
	bool point = false, any = false;
	int kept = 0;

	for (; p < end; p++) {
		if (*p == '.' && !point) {
			point = true;
			continue;
		}
		if (!is_digit(*p))
			break;
		any = true;
		if (kept < 19) {
			d->digits = d->digits * 10 + (*p - '0');
			kept += d->digits != 0;
			d->exponent -= point;
		} else {
			d->exact = false;
		}
	}
	return any ? p : NULL;
}

static bool scan(const char *p, const char *end, struct decimal *d)
{
	int exponent = 0;
	bool negative = false;

	*d = (struct decimal){ .exact = true };
	if (p < end && (*p == '-' || *p == '+'))
		d->negative = *p++ == '-';
	p = scan_mantissa(p, end, d);
	if (!p)
		return false;
	if (p == end)
		return true;
	if (*p != 'e' && *p != 'E')
		return false;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	if (p == end)
		return false;
	for (; p < end && is_digit(*p); p++)
		exponent = exponent < 100000 ? exponent * 10 + (*p - '0') : exponent;
	d->exponent += negative ? -exponent : exponent;
	return p == end;
}

static bool convert_exactly(const struct decimal *d, float *value)
{
	static const double ten[] = {
		1e0,  1e1,  1e2,  1e3,	1e4,  1e5,  1e6,  1e7,	1e8,  1e9,  1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	};
	double wide;
	uint64_t bits;

	if (!d->exact || d->digits > (UINT64_C(1) << 53) || d->exponent < -22 || d->exponent > 22)
		return false;
	wide = d->exponent < 0 ? d->digits / ten[-d->exponent] : d->digits * ten[d->exponent];
	memcpy(&bits, &wide, sizeof(bits));
	/* The 29 bits that f32 has not: exactly half? */
	if ((bits & 0x1fffffff) == 0x10000000)
		return false;
	*value = d->negative ? -(float)wide : (float)wide;
	return true;
}

static bool convert_by_library(const char *text, size_t length, float *value)
{
	char copy[LONGEST + 1], *end;
	locale_t c, before;

	if (length > LONGEST)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	if (!c)
		return false;
	before = uselocale(c);
	*value = strtof(copy, &end);
	uselocale(before);
	freelocale(c);
	return end == copy + length;
}

bool npu_number_parse(const char *text, size_t length, float *value)
{
	struct decimal d;

	if (!scan(text, text + length, &d))
		return false;
	return convert_exactly(&d, value) || convert_by_library(text, length, value);
}
