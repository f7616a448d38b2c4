/* Fields: the values of events that have the form of a known template, in one pass over their text.

   It accepts only what is certainly an event: the template's spans at their positions, and between them plain text, numbers and times of
   the usual forms, and a series that is known. Everything else is left to the columnar decoder, which is the reference:
   what is accepted here has the same values there (tests/streams/decode/compiled). */

#include <stdint.h>
#include <string.h>

#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST "unknown"
#endif

const char fields_source[] = SOURCE_DIGEST;

enum form { IGNORED_TEXT, IGNORED_NUMBER, KEY_TEXT, KEY_NUMBER, WHOLE, DECIMAL, TIME, CODES };
enum column { OBSERVED, VALUE, FAILURES, CAPACITY, ENQUEUED, DELIVERED, CODES_START, CODES_END, COLUMNS };

enum { MOST_WORDS = 256 };

typedef struct {
    int64_t slots;
    int64_t is_queue;
    int64_t run_words; /* Words of one run of key fields among several; 0: there is one run, of any length. */
    const uint8_t *spans; /* The texts of all spans, one after another. */
    const int64_t *span_ends; /* slots + 1 */
    const int8_t *form;
    const int8_t *column;
    const int8_t *begins; /* Whether a run of key fields begins with this slot, */
    const int8_t *ends; /* and whether it ends with it. */
} template_t;

typedef struct {
    int64_t texts;
    int64_t words; /* of one text */
    int64_t shift;
    const uint64_t *text;
    const uint64_t *hash;
    const int32_t *number;
    const int32_t *table;
    const int32_t *order;
    const uint64_t *sorted;
    const uint64_t *multiplier;
    uint64_t last_multiplier;
} names_t;

typedef struct {
    int64_t *column[COLUMNS];
    double *oldest_age_s;
    int32_t *series;
    int8_t *read_by; /* 0 where no template fits yet, else the number of the template. */
} rows_t;

static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
static const int64_t GREATEST = (int64_t)1 << 53;
static const int64_t MESSAGES_MOST = 1000000000000;

static inline int is_digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

/* The end of plain text: printable ASCII without a quote or an escape. */
static inline const uint8_t *plain_text(const uint8_t *at, const uint8_t *end) {
    while (at < end && *at >= 32 && *at < 128 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static inline const uint8_t *number_text(const uint8_t *at, const uint8_t *end) {
    while (at < end && (is_digit(*at) || *at == '.'))
        at++;
    return at;
}

/* 1 to 16 digits without a needless zero in front. */
static inline int whole(const uint8_t *at, const uint8_t *end, int64_t *value) {
    int64_t length = end - at, sum = 0;
    if (length < 1 || length > 16 || (*at == '0' && length > 1))
        return 0;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return 0;
        sum = 10 * sum + (*at - '0');
    }
    *value = sum;
    return sum <= GREATEST;
}

/* At most 15 digits, with or without a point: the one division rounds correctly. */
static inline int decimal(const uint8_t *at, const uint8_t *end, double *value) {
    const uint8_t *first = at;
    int64_t sum = 0, digits = 0, behind = -1;
    for (; at < end; at++) {
        if (*at == '.') {
            if (behind >= 0 || !digits)
                return 0;
            behind = 0;
        } else {
            sum = 10 * sum + (*at - '0');
            behind += behind >= 0;
            if (++digits > 15)
                return 0;
        }
    }
    if (!digits || behind == 0 || (*first == '0' && digits - (behind > 0 ? behind : 0) > 1))
        return 0;
    *value = (double)sum / POWERS[behind > 0 ? behind : 0];
    return 1;
}

static inline int two(const uint8_t *at, int64_t *value) {
    *value = 10 * (at[0] - '0') + (at[1] - '0');
    return is_digit(at[0]) && is_digit(at[1]);
}

/* Days since 1970-01-01 in the Gregorian calendar; the year begins in March. */
static int64_t days(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - 400 * era;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The minute of 2026-01-05T00:10, in microseconds since the epoch. */
static int minute(const uint8_t *at, int64_t *value) {
    static const int8_t LENGTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t century, year, month, day, hour, min;
    if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':')
        return 0;
    if (!two(at, &century) || !two(at + 2, &year) || !two(at + 5, &month) || !two(at + 8, &day) || !two(at + 11, &hour) || !two(at + 14, &min))
        return 0;
    year += 100 * century;
    if (year < 1900 || month < 1 || month > 12 || hour > 23 || min > 59)
        return 0;
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > LENGTH[month - 1] + (month == 2 && leap))
        return 0;
    *value = ((days(year, month, day) * 24 + hour) * 60 + min) * 60000000;
    return 1;
}

/* 2026-01-05T00:10:00Z, also with a fraction, and with +00:00 in place of Z. `last`, `last_us`: the minute that was read before. */
static inline int instant(const uint8_t *at, const uint8_t *end, uint8_t *last, int64_t *last_us, int64_t *value) {
    int64_t length = end - at, second, fraction = 0;
    if (length < 20)
        return 0;
    if (end[-1] == 'Z')
        length -= 1;
    else if (length >= 25 && !memcmp(end - 6, "+00:00", 6))
        length -= 6;
    else
        return 0;
    if (memcmp(at, last, 16)) {
        if (!minute(at, last_us)) {
            last[0] = 0;
            return 0;
        }
        memcpy(last, at, 16);
    }
    if (at[16] != ':' || !two(at + 17, &second) || second > 59)
        return 0;
    if (length > 19) {
        if (at[19] != '.' || length < 21 || length > 29)
            return 0;
        int64_t scale = 1000000;
        for (int64_t k = 20; k < length; k++) {
            if (!is_digit(at[k]))
                return 0;
            scale /= 10;
            fraction += scale * (at[k] - '0');
        }
    }
    *value = *last_us + second * 1000000 + fraction;
    return 1;
}

static inline int32_t series(const names_t *names, const uint64_t *words) {
    uint64_t mixed = 0;
    for (int64_t k = 0; k < names->words; k++)
        mixed += words[k] * names->multiplier[k];
    uint64_t hash = (mixed ^ (mixed >> 32)) * names->last_multiplier;
    int64_t at = names->table[hash >> names->shift];
    if (at < 0)
        return -1;
    if (names->hash[at] != hash) {
        int64_t low = 0, high = names->texts;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (names->sorted[middle] < hash)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == names->texts || names->sorted[low] != hash)
            return -1;
        at = names->order[low];
    }
    return memcmp(names->text + at * names->words, words, 8 * names->words) ? -1 : names->number[at];
}

/* Tries a template, number `number`, on the pieces of a text that nothing fits yet; returns how many fit. */
int64_t fields_read(
    const uint8_t *text, const int64_t *starts, const int64_t *ends, int64_t pieces, int64_t number, const template_t *template,
    const names_t *names, const rows_t *rows) {
    uint8_t last[16] = {0};
    uint64_t words[MOST_WORDS];
    int64_t last_us = 0, fitting = 0;
    if (names->words > MOST_WORDS || !names->texts)
        return 0;
    for (int64_t i = 0; i < pieces; i++) {
        if (rows->read_by[i])
            continue;
        const uint8_t *at = text + starts[i], *end = text + ends[i], *run = at;
        int64_t values[COLUMNS] = {0, 0, 0, -1, -1, -1, -1, -1}, span = 0, filled = 0;
        double age = __builtin_nan("");
        int fits = 1;
        for (int64_t slot = 0; slot <= template->slots; slot++) {
            int64_t length = template->span_ends[slot] - span;
            if (end - at < length || memcmp(at, template->spans + span, length)) {
                fits = 0;
                break;
            }
            at += length;
            span += length;
            if (slot == template->slots) {
                fits = at == end;
                break;
            }
            const uint8_t *first = at;
            int column = template->column[slot];
            if (template->begins[slot])
                run = first;
            switch (template->form[slot]) {
            case IGNORED_TEXT:
            case KEY_TEXT:
                at = plain_text(at, end);
                break;
            case KEY_NUMBER:
                at = number_text(at, end);
                break;
            case IGNORED_NUMBER: {
                double ignored;
                at = number_text(at, end);
                fits = decimal(first, at, &ignored);
                break;
            }
            case WHOLE:
                at = number_text(at, end);
                fits = whole(first, at, &values[column]);
                break;
            case DECIMAL:
                at = number_text(at, end);
                fits = decimal(first, at, &age);
                break;
            case TIME:
                at = plain_text(at, end);
                fits = instant(first, at, last, &last_us, &values[column]);
                break;
            case CODES:
                while (at < end && *at != '}' && *at >= 32 && *at < 128 && *at != '\\')
                    at++;
                at += at < end;
                values[CODES_START] = first - text;
                values[CODES_END] = at - text;
                break;
            }
            if (template->ends[slot] && fits) {
                int64_t bytes = at - run, room = template->run_words ? template->run_words : names->words;
                if (filled + room > names->words || bytes > 8 * room) {
                    fits = 0;
                } else {
                    memset(words + filled, 0, 8 * room);
                    memcpy(words + filled, run, bytes);
                    filled += room;
                }
            }
            if (!fits)
                break;
        }
        if (!fits || values[FAILURES] > values[VALUE] || values[CAPACITY] == 0 || (!template->is_queue && values[VALUE] > MESSAGES_MOST))
            continue;
        for (; filled < names->words; filled++)
            words[filled] = 0;
        int32_t found = series(names, words);
        if (found < 0)
            continue;
        for (int column = 0; column < COLUMNS; column++)
            rows->column[column][i] = values[column];
        rows->oldest_age_s[i] = age;
        rows->series[i] = found;
        rows->read_by[i] = (int8_t)number;
        fitting++;
    }
    return fitting;
}

/* Positions of `byte` in text[from..to) → `positions`, which has room for `most`; returns how many there are, or -1 if there are more. */
int64_t fields_find(const uint8_t *text, int64_t from, int64_t to, int64_t byte, int64_t *positions, int64_t most) {
    int64_t count = 0;
    const uint8_t *at = text + from, *end = text + to;
    while (at < end && (at = memchr(at, (int)byte, end - at)) != NULL) {
        if (count == most)
            return -1;
        positions[count++] = at++ - text;
    }
    return count;
}
