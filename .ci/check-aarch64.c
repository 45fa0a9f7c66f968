/* What .ci/check-aarch64 runs on emulated ARM processors: products against plain loops, bit for bit, and kernels built on
 * ck_expf and on bfloat16 against the C library in double, CRC-32 against a plain loop. Prints a line each and ends with 1 if one is wrong.
 *
 *   check 0|1    whether the processor multiplies bfloat16 */
#include <arm_neon.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CHost.h"
#include "CKernels.h"

enum { MOST = 620 * 130 };
static float a[MOST], b[MOST], c[MOST], d[MOST], expected[MOST];
static uint16_t halves[MOST], rounded[MOST];
static int failures;

static void report(const char *what, double worst, double most) {
  int fine = worst <= most; /* NaN is not fine */
  printf("%-56s %.1e, at most %.1e%s\n", what, worst, most, fine ? "" : ": WRONG");
  failures += !fine;
}

static void fill(float *x, uint64_t row) {
  struct ck_stream stream = {1, 2, 3, 4};
  ck_fill_uniform(stream, row, MOST, 3, x);
}

/* The larger error so far; a NaN stays. */
static double worse(double worst, double x, double y) { return isnan(worst) || fabs(x - y) <= worst ? worst : fabs(x - y); }

/* The bits of a [m,k] by b are those of one chain of additions, in order, whatever is transposed or added to. */
static void check_product(long m, long n, long k, int add) {
  long different = 0;
  float *packed = malloc(sizeof(float) * (size_t)ck_packed_words(0, k, n));
  for (int transpose = 0; transpose < 2; transpose++) {
    memcpy(expected, d, sizeof expected), memcpy(c, d, sizeof c);
    for (long i = 0; i < m * n; i++) {
      float sum = add ? expected[i] : 0;
      for (long j = 0; j < k; j++) sum = fmaf(a[i / n * k + j], transpose ? b[i % n * k + j] : b[j * n + i % n], sum);
      expected[i] = sum;
    }
    ck_pack(0, transpose, k, n, 1, b, transpose ? k : n, packed);
    ck_product(&(struct ck_factors){.m = m, .n = n, .k = k, .a = a, .a_row = k, .a_column = 1, .packed = packed}, add, c, n);
    for (long i = 0; i < MOST; i++) different += memcmp(c + i, expected + i, sizeof(float)) != 0;
  }
  free(packed);
  char what[64];
  snprintf(what, sizeof what, "product [%ld, %ld] x [%ld, %ld]%s, bits differ in", m, k, k, n, add ? ", added" : "");
  report(what, (double)different, 0);
}

static double gelu(double x) { return 0.5 * x * erfc(-x * sqrt(0.5)); }
static double gelu_slope(double x) { return 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1)); }

static void check_gelu(void) {
  enum { ROWS = 7, COLUMNS = 131 };
  double forward = 0, backward = 0, half = 0;
  ck_bias_gelu(ROWS, COLUMNS, b, a, 0, c, d);
  for (long i = 0; i < ROWS * COLUMNS; i++) forward = worse(forward, d[i], gelu((double)a[i] + b[i % COLUMNS]));
  ck_gelu_backward(ROWS * COLUMNS, 0, c, b, d, expected);
  for (long i = 0; i < ROWS * COLUMNS; i++) backward = worse(backward, expected[i], b[i] * gelu_slope(c[i]));
  ck_bias_gelu(ROWS, COLUMNS, b, a, 1, halves, rounded);
  ck_bf16_widen(ROWS * COLUMNS, halves, c), ck_bf16_widen(ROWS * COLUMNS, rounded, d);
  for (long i = 0; i < ROWS * COLUMNS; i++) half = worse(half, (d[i] - gelu(c[i])) / (1 + fabs(gelu(c[i]))), 0);
  report("gelu with bias, float32", forward, 2e-6);
  report("gelu's gradient, float32", backward, 2e-6);
  report("gelu with bias, bfloat16, relative to 1 + itself", half, ldexp(1, -8));
}

enum { PAIRS = 64 * 600 };
static uint32_t left[PAIRS], right[PAIRS], packed[PAIRS];

/* BFDOT, the instruction that BFMMLA is two of: one chain of pairs. */
__attribute__((target("bf16"))) static float chain(float sum, long depth, const uint32_t *x, const uint32_t *y, long ld) {
  float32x4_t sums = vdupq_n_f32(sum);
  for (long k = 0; k < depth; k++)
    sums = vbfdotq_f32(sums, vreinterpretq_bf16_u32(vdupq_n_u32(x[k])), vreinterpretq_bf16_u32(vdupq_n_u32(y[k * ld])));
  return vgetq_lane_f32(sums, 0);
}

/* The bits are those of one chain of BFDOT whatever stands beside an element, and near the sums in double. */
static void check_pairs(long m, long n, long k, int transposed, int add) {
  const long depth = (k + 1) / 2;
  long different = 0;
  double worst = 0;
  /* Pairs of numbers below 1 on the left, k rows of bfloat16 on the right. */
  ck_bf16_narrow(2 * m * depth, a, (uint16_t *)left), ck_bf16_narrow(k * n, b, halves);
  if (k % 2) /* what is multiplied by nothing may be anything */
    for (long i = 0; i < m; i++) {
      uint32_t *last = left + (transposed ? (depth - 1) * m + i : i * depth + depth - 1);
      *last = (*last & 0xffff) | 0x3f800000;
    }
  ck_pack_bf16(k, n, halves, packed), ck_pair_rows(k, n, halves, right);
  memcpy(c, d, sizeof c);
  struct ck_factors f = {.bf16 = 1, .m = m, .n = n, .k = k, .a = left, .packed = packed};
  f.a_row = transposed ? 1 : depth, f.a_column = transposed ? m : 1;
  ck_product(&f, add, c, n);
  for (long i = 0; i < m; i++)
    for (long j = 0; j < n; j++) {
      uint32_t row[600];
      for (long p = 0; p < depth; p++) row[p] = left[i * f.a_row + p * f.a_column];
      float expected = chain(add ? d[i * n + j] : 0, depth, row, right + j, n);
      double sum = add ? d[i * n + j] : 0, size = fabs(sum);
      for (long p = 0; p < k; p++) {
        uint32_t x = row[p / 2] >> 16 * (p % 2) << 16, y = right[p / 2 * n + j] >> 16 * (p % 2) << 16;
        float factors[2];
        memcpy(factors, &x, 4), memcpy(factors + 1, &y, 4);
        sum += (double)factors[0] * factors[1], size += fabs((double)factors[0] * factors[1]);
      }
      different += memcmp(c + i * n + j, &expected, sizeof expected) != 0;
      worst = worse(worst, c[i * n + j] / size, sum / size);
    }
  for (long i = m * n; i < MOST; i++) different += c[i] != d[i];
  char what[80];
  snprintf(what, sizeof what, "bfloat16 [%ld, %ld] x [%ld, %ld]%s%s, bits differ in", m, k, k, n, transposed ? ", transposed" : "",
           add ? ", added" : "");
  report(what, (double)different, 0);
  report("  of the sum of sizes", worst, 3 * ldexp(1, -23) * (double)(depth + 1));
}

/* One sequence of 40 positions, two heads of 24, each position reading what came before it. */
enum { LENGTH = 40, HEADS = 2, WIDTH = 24, ALL = HEADS * WIDTH };

/* The same in bfloat16, forward and backward, against float32 on the numbers that bfloat16 holds. */
static void check_attention_bf16(void) {
  static uint16_t out[LENGTH * ALL], gradient[LENGTH * 3 * ALL];
  static float whole[LENGTH * ALL], wholes[LENGTH * 3 * ALL], wide[LENGTH * 3 * ALL], log_sum[HEADS * LENGTH];
  double forward = 0, difference = 0, size = 0;
  ck_bf16_narrow(LENGTH * 3 * ALL, a, halves), ck_bf16_widen(LENGTH * 3 * ALL, halves, c);
  long floats = ck_attention_scratch(LENGTH, WIDTH), words = ck_attention_bf16_scratch(LENGTH, WIDTH);
  float *scratch = malloc(sizeof(float) * (size_t)(floats > words ? floats : words));
  struct ck_sequence s = {.length = LENGTH, .heads = HEADS, .head_width = WIDTH, .causal = 1, .log_sum = log_sum, .scratch = scratch};
  s.qkv = halves, s.out = out;
  ck_attention_bf16(&s), ck_attention_bf16_backward(&s, b, gradient);
  s.qkv = c, s.out = whole;
  ck_attention(&s), ck_attention_backward(&s, b, wholes);
  ck_bf16_widen(LENGTH * ALL, out, wide);
  for (long i = 0; i < LENGTH * ALL; i++) forward = worse(forward, wide[i], whole[i]);
  ck_bf16_widen(LENGTH * 3 * ALL, gradient, wide);
  for (long i = 0; i < LENGTH * 3 * ALL; i++) {
    difference += ((double)wide[i] - wholes[i]) * ((double)wide[i] - wholes[i]);
    size += (double)wholes[i] * wholes[i];
  }
  free(scratch);
  report("causal attention, bfloat16", forward, 0.02);
  report("its gradient, norm of the difference", sqrt(difference / size), 0.01);
}

static void check_attention(void) {
  double worst = 0;
  float *log_sum = malloc(sizeof(float) * HEADS * LENGTH);
  float *scratch = malloc(sizeof(float) * (size_t)ck_attention_scratch(LENGTH, WIDTH));
  const struct ck_sequence sequence = {
      .length = LENGTH, .heads = HEADS, .head_width = WIDTH, .causal = 1, .qkv = a, .out = c, .log_sum = log_sum, .scratch = scratch};
  ck_attention(&sequence);
  for (long at = 0; at < LENGTH * ALL; at++) {
    long row = at / ALL, column = at % ALL, head = column / WIDTH * WIDTH;
    double total = 0, sum = 0;
    for (long other = 0; other <= row; other++) {
      double score = 0;
      for (long w = head; w < head + WIDTH; w++) score += (double)a[row * 3 * ALL + w] * a[other * 3 * ALL + ALL + w];
      double weight = exp(score / sqrt(WIDTH));
      total += weight, sum += weight * a[other * 3 * ALL + 2 * ALL + column];
    }
    worst = worse(worst, c[at], sum / total);
  }
  free(log_sum), free(scratch);
  report("causal attention, float32", worst, 2e-5);
}

static uint32_t plain_crc32(uint32_t checksum, const uint8_t *bytes, size_t count) {
  checksum = ~checksum;
  for (size_t i = 0; i < 8 * count; i++) {
    if (i % 8 == 0) checksum ^= bytes[i / 8];
    checksum = checksum & 1 ? checksum >> 1 ^ 0xEDB88320 : checksum >> 1;
  }
  return ~checksum;
}

/* Every length up to some blocks, at every alignment, after some bytes; all but the last few are taken. */
static void check_crc32(void) {
  const uint8_t *bytes = (const uint8_t *)a;
  long different = 0;
  for (size_t count = 0; count < 300; count++) {
    for (size_t start = 0; start < 16; start++) {
      uint32_t before = plain_crc32(0, bytes, start), found = before;
      size_t taken = chost_crc32(&found, bytes + start, count);
      different += count - taken >= 16 || found != plain_crc32(before, bytes + start, taken);
    }
  }
  report("CRC-32, numbers that differ", (double)different, 0);
}

static void check_bf16(int expected) {
  report("bfloat16 products, other than the processor has", ck_bf16_products() != expected, 0);
  report("BFMMLA's state, other than the processor has",
         ck_bf16_kernel_state(CK_BF16_BFMMLA) != (expected ? CK_KERNEL_USABLE : CK_KERNEL_NO_PROCESSOR), 0);
  report("the kernel's name", strcmp(ck_instruction_set(), expected ? "neon_bf16" : "neon"), 0);
  if (!ck_bf16_products()) return;
  check_pairs(1, 1, 1, 0, 0);
  check_pairs(8, 32, 4, 0, 1);
  check_pairs(13, 33, 61, 0, 0);
  check_pairs(15, 40, 62, 1, 1);
  check_pairs(6, 8, 1150, 0, 1);
  check_pairs(250, 2, 7, 1, 0);
  check_attention_bf16();
}

int main(int count, char **arguments) {
  fill(a, 1), fill(b, 2), fill(d, 3);
  check_product(1, 1, 1, 0);
  check_product(25, 64, 128, 0);
  check_product(13, 33, 600, 0);
  check_product(250, 45, 7, 1);
  check_gelu();
  check_attention();
  check_crc32();
  check_bf16(count > 1 && strcmp(arguments[1], "1") == 0);
  ck_flush_denormals();
  volatile float tiny = 2e-38f; /* a normal number, its quarter is none */
  report("a denormal result, flushed", tiny / 4, 0);
  return failures != 0;
}
