/* One window of message rates for the series on which nothing is found: the same arithmetic as `detectors/`, in one pass over the series.

   The numpy code is the reference: every operation here stands in its order and precision (`float` where numpy computes in single
   precision), and logarithms and exponentials are numpy's own, between the passes, so that both give the same bits. Build without
   contraction of products and sums (-ffp-contract=off). A series on which a finding is open or begins is left as it was, for the
   reference (`plain` 0).
*/
#include <math.h>
#include <stdint.h>

typedef uint8_t flag;

/* State of a block; rows of a table follow each other at a distance of all its series. */
#define COLUMNS(X) \
    X(expectation, level, double) X(expectation, level_variance, double) X(expectation, base_variance, double) \
    X(expectation, deviation, double) X(expectation, deviation_variance, double) X(expectation, before, double) \
    X(expectation, now, double) X(expectation, after, double) X(expectation, least, double) X(expectation, most, double) \
    X(expectation, wander, float) X(expectation, hours, float) X(expectation, seen, flag) X(expectation, asleep, flag) \
    X(expectation, rival, int8_t) X(expectation, slot_counts, float) X(expectation, slot_windows, float) \
    X(expectation, recent, float) X(expectation, recent_due, float) X(expectation, hour_counts, float) \
    X(expectation, hour_windows, float) X(expectation, hour_expected, float) X(expectation, s_flat, double) \
    X(expectation, s_cross, double) X(expectation, s_steep, double) X(expectation, t_flat, double) X(expectation, t_steep, double) \
    X(expectation, last, double) X(expectation, lagged, double) X(expectation, squares, double) X(expectation, windows, double) \
    X(expectation, count_before, float) X(expectation, count_earlier, float) \
    X(expectation, day_mean, double) X(expectation, day_known, double) \
    X(expectation, curve, float) X(expectation, tolerance, float) X(expectation, slot_variance, float) \
    X(expectation, rate_variance, float) X(expectation, lowest, float) X(expectation, highest, float) X(expectation, foreign, flag) \
    X(spill, missing, double) X(recovery, owed, double) \
    X(silence, due, float) X(silence, empty_windows, float) X(silence, nats, double) \
    X(storm, nats, double) X(storm, run, float) X(storm, peak, float) X(storm, peak_s, uint32_t) X(storm, first_s, uint32_t) \
    X(storm, limit, float) \
    X(drop, nats, double) X(drop, run, float) X(drop, peak, float) X(drop, peak_s, uint32_t) X(drop, first_s, uint32_t) \
    X(drop, limit, float) \
    X(failures, nats, float) X(failures, run, float) X(failures, age_s, float) X(failures, tried, float) X(failures, high, float) \
    X(failures, overlap, float) X(failures, share, float) X(failures, new_tried, float) X(failures, new_failed, float) \
    X(failures, new_overlap, float) X(failures, new_weight, float) X(failures, failed, float) X(failures, overlap_weight, float) \
    X(drift, accepted_s, float) X(drift, since_s, float) X(drift, up, float) X(drift, down, float) \
    X(stale, reports, float) X(stale, share, float) X(stale, missing, float) X(stale, longest, float) \
    X(silence_latch, detected_s, uint32_t) X(storm_latch, detected_s, uint32_t) X(drop_latch, detected_s, uint32_t) \
    X(failures_latch, detected_s, uint32_t) X(drift_latch, detected_s, uint32_t) X(stale_latch, detected_s, uint32_t)

/* What goes in and comes out, and what is kept from one pass to the next; entries of the span of series that is worked on. */
#define BUFFERS(X) \
    X(reported, flag) X(messages, double) X(failures, double) X(user_side, double) X(device_side, double) X(declared, flag) \
    X(jammed, flag) X(mean, double) X(deviation, double) X(deviation_variance, double) X(least, double) X(most, double) \
    X(memory, double) X(dispersion, double) X(error, double) X(low, double) X(high, double) X(exponents, double) \
    X(exponentials, double) X(ratio_arguments, double) X(ratio_logarithms, double) X(arguments, double) X(logarithms, double) \
    X(pair_series, int64_t) X(pair_family, int64_t) X(pair_first, int64_t) X(pair_weights, double) \
    X(expected, double) X(variance, double) X(judged, flag) X(failing, flag) X(plain, flag) \
    X(storm_rows, int64_t) X(storm_peaks, double) X(drop_rows, int64_t) X(drop_peaks, double) X(found, int64_t)

/* Settings and the constants of the detectors, which stay defined where the detectors are. */
#define PARAMETERS(X) \
    X(kept) X(fraction) X(window_s) X(slot) X(at_s) X(least_mean) X(ridge) X(most_memory) X(least_doubt) X(doubt_range) X(first_hours) \
    X(bank_least_mean) X(least_excess) X(most_errors) X(clip) X(least_ratio) X(most_ratio) X(recent_share) X(dispersion_clip) \
    X(first_share) X(dispersion_tail) X(clipped_mean) X(explained) X(dispersion_most) X(unsure) X(calm_nats) \
    X(unsure_calm_nats) X(silence_threshold) X(one_window) X(building_share) X(edge_nats) X(over_nats) X(forgiven_share) X(slack) \
    X(failures_threshold) X(surprising) X(first_s) X(least_tried) X(few_pairs) X(failures_clip) X(most_overlap) X(least_overlap) \
    X(drift_threshold) X(drift_day_s) X(stale_threshold) X(stale_most) X(stale_history) X(stale_fade) X(stale_least_windows) \
    X(stale_least_reports) X(gap_factor) X(clear_deviations) X(kept_missing) X(last_slot) X(around) X(hour_slots) X(trust_a_slot) \
    X(step_clip) X(after_lateness) X(explained_step) X(step_noise) X(blur) X(blur_least) X(within_hour_share) X(fresh_share) \
    X(failures_fade) X(most_weight) X(prior_weight) X(prior_failed) X(prior_tried) X(failures_doubt) X(most_share)

#define AS_COLUMN(part, name, type) COLUMN_##part##_##name,
#define AS_BUFFER(name, type) BUFFER_##name,
#define AS_PARAMETER(name) PARAMETER_##name,
enum { COLUMNS(AS_COLUMN) COLUMN_COUNT };
enum { BUFFERS(AS_BUFFER) BUFFER_COUNT };
enum { PARAMETERS(AS_PARAMETER) PARAMETER_COUNT };

#define AS_COLUMN_TEXT(part, name, type) #part " " #name " " #type "\n"
#define AS_BUFFER_TEXT(name, type) #name " " #type "\n"
#define AS_PARAMETER_TEXT(name) #name "\n"
const char window_columns[] = COLUMNS(AS_COLUMN_TEXT);
const char window_buffers[] = BUFFERS(AS_BUFFER_TEXT);
const char window_parameters[] = PARAMETERS(AS_PARAMETER_TEXT);
const char window_source[] = SOURCE_DIGEST;

#define C(part, name, type) ((type *)columns[COLUMN_##part##_##name])
#define B(name, type) ((type *)buffers[BUFFER_##name])
#define P(name) parameters[PARAMETER_##name]
#define ARGUMENTS \
    void *const *columns, void *const *buffers, const double *parameters, const double *up, const double *down, const double *odds, \
    int64_t series, int64_t first, int64_t count

enum { UP = 5, DOWN = 3, ODDS = 3, FAMILIES = 3, RATIOS = 1 + UP + DOWN, LOGARITHMS = 8 * (ODDS + 1) };
const int64_t window_sizes[] = {UP, DOWN, ODDS, FAMILIES, RATIOS, LOGARITHMS};

/* As numpy's maximum and minimum: what is not a number stays so. */
static inline double most_of(double a, double b) { return a > b || a != a ? a : b; }
static inline double least_of(double a, double b) { return a < b || a != a ? a : b; }
static inline float most_of_f(float a, float b) { return a > b || a != a ? a : b; }
static inline float least_of_f(float a, float b) { return a < b || a != a ? a : b; }
static inline double within(double value, double low, double high) { return least_of(most_of(value, low), high); }

/* How a series' counts scatter: a and b as in 1 + a + b mean, and how much one window resembles the next (`dispersion`). */
typedef struct {
    double a, b, memory;
} Scatter;

static inline Scatter scatter_of(void *const *columns, const double *parameters, int64_t i) {
    const double flat = C(expectation, s_flat, double)[i], cross = C(expectation, s_cross, double)[i];
    const double steep = C(expectation, s_steep, double)[i] * (1.0 + P(ridge)) + 1e-9;
    const double t_flat = C(expectation, t_flat, double)[i], t_steep = C(expectation, t_steep, double)[i];
    Scatter scatter;
    scatter.b = within((flat * t_steep - cross * t_flat) / (flat * steep - cross * cross), 0.0, most_of(t_steep, 0.0) / steep);
    scatter.a = most_of((t_flat - scatter.b * cross) / flat, 0.0);
    scatter.memory = within(C(expectation, lagged, double)[i] / most_of(C(expectation, squares, double)[i], 0.2), 0.0, P(most_memory));
    return scatter;
}

/* First pass: what is expected; arguments of the exponentials that widen it and bound how far the deviation may go. */
void window_expect(ARGUMENTS) {
    (void)up, (void)down, (void)odds, (void)series;
    const double kept = P(kept), square = kept * kept, middle = P(fraction) - 0.5;
    for (int64_t j = 0; j < count; j++) {
        const int64_t i = first + j;
        const double base = C(expectation, base_variance, double)[i], level_variance = C(expectation, level_variance, double)[i];
        const float wander = most_of_f(C(expectation, wander, float)[i], 0.0f);
        const double most = base + level_variance + (double)wander;
        double deviation = C(expectation, deviation, double)[i], variance = C(expectation, deviation_variance, double)[i];
        deviation += (1.0 - kept) * (C(expectation, day_mean, double)[i] - deviation);
        variance *= square;
        variance += (1.0 - square) * (most - C(expectation, day_known, double)[i]);

        const double factor = C(expectation, level, double)[i] * deviation, now = C(expectation, now, double)[i];
        const double left = now - C(expectation, before, double)[i], right = C(expectation, after, double)[i] - now;
        const double slope = left * right > 0 ? (fabs(left) < fabs(right) ? left : right) : 0.0;
        const double mean = most_of((now + slope * middle) * factor, P(least_mean));
        const double low = least_of(C(expectation, least, double)[i] * factor, mean);
        const double high = most_of(C(expectation, most, double)[i] * factor, mean);

        const Scatter scatter = scatter_of(columns, parameters, i);
        const double dispersion = (1.0 + scatter.a + scatter.b * mean) * ((1.0 + scatter.memory) / (1.0 - scatter.memory));
        const double doubt = P(least_doubt) + (double)((float)P(doubt_range) * wander) / ((double)wander + base + level_variance);
        const double error = sqrt(variance);

        B(mean, double)[j] = mean, B(deviation, double)[j] = deviation, B(deviation_variance, double)[j] = variance;
        B(least, double)[j] = low, B(most, double)[j] = high, B(memory, double)[j] = scatter.memory;
        B(dispersion, double)[j] = dispersion, B(error, double)[j] = error;
        B(exponents, double)[j] = doubt * error;
        B(exponents, double)[count + j] = P(most_errors) * sqrt(base + level_variance + (double)wander);
    }
}

static inline void gamma_arguments(double x, double *arguments) {
    double product = x;
    for (int step = 1; step < 8; step++) product *= x + step;
    arguments[0] = x + 8;
    arguments[1] = product;
}

static inline double ln_gamma(double x, const double *logarithms) {
    const double y = x + 8, inverse = 1.0 / y, square = inverse * inverse;
    double series = -1.0 / 1680;
    series = series * square + 1.0 / 1260;
    series = series * square + -1.0 / 360;
    series = series * square + 1.0 / 12;
    series *= inverse;
    series += (y - 0.5) * logarithms[0] - y + 0.9189385332046727;
    return series - logarithms[1];
}

static inline double failed_of(int family, double failures, double user_side, double device_side) {
    return family == 0 ? user_side : family == 1 ? device_side : most_of(failures - user_side - device_side, 0.0);
}

/* Parameters a of the beta distributions of one family of one series at the usual odds and each factor of them; their sum is returned. */
static inline double beta_parameters(ARGUMENTS, int64_t i, int family, double *a) {
    (void)buffers, (void)up, (void)down, (void)first, (void)count;
    const double share = (double)C(failures, high, float)[family * series + i];
    const double overlap = within((double)C(failures, overlap, float)[family * series + i], P(least_overlap), P(most_overlap));
    const double concentration = 1.0 / overlap - 1.0, own_odds = share / (1.0 - share);
    a[0] = share * concentration;
    for (int k = 0; k < ODDS; k++) {
        const double raised = odds[k] * own_odds;
        a[k + 1] = raised / (1.0 + raised) * concentration;
    }
    return concentration;
}

/* Second pass: bounds; arguments of the logarithms of every likelihood. */
void window_weigh(ARGUMENTS) {
    int64_t pairs = 0;
    double *logs = B(ratio_arguments, double), *more = B(arguments, double) + count;
    for (int64_t j = 0; j < count; j++) {
        const int64_t i = first + j;
        const double mean = B(mean, double)[j], widening = B(exponentials, double)[j], usual = mean / B(deviation, double)[j];
        const double low = least_of(B(least, double)[j] / widening, usual), high = most_of(B(most, double)[j] * widening, usual);
        B(low, double)[j] = low, B(high, double)[j] = high;
        const double dispersion = B(dispersion, double)[j], memory = B(memory, double)[j], kept = 1.0 - memory;
        logs[j] = most_of(most_of(dispersion * kept - memory, 1.0) - 1.0, P(least_excess));
        const double excess = most_of(dispersion - 1.0, P(least_excess));
        const double above = most_of(high, P(bank_least_mean)), below = most_of(low, P(bank_least_mean));
        const double share_above = above / (above / excess + above), share_below = below / (below / excess + below);
        for (int k = 0; k < UP; k++) logs[(1 + k) * count + j] = (up[k] - 1.0) * share_above;
        for (int k = 0; k < DOWN; k++) logs[(1 + UP + k) * count + j] = (down[k] - 1.0) * share_below;
        B(arguments, double)[j] = within(1.0 - (double)C(stale, share, float)[i], 1e-9, 1.0);

        B(pair_first, int64_t)[j] = pairs;
        const double tried = B(messages, double)[j];
        const flag known = C(failures, age_s, float)[i] >= (float)P(first_s) && C(failures, tried, float)[i] >= (float)P(least_tried);
        if (!B(reported, flag)[j] || !(tried > 0) || !known) continue;
        for (int family = 0; family < FAMILIES; family++) {
            const double failed = failed_of(family, B(failures, double)[j], B(user_side, double)[j], B(device_side, double)[j]);
            flag asked = failed > P(surprising) * tried * (double)C(failures, high, float)[family * series + i];
            for (int k = 0; k < ODDS; k++) asked |= C(failures, nats, float)[(family * ODDS + k) * series + i] != 0;
            if (!asked) continue;
            double a[ODDS + 1];
            const double concentration = beta_parameters(columns, buffers, parameters, up, down, odds, series, first, count, i, family, a);
            for (int k = 0; k <= ODDS; k++) {
                const double b = concentration - a[k];
                gamma_arguments(failed + a[k], more), gamma_arguments(tried - failed + b, more + 2);
                gamma_arguments(a[k], more + 4), gamma_arguments(b, more + 6);
                more += 8;
            }
            B(pair_series, int64_t)[pairs] = j, B(pair_family, int64_t)[pairs] = family;
            pairs++;
        }
    }
    B(found, int64_t)[0] = pairs;
}

typedef struct {
    double *nats;
    float *run, *peak, *limit;
    uint32_t *peak_s, *first_s;
    const double *factors, *logarithms, *log_factors;
    int64_t *rows;
    double *peaks;
    int factor_count, upward;
} Bank;

/* Evidence of one bank; whether none of it is near its limit. Nothing is written. */
static inline int bank_evidence(
    const Bank *bank, const double *parameters, int64_t series, int64_t count, int64_t i, int64_t j, double counts, double null,
    double dispersion, flag judged, double *nats, double *score
) {
    const double r = null / most_of(dispersion - 1.0, P(least_excess));
    const double ceiling = (double)((float)P(one_window) * bank->limit[i]);
    for (int k = 0; k < bank->factor_count; k++) {
        double ratio = bank->logarithms[k * count + j] * -(counts + r);
        ratio += bank->log_factors[k] * counts;
        if (!bank->upward) ratio = least_of(ratio, ceiling);
        ratio *= judged;
        nats[k] = most_of(bank->nats[k * series + i] + ratio, 0.0);
        *score = k ? most_of(*score, nats[k]) : nats[k];
    }
    return !(*score > (double)((float)P(building_share) * bank->limit[i]));
}

/* Keeps the evidence of one bank and follows how far it goes; an excursion that is over goes into the list. */
static inline void bank_keep(
    Bank *bank, const double *parameters, int64_t series, int64_t i, const double *nats, double score, flag judged, flag explained, int64_t *over
) {
    int best = 0;
    for (int k = 0; k < bank->factor_count; k++) {
        const int64_t at = k * series + i;
        bank->nats[at] = nats[k];
        bank->run[at] = (bank->run[at] + (float)judged) * (float)(nats[k] > 0.0);
        if (nats[k] > nats[best]) best = k;
    }
    if (judged && bank->first_s[i] == 0) bank->first_s[i] = (uint32_t)P(at_s);
    const double before = (double)bank->peak[i];
    if (!judged || !(score > P(edge_nats) || before > 0)) return;
    if (before == 0) {
        const int64_t began = (int64_t)P(at_s) - (int64_t)bank->run[best * series + i] * (int64_t)P(window_s);
        bank->peak_s[i] = (uint32_t)(began > 0 ? began : 0);
    }
    const double peak = explained ? INFINITY : most_of(before, score);
    const int ends = score < P(over_nats);
    bank->peak[i] = ends ? 0.0f : (float)peak;
    if (ends && isfinite(peak)) bank->rows[*over] = i, bank->peaks[(*over)++] = peak;
}

/* Evidence of failures of one series by family and factor; its greatest. */
static inline double failures_evidence(ARGUMENTS, int64_t j, const int64_t *end, float nats[FAMILIES][ODDS], flag weighed[FAMILIES]) {
    const int64_t i = first + j;
    for (int family = 0; family < FAMILIES; family++) {
        weighed[family] = 0;
        for (int k = 0; k < ODDS; k++) nats[family][k] = C(failures, nats, float)[(family * ODDS + k) * series + i];
    }
    for (int64_t pair = B(pair_first, int64_t)[j]; pair < *end; pair++) {
        const int family = (int)B(pair_family, int64_t)[pair];
        const double *logs = B(logarithms, double) + count + pair * LOGARITHMS;
        const double failed = failed_of(family, B(failures, double)[j], B(user_side, double)[j], B(device_side, double)[j]);
        const double tried = B(messages, double)[j];
        double a[ODDS + 1], usual = 0.0;
        const double concentration = beta_parameters(columns, buffers, parameters, up, down, odds, series, first, count, i, family, a);
        for (int k = 0; k <= ODDS; k++, logs += 8) {
            const double b = concentration - a[k];
            const double weight =
                ln_gamma(failed + a[k], logs) + ln_gamma(tried - failed + b, logs + 2) - ln_gamma(a[k], logs + 4) - ln_gamma(b, logs + 6);
            if (k == 0) usual = weight;
            else nats[family][k - 1] = (float)most_of((double)nats[family][k - 1] + (weight - usual), 0.0);
        }
        weighed[family] = 1;
    }
    float most = nats[0][0];
    for (int family = 0; family < FAMILIES; family++)
        for (int k = 0; k < ODDS; k++) most = most_of_f(most, nats[family][k]);
    return (double)most;
}

static inline void failures_learn(ARGUMENTS, int64_t j, flag use) {
    (void)up, (void)down, (void)odds, (void)count;
    const int64_t i = first + j;
    const double tried = B(messages, double)[j] * use, pairs = most_of(tried - 1.0, 0.0);
    const double part = pairs / (pairs + P(few_pairs)), telling = part * part;
    C(failures, age_s, float)[i] = (float)((double)C(failures, age_s, float)[i] + P(window_s) * B(reported, flag)[j]);
    C(failures, new_tried, float)[i] = (float)((double)C(failures, new_tried, float)[i] + tried);
    for (int family = 0; family < FAMILIES; family++) {
        const int64_t at = family * series + i;
        const double failed = failed_of(family, B(failures, double)[j], B(user_side, double)[j], B(device_side, double)[j]);
        C(failures, new_failed, float)[at] = (float)((double)C(failures, new_failed, float)[at] + failed * use);
        const double share = (double)C(failures, share, float)[at], expected = tried * share;
        const double variance = expected * (1.0 - share) + 1e-9, error = failed - expected;
        const double overlap = (double)most_of_f(C(failures, overlap, float)[at], 0.0f);
        const double square = least_of(error * error / variance, P(failures_clip) * (1.0 + overlap * pairs) + 4.0 / variance);
        const double weight = telling * expected / (1.0 + expected);
        const double news = weight * least_of((square - 1.0) / (pairs + 1e-9), P(most_overlap));
        C(failures, new_overlap, float)[at] = (float)((double)C(failures, new_overlap, float)[at] + news);
        C(failures, new_weight, float)[at] = (float)((double)C(failures, new_weight, float)[at] + weight);
    }
}

static inline void dispersion_learn(
    ARGUMENTS, int64_t i, double counts, double mean, double dispersion, double relative_error, flag known, flag use
) {
    (void)buffers, (void)up, (void)down, (void)odds, (void)series, (void)first, (void)count;
    const double off = mean * relative_error, level_variance = off * off, variance = mean * dispersion + level_variance;
    double error = (counts - mean) / sqrt(variance);
    const double own = variance / mean;
    const double limit = P(dispersion_clip) + P(dispersion_tail) * own / mean;
    double raw = error * error;
    if (!known) {
        float *before = C(expectation, count_before, float) + i, *earlier = C(expectation, count_earlier, float) + i;
        const double step = counts - (double)*before, bend = counts - 2.0 * (double)*before + (double)*earlier;
        const double least = least_of(raw, least_of(step * step / 2.0, bend * bend / 6.0) / variance) / P(first_share);
        if (*before >= 0 && *earlier >= 0) raw = least;
        *earlier = *before;
        *before = use ? (float)counts : -1.0f;
    }
    const double square = least_of(raw, limit);
    const double explained = least_of(level_variance, P(explained) * mean * dispersion);
    const double excess = (square / P(clipped_mean) * variance - explained) / mean - 1.0;
    const double weight = use * mean / (own * own * (2.0 * mean + 1.0));
    const double fade = 1.0 - use / P(dispersion_most);
    double *s_flat = C(expectation, s_flat, double) + i, *s_cross = C(expectation, s_cross, double) + i;
    double *s_steep = C(expectation, s_steep, double) + i, *t_flat = C(expectation, t_flat, double) + i;
    double *t_steep = C(expectation, t_steep, double) + i, *windows = C(expectation, windows, double) + i;
    double *lagged = C(expectation, lagged, double) + i, *squares = C(expectation, squares, double) + i;
    double *last = C(expectation, last, double) + i;
    *s_flat = *s_flat * fade + weight * 1.0;
    *s_cross = *s_cross * fade + weight * mean;
    *s_steep = *s_steep * fade + weight * (mean * mean);
    *t_flat = *t_flat * fade + weight * excess;
    *t_steep = *t_steep * fade + weight * (mean * excess);
    const flag seen = use && known;
    *windows = least_of(*windows + seen, P(dispersion_most));
    const double gain = seen / *windows;
    error = within(error, -3.0, 3.0) * seen;
    *lagged += gain * (error * *last - *lagged);
    *squares += gain * (least_of(square, P(dispersion_clip)) - *squares);
    *last = error;
}

static inline void follow(
    ARGUMENTS, int64_t i, int64_t j, double counts, double mean, double dispersion, double relative_error, double variance, flag use
) {
    (void)up, (void)down, (void)odds, (void)series, (void)first;
    const double due = within(counts, B(least, double)[j], B(most, double)[j]), off = mean * relative_error;
    const double spread = sqrt(due * dispersion + off * off) + dispersion / P(clip);
    const double weight = within(P(clip) - fabs((counts - due) / spread), 0.0, 1.0);
    const double information = 1.0 / most_of(variance, 1e-9), news = use * weight / dispersion, total = information + news * due;
    const double most = B(exponentials, double)[count + j];
    double deviation = B(deviation, double)[j];
    deviation *= (information + news * counts) / total;
    C(expectation, deviation, double)[i] = within(deviation, most_of(1.0 / most, P(least_ratio)), least_of(most, P(most_ratio)));
    C(expectation, deviation_variance, double)[i] = 1.0 / total;
}

static inline void stale_keep(void *const *columns, const double *parameters, int64_t i, flag reported, float missing) {
    float *reports = C(stale, reports, float) + i, *share = C(stale, share, float) + i, *longest = C(stale, longest, float) + i;
    *longest = most_of_f(*longest * (float)P(stale_fade), C(stale, missing, float)[i] * (float)reported);
    *reports += (float)reported;
    C(stale, missing, float)[i] = missing;
    *share += ((float)reported - *share) / least_of_f(*reports + missing + 1.0f, (float)P(stale_history));
}

/* Third pass: evidence, and where none of it is enough for a finding, everything that the window teaches. */
void window_judge(ARGUMENTS, const double *log_up, const double *log_down) {
    Bank storm = {
        C(storm, nats, double), C(storm, run, float), C(storm, peak, float), C(storm, limit, float), C(storm, peak_s, uint32_t),
        C(storm, first_s, uint32_t), up, B(ratio_logarithms, double) + count, log_up, B(storm_rows, int64_t), B(storm_peaks, double), UP, 1,
    };
    Bank drop = {
        C(drop, nats, double), C(drop, run, float), C(drop, peak, float), C(drop, limit, float), C(drop, peak_s, uint32_t),
        C(drop, first_s, uint32_t), down, B(ratio_logarithms, double) + (1 + UP) * count, log_down, B(drop_rows, int64_t),
        B(drop_peaks, double), DOWN, 0,
    };
    int64_t storms_over = 0, drops_over = 0, left = 0;
    const int64_t slot = (int64_t)P(slot) * series, pairs = B(found, int64_t)[0];
    for (int64_t j = 0; j < count; j++) {
        const int64_t i = first + j, pairs_end = j + 1 < count ? B(pair_first, int64_t)[j + 1] : pairs;
        const double counts = B(messages, double)[j], mean = B(mean, double)[j], error = B(error, double)[j];
        const double dispersion = B(dispersion, double)[j], low = B(low, double)[j], high = B(high, double)[j];
        const flag reported = B(reported, flag)[j], declared = B(declared, flag)[j];
        const flag known = C(expectation, seen, flag)[i] && C(expectation, hours, float)[i] >= (float)P(first_hours)
            && !C(expectation, asleep, flag)[i];
        flag plain = !C(expectation, rival, int8_t)[i] && !C(silence_latch, detected_s, uint32_t)[i] && !C(storm_latch, detected_s, uint32_t)[i]
            && !C(drop_latch, detected_s, uint32_t)[i] && !C(failures_latch, detected_s, uint32_t)[i]
            && !C(drift_latch, detected_s, uint32_t)[i] && !C(stale_latch, detected_s, uint32_t)[i];

        const flag judged = reported && known, empty = judged && counts == 0;
        const double kept = 1.0 - B(memory, double)[j];
        const double excess = B(ratio_arguments, double)[j];
        const float due = (float)(low * kept * B(ratio_logarithms, double)[j] / excess);
        const flag keeps = !judged || empty;
        const double silence = C(silence, nats, double)[i] * keeps + (double)(due * (float)empty);
        plain &= !(silence > P(silence_threshold));

        const flag recovering = C(recovery, owed, double)[i] > 1.0 || B(jammed, flag)[j], explained = declared || recovering;
        const double slid = least_of(C(spill, missing, double)[i], most_of(counts - high, 0.0));
        const flag judged_up = judged && !recovering;
        double storm_nats[UP], drop_nats[DOWN], storm_score, drop_score;
        plain &= bank_evidence(
            &storm, parameters, series, count, i, j, counts - slid, most_of(high, P(bank_least_mean)), dispersion, judged_up, storm_nats, &storm_score
        );
        plain &= bank_evidence(
            &drop, parameters, series, count, i, j, counts, most_of(low, P(bank_least_mean)), dispersion, judged, drop_nats, &drop_score
        );

        float failure_nats[FAMILIES][ODDS];
        flag weighed[FAMILIES];
        const double failing = failures_evidence(
            columns, buffers, parameters, up, down, odds, series, first, count, j, &pairs_end, failure_nats, weighed
        );
        const flag failures_rise = failing > 0.5 * P(failures_threshold);
        plain &= !(failing > P(failures_threshold));

        const float since_s = (float)((double)C(drift, since_s, float)[i] + P(window_s) * (known && !declared));
        plain &= since_s < (float)P(drift_day_s);
        plain &= !(most_of_f(C(drift, up, float)[i], C(drift, down, float)[i]) > (float)P(drift_threshold));

        const float missing = (C(stale, missing, float)[i] + 1.0f) * (float)!reported;
        const double gap = (double)missing * least_of(-B(logarithms, double)[j], P(stale_most));
        if (gap >= P(stale_threshold)) {
            const float longest = most_of_f(C(stale, longest, float)[i] * (float)P(stale_fade), C(stale, missing, float)[i] * (float)reported);
            plain &= missing <= (float)P(gap_factor) * longest || missing < (float)P(stale_least_windows)
                || C(stale, reports, float)[i] + (float)reported < (float)P(stale_least_reports);
        }

        B(plain, flag)[j] = plain;
        const double shown = mean * known;
        B(expected, double)[j] = shown;
        B(variance, double)[j] = shown * (dispersion + shown * error * error);
        B(judged, flag)[j] = judged;
        B(failing, flag)[j] = failures_rise;
        if (!plain) {
            left++;
            continue;
        }

        const double usual_low = most_of(low, mean - P(clear_deviations) * sqrt(mean * dispersion)), lack = mean - counts;
        const double clear = C(expectation, foreign, flag)[i] ? low : usual_low;
        const double still = P(kept_missing) * C(spill, missing, double)[i] + (counts < clear ? lack : least_of(lack, 0.0));
        C(spill, missing, double)[i] = reported ? most_of(still, 0.0) : 0.0;
        C(silence, due, float)[i] = due;
        C(silence, nats, double)[i] = silence;
        C(silence, empty_windows, float)[i] = C(silence, empty_windows, float)[i] * (float)keeps + (float)empty;
        bank_keep(&storm, parameters, series, i, storm_nats, storm_score, judged_up, explained, &storms_over);
        bank_keep(&drop, parameters, series, i, drop_nats, drop_score, judged, declared, &drops_over);
        for (int family = 0; family < FAMILIES; family++) {
            for (int k = 0; k < ODDS && weighed[family]; k++) {
                const int64_t at = (family * ODDS + k) * series + i;
                C(failures, run, float)[at] = (C(failures, run, float)[at] + 1.0f) * (float)(failure_nats[family][k] > 0);
                C(failures, nats, float)[at] = failure_nats[family][k];
            }
        }
        failures_learn(
            columns, buffers, parameters, up, down, odds, series, first, count, j, reported && !failures_rise && !declared
        );
        C(drift, accepted_s, float)[i] += (float)P(window_s);
        C(drift, since_s, float)[i] = since_s;
        stale_keep(columns, parameters, i, reported, missing);

        const flag silent_rises = silence > 0.5 * P(silence_threshold);
        const flag storm_rises = storm_score > (double)((float)P(building_share) * storm.limit[i]);
        const flag drop_rises = drop_score > (double)((float)P(building_share) * drop.limit[i]);
        const double score = most_of(most_of(most_of(0.0, silence), storm_score), drop_score);
        const flag surplus = recovering && counts > mean;
        const flag calm = score < (error > P(unsure) ? P(unsure_calm_nats) : P(calm_nats));
        const flag steady = reported && !(silent_rises || storm_rises || drop_rises || declared || surplus);
        const flag taught = reported && !declared;
        C(expectation, asleep, flag)[i] &= counts == 0;
        C(expectation, slot_counts, float)[i] = (float)((double)C(expectation, slot_counts, float)[i] + counts * taught);
        C(expectation, slot_windows, float)[i] += (float)taught;
        const double usual = mean / B(deviation, double)[j], share = taught * P(recent_share);
        float *recent = C(expectation, recent, float) + i, *recent_due = C(expectation, recent_due, float) + i;
        *recent = (float)((double)*recent + share * (counts - (double)*recent));
        *recent_due = (float)((double)*recent_due + share * (usual - (double)*recent_due));
        C(expectation, hour_counts, float)[slot + i] = (float)((double)C(expectation, hour_counts, float)[slot + i] + counts * steady);
        C(expectation, hour_windows, float)[slot + i] += (float)steady;
        C(expectation, hour_expected, float)[slot + i] = (float)((double)C(expectation, hour_expected, float)[slot + i] + steady * usual);
        const double range = B(most, double)[j] - B(least, double)[j];
        const flag flat = range * range < mean * dispersion;
        dispersion_learn(
            columns, buffers, parameters, up, down, odds, series, first, count, i, counts, mean, dispersion, error, known,
            steady && flat && C(expectation, hours, float)[i] > 0.9f
        );
        follow(
            columns, buffers, parameters, up, down, odds, series, first, count, i, j, counts, mean, dispersion, error,
            B(deviation_variance, double)[j], steady && calm
        );
        const double lacking = (mean - counts) * judged;
        const flag less = silent_rises || drop_rises;
        double owed = C(recovery, owed, double)[i];
        owed *= 1.0 - !less * P(forgiven_share);
        owed += less * P(slack) * most_of(lacking, 0.0);
        owed -= most_of(-lacking, 0.0);
        C(recovery, owed, double)[i] = most_of(owed, 0.0);
    }
    B(found, int64_t)[1] = storms_over, B(found, int64_t)[2] = drops_over, B(found, int64_t)[3] = left;
}

/* The values of a column of tables that rows `from` to `to` hold for one series. */
static inline void range_of(const float *table, int64_t series, int64_t i, int from, int to, float *low, float *high) {
    *low = *high = table[from * series + i];
    for (int row = from + 1; row <= to; row++) {
        *low = least_of_f(*low, table[row * series + i]);
        *high = most_of_f(*high, table[row * series + i]);
    }
}

/* Ten minutes are over: whether they needed more tolerance than their direct neighbours give (`step_timing.judge_slot`). */
void window_judge_slot(void *const *columns, const double *parameters, int64_t series) {
    const float *curve = C(expectation, curve, float);
    const int around = (int)P(around), at = around + (int)P(last_slot);
    const double limit = P(step_clip) * P(step_clip);
    for (int64_t i = 0; i < series; i++) {
        const float windows = C(expectation, slot_windows, float)[i];
        const double counts = (double)C(expectation, slot_counts, float)[i], variance = C(expectation, deviation_variance, double)[i];
        const flag spoke = windows > 0, seen = C(expectation, seen, flag)[i];
        const double factor = C(expectation, level, double)[i] * C(expectation, deviation, double)[i] * (double)windows;
        C(expectation, slot_counts, float)[i] = C(expectation, slot_windows, float)[i] = 0.0f;
        float tolerance = (float)((double)C(expectation, tolerance, float)[i] - P(trust_a_slot) * spoke * seen);
        tolerance = most_of_f(tolerance, 0.0f);

        const Scatter scatter = scatter_of(columns, parameters, i);
        const double stretch = (1.0 + scatter.memory) / (1.0 - scatter.memory);

        float low, high;
        range_of(curve, series, i, at - around, at + around, &low, &high);
        const double widest = within(counts, (double)low * factor, (double)high * factor);
        for (int width = 1; width < around; width++) {
            range_of(curve, series, i, at - width, at + width, &low, &high);
            const double due = within(counts, (double)low * factor, (double)high * factor);
            const double spread = (1.0 + scatter.a + scatter.b * (due / (double)most_of_f(windows, 1.0f))) * stretch;
            const double off = counts - due;
            flag late = off * off > limit * (spread * due + variance * due * due) + 25.0;
            late &= spoke && seen && fabs(counts - widest) < P(explained_step) * fabs(off);
            tolerance = (float)most_of((double)tolerance, late * (width + P(after_lateness)));
        }
        C(expectation, tolerance, float)[i] = tolerance;
    }
}

/* The current slot, its neighbours, and what a step at another time could cause (`ReferenceSteps.begin`); `of_day` may be NULL. */
void window_set_slot(void *const *columns, const double *parameters, int64_t series, const double *of_day) {
    const float *curve = C(expectation, curve, float);
    const int around = (int)P(around), slots = (int)P(hour_slots), at = around + (int)P(slot);
    for (int64_t i = 0; i < series; i++) {
        const float tolerance = C(expectation, tolerance, float)[i], wander = most_of_f(C(expectation, wander, float)[i], 0.0f);
        const double variance = (double)C(expectation, slot_variance, float)[(int64_t)P(slot) * series + i];
        const double here = (double)curve[at * series + i], rate_variance = (double)C(expectation, rate_variance, float)[i];
        C(expectation, before, double)[i] = (double)curve[(at - 1) * series + i];
        C(expectation, now, double)[i] = here;
        C(expectation, after, double)[i] = (double)curve[(at + 1) * series + i];

        float low, high;
        range_of(curve, series, i, at - 1, at + 1, &low, &high);
        for (int width = 2; width <= around && tolerance > (float)(width - 1); width++) {
            const float left = curve[(at - width) * series + i], right = curve[(at + width) * series + i];
            low = least_of_f(low, least_of_f(left, right));
            high = most_of_f(high, most_of_f(left, right));
        }
        const double noise = P(step_noise) * sqrt(variance) * here, below = here - (double)low, above = (double)high - here;
        const double blur = (double)((float)P(blur) * least_of_f(tolerance, 1.0f));
        const double least = most_of((double)low - blur * below, (double)((float)P(blur_least) * low));
        const double most = (double)high + blur * above;
        C(expectation, least, double)[i] = least_of(below > noise ? least : here, (double)C(expectation, lowest, float)[i]);
        C(expectation, most, double)[i] = most_of(above > noise ? most : here, (double)C(expectation, highest, float)[i]);

        double sum = (double)curve[around * series + i];
        for (int slot = 1; slot < slots; slot++) sum += (double)curve[(around + slot) * series + i];
        const double mean = sum / slots, some = most_of(mean, P(least_mean));
        double squares = 0.0;
        for (int slot = 0; slot < slots; slot++) {
            const double off = (double)curve[(around + slot) * series + i] - mean;
            squares = slot ? squares + off * off : off * off;
        }
        const double blurred = (double)((float)P(within_hour_share) * tolerance) * (squares / slots / (some * some));
        const double base = rate_variance + variance + blurred;
        C(expectation, base_variance, double)[i] = base;
        const double news = of_day ? variance + rate_variance - of_day[i] + (double)((float)P(fresh_share) * wander) : variance;
        const double limit = base + C(expectation, level_variance, double)[i] + (double)wander;
        double *deviation_variance = C(expectation, deviation_variance, double) + i;
        *deviation_variance = least_of(*deviation_variance + news, limit);
    }
}

/* Shares of failures follow what ten minutes brought (`baseline.turn`): arguments of the exponentials of their upper bounds. */
void window_shares(void *const *columns, const double *parameters, int64_t series, float *exponents) {
    const float fade = (float)P(failures_fade);
    for (int64_t i = 0; i < series; i++) {
        float *tried = C(failures, tried, float) + i, *new_tried = C(failures, new_tried, float) + i;
        *tried = (float)((double)*tried * P(failures_fade));
        *tried += *new_tried;
        *new_tried = 0.0f;
    }
    for (int64_t at = 0; at < FAMILIES * series; at++) {
        float *failed = C(failures, failed, float) + at, *total = C(failures, overlap_weight, float) + at;
        float *overlap = C(failures, overlap, float) + at, *new_overlap = C(failures, new_overlap, float) + at;
        float *new_failed = C(failures, new_failed, float) + at, *new_weight = C(failures, new_weight, float) + at;
        const float news = *new_weight;
        *failed *= fade;
        *failed += *new_failed;
        *total = least_of_f(*total + news, (float)P(most_weight));
        const float gain = 1.0f / (*total + (float)P(prior_weight));
        *overlap += least_of_f(news * gain, 1.0f) * (*new_overlap / most_of_f(news, 1e-9f) - *overlap);
        *new_failed = *new_overlap = *new_weight = 0.0f;
        const float spread = 1.0f + 10.0f * least_of_f(most_of_f(*overlap, 0.0f), (float)P(most_overlap));
        const float some = *failed + (float)P(prior_failed);
        exponents[at] = (float)P(failures_doubt) * sqrtf(spread / some);
        C(failures, share, float)[at] = some / (C(failures, tried, float)[at % series] + (float)P(prior_tried));
    }
}

/* Their upper bounds. */
void window_bounds(void *const *columns, const double *parameters, int64_t series, const float *exponentials) {
    for (int64_t at = 0; at < FAMILIES * series; at++) {
        C(failures, high, float)[at] = least_of_f(C(failures, share, float)[at] * exponentials[at], (float)P(most_share));
    }
}

#define COPY(type, to, at, from, of) ((type *)(to))[at] = ((const type *)(from))[of]

static inline void copy_item(int64_t size, void *to, int64_t at, const void *from, int64_t of) {
    if (size == 8) COPY(uint64_t, to, at, from, of);
    else if (size == 4) COPY(uint32_t, to, at, from, of);
    else if (size == 2) COPY(uint16_t, to, at, from, of);
    else COPY(uint8_t, to, at, from, of);
}

/* Some series of every column into columns of these alone: `layout` has the bytes of an item and the rows of the table of each. */
void window_take(void *const *columns, void *const *some, const int64_t *layout, int64_t count, int64_t series, const int64_t *rows, int64_t taken) {
    for (int64_t column = 0; column < count; column++)
        for (int64_t row = 0; row < layout[2 * column + 1]; row++)
            for (int64_t k = 0; k < taken; k++)
                copy_item(layout[2 * column], some[column], row * taken + k, columns[column], row * series + rows[k]);
}

/* The same back again. */
void window_put_back(void *const *columns, void *const *some, const int64_t *layout, int64_t count, int64_t series, const int64_t *rows, int64_t taken) {
    for (int64_t column = 0; column < count; column++)
        for (int64_t row = 0; row < layout[2 * column + 1]; row++)
            for (int64_t k = 0; k < taken; k++)
                copy_item(layout[2 * column], columns[column], row * series + rows[k], some[column], row * taken + k);
}
