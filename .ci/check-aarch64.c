/* What .ci/check-aarch64 runs on an emulated ARM processor: products against plain loops, bit for bit, and kernels built on
 * ck_expf and on bfloat16 against the C library in double, CRC-32 bit by bit. Prints a line each and ends with 1 if one is wrong. */
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
/* The larger error so far; a NaN stays. */
static double worse(double worst, double x, double y) { return isnan(worst) || fabs(x - y) <= worst ? worst : fabs(x - y); }

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

/* One sequence of 40 positions, two heads of 24, each position reading what came before it. */
static void check_attention(void) {
  enum { LENGTH = 40, HEADS = 2, WIDTH = 24, ALL = HEADS * WIDTH };
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

int main(void) {
  fill(a, 1), fill(b, 2), fill(d, 3);
  check_product(1, 1, 1, 0);
  check_product(25, 64, 128, 0);
  check_product(13, 33, 600, 0);
  check_product(250, 45, 7, 1);
  check_gelu();
  check_attention();
  check_crc32();
  ck_flush_denormals();
  volatile float tiny = 2e-38f; /* a normal number, its quarter is none */
  report("a denormal result, flushed", tiny / 4, 0);
  return failures != 0;
}
